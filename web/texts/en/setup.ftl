# Setting a console up.
setup-title = Set-up
setup-intro = Every step can be skipped and come back to; progress follows what is there, so leaving loses nothing.
setup-progress = Progress of the set-up
setup-step = Step { $n } of { $all }: { $name }
setup-done = done
setup-go-on = Go on: { $name }
setup-next = Next: { $name }
setup-skip = Skip to: { $name }
setup-finished = Finish, to the overview

setup-account = Your account
setup-account-about = The one-time link works once; make an administrator's account of your own and sign in with it from now on.
setup-account-name = User name
setup-account-name-help = To sign in with; small letters, digits, hyphens
setup-account-name-wrong = It begins with a small letter or a digit and has only a-z, 0-9, dots, underscores and hyphens, at most 64
setup-account-display = Your name
setup-account-display-help = Shown on pages and in the audit trail, such as: Zhang Wei; the user name if left empty
setup-account-password-help = At least 12 characters, three of: capitals, small letters, digits, others; without the user name
setup-account-again = Password again
setup-account-differs = The two passwords differ
setup-account-make = Make the account and go on
setup-account-there = { $n ->
    [one] There is { $n } account:
   *[other] There are { $n } accounts:
}
setup-account-more = Manage accounts

setup-units = Regions and units
setup-units-about = Choose the prefecture, then write its counties and units.
setup-units-regions = Regions
setup-units-units = Units
setup-units-prefecture = Prefecture
setup-units-prefecture-help = Choose one, or write code and name by hand, such as: 652900 阿克苏地区
setup-units-no-code = The list has no such name; write code and name, such as: 652900 阿克苏地区
setup-units-counties = Paste many regions
setup-units-counties-help = One a line: code and name, such as 652922 温宿县; codes of 9 or 12 digits are townships and villages
setup-units-paste = Paste many units
setup-units-paste-help = One name a line; a region's code before it puts it there, such as: 652922 温宿县电子政务办公室
setup-units-bad-line = Line { $n } “{ $line }” is not a code and a name; codes have 6, 9 or 12 digits, and there is a name
setup-units-no-region = Line { $n }: there is no region { $code }; write that region first
setup-units-more = { $n } in all; the first are shown here.
setup-units-all = See, change and remove all

setup-credentials = Credentials
setup-credentials-about = SNMP communities or v3 users for asking devices; they are sealed when saved and nobody can see them again.
setup-secret-v2 = SNMP v2c community
setup-secret-v3 = SNMP v3 user
setup-secret-name = Name of the credential
setup-secret-name-help = What assets name, such as aks-core; small letters, digits, hyphens
setup-secret-name-wrong = It begins with a small letter or a digit and has only a-z, 0-9, dots, underscores and hyphens, at most 64
setup-secret-community = Community
setup-secret-never = Not shown again once it is saved
setup-secret-community-wrong = 1 to 255 bytes, without control characters
setup-secret-version = Version
setup-secret-user = User name
setup-secret-auth = Authentication
setup-secret-auth-key = Authentication key
setup-secret-privacy = Privacy
setup-secret-privacy-key = Privacy key
setup-secret-context = Context
setup-secret-context-help = Usually empty
setup-secret-key-wrong = A key has at least { $n } characters
setup-secret-no-auth = Privacy needs authentication
setup-secret-none = (none)
setup-secret-save = Seal and save
setup-secret-saved = Credential { $name } is sealed
setup-secret-used = { $n ->
    [one] { $n } asset uses credential { $name }; it cannot be removed
   *[other] { $n } assets use credential { $name }; it cannot be removed
}
setup-secret-kind = Type
setup-secret-value = Value
setup-secret-users = Assets
setup-secret-updated = Updated

setup-assets = Assets
setup-assets-about = Import the register you have, or let an agent look for devices in the network.
setup-assets-none = There are no assets yet
setup-assets-there = { $n ->
    [one] There is { $n } asset.
   *[other] There are { $n } assets.
}
setup-assets-look = See the assets
setup-assets-import = Import a sheet
setup-assets-import-about = Send the Excel or CSV register you have; its headings are known by name, and you look before anything is applied.
setup-assets-discover = Discover devices
setup-assets-discover-about = An agent sweeps a network; tick what shall be an asset among the addresses that answer.
setup-assets-one = Write one
setup-assets-one-about = For a few devices: write one by hand.

setup-links = Links
setup-links-about = Choose asset and port of both ends and write carrier and circuit, so that an outage tells whom to call.
setup-links-there = { $n ->
    [one] There is { $n } link.
   *[other] There are { $n } links.
}
setup-links-all = See all links
setup-links-no-assets = Links need assets first

setup-people = Who is told
setup-people-about = Whom to tell when something breaks.
setup-people-later = In this version a test message is written to the audit trail and the console's log only; mail and SMS come with a later version.
setup-people-name = Name
setup-people-new-unit = Or a new unit
setup-people-new-unit-help = Its full name, if the list lacks it
setup-people-duty-help = Such as: duty officer, head of networks
setup-people-no-unit = Choose a unit, or write a new one
setup-people-mobile-wrong = Digits, spaces, plus, hyphens and brackets only
setup-people-there = That unit has a person of this name already
setup-people-try = Test
setup-people-test = Send a test message
setup-people-tested = The test message to { $name } is in the audit trail and the console's log, at
setup-people-audit = See the audit trail

setup-cable = Pull a cable
setup-cable-about = Pull a link of the demonstration and see how an incident opens and resolves.
setup-cable-no-demo = This console watches a real network; nothing is cut here. To practise, start a demonstration beside it:
setup-cable-no-demo-more = It has its own data directory and ports and does not touch what is here.
setup-cable-state = State
setup-cable-do = Do
setup-cable-in = Plugged in
setup-cable-out = Pulled
setup-cable-pull = Pull it
setup-cable-plug = Put it back
setup-cable-pulled = The cable is out. The agent will notice within seconds; the incident appears below.
setup-cable-plugged = The cable is back. The incident resolves by itself once the line is up.
setup-cable-incidents = Incidents of this link
setup-cable-wait = No incident yet; the agent is making sure, which takes half a minute at most.
setup-cable-follow = Open it to acknowledge, assign or note; symptoms hang under their cause.
