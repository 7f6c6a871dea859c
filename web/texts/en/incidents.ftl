# The inbox, the page of an incident, its notice.
incident-state = State
incident-severity = Severity
incident-object = Object
incident-problem = Problem
incident-since = Since
incident-opened = Opened
incident-lasting = Lasting
incident-count = Raised
incident-symptoms = Symptoms
incident-flags = Flags
incident-assignee = Assigned to
incident-updated = Last change
incident-acked-at = Acknowledged at
incident-acked-by = Acknowledged by
incident-ack-comment = Comment
incident-resolved-at = Resolved at
incident-closed-at = Closed at
incident-close-cause = Cause
incident-party = Responsible party
incident-judged = Measured
incident-id = Incident id
incident-region = Region
incident-who = Assigned
incident-words = Name or problem

incident-state-active = Not resolved
incident-state-ended = Resolved or closed
incident-severity-from = { $severity } and worse
incident-severity-only = { $severity } only
incident-who-me = To me
incident-who-nobody = To nobody
incident-days = { $n ->
    [one] Last day
   *[other] Last { $n } days
}
incident-with-symptoms = Show symptoms

incident-view-work = To do
incident-view-open = Open
incident-view-mine = Mine
incident-view-nobody = Unassigned
incident-view-old-acks = Oldest acknowledged
incident-view-to-close = To close
incident-view-all = All

incident-tile-open = { $n } open
incident-tile-symptoms = Symptoms
incident-tile-symptoms-help = below their causes

incident-none = Nothing is wrong right now
incident-none-advice = New incidents appear here by themselves.
incident-none-ended = See those that are over
incident-none-such = No incident matches
incident-none-such-advice = Try other filters, or

incident-bulk-comment = Comment (optional)
incident-bulk-cause = Cause for closing ...
incident-bulk-done = { $n ->
    [one] { $n } incident was handled
   *[other] { $n } incidents were handled
}
incident-bulk-failed = { $n ->
    [one] { $n } incident could not be handled:
   *[other] { $n } incidents could not be handled:
}
incident-bulk-more = { $n } more could not be handled either
incident-back = Back to the list

incident-do-ack = Acknowledge
incident-do-mine = Assign to me
incident-do-close = Close
incident-do-unack = End the acknowledgement
incident-do-assign = Assign
incident-do-note = Add a note
incident-do-resolve = Resolve by hand
incident-do-probe = Probe now

incident-said-ack = Acknowledged
incident-said-unack = The acknowledgement is ended
incident-said-assign = Assigned
incident-said-note = The note is added
incident-said-resolve = Resolved by hand
incident-said-close = Closed
incident-said-probe = The agents were asked to look now; what they find shows here within seconds
incident-said-acked-all = { $n ->
    [one] { $n } incident acknowledged
   *[other] { $n } incidents acknowledged
}
incident-said-assigned-all = { $n ->
    [one] { $n } incident assigned to you
   *[other] { $n } incidents assigned to you
}
incident-said-closed-all = { $n ->
    [one] { $n } incident closed
   *[other] { $n } incidents closed
}

incident-times = { $n ->
    [one] once
    [2] twice
   *[other] { $n } times
}
incident-until-change = Until it changes
incident-until = Until
incident-sticky = Until it is resolved, whatever happens
incident-its-cause = Cause
incident-cause-hidden = The incident that caused it is outside what you may see
incident-its-symptoms = { $n ->
    [one] { $n } symptom, { $active } not resolved
   *[other] { $n } symptoms, { $active } not resolved
}
incident-its-previous = The time before
incident-previous-gone = The incident before it is outside what you may see
incident-more = { $n } more
incident-judged-by = Who says so
incident-judged-none = No agent reports it now
incident-firing = Firing
incident-cleared = Cleared
incident-said-by = Reported by
incident-last-heard = last heard
incident-rule = rule
incident-timeline = Timeline
incident-charts = What was measured
incident-affected = Affected
incident-affected-none = The inventory names no organisation, system or region for this object
incident-owns = owner
incident-operates = operator
incident-level = level { $n ->
    [1] 1
    [2] 2
    [3] 3
    [4] 4
    [5] 5
   *[other] { $n }
}
incident-location = Location
incident-person = Person in charge
incident-carrier = Carrier
incident-circuit = Circuit
incident-hotline = Hotline
incident-meaning = What it means, what to do
incident-runbook = Runbook
incident-runbook-open = Open the runbook by itself
incident-runbook-none = The rule names no runbook; `runbook` in its definition does

incident-actions = Actions
incident-viewer = Your role may look only. These need an operator or administrator:
incident-not-resolved-any-more = It is resolved
incident-not-closed-any-more = It is closed
incident-not-acked = It is not acknowledged
incident-not-before-resolved = Possible once it is resolved
incident-not-probed = No probe looks at this object directly
incident-ack-until = Valid
incident-ack-1h = For 1 hour
incident-ack-4h = For 4 hours
incident-ack-shift = Until the end of the shift ({ $time })
incident-unack-help = It is open again and returns to everybody's list.
incident-assign-to = Assign to
incident-assign-choose = Choose
incident-assign-me = Me ({ $name })
incident-assign-nobody = Nobody
incident-assign-other = Somebody else
incident-assign-help = For those not in the list; counts if it is filled in
incident-note = Note
incident-reason = Reason
incident-resolve-help = For what is known to be over while the agents cannot tell. If it still fires, the next new alert opens it again.
incident-choose = Choose
incident-party-help = The organisation, carrier or vendor that is responsible.
incident-close-comment = Comment
incident-probe-help = Has the agents that watch this object probe it three times now.

incident-actor-agent = agent { $name }
incident-actor-console = the console
incident-actor-local = local user { $uid }
incident-actor-token = token { $name }

incident-evidence-skew = Off by
incident-evidence-parts = Parts not carried out
incident-evidence-limits = Limited by
incident-evidence-version = Version
incident-evidence-records = Records
incident-evidence-stream = Stream
incident-evidence-line = line
incident-evidence-peer = peer
incident-evidence-user = user
incident-evidence-from = by way of
incident-evidence-epoch = Epoch
incident-evidence-cause = Cause of failure
incident-evidence-detail = Detail
incident-evidence-last-run = Last valid run
incident-evidence-down = What is down
incident-evidence-down-address = its address does not answer
incident-evidence-unanswered = Packets without an answer
incident-evidence-failed-runs = Failed runs in a row
incident-evidence-asked-for = Failures in a row that are no chance here
incident-evidence-silent-for = Silent for
incident-evidence-lost-packets = Lost packets
incident-evidence-median = Median
incident-evidence-baseline = Baseline
incident-evidence-limit = Limit
incident-evidence-jitter = Jitter
incident-evidence-burn-1h = Burn over one hour
incident-evidence-burn-6h = Burn over six hours
incident-evidence-failed-1h = Failures within an hour
incident-evidence-silent-targets = Silent targets
incident-evidence-ago = { $time } ago
incident-evidence-never = never
incident-evidence-no-data = Silence allowed
incident-evidence-window = { $field } ({ $stat } of { $window })
incident-window-minutes = { $n } min
incident-window-hours = { $n } h
incident-field-up = Answers
incident-field-fails = Failures in a row
incident-param-raise-at = raised at
incident-param-clear-at = cleared at
incident-param-days = days ahead
incident-param-within = within seconds
incident-param-unnamed = ports without description
incident-stat-mean = mean
incident-stat-min = least
incident-stat-max = most
incident-stat-p50 = median
incident-stat-p95 = 95th percentile
incident-stat-count = count
incident-stat-delta = growth
incident-state-unknown = unknown
incident-state-up = up
incident-state-down = down
incident-state-lower-layer-down = lower layer down
incident-state-forming = forming
incident-state-shut = shut on purpose
incident-state-testing = testing
incident-state-dormant = dormant
incident-state-not-present = not present
incident-state-yes = yes
incident-state-no = no

incident-line-opened = Opened
incident-line-reopened = Happened again
incident-line-joined = Another rule fires
incident-line-worse = Became { $severity }
incident-line-left = Cleared
incident-line-acked = Acknowledged
incident-line-unacked = Acknowledgement ended
incident-line-assigned = Assigned to { $who }
incident-line-unassigned = Assigned to nobody
incident-line-resolved = Resolved
incident-line-resolved-by-hand = Resolved by hand
incident-line-closed = Closed
incident-line-note = Note
incident-line-folded = Is a symptom of
incident-line-unfolded = Is no symptom any more
incident-line-flag = Flag changed
incident-line-flag-on = Flagged: { $flag }
incident-line-flag-off = No longer flagged: { $flag }
incident-why-condition = the condition to clear holds
incident-why-withdrawn = the agent reports it no longer, or the object left the inventory
incident-why-expired = nothing refreshed it
incident-why-vantage = too few agents say so
incident-why-explained = what explains it is over
incident-why-expired-ack = its time is over
incident-why-worse = the severity rose

incident-cause-fibre-cut = Fibre cut
incident-cause-device-fault = Device fault
incident-cause-power-loss = Power loss
incident-cause-planned-work = Planned work
incident-cause-config-change = Configuration change
incident-cause-attack = Attack
incident-cause-false-alarm = False alarm
incident-cause-other = Other

incident-notice = Notice
incident-notice-help = As things stood when this page was opened; fill in the telephone before it goes out.
incident-notice-copy = Copy
incident-notice-copied = Copied
incident-notice-open = To print
incident-notice-print = Print
incident-notice-demo = [Demonstration, not a real incident]
incident-notice-title = NOTICE OF A NETWORK INCIDENT
incident-notice-number = Incident
incident-notice-made = Time of this notice
incident-notice-severity = { $severity } (severity of the alert, not a grade of a security incident)
incident-notice-what = 1. What happened
incident-notice-in = {" "}({ $places })
incident-notice-sentence = { $at }: { $problem }: { $object }{ $place }; { $sofar }.
incident-notice-over = resolved { $end } after { $lasting }
incident-notice-going-on = not resolved at the time of this notice, for { $lasting } so far
incident-notice-judged = Measured: { $judged } (reported by { $agent })
incident-notice-cause-incident = This is a symptom of: { $cause }.
incident-notice-affected = 2. Affected
incident-notice-units = Organisations
incident-notice-systems = Systems
incident-notice-line = Line
incident-notice-symptoms = { $n }, { $active } not resolved
incident-notice-none-known = none in the inventory
incident-notice-done = 3. Done so far
incident-notice-nothing-done = Nothing yet.
incident-notice-step = { $at }  { $who }  { $words }
incident-notice-why = 4. Cause and responsibility
incident-notice-unknown = being looked into
incident-notice-contact = 5. Contact
incident-notice-duty = On duty
incident-notice-duty-line = { $who }, telephone: ____________
