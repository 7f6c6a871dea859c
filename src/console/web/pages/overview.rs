//! The first thing the duty room sees: what is broken, how bad, where, and what waits for a person. The same
//! for a desk and, larger and without anything to click, for a wall. One region of the page is fetched again
//! when something changes; it is one look at the board.

pub mod parts;

use maud::{Markup, html};

use crate::console::board::Board;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::layout::{self, Place};
use crate::console::web::live::Topic;
use crate::console::web::ui::{self, time};
use crate::console::web::{assets, text};

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Somebody at a desk.
    Desk,
    /// Everybody in the room, from five metres.
    Wall,
}

/// `GET /`, and `GET /?wall=1` for a wall.
pub async fn page(cx: Cx) -> Answer {
    if cx.query.get("wall") == Some("1") {
        return wall(cx).await;
    }
    let l = cx.lang;
    let board = Board::of(&cx.service, &cx.scope()).await?;
    let beside = html! { a.button href="/wall" { (ui::icon("overview")) " " (text::overview_wall(l)) } };
    let inside = html! { (ui::heading(text::nav_overview(l), beside)) (now(&cx, &board, For::Desk)) };
    Ok(layout::page(&cx, Place::Overview, text::nav_overview(l), inside))
}

/// `GET /wall`
pub async fn wall(cx: Cx) -> Answer {
    let l = cx.lang;
    let board = Board::of(&cx.service, &cx.scope()).await?;
    let inside = now(&cx, &board, For::Wall);
    Ok(layout::wall(&cx, text::nav_overview(l), inside))
}

fn now(cx: &Cx, board: &Board, to: For) -> Markup {
    let topics = [Topic::Incidents, Topic::Objects, Topic::Agents, Topic::Inventory, Topic::Definitions];
    let inside = match to {
        For::Desk => desk(cx, board),
        For::Wall => on_wall(cx, board),
    };
    ui::live(cx, "now", &topics, inside)
}

/// Nothing is declared: there is nothing to show, but something to do.
fn fresh(board: &Board) -> bool {
    !board.inventory.has_assets() && board.inventory.links.is_empty()
}

fn desk(cx: &Cx, board: &Board) -> Markup {
    let l = cx.lang;
    html! {
        (parts::needs(cx, board))
        @if fresh(board) { (parts::nothing_yet(cx)) }
        (parts::tiles(cx, board))
        @if !fresh(board) {
            div.columns.even {
                section.card {
                    h2 { (text::overview_regions(l)) }
                    (parts::regions(cx, board))
                }
                div {
                    section.card {
                        h2 { a href="/incidents" { (text::overview_newest(l)) } }
                        (parts::newest(cx, board, 8))
                    }
                    (parts::silent(cx, board))
                }
            }
            @if board.links().next().is_some() {
                section.card {
                    h2 { a href="/links" { (text::overview_worst(l)) } }
                    (parts::worst_links(cx, board, 8))
                }
            }
        }
    }
}

fn on_wall(cx: &Cx, board: &Board) -> Markup {
    let l = cx.lang;
    html! {
        header.wall-top {
            span.brand { img src=(assets::url("icon.svg")) alt="" width="40" height="40"; (text::brand(l)) }
            (parts::verdict(cx, board))
            span.wall-clock { (time::at(cx, cx.now)) }
        }
        (parts::tiles(cx, board))
        @if fresh(board) { (parts::nothing_yet(cx)) } @else {
            div.columns {
                section.card { (parts::regions(cx, board)) }
                div {
                    section.card { h2 { (text::overview_newest(l)) } (parts::newest(cx, board, 6)) }
                    section.card { h2 { (text::overview_worst(l)) } (parts::worst_links(cx, board, 5)) }
                    (parts::silent(cx, board))
                }
            }
        }
    }
}
