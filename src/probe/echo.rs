//! `echo`: round-trip time and loss by UDP echo (RFC 862). It asks a service of the far side, not its kernel, so
//! it can tell where ICMP is answered by somebody else. An answer counts only if it is, byte for byte, what was
//! sent; a lost datagram has no round-trip time.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Outcome, Purpose, Tally, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::error::{NetError, outcome_of};
use crate::net::resolver::{Family, first_by};
use crate::net::udp::Peer;
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row, variation, way};

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "echo",
    zh: "UDP 回显（RFC 862）往返时延与丢包",
    en: "round-trip time and loss by UDP echo (RFC 862)",
    on: &[ObjectKind::Asset, ObjectKind::Link],
    target: TargetNeed::Address,
    settings: &[
        SettingDef {
            name: "port",
            kind: SettingType::Int(1, 65535),
            default: Some("7"),
            zh: "回显服务的端口",
            en: "port of the echo service",
        },
        way::COUNT,
        SettingDef {
            name: "size",
            kind: SettingType::Int(16, 1400),
            default: Some("64"),
            zh: "载荷字节数",
            en: "payload bytes",
        },
        way::SPACING,
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("echo"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::histogram("rtt_seconds", "往返时延（秒）", "round-trip time of each answered datagram"),
                Field::gauge("loss_ratio", "丢包率", "share of datagrams not answered in time"),
                variation::FIELD,
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

/// Bytes of a payload that tell it from all others: run and number.
const MARK: usize = 16;
/// The largest payload, and one byte more, by which an answer that is too long is known.
const LONGEST: usize = 1401;

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().ok_or("it has no address")?;
    let settings = &task.settings;
    let whole = |key, or: i64| settings.int(key).unwrap_or(or);
    let set = u16::try_from(whole("port", 7)).ok();
    let port = task.target.port.or(set).ok_or("its port is none")?;
    let count = u32::try_from(whole("count", 1)).unwrap_or(1).clamp(1, 20);
    let size = usize::try_from(whole("size", 64)).unwrap_or(64).clamp(MARK, LONGEST - 1);
    let most = task.timeout() / 2 / count.saturating_sub(1).max(1);
    let spacing = settings.duration("spacing").unwrap_or(Duration::from_millis(100)).min(most);
    let family = Family::of_setting(settings.text("family"));
    Ok(Box::new(Echo { task: task.clone(), host, port, count, size, spacing, family, before: None }))
}

struct Echo {
    task: Arc<Task>,
    host: String,
    port: u16,
    count: u32,
    size: usize,
    spacing: Duration,
    family: Family,
    before: Option<f64>, // round trip of the last answered datagram, in seconds
}

impl Prober for Echo {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            match self.exchange(cx, deadline).await {
                Ok((address, score)) => self.report(address, &score, cx.clock.mono().since(began)),
                Err(error) => Run::error(error, Vec::new(), cx.clock.mono().since(began)),
            }
        })
    }
}

/// What the datagrams of one run met.
#[derive(Debug, Default)]
struct Score {
    sent: u32,
    invalid: u32,
    duplicate: u32,
    /// Answers that were not what was sent.
    altered: u32,
    rtts: Vec<f64>,
    said: Option<NetError>,
}

/// One datagram on its way.
struct Flying {
    payload: Vec<u8>,
    at: Mono,
    answered: bool,
}

impl Echo {
    async fn exchange(&self, cx: &Ctx, deadline: Mono) -> Result<(SocketAddr, Score), NetError> {
        let clock = &cx.clock;
        let address = first_by(&self.host, self.port, self.family, deadline, clock).await?;
        let peer = Peer::open(address).await?;
        let (mut score, run) = (Score::default(), fastrand::u64(..));
        let mut flying: Vec<Flying> = Vec::with_capacity(self.count as usize);
        let mut next = clock.mono();
        let mut buffer = [0; LONGEST];
        loop {
            let more = flying.len() < self.count as usize;
            if more && clock.mono() >= next {
                let payload = payload(run, flying.len() as u64, self.size);
                let at = clock.mono();
                match peer.send(&payload).await {
                    Ok(()) => score.sent += 1,
                    Err(error) if error.outcome() == Outcome::Invalid => {
                        score.invalid += 1;
                        score.said = Some(error);
                    }
                    Err(error) => {
                        score.sent += 1; // what was refused is an earlier one, and this one is no better off
                        score.said = Some(error);
                    }
                }
                flying.push(Flying { payload, at, answered: false });
                next = at.plus(self.spacing);
                continue;
            }
            if !more && (flying.iter().all(|f| f.answered) || score.said.is_some()) {
                break;
            }
            let until = if more { next.min(deadline) } else { deadline };
            match peer.receive(&mut buffer, until, clock).await {
                Some(Ok(len)) => {
                    let now = clock.mono();
                    let answer = buffer.get(..len).unwrap_or_default();
                    match flying.iter_mut().find(|f| f.payload == answer) {
                        Some(mine) if mine.answered => score.duplicate += 1,
                        Some(mine) => {
                            mine.answered = true;
                            score.rtts.push(now.since(mine.at).as_secs_f64());
                        }
                        None => score.altered += 1,
                    }
                }
                Some(Err(error)) => score.said = Some(error),
                None if clock.mono() >= deadline => break,
                None => {}
            }
        }
        Ok((address, score))
    }

    /// What a run's score means.
    fn report(&mut self, to: SocketAddr, score: &Score, took: Duration) -> Run {
        let answered = u32::try_from(score.rtts.len()).unwrap_or(u32::MAX);
        let lost = score.sent.saturating_sub(answered);
        let said = || score.said.as_ref().map(|error| error.detail.clone());
        let (outcome, cause, detail) = if score.sent == 0 {
            let cause = score.said.as_ref().map_or(Cause::Internal, |error| error.cause);
            (outcome_of(cause), Some(cause), said())
        } else if answered == 0 {
            let (cause, words) = match (&score.said, score.altered) {
                (Some(error), _) => (error.cause, error.detail.clone()),
                (None, 0) => (Cause::Timeout, format!("{to}: no answer within {} ms", took.as_millis())),
                (None, _) => (Cause::Content, format!("{to}: answered with other bytes than were sent")),
            };
            (Outcome::Failed, Some(cause), Some(words))
        } else if lost > 0 {
            (Outcome::Degraded, Some(Cause::Partial), Some(format!("{to}: {lost} of {} lost", score.sent)))
        } else {
            (Outcome::Ok, None, None)
        };
        let rows = if score.sent == 0 {
            Vec::new()
        } else {
            let loss = Value::gauge(f64::from(lost) / f64::from(score.sent));
            let values = vec![
                ("rtt_seconds", Value::of_many(&score.rtts)),
                ("loss_ratio", loss),
                ("variation_seconds", variation::of(&mut self.before, &score.rtts)),
            ];
            vec![target_row(&SPEC.schema, &self.task, values)]
        };
        let tally = Tally { sent: score.sent, lost, late: 0, duplicate: score.duplicate, invalid: score.invalid };
        Run { purpose: Purpose::Measure, outcome, cause, detail, tally, rows, took }
    }
}

/// Run and number, then bytes that follow from them: a peer that answers from memory or cuts is found out.
fn payload(run: u64, number: u64, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size.max(MARK));
    bytes.extend_from_slice(&run.to_be_bytes());
    bytes.extend_from_slice(&number.to_be_bytes());
    let mut filler = fastrand::Rng::with_seed(run ^ number);
    bytes.resize_with(size.max(MARK), || filler.u8(..));
    bytes
}

#[cfg(test)]
mod tests;
