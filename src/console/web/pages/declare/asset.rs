//! An asset by hand: every key of an inventory file has its field here, so that changing one by a form never
//! loses what a file declared.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};

use super::{Draft, Filled, Refused, Wrong, listed, made_id, options, quoted, several, wrong};
use crate::console::api::problem::Problem;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::ui::form;
use crate::console::web::{text, ui};
use crate::model::inventory::{Asset, AssetKind, AssetStatus, Inventory, WatchMode};

/// The fields of the form.
const FIELDS: &[&str] = &[
    "id",
    "name",
    "kind",
    "status",
    "address",
    "also",
    "zone",
    "region",
    "owner",
    "operator",
    "person",
    "location",
    "importance",
    "secret",
    "snmp_port",
    "url",
    "site_code",
    "tcp",
    "agents",
    "mode",
    "depends_on",
    "tags",
];

/// `GET /assets/new`
pub async fn new(cx: Cx) -> Answer {
    let mut filled = Filled::default();
    for (name, value) in [("kind", "switch"), ("status", "in_use"), ("zone", "extranet"), ("importance", "1")] {
        filled.put(name, value);
    }
    for name in ["region", "kind", "address", "zone"] {
        if let Some(value) = cx.query.get(name) {
            filled.put(name, value);
        }
    }
    Ok(show(&cx, None, &filled))
}

/// `GET /assets/{id}/edit`
pub async fn edit(cx: Cx) -> Answer {
    let asset = found(&cx)?;
    Ok(show(&cx, Some(&asset), &Filled { values: values(&asset), wrong: Wrong::default() }))
}

/// `POST /assets/new`
pub async fn create(cx: Cx) -> Answer {
    let mut filled = Filled::sent(&cx, FIELDS);
    let id = given_id(&filled);
    if cx.service.store.inventory().1.assets.contains_key(id.as_str()) {
        filled.wrong = Wrong::field("id", text::declare_taken(cx.lang, id));
        return Ok(wrong(show(&cx, None, &filled)));
    }
    submit(&cx, None, &id, filled).await
}

/// `POST /assets/{id}/edit`
pub async fn change(cx: Cx) -> Answer {
    let asset = found(&cx)?;
    let id = asset.id.to_string();
    submit(&cx, Some(&asset), &id, Filled::sent(&cx, FIELDS)).await
}

fn found(cx: &Cx) -> Result<Asset, Problem> {
    let all = cx.service.store.inventory().1;
    all.assets.get(cx.part("id")).cloned().ok_or_else(|| Problem::unknown("资产", "asset", cx.part("id")))
}

async fn submit(cx: &Cx, asset: Option<&Asset>, id: &str, mut filled: Filled) -> Answer {
    let checked = super::unchanged(cx, asset).map_err(Refused::from);
    let saved = match checked {
        Ok(()) => super::save(cx, &[draft(&filled, id, asset)]).await,
        Err(refused) => Err(refused),
    };
    match saved {
        Ok(_) => Ok(redirect(&format!("/assets/{id}?said=saved"))),
        Err(Refused::Wrong(found)) => {
            filled.wrong = found;
            Ok(wrong(show(cx, asset, &filled)))
        }
        Err(Refused::Problem(problem)) => Err(problem),
    }
}

/// The id that was written, or one made as an import makes it: of the address, else of the name.
fn given_id(filled: &Filled) -> String {
    let (id, address) = (filled.get("id"), filled.get("address"));
    if !id.is_empty() {
        return id.to_owned();
    }
    let slug: String =
        address.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    match slug.trim_matches('-') {
        "" => made_id("dev", filled.get("name")),
        slug => format!("dev-{slug}"),
    }
}

/// What a file would say.
fn draft(filled: &Filled, id: &str, old: Option<&Asset>) -> Draft {
    let get = |name: &'static str| filled.get(name);
    let mut draft = Draft::new("asset").raw("id", "id", &quoted(id));
    for key in ["name", "kind", "status", "address", "zone", "region", "owner", "operator", "person", "location"] {
        draft = draft.text(key, key, get(key));
    }
    draft = draft.list("also", "also", &several(get("also"))).list("tags", "tags", &several(get("tags")));
    draft = draft.number("importance", "importance", get("importance"));
    if !get("secret").is_empty() {
        draft = draft.text("secret", "snmp.secret", get("secret")).number("snmp_port", "snmp.port", get("snmp_port"));
    }
    draft = draft.text("url", "website.url", get("url"));
    if !get("url").is_empty() {
        draft = draft.text("site_code", "website.site_code", get("site_code"));
    }
    let ports: Vec<String> =
        several(get("tcp")).iter().map(|p| p.parse::<u32>().map_or_else(|_| quoted(p), |n| n.to_string())).collect();
    if !ports.is_empty() {
        draft = draft.raw("tcp", "tcp", &format!("[{}]", ports.join(", ")));
    }
    let agents = several(get("agents"));
    if !agents.is_empty() {
        draft = draft.list("agents", "watch.agents", &agents).text("mode", "watch.mode", get("mode"));
    }
    let groups: Vec<String> =
        get("depends_on").split('/').map(several).filter(|g| !g.is_empty()).map(|g| listed(&g)).collect();
    if !groups.is_empty() {
        draft = draft.raw("depends_on", "depends_on", &format!("[{}]", groups.join(", ")));
    }
    if let Some(before) = old.and_then(|asset| asset.renamed_from.as_ref()) {
        draft = draft.text("", "renamed_from", before.as_str());
    }
    draft
}

/// What stands in the form of an asset.
pub(super) fn values(asset: &Asset) -> BTreeMap<&'static str, String> {
    let id = |id: Option<&str>| id.unwrap_or_default().to_owned();
    let snmp = asset.snmp.as_ref();
    let groups: Vec<String> = asset.depends_on.iter().map(|group| group.join(", ")).collect();
    let watch = asset.watch.as_ref();
    BTreeMap::from([
        ("id", asset.id.to_string()),
        ("name", asset.name.clone()),
        ("kind", asset.kind.as_str().to_owned()),
        ("status", asset.status.as_str().to_owned()),
        ("address", asset.address.clone().unwrap_or_default()),
        ("also", asset.also.join(", ")),
        ("zone", asset.zone.to_string()),
        ("region", id(asset.region.as_ref().map(AsRef::as_ref))),
        ("owner", id(asset.owner.as_ref().map(AsRef::as_ref))),
        ("operator", id(asset.operator.as_ref().map(AsRef::as_ref))),
        ("person", id(asset.person.as_ref().map(AsRef::as_ref))),
        ("location", asset.location.clone()),
        ("importance", asset.importance.to_string()),
        ("secret", snmp.map(|s| s.secret.clone()).unwrap_or_default()),
        ("snmp_port", snmp.filter(|s| s.port != 161).map(|s| s.port.to_string()).unwrap_or_default()),
        ("url", asset.website.as_ref().map(|w| w.url.clone()).unwrap_or_default()),
        ("site_code", asset.website.as_ref().map(|w| w.site_code.clone()).unwrap_or_default()),
        ("tcp", asset.tcp_ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")),
        (
            "agents",
            watch
                .map(|w| w.agents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
                .unwrap_or_default(),
        ),
        ("mode", watch.map_or(WatchMode::First, |w| w.mode).as_str().to_owned()),
        ("depends_on", groups.join(" / ")),
        ("tags", asset.tags.join(", ")),
    ])
}

fn words<T: Copy>(
    lang: Lang,
    all: &[T],
    id: fn(T) -> &'static str,
    name: fn(Lang, T) -> &'static str,
) -> Vec<(&'static str, &'static str)> {
    all.iter().map(|v| (id(*v), name(lang, *v))).collect()
}

/// The word of a kind.
pub fn kind_word(lang: Lang, kind: AssetKind) -> &'static str {
    let en = match kind {
        AssetKind::Router => "Router",
        AssetKind::Switch => "Switch",
        AssetKind::Firewall => "Firewall",
        AssetKind::Host => "Host",
        AssetKind::Website => "Website",
        AssetKind::Service => "Service",
        AssetKind::Ups => "UPS",
        AssetKind::Other => "Other",
    };
    lang.pick(kind.zh(), en)
}

/// The word of a status.
pub fn status_word(lang: Lang, status: AssetStatus) -> &'static str {
    let en = match status {
        AssetStatus::Building => "Being built",
        AssetStatus::InUse => "In use",
        AssetStatus::KnownFault => "Known fault",
        AssetStatus::Spare => "Spare",
        AssetStatus::Retired => "Retired",
    };
    lang.pick(status.zh(), en)
}

fn show(cx: &Cx, asset: Option<&Asset>, filled: &Filled) -> Response {
    let l = cx.lang;
    let title = match asset {
        Some(asset) => text::asset_edit_title(l, asset.name.clone()),
        None => text::asset_new_title(l).to_owned(),
    };
    let action = asset.map_or_else(|| "/assets/new".to_owned(), |a| format!("/assets/{}/edit", a.id));
    let back = asset.map_or_else(|| "/assets".to_owned(), |a| format!("/assets/{}", a.id));
    let inside = html! {
        (ui::trail(&[("/assets", text::nav_assets(l))]))
        (ui::heading(&title, html! {
            @if let Some(asset) = asset { a.button href={ "/assets/" (asset.id) "/remove" } { (text::asset_remove(l)) } }
        }))
        (filled.wrong.note(cx))
        (form::post(cx, &action, html! {
            (super::seen_field(asset))
            (fields(cx, asset.is_none(), filled))
            div.row { button.primary type="submit" { (text::declare_save(l)) } a.button href=(back) { (text::declare_cancel(l)) } }
        }))
    };
    layout::page(cx, Place::Assets, &title, inside)
}

fn fields(cx: &Cx, new: bool, f: &Filled) -> Markup {
    let l = cx.lang;
    let (_, inventory): (u64, std::sync::Arc<Inventory>) = cx.service.store.inventory();
    let units = options(text::declare_none(l), super::units(&inventory).into_iter());
    let mut secrets = options(
        text::asset_no_snmp(l),
        cx.service
            .store
            .secrets()
            .into_iter()
            .filter(|s| s.kind.starts_with("snmp"))
            .map(|s| (s.name.clone(), format!("{} ({})", s.name, s.kind))),
    );
    // A name that a file gave and nobody has set yet must not be lost.
    if !secrets.iter().any(|(name, _)| name == f.get("secret")) {
        secrets.push((f.get("secret").to_owned(), text::asset_secret_unset(l, f.get("secret").to_owned())));
    }
    let modes = [(WatchMode::First, text::asset_mode_first(l)), (WatchMode::All, text::asset_mode_all(l))]
        .map(|(m, w)| (m.as_str(), w));
    let agents: Vec<String> = inventory.agents.keys().map(ToString::to_string).collect();
    html! {
        fieldset { legend { (text::asset_part_what(l)) }
            div.columns-2 {
                (form::input(&f.must("name", text::asset_name(l), text::asset_name_help(l))))
                @if new { (form::input(&f.field("id", text::declare_id(l), text::asset_id_help(l)))) }
                (form::select(&f.must("kind", text::asset_kind(l), ""), &words(l, AssetKind::ALL, AssetKind::as_str, kind_word)))
                (form::select(&f.must("status", text::asset_status(l), text::asset_status_help(l)), &words(l, AssetStatus::ALL, AssetStatus::as_str, status_word)))
                (form::input(&f.field("address", text::asset_address(l), text::asset_address_help(l))))
                (form::select(&f.must("zone", text::asset_zone(l), ""), &super::zones(&inventory)))
            }
        }
        fieldset { legend { (text::asset_part_who(l)) }
            div.columns-2 {
                (form::select(&f.field("region", text::asset_region(l), ""), &options(text::declare_none(l), super::regions(&inventory).into_iter())))
                (form::input(&f.field("location", text::asset_location(l), "")))
                (form::select(&f.field("owner", text::asset_owner(l), text::asset_owner_help(l)), &units))
                (form::select(&f.field("operator", text::asset_operator(l), text::asset_operator_help(l)), &units))
                (form::select(&f.field("person", text::asset_person(l), ""), &options(text::declare_none(l), super::persons(&inventory).into_iter())))
                (form::select(&f.field("importance", text::asset_importance(l), ""), &[("1", text::asset_importance_1(l)), ("2", text::asset_importance_2(l)), ("3", text::asset_importance_3(l))]))
            }
        }
        fieldset { legend { (text::asset_part_how(l)) }
            div.columns-2 {
                (form::select(&f.field("secret", text::asset_snmp(l), text::asset_snmp_help(l)), &secrets))
                (form::input(&f.field("snmp_port", text::asset_snmp_port(l), "161")))
                (form::input(&f.field("tcp", text::asset_tcp(l), text::asset_tcp_help(l))))
                (form::input(&f.field("url", text::asset_url(l), text::asset_url_help(l))))
                (form::input(&f.field("site_code", text::asset_site_code(l), text::asset_site_code_help(l))))
                (form::input(&f.field("tags", text::asset_tags(l), text::declare_several(l))))
            }
            details open[["also", "agents", "depends_on"].iter().any(|name| !f.get(name).is_empty())] {
                summary { (text::asset_more(l)) }
                div.columns-2 {
                    (form::input(&f.field("agents", text::asset_agents(l), &text::asset_agents_help(l, agents.join(", ")))))
                    (form::select(&f.field("mode", text::asset_mode(l), ""), &modes))
                    (form::input(&f.field("also", text::asset_also(l), text::asset_also_help(l))))
                    (form::input(&f.field("depends_on", text::asset_depends(l), text::asset_depends_help(l))))
                }
            }
        }
    }
}
