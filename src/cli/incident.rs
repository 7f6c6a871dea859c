//! `fengsui incident`: list incidents and handle them.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{IfMissing, with_console};
use super::json::{line, list, text, time, with_query};
use super::reach::Reach;
use super::table::table;
use super::text::{parse_duration, pick};
use super::{Answer, Exit, Failure, Format, print, say};
use crate::console::api::query::encode;
use crate::model::Severity;
use crate::model::incident::IncidentState;
use crate::net::clock::Clock;

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
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Show one incident with its timeline and symptoms
    Show {
        /// Incident
        id: String,
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Acknowledge an incident: until it changes, unless --for or --sticky
    Ack {
        /// Incident
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
        /// Incident
        id: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Assign an incident
    Assign {
        /// Incident
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
        /// Incident
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
        /// Incident
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
        /// Incident
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
        }
        What::Show { id, format, reach } => {
            let path = path_of(&id, None);
            let incident = with_console(&reach, IfMissing::Fail, async |c| c.get(&path).await)?;
            match format {
                Format::Json => print(&line(incident)),
                Format::Table => show_one(&incident),
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
    let path = path_of(id, Some(action));
    let after = with_console(reach, IfMissing::Fail, async |c| c.post(&path, body).await)?;
    let (id, state) = (text(&after, "id"), text(&after, "state"));
    say(&pick(format!("事件 {id}：{}", state_zh(&state)), format!("incident {id}: {state}")));
    Ok(())
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
        ["编号", "状态", "级别", "对象", "问题", "开始时间", "次数", "受理人"],
        ["id", "state", "severity", "object", "problem", "opened", "count", "handled by"],
    );
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|i| {
            let handler = text(i, "assignee");
            let by = i.get("ack").map(|a| text(a, "by")).unwrap_or_default();
            vec![
                text(i, "id"),
                state_text(&text(i, "state")),
                severity_text(&text(i, "severity")),
                with_instance(i),
                text(i, "problem"),
                time(i, "opened"),
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

fn show_one(i: &Value) {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |zh: &str, en: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![pick(zh, en).to_owned(), value]);
        }
    };
    row("编号", "id", text(i, "id"));
    row("问题", "problem", text(i, "problem"));
    row("对象", "object", with_instance(i));
    row("状态", "state", state_text(&text(i, "state")));
    row("级别", "severity", severity_text(&text(i, "severity")));
    row("开始", "opened", time(i, "opened"));
    row("恢复", "resolved", time(i, "resolved"));
    row("关闭", "closed", time(i, "closed"));
    row("次数", "count", text(i, "count"));
    row("派单", "assignee", text(i, "assignee"));
    if let Some(ack) = i.get("ack").filter(|a| a.is_object()) {
        row("受理", "acked by", format!("{} {} {}", text(ack, "by"), time(ack, "at"), text(ack, "comment")));
    }
    row("标记", "flags", list(i, "flags").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
    row("根因", "cause", text(i, "cause"));
    row("前一事件", "previous", text(i, "previous"));
    row("关闭原因", "close cause", text(i, "close_cause"));
    row("责任方", "party", text(i, "party"));
    row("处置手册", "runbook", text(i, "runbook"));
    print(&table(&[pick("事件", "incident"), ""], &rows));
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
        "timeline",
        pick(["时间", "操作者", "动作", "说明"], ["at", "who", "what", "words"]),
        |t| vec![time(t, "at"), text(t, "actor"), text(t, "kind"), text(t, "text")],
    );
    show_part(
        i,
        "symptoms",
        pick(["衍生事件", "状态", "对象", "问题"], ["symptom", "state", "object", "problem"]),
        |s| vec![text(s, "id"), state_text(&text(s, "state")), with_instance(s), text(s, "problem")],
    );
}

fn show_part<const N: usize>(i: &Value, key: &str, head: [&str; N], row: impl Fn(&Value) -> Vec<String>) {
    let rows: Vec<Vec<String>> = list(i, key).iter().map(row).collect();
    if !rows.is_empty() {
        print("");
        print(&table(&head, &rows));
    }
}
