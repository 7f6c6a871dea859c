# The frame, states, tables, times: what every page uses.
brand = Fengsui
skip-to-content = Skip to the content
demo-badge = Demo
demo-line = simulated data, no real network; this machine is watched for real
live-on = Live
live-stale = Connection lost: what you see is old
live-opened = New incident
theme-dark = Dark
theme-light = Light
sign-out = Sign out

nav-label = Main navigation
nav-menu = Menu
nav-overview = Overview
nav-incidents = Incidents
nav-events = Logs and traps
nav-baseline = Graded protection
nav-assets = Assets
nav-links = Links
nav-maintenance = Maintenance
nav-agents = Agents
nav-definitions = Definitions
nav-import = Import
nav-audit = Audit
nav-users = Users

severity-critical = Critical
severity-major = Major
severity-minor = Minor
severity-warning = Warning
severity-info = Info

state-open = Open
state-acked = Acknowledged
state-resolved = Resolved
state-closed = Closed
state-loading = Loading ...
state-stale = The data is old, last updated at

reach-up = Up
reach-partly = Partly up
reach-down = Down
reach-unknown = Unknown
reach-unwatched = Not watched

flag-maintenance = Maintenance
flag-topology = Symptom
flag-flapping = Flapping
flag-silence = Silenced
flag-held = To be confirmed
flag-storm = Storm
flag-stale = Stale
flag-late = Late

time-zone = time zone of the console
time-ago-now = just now
time-ago-seconds = { $n ->
    [one] { $n } second ago
   *[other] { $n } seconds ago
}
time-ago-minutes = { $n ->
    [one] { $n } minute ago
   *[other] { $n } minutes ago
}
time-ago-hours = { $n ->
    [one] { $n } hour ago
   *[other] { $n } hours ago
}
time-ago-days = { $n ->
    [one] { $n } day ago
   *[other] { $n } days ago
}
time-seconds = { $n } s
time-minutes = { $m } min { $s } s
time-hours = { $h } h { $m } min
time-days = { $d } d { $h } h

table-selected = {"{n}"} selected
table-select-some = Select rows to handle several at once
table-select-all = Select all on this page
table-select-one = Select this row
table-sort = Sort by this column
table-total = { $n } in all
table-rows = { $n } on this page
table-first = First page
table-next = Next page
table-filter = Filter
table-reset = Clear
table-search = Search
table-any = All

chart-none = No data in this span
chart-failed = The data could not be read; reload the page
chart-time = Time
chart-table = Table of the data
chart-needs-script = Charts need scripts; the data is at /api/v1/series

problem-title = That did not work
problem-not-found = Not found
problem-forbidden = Not allowed
problem-home = Back to the overview
