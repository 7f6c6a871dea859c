//! Regions, units and persons: lists of them, and a form for one.

use axum::response::Response;
use maud::{Markup, html};

use super::{Draft, Filled, Refused, Wrong, made_id, options, quoted, wrong};
use crate::console::api::problem::Problem;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Row, Table};
use crate::console::web::ui::{self, Tone, form};
use crate::model::inventory::{Inventory, Organisation, Person, Region, Tier};

/// The column that only persons have.
const MOBILE: usize = 4;

/// What this page lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// 区划
    Region,
    /// 单位
    Unit,
    /// 责任人
    Person,
}

impl Noun {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Region, Self::Unit, Self::Person];
    /// In addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Unit => "unit",
            Self::Person => "person",
        }
    }
    /// The noun of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|n| n.as_str() == word)
    }
    /// What it is called.
    pub const fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Region => text::inventory_regions(lang),
            Self::Unit => text::inventory_units(lang),
            Self::Person => text::inventory_persons(lang),
        }
    }
    const fn add(self, lang: Lang) -> &'static str {
        match self {
            Self::Region => text::inventory_add_region(lang),
            Self::Unit => text::inventory_add_unit(lang),
            Self::Person => text::inventory_add_person(lang),
        }
    }
}

/// The tabs of everything that is declared, imported and found.
pub fn tabs(cx: &Cx, here: &str) -> Markup {
    let l = cx.lang;
    let all = [
        ("/import", text::inventory_tab_import(l)),
        ("/discover", text::inventory_tab_discover(l)),
        ("/inventory", text::inventory_tab_lists(l)),
        ("/setup?list=1", text::setup_title(l)),
    ];
    html! { nav.tabs { ul { @for (href, name) in all { li { a href=(href) aria-current=[(href == here).then_some("page")] { (name) } } } } } }
}

/// `GET /inventory?what=unit`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let noun = cx.query.get("what").and_then(Noun::parse).unwrap_or(Noun::Region);
    let (_, inventory) = cx.service.store.inventory();
    let list = List::read(&cx, &["name", "id", "assets"], &["what", "q"]);
    let all = rows(noun, &inventory, list.filter("q").unwrap_or_default());
    let (items, next, total) = list.page(
        all,
        |r| r.id.clone(),
        |r| match list.sort {
            "assets" => Key::Number(Some(r.assets as f64)),
            "id" => Key::text(&r.id),
            _ => Key::text(&r.name),
        },
    );
    let edit = |r: &Line| {
        let id = crate::console::api::query::encode(&r.id);
        html! { a href={ "/inventory/" (noun.as_str()) "/" (id) "/edit" } { (text::inventory_edit(l)) } }
    };
    let table = Table {
        list: &list,
        caption: noun.name(l),
        columns: vec![
            Column::sorted("name", text::inventory_name(l)),
            Column::sorted("id", if noun == Noun::Region { text::inventory_code(l) } else { text::declare_id(l) }),
            Column::new(match noun {
                Noun::Region => text::inventory_above(l),
                Noun::Unit => text::asset_region(l),
                Noun::Person => text::inventory_unit(l),
            }),
            Column::new(match noun {
                Noun::Region => text::inventory_tier(l),
                Noun::Unit => text::inventory_above(l),
                Noun::Person => text::inventory_duty(l),
            })
            .wide(),
            Column::new(text::inventory_mobile(l)).wide(),
            Column::sorted("assets", text::nav_assets(l)).number(),
            Column::new(text::inventory_edit(l)),
        ]
        .into_iter()
        .enumerate()
        .filter(|(at, _)| *at != MOBILE || noun == Noun::Person)
        .map(|(_, column)| column)
        .collect(),
        rows: items
            .iter()
            .map(|r| Row {
                id: r.id.clone(),
                class: "",
                cells: vec![
                    Cell::text(r.name.clone()),
                    Cell::html(html! { code { (r.id) } }, r.id.clone()),
                    Cell::text(r.above.clone()),
                    Cell::text(r.more.clone()),
                    Cell::text(r.mobile.clone()),
                    Cell::count(r.assets as u64),
                    Cell::html(edit(r), ""),
                ]
                .into_iter()
                .enumerate()
                .filter(|(at, _)| *at != MOBILE || noun == Noun::Person)
                .map(|(_, cell)| cell)
                .collect(),
            })
            .collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(
            text::inventory_empty(l),
            html! { a.button href={ "/inventory/" (noun.as_str()) "/new" } { (noun.add(l)) } " " a.button href="/setup/units" { (text::setup_units(l)) } },
        ),
        bulk: None,
    };
    if let Some(file) = table.file(&cx, noun.as_str())? {
        return Ok(file);
    }
    let inside = html! {
        (tabs(&cx, "/inventory"))
        (ui::heading(text::inventory_title(l), html! { a.button.primary href={ "/inventory/" (noun.as_str()) "/new" } { (noun.add(l)) } }))
        (said(&cx))
        nav.tabs.small { ul { @for n in Noun::ALL { li { a href={ "/inventory?what=" (n.as_str()) } aria-current=[(n == noun).then_some("page")] { (n.name(l)) } } } } }
        form.filters method="get" action="/inventory" {
            input type="hidden" name="what" value=(noun.as_str());
            (form::input(&form::Field { name: "q", label: text::table_search(l), value: list.filter("q").unwrap_or_default(), ..Default::default() }))
            button type="submit" { (text::table_search(l)) }
        }
        (table.show(&cx))
    };
    Ok(layout::page(&cx, Place::Import, text::inventory_title(l), inside))
}

/// What was done a moment ago.
pub fn said(cx: &Cx) -> Markup {
    let l = cx.lang;
    let word = match cx.query.text("said") {
        "saved" => text::declare_saved(l),
        "removed" => text::declare_removed(l),
        _ => return html! {},
    };
    ui::note(Tone::Good, html! { (word) })
}

struct Line {
    id: String,
    name: String,
    above: String,
    more: String,
    mobile: String,
    assets: usize,
}

fn rows(noun: Noun, all: &Inventory, wanted: &str) -> Vec<Line> {
    let region = |id: Option<&crate::model::RegionId>| {
        id.map(|id| all.regions.get(id).map_or_else(|| id.to_string(), |r| r.name.clone())).unwrap_or_default()
    };
    let unit = |id: Option<&crate::model::OrganisationId>| {
        id.map(|id| all.organisations.get(id).map_or_else(|| id.to_string(), |o| o.name.clone())).unwrap_or_default()
    };
    // One walk over the assets, not one a row.
    let mut count: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for asset in all.assets.values() {
        let mut touched: Vec<&str> = match noun {
            Noun::Region => asset.region.iter().map(AsRef::as_ref).collect(),
            Noun::Unit => asset.owner.iter().chain(&asset.operator).map(AsRef::as_ref).collect(),
            Noun::Person => asset.person.iter().map(AsRef::as_ref).collect(),
        };
        touched.dedup();
        for id in touched {
            *count.entry(id).or_default() += 1;
        }
    }
    let of = |id: &str| count.get(id).copied().unwrap_or_default();
    let mut lines: Vec<Line> = match noun {
        Noun::Region => all
            .regions
            .values()
            .map(|r| Line {
                id: r.id.to_string(),
                name: r.name.clone(),
                above: region(r.parent.as_ref()),
                more: r.tier.zh().to_owned(),
                mobile: String::new(),
                assets: of(r.id.as_str()),
            })
            .collect(),
        Noun::Unit => all
            .organisations
            .values()
            .map(|o| Line {
                id: o.id.to_string(),
                name: o.name.clone(),
                above: region(o.region.as_ref()),
                more: unit(o.parent.as_ref()),
                mobile: String::new(),
                assets: of(o.id.as_str()),
            })
            .collect(),
        Noun::Person => all
            .persons
            .values()
            .map(|p| Line {
                id: p.id.to_string(),
                name: p.name.clone(),
                above: unit(Some(&p.organisation)),
                more: p.duty.clone(),
                mobile: p.mobile.clone(),
                assets: of(p.id.as_str()),
            })
            .collect(),
    };
    let small = wanted.to_lowercase();
    lines.retain(|r| {
        small.is_empty() || [&r.id, &r.name, &r.above, &r.mobile].iter().any(|t| t.to_lowercase().contains(&small))
    });
    lines
}

const FIELDS: &[&str] =
    &["id", "name", "tier", "parent", "region", "calendar", "organisation", "duty", "mobile", "deputy"];

fn noun(cx: &Cx) -> Result<Noun, Problem> {
    Noun::parse(cx.part("noun")).ok_or_else(|| Problem::unknown("台账项", "item", cx.part("noun")))
}

/// The thing as it is, for the form and for the mark that it has not changed.
enum Thing {
    Region(Region),
    Unit(Organisation),
    Person(Person),
}

impl Thing {
    fn find(noun: Noun, inventory: &Inventory, id: &str) -> Option<Self> {
        match noun {
            Noun::Region => inventory.regions.get(id).cloned().map(Self::Region),
            Noun::Unit => inventory.organisations.get(id).cloned().map(Self::Unit),
            Noun::Person => inventory.persons.get(id).cloned().map(Self::Person),
        }
    }
    fn seen(thing: Option<&Self>) -> String {
        match thing {
            None => super::seen::<Region>(None),
            Some(Self::Region(r)) => super::seen(Some(r)),
            Some(Self::Unit(o)) => super::seen(Some(o)),
            Some(Self::Person(p)) => super::seen(Some(p)),
        }
    }
    fn name(&self) -> &str {
        match self {
            Self::Region(r) => &r.name,
            Self::Unit(o) => &o.name,
            Self::Person(p) => &p.name,
        }
    }
    fn filled(&self) -> Filled {
        let mut f = Filled::default();
        f.put("name", self.name());
        match self {
            Self::Region(r) => {
                f.put("id", r.id.as_str());
                f.put("tier", r.tier.as_str());
                f.put("parent", r.parent.as_ref().map_or("", AsRef::as_ref));
            }
            Self::Unit(o) => {
                f.put("id", o.id.as_str());
                f.put("region", o.region.as_ref().map_or("", AsRef::as_ref));
                f.put("parent", o.parent.as_ref().map_or("", AsRef::as_ref));
                f.put("calendar", o.calendar.as_ref().map_or("", AsRef::as_ref));
            }
            Self::Person(p) => {
                f.put("id", p.id.as_str());
                f.put("organisation", p.organisation.as_str());
                f.put("duty", p.duty.as_str());
                f.put("mobile", p.mobile.as_str());
                f.put("deputy", p.deputy.as_ref().map_or("", AsRef::as_ref));
            }
        }
        f
    }
}

/// `GET /inventory/{noun}/new`
pub async fn new(cx: Cx) -> Answer {
    let noun = noun(&cx)?;
    let mut filled = Filled::default();
    filled.put("tier", Tier::County.as_str());
    Ok(show(&cx, noun, None, &filled))
}

/// `GET /inventory/{noun}/{id}/edit`
pub async fn edit(cx: Cx) -> Answer {
    let (noun, thing) = found(&cx)?;
    let filled = thing.filled();
    Ok(show(&cx, noun, Some(&thing), &filled))
}

fn found(cx: &Cx) -> Result<(Noun, Thing), Problem> {
    let noun = noun(cx)?;
    let (_, inventory) = cx.service.store.inventory();
    let thing = Thing::find(noun, &inventory, cx.part("id"));
    Ok((noun, thing.ok_or_else(|| Problem::unknown(noun.name(Lang::Zh), noun.as_str(), cx.part("id")))?))
}

/// `POST /inventory/{noun}/new`
pub async fn create(cx: Cx) -> Answer {
    let noun = noun(&cx)?;
    submit(&cx, noun, None).await
}

/// `POST /inventory/{noun}/{id}/edit`
pub async fn change(cx: Cx) -> Answer {
    let (noun, thing) = found(&cx)?;
    submit(&cx, noun, Some(thing)).await
}

async fn submit(cx: &Cx, noun: Noun, thing: Option<Thing>) -> Answer {
    let mut filled = Filled::sent(cx, FIELDS);
    let (_, inventory) = cx.service.store.inventory();
    let id = match &thing {
        Some(_) => cx.part("id").to_owned(),
        None => given_id(noun, &filled),
    };
    if filled.get("name").is_empty() {
        filled.wrong = Wrong::field("name", text::declare_required(cx.lang));
    } else if thing.is_none() && Thing::find(noun, &inventory, &id).is_some() {
        filled.wrong = Wrong::field("id", text::declare_taken(cx.lang, id.clone()));
    } else if cx.form.text(super::SEEN) != Thing::seen(thing.as_ref()) {
        filled.wrong = Wrong::top(text::declare_changed(cx.lang));
    } else {
        match super::save(cx, &[draft(noun, &filled, &id)]).await {
            Ok(_) => return Ok(redirect(&format!("/inventory?what={}&said=saved", noun.as_str()))),
            Err(Refused::Wrong(found)) => filled.wrong = found,
            Err(Refused::Problem(problem)) => return Err(problem),
        }
    }
    Ok(wrong(show(cx, noun, thing.as_ref(), &filled)))
}

fn given_id(noun: Noun, filled: &Filled) -> String {
    match (filled.get("id"), noun) {
        ("", Noun::Region) => made_id("region", filled.get("name")),
        ("", Noun::Unit) => made_id("org", filled.get("name")),
        ("", Noun::Person) => person_id(filled.get("organisation"), filled.get("name")),
        (id, _) => id.to_owned(),
    }
}

/// The id that a person of a unit gets, here and in imports.
pub fn person_id(unit: &str, name: &str) -> String {
    made_id("person", &format!("{unit}|{name}"))
}

/// What a file would say of a region, a unit or a person.
pub fn draft(noun: Noun, f: &Filled, id: &str) -> Draft {
    let get = |name: &'static str| f.get(name);
    let word = match noun {
        Noun::Region => "region",
        Noun::Unit => "organisation",
        Noun::Person => "person",
    };
    let draft = Draft::new(word).raw("id", "id", &quoted(id)).text("name", "name", get("name"));
    match noun {
        Noun::Region => draft.text("tier", "tier", get("tier")).text("parent", "parent", get("parent")),
        Noun::Unit => draft.text("region", "region", get("region")).text("parent", "parent", get("parent")).text(
            "calendar",
            "calendar",
            get("calendar"),
        ),
        Noun::Person => draft
            .text("organisation", "organisation", get("organisation"))
            .text("duty", "duty", get("duty"))
            .text("mobile", "mobile", get("mobile"))
            .text("deputy", "deputy", get("deputy")),
    }
}

fn show(cx: &Cx, noun: Noun, thing: Option<&Thing>, f: &Filled) -> Response {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let title = thing.map_or_else(|| noun.add(l).to_owned(), |t| text::inventory_edit_title(l, t.name().to_owned()));
    let id = crate::console::api::query::encode(cx.part("id"));
    let base = format!("/inventory/{}", noun.as_str());
    let action = if thing.is_some() { format!("{base}/{id}/edit") } else { format!("{base}/new") };
    let own = cx.part("id");
    let not_self = |all: Vec<(String, String)>| all.into_iter().filter(move |(id, _)| id != own || thing.is_none());
    let none = text::declare_none(l);
    let tiers: Vec<(&str, &str)> = Tier::ALL.iter().map(|t| (t.as_str(), tier_word(l, *t))).collect();
    let inside = html! {
        (ui::trail(&[("/inventory", text::inventory_title(l)), (&format!("/inventory?what={}", noun.as_str()), noun.name(l))]))
        (ui::heading(&title, html! { @if thing.is_some() { a.button href={ (base) "/" (id) "/remove" } { (text::inventory_remove(l)) } } }))
        (f.wrong.note(cx))
        section.card.narrow {
            (form::post(cx, &action, html! {
                input type="hidden" name=(super::SEEN) value=(Thing::seen(thing));
                (form::input(&f.must("name", text::inventory_name(l), "")))
                @if thing.is_none() {
                    @let help = if noun == Noun::Region { text::inventory_code_help(l) } else { text::inventory_id_help(l) };
                    (form::input(&f.field("id", if noun == Noun::Region { text::inventory_code(l) } else { text::declare_id(l) }, help)))
                }
                @match noun {
                    Noun::Region => {
                        (form::select(&f.must("tier", text::inventory_tier(l), ""), &tiers))
                        (form::select(&f.field("parent", text::inventory_above(l), ""), &options(none, not_self(super::regions(&inventory)))))
                    }
                    Noun::Unit => {
                        (form::select(&f.field("region", text::asset_region(l), ""), &options(none, super::regions(&inventory).into_iter())))
                        (form::select(&f.field("parent", text::inventory_above(l), ""), &options(none, not_self(super::units(&inventory)))))
                        (form::select(&f.field("calendar", text::inventory_calendar(l), text::inventory_calendar_help(l)), &options(none, calendars(cx, f).into_iter())))
                    }
                    Noun::Person => {
                        (form::select(&f.must("organisation", text::inventory_unit(l), ""), &options(none, super::units(&inventory).into_iter())))
                        (form::input(&f.field("duty", text::inventory_duty(l), "")))
                        (form::input(&form::Field { kind: "tel", ..f.field("mobile", text::inventory_mobile(l), "") }))
                        (form::select(&f.field("deputy", text::inventory_deputy(l), ""), &options(none, not_self(super::persons(&inventory)))))
                    }
                }
                div.row { button.primary type="submit" { (text::declare_save(l)) } a.button href={ "/inventory?what=" (noun.as_str()) } { (text::declare_cancel(l)) } }
            }))
        }
    };
    layout::page(cx, Place::Import, &title, inside)
}

/// The calendars there are; one that no definition has stays as it is.
fn calendars(cx: &Cx, f: &Filled) -> Vec<(String, String)> {
    let definitions = cx.service.definitions();
    let known = definitions.calendars.values().map(|def| &def.calendar);
    let mut all: Vec<(String, String)> =
        known.map(|c| (c.id.to_string(), cx.lang.pick(c.zh.as_str(), c.en.as_str()).to_owned())).collect();
    let set = f.get("calendar");
    if !set.is_empty() && all.iter().all(|(id, _)| id != set) {
        all.push((set.to_owned(), set.to_owned()));
    }
    all
}

/// The word of a tier.
pub fn tier_word(lang: Lang, tier: Tier) -> &'static str {
    let en = match tier {
        Tier::Province => "Province",
        Tier::Prefecture => "Prefecture",
        Tier::County => "County",
        Tier::Township => "Township",
    };
    lang.pick(tier.zh(), en)
}
