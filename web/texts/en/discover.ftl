# Discovering devices.
discover-title = Discover devices
discover-about = An agent asks every address of a network (ICMP, TCP, SNMP); what answers is listed, and what you tick becomes an asset. Only for networks that are yours to manage.
discover-no-agent = No agent is alive; nothing can be started
discover-cidr = Addresses
discover-cidr-help = Such as 10.65.0.0/24; several are fine, at most 1,024 addresses at a time
discover-agent = Agent
discover-any-agent = The only agent that is alive
discover-tcp-help = Connections are tried one by one, to at most 16
discover-region-help = What is found belongs to it
discover-agents-zone = That of the agent
discover-secrets = Try SNMP with these credentials (at most { $n })
discover-no-secrets = There are no SNMP credentials yet; devices are found without them too, but you write their names.
discover-bad-ports = Ports are whole numbers from 1 to 65535
discover-start = Start
discover-sweeps = Sweeps
discover-none = There was no sweep yet
discover-none-advice = Write addresses above and start one
discover-state = State
discover-looked = Looked at
discover-found = Answered
discover-began = Began
discover-waiting = Waiting for the agent
discover-running = Under way
discover-done = Done
discover-failed = Not finished
discover-lost = Not heard of
discover-one-title = Sweep: { $ranges }
discover-progress = { $looked } of { $total } addresses looked at, { $found } answered
discover-reload = Reload
discover-adopted = { $n ->
    [one] { $n } asset is in the inventory.
   *[other] { $n } assets are in the inventory.
}
discover-answers = Answers
discover-says = Says of itself
discover-known = In the inventory:
discover-nothing = No address has answered yet
discover-nothing-advice = If it stays like this, look at the range, at routes and at firewalls
discover-adopt = Adopt the ticked ones
discover-adopt-all = { $n ->
    [one] Adopt the { $n } new one
   *[other] Adopt all { $n }
}
