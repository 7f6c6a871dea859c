//! `fengsui incident`: list incidents and handle them.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, IfMissing, with_console};
use super::json::{line, list, text, time, with_query};
use super::reach::Reach;
use super::table::{table, whole_table};
use super::text::{duration, parse_duration, pick};
use super::{Answer, Exit, Failure, Format, print, say};
use crate::console::api::query::encode;
use crate::model::incident::{CloseCause, IncidentState};
use crate::model::{Severity, Wall};
use crate::net::clock::Clock;

/// How much of an id a table shows.
const SHORT: usize = 8;
/// Length of a whole id.
const WHOLE: usize = 36;
/// The least of an id that is taken for a part of one.
const LEAST: usize = 4;
/// Items the API gives at once.
const MAX_PAGE: usize = 1_000;

/// Options of `incident`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// List incidents, newest first; open and acked ones unless --state or --all
    List {
        /// States: open, acked, resolved, closed
        #[arg(long, value_name = "STATE", value_delimiter = ',', conflicts_with = "all")]
        state: Vec<String>,
        /// All states
        #[arg(long)]
        all: bool,
        /// At least this bad: critical, major, minor, warning, info
        #[arg(long, value_name = "SEVERITY")]
        severity: Option<String>,
        /// About this object, such as asset:core-1
        #[arg(long, value_name = "OBJECT")]
        object: Option<String>,
        /// Of this problem
        #[arg(long, value_name = "PROBLEM")]
        problem: Option<String>,
        /// Leave out symptoms of other incidents
        #[arg(long)]
        causes: bool,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Show one incident with its timeline and symptoms
    Show {
        /// Incident: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Acknowledge an incident: until it changes, unless --for or --sticky
    Ack {
        /// Incident: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// What you say
        #[arg(long, default_value = "")]
        comment: String,
        /// For so long, such as 2h
        #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration, conflicts_with = "sticky")]
        lasting: Option<Duration>,
        /// Until somebody ends it or the incident resolves
        #[arg(long)]
        sticky: bool,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// End an acknowledgement
    Unack {
        /// Incident: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Assign an incident
    Assign {
        /// Incident: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// To whom
        #[arg(long, value_name = "WHO", required_unless_present = "nobody", conflicts_with = "nobody")]
        to: Option<String>,
        /// Take it away from whoever has it
        #[arg(long)]
        nobody: bool,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Resolve an incident by hand
    Resolve {
        /// Incident: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Close a resolved incident
    Close {
        /// Incident: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// Why it happened: fibre_cut, device_fault, power_loss, planned_work, config_change, attack, false_alarm, other
        #[arg(long)]
        cause: String,
        /// Who was responsible
        #[arg(long)]
        party: String,
        /// Words
        #[arg(long, default_value = "")]
        comment: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Add a note to an incident
    Note {
        /// Incident: its id, or as much of its beginning or end as tells it apart
        id: String,
        /// Words
        text: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    match args.what {
        What::List { state, all, severity, object, problem, causes, limit, format, reach } => {
            let state = if all {
                None
            } else if state.is_empty() {
                Some("open,acked".to_owned())
            } else {
                Some(state.join(","))
            };
            let causes = causes.then(|| "true".to_owned());
            let filter = [
                ("state", state),
                ("severity", severity),
                ("object", object),
                ("problem", problem),
                ("causes", causes),
                ("limit", Some(limit.clamp(1, MAX_PAGE).to_string())),
            ];
            let path = with_query("/api/v1/incidents", &filter);
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list(&path, limit).await)?;
            show_list(&items, format);
            if items.len() >= limit {
                say(&pick(
                    format!("只列出最新的 {limit} 个，可能还有；用 --limit 增加"),
                    format!("the newest {limit} only, there may be more: --limit"),
                ));
            }
        }
        What::Show { id, format, reach } => {
            let (incident, name) = with_console(&reach, IfMissing::Fail, async |c| {
                let incident = c.get(&path_of(&whole_id(c, &id).await?, None)).await?;
                let name = name_of(c, &text(&incident, "object"), format).await;
                Ok((incident, name))
            })?;
            match format {
                Format::Json => print(&line(incident)),
                Format::Table => show_one(&incident, &name),
            }
        }
        What::Ack { id, comment, lasting, sticky, reach } => {
            let until = lasting.map(|d| Clock::system().wall().plus(d).to_string());
            act(&reach, &id, "ack", &json!({ "comment": comment, "until": until, "sticky": sticky }))?;
        }
        What::Unack { id, reach } => act(&reach, &id, "unack", &json!({}))?,
        What::Assign { id, to, nobody: _, reach } => act(&reach, &id, "assign", &json!({ "to": to }))?,
        What::Resolve { id, reason, reach } => act(&reach, &id, "resolve", &json!({ "reason": reason }))?,
        What::Close { id, cause, party, comment, reach } => {
            act(&reach, &id, "close", &json!({ "cause": cause, "party": party, "comment": comment }))?;
        }
        What::Note { id, text, reach } => act(&reach, &id, "note", &json!({ "text": text }))?,
    }
    Ok(Exit::Good)
}

fn path_of(id: &str, action: Option<&str>) -> String {
    let id = encode(id);
    action.map_or_else(|| format!("/api/v1/incidents/{id}"), |a| format!("/api/v1/incidents/{id}/{a}"))
}

fn act(reach: &Reach, id: &str, action: &str, body: &Value) -> Result<(), Failure> {
    let after = with_console(reach, IfMissing::Fail, async |c| {
        let path = path_of(&whole_id(c, id).await?, Some(action));
        c.post(&path, body).await
    })?;
    let (id, state) = (text(&after, "id"), text(&after, "state"));
    say(&pick(format!("事件 {id}：{}", state_zh(&state)), format!("incident {id}: {state}")));
    Ok(())
}

/// The whole id of an incident of which somebody typed the beginning or the end: tables show its last
/// `SHORT` characters, because ids of the same hour begin alike. Looks at the newest `MAX_PAGE`.
async fn whole_id(c: &Client, given: &str) -> Result<String, Failure> {
    if given.len() >= WHOLE || given.len() < LEAST || !given.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Ok(given.to_owned());
    }
    let all = c.list(&format!("/api/v1/incidents?limit={MAX_PAGE}"), MAX_PAGE).await?;
    let part = given.to_ascii_lowercase();
    let ids = all.iter().map(|i| text(i, "id"));
    let fit: Vec<String> = ids.filter(|id| id.starts_with(&part) || id.ends_with(&part)).collect();
    match fit.as_slice() {
        [one] => Ok(one.clone()),
        [] => Ok(given.to_owned()),
        many => {
            let shown: Vec<&str> = many.iter().take(5).map(String::as_str).collect();
            let (n, shown) = (many.len(), shown.join(", "));
            Err(Failure::usage(pick(
                format!("`{given}` 对应 {n} 个事件：{shown} 等；请多写几位"),
                format!("`{given}` fits {n} incidents, such as {shown}; write more of it"),
            )))
        }
    }
}

/// What people call an asset; nothing for other objects and when it cannot be told.
async fn name_of(c: &Client, object: &str, format: Format) -> String {
    match object.strip_prefix("asset:") {
        Some(id) if format == Format::Table => {
            let asset = c.get(&format!("/api/v1/assets/{}", encode(id))).await;
            asset.ok().and_then(|a| a.get("declared").map(|d| text(d, "name"))).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The last characters of an id, as tables show it.
fn short(id: &str) -> String {
    id.get(id.len().saturating_sub(SHORT)..).unwrap_or(id).to_owned()
}

/// How long it has lasted, or lasted.
fn lasting(i: &Value) -> String {
    let parse = |key: &str| Wall::parse(&text(i, key));
    let Some(from) = parse("opened") else { return String::new() };
    let to = parse("resolved").or_else(|| parse("closed")).unwrap_or_else(|| Clock::system().wall());
    duration(Duration::from_millis(u64::try_from(to.millis() - from.millis()).unwrap_or(0)))
}

fn state_zh(state: &str) -> String {
    IncidentState::parse(state).map_or(state, |s| s.zh()).to_owned()
}

fn severity_text(word: &str) -> String {
    pick(Severity::parse(word).map_or(word, |s| s.zh()), word).to_owned()
}

fn state_text(word: &str) -> String {
    pick(state_zh(word), word.to_owned())
}

fn show_list(items: &[Value], format: Format) {
    if format == Format::Json {
        items.iter().for_each(|i| print(&line(i.clone())));
        return;
    }
    if items.is_empty() {
        say(pick("没有符合条件的事件", "no incidents match"));
        return;
    }
    let head = pick(
        ["编号", "状态", "级别", "对象", "问题", "开始时间", "持续", "次数", "受理人"],
        ["id", "state", "severity", "object", "problem", "opened", "for", "count", "handled by"],
    );
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|i| {
            let handler = text(i, "assignee");
            let by = i.get("ack").map(|a| text(a, "by")).unwrap_or_default();
            vec![
                short(&text(i, "id")),
                state_text(&text(i, "state")),
                severity_text(&text(i, "severity")),
                with_instance(i),
                text(i, "problem"),
                time(i, "opened"),
                lasting(i),
                text(i, "count"),
                if handler.is_empty() { by } else { handler },
            ]
        })
        .collect();
    print(&table(&head, &rows));
}

fn with_instance(incident: &Value) -> String {
    let (object, instance) = (text(incident, "object"), text(incident, "instance"));
    if instance.is_empty() { object } else { format!("{object} [{instance}]") }
}

fn show_one(i: &Value, name: &str) {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |zh: &str, en: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![pick(zh, en).to_owned(), value]);
        }
    };
    let (state, severity) = (text(i, "state"), text(i, "severity"));
    row("编号", "id", text(i, "id"));
    row("问题", "problem", text(i, "problem"));
    row("对象", "object", [with_instance(i), name.to_owned()].join(" ").trim_end().to_owned());
    row("级别", "severity", severity_text(&severity));
    row("状态", "state", state_text(&state));
    row("开始", "opened", time(i, "opened"));
    row("恢复", "resolved", time(i, "resolved"));
    row("关闭", "closed", time(i, "closed"));
    row("持续", "lasting", lasting(i));
    row("发生次数", "count", text(i, "count"));
    if let Some(ack) = i.get("ack").filter(|a| a.is_object()) {
        let until = time(ack, "until");
        let until = if until.is_empty() { until } else { format!(" {} {until}", pick("有效至", "until")) };
        row("受理", "acked by", format!("{} {}{until} {}", text(ack, "by"), time(ack, "at"), text(ack, "comment")));
    }
    row("派单", "assignee", text(i, "assignee"));
    let flags: Vec<&str> = list(i, "flags").iter().filter_map(Value::as_str).map(flag_text).collect();
    row("标记", "flags", flags.join(pick("、", ", ")));
    for l in list(i, "lines") {
        let line = ["name", "carrier", "circuit", "hotline"].map(|key| text(l, key));
        row("线路", "line", line.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", "));
    }
    row("根因事件", "symptom of", text(i, "cause"));
    row("前一事件", "previous", text(i, "previous"));
    row("关闭原因", "close cause", cause_text(&text(i, "close_cause")));
    row("责任方", "party", text(i, "party"));
    row("处置手册", "runbook", text(i, "runbook"));
    print(&whole_table(&[pick("事件", "incident"), ""], &rows));
    show_part(
        i,
        "contributions",
        pick(["探针", "规则", "级别", "自", "依据"], ["agent", "rule", "severity", "since", "evidence"]),
        |c| {
            let evidence: Vec<String> =
                list(c, "evidence").iter().map(|e| format!("{} = {}", text(e, "name"), text(e, "value"))).collect();
            let firing =
                if c.get("firing") == Some(&Value::Bool(true)) { "" } else { pick("（已恢复）", " (cleared)") };
            vec![
                text(c, "agent"),
                text(c, "rule") + firing,
                severity_text(&text(c, "severity")),
                time(c, "since"),
                evidence.join(", "),
            ]
        },
    );
    show_part(
        i,
        "symptoms",
        pick(["衍生事件", "状态", "对象", "问题"], ["symptom", "state", "object", "problem"]),
        |s| vec![short(&text(s, "id")), state_text(&text(s, "state")), with_instance(s), text(s, "problem")],
    );
    show_part(
        i,
        "timeline",
        pick(["时间", "操作者", "动作", "说明"], ["at", "who", "what", "words"]),
        |t| vec![time(t, "at"), text(t, "actor"), kind_text(&text(t, "kind")), words(&text(t, "text"))],
    );
    if let Some(next) = next_step(&state, &short(&text(i, "id")), &text(i, "cause")) {
        print("");
        print(&next);
    }
}

/// What to do about it now, as a command to copy.
fn next_step(state: &str, id: &str, cause: &str) -> Option<String> {
    let step = match IncidentState::parse(state)? {
        _ if !cause.is_empty() => format!("fengsui incident show {}", short(cause)),
        IncidentState::Open => format!("fengsui incident ack {id} --comment {}", pick("说明", "TEXT")),
        IncidentState::Acked => format!("fengsui incident note {id} {}", pick("进展", "TEXT")),
        IncidentState::Resolved => {
            format!("fengsui incident close {id} --cause {} --party {}", pick("原因", "CAUSE"), pick("责任方", "WHO"))
        }
        IncidentState::Closed => return None,
    };
    Some(format!("{}{step}", pick("下一步：", "next: ")))
}

/// Words that the console itself put into a timeline; what people wrote stays.
fn words(text: &str) -> String {
    if pick(false, true) {
        return text.to_owned();
    }
    text.split("; ")
        .map(|part| CloseCause::parse(part).map_or(part, |c| c.zh()))
        .map(super::zh::line)
        .collect::<Vec<_>>()
        .join("；")
}

fn cause_text(word: &str) -> String {
    pick(CloseCause::parse(word).map_or(word, |c| c.zh()), word).to_owned()
}

fn kind_text(word: &str) -> String {
    let zh = match word {
        "opened" => "发生",
        "reopened" => "再次发生",
        "worse" => "级别升高",
        "joined" => "告警加入",
        "left" => "告警恢复",
        "acked" => "受理",
        "unacked" => "受理结束",
        "assigned" => "派单",
        "resolved" => "恢复",
        "closed" => "关闭",
        "note" => "备注",
        "folded" => "归为衍生",
        "unfolded" => "不再衍生",
        "flag" => "标记变化",
        other => other,
    };
    pick(zh, word).to_owned()
}

fn flag_text(word: &str) -> &str {
    let zh = match word {
        "maintenance" => "维护窗口",
        "topology" => "衍生告警",
        "flapping" => "抖动",
        "silence" => "屏蔽",
        "storm" => "告警风暴",
        "held" => "待确认",
        "stale" => "无新数据",
        "late" => "补报",
        other => other,
    };
    pick(zh, word)
}

fn show_part<const N: usize>(i: &Value, key: &str, head: [&str; N], row: impl Fn(&Value) -> Vec<String>) {
    let rows: Vec<Vec<String>> = list(i, key).iter().map(row).collect();
    if !rows.is_empty() {
        print("");
        print(&whole_table(&head, &rows));
    }
}
