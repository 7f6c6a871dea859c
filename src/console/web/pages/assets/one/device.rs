//! What a device says of itself: identity, and each of its tables with its rows sorted, searched and paged. All of it is
//! the last report; how old that is stands above it, and which tables did not come whole, and why.

use std::time::Duration;

use maud::{Markup, html};

use super::fresh;
use crate::config::zh;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::store::{Fact as Told, ReportRow};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, Tone, badge, number, time};
use crate::model::device::report::ROAMING;
use crate::model::device::{CLASSES, Class, DEVICE, Device, Fact, Holds, Part, SENSORS, Thing, report};
use crate::model::inventory::Asset;
use crate::model::secret::Secret;
use crate::model::{AssetId, Object, Wall};

/// Fields by which some table can be ordered; a field that the table at hand lacks is its first one.
const SORTS: &[&str] = &[
    "name",
    "index",
    "alias",
    "type",
    "admin",
    "oper",
    "speed_bps",
    "mtu",
    "mac",
    "ratio",
    "used_ratio",
    "size_bytes",
    "used_bytes",
    "free_bytes",
    "kind",
    "value",
    "status",
    "protocol",
    "local_port",
    "port",
    "chassis",
    "address",
    "description",
    "id",
    "prefix_length",
    "interface",
    "fdb",
    "peer",
    "remote_as",
    "state",
    "local_address",
    "established_seconds",
    "router_id",
];
/// Columns of ports that a telephone has no room for.
const WIDE: &[&str] = &["index", "type", "admin", "speed_bps", "mtu", "mac", "aggregate"];
/// Classes of which values are measured again and again.
const MEASURED: &[&str] = &["interfaces", "cpu", "memory", "sensors"];
/// What else stands in the address.
const FILTERS: &[&str] = &["table", "q"];
/// Changes of what the device is, newest first.
const MOST_CHANGES: usize = 10;
/// So long another serial number is told of as a danger: until somebody has looked, and an exchange is common knowledge.
const LATELY: Duration = Duration::from_secs(30 * 86_400);
/// The facts whose changes are told: another box, other parts, another system.
const IDENTITY: [&str; 3] = ["serial", "model", "os_version"];

/// The last report of an asset.
struct Seen {
    row: ReportRow,
    device: Device,
}

async fn look(cx: &Cx, asset: &AssetId) -> Result<Option<Seen>, Problem> {
    let Some(row) = cx.service.store.report(&cx.scope(), asset).await? else { return Ok(None) };
    // Some thousand rows take a while to read: not on a thread of the runtime.
    let packed = row.packed.clone();
    let read = move || Some(report::read(&serde_json::from_str(&packed.text()?).ok()?));
    let device = tokio::task::spawn_blocking(read).await.ok().flatten();
    Ok(device.map(|device| Seen { row, device }))
}

/// The asset of the address, if the reader may see it.
pub fn asset_of(cx: &Cx) -> Result<Asset, Problem> {
    let unknown = || Problem::unknown("资产", "asset", cx.part("id"));
    let id = AssetId::new(cx.part("id")).map_err(|_| unknown())?;
    let (_, inventory) = cx.service.store.inventory();
    let seen = cx.service.store.sees(&cx.scope(), &Object::Asset(id.clone()));
    inventory.assets.get(&id).filter(|_| seen).cloned().ok_or_else(unknown)
}

/// The profile by which an asset was read last.
pub async fn profile_of(cx: &Cx, asset: &AssetId) -> Result<Option<String>, Problem> {
    Ok(look(cx, asset).await?.and_then(|seen| seen.device.fact("profile").text().map(str::to_owned)))
}

/// The card on the page of an asset: what it is, how much of what it has, and since when nothing changed.
pub async fn card(cx: &Cx, asset: &Asset) -> Result<Markup, Problem> {
    let l = cx.lang;
    if asset.snmp.is_none() {
        return Ok(html! {});
    }
    let seen = look(cx, &asset.id).await?;
    Ok(html! {
        section.card #device {
            h2 { (text::device_title(l)) }
            @match &seen {
                None => { (nothing(cx, asset)) (raw(cx, asset)) }
                Some(seen) => {
                    (identity(cx, seen))
                    (incomplete(cx, &seen.device))
                    p { @for (at, class) in filled(&seen.device) { @if at > 0 { " · " } a href=(table_url(asset, class)) { (l.pick(class.zh, class.en)) " " (number::count(seen.device.of(class.name).len() as u64)) } } }
                }
            }
        }
    })
}

/// `GET /assets/{id}/device`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let asset = &asset_of(&cx)?;
    let object = Object::Asset(asset.id.clone());
    let title = text::device_page(l, asset.name.clone());
    let seen = look(&cx, &asset.id).await?;
    let inside = match &seen {
        None => html! { (nothing(&cx, asset)) (super::walk::card(&cx, asset, None, raw(&cx, asset)).await?) },
        Some(seen) => {
            let class =
                cx.query.get("table").and_then(Class::named).or_else(|| filled(&seen.device).next().map(|(_, c)| c));
            let mut shown = html! {};
            if let Some(class) = class {
                let list = list(&cx, class);
                // Of what moves the report tells how it was when it left, and who is on the air is news once an hour; all else
                // would have been news at once.
                let moves = MEASURED.contains(&class.name) || ROAMING.contains(&class.name);
                let then = if moves { seen.row.at } else { looked(&cx, seen) };
                let now = fresh::of(&cx.service.store.newest(), &asset.id, class, &seen.device, then);
                let table = table(&cx, &list, class, seen, &now);
                if let Some(file) = table.file(&cx, class.name)? {
                    return Ok(file);
                }
                let rows = table.show(&cx);
                shown = html! {
                    (search(&cx, class, &list))
                    div.device { @if now.moves { (ui::live(&cx, "device-table", &[Topic::Objects], rows)) } @else { (rows) } }
                };
            }
            let changes = changes(&cx, &object).await?;
            let identity = ui::live(&cx, "device-identity", &[Topic::Objects], identity(&cx, seen));
            html! {
                section.card { h2 { (text::device_identity(l)) } (identity) (changes) }
                (incomplete(&cx, &seen.device))
                section.card {
                    nav.tabs aria-label=(text::device_tables(l)) { ul {
                        @for (_, other) in filled(&seen.device) {
                            li { a href=(table_url(asset, other)) aria-current=[class.filter(|c| c.name == other.name).map(|_| "page")] {
                                (l.pick(other.zh, other.en)) " " small { (number::count(seen.device.of(other.name).len() as u64)) }
                            } }
                        }
                    } }
                    (shown)
                }
                (super::walk::card(&cx, asset, seen.device.fact("profile").text(), raw(&cx, asset)).await?)
            }
        }
    };
    let above = format!("/assets/{}", encode(asset.id.as_str()));
    let inside = html! {
        (ui::trail(&[("/assets", text::nav_assets(l)), (&above, &asset.name)]))
        (ui::heading(&title, html! { @if seen.is_some() { a.button href={ "/api/v1" (above) "/report" } { "JSON" } } }))
        (inside)
    };
    Ok(layout::page(&cx, Place::Assets, &title, inside))
}

/// The classes of which there is something, with their place among them.
fn filled(device: &Device) -> impl Iterator<Item = (usize, &'static Class)> {
    CLASSES.iter().filter(|class| !device.of(class.name).is_empty()).enumerate()
}

/// Where a table of the report stands.
pub(super) fn table_url(asset: &Asset, class: &Class) -> String {
    format!("/assets/{}/device?table={}", encode(asset.id.as_str()), class.name)
}

fn nothing(cx: &Cx, asset: &Asset) -> Markup {
    let l = cx.lang;
    let why = if asset.snmp.is_some() { text::device_none_yet(l) } else { text::device_none_snmp(l) };
    html! { (ui::empty(text::device_none(l), html! { (why) })) }
}

/// How to see the same by hand, and what the profile does not read.
fn raw(cx: &Cx, asset: &Asset) -> Markup {
    let host = asset.address.clone().unwrap_or_default();
    let port = asset.snmp.as_ref().map(|snmp| snmp.port).filter(|port| *port != 161);
    let target = port.map_or(host.clone(), |port| format!("{host}:{port}"));
    let secret = asset.snmp.as_ref().and_then(|snmp| cx.service.store.secret(&snmp.secret));
    let who = asked_as(secret.as_ref());
    html! {
        @if !host.is_empty() {
            details { summary { (text::walk_by_hand(cx.lang)) }
                pre { "fengsui snmp detect " (target) " " (who) "\nfengsui snmp poll " (target) " " (who) " --format json\nfengsui snmp walk " (target) " 1.3.6.1.2.1 " (who) }
            }
        }
    }
}

/// The options by which the command line asks as the agent does; what is secret stays a word to be filled in.
fn asked_as(secret: Option<&Secret>) -> String {
    match secret {
        Some(Secret::SnmpV3 { auth, privacy, .. }) => {
            let keyed = |option: &str, algorithm: Option<&str>| {
                algorithm.map_or_else(String::new, |algorithm| format!(" --v3-{option} {algorithm}:KEYFILE"))
            };
            let auth = keyed("auth", auth.as_ref().map(|(algorithm, _)| algorithm.as_str()));
            format!(
                "--v3-user USER{auth}{}",
                keyed("privacy", privacy.as_ref().map(|(algorithm, _)| algorithm.as_str()))
            )
        }
        Some(Secret::SnmpCommunity { v1: true, .. }) => "--v1 --community NAME".to_owned(),
        _ => "--community NAME".to_owned(),
    }
}

fn identity(cx: &Cx, seen: &Seen) -> Markup {
    let l = cx.lang;
    let looked = looked(cx, seen);
    let uptime = fresh::uptime(&cx.service.store.newest(), &seen.row.asset);
    let uptime = uptime.filter(|(at, _)| *at > seen.row.at).map(|(_, seconds)| seconds);
    let told = DEVICE.parts.iter().zip(&seen.device.facts).filter(|(_, fact)| !fact.is_null());
    let mut pairs: Vec<(&str, Markup)> = told
        .map(|(part, fact)| match (part.name, fact.number()) {
            ("uptime_seconds", Some(then)) => {
                let seconds = uptime.unwrap_or(then).clamp(0.0, 1e12);
                (text::device_uptime(l), html! { (time::lasting(l, Duration::from_secs_f64(seconds))) })
            }
            (name, Some(seconds)) if name.ends_with("_seconds") => (
                l.pick(part.zh, part.en),
                html! { (time::lasting(l, Duration::from_secs_f64(seconds.clamp(0.0, 1e12)))) },
            ),
            _ => (l.pick(part.zh, part.en), html! { (words(l, &DEVICE, part, fact)) }),
        })
        .collect();
    pairs.push((text::device_read(l), html! { (time::ago(cx, looked)) " " small { (text::device_changed(l)) " " (time::ago(cx, seen.row.changed)) } }));
    ui::facts(&pairs)
}

fn incomplete(cx: &Cx, device: &Device) -> Markup {
    let l = cx.lang;
    if device.incomplete.is_empty() {
        return html! {};
    }
    ui::note(
        Tone::Warn,
        html! {
            (text::device_incomplete(l))
            ul { @for cut in &device.incomplete {
                li { (Class::named(cut.class).map_or(cut.class, |class| l.pick(class.zh, class.en))) ": " (l.pick(&zh::text(&cut.reason), &cut.reason)) (kept(cx, device, cut.class)) }
            } }
        },
    )
}

/// How many rows of a class are of an earlier look, and of which time.
fn kept(cx: &Cx, device: &Device, class: &str) -> Markup {
    match device.kept(class) {
        (rows, Some(at)) => html! { "; " (text::device_kept(cx.lang, rows)) " " (time::at(cx, at)) },
        _ => html! {},
    }
}

/// When the device became another: the first value of each is no change.
async fn changes(cx: &Cx, object: &Object) -> Result<Markup, Problem> {
    let l = cx.lang;
    let mut all: Vec<(Told, String)> = Vec::new();
    for field in IDENTITY {
        let told = cx.service.store.fact_changes(&cx.scope(), object, field).await?;
        let before: Vec<String> = told.iter().skip(1).map(|fact| fact.value.clone()).collect();
        all.extend(told.into_iter().zip(before));
    }
    all.sort_by_key(|(fact, _)| std::cmp::Reverse(fact.at));
    let name = |field: &str| match field {
        "serial" => text::device_serial(l),
        "model" => text::device_model(l),
        _ => text::device_version(l),
    };
    let now = cx.service.clock.wall();
    let swapped = all.iter().any(|(fact, _)| fact.field == "serial" && now.since(fact.at) < LATELY);
    Ok(html! {
        @if swapped { (ui::note(Tone::Bad, html! { (text::device_swapped(l)) })) }
        @if !all.is_empty() {
            h3 { (text::device_changes(l)) }
            ul.plain { @for (fact, before) in all.iter().take(MOST_CHANGES) {
                li { (time::at(cx, fact.at)) " " (name(&fact.field)) ": " span.mono { (before) } " → " span.mono { (fact.value) } }
            } }
        }
    })
}

fn list(cx: &Cx, class: &Class) -> List {
    let mut list = List::read(cx, SORTS, FILTERS);
    if class.place(list.sort).is_none()
        && let Some(first) = class.parts.first()
    {
        list.sort = first.name;
    }
    list
}

fn search(cx: &Cx, class: &Class, list: &List) -> Markup {
    let l = cx.lang;
    let value = list.filter("q").unwrap_or_default();
    html! {
        form.filters method="get" action=(list.path) data-auto {
            input type="hidden" name="table" value=(class.name);
            (form::input(&Field { name: "q", label: text::table_search(l), kind: "search", longest: 100, value, ..Field::default() }))
            button type="submit" { (text::table_filter(l)) }
            @if !value.is_empty() { a.quiet href={ (list.path) "?table=" (class.name) } { (text::table_reset(l)) } }
        }
    }
}

/// When what stands in a report was so last: if it changed, there would be another.
fn looked(cx: &Cx, seen: &Seen) -> Wall {
    let looked = fresh::looked(&cx.service.store.newest(), &seen.row.asset, &seen.row.probe);
    looked.map_or(seen.row.at, |at| at.max(seen.row.at))
}

fn table<'a>(cx: &Cx, list: &'a List, class: &'static Class, seen: &Seen, now: &'a fresh::Seen) -> Table<'a> {
    let l = cx.lang;
    let wanted: Vec<String> =
        list.filter("q").unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect();
    let says = |thing: &&(usize, &Thing)| {
        let all: Vec<String> = thing.1.facts.iter().map(plain).collect();
        let all = all.join("\n").to_lowercase();
        wanted.iter().all(|word| all.contains(word.as_str()))
    };
    let things: Vec<(usize, &Thing)> = now.things.iter().enumerate().collect();
    // A column in which nothing stands is none.
    let stands = |at: usize| things.iter().any(|(_, thing)| thing.facts.get(at).is_some_and(|fact| !fact.is_null()));
    let shown: Vec<(usize, &'static Part)> = class.parts.iter().enumerate().filter(|(at, _)| stands(*at)).collect();
    let found: Vec<(usize, &Thing)> = things.iter().filter(says).copied().collect();
    let key = |thing: &Thing| match thing.fact(class, list.sort) {
        // Hexadecimal digits are no numbers to count by.
        Fact::Text(text) if matches!(list.sort, "mac" | "chassis") => Key::text(text),
        Fact::Text(text) => Key::text(&super::ports::natural(text)),
        other => Key::Number(other.number()),
    };
    let (rows, next, total) = list.page(found, |(at, _)| format!("{at:06}"), |(_, thing)| key(thing));
    let columns = shown.iter().map(|(_, part)| {
        let column = Column::sorted(part.name, l.pick(part.zh, part.en));
        let column = if matches!(part.holds, Holds::Number | Holds::Count) { column.number() } else { column };
        if class.name == "interfaces" && WIDE.contains(&part.name) { column.wide() } else { column }
    });
    let rated = now.rates.iter().any(|(received, sent)| received.or(*sent).is_some());
    let titles = [text::ports_in(l), text::ports_out(l)];
    let rates: &[&str] = if rated { &titles } else { &[] };
    // Where rows are of different times, each says of which.
    let mixed = MEASURED.contains(&class.name) || seen.device.kept(class.name).1.is_some();
    let row = |(at, thing): (usize, &Thing)| {
        let dead =
            thing.fact(class, "admin").text() == Some("up") && thing.fact(class, "oper").text() == Some("down");
        let cells = shown.iter().map(|(at, part)| match thing.facts.get(*at).unwrap_or(&Fact::Null) {
            // What is switched off is not broken.
            fact if dead && part.name == "oper" => {
                let said = words(l, class, part, fact);
                Cell::html(badge::toned(Tone::Bad, &said), said)
            }
            fact => cell(l, class, part, fact),
        });
        let (received, sent) = now.rates.get(at).copied().unwrap_or_default();
        let rates = rates.iter().zip([received, sent]).map(|(_, rate)| Cell::value(rate.map(number::bits), rate));
        let when = thing.as_of.filter(|_| mixed).map(|when| Cell::of(time::ago(cx, when), Plain::Time(when)));
        Row { id: at.to_string(), class: "", cells: cells.chain(rates).chain(when).collect() }
    };
    Table {
        list,
        caption: l.pick(class.zh, class.en),
        columns: columns
            .chain(rates.iter().map(|title| Column::new(title).number()))
            .chain(mixed.then(|| Column::new(text::device_as_of(l))))
            .collect(),
        rows: rows.into_iter().map(row).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(
            text::device_none_fits(l),
            html! { a.button href={ (list.path) "?table=" (class.name) } { (text::table_reset(l)) } },
        ),
        bulk: None,
    }
}

fn cell(l: Lang, class: &Class, part: &Part, fact: &Fact) -> Cell {
    let said = words(l, class, part, fact);
    match (fact, part.name) {
        (Fact::Null, _) => Cell::text(""),
        (Fact::Text(word), "status" | "oper" | "state") => Cell::html(standing(word, &said), said),
        (Fact::Text(_), "mac" | "address" | "chassis" | "peer" | "router_id" | "local_address") => {
            Cell::html(html! { span.mono { (said) } }, said)
        }
        (Fact::Text(_), _) => Cell::text(said),
        (other, _) => Cell::of(html! { (said) }, other.number().map_or(Plain::None, Plain::Number)),
    }
}

/// A word that is good or bad, as a badge.
fn standing(word: &str, said: &str) -> Markup {
    match word {
        "ok" | "up" | "established" | "full" => badge::toned(Tone::Good, said),
        "critical" => badge::toned(Tone::Bad, said),
        "warning" => badge::toned(Tone::Warn, said),
        _ => badge::mark(said),
    }
}

fn plain(fact: &Fact) -> String {
    match fact {
        Fact::Null => String::new(),
        Fact::Text(text) => text.to_string(),
        Fact::Number(number) => number.to_string(),
        Fact::Count(count) => count.to_string(),
    }
}

/// A value as people read it.
fn words(l: Lang, class: &Class, part: &Part, fact: &Fact) -> String {
    match (part.name, fact) {
        (_, Fact::Null) => String::new(),
        ("kind", Fact::Text(kind)) => SENSORS
            .iter()
            .find(|s| *s.name == **kind)
            .map_or_else(|| kind.to_string(), |s| l.pick(s.zh, s.en).to_owned()),
        (_, Fact::Text(word)) if matches!(part.holds, Holds::Word(_)) => word_of(l, word).to_owned(),
        (_, Fact::Text(text)) => text.to_string(),
        ("ratio" | "used_ratio", other) => other.number().map(number::percent).unwrap_or_default(),
        ("speed_bps", other) => other.number().map(number::bits).unwrap_or_default(),
        ("size_bytes" | "used_bytes" | "free_bytes", other) => other.number().map(number::bytes).unwrap_or_default(),
        (name, Fact::Number(seconds)) if name.ends_with("_seconds") => number::seconds(l, *seconds),
        (_, Fact::Count(count)) if class.name != "vlans" && part.name.ends_with("octets") => number::count(*count),
        (_, other) => plain(other),
    }
}

/// The words of the classes; what is a name of its own (`lldp`, `established`) stays.
fn word_of(l: Lang, word: &str) -> &str {
    match word {
        "ok" => text::device_word_ok(l),
        "warning" => text::device_word_warning(l),
        "critical" => text::device_word_critical(l),
        "absent" => text::device_word_absent(l),
        "unknown" => text::device_word_unknown(l),
        "up" => text::device_word_up(l),
        "down" => text::device_word_down(l),
        "testing" => text::device_word_testing(l),
        "dormant" => text::device_word_dormant(l),
        "not_present" => text::device_word_not_present(l),
        "lower_layer_down" => text::device_word_lower_layer_down(l),
        "dynamic" => text::device_word_dynamic(l),
        "static" => text::device_word_static(l),
        "local" => text::device_word_local(l),
        "learned" => text::device_word_learned(l),
        "self" => text::device_word_self(l),
        "other" => text::device_word_other(l),
        "lldp" => "LLDP",
        "cdp" => "CDP",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretText;
    use crate::model::secret::{SnmpAuth, SnmpPrivacy};

    #[test]
    fn a_device_is_asked_by_hand_as_the_agent_asks_it_and_no_secret_is_shown() {
        let key = || SecretText::new("hidden-key");
        let v3 = |auth, privacy| Secret::SnmpV3 { user: "hidden".to_owned(), auth, privacy, context: String::new() };
        for (secret, wanted) in [
            (v3(None, None), "--v3-user USER"),
            (
                v3(Some((SnmpAuth::Sha256, key())), Some((SnmpPrivacy::Aes128, key()))),
                "--v3-user USER --v3-auth sha256:KEYFILE --v3-privacy aes128:KEYFILE",
            ),
            (Secret::SnmpCommunity { v1: true, community: key() }, "--v1 --community NAME"),
            (Secret::SnmpCommunity { v1: false, community: key() }, "--community NAME"),
        ] {
            assert_eq!(asked_as(Some(&secret)), wanted);
        }
        assert_eq!(asked_as(None), "--community NAME");
    }
}
