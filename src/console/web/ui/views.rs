//! Saved views: the filters that somebody keeps for a list, beside those that everybody needs. A view is a query
//! under a name; each belongs to one person.

use maud::{Markup, html};

use super::form::{self, Field};
use super::list::List;
use super::{Tone, note};
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::Command;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::layout::{self, Place};
use crate::console::web::text;

/// Longest name of a view, as the store has it.
const MAX_NAME: usize = 60;

/// The query of a list as it stands: its filters and its order, without page and format.
fn here(list: &List, usual: &str) -> String {
    let mut parts: Vec<String> = list.filters.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect();
    let sort = format!("{}{}", if list.descending { "-" } else { "" }, list.sort);
    if sort != usual {
        parts.push(format!("sort={sort}"));
    }
    parts.join("&")
}

/// The views of a list: those of everybody, the reader's own, and a form to keep the one that is shown. `page` is
/// the list's name in the store and its path without the slash, `usual` its order unless asked otherwise.
pub fn show(cx: &Cx, page: &str, usual: &str, fixed: &[(&str, &str)], list: &List) -> Markup {
    let l = cx.lang;
    let kept = cx.service.store.views(&cx.actor(), page);
    let here = here(list, usual);
    let link = |query: &str| if query.is_empty() { format!("/{page}") } else { format!("/{page}?{query}") };
    let action = format!("/{page}/views");
    html! {
        @match cx.query.text("said") {
            "view-saved" => (note(Tone::Good, html! { (text::views_saved(l)) })),
            "view-removed" => (note(Tone::Good, html! { (text::views_removed(l)) })),
            _ => {}
        }
        nav.views aria-label=(text::views_label(l)) {
            @for (query, name) in fixed {
                a href=(link(query)) aria-current=[(here == *query).then_some("true")] { (name) }
            }
            @for view in &kept {
                a.own href=(link(&view.query)) aria-current=[(here == view.query).then_some("true")] { (view.name) }
            }
            details.menu-of {
                summary { (text::views_own(l)) }
                div.drop {
                    (fields(cx, &action, &here, "", None))
                    @if !kept.is_empty() {
                        ul.plain {
                            @for view in &kept {
                                li { (view.name) " " (form::button(cx, &action, text::views_remove(l), "quiet", &[("do", "remove"), ("name", &view.name)])) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn fields(cx: &Cx, action: &str, query: &str, name: &str, error: Option<&str>) -> Markup {
    let l = cx.lang;
    form::post(
        cx,
        action,
        html! {
            input type="hidden" name="query" value=(query);
            (form::input(&Field { name: "name", label: text::views_name(l), help: text::views_help(l), value: name, error, required: true, longest: MAX_NAME, ..Field::default() }))
            button type="submit" name="do" value="save" { (text::views_save(l)) }
        },
    )
}

/// Keeps or forgets a view, then back to the list; what the store refuses is shown beside what was written.
pub async fn change(cx: &Cx, page: &'static str, place: Place) -> Answer {
    let name = cx.form.text("name").to_owned();
    if cx.form.text("do") == "remove" {
        cx.command(None, Command::ViewRemove { page: page.to_owned(), name }).await?;
        return Ok(redirect(&format!("/{page}?said=view-removed")));
    }
    let query = cx.form.text("query").to_owned();
    let command = Command::ViewSave { page: page.to_owned(), name: name.clone(), query: query.clone() };
    match cx.command(None, command).await {
        Ok(_) => {
            let between = if query.is_empty() { "" } else { "&" };
            Ok(redirect(&format!("/{page}?{query}{between}said=view-saved")))
        }
        Err(problem) => Ok(again(cx, page, place, &query, &name, &problem)),
    }
}

fn again(cx: &Cx, page: &str, place: Place, query: &str, name: &str, problem: &Problem) -> axum::response::Response {
    let action = format!("/{page}/views");
    let inside = html! {
        (super::heading(text::views_own(cx.lang), html! {}))
        section.card.narrow { (fields(cx, &action, query, name, Some(cx.problem(problem)))) }
    };
    let mut answer = layout::page(cx, place, text::views_own(cx.lang), inside);
    *answer.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::web::ui::list::Format;

    #[test]
    fn a_view_keeps_filters_and_order_but_no_page() {
        let mut list = List {
            path: "/assets".into(),
            filters: vec![("q", "核心&x".into())],
            sort: "trouble",
            descending: true,
            after: Some("n1".into()),
            rows: 50,
            format: Format::Html,
        };
        assert_eq!(here(&list, "-trouble"), "q=%E6%A0%B8%E5%BF%83%26x");
        list.sort = "name";
        assert_eq!(here(&list, "-trouble"), "q=%E6%A0%B8%E5%BF%83%26x&sort=-name");
    }
}
