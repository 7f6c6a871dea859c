//! Graded systems (定级对象) with what is filed of them, and when they have to be assessed again.

use maud::{Markup, html};

use crate::baseline::due::{self, Stage};
use crate::console::api::query::encode;
use crate::console::web::cx::Cx;
use crate::console::web::text;
use crate::console::web::ui::{self, Tone, badge};
use crate::model::Object;
use crate::model::inventory::{Inventory, System};

/// Whether a system is of level 2 or above and the reader sees an asset of it.
pub(super) fn seen(cx: &Cx, system: &System) -> bool {
    system.level >= 2
        && system.assets.iter().any(|asset| cx.service.store.sees(&cx.scope(), &Object::Asset(asset.clone())))
}

/// Those that the reader sees, what is due first, each with a link to its part of a page; nothing if there are none.
pub(super) fn table(cx: &Cx, inventory: &Inventory, page: &str) -> Markup {
    let l = cx.lang;
    let mut all: Vec<_> = inventory
        .systems
        .values()
        .filter(|system| seen(cx, system))
        .map(|s| (due::next(s, cx.now, &cx.zone), s))
        .collect();
    all.sort_by_key(|(next, system)| (next.as_ref().map_or(i64::MAX, |next| next.days), system.id.clone()));
    html! {
        @if !all.is_empty() {
            section.card {
                h2 { (text::sheet_systems(l)) }
                div.scroll tabindex="0" { table.grid {
                    thead { tr { th scope="col" { (text::graded_system(l)) } th.number scope="col" { (text::sheet_level_head(l)) } th scope="col" { (text::sheet_filing(l)) } th scope="col" { (text::sheet_filed(l)) } th scope="col" { (text::sheet_assessed(l)) } th scope="col" { (text::sheet_next(l)) } } }
                    tbody { @for (next, system) in &all {
                        tr {
                            td { a href={ (page) "?system=" (encode(system.id.as_str())) } { (system.name) } }
                            td.number { (system.level) }
                            td { (ui::or_none(&system.filing.number)) }
                            td { (ui::or_none(system.filing.filed.as_deref().unwrap_or_default())) }
                            td { (ui::or_none(system.filing.last_assessed.as_deref().unwrap_or_default())) }
                            td { @match next {
                                Some(next) => { (next.date) " " (left(cx, next.days)) }
                                None => (text::sheet_next_unknown(l)),
                            } }
                        }
                    } }
                } }
            }
        }
    }
}

/// How many days are left, loud when few are.
pub(super) fn left(cx: &Cx, days: i64) -> Markup {
    let tone = match Stage::of(days) {
        Some(Stage::Over | Stage::Week) => Tone::Bad,
        Some(_) => Tone::Warn,
        None => Tone::Info,
    };
    let word = if days > 0 { text::sheet_days_left(cx.lang, days) } else { text::sheet_days_over(cx.lang, -days) };
    badge::toned(tone, &word)
}
