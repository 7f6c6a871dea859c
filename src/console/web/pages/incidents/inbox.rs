//! The inbox: what the duty officer works from. Open and acknowledged causes, newest first, unless the address
//! says otherwise; a filter is an address, so it can be sent to a colleague or kept as a view.

use std::collections::BTreeSet;
use std::time::Duration;

use maud::{Markup, html};

use super::words::{Names, close_cause};
use crate::console::api::query::encode;
use crate::console::command::{Assigned, Inbox, IncidentSort, Scope, Words};
use crate::console::store::{InboxRow, Standing};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Format, List};
use crate::console::web::ui::table::{Bulk, Cell, Column, Plain, Row, Table};
use crate::console::web::ui::words::{OWN_PROBLEMS, own_problem};
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::incident::{CloseCause, Incident, IncidentState};
use crate::model::inventory::Inventory;
use crate::model::{RegionId, Severity};

/// Orders; the first is the default.
const SORTS: &[&str] = &["-opened", "severity", "updated", "object", "acked"];
/// Filters, in the order in which they stand in the address.
const FILTERS: &[&str] = &["state", "severity", "region", "who", "days", "symptoms", "q"];
/// Regions in the menu; whoever has more filters by the words of a name.
const MAX_REGIONS: usize = 400;
/// Where views are kept.
pub const VIEWS: &str = "incidents";

/// `GET /incidents`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let list = List::read(&cx, SORTS, FILTERS);
    let names = Names::of(&cx);
    let asked = asked(&cx, &list, &names);
    let store = &cx.service.store;
    let found = store.inbox(&cx.scope(), asked).await?;
    let table = table(&cx, &list, &names, found.items, found.next);
    if let Some(file) = table.file(&cx, "incidents")? {
        return Ok(file);
    }
    let standing = store.standing(&cx.scope()).await?;
    let inside = html! {
        (ui::heading(text::nav_incidents(l), html! {}))
        (said(&cx))
        (views(&cx, &list))
        (filters(&cx, &list, &names.inventory))
        (ui::live(&cx, "inbox", &[Topic::Incidents], html! {
            (tiles(l, &list, &standing))
            div.inbox { (table.show(&cx)) }
        }))
    };
    Ok(layout::page(&cx, Place::Incidents, text::nav_incidents(l), inside))
}

/// The address as a question to the store. What is not known in it is as if it were not there.
fn asked(cx: &Cx, list: &List, names: &Names) -> Inbox {
    use IncidentState::{Acked, Closed, Open, Resolved};
    let states = match list.filter("state") {
        Some("all") => Vec::new(),
        Some("ended") => vec![Resolved, Closed],
        Some(word) => IncidentState::parse(word).map_or_else(|| vec![Open, Acked], |state| vec![state]),
        None => vec![Open, Acked],
    };
    // `major` is that and worse, `only-major` is that alone.
    let severity = list.filter("severity").unwrap_or_default();
    let only = severity.strip_prefix("only-").and_then(Severity::parse);
    let region = list.filter("region").and_then(|r| r.parse::<RegionId>().ok());
    let words = list.filter("q").map(|q| problems_named(names, &q.to_lowercase()));
    let assigned = match list.filter("who") {
        Some("me") => Some(Assigned::To(own_names(cx))),
        Some("nobody") => Some(Assigned::Nobody),
        _ => None,
    };
    let days = list.filter("days").and_then(|d| d.parse::<u64>().ok()).filter(|d| (1..=3_660).contains(d));
    Inbox {
        states,
        min_severity: only.or_else(|| Severity::parse(severity)),
        max_severity: only,
        regions: region.into_iter().collect(),
        words,
        assigned,
        opened_since: days.map(|days| cx.now.minus(Duration::from_secs(days * 86_400))),
        causes_only: list.filter("symptoms").is_none(),
        sort: match list.sort {
            "severity" => IncidentSort::Severity,
            "updated" => IncidentSort::Updated,
            "object" => IncidentSort::Object,
            "acked" => IncidentSort::Acked,
            _ => IncidentSort::Opened,
        },
        descending: list.descending,
        limit: list.limit(),
        after: list.after.clone(),
    }
}

/// Every name under which the reader may have been given something.
fn own_names(cx: &Cx) -> Vec<String> {
    let name = cx.actor().name.to_string();
    let mut all = vec![name.clone()];
    all.extend(name.strip_prefix("user:").map(str::to_owned));
    all.extend(cx.session.as_ref().map(|s| s.display.clone()).filter(|d| !d.is_empty()));
    all
}

fn problems_named(names: &Names, text: &str) -> Words {
    let holds = |name: &str| name.to_lowercase().contains(text);
    let rules = names.definitions.rules.iter().filter(|rule| holds(&rule.zh) || holds(&rule.en));
    let mut problems: BTreeSet<String> = rules.map(|rule| rule.problem.to_string()).collect();
    let own = OWN_PROBLEMS.iter().filter(|id| Lang::ALL.iter().any(|l| own_problem(*l, id).is_some_and(holds)));
    problems.extend(own.map(|id| (*id).to_owned()));
    Words { text: text.to_owned(), problems }
}

/// What was done a moment ago.
fn said(cx: &Cx) -> Markup {
    let l = cx.lang;
    let n = cx.query.get("n").and_then(|n| n.parse::<usize>().ok()).unwrap_or(1);
    let words = match cx.query.text("said") {
        "acked" => text::incident_said_acked_all(l, n),
        "assigned" => text::incident_said_assigned_all(l, n),
        "closed" => text::incident_said_closed_all(l, n),
        _ => return html! {},
    };
    ui::note(Tone::Good, html! { (words) })
}

/// Lists that everybody needs, and those that the reader kept.
fn views(cx: &Cx, list: &List) -> Markup {
    let l = cx.lang;
    let fixed = [
        ("", text::incident_view_work(l)),
        ("state=open", text::incident_view_open(l)),
        ("who=me", text::incident_view_mine(l)),
        ("who=nobody", text::incident_view_nobody(l)),
        ("state=acked&sort=acked", text::incident_view_old_acks(l)),
        ("state=resolved", text::incident_view_to_close(l)),
        ("state=all", text::incident_view_all(l)),
    ];
    ui::views::show(cx, VIEWS, "-opened", &fixed, list)
}

fn filters(cx: &Cx, list: &List, inventory: &Inventory) -> Markup {
    let l = cx.lang;
    let states = [
        ("", text::incident_state_active(l)),
        ("open", text::state_open(l)),
        ("acked", text::state_acked(l)),
        ("resolved", text::state_resolved(l)),
        ("closed", text::state_closed(l)),
        ("ended", text::incident_state_ended(l)),
        ("all", text::table_any(l)),
    ];
    let now = list.filter("severity").unwrap_or_default();
    let mut severities = vec![(String::new(), text::table_any(l).to_owned())];
    for s in Severity::ALL.into_iter().filter(|s| *s != Severity::Info) {
        let word = badge::severity_word(l, s);
        let shown = if s == Severity::Critical { word.to_owned() } else { text::incident_severity_from(l, word) };
        severities.push((s.as_str().to_owned(), shown));
    }
    if let Some(only) = now.strip_prefix("only-").and_then(Severity::parse) {
        severities.push((now.to_owned(), text::incident_severity_only(l, badge::severity_word(l, only))));
    }
    let who = [("", text::table_any(l)), ("me", text::incident_who_me(l)), ("nobody", text::incident_who_nobody(l))];
    let days = [
        (String::new(), text::table_any(l).to_owned()),
        ("1".to_owned(), text::incident_days(l, 1)),
        ("7".to_owned(), text::incident_days(l, 7)),
        ("30".to_owned(), text::incident_days(l, 30)),
    ];
    let field = |name, label| Field { name, label, value: list.filter(name).unwrap_or_default(), ..Field::default() };
    html! {
        form.filters method="get" action="/incidents" data-auto {
            (form::select(&field("state", text::incident_state(l)), &states))
            (form::select(&field("severity", text::incident_severity(l)), &severities))
            (form::select(&field("region", text::incident_region(l)), &regions(cx, inventory)))
            (form::select(&field("who", text::incident_who(l)), &who))
            (form::select(&field("days", text::incident_opened(l)), &days))
            (form::input(&Field { kind: "search", longest: 100, ..field("q", text::incident_words(l)) }))
            @if list.sort != "opened" || !list.descending {
                input type="hidden" name="sort" value={ (if list.descending { "-" } else { "" }) (list.sort) };
            }
            (form::check("symptoms", text::incident_with_symptoms(l), list.filter("symptoms").is_some()))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.quiet href="/incidents" { (text::table_reset(l)) } }
        }
    }
}

/// The regions the reader sees, each below the one that it lies in.
fn regions(cx: &Cx, inventory: &Inventory) -> Vec<(String, String)> {
    let mut all = vec![(String::new(), text::table_any(cx.lang).to_owned())];
    let known = |id: &RegionId| inventory.regions.contains_key(id);
    let roots: Vec<RegionId> = match cx.scope() {
        Scope::Regions(roots) => roots.into_iter().filter(known).collect(),
        Scope::All => inventory
            .regions
            .values()
            .filter(|r| r.parent.as_ref().is_none_or(|parent| !known(parent)))
            .map(|r| r.id.clone())
            .collect(),
    };
    let mut open: Vec<(RegionId, usize)> = roots.into_iter().rev().map(|id| (id, 0)).collect();
    while let Some((id, depth)) = open.pop().filter(|_| all.len() <= MAX_REGIONS) {
        let Some(region) = inventory.regions.get(&id) else { continue };
        all.push((id.to_string(), format!("{}{}", "　".repeat(depth), region.name)));
        let below = inventory.regions.values().filter(|r| r.parent.as_ref() == Some(&id));
        open.extend(below.map(|r| (r.id.clone(), depth + 1)).collect::<Vec<_>>().into_iter().rev());
    }
    all
}

/// What is open, by severity; causes only, because symptoms go with them.
fn tiles(l: Lang, list: &List, standing: &[Standing]) -> Markup {
    let count = |severity: Severity, state: Option<IncidentState>| -> u64 {
        let these = standing.iter().filter(|s| s.cause && s.severity == severity);
        these.filter(|s| state.is_none_or(|state| s.state == state)).map(|s| s.n).sum()
    };
    let symptoms: u64 = standing.iter().filter(|s| !s.cause).map(|s| s.n).sum();
    let here = list.filter("severity").unwrap_or_default();
    html! {
        div.tiles.slim {
            @for severity in [Severity::Critical, Severity::Major, Severity::Minor, Severity::Warning] {
                @let all = count(severity, None);
                @let only = format!("only-{}", severity.as_str());
                a.tile.(severity.as_str()).none-here[all == 0] href={ "/incidents?severity=" (only) } aria-current=[(here == only).then_some("true")] {
                    span.head { (badge::severity(l, severity)) }
                    b { (ui::number::count(all)) }
                    span { (text::incident_tile_open(l, ui::number::count(count(severity, Some(IncidentState::Open))))) }
                }
            }
            a.tile href="/incidents?symptoms=1" {
                span.head { (text::incident_tile_symptoms(l)) }
                b { (ui::number::count(symptoms)) }
                span { (text::incident_tile_symptoms_help(l)) }
            }
        }
    }
}

fn table<'a>(cx: &Cx, list: &'a List, names: &Names, found: Vec<InboxRow>, next: Option<String>) -> Table<'a> {
    let l = cx.lang;
    let file = list.format != Format::Html;
    let mut columns = vec![
        Column::new(text::incident_state(l)),
        Column::sorted("severity", text::incident_severity(l)).down(),
        Column::sorted("object", text::incident_object(l)),
        Column::new(text::incident_problem(l)),
        Column::sorted("opened", text::incident_since(l)).down(),
        Column::new(text::incident_count(l)).number().wide(),
        Column::new(text::incident_symptoms(l)).number().wide(),
        Column::new(text::incident_flags(l)).wide(),
        Column::new(text::incident_assignee(l)),
        Column::sorted("updated", text::incident_updated(l)).down().wide(),
    ];
    if list.filter("state") == Some("acked") || file {
        columns.push(Column::sorted("acked", text::incident_acked_at(l)));
    }
    if file {
        let more = [
            text::incident_lasting(l),
            text::incident_acked_by(l),
            text::incident_ack_comment(l),
            text::incident_resolved_at(l),
            text::incident_closed_at(l),
            text::incident_close_cause(l),
            text::incident_party(l),
            text::incident_judged(l),
            text::incident_id(l),
        ];
        columns.extend(more.map(Column::new));
    }
    let acked = columns.iter().any(|c| c.sort == Some("acked"));
    let rows = found.iter().map(|row| self::row(cx, names, row, acked, file)).collect();
    Table {
        list,
        caption: text::nav_incidents(l),
        columns,
        rows,
        next,
        total: None,
        empty: empty(l, list),
        bulk: cx.operates().then(|| bulk(l)),
    }
}

fn row(cx: &Cx, names: &Names, row: &InboxRow, acked: bool, file: bool) -> Row {
    let l = cx.lang;
    let i = &row.incident;
    let object = names.object(&i.key.object);
    let problem = names.problem_of(i);
    let ended = i.resolved.or(i.closed);
    let lasting = ended.unwrap_or(cx.now).since(i.opened);
    let who = i.assignee.as_deref().map(|a| names.person(a)).unwrap_or_default();
    let mut cells = vec![
        Cell::html(badge::state(l, i.state), badge::state_word(l, i.state)),
        Cell::html(badge::severity(l, i.severity), badge::severity_word(l, i.severity)),
        Cell::html(html! { a href=(ui::object_url(&i.key.object)) { (object) } }, object.clone()),
        Cell::html(html! { a.strong href=(url(i)) { (problem) } (brief(names, i)) }, problem.clone()),
        Cell::of(
            html! { (time::at(cx, i.opened)) div.under { (text::incident_lasting(l)) " " (time::lasting(l, lasting)) } },
            Plain::Time(i.opened),
        ),
        Cell::count(i.count.into()),
        if row.symptoms == 0 { Cell::of(ui::none(), Plain::Number(0.0)) } else { Cell::count(row.symptoms) },
        Cell::html(badge::flags(l, i.flags), flag_words(l, i)),
        Cell::text(who),
        Cell::of(time::ago(cx, i.updated), Plain::Time(i.updated)),
    ];
    if acked {
        cells.push(Cell::time(cx, i.ack.as_ref().map(|a| a.at)));
    }
    if file {
        let judged: Vec<String> = i
            .contributions
            .iter()
            .map(|c| names.evidence_line(&c.rule, &c.evidence))
            .filter(|e| !e.is_empty())
            .collect();
        cells.extend([
            Cell::text(time::lasting(l, lasting)),
            Cell::text(i.ack.as_ref().map(|a| names.actor(&a.by)).unwrap_or_default()),
            Cell::text(i.ack.as_ref().map(|a| a.comment.clone()).unwrap_or_default()),
            Cell::time(cx, i.resolved),
            Cell::time(cx, i.closed),
            Cell::text(i.close_cause.map(|c| close_cause(l, c)).unwrap_or_default()),
            Cell::text(i.party.clone().unwrap_or_default()),
            Cell::text(judged.join("; ")),
            Cell::text(&*i.id),
        ]);
    }
    Row { id: i.id.to_string(), class: if i.state.active() { i.severity.as_str() } else { "" }, cells }
}

/// The page of an incident.
pub fn url(incident: &Incident) -> String {
    format!("/incidents/{}", encode(&incident.id))
}

/// The first thing that was measured, below the problem.
fn brief(names: &Names, incident: &Incident) -> Markup {
    let firing = incident.contributions.iter().find(|c| c.firing).or(incident.contributions.first());
    let line = firing.map(|c| names.evidence_brief(&c.rule, &c.evidence)).unwrap_or_default();
    html! { @if !line.is_empty() { div.under { (line) } } }
}

/// Flags in words, for files.
pub fn flag_words(l: Lang, incident: &Incident) -> String {
    let f = incident.flags;
    let all = [
        (f.maintenance, text::flag_maintenance(l)),
        (f.topology, text::flag_topology(l)),
        (f.flapping, text::flag_flapping(l)),
        (f.silence, text::flag_silence(l)),
        (f.storm, text::flag_storm(l)),
        (f.held, text::flag_held(l)),
        (f.stale, text::flag_stale(l)),
        (f.late, text::flag_late(l)),
    ];
    let set: Vec<&str> = all.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect();
    set.join(l.pick("、", ", "))
}

fn empty(l: Lang, list: &List) -> Markup {
    if list.filters.is_empty() && list.after.is_none() {
        return ui::empty(
            text::incident_none(l),
            html! { (text::incident_none_advice(l)) " " a href="/incidents?state=ended" { (text::incident_none_ended(l)) } },
        );
    }
    ui::empty(
        text::incident_none_such(l),
        html! { (text::incident_none_such_advice(l)) " " a href="/incidents" { (text::table_reset(l)) } },
    )
}

fn bulk(l: Lang) -> Bulk {
    let mut causes = vec![("", text::incident_bulk_cause(l))];
    causes.extend(CloseCause::ALL.iter().map(|c| (c.as_str(), close_cause(l, *c))));
    Bulk {
        action: "/incidents".into(),
        fields: html! {
            input name="comment" maxlength="1000" placeholder=(text::incident_bulk_comment(l)) aria-label=(text::incident_bulk_comment(l));
            select name="cause" aria-label=(text::incident_close_cause(l)) {
                @for (value, shown) in causes { option value=(value) { (shown) } }
            }
            input name="party" maxlength="200" placeholder=(text::incident_party(l)) aria-label=(text::incident_party(l));
        },
        buttons: vec![
            ("ack", text::incident_do_ack(l)),
            ("mine", text::incident_do_mine(l)),
            ("close", text::incident_do_close(l)),
        ],
    }
}
