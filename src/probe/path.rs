//! `path`: the way to a target, hop by hop, and when it becomes another one. Packets of one flow are sent to die at
//! each hop; who says so is the hop. What routers do with such packets is no measure of what they do with
//! others: loss and round-trip time of a hop are shown, never judged, and those of the target are its own.

mod course; // which way it is, and whether it is another one
mod trace; // one run: whom to ask, how long to wait

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Outcome, Purpose, Row, Tally, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::error::{NetError, outcome_of};
use crate::net::resolver::{Family, first_by};
use crate::net::trace::{Method, Tracer};
use crate::probe::path::course::{Course, Verdict, words};
use crate::probe::path::trace::{Pace, Trace};
use crate::probe::way::{self, Way};
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "path",
    zh: "到目标的路径：逐跳地址、时延与路径变化",
    en: "the way to a target, hop by hop, and when it changes",
    on: &[ObjectKind::Asset, ObjectKind::Link],
    target: TargetNeed::Address,
    settings: &[
        SettingDef {
            name: "method",
            kind: SettingType::Choice(METHODS),
            default: Some("'icmp'"),
            zh: "探测协议；没有 ICMP 权限时自动改用 udp",
            en: "protocol of the packets; udp is used where icmp is not allowed",
        },
        SettingDef {
            name: "count",
            kind: SettingType::Int(1, 10),
            default: Some("3"),
            zh: "每跳发送的报文数",
            en: "packets a hop",
        },
        SettingDef {
            name: "max_hops",
            kind: SettingType::Int(1, 64),
            default: Some("30"),
            zh: "最多探测的跳数",
            en: "hops to look at, at most",
        },
        SettingDef {
            name: "wait",
            kind: SettingType::Duration,
            default: Some("'500ms'"),
            zh: "等待一跳应答的时间",
            en: "how long to wait for the answer of a hop",
        },
        way::DSCP,
        way::SOURCE,
        way::INTERFACE,
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("path"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::histogram("rtt_seconds", "到目标的往返时延（秒）", "round-trip time to the target itself"),
                    Field::gauge("loss_ratio", "目标的丢包率", "share of packets that the target did not answer"),
                    Field::gauge("hop_count", "跳数", "hops to the target; null if it did not answer"),
                    Field::gauge(
                        "path_changes",
                        "路径变化（本次发现为 1，否则为 0）",
                        "1 in the run that found another way than before, else 0",
                    ),
                    Field::gauge(
                        "balanced_count",
                        "逐包分担的跳数",
                        "hops where several routers share the packets of one flow",
                    ),
                    Field::text(
                        "path",
                        "路径",
                        "the way, hop by hop; `*` where nobody answers, `|` between those that share a hop",
                    ),
                    Field::text("previous_path", "变化前的路径", "the way before the last change"),
                    Field::state("used_method", METHOD_NAMES, "实际使用的协议", "the protocol that was really used"),
                ]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("hop")),
                fields: Cow::Borrowed(&[
                    Field::text(
                        "hop_address",
                        "该跳地址",
                        "who answers there; several share it if there are several",
                    ),
                    Field::histogram("hop_rtt_seconds", "到该跳的往返时延（秒）", "round-trip time to it"),
                    Field::gauge("hop_loss_ratio", "该跳未应答的比例", "share of packets it did not answer"),
                ]),
            },
        ]),
    },
    secret: false,
    profiles: false,
};

const METHODS: &[&str] = &["icmp", "udp"];
const METHOD_NAMES: &[Cow<'static, str>] = &[Cow::Borrowed("icmp"), Cow::Borrowed("udp")];

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().ok_or("it has no address")?;
    let settings = &task.settings;
    let whole = |key, or: u8| settings.int(key).and_then(|v| u8::try_from(v).ok()).unwrap_or(or);
    let pace = Pace {
        count: u32::from(whole("count", 3).clamp(1, 10)),
        max_hops: whole("max_hops", 30).clamp(1, 64),
        wait: settings.duration("wait").unwrap_or(Duration::from_millis(500)).min(task.timeout()),
    };
    let method = if settings.text("method") == Some("udp") { Method::Udp } else { Method::Icmp };
    // The same from run to run and from start to start: another flow may take another way.
    let flow =
        crate::engine::schedule::phase(0, &task.id, Duration::from_nanos(0x4000)).subsec_nanos() as u16 | 0x8000;
    let family = Family::of_setting(settings.text("family"));
    let way = Way::of(settings);
    let known = Course::default();
    Ok(Box::new(Path { task: task.clone(), host, method, flow, pace, way, family, known, before: None }))
}

struct Path {
    task: Arc<Task>,
    host: String,
    method: Method,
    flow: u16,
    pace: Pace,
    way: Way,
    family: Family,
    known: Course,
    before: Option<String>,
}

impl Prober for Path {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            match self.look(cx, deadline).await {
                Ok((method, trace)) => self.report(method, trace, cx.clock.mono().since(began)),
                Err(error) => Run::error(error, Vec::new(), cx.clock.mono().since(began)),
            }
        })
    }
}

impl Path {
    async fn look(&self, cx: &Ctx, deadline: Mono) -> Result<(Method, Trace), NetError> {
        let to = first_by(&self.host, 0, self.family, deadline, &cx.clock).await?.ip();
        let mut tracer = Tracer::open(cx.clock.clone(), to, self.method, self.flow, self.way.route()?)?;
        let mut trace = Trace::new(to, self.pace);
        trace.walk(&mut tracer, &cx.clock, deadline).await;
        let (hops, reached) = trace.hops();
        let strange = self.known.strange(&hops, reached);
        if !strange.is_empty() {
            trace.ask_again(&strange, &mut tracer, &cx.clock, deadline).await;
        }
        Ok((tracer.method(), trace))
    }

    /// What a run means, and what becomes of the known way.
    fn report(&mut self, method: Method, trace: Trace, took: Duration) -> Run {
        let (sent, lost, invalid) = trace.target();
        let tally = Tally { sent, lost, invalid, ..Tally::default() };
        let to = trace.to;
        let (hops, reached) = trace.hops();
        let answered = hops.iter().filter(|hop| !hop.is_empty()).count();
        let (outcome, cause, detail) = match (&trace.failed, &trace.refused) {
            (Some(error), _) if answered == 0 => {
                (outcome_of(error.cause), Some(error.cause), Some(error.detail.clone()))
            }
            _ if reached => (Outcome::Ok, None, None),
            (_, Some((by, words))) => {
                (Outcome::Failed, Some(Cause::Unreachable), Some(format!("{to}: {words}, says {by}")))
            }
            _ if answered == 0 => {
                (Outcome::Failed, Some(Cause::Timeout), Some(format!("{to}: no answer, nor of any hop before it")))
            }
            _ => {
                let last = hops.last().map(words).unwrap_or_default();
                (
                    Outcome::Degraded,
                    Some(Cause::Partial),
                    Some(format!("{to}: no answer, the last that answers is {last}")),
                )
            }
        };
        if outcome == Outcome::Invalid {
            return Run { purpose: Purpose::Measure, outcome, cause, detail, tally, rows: Vec::new(), took };
        }
        let verdict = if answered == 0 { Verdict::Same } else { self.known.settle(hops, reached) };
        let changed = matches!(verdict, Verdict::Changed(_));
        if let Verdict::Changed(before) = verdict {
            self.before = Some(before);
        }
        let rows = self.rows(method, &trace, changed);
        Run { purpose: Purpose::Measure, outcome, cause, detail, tally, rows, took }
    }

    fn rows(&self, method: Method, trace: &Trace, changed: bool) -> Vec<Row> {
        let (sent, lost, _) = trace.target();
        let (hops, reached) = trace.hops();
        let loss = if sent == 0 { Value::Null } else { Value::gauge(f64::from(lost) / f64::from(sent)) };
        let text = |text: String| if text.is_empty() { Value::Null } else { Value::Text(Arc::from(text)) };
        let target = vec![
            ("rtt_seconds", Value::many(if reached { trace.rtts(hops.len()) } else { Vec::new() })),
            ("loss_ratio", loss),
            ("hop_count", if reached { Value::gauge(hops.len() as f64) } else { Value::Null }),
            ("path_changes", Value::gauge(f64::from(u8::from(changed)))),
            ("balanced_count", Value::gauge(self.known.balanced() as f64)),
            ("path", text(self.known.to_string())),
            ("previous_path", text(self.before.clone().unwrap_or_default())),
            (
                "used_method",
                Value::State(match method {
                    Method::Icmp => 0,
                    Method::Udp => 1,
                }),
            ),
        ];
        let mut rows = vec![target_row(&SPEC.schema, &self.task, target)];
        let task = &self.task;
        rows.extend((1..=hops.len()).map(|hop| {
            let instance = match task.instance.as_ref() {
                "" => format!("{hop:02}"),
                end => format!("{end}/{hop:02}"),
            };
            let (sent, answered) = trace.counts(hop);
            let lost = sent.saturating_sub(answered);
            let loss = if sent == 0 { Value::Null } else { Value::gauge(f64::from(lost) / f64::from(sent)) };
            let known = self.known.at(hop - 1);
            let seen = hops.get(hop - 1).filter(|seen| !seen.is_empty() && seen.is_disjoint(known));
            let address = Value::Text(Arc::from(words(seen.unwrap_or(known))));
            let values = vec![address, Value::many(trace.rtts(hop)), loss];
            Row { table: 1, object: task.object.clone(), instance: Arc::from(instance), values }
        }));
        rows
    }
}

#[cfg(test)]
mod tests;
