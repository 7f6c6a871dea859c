//! The first thing the duty room sees: what is broken, how bad, where.

use maud::html;

use crate::console::web::cx::{Answer, Cx};
use crate::console::web::layout::{self, Place};
use crate::console::web::{text, ui};

/// `GET /`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let inside = html! { (ui::heading(text::nav_overview(l), html! {})) };
    Ok(layout::page(&cx, Place::Overview, text::nav_overview(l), inside))
}
