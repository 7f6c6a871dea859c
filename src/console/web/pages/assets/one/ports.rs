//! The ports of an asset: what they are set to and what they do, how much goes through, and which link is on
//! them. All of it is one look at the newest values, whose traffic of the last hour is in memory: a device with
//! hundreds of ports costs no read of the journal. One port can be singled out, with its own charts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::response::Response;
use maud::{Markup, html};

use crate::console::api::problem::Problem;
use crate::console::board::{Board, PortNow};
use crate::console::store::traffic::Rate;
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::live::Topic;
use crate::console::web::pages::measured;
use crate::console::web::text;
use crate::console::web::ui::list::{Format, Key, List};
use crate::console::web::ui::table::{Cell, Column, Plain, Row, Table};
use crate::console::web::ui::{self, badge, chart, number, time, words};
use crate::model::device::Class;
use crate::model::inventory::{Asset, Link};
use crate::model::{Object, Severity};

/// Orders; the first is the default.
const SORTS: &[&str] = &["port", "alias", "oper", "speed", "in", "out", "used", "errors"];
/// What else stands in the address.
const FILTERS: &[&str] = &["span", "port"];

/// One port.
#[derive(Debug, Clone)]
struct Port {
    name: Arc<str>,
    object: Object,
    alias: String,
    now: Option<PortNow>,
    hour: Vec<Rate>,
    worst: Option<Severity>,
}

/// All of them, as asked for.
pub struct Ports {
    list: List,
    all: Vec<Port>,
    facts: BTreeMap<(Object, String), String>,
    /// How many more it has that make no series.
    left_out: u64,
}

impl Ports {
    /// Looks at the ports of an asset.
    pub async fn look(cx: &Cx, board: &Board, asset: &Asset) -> Result<Self, Problem> {
        let (store, scope) = (&cx.service.store, cx.scope());
        let facts = store.facts_of_ports(&scope, &asset.id).await?;
        let facts: BTreeMap<(Object, String), String> =
            facts.into_iter().map(|f| ((f.object, f.field), f.value)).collect();
        let mut objects: BTreeSet<Object> = store.interfaces(&scope, &asset.id).await?.into_iter().collect();
        let newest = store.newest();
        objects.extend(newest.ports(&asset.id).map(|row| row.object().clone()));
        let mut worst: BTreeMap<&Object, Severity> = BTreeMap::new();
        for incident in &board.open {
            let at = worst.entry(&incident.key.object).or_insert(incident.severity);
            *at = (*at).max(incident.severity);
        }
        let all = objects
            .into_iter()
            .filter_map(|object| {
                let Object::Interface { name, .. } = &object else { return None };
                let traffic = newest.of(&object).filter_map(|row| Some((row.at(), row.traffic()?)));
                let hour = traffic.max_by_key(|(at, _)| *at).map(|(_, t)| t.rates(board.now).collect());
                Some(Port {
                    name: name.clone(),
                    alias: facts.get(&(object.clone(), "alias".to_owned())).cloned().unwrap_or_default(),
                    now: board.port(&newest, &object),
                    hour: hour.unwrap_or_default(),
                    worst: worst.get(&object).copied(),
                    object,
                })
            })
            .collect();
        let left_out = newest.of(&Object::Asset(asset.id.clone())).find_map(|row| row.value("left_out_count"));
        let left_out = left_out.map_or(0, |n| n.max(0.0) as u64);
        Ok(Self { list: List::read(cx, SORTS, FILTERS), all, facts, left_out })
    }

    /// The ports as a file, if one was asked for.
    pub fn file(&self, cx: &Cx) -> Result<Option<Response>, Problem> {
        if self.list.format == Format::Html {
            return Ok(None);
        }
        // Links are looked up by the page alone.
        let (rows, next, total) = self.page();
        self.table(cx, &BTreeMap::new(), rows, next, total).file(cx, "ports")
    }

    fn page(&self) -> (Vec<&Port>, Option<String>, usize) {
        self.list.page(self.all.iter().collect(), |p| natural(&p.name), |p| key(p, self.list.sort))
    }

    /// The table, below the charts of the port that is singled out.
    pub fn show(&self, cx: &Cx, board: &Board, asset: &Asset, spans: impl Fn(&str) -> String) -> Markup {
        let l = cx.lang;
        if self.all.is_empty() {
            return html! {
                @if asset.snmp.is_some() { section.card #ports { h2 { (text::ports_title(l)) } (ui::empty(text::ports_none(l), html! { (text::ports_none_advice(l)) })) } }
            };
        }
        let links: BTreeMap<Object, &Link> = board
            .links()
            .flat_map(|(link, _)| {
                [&link.a, &link.b].into_iter().filter_map(|end| board.end_port(end)).map(move |port| (port, link))
            })
            .collect();
        let (rows, next, total) = self.page();
        let table = self.table(cx, &links, rows, next, total);
        let chosen = cx.query.get("port").and_then(|name| self.all.iter().find(|p| *p.name == *name));
        html! {
            section.card #ports {
                h2 { (text::ports_title(l)) }
                @if let Some(port) = chosen { (self.one(cx, port, spans)) }
                (ui::live(cx, "port-table", &[Topic::Objects], table.show(cx)))
                p.help { (text::ports_legend(l)) }
                @if let (true, Some(class)) = (self.left_out > 0, Class::named("interfaces")) { p.help { a href=(super::device::table_url(asset, class)) { (text::ports_left_out(l, number::count(self.left_out))) } } }
            }
        }
    }

    fn one(&self, cx: &Cx, port: &Port, spans: impl Fn(&str) -> String) -> Markup {
        let l = cx.lang;
        let fact = |field: &str| self.facts.get(&(port.object.clone(), field.to_owned())).map_or("", String::as_str);
        let hours = measured::hours(cx);
        html! {
            div.chosen {
                div.heading { h3 { span.mono { (port.name) } @if !port.alias.is_empty() { " " (port.alias) } } div.beside { (measured::spans(cx, spans)) } }
                @if !fact("mac").is_empty() { p { (text::ports_mac(l)) " " span.mono { (fact("mac")) } } }
                div.charts {
                    (chart::lines(cx, "chart-port", text::ports_traffic(l), "bps", hours, &measured::traffic(cx, &port.object, "")))
                    (chart::lines(cx, "chart-errors", text::ports_errors_chart(l), "/s", hours, &measured::errors(cx, &port.object)))
                }
            }
        }
    }

    fn table<'a>(
        &'a self,
        cx: &Cx,
        links: &BTreeMap<Object, &Link>,
        rows: Vec<&Port>,
        next: Option<String>,
        total: usize,
    ) -> Table<'a> {
        let l = cx.lang;
        let file = self.list.format != Format::Html;
        let unit = |page: &'static str, file_title: &'static str| if file { file_title } else { page };
        let mut columns = vec![
            Column::sorted("port", text::ports_name(l)),
            Column::sorted("oper", text::ports_oper(l)).down(),
            Column::sorted("speed", unit(text::ports_speed(l), text::ports_speed_file(l))).number().wide().down(),
            Column::sorted("in", unit(text::ports_in(l), text::ports_in_file(l))).number().down(),
            Column::sorted("out", unit(text::ports_out(l), text::ports_out_file(l))).number().down(),
            Column::new(unit(text::ports_hour(l), text::ports_hour_file(l))).wide(),
            Column::sorted("used", unit(text::ports_used(l), text::ports_used_file(l))).number().down(),
            Column::sorted("errors", text::ports_errors(l)).number().wide().down(),
            Column::new(text::ports_link(l)).wide(),
        ];
        if file {
            columns.extend([Column::new(text::ports_alias(l)), Column::new(text::ports_admin(l))]);
        }
        let chosen = cx.query.get("port").unwrap_or_default();
        let rows =
            rows.into_iter().map(|port| self.row(cx, port, links.get(&port.object).copied(), chosen)).collect();
        Table {
            list: &self.list,
            caption: text::ports_title(l),
            columns,
            rows,
            next,
            total: Some(total as u64),
            empty: html! {},
            bulk: None,
        }
    }

    fn row(&self, cx: &Cx, port: &Port, link: Option<&Link>, chosen: &str) -> Row {
        let l = cx.lang;
        let now = port.now;
        // What is old is not shown as if it were so.
        let fresh = now.filter(|n| n.fresh);
        let bits = |v: Option<f64>| Cell::value(v.map(number::bits), v);
        let used = used(port);
        let href = self.list.url(&[("port", &port.name)]);
        let name = html! {
            a.mono href={ (href) "#ports" } { (port.name) }
            @if !port.alias.is_empty() { div.under { (port.alias) } }
        };
        let admin = fresh.and_then(|n| n.admin).map_or("", |v| words::port_admin(l, v));
        let peak = port.hour.iter().map(|r| r.received_bps.max(r.sent_bps)).reduce(f64::max);
        Row {
            id: natural(&port.name).replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            class: if *port.name == *chosen { "here" } else { port.worst.map_or("", Severity::as_str) },
            cells: vec![
                Cell::html(name, port.name.to_string()),
                oper(cx, now),
                bits(fresh.and_then(|n| n.speed_bps)),
                bits(fresh.and_then(|n| n.in_bps)),
                bits(fresh.and_then(|n| n.out_bps)),
                Cell::of(hour(l, &port.hour, peak), peak.map_or(Plain::None, Plain::Number)),
                Cell::of(
                    used.map_or_else(ui::none, chart::share),
                    used.map_or(Plain::None, |v| Plain::Number(v * 100.0)),
                ),
                Cell::value(
                    fresh.and_then(|n| n.errors).map(|v| number::count(v.max(0.0) as u64)),
                    fresh.and_then(|n| n.errors),
                ),
                link.map_or_else(
                    || Cell::text(""),
                    |link| {
                        let url = ui::object_url(&Object::Link(link.id.clone()));
                        Cell::html(html! { a href=(url) { (link.name) } }, link.name.clone())
                    },
                ),
                Cell::text(port.alias.clone()),
                Cell::text(admin),
            ],
        }
    }
}

/// The traffic of the last hour, both ways, with its peak.
fn hour(l: Lang, hour: &[Rate], peak: Option<f64>) -> Markup {
    let Some(peak) = peak.filter(|_| hour.len() > 1) else { return ui::none() };
    let received: Vec<f64> = hour.iter().map(|r| r.received_bps).collect();
    let sent: Vec<f64> = hour.iter().map(|r| r.sent_bps).collect();
    chart::spark_two(&received, &sent, &text::ports_peak(l, number::bits(peak)))
}

fn used(port: &Port) -> Option<f64> {
    let now = port.now.filter(|n| n.fresh)?;
    [now.in_ratio, now.out_ratio].into_iter().flatten().reduce(f64::max)
}

/// What a port does, as a badge; one that is switched off is not broken.
pub fn oper(cx: &Cx, now: Option<PortNow>) -> Cell {
    let l = cx.lang;
    match now {
        Some(now) if !now.fresh => Cell::html(
            html! { (badge::reach(l, Some(crate::engine::expose::Reach::Unknown))) " " small { (time::ago(cx, now.at)) } },
            words::port_oper(l, 3.0),
        ),
        Some(PortNow { oper: Some(oper), admin, .. }) => {
            let word = words::port_oper(l, oper);
            let shown = match admin.filter(|admin| *admin != 0.0) {
                Some(admin) => badge::mark(words::port_admin(l, admin)),
                None => badge::good(oper == 0.0, word),
            };
            Cell::html(shown, word)
        }
        _ => Cell::text(""),
    }
}

fn key(port: &Port, sort: &str) -> Key {
    let now = port.now.filter(|n| n.fresh);
    match sort {
        "alias" => Key::text(&port.alias),
        "oper" => Key::Number(now.and_then(|n| n.oper)),
        "speed" => Key::Number(now.and_then(|n| n.speed_bps)),
        "in" => Key::Number(now.and_then(|n| n.in_bps)),
        "out" => Key::Number(now.and_then(|n| n.out_bps)),
        "used" => Key::Number(used(port)),
        "errors" => Key::Number(now.and_then(|n| n.errors)),
        _ => Key::text(&natural(&port.name)),
    }
}

/// A name whose numbers order as numbers: port 2 before port 10.
pub fn natural(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 16);
    let mut digits = String::new();
    for c in name.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            out.push_str(&format!("{digits:0>8}"));
            digits.clear();
        }
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_order_as_people_count() {
        let mut names = ["GE0/0/10", "GE0/0/2", "XGE1/0/1", "GE0/0/1"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["GE0/0/1", "GE0/0/2", "GE0/0/10", "XGE1/0/1"]);
    }
}
