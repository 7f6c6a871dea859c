//! When a maintenance window is open, and what it covers. A window that comes again does so at the same local time,
//! whatever the clocks do between. One that waits for a second person is never open.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

use crate::model::inventory::{Inventory, Link, LinkEnd};
use crate::model::maintenance::{Every, Maintenance, Stage};
use crate::model::{AlertKey, AssetId, Object, ProblemId, RegionId, Wall, port};

/// The longest one window: a move of a machine room over a week.
pub const MAX_LENGTH: Duration = Duration::from_secs(7 * 86_400);
/// How long one may come again: a year, then somebody shall look at it.
pub const MAX_REPEAT: Duration = Duration::from_secs(366 * 86_400);
/// Assets and links above which a second person must agree: more than a county has.
pub const SECOND_PERSON: usize = 50;

/// When a window is open within some span, and what it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    cover: Cover,
    open: Vec<(Wall, Wall)>,
}

impl Planned {
    /// Of a window; nothing if it is not open within the span.
    pub fn of(window: &Maintenance, inventory: &Inventory, zone: &TimeZone, from: Wall, to: Wall) -> Option<Self> {
        let open = openings(window, zone, from, to);
        (!open.is_empty()).then(|| Self { cover: Cover::of(window, inventory), open })
    }

    /// Whether what was seen of an object between two times touches it.
    pub fn touches(&self, object: &Object, from: Wall, to: Wall) -> bool {
        self.open.iter().any(|(begin, end)| to > *begin && from < *end) && self.cover.object(object)
    }
}

/// What a window covers, spelled out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cover {
    objects: HashSet<Object>,
    problems: BTreeSet<ProblemId>,
    /// Ports at the ends of links, by asset: devices may call them otherwise than people do.
    ends: HashMap<AssetId, Vec<String>>,
}

impl Cover {
    /// Of a window, by the inventory as it is.
    pub fn of(window: &Maintenance, inventory: &Inventory) -> Self {
        let problems = window.work.problems.iter().cloned().collect();
        let mut all = Self { objects: HashSet::new(), problems, ends: HashMap::new() };
        for object in &window.work.objects {
            all.objects.insert(object.clone());
            match object {
                Object::Region(id) => all.region(id, inventory),
                Object::Link(id) => {
                    if let Some(link) = inventory.links.get(id) {
                        all.ends(link);
                    }
                }
                Object::Asset(_) | Object::Interface { .. } | Object::Agent(_) => {}
            }
        }
        all
    }

    /// Everything in a region: links too that end there.
    fn region(&mut self, id: &RegionId, inventory: &Inventory) {
        let regions: HashSet<RegionId> = inventory.region_subtree(id).into_iter().collect();
        let within = |region: Option<&RegionId>| region.is_some_and(|region| regions.contains(region));
        let assets = inventory.assets.values().filter(|asset| within(asset.region.as_ref()));
        self.objects.extend(assets.map(|asset| Object::Asset(asset.id.clone())));
        let agents = inventory.agents.values().filter(|agent| within(agent.region.as_ref()));
        self.objects.extend(agents.map(|agent| Object::Agent(agent.id.clone())));
        for link in inventory.links.values() {
            let here = [&link.a, &link.b].into_iter().any(|end| match end {
                LinkEnd::Port { asset, .. } => {
                    within(inventory.assets.get(asset).and_then(|asset| asset.region.as_ref()))
                }
                LinkEnd::Peer { .. } => false,
            });
            if here {
                self.objects.insert(Object::Link(link.id.clone()));
                self.ends(link);
            }
        }
        self.objects.extend(regions.into_iter().map(Object::Region));
    }

    fn ends(&mut self, link: &Link) {
        for end in [&link.a, &link.b] {
            if let LinkEnd::Port { asset, interface, .. } = end {
                self.ends.entry(asset.clone()).or_default().push(interface.clone());
            }
        }
    }

    /// Whether it covers an object; a port by its asset too, and by the link that ends there, however that writes its name.
    pub fn object(&self, object: &Object) -> bool {
        let port = |asset: &AssetId, name: &str| {
            let ends = self.ends.get(asset).into_iter().flatten();
            self.objects.contains(&Object::Asset(asset.clone())) || ends.into_iter().any(|end| port::same(end, name))
        };
        self.objects.contains(object) || matches!(object, Object::Interface { asset, name } if port(asset, name))
    }

    /// Whether it covers what an incident is about.
    pub fn key(&self, key: &AlertKey) -> bool {
        (self.problems.is_empty() || self.problems.contains(&key.problem)) && self.object(&key.object)
    }

    /// Assets and links that it covers.
    pub fn size(&self) -> usize {
        self.objects.iter().filter(|object| matches!(object, Object::Asset(_) | Object::Link(_))).count()
    }
}

fn zoned(at: Wall, zone: &TimeZone) -> Zoned {
    Timestamp::from_millisecond(at.millis()).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}

/// The times at which a window is open that touch a span, in order.
pub fn openings(window: &Maintenance, zone: &TimeZone, from: Wall, to: Wall) -> Vec<(Wall, Wall)> {
    if window.needs_second && window.approved.is_none() {
        return Vec::new();
    }
    let length = window.work.to.since(window.work.from);
    let end = window.ended.as_ref().map(|mark| mark.at);
    let last = window.work.until.unwrap_or(window.work.from);
    let first = zoned(window.work.from, zone);
    let mut found = Vec::new();
    // Skips what is over long before the span, then walks through it.
    let step = window.work.every.map(|every| match every {
        Every::Day => 1,
        Every::Week => 7,
    });
    let days_before = i64::try_from(from.since(window.work.from).as_secs() / 86_400).unwrap_or(0);
    let mut at = step.map_or(0, |step| (days_before / step - length.as_secs() as i64 / 86_400 / step - 2).max(0));
    loop {
        let days: Span = (at.saturating_mul(step.unwrap_or(0))).days();
        let Ok(begins) = first.checked_add(days) else { break };
        let begins = Wall::from_millis(begins.timestamp().as_millisecond());
        if begins >= to || begins > last || end.is_some_and(|end| end <= begins) {
            break;
        }
        let ends = begins.plus(length);
        let ends = end.map_or(ends, |end| end.min(ends));
        if ends > from {
            found.push((begins, ends));
        }
        if step.is_none() {
            break;
        }
        at += 1;
    }
    found
}

/// Where a window stands, and when it is open next or now.
pub fn stage(window: &Maintenance, zone: &TimeZone, now: Wall) -> (Stage, Option<(Wall, Wall)>) {
    if window.ended.is_some() {
        return (Stage::Over, None);
    }
    if window.needs_second && window.approved.is_none() {
        let end = window.work.until.unwrap_or(window.work.from).plus(window.work.to.since(window.work.from));
        return if end > now {
            (Stage::Waiting, Some((window.work.from, window.work.to)))
        } else {
            (Stage::Over, None)
        };
    }
    let ahead = openings(window, zone, now, now.plus(Duration::from_secs(8 * 86_400)));
    let next =
        ahead.first().copied().or_else(|| (window.work.from > now).then_some((window.work.from, window.work.to)));
    match next {
        Some((from, to)) if from <= now => (Stage::Running, Some((from, to))),
        Some(next) => (Stage::Planned, Some(next)),
        None => (Stage::Over, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::maintenance::{Mark, Work};

    fn wall(text: &str) -> Wall {
        Wall::parse(text).unwrap()
    }

    fn window(from: &str, to: &str) -> Maintenance {
        Maintenance {
            id: "m".into(),
            work: Work {
                title: "割接".into(),
                objects: vec!["link:l".parse().unwrap()],
                problems: Vec::new(),
                from: wall(from),
                to: wall(to),
                every: None,
                until: None,
            },
            created: Mark { by: "user:a".into(), at: wall("2026-03-01T00:00:00Z") },
            needs_second: false,
            approved: None,
            ended: None,
        }
    }

    /// The one place that knows the functions; times as text.
    fn check(window: &Maintenance, zone: &str, from: &str, to: &str, open: &[(&str, &str)]) {
        let zone = TimeZone::get(zone).unwrap();
        let found = openings(window, &zone, wall(from), wall(to));
        let wanted: Vec<(Wall, Wall)> = open.iter().map(|(a, b)| (wall(a), wall(b))).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_window_is_open_once_or_again_at_the_same_local_time() {
        let once = window("2026-03-28T01:00:00+01:00", "2026-03-28T05:00:00+01:00");
        let berlin = "Europe/Berlin";
        check(
            &once,
            berlin,
            "2026-03-01T00:00:00Z",
            "2026-04-01T00:00:00Z",
            &[("2026-03-28T00:00:00Z", "2026-03-28T04:00:00Z")],
        );
        check(&once, berlin, "2026-03-28T04:00:00Z", "2026-04-01T00:00:00Z", &[]);
        let again = |every, until| Maintenance {
            work: Work { every: Some(every), until: Some(wall(until)), ..once.work.clone() },
            ..once.clone()
        };
        let daily = again(Every::Day, "2026-03-30T00:00:00Z");
        check(
            &daily,
            berlin,
            "2026-03-01T00:00:00Z",
            "2026-04-01T00:00:00Z",
            &[
                ("2026-03-28T00:00:00Z", "2026-03-28T04:00:00Z"),
                ("2026-03-29T00:00:00Z", "2026-03-29T04:00:00Z"),
                // The clocks went forward: still one o'clock.
                ("2026-03-29T23:00:00Z", "2026-03-30T03:00:00Z"),
            ],
        );
        let weekly = again(Every::Week, "2027-03-01T00:00:00Z");
        check(
            &weekly,
            "Asia/Shanghai",
            "2026-12-01T00:00:00Z",
            "2026-12-10T00:00:00Z",
            &[("2026-12-05T00:00:00Z", "2026-12-05T04:00:00Z")],
        );
    }

    #[test]
    fn what_was_ended_or_not_agreed_to_is_not_open() {
        let plain = window("2026-03-03T00:00:00Z", "2026-03-03T04:00:00Z");
        let mark = |at: &str| Some(Mark { by: "user:b".into(), at: wall(at) });
        let ended = Maintenance { ended: mark("2026-03-03T01:30:00Z"), ..plain.clone() };
        check(
            &ended,
            "UTC",
            "2026-03-01T00:00:00Z",
            "2026-04-01T00:00:00Z",
            &[("2026-03-03T00:00:00Z", "2026-03-03T01:30:00Z")],
        );
        let called_off = Maintenance { ended: mark("2026-03-02T00:00:00Z"), ..plain.clone() };
        check(&called_off, "UTC", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", &[]);
        let large = Maintenance { needs_second: true, ..plain };
        check(&large, "UTC", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", &[]);
        let now = wall("2026-03-03T01:00:00Z");
        let at = |window: &Maintenance| stage(window, &TimeZone::UTC, now).0;
        assert_eq!([at(&ended), at(&large)], [Stage::Over, Stage::Waiting]);
        let agreed = Maintenance { approved: mark("2026-03-02T00:00:00Z"), ..large };
        assert_eq!(at(&agreed), Stage::Running);
    }

    #[test]
    fn a_region_covers_what_stands_in_it_and_a_link_its_ends() {
        let text = r#"
            [[region]]
            id = "652900"
            name = "x"
            tier = "prefecture"
            [[region]]
            id = "652901"
            name = "y"
            tier = "county"
            parent = "652900"
            [[asset]]
            id = "near"
            name = "n"
            kind = "router"
            zone = "extranet"
            region = "652901"
            [[asset]]
            id = "far"
            name = "f"
            kind = "router"
            zone = "extranet"
            [[link]]
            id = "l"
            name = "l"
            tier = "backbone"
            a = { asset = "near", interface = "GE0/0/1" }
            b = { asset = "far", interface = "GE0/0/2" }
        "#;
        let inventory = crate::config::inventory::parse(&[("i.toml".to_owned(), text.to_owned())]).unwrap();
        let covers = |object: &str, seen: &str| {
            let objects = vec![object.parse().unwrap()];
            let mut window = window("2026-03-03T00:00:00Z", "2026-03-03T04:00:00Z");
            window.work.objects = objects;
            Cover::of(&window, &inventory).object(&seen.parse().unwrap())
        };
        for (object, seen, covered) in [
            ("region:652900", "asset:near", true),
            ("region:652900", "link:l", true),
            ("region:652900", "interface:far/GE0/0/2", true),
            ("region:652900", "asset:far", false),
            ("link:l", "interface:near/GE0/0/1", true),
            ("link:l", "interface:near/GigabitEthernet0/0/1", true),
            ("link:l", "interface:near/XGigabitEthernet0/0/1", false),
            ("link:l", "asset:near", false),
            ("asset:near", "interface:near/GE0/0/9", true),
            ("asset:near", "link:l", false),
        ] {
            assert_eq!(covers(object, seen), covered, "{object} {seen}");
        }
    }
}
