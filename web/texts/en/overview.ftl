# The overview and the wall.
overview-wall = Wall
overview-needs-critical = { $n ->
    [one] { $n } critical incident that nobody has acknowledged
   *[other] { $n } critical incidents that nobody has acknowledged
}
overview-needs-definitions = The definitions could not be reloaded; the old ones stay in force
overview-needs-rules = { $n ->
    [one] { $n } rule of the console cannot be used
   *[other] { $n } rules of the console cannot be used
}
overview-needs-spool = The spool of agent { $name } is full: { $n } records lost within 24 hours
overview-all-good = Nothing is open
overview-verdict = { $n } open, { $unacked } not acknowledged
overview-fresh = Nothing is watched yet
overview-fresh-advice = Declare regions, assets and links; agents begin to watch them at once.
overview-fresh-setup = Set up
overview-fresh-import = Import a sheet
overview-fresh-ask = Once an administrator has imported assets, their state stands here.
overview-tile-links = Links down
overview-tile-assets = Devices down
overview-tile-sites = Websites down
overview-tile-agents = Agents silent
overview-regions = Regions
overview-no-regions = No regions yet
overview-no-regions-advice = Give assets a region, and this sums them up by region.
overview-with-below = with all below
overview-links = { $n ->
    [one] { $n } link
   *[other] { $n } links
}
overview-links-down = { $down } of { $n } links down
overview-open-incidents = { $n ->
    [one] { $n } open incident
   *[other] { $n } open incidents
}
overview-bar = Share of assets by state; the numbers stand below
overview-newest = Newest incidents
overview-silent = Silent agents
overview-never-heard = never heard of
overview-more = { $n } more
overview-worst = Worst links
overview-no-links = No link is watched
overview-link = Link
overview-state = State
overview-loss = Loss
overview-rtt = Round trip
overview-used = Utilisation
overview-incidents = Open incidents
