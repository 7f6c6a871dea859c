//! A link by hand: two ends, each a port of an asset or a peer that is not ours. Ports that agents saw on an
//! asset are proposed. The set-up uses the same form.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use maud::{Markup, html};

use super::{Draft, Filled, Refused, Wrong, made_id, quoted, several, wrong};
use crate::config::units::format_capacity;
use crate::console::api::problem::Problem;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::ui::form;
use crate::console::web::{text, ui};
use crate::model::inventory::{Asset, Inventory, Link, LinkEnd, LinkTier, Side};
use crate::model::{AssetId, LinkId, Object};

/// The fields of the form.
const FIELDS: &[&str] = &[
    "id",
    "name",
    "a_asset",
    "a_port",
    "a_peer",
    "a_address",
    "b_asset",
    "b_port",
    "b_peer",
    "b_address",
    "tier",
    "capacity",
    "carrier",
    "circuit",
    "hotline",
    "watch",
    "tags",
];
/// Assets that a field proposes; with more of them a person writes a part of the name.
const MOST_PROPOSED: usize = 300;
/// Ports that a field proposes.
const MOST_PORTS: usize = 600;
/// Assets that fit what was written and are named.
const MOST_NAMED: usize = 8;

/// What came of a form that was sent.
pub enum Taken {
    /// Saved under this id.
    Saved(LinkId),
    /// To be shown again.
    Again(Filled),
}

/// An empty form, or what the query proposes.
pub fn empty(cx: &Cx) -> Filled {
    let mut filled = Filled::default();
    filled.put("tier", LinkTier::Access.as_str());
    for name in FIELDS {
        if let Some(value) = cx.query.get(name) {
            filled.put(name, value);
        }
    }
    filled
}

/// `GET /links/new`
pub async fn new(cx: Cx) -> Answer {
    let filled = empty(&cx);
    show(&cx, None, &filled).await
}

/// `GET /links/{id}/edit`
pub async fn edit(cx: Cx) -> Answer {
    let link = found(&cx)?;
    show(&cx, Some(&link), &Filled { values: values(&link), wrong: Wrong::default() }).await
}

/// `POST /links/new`
pub async fn create(cx: Cx) -> Answer {
    submit(&cx, None).await
}

/// `POST /links/{id}/edit`
pub async fn change(cx: Cx) -> Answer {
    let link = found(&cx)?;
    submit(&cx, Some(&link)).await
}

fn found(cx: &Cx) -> Result<Link, Problem> {
    let all = cx.service.store.inventory().1;
    all.links.get(cx.part("id")).cloned().ok_or_else(|| Problem::unknown("链路", "link", cx.part("id")))
}

async fn submit(cx: &Cx, link: Option<&Link>) -> Answer {
    match take(cx, link).await? {
        Taken::Saved(id) => Ok(redirect(&format!("/links/{id}?said=saved"))),
        Taken::Again(filled) => {
            let bad = !filled.wrong.is_empty();
            let page = show(cx, link, &filled).await?;
            Ok(if bad { wrong(page) } else { page })
        }
    }
}

/// Saves what was sent, unless it was only asked which ports there are.
pub async fn take(cx: &Cx, link: Option<&Link>) -> Result<Taken, Problem> {
    let mut filled = Filled::sent(cx, FIELDS);
    if cx.form.text("do") == "ports" {
        filled.wrong = resolve(cx.lang, &mut filled, &cx.service.store.inventory().1);
        return Ok(Taken::Again(filled));
    }
    let (_, inventory) = cx.service.store.inventory();
    let missing = resolve(cx.lang, &mut filled, &inventory);
    if !missing.is_empty() {
        filled.wrong = missing;
        return Ok(Taken::Again(filled));
    }
    let id = match link {
        Some(link) => link.id.to_string(),
        None => given_id(&filled, &inventory),
    };
    if link.is_none() && inventory.links.contains_key(id.as_str()) {
        filled.wrong = Wrong::field("id", text::declare_taken(cx.lang, id));
        return Ok(Taken::Again(filled));
    }
    let saved = match super::unchanged(cx, link).map_err(Refused::from) {
        Ok(()) => super::save(cx, &[draft(&filled, &id, &inventory)]).await,
        Err(refused) => Err(refused),
    };
    match (saved, LinkId::new(&id)) {
        (Ok(_), Ok(id)) => Ok(Taken::Saved(id)),
        (Ok(_), Err(error)) => Err(Problem::wrong(error.to_string(), error.to_string())),
        (Err(Refused::Wrong(found)), _) => {
            filled.wrong = found;
            Ok(Taken::Again(filled))
        }
        (Err(Refused::Problem(problem)), _) => Err(problem),
    }
}

/// Turns what was written for an asset into its id; says which field fits none, or several.
fn resolve(lang: Lang, filled: &mut Filled, inventory: &Inventory) -> Wrong {
    let mut missing = Wrong::default();
    for (asset, peer) in [("a_asset", "a_peer"), ("b_asset", "b_peer")] {
        let written = filled.get(asset).to_owned();
        if written.is_empty() {
            if filled.get(peer).is_empty() {
                missing.fields.insert(asset, text::linkform_end_missing(lang).to_owned());
            }
            continue;
        }
        match named(inventory, &written).as_slice() {
            [one] => filled.put(asset, one.id.to_string()),
            [] => drop(missing.fields.insert(asset, text::declare_unknown(lang, written))),
            many => {
                let list: Vec<String> =
                    many.iter().take(MOST_NAMED).map(|a| format!("{} ({})", a.id, a.name)).collect();
                missing
                    .fields
                    .insert(asset, text::declare_several_fit(lang, written, list.join(lang.pick("、", ", "))));
            }
        }
    }
    missing
}

/// The asset of an id, name or address, as people write it into a field; several if the text fits them all.
fn named<'a>(inventory: &'a Inventory, wanted: &str) -> Vec<&'a Asset> {
    if let Some(asset) = AssetId::new(wanted).ok().and_then(|id| inventory.assets.get(&id)) {
        return vec![asset];
    }
    let all = || inventory.assets.values();
    let exact: Vec<&Asset> = all().filter(|a| a.name == wanted || a.address.as_deref() == Some(wanted)).collect();
    if !exact.is_empty() {
        return exact;
    }
    let small = wanted.to_lowercase();
    all().filter(|a| a.name.to_lowercase().contains(&small) || a.id.as_str().contains(&small)).collect()
}

/// The id that was written, or one made of both ends.
fn given_id(filled: &Filled, inventory: &Inventory) -> String {
    let get = |name| filled.get(name);
    if !get("id").is_empty() {
        return get("id").to_owned();
    }
    let end = |asset: &'static str, peer: &'static str| {
        if get(asset).is_empty() { made_id("peer", get(peer)) } else { get(asset).to_owned() }
    };
    let (a, b) = (end("a_asset", "a_peer"), end("b_asset", "b_peer"));
    let plain = format!("{a}--{b}");
    if LinkId::new(&plain).is_ok() && !inventory.links.contains_key(plain.as_str()) {
        return plain;
    }
    made_id("link", &format!("{a} {} {b} {}", get("a_port"), get("b_port")))
}

fn draft(filled: &Filled, id: &str, inventory: &Inventory) -> Draft {
    let get = |name: &'static str| filled.get(name);
    let called = |asset: &'static str, peer: &'static str| {
        inventory.assets.get(get(asset)).map_or_else(|| get(peer).to_owned(), |a| a.name.clone())
    };
    let name = if get("name").is_empty() {
        format!("{} - {}", called("a_asset", "a_peer"), called("b_asset", "b_peer"))
    } else {
        get("name").to_owned()
    };
    let mut draft =
        Draft::new("link").raw("id", "id", &quoted(id)).text("name", "name", &name).text("tier", "tier", get("tier"));
    for (asset, port, peer, address, end) in [
        ("a_asset", "a_port", "a_peer", "a_address", ["a.asset", "a.interface", "a.peer", "a.address"]),
        ("b_asset", "b_port", "b_peer", "b_address", ["b.asset", "b.interface", "b.peer", "b.address"]),
    ] {
        let [asset_key, port_key, peer_key, address_key] = end;
        if !get(asset).is_empty() {
            // An empty port is handed on: the reader says that it is missing, beside its field.
            draft = draft.text(asset, asset_key, get(asset)).raw(port, port_key, &quoted(get(port)));
        }
        draft = draft.text(peer, peer_key, get(peer)).text(address, address_key, get(address));
    }
    draft = draft.text("capacity", "capacity", get("capacity"));
    for (field, key) in [("carrier", "carrier.name"), ("circuit", "carrier.circuit"), ("hotline", "carrier.hotline")]
    {
        draft = draft.text(field, key, get(field));
    }
    draft = draft.list("tags", "tags", &several(get("tags")));
    let watch: Vec<String> = several(get("watch"))
        .into_iter()
        .map(|word| {
            let (agent, to) = word.split_once([':', '：']).unwrap_or((word, "b"));
            format!("{{ agent = {}, to = {} }}", quoted(agent), quoted(to))
        })
        .collect();
    if !watch.is_empty() {
        draft = draft.raw("watch", "watch", &format!("[{}]", watch.join(", ")));
    }
    draft
}

/// What stands in the form of a link.
pub(super) fn values(link: &Link) -> BTreeMap<&'static str, String> {
    let mut all = BTreeMap::from([
        ("id", link.id.to_string()),
        ("name", link.name.clone()),
        ("tier", link.tier.as_str().to_owned()),
        ("capacity", link.capacity_bps.map(format_capacity).unwrap_or_default()),
        ("tags", link.tags.join(", ")),
    ]);
    if let Some(carrier) = &link.carrier {
        all.extend([
            ("carrier", carrier.name.clone()),
            ("circuit", carrier.circuit.clone()),
            ("hotline", carrier.hotline.clone()),
        ]);
    }
    let watch = link.watch.iter().map(|w| format!("{}:{}", w.agent, if w.to == Side::A { "a" } else { "b" }));
    all.insert("watch", watch.collect::<Vec<_>>().join(", "));
    for (end, [asset, port, peer, address]) in [
        (&link.a, ["a_asset", "a_port", "a_peer", "a_address"]),
        (&link.b, ["b_asset", "b_port", "b_peer", "b_address"]),
    ] {
        match end {
            LinkEnd::Port { asset: id, interface, .. } => {
                all.extend([(asset, id.to_string()), (port, interface.clone())])
            }
            LinkEnd::Peer { name, .. } => drop(all.insert(peer, name.clone())),
        }
        all.insert(address, end.address().unwrap_or_default().to_owned());
    }
    all
}

/// The word of a tier.
pub fn tier_word(lang: Lang, tier: LinkTier) -> &'static str {
    let en = match tier {
        LinkTier::Backbone => "Backbone",
        LinkTier::Metro => "Metro",
        LinkTier::Access => "Access",
    };
    lang.pick(tier.zh(), en)
}

/// An end of a link in words.
pub fn end_words(inventory: &Inventory, end: &LinkEnd) -> String {
    match end {
        LinkEnd::Port { asset, interface, .. } => {
            let name = inventory.assets.get(asset).map_or(asset.as_str(), |a| a.name.as_str());
            format!("{name} {interface}")
        }
        LinkEnd::Peer { name, .. } => name.clone(),
    }
}

async fn show(cx: &Cx, link: Option<&Link>, filled: &Filled) -> Result<Response, Problem> {
    let l = cx.lang;
    let title = match link {
        Some(link) => text::linkform_edit_title(l, link.name.clone()),
        None => text::linkform_new_title(l).to_owned(),
    };
    let action = link.map_or_else(|| "/links/new".to_owned(), |a| format!("/links/{}/edit", a.id));
    let back = link.map_or_else(|| "/links".to_owned(), |a| format!("/links/{}", a.id));
    let inside = html! {
        (ui::trail(&[("/links", text::nav_links(l))]))
        (ui::heading(&title, html! {
            @if let Some(link) = link { a.button href={ "/links/" (link.id) "/remove" } { (text::linkform_remove(l)) } }
        }))
        (form(cx, link, filled, &action, &back).await?)
    };
    Ok(layout::page(cx, Place::Links, &title, inside))
}

/// The form; its errors above it and in it.
pub async fn form(
    cx: &Cx,
    link: Option<&Link>,
    filled: &Filled,
    action: &str,
    back: &str,
) -> Result<Markup, Problem> {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let assets: Vec<(String, String)> = if inventory.assets.len() > MOST_PROPOSED {
        Vec::new()
    } else {
        inventory.assets.values().map(|a| (a.id.to_string(), a.name.clone())).collect()
    };
    let a =
        end(cx, filled, &inventory, &assets, ["a_asset", "a_port", "a_peer", "a_address"], text::linkform_end_a(l))
            .await?;
    let b =
        end(cx, filled, &inventory, &assets, ["b_asset", "b_port", "b_peer", "b_address"], text::linkform_end_b(l))
            .await?;
    let tiers: Vec<(&str, &str)> = LinkTier::ALL.iter().map(|t| (t.as_str(), tier_word(l, *t))).collect();
    let agents: Vec<String> = inventory.agents.keys().map(ToString::to_string).collect();
    Ok(html! {
        (filled.wrong.note(cx))
        (form::post(cx, action, html! {
            (super::seen_field(link))
            div.cards.two { (a) (b) }
            p { button type="submit" name="do" value="ports" formnovalidate { (text::linkform_show_ports(l)) } " " span.help { (text::linkform_show_ports_help(l)) } }
            fieldset { legend { (text::linkform_line(l)) }
                div.columns-2 {
                    (form::input(&filled.field("name", text::linkform_name(l), text::linkform_name_help(l))))
                    @if link.is_none() { (form::input(&filled.field("id", text::declare_id(l), text::linkform_id_help(l)))) }
                    (form::select(&filled.must("tier", text::linkform_tier(l), ""), &tiers))
                    (form::input(&filled.field("capacity", text::linkform_capacity(l), text::linkform_capacity_help(l))))
                    (form::suggest(&filled.field("carrier", text::linkform_carrier(l), ""), CARRIERS))
                    (form::input(&filled.field("circuit", text::linkform_circuit(l), text::linkform_circuit_help(l))))
                    (form::input(&filled.field("hotline", text::linkform_hotline(l), text::linkform_hotline_help(l))))
                    (form::input(&filled.field("watch", text::linkform_watch(l), &text::linkform_watch_help(l, agents.join(", ")))))
                    (form::input(&filled.field("tags", text::asset_tags(l), text::linkform_tags_help(l))))
                }
            }
            div.row {
                button.primary type="submit" name="do" value="save" { (text::declare_save(l)) }
                a.button href=(back) { (text::declare_cancel(l)) }
            }
        }))
    })
}

/// Carriers and their hotlines, proposed.
const CARRIERS: &[(&str, &str)] =
    &[("中国电信", "10000"), ("中国移动", "10086"), ("中国联通", "10010"), ("中国广电", "10099")];

async fn end(
    cx: &Cx,
    f: &Filled,
    inventory: &Arc<Inventory>,
    assets: &[(String, String)],
    [asset, port, peer, address]: [&'static str; 4],
    legend: &str,
) -> Result<Markup, Problem> {
    let l = cx.lang;
    let known = inventory.assets.get(f.get(asset));
    let ports: Vec<(String, String)> = match known {
        Some(found) => {
            let all = cx.service.store.interfaces(&cx.scope(), &found.id).await?;
            let names = all.into_iter().filter_map(|o| match o {
                Object::Interface { name, .. } => Some((name.to_string(), String::new())),
                _ => None,
            });
            names.take(MOST_PORTS).collect()
        }
        None => Vec::new(),
    };
    let help = match (known, ports.len()) {
        (None, _) => text::linkform_port_help(l).to_owned(),
        (Some(_), 0) => text::linkform_port_none(l).to_owned(),
        (Some(_), n) => text::linkform_port_some(l, n),
    };
    Ok(html! {
        fieldset.card { legend { (legend) }
            (form::suggest(&f.field(asset, text::linkform_asset(l), known.map_or(text::linkform_asset_help(l), |a| a.name.as_str())), assets))
            (form::suggest(&f.field(port, text::linkform_port(l), &help), &ports))
            (form::input(&f.field(address, text::linkform_address(l), text::linkform_address_help(l))))
            details open[!f.get(peer).is_empty()] { summary { (text::linkform_not_ours(l)) }
                (form::input(&f.field(peer, text::linkform_peer(l), text::linkform_peer_help(l))))
            }
        }
    })
}
