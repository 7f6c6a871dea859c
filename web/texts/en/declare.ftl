# Forms that declare one thing of the inventory.
declare-save = Save
declare-cancel = Cancel
declare-none = (none)
declare-id = Id
declare-several = Several between commas
declare-wrong = { $n ->
    [one] { $n } field needs another look
   *[other] { $n } fields need another look
}
declare-taken = The id { $id } is taken; choose another
declare-conflict = Somebody changed the inventory at the same moment, nothing was saved; press Save again
declare-changed = Somebody changed this entry after you opened the page, nothing was saved; open the page again and repeat your change
declare-unknown = There is no asset “{ $name }”; write an id, a whole name or an address
declare-several-fit = “{ $name }” fits several assets: { $list }; write the id of one

asset-new-title = New asset
asset-edit-title = Change asset: { $name }
asset-remove = Remove this asset
asset-part-what = What it is
asset-part-who = Where it is and whose
asset-part-how = How it is watched
asset-more = More: agents, other addresses, what it depends on
asset-name = Name
asset-name-help = What the duty officer reads, such as: Prefecture core switch
asset-id-help = Small letters, digits, hyphens; unique, and fixed from then on; made of the address if left empty
asset-kind = Kind
asset-status = Status
asset-status-help = What is being built, spare or retired is not watched
asset-address = Management address
asset-address-help = IP address or host name, without port
asset-zone = Zone
asset-region = Region
asset-location = Place
asset-owner = Unit in charge
asset-owner-help = Answers for it
asset-operator = Unit that runs it
asset-operator-help = Keeps it running
asset-person = Person responsible
asset-importance = Importance
asset-importance-1 = Ordinary
asset-importance-2 = Important
asset-importance-3 = Very important
asset-snmp = SNMP credential
asset-snmp-help = Credentials are kept under Set-up › Credentials; only the name is chosen here
asset-secret-unset = { $name } (not set yet)
asset-no-snmp = No SNMP
asset-snmp-port = SNMP port
asset-tcp = TCP ports
asset-tcp-help = Ports that shall accept connections, such as 22, 443
asset-url = URL
asset-url-help = Required for a website; begins with http:// or https://
asset-site-code = Site code
asset-site-code-help = Ten digits of the government site register
asset-tags = Labels
asset-agents = Agents
asset-agents-help = Chosen by zone and region if left empty; there are: { $list }
asset-mode = With several agents
asset-mode-first = The first that is alive watches
asset-mode-all = All of them watch
asset-also = Other addresses
asset-also-help = Other sources of its traps, syslog and flows
asset-depends = Depends on
asset-depends-help = Ids of assets or links; commas within a group, / between groups; unreachable when any group is wholly down

declare-required = Required
declare-saved = Saved
declare-removed = Removed

linkform-new-title = New link
linkform-edit-title = Change link: { $name }
linkform-remove = Remove this link
linkform-end-a = End A
linkform-end-b = End B
linkform-end-missing = Write an asset, or the name of the peer if this end is not ours
linkform-asset = Asset
linkform-asset-help = Id, name or address; a part of it will do
linkform-port = Port
linkform-port-help = Interface name, such as GigabitEthernet0/0/1
linkform-port-none = No agent has seen ports of this asset yet; write the interface name as the device has it
linkform-port-some = Agents have seen { $n } ports; choose from the list
linkform-address = Address of the port
linkform-address-help = Its IP address on the link, if it has one
linkform-not-ours = This end is not ours
linkform-peer = Name of the peer
linkform-peer-help = Such as: Province PE; then leave asset and port empty
linkform-show-ports = Show the ports of these assets
linkform-show-ports-help = Press it once the assets are written: the port fields then list what agents have seen
linkform-line = The line
linkform-name = Name
linkform-name-help = Made of both ends if left empty
linkform-id-help = Made of both ends if left empty
linkform-tier = Tier
linkform-capacity = Capacity
linkform-capacity-help = Such as 155Mbps or 1Gbps
linkform-carrier = Carrier
linkform-circuit = Circuit number
linkform-circuit-help = The number that the carrier asks for
linkform-hotline = Hotline
linkform-hotline-help = Whom to call when it is down
linkform-watch = Agents that probe it
linkform-tags-help = words that probes and rules may ask for, with commas; stamp: its far end answers STAMP
linkform-watch-help = agent:end, such as aks-tower:b; left empty, only the state of its ports counts; agents: { $list }

inventory-title = Regions, units, persons
inventory-regions = Regions
inventory-units = Units
inventory-persons = Persons
inventory-add-region = Add a region
inventory-add-unit = Add a unit
inventory-add-person = Add a person
inventory-tab-import = Import
inventory-tab-discover = Discover
inventory-tab-lists = Regions, units, persons
inventory-name = Name
inventory-code = Code
inventory-code-help = GB/T 2260 code, such as 652922; may be left empty
inventory-id-help = Made of the name if left empty
inventory-above = Above it
inventory-tier = Tier
inventory-unit = Unit
inventory-calendar = Working hours
inventory-calendar-help = For probes and rules that follow the calendar of the unit; without one, that of the unit above.
inventory-duty = Duty
inventory-mobile = Mobile
inventory-deputy = Deputy
inventory-edit = Change
inventory-remove = Remove
inventory-edit-title = Change: { $name }
inventory-empty = There is nothing here yet

remove-title = Remove: { $name }
remove-tombstone = It is watched no more and its open alerts are withdrawn; measurements, incidents and the audit trail stay until their time is over, and its id can still be looked up.
remove-listed = It no longer appears in lists and choices; the audit trail stays.
remove-cleaned = This changes with it:
remove-depends = “{ $name }” no longer depends on it
remove-system = System “{ $name }” no longer names it
remove-person-of = “{ $name }” has no person responsible any more
remove-deputy-of = “{ $name }” has no deputy any more
remove-links = { $n ->
    [one] Remove the { $n } link that ends at it too
   *[other] Remove the { $n } links that end at it too
}
remove-do = Remove
remove-kept = { $n ->
    [one] { $n } thing still points to it; change that first:
   *[other] { $n } things still point to it; change those first:
}
remove-still-used = Not removed: something still points to it
remove-more = and { $n } more
