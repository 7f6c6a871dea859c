//! `stamp`: round-trip time, loss and, as far as the far side tells, each direction by itself, by STAMP (RFC 8762),
//! between agents and towards routers that reflect STAMP or TWAMP Light. One session a task, whose port stays, because
//! reflectors count by it. A lost packet has no round-trip time; a clock that is not in step gives no one-way delay.

mod line; // one session: packets out, what comes back, what it means for each direction
pub mod reflect; // the answering side

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::stamp::{Key, LONGEST, PLAIN};
use crate::engine::directions::{self, Clocks, Numbers, Settled};
use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::{Object, ObjectKind};
use crate::model::observation::{Cause, Outcome, Purpose, Tally, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::error::{NetError, outcome_of};
use crate::net::resolver::{Family, literal, no_address, resolve_by};
use crate::probe::burst;
use crate::probe::stamp::line::{Line, Score};
use crate::probe::way::{self, Way};
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row, variation};

/// The port of STAMP and TWAMP.
pub const PORT: u16 = 862;
/// A key below this is guessed sooner than a line breaks.
const MIN_KEY: usize = 16;
/// The largest key file: longer ones are something else.
const MAX_KEY_FILE: u64 = 4096;
/// How long an address stands for a name before it is looked up again.
const RESOLVE_EVERY: Duration = Duration::from_secs(60);
/// How long after its timeout a run waits for late replies, at most; as icmp's do.
const GRACE: Duration = Duration::from_millis(500);

const CLOCKS: &[Cow<'static, str>] = &[
    Cow::Borrowed("in_step"),
    Cow::Borrowed("near_unsynchronised"),
    Cow::Borrowed("far_unsynchronised"),
    Cow::Borrowed("unsynchronised"),
    Cow::Borrowed("fault"),
];
const NUMBERS: &[Cow<'static, str>] =
    &[Cow::Borrowed("unknown"), Cow::Borrowed("stateful"), Cow::Borrowed("stateless")];
const WAYS: &[Cow<'static, str>] = &[Cow::Borrowed("forward"), Cow::Borrowed("return"), Cow::Borrowed("both")];

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "stamp",
    zh: "STAMP（RFC 8762）双向时延与丢包，可分方向",
    en: "delay and loss by STAMP (RFC 8762), each direction by itself",
    on: &[ObjectKind::Asset, ObjectKind::Link],
    target: TargetNeed::Address,
    settings: SETTINGS,
    schema: KindSchema {
        kind: Cow::Borrowed("stamp"),
        tables: Cow::Borrowed(&[Table { on: TableOn::Target, instance: None, fields: Cow::Borrowed(FIELDS) }]),
    },
    secret: false,
    profiles: false,
};

const SETTINGS: &[SettingDef] = &[
    SettingDef {
        name: "port",
        kind: SettingType::Int(1, 65535),
        default: Some("862"),
        zh: "反射端的 UDP 端口",
        en: "UDP port of the reflector",
    },
    way::COUNT,
    SettingDef {
        name: "size",
        kind: SettingType::Int(PLAIN as i64, LONGEST as i64),
        default: Some("44"),
        zh: "UDP 载荷字节数；认证模式至少 112",
        en: "bytes of UDP payload; at least 112 with a key",
    },
    way::DSCP,
    way::SPACING,
    burst::setting("6"), // so that run and burst are over when the next run begins
    way::SOURCE,
    way::INTERFACE,
    SettingDef {
        name: "key_file",
        kind: SettingType::Text(4096),
        default: None,
        zh: "探针主机上的密钥文件，写了即用认证模式",
        en: "file on the agent's host with the key; given, the authenticated mode is used",
    },
    crate::probe::FAMILY,
];

const FIELDS: &[Field] = &[
    Field::histogram(
        "rtt_seconds",
        "往返时延（秒）",
        "round-trip time of each answered packet, without the far side's",
    ),
    Field::gauge("loss_ratio", "丢包率", "share of packets not answered, not even late"),
    Field::histogram("forward_loss_ratio", "去程丢包率", "1 for each packet lost on the way there, else 0"),
    Field::histogram("return_loss_ratio", "回程丢包率", "1 for each packet lost on the way back, else 0"),
    Field::histogram("forward_delay_seconds", "去程时延（秒）", "delay on the way there; only with clocks in step"),
    Field::histogram("return_delay_seconds", "回程时延（秒）", "delay on the way back; only with clocks in step"),
    Field::histogram(
        "forward_variation_seconds",
        "去程时延变化（秒）",
        "difference in delay there from the packet before",
    ),
    Field::histogram(
        "return_variation_seconds",
        "回程时延变化（秒）",
        "difference in delay back from the packet before",
    ),
    variation::FIELD,
    Field::gauge("forward_jitter_seconds", "去程抖动（秒，RFC 3550）", "smoothed variation there (RFC 3550)"),
    Field::gauge("return_jitter_seconds", "回程抖动（秒，RFC 3550）", "smoothed variation back (RFC 3550)"),
    Field::gauge("clock_error_seconds", "两端时钟误差之和（秒）", "how far off both clocks together may be"),
    Field::state("clocks", CLOCKS, "两端时钟", "what the clocks of both ends are worth"),
    Field::state("reflector", NUMBERS, "反射端是否独立计数", "whether the far side counts by itself"),
    burst::PACKETS,
    burst::LOST,
    Field::state("outage", WAYS, "最近一次中断的方向", "the direction of the outage that just ended"),
];

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().ok_or("it has no address")?;
    let wants = Wants::of(task)?;
    Ok(Box::new(Stamp { task: task.clone(), host, wants, found: None, line: None, before: None, burst: None }))
}

/// Reads a key: hexadecimal digits if the file is that, else its bytes; at least 16 of them.
pub fn read_key(path: &Path) -> Result<Key, String> {
    use std::io::Read;
    let shown = path.display();
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_KEY_FILE).read_to_end(&mut bytes))
        .map_err(|error| format!("the key file {shown}: {error}"))?;
    let text = bytes.trim_ascii();
    let hex = text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit);
    let digit = |c: &u8| char::from(*c).to_digit(16).unwrap_or(0) as u8;
    let key = match hex {
        true => text.chunks(2).map(|pair| pair.iter().fold(0, |byte, c| byte << 4 | digit(c))).collect(),
        false => text.to_vec(),
    };
    if key.len() < MIN_KEY {
        return Err(format!("the key file {shown} holds {} bytes of key; at least {MIN_KEY}", key.len()));
    }
    Ok(Key::new(&key))
}

/// What a task asks for.
#[derive(Debug, Clone)]
struct Wants {
    port: u16,
    count: u32,
    spacing: Duration,
    grace: Duration,
    timeout: Duration,
    burst: u32,
    line: bool, // only what comes over it counts
    family: Family,
    key: Option<Key>,
    size: usize,
    way: Way,
}

impl Wants {
    fn of(task: &Task) -> Result<Self, String> {
        let settings = &task.settings;
        let whole = |key, or: i64| settings.int(key).unwrap_or(or);
        let set = u16::try_from(whole("port", i64::from(PORT))).ok();
        let count = u32::try_from(whole("count", 1)).unwrap_or(1).clamp(1, 20);
        let most = task.timeout() / 2 / count.saturating_sub(1).max(1);
        let key = settings.text("key_file").map(|path| read_key(Path::new(path))).transpose()?;
        Ok(Self {
            port: task.target.port.or(set).ok_or("its port is none")?,
            count,
            spacing: settings.duration("spacing").unwrap_or(Duration::from_millis(100)).min(most),
            // The run must be over when the next one begins.
            grace: GRACE.min(task.interval().saturating_sub(task.timeout()) * 3 / 4),
            timeout: task.timeout(),
            burst: burst::wanted(settings),
            line: matches!(task.object, Object::Link(_)),
            family: Family::of_setting(settings.text("family")),
            key,
            size: usize::try_from(whole("size", PLAIN as i64)).unwrap_or(PLAIN),
            way: Way::of(settings),
        })
    }
}

struct Stamp {
    task: Arc<Task>,
    host: String,
    wants: Wants,
    found: Option<(SocketAddr, Mono)>,
    line: Option<Line>,
    /// Round-trip time of the last answered packet, in seconds.
    before: Option<f64>,
    /// Of the last run.
    burst: Option<Run>,
}

impl Prober for Stamp {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            self.burst = None;
            match self.exchange(cx, deadline).await {
                Ok(score) => {
                    let varied = variation::of(&mut self.before, &score.rtts);
                    report(&self.task, &self.wants, &score, varied, cx.clock.mono().since(began))
                }
                Err(error) => Run::error(error, Vec::new(), cx.clock.mono().since(began)),
            }
        })
    }

    fn burst(&mut self) -> Option<Run> {
        self.burst.take()
    }
}

impl Stamp {
    async fn exchange(&mut self, cx: &Ctx, deadline: Mono) -> Result<Score, NetError> {
        let to = self.address(cx, deadline).await?;
        if self.line.as_ref().is_none_or(|line| line.peer() != to) {
            self.line = Some(Line::open(to, &self.wants, cx)?);
        }
        let line = self.line.as_mut().ok_or_else(|| NetError::new(Cause::Internal, "no session"))?;
        let score = line.run(&self.wants, cx, deadline).await;
        self.burst = line.burst().map(|(verdict, said, took)| {
            let run = burst::report(&SPEC.schema, &self.task, &to, &verdict, said.as_ref(), took);
            if score.overflowed && run.outcome == Outcome::Failed { burst::void(run) } else { run }
        });
        Ok(score)
    }

    /// Where the target is: an address as it stands, a name as it was within the last minute.
    async fn address(&mut self, cx: &Ctx, deadline: Mono) -> Result<SocketAddr, NetError> {
        if let Some(address) = literal(&self.host, self.wants.port) {
            return Ok(address);
        }
        if let Some((address, at)) = self.found
            && cx.clock.mono().since(at) < RESOLVE_EVERY
        {
            return Ok(address);
        }
        let found = resolve_by(&self.host, self.wants.port, self.wants.family, deadline, &cx.clock).await?;
        let known = self.found.map(|(address, _)| address).filter(|address| found.contains(address));
        let Some(address) = known.or_else(|| found.first().copied()) else { return Err(no_address(&self.host)) };
        self.found = Some((address, cx.clock.mono()));
        Ok(address)
    }
}

/// What a run's score means. Pure.
fn report(task: &Task, wants: &Wants, score: &Score, varied: Value, took: Duration) -> Run {
    let sent = score.tried.saturating_sub(score.invalid);
    let lost = sent.saturating_sub(score.answered);
    let Score { late, duplicate, invalid, .. } = *score;
    let tally = Tally { sent, lost, late: late + score.earlier_late, duplicate, invalid };
    let to = score.to;
    let said = || score.said.as_ref().map(|error| error.detail.clone());
    let (outcome, cause, detail) = if sent == 0 {
        let cause = score.said.as_ref().map_or(Cause::Internal, |error| error.cause);
        (outcome_of(cause), Some(cause), said())
    } else if score.answered == 0 {
        let (cause, words) = match (&score.said, score.unsigned, score.strange) {
            (_, 1.., _) => (Cause::Auth, format!("{to}: answered without our key, or with another")),
            (Some(error), ..) => (error.cause, error.detail.clone()),
            (None, _, 1..) => (Cause::Content, format!("{to}: answered with something that is no reply of STAMP")),
            (None, ..) => (Cause::Timeout, format!("{to}: no answer within {} ms", task.timeout_ms)),
        };
        (Outcome::Failed, Some(cause), Some(words))
    } else if lost > 0 {
        (Outcome::Degraded, Some(Cause::Partial), Some(format!("{to}: {lost} of {sent} lost")))
    } else if late > 0 {
        let words = format!("{to}: {late} of {sent} answered after {} ms", task.timeout_ms);
        (Outcome::Degraded, Some(Cause::Timeout), Some(words))
    } else {
        (Outcome::Ok, None, None)
    };
    let rows =
        if sent == 0 { Vec::new() } else { vec![target_row(&SPEC.schema, task, values(score, varied, sent, lost))] };
    let took = if lost > 0 { took.min(task.timeout() + wants.grace) } else { took };
    Run { purpose: Purpose::Measure, outcome, cause, detail, tally, rows, took }
}

/// What was measured, by name.
fn values(score: &Score, varied: Value, sent: u32, lost: u32) -> Vec<(&'static str, Value)> {
    let settled = score.settled.unwrap_or_default();
    let reached = settled.packets - settled.forward_lost;
    let gauge = |v: Option<f64>| v.map_or(Value::Null, Value::gauge);
    let many = |v: &Vec<f64>| Value::many(v.clone());
    let [forward_jitter, return_jitter] = score.jitter;
    let mut values = vec![
        ("rtt_seconds", many(&score.rtts)),
        ("loss_ratio", Value::gauge(f64::from(lost) / f64::from(sent))),
        ("forward_loss_ratio", each(settled.packets, settled.forward_lost)),
        ("return_loss_ratio", each(reached, settled.back_lost)),
        ("forward_delay_seconds", many(&score.forward)),
        ("return_delay_seconds", many(&score.back)),
        ("forward_variation_seconds", many(&score.forward_variation)),
        ("return_variation_seconds", many(&score.back_variation)),
        ("variation_seconds", varied),
        ("forward_jitter_seconds", gauge(forward_jitter)),
        ("return_jitter_seconds", gauge(return_jitter)),
        ("clock_error_seconds", gauge(score.clock_error.map(|error| error.as_secs_f64()))),
        ("reflector", Value::State(state_of(score.numbers))),
    ];
    values.extend(score.clocks.map(|clocks| ("clocks", Value::State(clocks_of(clocks)))));
    values.extend(settled.outage.map(|way| ("outage", Value::State(way_of(way)))));
    values
}

/// One value a packet, so that shares stay exact however windows are put together.
fn each(packets: u32, lost: u32) -> Value {
    let kept = packets.saturating_sub(lost) as usize;
    Value::many([vec![0.0; kept], vec![1.0; lost as usize]].concat())
}

const fn clocks_of(clocks: Clocks) -> u8 {
    match clocks {
        Clocks::InStep => 0,
        Clocks::NearFree => 1,
        Clocks::FarFree => 2,
        Clocks::BothFree => 3,
        Clocks::Fault => 4,
    }
}

const fn state_of(numbers: Numbers) -> u8 {
    match numbers {
        Numbers::Unknown => 0,
        Numbers::Own => 1,
        Numbers::Copied => 2,
    }
}

const fn way_of(way: directions::Way) -> u8 {
    match way {
        directions::Way::Forward => 0,
        directions::Way::Back => 1,
        directions::Way::Both => 2,
    }
}

#[cfg(test)]
mod tests;
