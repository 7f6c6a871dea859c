//! What devices say of their neighbours, held against the declared links: what differs stands first, and what was
//! found can be declared with one click.

use maud::{Markup, html};

use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::topology::{self, Place as Spot, ends};
use crate::console::web::cx::{Answer, Cx, redirect, refused};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::pages::links::end_text;
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Cell, Column, Row, Table};
use crate::console::web::ui::{self, Tone, badge};
use crate::engine::topology::{Evidence, Line, State};
use crate::model::Object;
use crate::model::inventory::Inventory;

/// Orders; the first is the default.
const SORTS: &[&str] = &["state", "from", "to"];
/// Filters, in the order in which they stand in the address.
const FILTERS: &[&str] = &["state", "q"];

/// `GET /topology`
pub async fn page(cx: Cx) -> Answer {
    show(&cx, None).await
}

/// `POST /topology/{id}/adopt`
pub async fn adopt(cx: Cx) -> Answer {
    match topology::adopt(&cx.service, &cx.actor(), cx.part("id"), None).await {
        Ok((_, link)) => Ok(redirect(&format!("/topology?said=adopted&link={}", encode(link.as_str())))),
        Err(problem) => refused(show(&cx, Some(&problem)).await, &problem),
    }
}

async fn show(cx: &Cx, problem: Option<&Problem>) -> Answer {
    let l = cx.lang;
    let list = List::read(cx, SORTS, FILTERS);
    let (_, inventory) = cx.service.store.inventory();
    let lines = topology::lines(&cx.service, &cx.scope()).await?;
    let count = |state: State| lines.iter().filter(|line| line.state == state).count();
    let counts: Vec<(State, usize)> =
        State::ALL.into_iter().map(|state| (state, count(state))).filter(|(_, n)| *n > 0).collect();
    let nothing = lines.iter().all(|line| line.state == State::Unseen);
    let here = list.filter("state").and_then(State::parse);
    let wanted: Vec<String> =
        list.filter("q").unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect();
    let fits = |line: &&Line| {
        let said = format!("{}\n{}", from(&inventory, line), to(&inventory, line)).to_lowercase();
        here.is_none_or(|state| state == line.state) && wanted.iter().all(|word| said.contains(word.as_str()))
    };
    let found: Vec<&Line> = lines.iter().filter(fits).collect();
    let key = |line: &&Line| match list.sort {
        "from" => Key::text(&from(&inventory, line)),
        "to" => Key::text(&to(&inventory, line)),
        _ => Key::Number(State::ALL.iter().position(|state| *state == line.state).map(|at| at as f64)),
    };
    let id = |line: &&Line| format!("{} {} {}", from(&inventory, line), to(&inventory, line), line.id());
    let (rows, next, total) = list.page(found, id, key);
    let table = Table {
        list: &list,
        caption: text::topology_title(l),
        columns: vec![
            Column::sorted("state", text::topology_state(l)),
            Column::sorted("from", text::topology_from(l)),
            Column::sorted("to", text::topology_to(l)),
            Column::new(text::topology_evidence(l)).wide(),
            Column::new(text::topology_link(l)).wide(),
            Column::new(text::topology_do(l)),
        ],
        rows: rows.into_iter().map(|line| row(cx, &inventory, line)).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(text::topology_none_fits(l), html! { a.button href="/topology" { (text::table_reset(l)) } }),
        bulk: None,
    };
    if let Some(file) = table.file(cx, "topology")? {
        return Ok(file);
    }
    let inside = html! {
        (ui::trail(&[("/links", text::nav_links(l))]))
        (ui::heading(text::topology_title(l), html! {}))
        @if let Some(problem) = problem { (ui::note(Tone::Bad, html! { (cx.problem(problem)) })) }
        @if cx.query.text("said") == "adopted" {
            (ui::note(Tone::Good, html! { (text::topology_adopted(l)) @if let Some(link) = cx.query.get("link") { " " a href={ "/links/" (encode(link)) } { (link) } } }))
        }
        @if nothing && here.is_none() && wanted.is_empty() {
            section.card { (ui::empty(text::topology_nothing(l), html! { (text::topology_nothing_advice(l)) })) }
        }
        @if !lines.is_empty() {
            nav.views aria-label=(text::topology_state(l)) {
                a href="/topology" aria-current=[here.is_none().then_some("true")] { (text::topology_all(l)) " " (lines.len()) }
                @for (state, n) in &counts {
                    a href={ "/topology?state=" (state.as_str()) } aria-current=[(here == Some(*state)).then_some("true")] { (word(l, *state)) " " (n) }
                }
            }
            (filters(l, &list))
            (ui::live(cx, "topology", &[Topic::Inventory], table.show(cx)))
            p.help { (text::topology_legend(l)) }
        }
    };
    Ok(layout::page(cx, Place::Links, text::topology_title(l), inside))
}

fn filters(l: Lang, list: &List) -> Markup {
    let value = list.filter("q").unwrap_or_default();
    html! {
        form.filters method="get" action="/topology" data-auto {
            @if let Some(state) = list.filter("state") { input type="hidden" name="state" value=(state); }
            (form::input(&Field { name: "q", label: text::table_search(l), kind: "search", longest: 100, value, ..Field::default() }))
            button type="submit" { (text::table_filter(l)) }
            @if !list.filters.is_empty() { a.quiet href="/topology" { (text::table_reset(l)) } }
        }
    }
}

/// The word of a state.
fn word(l: Lang, state: State) -> &'static str {
    match state {
        State::WrongPort => text::topology_wrong_port(l),
        State::Missing => text::topology_missing(l),
        State::Extra => text::topology_extra(l),
        State::Stranger => text::topology_stranger(l),
        State::Unseen => text::topology_unseen(l),
        State::Agrees => text::topology_agrees(l),
    }
}

const fn tone(state: State) -> Tone {
    match state {
        State::WrongPort | State::Missing => Tone::Bad,
        State::Extra => Tone::Warn,
        State::Stranger | State::Unseen => Tone::Info,
        State::Agrees => Tone::Good,
    }
}

fn named(inventory: &Inventory, spot: &Spot) -> String {
    let (asset, port) = spot;
    let name = inventory.assets.get(asset).map_or(asset.as_str(), |a| a.name.as_str());
    format!("{name} {port}").trim_end().to_owned()
}

fn from(inventory: &Inventory, line: &Line) -> String {
    let [a, _] = ends(inventory, line);
    a.map(|spot| named(inventory, &spot)).unwrap_or_default()
}

/// The other end; a neighbour that is no asset as it calls itself.
fn to(inventory: &Inventory, line: &Line) -> String {
    let [_, b] = ends(inventory, line);
    match (b, &line.stranger) {
        (Some(spot), _) => named(inventory, &spot),
        (None, Some(stranger)) => {
            let heard = &stranger.heard;
            let name = if heard.name.is_empty() { &heard.chassis } else { &heard.name };
            format!("{name} {}", heard.port)
        }
        (None, None) => String::new(),
    }
}

fn spot(l: Lang, inventory: &Inventory, spot: &Spot) -> Markup {
    let (asset, port) = spot;
    let object = Object::Asset(asset.clone());
    html! {
        (ui::object(inventory, &object)) div.under.mono {
            @if port.is_empty() { (text::topology_no_port(l)) }
            @else { a href={ (ui::object_url(&object)) "?port=" (encode(port)) "#ports" } { (port) } }
        }
    }
}

fn row(cx: &Cx, inventory: &Inventory, line: &Line) -> Row {
    let l = cx.lang;
    let [a, b] = ends(inventory, line);
    let cell = |end: Option<Spot>, plain: String| {
        Cell::html(end.map_or_else(|| html! { (ui::or_none(&plain)) }, |end| spot(l, inventory, &end)), plain.clone())
    };
    let link = line.link.as_ref().and_then(|id| inventory.links.get(id));
    let declared = link.map(|link| format!("{} - {}", end_text(inventory, &link.a), end_text(inventory, &link.b)));
    let linked = html! {
        @match link {
            Some(link) => {
                (ui::object(inventory, &Object::Link(link.id.clone())))
                @if line.state == State::WrongPort { div.under { (text::topology_declared(l, declared.unwrap_or_default())) } }
            }
            None => (ui::none()),
        }
    };
    Row {
        id: line.id(),
        class: "",
        cells: vec![
            Cell::html(badge::toned(tone(line.state), word(l, line.state)), word(l, line.state)),
            cell(a, from(inventory, line)),
            cell(b, to(inventory, line)),
            Cell::html(html! { (evidence(l, inventory, line)) }, evidence(l, inventory, line)),
            Cell::html(linked, link.map(|link| link.name.clone()).unwrap_or_default()),
            Cell::html(action(cx, line), ""),
        ],
    }
}

fn evidence(l: Lang, inventory: &Inventory, line: &Line) -> String {
    let between = l.pick("，", ", ");
    if let Some(stranger) = &line.stranger {
        let heard = &stranger.heard;
        let address = heard.address.map(|address| address.to_string()).unwrap_or_default();
        let all = [heard.protocol.to_uppercase(), heard.chassis.to_string(), address];
        return all.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(between);
    }
    let Some(found) = &line.found else { return String::new() };
    let how = |evidence: &Evidence| match evidence {
        Evidence::Lldp => text::topology_lldp(l),
        Evidence::Cdp => text::topology_cdp(l),
        Evidence::Subnet => text::topology_subnet(l),
        Evidence::Mac => text::topology_mac(l),
    };
    let mut all: Vec<String> = found.evidence.iter().map(|e| how(e).to_owned()).collect();
    let said_by: Vec<&crate::model::AssetId> = found.said_by.iter().collect();
    all.push(match said_by.as_slice() {
        [one] => {
            let name = inventory.assets.get(*one).map_or(one.as_str(), |a| a.name.as_str());
            text::topology_one_end(l, name.to_owned())
        }
        _ => text::topology_both_ends(l).to_owned(),
    });
    if !found.members.is_empty() {
        let list: Vec<String> = found.members.iter().map(|(a, b)| format!("{a} - {b}")).collect();
        all.push(text::topology_members(l, list.join(between)));
    }
    if !found.lost.is_empty() {
        let list: Vec<String> =
            found.lost.iter().map(|(asset, port)| named(inventory, &(asset.clone(), port.to_string()))).collect();
        all.push(text::topology_lost(l, list.join(between)));
    }
    all.join(between)
}

/// One click where both ports are known; else the form, filled in as far as it goes.
fn action(cx: &Cx, line: &Line) -> Markup {
    let l = cx.lang;
    if !cx.administers() {
        return html! {};
    }
    let at = format!("/topology/{}/adopt", line.id());
    match (line.state, &line.found, &line.stranger) {
        (State::Extra, _, _) if line.adoptable() => form::button(cx, &at, text::topology_adopt(l), "", &[]),
        (State::WrongPort, _, _) if line.adoptable() => form::button(cx, &at, text::topology_correct(l), "", &[]),
        (State::Extra, Some(f), _) => {
            let query = format!(
                "a_asset={}&a_port={}&b_asset={}&b_port={}",
                encode(f.a.asset.as_str()),
                encode(&f.a.port),
                encode(f.b.asset.as_str()),
                encode(&f.b.port)
            );
            html! { a.button href={ "/links/new?" (query) } { (text::topology_by_hand(l)) } }
        }
        (_, _, Some(stranger)) => {
            let address = stranger.heard.address.map(|address| address.to_string()).unwrap_or_default();
            let query = format!("name={}&address={}", encode(&stranger.heard.name), encode(&address));
            html! { a.quiet href={ "/assets/new?" (query) } { (text::topology_asset_by_hand(l)) } }
        }
        _ => html! {},
    }
}
