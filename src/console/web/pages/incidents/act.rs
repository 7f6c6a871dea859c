//! What people do with incidents, one at a time or several at once: plain forms, each a `Command`. What the
//! console refuses comes back on the page of the incident, with what was written still in its field.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use jiff::ToSpan;
use maud::html;

use super::inbox::VIEWS;
use super::one;
use super::words::Names;
use crate::console::api::problem::Problem;
use crate::console::api::query::encode;
use crate::console::command::Command;
use crate::console::web::cx::{Answer, Cx, redirect};
use crate::console::web::layout::{self, Place};
use crate::console::web::text;
use crate::console::web::ui::{self, Tone};
use crate::model::Wall;
use crate::model::incident::{AckKind, CloseCause};

/// The longest comment, note, reason or name, in bytes; the same as the API takes.
const MAX_WORDS: usize = 4_000;
/// Incidents handled by one press of a button: more than a page of a list can show.
const MAX_BULK: usize = 500;
/// Reasons that are told when several could not be handled.
const MAX_TOLD: usize = 20;
/// When the watch changes: the hours that duty rooms keep, morning and evening.
const SHIFTS: [i8; 2] = [8, 20];
/// Runs of `probe now`, and what lies between them: enough to tell an echo from a loss.
const RUNS: (u32, u64) = (3, 1_000);

/// What can be done with one incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// 受理
    Ack,
    /// End it.
    Unack,
    /// 派单
    Assign,
    /// A note.
    Note,
    /// 恢复 by hand.
    Resolve,
    /// 关闭
    Close,
    /// Look now.
    Probe,
}

impl Action {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 7] =
        [Self::Ack, Self::Unack, Self::Assign, Self::Note, Self::Resolve, Self::Close, Self::Probe];

    /// In the path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Unack => "unack",
            Self::Assign => "assign",
            Self::Note => "note",
            Self::Resolve => "resolve",
            Self::Close => "close",
            Self::Probe => "probe",
        }
    }
}

/// `POST /incidents/{id}/{action}`
pub async fn act(cx: Cx) -> Answer {
    let word = cx.part("action");
    let Some(action) = Action::ALL.into_iter().find(|a| a.as_str() == word) else {
        return Err(Problem::unknown("操作", "action", word));
    };
    let id = cx.part("id").to_owned();
    match carry_out(&cx, &id, action).await {
        Ok(()) => Ok(redirect(&format!("/incidents/{}?said={}", encode(&id), action.as_str()))),
        Err(problem) => one::refused(&cx, &id, action, problem).await,
    }
}

async fn carry_out(cx: &Cx, id: &str, action: Action) -> Result<(), Problem> {
    let id = id.to_owned();
    let form = &cx.form;
    let command = match action {
        Action::Ack => Command::Ack { id, comment: words(cx, "comment")?, kind: ack_kind(cx)? },
        Action::Unack => Command::Unack { id },
        Action::Assign => {
            let (other, to) = (words(cx, "other")?, words(cx, "to")?);
            let to = match (other.is_empty(), to.as_str()) {
                (false, _) => Some(other),
                (true, "-") => None,
                (true, "") => {
                    return Err(Problem::wrong("请选择或填写负责人", "choose somebody, or write a name"));
                }
                (true, _) => Some(to),
            };
            Command::Assign { id, to }
        }
        Action::Note => Command::Note { id, text: words(cx, "text")? },
        Action::Resolve => Command::Resolve { id, reason: words(cx, "reason")? },
        Action::Close => Command::Close {
            id,
            cause: cause(form.text("cause"))?,
            party: words(cx, "party")?,
            comment: words(cx, "comment")?,
        },
        Action::Probe => {
            let found = cx.service.store.incident(&cx.scope(), &id).await?;
            let found = found.ok_or_else(|| Problem::unknown("事件", "incident", &id))?;
            Command::ProbeNow { object: found.incident.key.object, count: RUNS.0, spacing_ms: RUNS.1 }
        }
    };
    cx.command(None, command).await.map(drop)
}

fn words(cx: &Cx, name: &str) -> Result<String, Problem> {
    let text = cx.form.text(name);
    if text.len() > MAX_WORDS {
        return Err(Problem::wrong(
            format!("文字超过 {MAX_WORDS} 字节；请缩短"),
            format!("the text is longer than {MAX_WORDS} bytes; shorten it"),
        ));
    }
    // Browsers send lines with CR LF; the time line keeps plain ones.
    Ok(text.replace("\r\n", "\n"))
}

fn cause(word: &str) -> Result<CloseCause, Problem> {
    CloseCause::parse(word).ok_or_else(|| Problem::wrong("请选择原因", "choose the cause"))
}

fn ack_kind(cx: &Cx) -> Result<AckKind, Problem> {
    let hours = |n: u64| AckKind::Until(cx.now.plus(Duration::from_secs(n * 3_600)));
    match cx.form.text("until") {
        "" | "change" => Ok(AckKind::UntilChange),
        "1h" => Ok(hours(1)),
        "4h" => Ok(hours(4)),
        "shift" => Ok(AckKind::Until(shift_end(cx))),
        "sticky" => Ok(AckKind::Sticky),
        _ => Err(Problem::wrong("受理期限无效；请重新选择", "that is no term of an acknowledgement; choose one")),
    }
}

/// When the watch changes next, in the console's zone.
pub fn shift_end(cx: &Cx) -> Wall {
    let now = jiff::Timestamp::from_millisecond(cx.now.millis()).unwrap_or_default().to_zoned(cx.zone.clone());
    let today = SHIFTS.iter().map(|hour| now.date().at(*hour, 0, 0, 0));
    let tomorrow = now.date().checked_add(1.day()).unwrap_or(now.date());
    let next = today.chain(SHIFTS.iter().map(|hour| tomorrow.at(*hour, 0, 0, 0))).find(|at| *at > now.datetime());
    let at = next.and_then(|at| at.to_zoned(cx.zone.clone()).ok());
    at.map_or_else(
        || cx.now.plus(Duration::from_secs(12 * 3_600)),
        |at| Wall::from_millis(at.timestamp().as_millisecond()),
    )
}

/// `POST /incidents`: the same for all selected ones.
pub async fn bulk(cx: Cx) -> Answer {
    let ids: Vec<String> = cx.form.all("id").take(MAX_BULK).map(str::to_owned).collect();
    let back = cx.form.text("back").to_owned();
    if ids.is_empty() {
        let problem =
            Problem::wrong("没有勾选任何事件；请先勾选", "nothing is selected; select some incidents first");
        return Ok(told(&cx, &back, 0, vec![(String::new(), problem)]).await);
    }
    let what = cx.form.text("do").to_owned();
    let mut failed = Vec::new();
    for id in &ids {
        let done = match command(&cx, &what, id) {
            Ok(command) => cx.command(None, command).await.map(drop),
            // What is wrong with the form is wrong for all.
            Err(problem) => return Ok(told(&cx, &back, 0, vec![(String::new(), problem)]).await),
        };
        if let Err(problem) = done {
            failed.push((id.clone(), problem));
        }
    }
    if !failed.is_empty() {
        return Ok(told(&cx, &back, ids.len() - failed.len(), failed).await);
    }
    let word = match what.as_str() {
        "ack" => "acked",
        "mine" => "assigned",
        _ => "closed",
    };
    let between = if back.contains('?') { '&' } else { '?' };
    Ok(redirect(&format!("{back}{between}said={word}&n={}", ids.len())))
}

fn command(cx: &Cx, what: &str, id: &str) -> Result<Command, Problem> {
    let id = id.to_owned();
    Ok(match what {
        "ack" => Command::Ack { id, comment: words(cx, "comment")?, kind: AckKind::UntilChange },
        "mine" => Command::Assign { id, to: Some(cx.actor().name.to_string()) },
        "close" => Command::Close {
            id,
            cause: cause(cx.form.text("cause"))?,
            party: words(cx, "party")?,
            comment: words(cx, "comment")?,
        },
        _ => return Err(Problem::wrong("未知的批量操作", "that cannot be done with several incidents")),
    })
}

/// What could not be done, each with its reason, and the way back.
async fn told(cx: &Cx, back: &str, done: usize, failed: Vec<(String, Problem)>) -> Response {
    let l = cx.lang;
    let names = Names::of(cx);
    let mut lines = Vec::new();
    for (id, problem) in failed.iter().take(MAX_TOLD) {
        let known = cx.service.store.incident(&cx.scope(), id).await.ok().flatten().map(|d| d.incident);
        let name = known.map(|i| format!("{} {}", names.object(&i.key.object), names.problem_of(&i)));
        lines.push((id.clone(), name, cx.problem(problem).to_owned()));
    }
    let status = failed.first().map_or(StatusCode::CONFLICT, |(_, problem)| one::status_of(problem));
    let more = failed.len().saturating_sub(MAX_TOLD);
    let inside = html! {
        (ui::heading(text::nav_incidents(l), html! {}))
        @if done > 0 { (ui::note(Tone::Good, html! { (text::incident_bulk_done(l, done)) })) }
        (ui::note(Tone::Bad, html! {
            p { (text::incident_bulk_failed(l, failed.len())) }
            ul { @for (id, name, why) in &lines {
                li { @if let Some(name) = name { a href={ "/incidents/" (encode(id)) } { (name) } ": " } (why) }
            } }
            @if more > 0 { p { (text::incident_bulk_more(l, more)) } }
        }))
        p { a.button href=(crate::console::web::cx::local(back)) { (text::incident_back(l)) } }
    };
    let mut answer = layout::page(cx, Place::Incidents, text::nav_incidents(l), inside);
    *answer.status_mut() = status;
    answer
}

/// `POST /incidents/views`: keeps the filters of a list under a name, or forgets them.
pub async fn views(cx: Cx) -> Answer {
    ui::views::change(&cx, VIEWS, Place::Incidents).await
}
