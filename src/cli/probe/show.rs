//! Runs as people and programs read them: a live line a run for one target, a line a target at the end, one
//! JSON object a run. Everything follows from the kind's schema; no kind is special.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::Order;
use super::targets::Aim;
use super::times::Times;
use crate::cli::table::{table, whole_table};
use crate::cli::text::pick;
use crate::cli::{Format, print};
use crate::engine::summarise::Summariser;
use crate::model::field::{Field, FieldType, KindSchema, KindSpec, Table};
use crate::model::observation::{Observation, Outcome, Row, Tally, Value};
use crate::model::plan::{SettingValue, Task};
use crate::model::wire::Samples;
use crate::probe::{Ctx, Ended, Run, observation};

/// Prints runs as they come, and what they amount to.
pub(super) struct Screen<'a> {
    cx: &'a Ctx,
    order: &'a Order,
    tasks: &'a [Arc<Task>],
    schema: Arc<KindSchema>,
    places: Places<'a>,
    totals: Vec<Total>,
    kept: Summariser,
}

/// What the runs of one target amount to.
#[derive(Debug, Clone, Default)]
struct Total {
    runs: u32,
    good: u32,
    failed: u32,
    invalid: u32,
    tally: Tally,
    times: Times,
    note: String,
}

impl<'a> Screen<'a> {
    pub(super) fn new(cx: &'a Ctx, order: &'a Order, tasks: &'a [Arc<Task>]) -> Self {
        let screen = Self {
            cx,
            order,
            tasks,
            schema: Arc::new(order.kind.spec.schema.clone()),
            places: Places::new(tasks),
            totals: tasks.iter().map(|_| Total::of(order.args.count)).collect(),
            kept: Summariser::new(),
        };
        if order.args.explain && order.args.format == Format::Table {
            print(pick("设置：", "settings:"));
            for line in settings(order) {
                print(&format!("  {line}"));
            }
        }
        screen
    }

    /// One more run.
    pub(super) fn take(&mut self, (task, began, run): Ended) {
        let target = self.places.of(&task);
        let Some(aim) = self.order.targets.get(target) else { return };
        let spec = self.order.kind.spec;
        let Some(total) = self.totals.get_mut(target) else { return };
        total.add(spec, &run);
        if self.order.args.format == Format::Table && self.tasks.len() > 1 && !self.order.args.explain {
            return;
        }
        let seen = observation(self.cx, &task, &self.schema, began, run.clone());
        if self.order.args.explain {
            // Facts repeat what the rows already show.
            let _ = self.kept.push(&seen, task.keep(), self.cx.clock.now());
        }
        match self.order.args.format {
            Format::Json => {
                let mut line = json_line(spec, aim, &seen);
                if self.order.args.explain
                    && let Json::Object(map) = &mut line
                {
                    map.insert("settings".to_owned(), json!(settings(self.order)));
                    map.insert("steps".to_owned(), json!(steps(spec, &run)));
                    map.insert("series".to_owned(), json!(series(&seen)));
                }
                print(&line.to_string());
            }
            Format::Table => {
                let explain = self.order.args.explain;
                print(&live(spec, aim, total.runs, &run));
                for line in rows_beyond_the_first(spec, &run, explain) {
                    print(&line);
                }
                if explain {
                    for line in steps(spec, &run) {
                        print(&format!("    {line}"));
                    }
                }
            }
        }
    }

    /// What it all amounts to.
    pub(super) fn finish(&mut self) {
        self.kept.end_all(self.cx.clock.mono());
        let samples: Vec<Samples> = std::iter::from_fn(|| self.kept.ended(self.cx.clock.now())).collect();
        if self.order.args.format == Format::Json {
            return;
        }
        if self.order.args.explain {
            print(pick("将会存储：", "would be stored:"));
            for window in &samples {
                for row in &window.rows {
                    for field in row.fields.keys() {
                        print(&format!(
                            "  {}|{}|{}|{}|{field}",
                            row.object, row.instance, self.cx.agent, window.probe
                        ));
                    }
                    print(&format!("  {}", serde_json::to_string(row).unwrap_or_default()));
                }
            }
            for (topic, limit) in self.cx.limits.list() {
                print(&format!("{} {topic}: {limit}", pick("限制", "limit")));
            }
        }
        let head = pick(
            ["目标", "成功", "发送", "丢失", "丢包率", "最小", "平均", "p95", "最大", "说明"],
            ["target", "good", "sent", "lost", "loss", "min", "avg", "p95", "max", "note"],
        );
        let rows: Vec<Vec<String>> = self.order.targets.iter().zip(&self.totals).map(|(aim, t)| t.row(aim)).collect();
        print(&table(&head, &rows));
    }

    /// Failed if any run was, else invalid if any was or a target had none.
    pub(super) fn worst(&self) -> Outcome {
        if self.totals.iter().any(|t| t.failed > 0) {
            Outcome::Failed
        } else if self.totals.iter().any(|t| t.invalid > 0 || t.runs == 0) {
            Outcome::Invalid
        } else {
            Outcome::Ok
        }
    }
}

/// Where tasks stand in their list.
struct Places<'a> {
    tasks: &'a [Arc<Task>],
    by_id: HashMap<&'a str, usize>,
    last: usize,
}

impl<'a> Places<'a> {
    fn new(tasks: &'a [Arc<Task>]) -> Self {
        let by_id = tasks.iter().enumerate().map(|(at, task)| (&*task.id, at)).collect();
        Self { tasks, by_id, last: 0 }
    }

    /// Most end in the order of the list, so the one behind the last is looked at first.
    fn of(&mut self, task: &Arc<Task>) -> usize {
        let next = self.last + 1;
        self.last = match self.tasks.get(next) {
            Some(there) if Arc::ptr_eq(there, task) => next,
            _ => self.by_id.get(&*task.id).copied().unwrap_or_default(),
        };
        self.last
    }
}

impl Total {
    /// Of so many runs; 0 = without end.
    fn of(runs: u64) -> Self {
        let times = if runs == 1 { Times::default() } else { Times::of_many() };
        Self { times, ..Self::default() }
    }

    fn add(&mut self, spec: &KindSpec, run: &Run) {
        self.runs += 1;
        self.good += u32::from(matches!(run.outcome, Outcome::Ok | Outcome::Degraded));
        self.failed += u32::from(run.outcome == Outcome::Failed);
        self.invalid += u32::from(run.outcome == Outcome::Invalid);
        self.tally.add(run.tally);
        let fields = spec.schema.tables.first().map_or(&[][..], |t| &t.fields);
        let measured = fields.iter().zip(run.rows.first().map_or(&[][..], |r| &r.values));
        let many = measured.filter_map(|(_, v)| if let Value::Many(many) = v { Some(many) } else { None }).next();
        match many {
            Some(many) => many.iter().for_each(|v| self.times.add(*v)),
            // A kind without distributions is timed as a whole.
            None if run.outcome == Outcome::Ok => self.times.add(run.took.as_secs_f64()),
            None => {}
        }
        if run.outcome != Outcome::Ok {
            let cause = run.cause.map_or("", |c| pick(c.zh(), c.as_str()));
            self.note = run.detail.clone().map_or_else(|| cause.to_owned(), |d| format!("{cause}: {}", words(&d)));
        }
    }

    fn row(&self, aim: &Aim) -> Vec<String> {
        let Tally { sent, lost, .. } = self.tally;
        let loss = if sent == 0 { String::new() } else { percent(f64::from(lost) / f64::from(sent)) };
        let times = &self.times;
        let time = |of: f64| if times.n() == 0 { String::new() } else { seconds(of) };
        vec![
            aim.shown.clone(),
            format!("{}/{}", self.good, self.runs),
            sent.to_string(),
            lost.to_string(),
            loss,
            time(times.min()),
            time(times.mean()),
            time(times.quantile(0.95)),
            time(times.max()),
            self.note.clone(),
        ]
    }
}

/// What a prober said, in the reader's language.
fn words(detail: &str) -> String {
    pick(crate::cli::zh::line(detail), detail.to_owned())
}

/// The effective settings, one a line.
fn settings(order: &Order) -> Vec<String> {
    let spec = order.kind.spec;
    let setting = |def: &crate::model::field::SettingDef| {
        let value = match order.settings.0.get(def.name) {
            None => "-".to_owned(),
            Some(SettingValue::DurationMs(ms)) => format!("{ms}ms"),
            Some(SettingValue::IntList(v)) => format!("{v:?}"),
            Some(value) => crate::config::kinds::written(value),
        };
        format!("{} = {value}  # {}", def.name, pick(def.zh, def.en))
    };
    let mut lines: Vec<String> = spec.settings.iter().map(setting).collect();
    lines.push(format!("timeout = {}ms", order.args.timeout.as_millis()));
    lines
}

/// The steps of a run with their times, as far as it got.
fn steps(spec: &KindSpec, run: &Run) -> Vec<String> {
    let fields = spec.schema.tables.first().map_or(&[][..], |t| &t.fields);
    let values = run.rows.first().map_or(&[][..], |r| &r.values);
    let timed = |(field, value): (&Field, &Value)| {
        let text = shown(field, value)?;
        field.name.ends_with("_seconds").then(|| format!("{}: {text}", pick(&field.zh, &field.en)))
    };
    let mut lines: Vec<String> = fields.iter().zip(values).filter_map(timed).collect();
    let Tally { sent, lost, late, duplicate, invalid } = run.tally;
    lines.push(pick(
        format!("发送 {sent}，丢失 {lost}，迟到 {late}，重复 {duplicate}，无效 {invalid}"),
        format!("sent {sent}, lost {lost}, late {late}, duplicate {duplicate}, invalid {invalid}"),
    ));
    lines.push(format!("{} {}", pick("结束于", "ended after"), seconds(run.took.as_secs_f64())));
    lines
}

/// Keys of the series that an observation goes to.
fn series(seen: &Observation) -> Vec<String> {
    let mut keys = Vec::new();
    for row in &seen.rows {
        let fields = seen.schema.tables.get(row.table).map_or(&[][..], |t| &t.fields);
        for field in fields.iter().filter(|f| f.kind != FieldType::Text) {
            keys.push(format!("{}|{}|{}|{}|{}", row.object, row.instance, seen.agent, seen.probe, field.name));
        }
    }
    keys
}

fn live(spec: &KindSpec, aim: &Aim, n: u32, run: &Run) -> String {
    let mut line = format!("{}  #{n}  {}", aim.shown, outcome(run.outcome));
    if let Some(cause) = run.cause {
        line.push_str(&format!(" ({})", pick(cause.zh(), cause.as_str())));
    }
    if let Some(row) = run.rows.iter().find(|r| r.table == 0) {
        line.push_str(&row_text(spec, row));
    }
    if let Some(detail) = &run.detail {
        line.push_str(&format!("  {}", words(detail)));
    }
    line
}

/// Rows of further tables: few are listed, many are counted unless asked for. Narrow tables stand in columns.
fn rows_beyond_the_first(spec: &KindSpec, run: &Run, all: bool) -> Vec<String> {
    const FEW: usize = 40;
    const NARROW: usize = 6;
    let mut lines = Vec::new();
    for (at, shape) in spec.schema.tables.iter().enumerate().skip(1) {
        let rows: Vec<&Row> = run.rows.iter().filter(|r| r.table == at).collect();
        let take = if all { rows.len() } else { rows.len().min(FEW) };
        let (listed, left) = rows.split_at(take);
        if shape.fields.len() <= NARROW && !listed.is_empty() {
            lines.extend(columns(shape, listed).lines().map(|line| format!("    {line}")));
        } else {
            lines.extend(listed.iter().map(|row| format!("    {}{}", called(row), row_text(spec, row))));
        }
        if !left.is_empty() {
            let more = left.len();
            lines.push(pick(
                format!("    另有 {more} 行（--explain 全部列出）"),
                format!("    {more} more rows (--explain lists all)"),
            ));
        }
    }
    lines
}

fn called(row: &Row) -> String {
    if row.instance.is_empty() { row.object.name() } else { row.instance.to_string() }
}

/// Rows of one table below each other; a column is called as its field, without unit and without what the row is.
fn columns(shape: &Table, rows: &[&Row]) -> String {
    let what = shape.instance.as_deref().unwrap_or("interface");
    let head: Vec<&str> = std::iter::once(what)
        .chain(shape.fields.iter().map(|f| {
            let stem = stem(&f.name);
            stem.strip_prefix(what).and_then(|rest| rest.strip_prefix('_')).unwrap_or(stem)
        }))
        .collect();
    let cells = |row: &&Row| {
        let values = shape.fields.iter().zip(&row.values).map(|(f, v)| shown(f, v).unwrap_or_default());
        std::iter::once(called(row)).chain(values).collect()
    };
    whole_table(&head, &rows.iter().map(cells).collect::<Vec<Vec<String>>>())
}

fn row_text(spec: &KindSpec, row: &Row) -> String {
    let fields = spec.schema.tables.get(row.table).map_or(&[][..], |t| &t.fields);
    let pairs =
        fields.iter().zip(&row.values).filter_map(|(f, v)| Some(format!("  {} {}", stem(&f.name), shown(f, v)?)));
    pairs.collect()
}

/// The name without its unit: the value carries one.
fn stem(name: &str) -> &str {
    ["_seconds", "_ratio", "_bytes"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name)
}

/// A value with its unit; nothing for what was not measured.
fn shown(field: &Field, value: &Value) -> Option<String> {
    let number = |v: f64| {
        if field.name.ends_with("_seconds") {
            seconds(v)
        } else if field.name.ends_with("_ratio") {
            percent(v)
        } else if field.name.ends_with("_bytes") {
            bytes(v)
        } else if v.fract() == 0.0 {
            format!("{v}")
        } else {
            format!("{v:.2}")
        }
    };
    Some(match value {
        Value::Null => return None,
        Value::F64(v) => number(*v),
        Value::U64(v) => number(*v as f64),
        Value::State(at) => state(field, *at)?.to_owned(),
        Value::Text(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Value::Many(many) => many.iter().map(|v| number(*v)).collect::<Vec<_>>().join("/"),
    })
}

fn state(field: &Field, at: u8) -> Option<&str> {
    match &field.kind {
        FieldType::State(names) => names.get(usize::from(at)).map(|n| n.as_ref()),
        _ => None,
    }
}

fn seconds(v: f64) -> String {
    let d = Duration::try_from_secs_f64(v.max(0.0)).unwrap_or_default();
    match d.as_micros() {
        0..1_000 => format!("{:.3} ms", v * 1e3),
        1_000..10_000 => format!("{:.2} ms", v * 1e3),
        10_000..1_000_000 => format!("{:.1} ms", v * 1e3),
        _ if v < 120.0 => format!("{v:.2} s"),
        _ => crate::cli::text::duration(d),
    }
}

fn percent(v: f64) -> String {
    let v = v * 100.0;
    if v.fract() == 0.0 { format!("{v} %") } else { format!("{v:.1} %") }
}

fn bytes(v: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut v = v;
    let mut unit = 0;
    while v >= 1024.0 && unit + 1 < UNITS.len() {
        v /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).unwrap_or(&"B");
    if unit == 0 { format!("{v} {name}") } else { format!("{v:.1} {name}") }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => pick("正常", "ok"),
        Outcome::Degraded => pick("部分", "degraded"),
        Outcome::Failed => pick("失败", "failed"),
        Outcome::Invalid => pick("无效", "invalid"),
    }
}

/// One run as one line: fields by name, `null` for what was not measured.
fn json_line(spec: &KindSpec, aim: &Aim, seen: &Observation) -> Json {
    let first = seen.rows.iter().find(|r| r.table == 0);
    let empty = vec![Value::Null; spec.schema.tables.first().map_or(0, |t| t.fields.len())];
    let beyond = seen.rows.iter().filter(|r| r.table > 0).map(|row| {
        json!({
            "object": row.object.to_string(),
            "instance": row.instance.as_ref(),
            "fields": json_fields(spec, row.table, &row.values),
        })
    });
    json!({
        "v": 1,
        "at": seen.at.to_string(),
        "kind": spec.name,
        "target": aim.shown,
        "object": seen.object.to_string(),
        "agent": seen.agent.as_str(),
        "outcome": seen.outcome.as_str(),
        "cause": seen.cause.map(|c| c.as_str()),
        "detail": seen.detail.as_deref(),
        "duration_seconds": seen.took.as_secs_f64(),
        "sent": seen.tally.sent,
        "lost": seen.tally.lost,
        "late": seen.tally.late,
        "duplicate": seen.tally.duplicate,
        "invalid": seen.tally.invalid,
        "fields": json_fields(spec, 0, first.map_or(&empty, |r| &r.values)),
        "rows": beyond.collect::<Vec<_>>(),
    })
}

fn json_fields(spec: &KindSpec, table: usize, values: &[Value]) -> Map<String, Json> {
    let fields = spec.schema.tables.get(table).map_or(&[][..], |t| &t.fields);
    let pair = |(field, value): (&Field, &Value)| {
        let json = match value {
            Value::Null => Json::Null,
            Value::F64(v) => json!(v),
            Value::U64(v) => json!(v),
            Value::State(at) => json!(state(field, *at)),
            Value::Text(text) => json!(text.as_ref()),
            Value::Many(many) => json!(many.as_ref()),
        };
        (field.name.clone().into_owned(), json)
    };
    fields.iter().zip(values).map(pair).collect()
}
