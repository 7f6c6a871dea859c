//! Agents (探针): who watches from where, who fell silent, whose clock is off, who cannot do all it was told.
//! The list shows what needs a look before everything else; how an agent comes and goes stands in `enroll`.

pub mod enroll;
pub mod one;
mod watch;

use maud::{Markup, html};

use crate::console::store::AgentRow;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, Tone, badge, number, time};
use crate::model::inventory::{AgentDecl, Inventory};
use crate::model::wire::AgentStatus;
use crate::model::{Object, Wall};

/// A clock that is off by more makes the times of incidents doubtful; `clock-skew` is raised there too.
const CLOCK_OFF_MS: u64 = 2_000;
/// Certificates live 90 days and renew at two thirds; one with less left than this has failed to for days.
const RENEWAL_LATE_DAYS: u64 = 25;

const SORTS: &[&str] = &["name", "state", "heard", "clock", "spool", "dropped", "certificate"];
const FILTERS: &[&str] = &["q", "state", "region", "zone"];

/// How an agent stands; what needs a look comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Silent,
    Revoked,
    Unenrolled,
    Heard,
}

impl Standing {
    const ALL: [Self; 4] = [Self::Heard, Self::Silent, Self::Unenrolled, Self::Revoked];

    const fn of(row: &AgentRow) -> Self {
        match (&row.revoked, row.enrolled, row.alive) {
            (Some(_), _, _) => Self::Revoked,
            (None, None, _) => Self::Unenrolled,
            (None, Some(_), true) => Self::Heard,
            (None, Some(_), false) => Self::Silent,
        }
    }
    const fn as_str(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::Silent => "silent",
            Self::Unenrolled => "unenrolled",
            Self::Revoked => "revoked",
        }
    }
    const fn word(self, lang: Lang) -> &'static str {
        match self {
            Self::Heard => text::agents_heard(lang),
            Self::Silent => text::agents_silent(lang),
            Self::Unenrolled => text::agents_unenrolled(lang),
            Self::Revoked => text::agents_revoked(lang),
        }
    }
    fn badge(self, lang: Lang) -> Markup {
        match self {
            Self::Heard => badge::good(true, self.word(lang)),
            Self::Silent => badge::good(false, self.word(lang)),
            Self::Unenrolled | Self::Revoked => badge::toned(Tone::Info, self.word(lang)),
        }
    }
}

/// Agents within the reader's scope.
fn seen(cx: &Cx) -> Vec<AgentRow> {
    let (store, scope) = (&cx.service.store, cx.scope());
    store.agents().into_iter().filter(|row| store.sees(&scope, &Object::Agent(row.id.clone()))).collect()
}

fn name(inventory: &Inventory, row: &AgentRow) -> String {
    ui::object_name(inventory, &Object::Agent(row.id.clone()))
}

/// Region and zone by name, empty where nothing is declared.
fn place(inventory: &Inventory, row: &AgentRow) -> (String, String) {
    let Some(decl) = inventory.agents.get(&row.id) else { return (String::new(), String::new()) };
    let region = decl.region.as_ref().map(|id| ui::object_name(inventory, &Object::Region(id.clone())));
    let zone = inventory.zones.get(&decl.zone).map_or_else(|| decl.zone.to_string(), |zone| zone.name.clone());
    (region.unwrap_or_default(), zone)
}

fn clock_off(row: &AgentRow) -> bool {
    row.skew_ms.is_some_and(|ms| ms.unsigned_abs() > CLOCK_OFF_MS)
}

/// How far a clock is off, in words: `skew_ms` is the console's clock minus the agent's.
fn clock(lang: Lang, row: &AgentRow) -> Markup {
    let Some(ms) = row.skew_ms else { return ui::none() };
    let by = number::seconds(lang, ms.unsigned_abs() as f64 / 1e3);
    let said = match ms {
        0 => by,
        1.. => text::agents_clock_behind(lang, by),
        _ => text::agents_clock_ahead(lang, by),
    };
    if clock_off(row) {
        badge::toned(Tone::Warn, &said)
    } else {
        html! { (said) }
    }
}

/// How long the certificate is good, marked when it should have been renewed.
fn certificate(cx: &Cx, row: &AgentRow) -> Markup {
    let Some(expires) = row.certificate_expires else { return ui::none() };
    let days = expires.since(cx.now).as_secs() / 86_400;
    let (said, tone) = if expires <= cx.now {
        (text::agents_certificate_over(cx.lang).to_owned(), Some(Tone::Bad))
    } else {
        (text::agents_days_left(cx.lang, days), (days < RENEWAL_LATE_DAYS).then_some(Tone::Warn))
    };
    let shown = tone.map_or_else(|| html! { (said) }, |tone| badge::toned(tone, &said));
    html! { span title=(time::plain(cx, expires)) { (shown) } }
}

fn of_status<T>(row: &AgentRow, read: impl Fn(&AgentStatus) -> T) -> Option<T> {
    row.status.as_ref().map(read)
}

fn limited(row: &AgentRow) -> usize {
    row.status.as_ref().map_or(0, |s| s.limits.len())
}

fn wanted(list: &List, inventory: &Inventory, row: &AgentRow) -> bool {
    let decl = inventory.agents.get(&row.id);
    let state = list.filter("state").is_none_or(|state| match state {
        "clock" => clock_off(row),
        "limits" => limited(row) > 0,
        state => Standing::of(row).as_str() == state,
    });
    let in_region = |wanted: &str| decl.and_then(|d| d.region.as_ref()).is_some_and(|id| id.as_str() == wanted);
    let in_zone = |wanted: &str| decl.is_some_and(|d| d.zone.as_str() == wanted);
    let found = list.filter("q").is_none_or(|q| {
        let q = q.to_lowercase();
        let host = row.status.as_ref().map_or("", |s| s.hostname.as_str());
        [row.id.as_str(), &name(inventory, row), host].iter().any(|text| text.to_lowercase().contains(&q))
    });
    state && found && list.filter("region").is_none_or(in_region) && list.filter("zone").is_none_or(in_zone)
}

fn key(list: &List, inventory: &Inventory, row: &AgentRow) -> Key {
    let time = |at: Option<Wall>| Key::Number(at.map(|at| at.millis() as f64));
    let count = |n: Option<u64>| Key::Number(n.map(|n| n as f64));
    match list.sort {
        "state" => Key::Number(Some(f64::from(Standing::of(row) as u8))),
        "heard" => time(row.last_heard),
        "clock" => Key::Number(row.skew_ms.map(|ms| ms.unsigned_abs() as f64)),
        "spool" => count(of_status(row, |s| s.spool_records)),
        "dropped" => count(of_status(row, |s| s.spool_dropped)),
        "certificate" => time(row.certificate_expires),
        _ => Key::text(&name(inventory, row)),
    }
}

/// `GET /agents`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let list = List::read(&cx, SORTS, FILTERS);
    let all = seen(&cx);
    let matching: Vec<AgentRow> = all.iter().filter(|row| wanted(&list, &inventory, row)).cloned().collect();
    let (rows, next, total) = list.page(matching, |r| r.id.to_string(), |r| key(&list, &inventory, r));
    let table = Table {
        list: &list,
        caption: text::nav_agents(l),
        columns: columns(l),
        rows: rows.iter().map(|r| row(&cx, &inventory, r)).collect(),
        next,
        total: Some(total as u64),
        empty: nothing(&cx, all.is_empty()),
        bulk: None,
    };
    if let Some(file) = table.file(&cx, "agents")? {
        return Ok(file);
    }
    let add = html! { @if cx.administers() { a.button.primary href="/enroll" { (text::agents_add(l)) } } };
    let shown = html! { (tiles(&cx, &all)) (table.show(&cx)) };
    let inside = html! {
        (ui::heading(text::nav_agents(l), add))
        (filters(&cx, &list, &inventory))
        (ui::live(&cx, "agents", &[Topic::Agents, Topic::Inventory], shown))
    };
    Ok(layout::page(&cx, Place::Agents, text::nav_agents(l), inside))
}

fn nothing(cx: &Cx, at_all: bool) -> Markup {
    let l = cx.lang;
    if !at_all {
        return ui::empty(text::agents_no_match(l), html! { a href="/agents" { (text::table_reset(l)) } });
    }
    let add = html! { @if cx.administers() { " " a href="/enroll" { (text::agents_add(l)) } } };
    ui::empty(text::agents_none(l), html! { (text::agents_none_advice(l)) (add) })
}

fn tiles(cx: &Cx, all: &[AgentRow]) -> Markup {
    let l = cx.lang;
    let standing = |s: Standing| all.iter().filter(|r| Standing::of(r) == s).count();
    let off = all.iter().filter(|r| clock_off(r)).count();
    let limits = all.iter().filter(|r| limited(r) > 0).count();
    let tile = |state: &str, class: &'static str, n: usize, word: &str| {
        let class = (n > 0).then_some(class);
        html! { a.tile.(class.unwrap_or("zero")) href={ "/agents?state=" (state) } { b { (n) } span { (word) } } }
    };
    html! {
        div.tiles {
            (tile("heard", "up", standing(Standing::Heard), text::agents_heard(l)))
            (tile("silent", "down", standing(Standing::Silent), text::agents_silent(l)))
            (tile("clock", "minor", off, text::agents_clock_off(l)))
            (tile("limits", "minor", limits, text::agents_limited(l)))
            (tile("unenrolled", "warning", standing(Standing::Unenrolled), text::agents_unenrolled(l)))
        }
    }
}

fn filters(cx: &Cx, list: &List, inventory: &Inventory) -> Markup {
    let l = cx.lang;
    let with_any = |some: Vec<(String, String)>| {
        let any = (String::new(), text::table_any(l).to_owned());
        std::iter::once(any).chain(some).collect::<Vec<_>>()
    };
    let mut states: Vec<(String, String)> =
        Standing::ALL.iter().map(|s| (s.as_str().to_owned(), s.word(l).to_owned())).collect();
    states.push(("clock".to_owned(), text::agents_clock_off(l).to_owned()));
    states.push(("limits".to_owned(), text::agents_limited(l).to_owned()));
    // Only where agents stand: a prefecture has a hundred townships.
    let used = |read: &dyn Fn(&AgentDecl) -> Option<(String, String)>| {
        let all: std::collections::BTreeMap<String, String> = inventory.agents.values().filter_map(read).collect();
        all.into_iter().collect::<Vec<_>>()
    };
    let regions = used(&|a| {
        let id = a.region.clone()?;
        Some((id.to_string(), ui::object_name(inventory, &Object::Region(id))))
    });
    let zones = used(&|a| {
        Some((
            a.zone.to_string(),
            inventory.zones.get(&a.zone).map_or_else(|| a.zone.to_string(), |z| z.name.clone()),
        ))
    });
    let choice = |name: &'static str, label: &'static str, some: Vec<(String, String)>| {
        let field = Field { name, label, value: list.filter(name).unwrap_or_default(), ..Field::default() };
        form::select(&field, &with_any(some))
    };
    let search = list.filter("q").unwrap_or_default();
    html! {
        form.filters method="get" action="/agents" data-auto {
            (form::input(&Field { name: "q", label: text::table_search(l), kind: "search", value: search, ..Field::default() }))
            (choice("state", text::agents_col_state(l), states))
            (choice("region", text::agents_region(l), regions))
            (choice("zone", text::agents_zone(l), zones))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.button href="/agents" { (text::table_reset(l)) } }
        }
    }
}

fn columns(l: Lang) -> Vec<Column> {
    vec![
        Column::sorted("name", text::agents_col_name(l)),
        Column::sorted("state", text::agents_col_state(l)),
        Column::new(text::agents_col_place(l)).wide(),
        Column::sorted("heard", text::agents_col_heard(l)),
        Column::new(text::agents_col_version(l)).wide(),
        Column::sorted("clock", text::agents_col_clock(l)).number(),
        Column::sorted("spool", text::agents_col_spool(l)).number().wide(),
        Column::sorted("dropped", text::agents_col_dropped(l)).number().wide(),
        Column::new(text::agents_col_skipped(l)).number().wide(),
        Column::new(text::agents_col_limits(l)).wide(),
        Column::sorted("certificate", text::agents_col_certificate(l)).number().wide(),
    ]
}

fn row(cx: &Cx, inventory: &Inventory, row: &AgentRow) -> Row {
    let l = cx.lang;
    let standing = Standing::of(row);
    Row {
        id: row.id.to_string(),
        class: if standing == Standing::Silent { "critical" } else { "" },
        cells: vec![
            named(inventory, row),
            Cell::html(standing.badge(l), standing.word(l)),
            placed(inventory, row),
            Cell::of(
                row.last_heard.map_or_else(ui::none, |at| time::ago(cx, at)),
                row.last_heard.map_or(Plain::None, Plain::Time),
            ),
            version(l, row),
            Cell::of(clock(l, row), row.skew_ms.map_or(Plain::None, |ms| Plain::Number(-(ms as f64) / 1e3))),
            spool(row),
            counted(of_status(row, |s| s.spool_dropped), true),
            counted(of_status(row, |s| s.skipped_runs), false),
            limits(l, row),
            Cell::of(certificate(cx, row), row.certificate_expires.map_or(Plain::None, Plain::Time)),
        ],
    }
}

fn named(inventory: &Inventory, row: &AgentRow) -> Cell {
    let title = name(inventory, row);
    let href = ui::object_url(&Object::Agent(row.id.clone()));
    let shown = html! {
        a href=(href) { (title) }
        @if title != row.id.as_str() { br; small.mono { (row.id) } }
    };
    Cell::html(shown, title)
}

fn placed(inventory: &Inventory, row: &AgentRow) -> Cell {
    let (region, zone) = place(inventory, row);
    let shown = html! { (ui::or_none(&region)) @if !zone.is_empty() { br; small { (zone) } } };
    Cell::html(shown, format!("{region} {zone}").trim().to_owned())
}

fn version(l: Lang, row: &AgentRow) -> Cell {
    let Some(status) = &row.status else { return Cell::text("") };
    let up = time::lasting(l, std::time::Duration::from_secs(status.uptime_seconds));
    Cell::html(html! { (status.version) br; small { (up) } }, status.version.clone())
}

fn spool(row: &AgentRow) -> Cell {
    let Some(status) = &row.status else { return Cell::text("") };
    let shown = html! {
        (number::count(status.spool_records))
        @if status.spool_records > 0 { br; small { (number::bytes(status.spool_bytes as f64)) } }
    };
    Cell::of(shown, Plain::Number(status.spool_records as f64))
}

fn counted(n: Option<u64>, bad: bool) -> Cell {
    match n {
        Some(n) if bad && n > 0 => Cell::of(badge::toned(Tone::Warn, &number::count(n)), Plain::Number(n as f64)),
        n => Cell::value(n.map(number::count), n.map(|n| n as f64)),
    }
}

fn limits(l: Lang, row: &AgentRow) -> Cell {
    let n = limited(row);
    let href = format!("{}#limits", ui::object_url(&Object::Agent(row.id.clone())));
    let shown = html! {
        @if n > 0 { a href=(href) { (badge::toned(Tone::Warn, &text::agents_limits_count(l, n))) } } @else { (ui::none()) }
    };
    Cell::of(shown, Plain::Number(n as f64))
}

#[cfg(test)]
mod tests;
