//! `icmp`: round-trip time and loss by ICMP echo, one socket a family for all targets. A lost packet has no
//! round-trip time: never zero, never the timeout. A late one has its true time and is not lost.

mod pace; // when each task runs, and which packet belongs to which run

use std::borrow::Cow;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Outcome, Purpose, Tally, Value};
use crate::model::plan::Task;
use crate::net::error::{NetError, outcome_of};
use crate::net::resolver::Family;
use crate::probe::burst;
use crate::probe::variation;
use crate::probe::way::{self, Way};
use crate::probe::{BulkChannels, Ctx, Run, target_row};

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "icmp",
    zh: "ICMP 往返时延与丢包",
    en: "round-trip time and loss by ICMP echo",
    on: &[ObjectKind::Asset, ObjectKind::Link],
    target: TargetNeed::Address,
    settings: &[
        way::COUNT,
        SettingDef {
            name: "size",
            kind: SettingType::Int(0, 8972),
            default: Some("56"),
            zh: "载荷字节数；小于 8 时不带校验标记",
            en: "payload bytes; below 8 a packet carries no cookie",
        },
        way::DSCP,
        way::SPACING,
        burst::setting("8"),
        SettingDef {
            name: "ttl",
            kind: SettingType::Int(1, 255),
            default: None,
            zh: "生存时间（跳数上限）；不写则用系统值",
            en: "time to live, or hop limit; the system's unless given",
        },
        SettingDef {
            name: "df",
            kind: SettingType::Bool,
            default: Some("false"),
            zh: "禁止分片：放不下的报文丢弃，不拆开",
            en: "never cut into pieces: a packet that does not fit is lost, not fragmented",
        },
        way::SOURCE,
        way::INTERFACE,
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("icmp"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::histogram("rtt_seconds", "往返时延（秒）", "round-trip time of each answered packet"),
                Field::gauge("loss_ratio", "丢包率", "share of packets not answered, not even late"),
                burst::PACKETS,
                burst::LOST,
                Field::gauge(
                    "reordered_packets",
                    "乱序报文数",
                    "answered packets whose answer came after that of a later one",
                ),
                variation::FIELD,
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

/// How long after its timeout a run waits for late replies: long enough to tell slow from lost, short enough
/// that three lost runs of one second each are known within the fifth.
const GRACE: Duration = Duration::from_millis(500);

/// Starts the kind.
pub fn start(cx: &Ctx, channels: BulkChannels) -> tokio::task::JoinHandle<()> {
    tokio::spawn(pace::Pacer::new(cx.clone()).run(channels))
}

/// What a task asks for.
#[derive(Debug, Clone, PartialEq)]
struct Wants {
    count: u32,
    size: usize,
    whole: bool,
    way: Way,
    spacing: Duration,
    timeout: Duration,
    grace: Duration,
    interval: Duration,
    burst: u32,
    family: Family,
}

impl Wants {
    fn of(task: &Task) -> Self {
        let settings = &task.settings;
        let whole = |key, or: u32| settings.int(key).and_then(|v| u32::try_from(v).ok()).unwrap_or(or);
        let count = whole("count", 1).clamp(1, 20);
        // All packets leave in the first half of the time there is, whatever the spacing asked for.
        let most = task.timeout() / 2 / count.saturating_sub(1).max(1);
        let interval = task.interval().clamp(MIN_INTERVAL, MAX_INTERVAL);
        Self {
            count,
            size: whole("size", 56).min(8972) as usize,
            whole: settings.bool("df"),
            way: Way::of(settings),
            spacing: settings.duration("spacing").unwrap_or(Duration::from_millis(100)).min(most),
            timeout: task.timeout(),
            grace: GRACE.min(interval / 4),
            interval,
            burst: burst::wanted(settings),
            family: Family::of_setting(settings.text("family")),
        }
    }
}

impl Wants {
    /// The shortest time between two packets.
    fn apart(&self) -> Duration {
        if self.count > 1 { self.spacing.min(self.interval) } else { self.interval }
    }
}

/// Faster than this a task is not run, whatever it says.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// Slower than this is never; it keeps sums of nanoseconds within 64 bits.
const MAX_INTERVAL: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What the packets of one run met.
#[derive(Debug, Clone, Default, PartialEq)]
struct Score {
    /// Handed to the socket, or refused by it.
    tried: u32,
    answered: u32,
    late: u32,
    duplicate: u32,
    unreachable: u32,
    invalid: u32,
    reordered: u32,
    rtts: Vec<f64>,
    /// When the last reply came, after the start.
    last: Duration,
    /// What the network said, or why a packet was not sent.
    said: Option<NetError>,
}

impl Score {
    const fn waiting(&self) -> u32 {
        self.tried.saturating_sub(self.answered + self.unreachable + self.invalid)
    }
}

/// What a run's score means. `to` is for people; a run that ends here waits for nothing more. `before` is the round trip of
/// the task's last answered packet.
fn report(task: &Task, wants: &Wants, to: &dyn std::fmt::Display, score: &Score, before: &mut Option<f64>) -> Run {
    let sent = score.tried.saturating_sub(score.invalid);
    let lost = sent.saturating_sub(score.answered);
    let tally = Tally { sent, lost, late: score.late, duplicate: score.duplicate, invalid: score.invalid };
    let said = || score.said.as_ref().map(|e| e.detail.clone());
    let (outcome, cause, detail) = if sent == 0 {
        let cause = score.said.as_ref().map_or(Cause::Internal, |e| e.cause);
        let outcome = outcome_of(cause);
        (outcome, Some(cause), Some(said().unwrap_or_else(|| format!("{to}: nothing was sent"))))
    } else if score.answered == 0 && score.unreachable > 0 {
        (Outcome::Failed, Some(Cause::Unreachable), said())
    } else if score.answered == 0 {
        let within = format!("{to}: no answer within {} ms", wants.timeout.as_millis());
        (Outcome::Failed, Some(Cause::Timeout), Some(within))
    } else if lost > 0 {
        (Outcome::Degraded, Some(Cause::Partial), Some(format!("{to}: {lost} of {sent} lost")))
    } else if score.late > 0 {
        let late = format!("{to}: {} of {sent} answered after {} ms", score.late, wants.timeout.as_millis());
        (Outcome::Degraded, Some(Cause::Timeout), Some(late))
    } else {
        (Outcome::Ok, None, None)
    };
    let rows = if sent == 0 {
        Vec::new()
    } else {
        let loss = Value::gauge(f64::from(lost) / f64::from(sent));
        let values = [
            ("rtt_seconds", Value::of_many(&score.rtts)),
            ("loss_ratio", loss),
            ("reordered_packets", Value::gauge(f64::from(score.reordered))),
            ("variation_seconds", variation::of(before, &score.rtts)),
        ];
        vec![target_row(&SPEC.schema, task, values)]
    };
    let took = if lost > 0 { wants.timeout } else { score.last };
    Run { purpose: Purpose::Measure, outcome, cause, detail, tally, rows, took }
}

#[cfg(test)]
mod tests;
