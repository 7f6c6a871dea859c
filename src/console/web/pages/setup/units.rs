//! Regions and units: a prefecture by name or code, counties and units in a small table, or many pasted at once.
//! Names that are there can be mended in place; nothing is removed here.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};

use super::Step;
use super::places::{COUNTIES, PREFECTURES, PROVINCE};
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::pages::declare::lists::{self, Noun, tier_word};
use crate::console::web::pages::declare::{Draft, Filled, Refused, Wrong, made_id, save, wrong};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone};
use crate::model::RegionId;
use crate::model::inventory::{Inventory, Tier};

/// The longest pasted text, in characters: a prefecture's townships and villages.
const LONGEST: usize = 40_000;
/// Lines of a pasted text.
const MOST_LINES: usize = 2_000;
/// Empty rows of each table.
const ROWS: usize = 3;
/// Rows of the tables that are shown here; a longer list is the inventory page's.
const SHOWN: usize = 40;

/// `GET /setup/units`
pub async fn page(cx: Cx) -> Answer {
    let (_, inventory) = cx.service.store.inventory();
    let mut filled = Filled::default();
    let prefectures: Vec<&RegionId> =
        inventory.regions.values().filter(|r| r.tier == Tier::Prefecture).map(|r| &r.id).collect();
    // Of a prefecture that has no counties yet, those that are known are proposed.
    if let [one] = prefectures.as_slice()
        && !inventory.regions.values().any(|r| r.parent.as_ref() == Some(one))
    {
        let known = COUNTIES.iter().filter(|(above, _, _)| *above == one.as_str());
        filled.put("counties", known.map(|(_, code, name)| format!("{code} {name}\n")).collect::<String>());
    }
    Ok(show(&cx, &inventory, &filled))
}

/// `POST /setup/units`
pub async fn submit(cx: Cx) -> Answer {
    let (_, inventory) = cx.service.store.inventory();
    let mut filled = Filled::sent(&cx, &["prefecture"]);
    for name in ["counties", "units"] {
        filled.put(name, cx.form.get(name).unwrap_or_default());
    }
    match plan(&cx, &filled, &inventory) {
        Ok(drafts) => match save(&cx, &drafts).await {
            Ok(_) => return Ok(redirect("/setup/units?said=saved")),
            Err(Refused::Wrong(found)) => filled.wrong = found,
            Err(Refused::Problem(problem)) => return Err(problem),
        },
        Err(found) => filled.wrong = found,
    }
    Ok(wrong(show(&cx, &inventory, &filled)))
}

/// A line that somebody wrote: a code, if it begins with one, and a name.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    number: usize,
    code: String,
    name: String,
}

/// Lines of a text, `652922 温宿县`; the code may be missing. Wide digits and spaces count as narrow ones.
fn lines(pasted: &str) -> Vec<Line> {
    let narrow = |c: char| match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
        '\u{3000}' | '\t' | ',' | '，' | ';' | '；' => ' ',
        c => c,
    };
    let cut = |(at, line): (usize, &str)| {
        let line: String = line.chars().map(narrow).collect();
        let line = line.trim();
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (code, name) = line.split_at(digits);
        (!line.is_empty()).then(|| Line { number: at + 1, code: code.to_owned(), name: name.trim().to_owned() })
    };
    pasted.lines().enumerate().filter_map(cut).collect()
}

/// Tier of a code.
fn tier_of(code: &str) -> Tier {
    match code {
        _ if code.len() > 6 => Tier::Township,
        _ if code.ends_with("0000") => Tier::Province,
        _ if code.ends_with("00") => Tier::Prefecture,
        _ => Tier::County,
    }
}

/// Everything that the form declares.
fn plan(cx: &Cx, filled: &Filled, inventory: &Inventory) -> Result<Vec<Draft>, Wrong> {
    let l = cx.lang;
    let mut wrong = Wrong::default();
    let mut regions = Regions::of(inventory);
    if !filled.get("prefecture").is_empty()
        && let Err(said) = regions.prefecture(l, filled.get("prefecture"))
    {
        wrong.fields.insert("prefecture", said);
    }
    for line in rows(cx, "county").into_iter().chain(lines(filled.get("counties")).into_iter().take(MOST_LINES)) {
        if let Err(said) = regions.add(l, &line, "counties") {
            wrong.fields.entry("counties").or_insert(said);
        }
    }
    regions.rename(cx);
    let mut drafts = regions.drafts;
    for line in rows(cx, "unit").into_iter().chain(lines(filled.get("units")).into_iter().take(MOST_LINES)) {
        match unit(l, &line, inventory, &regions.known) {
            Ok(draft) => drafts.extend(draft),
            Err(said) => drop(wrong.fields.entry("units").or_insert(said)),
        }
    }
    if wrong.is_empty() { Ok(drafts) } else { Err(wrong) }
}

/// The rows of a table that were filled in: `county-code-1`, `county-name-1`.
fn rows(cx: &Cx, what: &str) -> Vec<Line> {
    (1..=ROWS)
        .map(|n| Line {
            number: n,
            code: cx.form.text(&format!("{what}-code-{n}")).to_owned(),
            name: cx.form.text(&format!("{what}-name-{n}")).to_owned(),
        })
        .filter(|line| !(line.code.is_empty() && line.name.is_empty()))
        .collect()
}

struct Regions<'a> {
    inventory: &'a Inventory,
    /// All that are there or will be, with their names.
    known: BTreeMap<String, String>,
    above: Option<String>,
    drafts: Vec<Draft>,
}

impl<'a> Regions<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let known = inventory.regions.values().map(|r| (r.id.to_string(), r.name.clone())).collect();
        let above = inventory.regions.values().find(|r| r.tier == Tier::Prefecture).map(|r| r.id.to_string());
        Self { inventory, known, above, drafts: Vec::new() }
    }

    fn put(&mut self, field: &'static str, id: &str, name: &str, tier: Tier, parent: Option<&str>) {
        let mut f = Filled::default();
        f.put("name", name);
        f.put("tier", tier.as_str());
        f.put("parent", parent.unwrap_or_default());
        self.drafts.push(lists::draft(Noun::Region, &f, id).all_of(field));
        self.known.insert(id.to_owned(), name.to_owned());
    }

    /// A prefecture by name, by code, or both.
    fn prefecture(&mut self, lang: Lang, written: &str) -> Result<(), String> {
        let line = lines(written).into_iter().next().ok_or_else(|| text::setup_units_no_code(lang).to_owned())?;
        let listed = PREFECTURES
            .iter()
            .find(|(code, name)| *code == line.code || (line.code.is_empty() && *name == line.name));
        let (code, name) = match listed {
            Some((code, name)) => {
                ((*code).to_owned(), if line.name.is_empty() { (*name).to_owned() } else { line.name })
            }
            None if line.code.len() == 6 && !line.name.is_empty() => (line.code, line.name),
            None => return Err(text::setup_units_no_code(lang).to_owned()),
        };
        let (province, named) = PROVINCE;
        if code.get(..2) == province.get(..2) && !self.known.contains_key(province) {
            self.put("prefecture", province, named, Tier::Province, None);
        }
        let parent = format!("{}0000", code.get(..2).unwrap_or_default());
        let parent = self.known.contains_key(&parent).then_some(parent);
        if !self.known.contains_key(&code) {
            self.put("prefecture", &code, &name, Tier::Prefecture, parent.as_deref());
        }
        self.above = Some(code);
        Ok(())
    }

    fn add(&mut self, lang: Lang, line: &Line, field: &'static str) -> Result<(), String> {
        let fine = line.code.is_empty() || matches!(line.code.len(), 6 | 9 | 12);
        if !fine || line.name.is_empty() {
            return Err(text::setup_units_bad_line(lang, line.number, format!("{} {}", line.code, line.name)));
        }
        let id = if line.code.is_empty() { made_id("region", &line.name) } else { line.code.clone() };
        if self.inventory.regions.contains_key(id.as_str()) {
            return Ok(()); // it is there; its name is mended in the table
        }
        let tier = if line.code.is_empty() { Tier::County } else { tier_of(&line.code) };
        let code = &line.code;
        let by_code = [
            (code.len() > 6).then(|| code.get(..6).unwrap_or_default().to_owned()),
            code.get(..4).map(|four| format!("{four}00")),
            code.get(..2).map(|two| format!("{two}0000")),
        ];
        let parent = by_code.into_iter().flatten().find(|p| *p != id && self.known.contains_key(p));
        let parent = parent.or_else(|| (tier >= Tier::County).then(|| self.above.clone()).flatten());
        self.put(field, &id, &line.name, tier, parent.as_deref());
        Ok(())
    }

    /// Names that were mended in the table.
    fn rename(&mut self, cx: &Cx) {
        for region in self.inventory.regions.values() {
            let field = format!("n-{}", region.id);
            let name = cx.form.text(&field);
            if !name.is_empty() && name != region.name {
                let parent = region.parent.as_ref().map(|p| p.as_str().to_owned());
                self.put("", region.id.as_str(), name, region.tier, parent.as_deref());
            }
        }
    }
}

/// A unit; the code before its name is the region it belongs to. Nothing if it is there.
fn unit(
    lang: Lang,
    line: &Line,
    inventory: &Inventory,
    regions: &BTreeMap<String, String>,
) -> Result<Option<Draft>, String> {
    if line.name.is_empty() {
        return Err(text::setup_units_bad_line(lang, line.number, line.code.clone()));
    }
    if !line.code.is_empty() && !regions.contains_key(&line.code) {
        return Err(text::setup_units_no_region(lang, line.number, line.code.clone()));
    }
    let there = inventory.organisations.values().any(|o| o.name == line.name);
    let mut f = Filled::default();
    f.put("name", line.name.as_str());
    f.put("region", line.code.as_str());
    Ok((!there).then(|| lists::draft(Noun::Unit, &f, &made_id("org", &line.name)).all_of("units")))
}

fn show(cx: &Cx, inventory: &Inventory, filled: &Filled) -> Response {
    let l = cx.lang;
    let proposed: Vec<(String, &str)> =
        PREFECTURES.iter().map(|(code, name)| (format!("{code} {name}"), "")).collect();
    let has_prefecture = inventory.regions.values().any(|r| r.tier == Tier::Prefecture);
    let inside = html! {
        @if cx.query.text("said") == "saved" { (ui::note(Tone::Good, html! { (text::declare_saved(l)) })) }
        (filled.wrong.note(cx))
        (form::post(cx, Step::Units.path(), html! {
            section.card {
                h2 { (text::setup_units_regions(l)) }
                @if !has_prefecture || !filled.get("prefecture").is_empty() {
                    (form::suggest(&filled.field("prefecture", text::setup_units_prefecture(l), text::setup_units_prefecture_help(l)), &proposed))
                }
                (region_table(cx, inventory))
                (form::area(&Field { longest: LONGEST, ..filled.field("counties", text::setup_units_counties(l), text::setup_units_counties_help(l)) }, 5))
            }
            section.card {
                h2 { (text::setup_units_units(l)) }
                (unit_table(cx, inventory))
                (form::area(&Field { longest: LONGEST, ..filled.field("units", text::setup_units_paste(l), text::setup_units_paste_help(l)) }, 4))
            }
            button.primary type="submit" { (text::declare_save(l)) }
        }))
    };
    super::step(cx, Step::Units, inside)
}

fn blank(cx: &Cx, what: &str, code: &str, name: &str) -> Markup {
    html! {
        @for n in 1..=ROWS {
            tr {
                td { input name={ (what) "-code-" (n) } aria-label=(code) value=(cx.form.text(&format!("{what}-code-{n}"))) maxlength="12" inputmode="numeric" autocomplete="off"; }
                td { input name={ (what) "-name-" (n) } aria-label=(name) value=(cx.form.text(&format!("{what}-name-{n}"))) maxlength="200" autocomplete="off"; }
                td {}
            }
        }
    }
}

fn region_table(cx: &Cx, inventory: &Inventory) -> Markup {
    let l = cx.lang;
    let (code, name) = (text::inventory_code(l), text::inventory_name(l));
    html! {
        div.scroll tabindex="0" { table.grid.middle.codes {
            thead { tr { th scope="col" { (code) } th scope="col" { (name) } th scope="col" { (text::inventory_tier(l)) } } }
            tbody {
                @for region in inventory.regions.values().take(SHOWN) {
                    tr {
                        td { code { (region.id) } }
                        td { input name={ "n-" (region.id) } aria-label=(name) value=(region.name) maxlength="200" autocomplete="off"; }
                        td { (tier_word(l, region.tier)) }
                    }
                }
                (blank(cx, "county", code, name))
            }
        } }
        (more(cx, Noun::Region, inventory.regions.len()))
    }
}

fn unit_table(cx: &Cx, inventory: &Inventory) -> Markup {
    let l = cx.lang;
    let region = |id: Option<&RegionId>| {
        id.and_then(|id| inventory.regions.get(id)).map(|r| r.name.clone()).unwrap_or_default()
    };
    html! {
        div.scroll tabindex="0" { table.grid.middle.codes {
            thead { tr { th scope="col" { (text::inventory_code(l)) } th scope="col" { (text::inventory_name(l)) } th scope="col" { (text::asset_region(l)) } } }
            tbody {
                @for unit in inventory.organisations.values().take(SHOWN) {
                    tr {
                        td { (ui::or_none(unit.region.as_ref().map_or("", |r| r.as_str()))) }
                        td { a href={ "/inventory/unit/" (unit.id) "/edit" } { (unit.name) } }
                        td { (ui::or_none(&region(unit.region.as_ref()))) }
                    }
                }
                (blank(cx, "unit", text::inventory_code(l), text::inventory_name(l)))
            }
        } }
        (more(cx, Noun::Unit, inventory.organisations.len()))
    }
}

fn more(cx: &Cx, noun: Noun, count: usize) -> Markup {
    let l = cx.lang;
    html! { p.help { @if count > SHOWN { (text::setup_units_more(l, count)) " " } a href={ "/inventory?what=" (noun.as_str()) } { (text::setup_units_all(l)) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_lines_are_codes_and_names_however_they_are_typed() {
        let line = |number, code: &str, name: &str| Line { number, code: code.into(), name: name.into() };
        assert_eq!(
            lines("652922 温宿县\n\n６５２９２４　沙雅县\n652925\t新和县\n652926,拜城县\n  乌什县  "),
            [
                line(1, "652922", "温宿县"),
                line(3, "652924", "沙雅县"),
                line(4, "652925", "新和县"),
                line(5, "652926", "拜城县"),
                line(6, "", "乌什县"),
            ]
        );
    }
}
