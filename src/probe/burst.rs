//! What kinds with confirm bursts share: the setting, the fields, and how a verdict is told. When a burst begins and
//! what it means is `engine::confirm`'s, sending it is the kind's.

use std::fmt::Display;
use std::time::Duration;

use crate::engine::confirm::{Found, Verdict};
use crate::model::field::{Field, KindSchema, SettingDef, SettingType};
use crate::model::observation::{Cause, Outcome, Purpose, Value};
use crate::model::plan::{Settings, Task};
use crate::net::error::NetError;
use crate::probe::{Run, target_row};

/// Most packets of a confirm burst that may be asked for; it is longer by itself where packets are lost anyway.
const MAX: i64 = 10;

/// How many packets a burst has at least.
pub(super) const fn setting(default: &'static str) -> SettingDef {
    SettingDef {
        name: "burst",
        kind: SettingType::Int(0, MAX),
        default: Some(default),
        zh: "一次监测无应答时立即补发的确认报文数（间隔 100 毫秒，不计入丢包率，有应答即止）；线路近来丢包时自动增多；0 为不补发",
        en: "packets sent at once, 100 ms apart, until one is answered, when a run gets no answer, to tell down from one lost packet; more where packets are lost anyway; they are outside loss_ratio; 0 = none",
    }
}

/// Its value.
pub(super) fn wanted(settings: &Settings) -> u32 {
    settings.int("burst").and_then(|v| u32::try_from(v).ok()).unwrap_or(0).min(MAX as u32)
}

/// How many packets it had.
pub(super) const PACKETS: Field =
    Field::gauge("burst_packets", "确认报文数", "packets of a confirm burst; they count in nothing else");
/// How many of them were lost.
pub(super) const LOST: Field =
    Field::gauge("burst_lost_packets", "确认报文中未应答的数", "packets of a confirm burst that were not answered");

/// What a confirm burst found. Pure.
pub(super) fn report(
    schema: &KindSchema,
    task: &Task,
    to: &dyn Display,
    verdict: &Verdict,
    said: Option<&NetError>,
    took: Duration,
) -> Run {
    let Verdict { found, tally, .. } = *verdict;
    let none = || format!("{to}: {} packets within {} ms, none answered", tally.sent + 1, took.as_millis());
    let (outcome, cause, detail) = match found {
        Found::Someone => (Outcome::Ok, None, None),
        Found::Nobody => match said {
            Some(said) => (Outcome::Failed, Some(said.cause), Some(said.detail.clone())),
            None => (Outcome::Failed, Some(Cause::Timeout), Some(none())),
        },
        Found::Unknown => (Outcome::Invalid, Some(Cause::Late), said.map(|said| said.detail.clone())),
    };
    let count = |n: u32| Value::gauge(f64::from(n));
    let values = [("burst_packets", count(tally.sent)), ("burst_lost_packets", count(tally.lost))];
    let rows = vec![target_row(schema, task, values)];
    Run { purpose: Purpose::Confirm, outcome, cause, detail, tally, rows, took }
}

/// An answer may be among what our own buffer dropped: then nobody is no verdict.
pub(super) fn void(mut run: Run) -> Run {
    (run.outcome, run.cause) = (Outcome::Invalid, Some(Cause::Overflow));
    run
}
