//! What the traced ways to an object add to what it hangs on: the links whose addresses they go over, where the inventory
//! knows nothing better. Pure.
//!
//! An object is out of reach when every way to it is broken, and a way is broken when one of its hops is: so it hangs on one
//! hop of each way together. All ways of the last day count, so a way that flaps adds another once and takes nothing back
//! before a day has passed; an object with more ways than can be told apart hangs on none of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::Groups;
use crate::console::store::Fact;
use crate::model::inventory::Inventory;
use crate::model::{LinkId, Object, Wall};

/// A way not taken for so long is no way any more.
const REMEMBERED: Duration = Duration::from_secs(86_400);
/// Ways to one object: routing that wanders over more explains nothing.
const MAX_WAYS: usize = 4;
/// Groups that the ways to one object may add.
const MAX_GROUPS: usize = 32;
/// Objects looked at above one, as in the incident engine.
const MAX_ABOVE: usize = 256;

/// Links of which all must be down for one hop to be.
type Hop = BTreeSet<LinkId>;

/// Adds to `all` what the ways to each object say; `paths` are the changes of its path, newest first.
pub fn add(
    all: &mut BTreeMap<Object, Groups>,
    inventory: &Inventory,
    paths: &BTreeMap<Object, Vec<Fact>>,
    now: Wall,
) {
    let by_address = addresses(inventory);
    let mut added: Vec<(Object, Groups)> = Vec::new();
    for (object, changes) in paths {
        if is_declared(inventory, object) {
            continue; // what is declared is not guessed
        }
        let ways = lately(changes, now);
        if ways.is_empty() || ways.len() > MAX_WAYS {
            continue;
        }
        let known = above(all, object);
        let free = |hop: &Hop| !hop.iter().any(|link| known.contains(&Object::Link(link.clone())));
        let ways = ways.into_iter().map(|way| hops(way, &by_address).into_iter().filter(&free).collect());
        let groups = together(ways.collect());
        if !groups.is_empty() {
            added.push((object.clone(), groups));
        }
    }
    for (object, groups) in added {
        all.entry(object).or_default().extend(groups);
    }
}

fn is_declared(inventory: &Inventory, object: &Object) -> bool {
    let asset = if let Object::Asset(id) = object { inventory.assets.get(id) } else { None };
    asset.is_some_and(|asset| !asset.depends_on.is_empty())
}

/// The links by the addresses of their ends; an address of two is of neither.
fn addresses(inventory: &Inventory) -> HashMap<IpAddr, Option<&LinkId>> {
    let mut found: HashMap<IpAddr, Option<&LinkId>> = HashMap::new();
    for link in inventory.links.values() {
        for address in [&link.a, &link.b].into_iter().filter_map(|end| end.address()?.parse().ok()) {
            let only = |held: &mut Option<&LinkId>| *held = held.filter(|id| **id == link.id);
            found.entry(address).and_modify(only).or_insert(Some(&link.id));
        }
    }
    found
}

/// The different ways of the last day: a change ends the one before it.
fn lately(changes: &[Fact], now: Wall) -> BTreeSet<&str> {
    let from = now.minus(REMEMBERED);
    let mut found = BTreeSet::new();
    let mut ended: BTreeMap<(&str, &str), Wall> = BTreeMap::new();
    for change in changes {
        let end = ended.insert((&change.instance, change.probe.as_str()), change.at);
        if end.is_none_or(|end| end >= from) {
            found.insert(change.value.as_str());
        }
    }
    found
}

/// Hops of a way that are links of ours, `10.1.0.2 > * > 10.2.0.2|10.3.0.2`: several routers that share a hop must all be.
fn hops(way: &str, by_address: &HashMap<IpAddr, Option<&LinkId>>) -> Vec<Hop> {
    let link = |address: &str| by_address.get(&address.parse().ok()?).copied().flatten().cloned();
    let hops = way.split(" > ").filter_map(|hop| hop.split('|').map(link).collect::<Option<Hop>>());
    hops.filter(|hop| !hop.is_empty()).collect()
}

/// All that the object hangs on already, over any steps, and itself.
fn above(all: &BTreeMap<Object, Groups>, object: &Object) -> BTreeSet<Object> {
    let mut seen = BTreeSet::from([object.clone()]);
    let mut next = vec![object.clone()];
    while let Some(at) = next.pop() {
        for above in all.get(&at).into_iter().flatten().flatten() {
            if seen.len() < MAX_ABOVE && seen.insert(above.clone()) {
                next.push(above.clone());
            }
        }
    }
    seen
}

/// One hop of each way, in every combination; none that holds another one.
fn together(ways: Vec<Vec<Hop>>) -> Groups {
    let mut groups: Vec<Hop> = vec![Hop::new()];
    for way in ways {
        let joined = groups.iter().flat_map(|group| way.iter().map(move |hop| group | hop));
        let joined: BTreeSet<Hop> = joined.take(MAX_GROUPS * MAX_GROUPS).collect();
        groups = joined.iter().filter(|g| !joined.iter().any(|o| o != *g && o.is_subset(g))).cloned().collect();
        if groups.len() > MAX_GROUPS {
            return Groups::new();
        }
    }
    let objects = |group: Hop| group.into_iter().map(Object::Link).collect();
    groups.into_iter().filter(|group| !group.is_empty()).map(objects).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::store::ways::PATH;

    const HOUR: i64 = 3_600_000;

    /// Lines in the core that the inventory does not tie to what lies behind them.
    fn inventory() -> Inventory {
        let mut text = String::from("[[agent]]\nid = \"tower\"\nzone = \"extranet\"\n");
        for id in ["core", "far", "site", "told"] {
            let more = if id == "told" { "depends_on = [[\"core\"]]\n" } else { "" };
            text += &format!(
                "[[asset]]\nid = \"{id}\"\nkind = \"router\"\nzone = \"extranet\"\naddress = \"10.0.0.1\"\n{more}"
            );
        }
        for n in 1..=4 {
            text += &format!(
                "[[link]]\nid = \"l{n}\"\na = {{ asset = \"core\", interface = \"{n}\", address = \"10.{n}.0.1\" }}\n\
                 b = {{ peer = \"carrier\", address = \"10.{n}.0.2\" }}\n"
            );
        }
        crate::config::inventory::parse(&[("i.toml".to_owned(), text)]).unwrap()
    }

    /// What `object` hangs on after its way changed so, newest first, hours ago.
    fn groups(object: &str, changes: &[(i64, &str)], all: BTreeMap<Object, Groups>) -> Vec<String> {
        let now = Wall::from_millis(1_000 * HOUR);
        let object: Object = object.parse().unwrap();
        let fact = |(hours, way): &(i64, &str)| Fact {
            object: object.clone(),
            instance: "b".into(),
            probe: "link-path".parse().unwrap(),
            field: PATH.into(),
            value: (*way).into(),
            agent: "tower".parse().unwrap(),
            at: Wall::from_millis(now.millis() - hours * HOUR),
        };
        let paths = BTreeMap::from([(object.clone(), changes.iter().map(fact).collect())]);
        let mut found = all;
        add(&mut found, &inventory(), &paths, now);
        let found = found.remove(&object).unwrap_or_default();
        found.iter().map(|group| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn an_object_hangs_on_one_hop_of_each_way_to_it() {
        type Case<'a> = (&'a str, &'a [(i64, &'a str)], &'a [&'a str]);
        let table: &[Case<'_>] = &[
            ("asset:site", &[(500, "10.1.0.2 > * > 10.2.0.2 > 10.99.0.1")], &["link:l1", "link:l2"]),
            // Two routers share a hop: both of them.
            ("asset:site", &[(1, "10.1.0.2|10.2.0.2 > 10.99.0.1")], &["link:l1 link:l2"]),
            // One that is not known may carry it.
            ("asset:site", &[(1, "10.1.0.2|10.77.0.2 > 10.99.0.1")], &[]),
            // Two ways within a day, one line in common.
            (
                "asset:site",
                &[(1, "10.1.0.2 > 10.3.0.2"), (90, "10.2.0.2 > 10.3.0.2")],
                &["link:l1 link:l2", "link:l3"],
            ),
            (
                "asset:site",
                &[(1, "10.1.0.2"), (2, "10.2.0.2"), (3, "10.1.0.2"), (4, "10.2.0.2")],
                &["link:l1 link:l2"],
            ),
            // The one before ended more than a day ago.
            ("asset:site", &[(25, "10.1.0.2 > 10.3.0.2"), (90, "10.2.0.2 > 10.3.0.2")], &["link:l1", "link:l3"]),
            // A way over none of our lines is whole whatever becomes of them.
            ("asset:site", &[(1, "10.1.0.2"), (2, "10.99.0.1")], &[]),
            ("asset:site", &[(1, "10.1.0.2"), (2, "10.2.0.2"), (3, "10.3.0.2"), (4, "10.4.0.2"), (5, "*")], &[]),
            ("asset:told", &[(1, "10.1.0.2")], &[]),
            // A link's own address is no reason for itself, and its direct way hangs on nothing.
            ("link:l1", &[(1, "10.1.0.2")], &[]),
            ("link:l1", &[(1, "10.2.0.2 > 10.1.0.2")], &["link:l2"]),
            ("link:l1", &[(1, "10.2.0.2 > 10.1.0.2"), (2, "10.1.0.2")], &[]),
        ];
        for (object, changes, wanted) in table {
            assert_eq!(groups(object, changes, BTreeMap::new()), *wanted, "{object} {changes:?}");
        }
    }

    #[test]
    fn a_redundancy_group_of_the_inventory_is_not_undone_by_the_way_taken_now() {
        let link = |id: &str| format!("link:{id}").parse::<Object>().unwrap();
        let far: Object = "asset:far".parse().unwrap();
        let all = BTreeMap::from([
            ("asset:site".parse().unwrap(), vec![vec![far.clone()]]),
            (far, vec![vec![link("l1"), link("l2")]]),
        ]);
        let found = groups("asset:site", &[(1, "10.1.0.2 > 10.3.0.2 > 10.99.0.1")], all);
        assert_eq!(found, ["asset:far", "link:l3"], "one of the two lines is no cause, the third one is");
    }
}
