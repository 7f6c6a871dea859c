//! What devices said of themselves: lines, newest first, searched by words, sender, severity and time. It shows what was
//! heard and by whom, and says of whom nothing is known; it changes and deletes nothing.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::audit::moment;
use crate::config::defs::{Definitions, Judge};
use crate::config::pattern::Pattern;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::Page;
use crate::console::store::{EventFilter, EventRow};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::List;
use crate::console::web::ui::table::{Cell, Column, Row, Table};
use crate::console::web::ui::{self, Tone, badge, number};
use crate::model::hearing;
use crate::model::inventory::Inventory;
use crate::model::wire::{LogSource, MAX_UNMAPPED, SEVERITIES};
use crate::model::{AgentId, AssetId, Object};

const SORTS: &[&str] = &["-at"];
const FILTERS: &[&str] = &["q", "source", "asset", "sender", "severity", "tag", "from", "to"];
/// The value of the filter by asset that stands for senders which are none.
const UNKNOWN: &str = "-";
/// Rows that the store gives at once.
const AT_ONCE: usize = 1_000;

/// `GET /events`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let list = List::read(&cx, SORTS, FILTERS);
    let (filter, wrong) = filter(&cx, &list);
    // A filter that cannot be read finds nothing, rather than everything.
    let (rows, next) = if wrong.is_empty() { rows(&cx, &list, &filter).await? } else { (Vec::new(), None) };
    let (_, inventory) = cx.service.store.inventory();
    let definitions = cx.service.definitions();
    let meanings = meanings(&definitions, l);
    let table = Table {
        list: &list,
        caption: text::nav_events(l),
        columns: vec![
            Column::new(text::events_col_at(l)),
            Column::new(text::events_col_whose(l)),
            Column::new(text::events_col_severity(l)),
            Column::new(text::events_col_tag(l)).wide(),
            Column::new(text::events_col_text(l)),
            Column::new(text::events_col_count(l)).number().wide(),
            Column::new(text::events_col_agent(l)).wide(),
        ],
        rows: rows.iter().map(|r| row(&cx, &inventory, &meanings, r)).collect(),
        next,
        total: None,
        empty: empty(&cx, &list),
        bulk: None,
    };
    if let Some(file) = table.file(&cx, "events")? {
        return Ok(file);
    }
    let inside = html! {
        (ui::heading(text::nav_events(l), html! {}))
        p.help { (text::events_help(l)) }
        (form_of(&cx, &list, &inventory, &wrong))
        (table.show(&cx))
        (unmapped(&cx, &inventory))
    };
    Ok(layout::page(&cx, Place::Events, text::nav_events(l), inside))
}

/// What rules take a tag for: an OID says nothing to most readers.
type Meanings<'a> = BTreeMap<(LogSource, &'a str), String>;

fn meanings(definitions: &Definitions, l: Lang) -> Meanings<'_> {
    let mut all = Meanings::new();
    for rule in &definitions.rules {
        let Judge::Match(used) = &rule.judge else { continue };
        let name = l.pick(&rule.zh, &rule.en);
        for tag in used.raise.iter().filter_map(|written| Pattern::tag_of(written)) {
            all.entry((used.source, tag)).or_insert_with(|| name.to_owned());
        }
        for tag in used.clear.iter().filter_map(|written| Pattern::tag_of(written)) {
            all.entry((used.source, tag)).or_insert_with(|| text::events_clears(l, name));
        }
    }
    all
}

/// What agents heard most often that no rule speaks of, since they began to listen.
fn unmapped(cx: &Cx, inventory: &Inventory) -> Markup {
    let l = cx.lang;
    let agents = cx.service.store.agents();
    let seen = agents.iter().filter(|row| cx.service.store.sees(&cx.scope(), &Object::Agent(row.id.clone())));
    let heard = seen.flat_map(|row| row.status.iter().flat_map(|status| &status.heard).map(move |h| (&row.id, h)));
    let mut all: Vec<(&AgentId, &str, &str, u64)> = heard
        .flat_map(|(id, h)| h.unmapped_tags.iter().map(move |(tag, n)| (id, h.source.as_str(), tag.as_str(), *n)))
        .collect();
    all.sort_by_key(|(id, _, tag, n)| (std::cmp::Reverse(*n), *tag, *id));
    all.truncate(MAX_UNMAPPED);
    if all.is_empty() {
        return html! {};
    }
    html! {
        details.card {
            summary { strong { (text::events_unmapped(l)) } }
            p.help { (text::events_unmapped_help(l)) }
            table.grid {
                thead { tr {
                    th scope="col" { (text::events_col_tag(l)) } th scope="col" { (text::events_col_source(l)) }
                    th.number scope="col" { (text::events_col_count(l)) } th.wide scope="col" { (text::events_col_agent(l)) }
                } }
                tbody { @for (id, source, tag, n) in &all { tr {
                    td { a.mono href={ "/events?tag=" (encode(tag)) } { (tag) } }
                    td { @if *source == LogSource::Trap.as_str() { (text::events_trap(l)) } @else { (source) } }
                    td.number { (number::count(*n)) }
                    td.wide { (ui::object(inventory, &Object::Agent((*id).clone()))) }
                } } }
            }
        }
    }
}

fn empty(cx: &Cx, list: &List) -> Markup {
    let l = cx.lang;
    if !list.filters.is_empty() {
        return ui::empty(text::events_none(l), html! { a href="/events" { (text::table_reset(l)) } });
    }
    let first = if cx.service.store.hears() { text::events_nothing(l) } else { text::events_never(l) };
    ui::empty(
        first,
        html! { p.help { (text::events_how(l)) } pre { "[syslog]\nlisten = [\"[::]:514\"]\n[trap]\nlisten = [\"[::]:162\"]" } },
    )
}

/// The filter of an address, and the names of the fields that could not be read.
fn filter(cx: &Cx, list: &List) -> (EventFilter, Vec<&'static str>) {
    let text = |name: &str| list.filter(name).map(str::trim).filter(|t| !t.is_empty());
    let mut filter = EventFilter {
        words: text("q").unwrap_or_default().to_owned(),
        tag: text("tag").map(str::to_owned),
        source: text("source").and_then(LogSource::parse),
        unknown: text("asset") == Some(UNKNOWN),
        ..EventFilter::default()
    };
    let mut wrong = Vec::new();
    if let Some(given) = text("asset").filter(|given| *given != UNKNOWN) {
        filter.asset = AssetId::new(given).ok();
        wrong.extend(filter.asset.is_none().then_some("asset"));
    }
    if let Some(given) = text("sender") {
        filter.sender = given.parse().ok();
        wrong.extend(filter.sender.is_none().then_some("sender"));
    }
    if let Some(given) = text("severity") {
        filter.severity = SEVERITIES.iter().zip(0..).find(|(word, _)| **word == given).map(|(_, n)| n);
    }
    for (name, place) in [("from", &mut filter.from), ("to", &mut filter.to)] {
        if let Some(given) = text(name) {
            *place = moment(cx, given);
            wrong.extend(place.is_none().then_some(name));
        }
    }
    (filter, wrong)
}

/// The rows of a page, or all that a file takes.
async fn rows(cx: &Cx, list: &List, filter: &EventFilter) -> Result<(Vec<EventRow>, Option<String>), Problem> {
    let (mut rows, mut after) = (Vec::new(), list.after.clone());
    loop {
        let page = Page { limit: (list.limit() - rows.len()).min(AT_ONCE), after };
        let found = cx.service.store.events(&cx.scope(), filter.clone(), page).await?;
        rows.extend(found.items);
        after = found.next;
        if after.is_none() || rows.len() >= list.limit() {
            return Ok((rows, after));
        }
    }
}

fn form_of(cx: &Cx, list: &List, inventory: &Inventory, wrong: &[&str]) -> Markup {
    let l = cx.lang;
    let value = |name: &str| list.filter(name).unwrap_or_default();
    let any = (String::new(), text::table_any(l).to_owned());
    let sources = [
        any.clone(),
        ("syslog".to_owned(), text::events_syslog(l).to_owned()),
        ("trap".to_owned(), text::events_trap(l).to_owned()),
    ];
    let source =
        Field { name: "source", label: text::events_col_source(l), value: value("source"), ..Field::default() };
    let severities: Vec<(String, String)> = std::iter::once(any)
        .chain(SEVERITIES.iter().zip(0..).map(|(word, n)| ((*word).to_owned(), severity_word(l, n).to_owned())))
        .collect();
    let bad = |name: &'static str, said| wrong.contains(&name).then_some(said);
    let line = |name, label, list, said| Field {
        name,
        label,
        kind: "search",
        value: value(name),
        list,
        error: bad(name, said),
        ..Field::default()
    };
    let when = |name: &'static str, label| Field {
        name,
        label,
        kind: "datetime-local",
        value: value(name),
        error: bad(name, text::audit_time_wrong(l)),
        ..Field::default()
    };
    let least = Field {
        name: "severity",
        label: text::events_least_severity(l),
        value: value("severity"),
        ..Field::default()
    };
    html! {
        form.filters method="get" action="/events" data-auto {
            (form::input(&line("q", text::table_search(l), "", "")))
            (form::select(&source, &sources))
            (form::input(&line("asset", text::events_col_asset(l), "assets", text::events_asset_wrong(l))))
            datalist id="assets" {
                option value=(UNKNOWN) { (text::events_unknown(l)) }
                @for asset in inventory.assets.values().filter(|a| sees(cx, &a.id)).take(AT_ONCE) {
                    option value=(asset.id) { (asset.name) }
                }
            }
            (form::input(&line("sender", text::events_col_sender(l), "", text::events_sender_wrong(l))))
            (form::select(&least, &severities))
            (form::input(&line("tag", text::events_col_tag(l), "", "")))
            (form::input(&when("from", text::audit_from(l))))
            (form::input(&when("to", text::audit_to(l))))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.button href="/events" { (text::table_reset(l)) } }
        }
    }
}

fn sees(cx: &Cx, asset: &AssetId) -> bool {
    cx.service.store.sees(&cx.scope(), &Object::Asset(asset.clone()))
}

fn row(cx: &Cx, inventory: &Inventory, meanings: &Meanings<'_>, row: &EventRow) -> Row {
    let (l, heard) = (cx.lang, &row.heard);
    let sender = heard.from.to_string();
    let whose = match &heard.asset {
        Some(id) => {
            let name = ui::object_name(inventory, &Object::Asset(id.clone()));
            Cell::html(
                html! { a href={ "/assets/" (encode(id.as_str())) } { (name) } br; small.mono { (sender) } },
                name,
            )
        }
        None => Cell::html(html! { span.mono { (sender) } br; small { (text::events_unknown(l)) } }, sender),
    };
    let said = match heard.source {
        LogSource::Syslog if heard.host.is_empty() => html! { (heard.text) },
        LogSource::Syslog => html! { (heard.text) br; small { (heard.host) } },
        LogSource::Trap => html! { (badge::mark(text::events_trap(l))) " " (heard.text) },
    };
    let other = hearing::without_zero(&heard.tag);
    let meaning = meanings
        .get(&(heard.source, heard.tag.as_str()))
        .or_else(|| meanings.get(&(heard.source, other.as_deref()?)));
    let tag = html! {
        @if heard.tag.is_empty() { (ui::none()) }
        @else { a.mono href={ "/events?tag=" (encode(&heard.tag)) } { (heard.tag) } }
        @if let Some(meaning) = meaning { br; small { (meaning) } }
    };
    let agent = inventory.agents.get(&row.agent).map_or_else(|| row.agent.to_string(), |agent| agent.name.clone());
    Row {
        id: row.id.to_string(),
        class: "",
        cells: vec![
            Cell::time(cx, Some(heard.at)),
            whose,
            Cell::html(badge::toned(tone(heard.severity), severity_word(l, heard.severity)), heard.severity_word()),
            Cell::html(tag, heard.tag.clone()),
            Cell::html(said, heard.text.clone()),
            Cell::count(u64::from(heard.count)),
            Cell::text(agent),
        ],
    }
}

const fn tone(severity: u8) -> Tone {
    match severity {
        0..=3 => Tone::Bad,
        4 => Tone::Warn,
        _ => Tone::Info,
    }
}

/// What a severity of syslog is called.
const fn severity_word(l: Lang, severity: u8) -> &'static str {
    match severity {
        0 => text::events_severity_emergency(l),
        1 => text::events_severity_alert(l),
        2 => text::events_severity_critical(l),
        3 => text::events_severity_error(l),
        4 => text::events_severity_warning(l),
        5 => text::events_severity_notice(l),
        6 => text::events_severity_info(l),
        _ => text::events_severity_debug(l),
    }
}

#[cfg(test)]
mod tests;
