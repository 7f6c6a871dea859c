//! The states of an asset's configuration and two of them side by side: lines that change by themselves are left out,
//! secrets are seen to have changed by their keyed hashes, and who made the change stands above.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;

use super::{named, one, verdict};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::graded::{self, DiffLine};
use crate::console::store::{ChangeRow, SnapshotRow};
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::text;
use crate::console::web::ui::{self, Tone, badge, time};
use crate::model::AssetId;
use crate::model::finding::{Mark, Part};

/// Lines of a comparison on a page; a configuration that was wholly replaced has more, and its text is in the API.
const LINES: usize = 4_000;
/// Places of changed secrets that are named.
const PLACES: usize = 20;

/// `GET /baseline/{asset}/states`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let asset = one::asset_of(&cx)?;
    let (_, inventory) = cx.service.store.inventory();
    let states = cx.service.store.snapshots(&cx.scope(), &asset).await?;
    let changes = cx.service.store.finding_changes(&cx.scope(), &asset).await?;
    let name = named(&inventory, &asset);
    let own = format!("/baseline/{}", encode(asset.as_str()));
    let title = text::states_title(l, name.as_str());
    let pair = pair(&cx, &states);
    let compared = match pair {
        Some((left, right)) => compared(&cx, left, right, &changes).await?,
        None => html! {},
    };
    let inside = html! {
        (ui::trail(&[("/baseline", text::graded_title(l)), (&own, &name)]))
        (ui::heading(&title, html! {}))
        (ui::live(&cx, "states", &[Topic::Baseline], html! {
            @if states.is_empty() { section.card { (ui::empty(text::states_none(l), html! { (text::states_none_advice(l)) })) } }
            @else { (table(&cx, &asset, &states, pair)) (compared) }
        }))
    };
    Ok(layout::page(&cx, Place::Baseline, &title, inside))
}

/// The two that the address names; else the newest with the one before it.
fn pair<'s>(cx: &Cx, states: &'s [SnapshotRow]) -> Option<(&'s SnapshotRow, &'s SnapshotRow)> {
    let wanted = |name: &str| {
        let id: i64 = cx.query.text(name).parse().ok()?;
        states.iter().find(|state| state.id == id)
    };
    if let (Some(left), Some(right)) = (wanted("left"), wanted("right")) {
        return Some((left, right));
    }
    let newest = states.iter().find(|state| state.part == Part::Running).or_else(|| states.first())?;
    let before =
        states.iter().find(|state| state.part == newest.part && state.id != newest.id && state.at <= newest.at);
    before.map(|before| (before, newest))
}

/// All states, with two buttons a row to choose which are compared.
fn table(cx: &Cx, asset: &AssetId, states: &[SnapshotRow], pair: Option<(&SnapshotRow, &SnapshotRow)>) -> Markup {
    let l = cx.lang;
    let chosen = |left: bool, state: &SnapshotRow| pair.is_some_and(|(a, b)| if left { a } else { b }.id == state.id);
    let choice = |left: bool, state: &SnapshotRow| {
        let (name, label) = if left { ("left", text::states_left(l)) } else { ("right", text::states_right(l)) };
        let at = time::plain(cx, state.at);
        html! { input type="radio" name=(name) value=(state.id) checked[chosen(left, state)] aria-label={ (label) " " (at) }; }
    };
    html! {
        section.card {
            h2 { (text::graded_states(l)) }
            form method="get" action={ "/baseline/" (encode(asset.as_str())) "/states" } {
                div.scroll tabindex="0" role="region" aria-label=(text::graded_states(l)) { table.grid {
                    thead { tr {
                        th scope="col" { (text::states_left(l)) } th scope="col" { (text::states_right(l)) } th scope="col" { (text::graded_taken(l)) } th scope="col" { (text::states_until(l)) }
                        th scope="col" { (text::graded_part(l)) } th scope="col" { (text::graded_changed_by(l)) } th.wide scope="col" { (text::graded_source(l)) } th.wide scope="col" { (text::graded_hash(l)) }
                    } }
                    tbody { @for state in states {
                        tr {
                            td { (choice(true, state)) } td { (choice(false, state)) }
                            td { (time::at(cx, state.at)) @if !state.complete { " " (badge::mark(text::states_not_whole(l))) } }
                            td { (time::at(cx, state.seen)) }
                            td { (one::part(l, state.part)) }
                            td { (one::who(l, &state.by)) @if !state.by_at.is_empty() { div.under { (state.by_at) } } }
                            td.wide { (one::from(l, state.origin)) div.under { (state.os) " " (state.version) } }
                            td.mono.wide { (state.sha256.get(..12).unwrap_or_default()) }
                        }
                    } }
                } }
                @if states.len() > 1 { div.bulk { button type="submit" { (text::states_compare(l)) } } }
            }
        }
    }
}

/// Keyed hashes of the secrets of a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hashes {
    key: String,
    secrets: Vec<Mark>,
}

/// Where a secret is another one now; nothing if the hashes were made with two keys, or there are none.
fn secrets_changed(left: &str, right: &str) -> Vec<String> {
    let read = |text: &str| serde_json::from_str::<Hashes>(text).unwrap_or_default();
    let (left, right) = (read(left), read(right));
    if left.key.is_empty() || left.key != right.key {
        return Vec::new();
    }
    let by_place = |all: Vec<Mark>| {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for mark in all {
            places.entry(mark.place).or_default().push(mark.hash);
        }
        places
    };
    let (before, after) = (by_place(left.secrets), by_place(right.secrets));
    after
        .into_iter()
        .filter(|(place, hashes)| before.get(place).is_some_and(|old| old != hashes))
        .map(|(p, _)| p)
        .collect()
}

async fn compared(
    cx: &Cx,
    left: &SnapshotRow,
    right: &SnapshotRow,
    changes: &[ChangeRow],
) -> Result<Markup, Problem> {
    let l = cx.lang;
    let text_of = async |id| -> Result<String, Problem> {
        Ok(cx.service.store.snapshot(&cx.scope(), id).await?.map(|(_, text)| text).unwrap_or_default())
    };
    let (before, after) = (text_of(left.id).await?, text_of(right.id).await?);
    let os = right.os.clone();
    let untold = (before.is_empty() && !left.sha256.is_empty()) || (after.is_empty() && !right.sha256.is_empty());
    // Long texts are compared away from the threads that answer others.
    let lines = tokio::task::spawn_blocking(move || graded::diff(&os, &before, &after)).await.unwrap_or_default();
    let secrets = secrets_changed(&left.hashes, &right.hashes);
    let (from, to) = (left.at.min(right.at), left.at.max(right.at));
    let results: Vec<&ChangeRow> = changes.iter().filter(|change| change.at > from && change.at <= to).collect();
    let added = lines.iter().filter(|line| !line.same() && line.right.is_some()).count();
    let removed = lines.iter().filter(|line| !line.same() && line.left.is_some()).count();
    Ok(html! {
        section.card #diff {
            h2 { (text::graded_diff(l)) }
            p {
                (time::at(cx, left.at)) " " (one::part(l, left.part)) " → " (time::at(cx, right.at)) " " (one::part(l, right.part)) "; "
                (text::graded_changed_by(l)) " " (one::who(l, &right.by)) @if !right.by_at.is_empty() { " (" (right.by_at) ")" }
            }
            @if untold { (ui::note(Tone::Warn, html! { (text::states_no_text(l)) })) }
            @if !secrets.is_empty() {
                (ui::note(Tone::Info, html! {
                    (text::states_secrets(l, secrets.len())) " "
                    @for place in secrets.iter().take(PLACES) { code { (place) } " " }
                }))
            }
            @if lines.is_empty() { @if !untold { (ui::note(Tone::Good, html! { (text::graded_no_diff(l)) })) } }
            @else {
                p { (text::states_counted(l, added, removed)) }
                (side_by_side(cx, left, right, &lines))
                @if lines.len() > LINES { p.help { (text::sheet_and_more(l, lines.len() - LINES)) } }
            }
            @if !results.is_empty() {
                h3 { (text::states_results(l)) }
                ul.plain { @for change in &results {
                    li { span.mono { (change.check) } " " (verdict(l, change.before)) " → " (verdict(l, change.after)) " " span.under { (time::at(cx, change.at)) " " (one::who(l, &change.by)) " " (one::cause(l, &change.cause)) } }
                } }
            }
        }
    })
}

fn side_by_side(cx: &Cx, left: &SnapshotRow, right: &SnapshotRow, lines: &[DiffLine]) -> Markup {
    let l: Lang = cx.lang;
    let side = |line: &Option<(usize, String)>, mark: &str| {
        html! {
            td.number { @if let Some((number, _)) = line { (number) } }
            td.mono.code.gone[mark == "- "].came[mark == "+ "] { @if let Some((_, text)) = line { (mark) (text) } }
        }
    };
    let mut last: Option<(Option<usize>, Option<usize>)> = None;
    let mut gap = |line: &DiffLine| {
        let here = (line.left.as_ref().map(|(n, _)| *n), line.right.as_ref().map(|(n, _)| *n));
        let far = |a: Option<usize>, b: Option<usize>| a.zip(b).is_some_and(|(a, b)| b > a + 1);
        let hole = last.is_some_and(|(a, b)| line.same() && far(a, here.0) && far(b, here.1));
        let (a, b) = last.unwrap_or((None, None));
        last = Some((here.0.or(a), here.1.or(b)));
        hole
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(text::graded_diff(l)) { table.grid.diff {
            thead { tr { th scope="col" colspan="2" { (time::at(cx, left.at)) } th scope="col" colspan="2" { (time::at(cx, right.at)) } } }
            tbody { @for line in lines.iter().take(LINES) {
                @if gap(line) { tr.gap { td colspan="4" { "⋯" } } }
                @let same = line.same();
                tr { (side(&line.left, if same { "  " } else { "- " })) (side(&line.right, if same { "  " } else { "+ " })) }
            } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_secret_is_seen_by_its_hash_alone() {
        let of = |key: &str, hash: &str| {
            format!(r#"{{"key":"{key}","secrets":[{{"place":"aaa / local-user a","line":3,"hash":"{hash}"}}]}}"#)
        };
        assert_eq!(secrets_changed(&of("k", "aa"), &of("k", "bb")), ["aaa / local-user a"]);
        assert!(secrets_changed(&of("k", "aa"), &of("k", "aa")).is_empty());
        assert!(secrets_changed(&of("k", "aa"), &of("other", "bb")).is_empty());
        assert!(secrets_changed("", "not json").is_empty());
    }
}
