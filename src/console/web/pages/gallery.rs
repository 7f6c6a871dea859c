//! Every component once, with a lot in it and with nothing, for those who build pages.

use maud::html;

use crate::console::web::cx::{Answer, Cx};
use crate::console::web::layout::{self, Place};
use crate::console::web::ui;
use crate::model::Severity;
use crate::model::incident::IncidentState;

/// `GET /gallery`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let inside = html! {
        (ui::heading("Gallery", html! {}))
        section.card {
            p { @for s in Severity::ALL { (ui::badge::severity(l, s)) " " } }
            p { @for s in IncidentState::ALL { (ui::badge::state(l, s)) " " } }
        }
    };
    Ok(layout::page(&cx, Place::None, "Gallery", inside))
}
