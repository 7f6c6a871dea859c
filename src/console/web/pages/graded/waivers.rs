//! Waivers (例外, 风险接受): what was accepted, by whom, until when and for what, how many results each stands for now, a
//! form to grant one and a button to take it back. Those that are over stay in the list.

use std::collections::HashMap;
use std::time::Duration;

use maud::{Markup, html};

use super::{View, named, views};
use crate::baseline::due::Stage;
use crate::console::api::call::Needs;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::{Command, Outcome};
use crate::console::graded;
use crate::console::store::{FindingRow, SHIPPED};
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::audit::moment;
use crate::console::web::pages::declare::{Filled, Wrong, wrong};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::finding::Verdict;
use crate::model::inventory::Inventory;
use crate::model::waiver::{Plea, Reach, Waiver};
use crate::model::{AssetId, Wall};

/// Orders; the first is the default.
const SORTS: &[&str] = &["expires", "created", "check"];
/// Filters, in the order in which they stand in the address.
const FILTERS: &[&str] = &["state", "check", "q"];
/// Fields of the form.
const FIELDS: &[&str] = &["check", "reach", "to", "block", "reason", "compensating", "ticket", "expires", "pin"];
/// How long a waiver stands unless the form says otherwise: a quarter, in which most things can be mended.
const USUAL: Duration = Duration::from_secs(90 * 86_400);
/// Assets and labels that the form proposes; others are written by their ids.
const PROPOSED: usize = 1_000;

/// How a waiver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InForce,
    Expiring,
    Expired,
    Withdrawn,
}

impl State {
    const ALL: [Self; 4] = [Self::InForce, Self::Expiring, Self::Expired, Self::Withdrawn];
    const fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
    const fn word(self, l: Lang) -> &'static str {
        match self {
            Self::InForce => text::waiver_in_force(l),
            Self::Expiring => text::waiver_expiring(l),
            Self::Expired => text::waiver_expired(l),
            Self::Withdrawn => text::waiver_withdrawn(l),
        }
    }
    fn of(waiver: &Waiver, now: Wall) -> Self {
        match (&waiver.revoked, waiver.stands(now)) {
            (Some(_), _) => Self::Withdrawn,
            (None, false) => Self::Expired,
            (None, true) if Stage::of(days(waiver, now)).is_some() => Self::Expiring,
            (None, true) => Self::InForce,
        }
    }
}

/// Days until it ends, begun ones counted.
const fn days(waiver: &Waiver, now: Wall) -> i64 {
    (waiver.plea.expires.millis() - now.millis() + 86_399_999).div_euclid(86_400_000)
}

/// `GET /baseline/waivers`
pub async fn page(cx: Cx) -> Answer {
    show(&cx, &asked(&cx)).await
}

/// The form as an address fills it in: the page of an asset does.
fn asked(cx: &Cx) -> Filled {
    let mut filled = Filled::default();
    for name in ["check", "block"] {
        filled.put(name, cx.query.text(name));
    }
    filled.put("reach", "asset");
    filled.put("to", cx.query.text("asset"));
    let until = jiff::Timestamp::from_millisecond(cx.now.plus(USUAL).millis()).unwrap_or_default();
    filled.put("expires", until.to_zoned(cx.zone.clone()).strftime("%Y-%m-%dT18:00").to_string());
    filled
}

/// `POST /baseline/waivers`: grants one, or takes one back, as `do` says.
pub async fn submit(cx: Cx) -> Answer {
    if cx.form.text("do") == "revoke" {
        let id = cx.form.text("id").to_owned();
        return match cx.command(None, Command::WaiverRevoke { id }).await {
            Ok(_) => Ok(redirect("/baseline/waivers?said=withdrawn")),
            Err(problem) => Ok(wrong(show(&cx, &Filled { wrong: Wrong::of(&cx, &problem), ..asked(&cx) }).await?)),
        };
    }
    let mut filled = Filled::sent(&cx, FIELDS);
    match plea(&cx, &filled).await {
        Ok(plea) => {
            let reason = plea.reason.clone();
            match cx.command(Some(&reason), Command::WaiverAdd(Box::new(plea))).await {
                Ok(Outcome::Started(id)) => {
                    return Ok(redirect(&format!("/baseline/waivers?said=granted#r-{}", encode(&id))));
                }
                Ok(_) => return Ok(redirect("/baseline/waivers?said=granted")),
                Err(problem) => filled.wrong = Wrong::of(&cx, &problem),
            }
        }
        Err(why) => filled.wrong = why,
    }
    Ok(wrong(show(&cx, &filled).await?))
}

/// The form as it was sent; else what is wrong with it.
async fn plea(cx: &Cx, filled: &Filled) -> Result<Plea, Wrong> {
    let l = cx.lang;
    let to = filled.get("to");
    let reach = match filled.get("reach") {
        "asset" => AssetId::new(to).map(Reach::Asset).map_err(|_| Wrong::field("to", text::waiver_no_asset(l)))?,
        "tag" if !to.is_empty() => Reach::Tag(to.to_owned()),
        "level" => to.parse().map(Reach::Level).map_err(|_| Wrong::field("to", text::waiver_no_level(l)))?,
        "all" => Reach::All,
        _ => return Err(Wrong::field("to", text::waiver_no_reach(l))),
    };
    let expires =
        moment(cx, filled.get("expires")).ok_or_else(|| Wrong::field("expires", text::waiver_no_expiry(l)))?;
    let pin = match (&reach, filled.get("pin")) {
        (_, "") => None,
        (Reach::Asset(asset), _) => {
            let rows = cx.service.store.findings(&cx.scope(), vec![asset.clone()], false).await;
            let rows = rows.map_err(|error| Wrong::of(cx, &Problem::from(error)))?;
            let row = rows.into_iter().find(|row| row.check == filled.get("check"));
            Some(row.ok_or_else(|| Wrong::field("check", text::waiver_nothing_to_bind(l)))?.pin)
        }
        _ => return Err(Wrong::field("reach", text::waiver_bind_one(l))),
    };
    let text = |name| filled.get(name).to_owned();
    let (check, block, reason) = (text("check"), text("block"), text("reason"));
    let (compensating, ticket) = (text("compensating"), text("ticket"));
    Ok(Plea { check, reach, block, reason, compensating, ticket, expires, pin })
}

async fn show(cx: &Cx, filled: &Filled) -> Answer {
    let l = cx.lang;
    let list = List::read(cx, SORTS, FILTERS);
    let (_, inventory) = cx.service.store.inventory();
    let all = cx.service.store.waivers().await?;
    let counted = State::ALL.map(|state| all.iter().filter(|w| State::of(w, cx.now) == state).count());
    let mut found = all;
    found.retain(|waiver| fits(cx, &inventory, &list, waiver));
    let key = |waiver: &Waiver| match list.sort {
        "created" => Key::Number(Some(waiver.created.millis() as f64)),
        "check" => Key::text(&waiver.plea.check),
        _ => Key::Number(Some(waiver.plea.expires.millis() as f64)),
    };
    let (rows, next, total) = list.page(found, |waiver| waiver.id.clone(), key);
    let covered = covered(cx, &inventory, &rows).await?;
    let may = Needs::Security.lets(&cx.actor());
    let mut columns = vec![
        Column::new(text::waiver_state(l)),
        Column::sorted("check", text::graded_check(l)),
        Column::new(text::waiver_reach(l)),
        Column::new(text::waiver_why(l)),
        Column::new(text::waiver_covers(l)).number().wide(),
        Column::sorted("created", text::waiver_granted(l)).down().wide(),
        Column::sorted("expires", text::waiver_expires(l)),
    ];
    if may {
        columns.push(Column::new(text::users_do(l)));
    }
    let table = Table {
        list: &list,
        caption: text::waiver_title(l),
        columns,
        rows: rows.iter().map(|waiver| row(cx, &inventory, waiver, &covered, may)).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(text::waiver_none(l), html! { (text::waiver_none_advice(l)) }),
        bulk: None,
    };
    if let Some(file) = table.file(cx, "waivers")? {
        return Ok(file);
    }
    let said = match cx.query.text("said") {
        "granted" => Some(text::waiver_said_granted(l)),
        "withdrawn" => Some(text::waiver_said_withdrawn(l)),
        _ => None,
    };
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l))]))
        (ui::heading(text::waiver_title(l), html! { @if may { a.button href="#grant" { (text::waiver_grant(l)) } } }))
        p.help { (text::waiver_help(l)) }
        (views(l, View::Waivers, None))
        @if let Some(said) = said { (ui::note(Tone::Good, html! { (said) })) }
        (filled.wrong.note(cx))
        (ui::live(cx, "waivers", &[Topic::Baseline], html! {
            (filters(l, &list, counted))
            (table.show(cx))
        }))
        @if may { (grant(cx, &inventory, filled)) }
    };
    Ok(layout::page(cx, Place::Baseline, text::waiver_title(l), inside))
}

fn fits(cx: &Cx, inventory: &Inventory, list: &List, waiver: &Waiver) -> bool {
    let state = State::of(waiver, cx.now);
    let plea = &waiver.plea;
    let shown = match list.filter("state") {
        // What counts: those that stand.
        None => matches!(state, State::InForce | State::Expiring),
        Some("all") => true,
        Some(word) => word == state.as_str(),
    };
    let said = || {
        let to = match &plea.reach {
            Reach::Asset(asset) => format!("{asset} {}", named(inventory, asset)),
            Reach::Tag(tag) => tag.clone(),
            Reach::Level(_) | Reach::All => String::new(),
        };
        format!("{} {} {} {} {to} {}", plea.check, plea.reason, plea.compensating, plea.ticket, waiver.approver)
            .to_lowercase()
    };
    let words = super::words_of(list);
    shown
        && list.filter("check").is_none_or(|check| check == plea.check)
        && (words.is_empty() || words.iter().all(|word| said().contains(word.as_str())))
}

/// How many results that are not met each waiver stands for now, by id: of the reader's assets, waiver by waiver.
async fn covered(cx: &Cx, inventory: &Inventory, rows: &[Waiver]) -> Result<HashMap<String, usize>, Problem> {
    let (store, scope) = (&cx.service.store, cx.scope());
    let mut assets: Vec<AssetId> = store.inspected(&scope).await?.into_iter().map(|row| row.asset).collect();
    // A waiver of one asset needs no other's results.
    if rows.iter().all(|waiver| matches!(waiver.plea.reach, Reach::Asset(_))) {
        assets.retain(|asset| {
            rows.iter().any(|waiver| matches!(&waiver.plea.reach, Reach::Asset(one) if one == asset))
        });
    }
    let mut unmet: HashMap<String, Vec<FindingRow>> = HashMap::new();
    for row in store.findings(&scope, assets, false).await? {
        if matches!(row.result, Verdict::Fail | Verdict::Partial) {
            unmet.entry(row.check.clone()).or_default().push(row);
        }
    }
    let of = |waiver: &Waiver| {
        let one = std::slice::from_ref(waiver);
        let all = unmet.get(&waiver.plea.check).into_iter().flatten();
        all.filter(|row| graded::waiver(inventory, row, one, cx.now).is_some()).count()
    };
    Ok(rows.iter().map(|waiver| (waiver.id.clone(), of(waiver))).collect())
}

fn row(cx: &Cx, inventory: &Inventory, waiver: &Waiver, covered: &HashMap<String, usize>, may: bool) -> Row {
    let l = cx.lang;
    let plea = &waiver.plea;
    let state = State::of(waiver, cx.now);
    let (to, to_plain) = reach(cx, inventory, &plea.reach);
    let count = covered.get(&waiver.id).copied().unwrap_or(0);
    let lapsed = state == State::InForce && count == 0;
    let title = SHIPPED.checks.get(&plea.check).map_or("", |check| l.pick(&check.title.zh, &check.title.en));
    let mut cells = vec![
        Cell::html(
            html! { (standing(l, waiver, state, cx.now)) @if let Some((at, by)) = &waiver.revoked { div.under { (by) " " (time::at(cx, *at)) } } },
            state.word(l),
        ),
        Cell::html(html! { span.mono { (plea.check) } div.under { (title) } }, format!("{} {title}", plea.check)),
        Cell::html(
            html! { (to) @if !plea.block.is_empty() { div.under.mono { (plea.block) } } @if plea.pin.is_some() { div { (badge::mark(text::waiver_bound(l))) } } },
            format!("{to_plain} {}", plea.block).trim(),
        ),
        Cell::html(
            html! {
                (plea.reason)
                @if !plea.compensating.is_empty() { div.under { (text::waiver_compensating(l)) ": " (plea.compensating) } }
                @if !plea.ticket.is_empty() { div.under { (text::waiver_ticket(l)) ": " (plea.ticket) } }
            },
            format!("{} {} {}", plea.reason, plea.compensating, plea.ticket).trim(),
        ),
        Cell::of(
            html! { (count) @if lapsed { div.under { (text::waiver_covers_none(l)) } } },
            Plain::Number(count as f64),
        ),
        Cell::of(
            html! { (waiver.approver) div.under { (time::at(cx, waiver.created)) } },
            Plain::Time(waiver.created),
        ),
        Cell::time(cx, Some(plea.expires)),
    ];
    if may {
        let hidden = [("do", "revoke"), ("id", waiver.id.as_str())];
        let button = || form::button(cx, "/baseline/waivers", text::waiver_withdraw(l), "danger", &hidden);
        cells.push(Cell::html(html! { @if waiver.stands(cx.now) { (button()) } }, ""));
    }
    Row { id: waiver.id.clone(), class: "", cells }
}

/// How it stands, in a badge with its days.
fn standing(l: Lang, waiver: &Waiver, state: State, now: Wall) -> Markup {
    let (tone, word) = match state {
        State::InForce => (Tone::Good, text::waiver_days(l, state.word(l), days(waiver, now))),
        State::Expiring => (Tone::Warn, text::waiver_days(l, state.word(l), days(waiver, now))),
        State::Expired | State::Withdrawn => (Tone::Info, state.word(l).to_owned()),
    };
    badge::toned(tone, &word)
}

/// What it is for: shown, and plain.
fn reach(cx: &Cx, inventory: &Inventory, reach: &Reach) -> (Markup, String) {
    let l = cx.lang;
    let plain = match reach {
        Reach::Asset(asset) => {
            let name = named(inventory, asset);
            return (html! { a.title href={ "/baseline/" (encode(asset.as_str())) } { (name) } }, name);
        }
        Reach::Tag(tag) => text::waiver_of_tag(l, tag.as_str()),
        Reach::Level(level) => text::waiver_of_level(l, *level),
        Reach::All => text::waiver_of_all(l).to_owned(),
    };
    (html! { (plain) }, plain)
}

fn filters(l: Lang, list: &List, counted: [usize; State::ALL.len()]) -> Markup {
    let field = |name, label| Field { name, label, value: list.filter(name).unwrap_or_default(), ..Field::default() };
    let mut states = vec![(String::new(), text::waiver_standing(l).to_owned())];
    states.extend(
        State::ALL
            .iter()
            .zip(counted)
            .map(|(state, n)| (state.as_str().to_owned(), format!("{} ({n})", state.word(l)))),
    );
    states.push(("all".to_owned(), text::waiver_every(l).to_owned()));
    html! {
        form.filters method="get" action="/baseline/waivers" data-auto {
            (form::select(&field("state", text::waiver_state(l)), &states))
            (form::input(&Field { longest: 64, ..field("check", text::graded_check(l)) }))
            (form::input(&Field { kind: "search", longest: 100, ..field("q", text::table_search(l)) }))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.quiet href="/baseline/waivers" { (text::table_reset(l)) } }
        }
    }
}

fn grant(cx: &Cx, inventory: &Inventory, filled: &Filled) -> Markup {
    let l = cx.lang;
    let checks: Vec<(&str, &str)> =
        SHIPPED.checks.values().map(|check| (check.id.as_str(), l.pick(&check.title.zh, &check.title.en))).collect();
    let assets = inventory.assets.values().map(|asset| (asset.id.to_string(), asset.name.clone()));
    let mut tags: Vec<&String> = inventory.assets.values().flat_map(|asset| &asset.tags).collect();
    tags.sort_unstable();
    tags.dedup();
    let tags = tags.into_iter().map(|tag| (tag.clone(), text::waiver_tag(l).to_owned()));
    let proposals: Vec<(String, String)> = tags.chain(assets).take(PROPOSED).collect();
    let reaches = [
        ("asset", text::graded_asset(l)),
        ("tag", text::waiver_tag(l)),
        ("level", text::sheet_level_head(l)),
        ("all", text::waiver_of_all(l)),
    ];
    let long = |field| Field { longest: 600, ..field };
    html! {
        section.card #grant {
            h2 { (text::waiver_grant(l)) }
            (form::post(cx, "/baseline/waivers", html! {
                input type="hidden" name="do" value="add";
                div.columns-2 {
                    (form::suggest(&filled.must("check", text::graded_check(l), text::waiver_check_help(l)), &checks))
                    (form::select(&filled.field("reach", text::waiver_reach(l), ""), &reaches))
                    (form::suggest(&filled.field("to", text::waiver_to(l), text::waiver_to_help(l)), &proposals))
                    (form::input(&filled.field("block", text::waiver_block(l), text::waiver_block_help(l))))
                    (form::area(&long(filled.must("reason", text::waiver_reason(l), "")), 3))
                    (form::area(&long(filled.field("compensating", text::waiver_compensating(l), text::waiver_compensating_help(l))), 3))
                    (form::input(&filled.field("ticket", text::waiver_ticket(l), "")))
                    (form::input(&Field { kind: "datetime-local", ..filled.must("expires", text::waiver_expires(l), text::waiver_expires_help(l)) }))
                }
                p { (form::check("pin", text::waiver_bind(l), !filled.get("pin").is_empty())) }
                p.help { (text::waiver_approver_help(l, cx.actor().name.as_ref())) }
                button.primary type="submit" { (text::waiver_grant(l)) }
            }))
        }
    }
}

/// Waivers that stand for results of these rows, the one that ends first in front, with how many they stand for.
pub(super) fn standing_for<'w>(
    inventory: &Inventory,
    rows: &[FindingRow],
    waivers: &'w [Waiver],
    now: Wall,
) -> Vec<(&'w Waiver, usize)> {
    let mut all: Vec<(&Waiver, usize)> = Vec::new();
    for row in rows.iter().filter(|row| matches!(row.result, Verdict::Fail | Verdict::Partial)) {
        let Some(waiver) = graded::waiver(inventory, row, waivers, now) else { continue };
        match all.iter_mut().find(|(one, _)| one.id == waiver.id) {
            Some((_, count)) => *count += 1,
            None => all.push((waiver, 1)),
        }
    }
    all.sort_by_key(|(waiver, _)| waiver.plea.expires);
    all
}

/// A short list of them.
pub(super) fn listed(cx: &Cx, inventory: &Inventory, all: &[(&Waiver, usize)]) -> Markup {
    let l = cx.lang;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(text::waiver_title(l)) { table.grid {
            thead { tr { th scope="col" { (text::graded_check(l)) } th scope="col" { (text::waiver_reach(l)) } th scope="col" { (text::waiver_why(l)) } th.number scope="col" { (text::waiver_covers(l)) } th scope="col" { (text::waiver_granted(l)) } th scope="col" { (text::waiver_expires(l)) } } }
            tbody { @for (waiver, count) in all {
                tr {
                    td.mono { (waiver.plea.check) }
                    td { (reach(cx, inventory, &waiver.plea.reach).0) }
                    td { (waiver.plea.reason) @if !waiver.plea.compensating.is_empty() { div.under { (text::waiver_compensating(l)) ": " (waiver.plea.compensating) } } }
                    td.number { (count) }
                    td { (waiver.approver) }
                    td { (time::at(cx, waiver.plea.expires)) " " (standing(l, waiver, State::of(waiver, cx.now), cx.now)) }
                }
            } }
        } }
    }
}

/// The page on which a waiver of a result is granted.
pub(super) fn grant_url(asset: &AssetId, check: &str) -> String {
    format!("/baseline/waivers?check={}&asset={}#grant", encode(check), encode(asset.as_str()))
}
