//! Which assets are asked for, and the form that asks. What is not known in an address is as if it were not there.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::console::board::{Board, tree};
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::List;
use crate::console::web::ui::{badge, words};
use crate::engine::expose::Reach;
use crate::model::inventory::{Asset, AssetKind, AssetStatus, Inventory};
use crate::model::{OrganisationId, RegionId};

/// Filters, in the order in which they stand in the address.
pub const FILTERS: &[&str] = &["region", "kind", "zone", "state", "status", "importance", "unit", "q"];
/// Choices of one menu; whoever has more finds the rest by words.
const MAX_CHOICES: usize = 400;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    regions: Option<BTreeSet<RegionId>>,
    kind: Option<AssetKind>,
    zone: Option<String>,
    /// `Some(None)` asks for what is not watched.
    state: Option<Option<Reach>>,
    status: Option<AssetStatus>,
    importance: Option<u8>,
    units: Option<BTreeSet<OrganisationId>>,
    words: Vec<String>,
}

/// The reach of that word; `unwatched` is none.
pub fn reach(word: &str) -> Option<Option<Reach>> {
    if word == "unwatched" {
        return Some(None);
    }
    Reach::ALL.into_iter().find(|r| r.as_str() == word).map(Some)
}

/// A region and all below it, if it is one.
pub fn region_and_below(inventory: &Inventory, id: &str) -> Option<BTreeSet<RegionId>> {
    let id: RegionId = id.parse().ok()?;
    inventory.regions.contains_key(&id).then(|| inventory.region_subtree(&id).into_iter().collect())
}

impl Asked {
    /// Reads the address.
    pub fn read(list: &List, inventory: &Inventory) -> Self {
        Self {
            regions: list.filter("region").and_then(|id| region_and_below(inventory, id)),
            kind: list.filter("kind").and_then(AssetKind::parse),
            zone: list.filter("zone").map(str::to_owned),
            state: list.filter("state").and_then(reach),
            status: list.filter("status").and_then(AssetStatus::parse),
            importance: list.filter("importance").and_then(|n| n.parse().ok()),
            units: list.filter("unit").and_then(|id| unit_and_below(inventory, id)),
            words: list
                .filter("q")
                .map(|q| q.to_lowercase().split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }

    /// Is this one of them?
    pub fn fits(&self, board: &Board, asset: &Asset) -> bool {
        let inventory = &board.inventory;
        let within = |all: &BTreeSet<RegionId>| asset.region.as_ref().is_some_and(|r| all.contains(r));
        let of = |all: &BTreeSet<OrganisationId>| {
            [&asset.owner, &asset.operator].into_iter().flatten().any(|unit| all.contains(unit))
        };
        self.regions.as_ref().is_none_or(within)
            && self.kind.is_none_or(|k| k == asset.kind)
            && self.zone.as_ref().is_none_or(|z| zone_or_above(inventory, asset, z))
            && self.status.is_none_or(|s| s == asset.status)
            && self.importance.is_none_or(|n| n == asset.importance)
            && self.units.as_ref().is_none_or(of)
            && self.state.is_none_or(|s| s == board.reach(asset))
            && (self.words.is_empty() || self.says(inventory, asset))
    }

    /// Does it say all the words, somewhere?
    fn says(&self, inventory: &Inventory, asset: &Asset) -> bool {
        let person = asset.person.as_ref().and_then(|p| inventory.persons.get(p)).map(|p| p.name.as_str());
        let site = asset.website.iter().flat_map(|w| [w.url.as_str(), w.site_code.as_str()]);
        let own = [asset.id.as_str(), &asset.name, &asset.location];
        let all = own.into_iter().chain(asset.address.as_deref()).chain(person).chain(site);
        let mut text = String::with_capacity(128);
        for part in all.chain(asset.also.iter().chain(&asset.tags).map(String::as_str)) {
            text.extend(part.chars().flat_map(char::to_lowercase));
            text.push('\n');
        }
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// Is the asset in that zone or in one below it?
fn zone_or_above(inventory: &Inventory, asset: &Asset, wanted: &str) -> bool {
    let mut next = Some(&asset.zone);
    // Zones are a few levels deep; a loop must not hold a page.
    for _ in 0..16 {
        match next {
            Some(zone) if zone.as_str() == wanted => return true,
            Some(zone) => next = inventory.zones.get(zone).and_then(|z| z.parent.as_ref()),
            None => return false,
        }
    }
    false
}

fn unit_and_below(inventory: &Inventory, id: &str) -> Option<BTreeSet<OrganisationId>> {
    let root: OrganisationId = id.parse().ok()?;
    inventory.organisations.get(&root)?;
    let mut found = BTreeSet::from([root]);
    loop {
        let before = found.len();
        let below = inventory.organisations.values().filter(|o| o.parent.as_ref().is_some_and(|p| found.contains(p)));
        let below: Vec<OrganisationId> = below.map(|o| o.id.clone()).collect();
        found.extend(below);
        if found.len() == before {
            return Some(found);
        }
    }
}

/// The name of a unit, or its id.
pub fn unit_name(inventory: &Inventory, unit: Option<&OrganisationId>) -> String {
    unit.map(|id| inventory.organisations.get(id).map_or_else(|| id.to_string(), |o| o.name.clone()))
        .unwrap_or_default()
}

/// Where an asset is reached: its address, or the address of its pages.
pub fn address(asset: &Asset) -> String {
    let url = || asset.website.as_ref().map(|w| w.url.clone());
    asset.address.clone().or_else(url).unwrap_or_default()
}

/// Regions for a menu, indented by their depth.
pub fn region_choices(board: &Board, l: Lang) -> Vec<(String, String)> {
    let mut all = vec![(String::new(), text::table_any(l).to_owned())];
    let tree = tree(&board.inventory, |region| board.within(Some(&region.id)));
    all.extend(
        tree.into_iter()
            .take(MAX_CHOICES)
            .map(|(depth, r)| (r.id.to_string(), format!("{}{}", "\u{3000}".repeat(depth), r.name))),
    );
    all
}

/// States for a menu.
pub fn state_choices(l: Lang) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![("", text::table_any(l))];
    all.extend(Reach::ALL.map(|r| (r.as_str(), badge::reach_word(l, Some(r)))));
    all.push(("unwatched", badge::reach_word(l, None)));
    all
}

/// The form.
pub fn form(cx: &Cx, board: &Board, list: &List) -> Markup {
    let l = cx.lang;
    let any = || (String::new(), text::table_any(l).to_owned());
    let mut kinds = vec![("", text::table_any(l))];
    kinds.extend(AssetKind::ALL.iter().map(|k| (k.as_str(), words::asset_kind(l, *k))));
    let mut statuses = vec![("", text::table_any(l))];
    statuses.extend(AssetStatus::ALL.iter().map(|s| (s.as_str(), words::asset_status(l, *s))));
    let grades = [
        ("", text::table_any(l)),
        ("3", words::importance(l, 3)),
        ("2", words::importance(l, 2)),
        ("1", words::importance(l, 1)),
    ];
    let used: BTreeSet<_> = board.assets().map(|a| &a.zone).collect();
    let mut zones = vec![any()];
    zones.extend(
        board.inventory.zones.values().filter(|z| used.contains(&z.id)).map(|z| (z.id.to_string(), z.name.clone())),
    );
    let mut units = vec![any()];
    units
        .extend(board.inventory.organisations.values().take(MAX_CHOICES).map(|o| (o.id.to_string(), o.name.clone())));
    let field = |name, label| Field { name, label, value: list.filter(name).unwrap_or_default(), ..Field::default() };
    html! {
        form.filters method="get" action="/assets" data-auto {
            (form::select(&field("region", text::assets_region(l)), &region_choices(board, l)))
            (form::select(&field("state", text::assets_state(l)), &state_choices(l)))
            (form::select(&field("kind", text::assets_kind(l)), &kinds))
            @if zones.len() > 2 { (form::select(&field("zone", text::assets_zone(l)), &zones)) }
            @if units.len() > 1 { (form::select(&field("unit", text::assets_unit(l)), &units)) }
            (form::select(&field("importance", text::assets_importance(l)), &grades))
            (form::select(&field("status", text::assets_status(l)), &statuses))
            (form::input(&Field { kind: "search", longest: 100, ..field("q", text::table_search(l)) }))
            @if list.sort != "trouble" || !list.descending {
                input type="hidden" name="sort" value={ (if list.descending { "-" } else { "" }) (list.sort) };
            }
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.quiet href="/assets" { (text::table_reset(l)) } }
        }
    }
}
