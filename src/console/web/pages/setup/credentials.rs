//! Credentials for asking devices: communities and SNMPv3 users, sealed as they come in. What was sealed is never
//! shown again, not even to whoever wrote it a moment ago; a form with a mistake comes back with its keys empty.

use std::collections::HashMap;

use axum::response::Response;
use maud::{Markup, html};

use super::Step;
use crate::console::command::Command;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::pages::declare::{Filled, Wrong, wrong};
use crate::console::web::text;
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::{self, Tone, time};
use crate::model::secret::{SnmpAuth, SnmpPrivacy};
use crate::model::{AgentId, Secret, SecretText};

/// Shortest SNMPv3 key (RFC 3414 11.2).
const MIN_KEY: usize = 8;
/// Longest value: communities are OCTET STRINGs of 255 at most in practice.
const LONGEST: usize = 255;

/// `GET /setup/credentials`
pub async fn page(cx: Cx) -> Answer {
    let mut filled = Filled::default();
    filled.put("auth", SnmpAuth::Sha256.as_str());
    filled.put("privacy", SnmpPrivacy::Aes128.as_str());
    Ok(show(&cx, &filled))
}

/// `POST /setup/credentials`
pub async fn submit(cx: Cx) -> Answer {
    let mut filled = Filled::sent(&cx, &["name", "version", "v3name", "user", "auth", "privacy", "context"]);
    match secret(&cx, &filled) {
        Ok((name, secret)) => match cx.command(None, Command::SecretSet { name: name.clone(), secret }).await {
            Ok(_) => return Ok(redirect(&format!("/setup/credentials?said=saved&name={name}"))),
            Err(problem) => filled.wrong = Wrong::of(&cx, &problem),
        },
        Err(found) => filled.wrong = found,
    }
    Ok(wrong(show(&cx, &filled)))
}

/// `POST /setup/credentials/remove`
pub async fn remove(cx: Cx) -> Answer {
    let name = cx.form.text("name").to_owned();
    let (_, inventory) = cx.service.store.inventory();
    let users = inventory.assets.values().filter(|a| a.snmp.as_ref().is_some_and(|s| s.secret == name)).count();
    if users > 0 {
        let filled = Filled { wrong: Wrong::top(text::setup_secret_used(cx.lang, users, name)), ..Filled::default() };
        return Ok(wrong(show(&cx, &filled)));
    }
    cx.command(None, Command::SecretRemove { name }).await?;
    Ok(redirect("/setup/credentials?said=removed"))
}

/// What the form holds, or what is wrong with it.
fn secret(cx: &Cx, f: &Filled) -> Result<(String, Secret), Wrong> {
    let l = cx.lang;
    let mut wrong = Wrong::default();
    let v3 = cx.form.text("kind") == "v3";
    let field = if v3 { "v3name" } else { "name" };
    let name = f.get(field).to_owned();
    if AgentId::new(&name).is_err() {
        wrong.fields.insert(field, text::setup_secret_name_wrong(l).to_owned());
    }
    // Spaces belong to a community or a key; only what a browser adds at the end of a line does not.
    let value = |name: &str| cx.form.get(name).unwrap_or_default().trim_end_matches(['\r', '\n']).to_owned();
    if !v3 {
        let community = value("community");
        if community.is_empty() || community.len() > LONGEST || community.chars().any(char::is_control) {
            wrong.fields.insert("community", text::setup_secret_community_wrong(l).to_owned());
        }
        let secret = Secret::SnmpCommunity { v1: f.get("version") == "v1", community: SecretText::new(community) };
        return if wrong.is_empty() { Ok((name, secret)) } else { Err(wrong) };
    }
    if f.get("user").is_empty() {
        wrong.fields.insert("user", text::declare_required(l).to_owned());
    }
    let auth = SnmpAuth::parse(f.get("auth"));
    let privacy = SnmpPrivacy::parse(f.get("privacy"));
    let (auth_key, privacy_key) = (value("auth_key"), value("privacy_key"));
    let short = |key: &str| key.chars().count() < MIN_KEY || key.len() > LONGEST || key.chars().any(char::is_control);
    if auth.is_some() && short(&auth_key) {
        wrong.fields.insert("auth_key", text::setup_secret_key_wrong(l, MIN_KEY));
    }
    if privacy.is_some() && short(&privacy_key) {
        wrong.fields.insert("privacy_key", text::setup_secret_key_wrong(l, MIN_KEY));
    }
    if privacy.is_some() && auth.is_none() {
        wrong.fields.insert("auth", text::setup_secret_no_auth(l).to_owned());
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let secret = Secret::SnmpV3 {
        user: f.get("user").to_owned(),
        auth: auth.map(|protocol| (protocol, SecretText::new(auth_key))),
        privacy: privacy.map(|protocol| (protocol, SecretText::new(privacy_key))),
        context: f.get("context").to_owned(),
    };
    Ok((name, secret))
}

fn show(cx: &Cx, filled: &Filled) -> Response {
    let l = cx.lang;
    let said = match cx.query.text("said") {
        "saved" => Some(text::setup_secret_saved(l, cx.query.text("name").to_owned())),
        "removed" => Some(text::declare_removed(l).to_owned()),
        _ => None,
    };
    let none = ("", text::setup_secret_none(l));
    let auth: Vec<(&str, &str)> =
        std::iter::once(none).chain(SnmpAuth::ALL.iter().map(|p| (p.as_str(), p.as_str()))).collect();
    let privacy: Vec<(&str, &str)> =
        std::iter::once(none).chain(SnmpPrivacy::ALL.iter().map(|p| (p.as_str(), p.as_str()))).collect();
    let hidden =
        |f: Field<'_>| form::input(&Field { kind: "password", complete: "new-password", longest: LONGEST, ..f });
    let inside = html! {
        @if let Some(said) = said { (ui::note(Tone::Good, html! { (said) })) }
        (filled.wrong.note(cx))
        (kept(cx))
        div.cards.two {
            section.card {
                h2 { (text::setup_secret_v2(l)) }
                (form::post(cx, Step::Credentials.path(), html! {
                    input type="hidden" name="kind" value="v2";
                    (form::input(&filled.must("name", text::setup_secret_name(l), text::setup_secret_name_help(l))))
                    (hidden(filled.must("community", text::setup_secret_community(l), text::setup_secret_never(l))))
                    (form::select(&filled.field("version", text::setup_secret_version(l), ""), &[("v2c", "SNMP v2c"), ("v1", "SNMP v1")]))
                    button.primary type="submit" { (text::setup_secret_save(l)) }
                }))
            }
            section.card {
                h2 { (text::setup_secret_v3(l)) }
                (form::post(cx, Step::Credentials.path(), html! {
                    input type="hidden" name="kind" value="v3";
                    (form::input(&filled.must("v3name", text::setup_secret_name(l), text::setup_secret_name_help(l))))
                    (form::input(&filled.must("user", text::setup_secret_user(l), "")))
                    div.columns-2 {
                        (form::select(&filled.field("auth", text::setup_secret_auth(l), ""), &auth))
                        (hidden(filled.field("auth_key", text::setup_secret_auth_key(l), text::setup_secret_never(l))))
                        (form::select(&filled.field("privacy", text::setup_secret_privacy(l), ""), &privacy))
                        (hidden(filled.field("privacy_key", text::setup_secret_privacy_key(l), "")))
                    }
                    (form::input(&filled.field("context", text::setup_secret_context(l), text::setup_secret_context_help(l))))
                    button.primary type="submit" { (text::setup_secret_save(l)) }
                }))
            }
        }
    };
    super::step(cx, Step::Credentials, inside)
}

fn kept(cx: &Cx) -> Markup {
    let l = cx.lang;
    let (_, inventory) = cx.service.store.inventory();
    let rows = cx.service.store.secrets();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for snmp in inventory.assets.values().filter_map(|a| a.snmp.as_ref()) {
        *counts.entry(&snmp.secret).or_default() += 1;
    }
    let users = |name: &str| counts.get(name).copied().unwrap_or_default();
    html! {
        @if !rows.is_empty() {
            div.scroll tabindex="0" { table.grid.middle {
                thead { tr { th scope="col" { (text::setup_secret_name(l)) } th scope="col" { (text::setup_secret_kind(l)) } th scope="col" { (text::setup_secret_value(l)) } th.number scope="col" { (text::setup_secret_users(l)) } th.wide scope="col" { (text::setup_secret_updated(l)) } th scope="col" { (text::inventory_remove(l)) } } }
                tbody { @for row in &rows {
                    tr {
                        td { code { (row.name) } }
                        td { (row.kind) }
                        td { "***" }
                        td.number { (ui::number::count(users(&row.name) as u64)) }
                        td.wide { (time::at(cx, row.updated)) " " small { (row.updater) } }
                        td { @if users(&row.name) == 0 { (form::button(cx, "/setup/credentials/remove", text::inventory_remove(l), "danger", &[("name", &row.name)])) } }
                    }
                } }
            } }
            p {}
        }
    }
}
