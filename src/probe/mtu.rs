//! `mtu`: how large a packet gets to a target in one piece, by echoes that must not be cut. It tells a limit that
//! routers name from a black hole: large packets that vanish without a word, so that connections stall while
//! small echoes see nothing. It refuses to call a target that does not answer at all a limit.

mod search; // which size next, and what the answers amount to

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::codec::icmp::{self, Version, Why};
use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Outcome, Purpose, Tally, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::icmp::{Event, Pinger, Request};
use crate::net::resolver::{Family, first_by};
use crate::net::sock::Route;
use crate::probe::mtu::search::{Answer, Found, Search, Step};
use crate::probe::way::{self, Way};
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "mtu",
    zh: "路径 MTU：不分片能到达目标的最大报文",
    en: "path MTU: how large a packet gets to a target in one piece",
    on: &[ObjectKind::Asset, ObjectKind::Link],
    target: TargetNeed::Address,
    settings: &[
        SettingDef {
            name: "largest",
            kind: SettingType::Int(576, 9000),
            default: Some("1500"),
            zh: "尝试的最大报文（字节，含 IP 头）",
            en: "the largest packet to try, in bytes with its IP header",
        },
        SettingDef {
            name: "tries",
            kind: SettingType::Int(1, 10),
            default: Some("3"),
            zh: "一个大小连续几次没有应答才算到不了",
            en: "so many packets of a size must be lost before it counts as too big",
        },
        SettingDef {
            name: "wait",
            kind: SettingType::Duration,
            default: Some("'500ms'"),
            zh: "等待一个应答的时间；已知往返时延后按其 4 倍，不超过此值",
            en: "how long to wait for an answer; four round trips once one is known, if that is shorter",
        },
        way::DSCP,
        way::SOURCE,
        way::INTERFACE,
        crate::probe::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("mtu"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::gauge(
                    "path_mtu_bytes",
                    "路径 MTU（字节，含 IP 头）",
                    "the largest packet that got there in one piece, with its IP header",
                ),
                Field::state(
                    "path_mtu",
                    VERDICTS,
                    "路径 MTU 的结论",
                    "full: the largest tried gets through; limited: less, and who takes no more says so; black_hole: \
                     less, and nobody says so",
                ),
                Field::text("limited_by", "声明上限的节点", "who said that a packet is too big"),
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

const VERDICTS: &[Cow<'static, str>] =
    &[Cow::Borrowed("full"), Cow::Borrowed("limited"), Cow::Borrowed("black_hole")];

/// The shortest wait: routers and hosts take their time over errors.
const SHORTEST: Duration = Duration::from_millis(100);
/// How often the sockets are looked at; the kernel keeps the true times.
const LOOK: Duration = Duration::from_millis(5);
/// More packets of a size where some of a size that fits are lost: loss by chance must not look like a limit.
const MORE_TRIES: u32 = 5;

/// The prober of a task.
pub fn prober(_cx: &Ctx, task: &Arc<Task>, _secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().ok_or("it has no address")?;
    let settings = &task.settings;
    let whole = |key, or: u32| settings.int(key).and_then(|v| u32::try_from(v).ok()).unwrap_or(or);
    Ok(Box::new(Mtu {
        task: task.clone(),
        host,
        largest: whole("largest", 1500).clamp(576, 9000),
        tries: whole("tries", 3).clamp(1, 10),
        wait: settings.duration("wait").unwrap_or(Duration::from_millis(500)),
        way: Way::of(settings),
        family: Family::of_setting(settings.text("family")),
    }))
}

struct Mtu {
    task: Arc<Task>,
    host: String,
    largest: u32,
    tries: u32,
    wait: Duration,
    way: Way,
    family: Family,
}

impl Prober for Mtu {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            let looked = self.look(cx, deadline).await;
            let took = cx.clock.mono().since(began);
            match looked {
                Ok(seen) => self.report(&seen, took),
                Err(error) => Run::error(error, Vec::new(), took),
            }
        })
    }
}

/// What a search came to.
#[derive(Debug)]
struct Seen {
    to: IpAddr,
    found: Found,
    sent: u32,
    /// What was said when nothing got through.
    said: Option<NetError>,
    /// The time was over before the search was.
    cut: bool,
}

impl Mtu {
    async fn look(&self, cx: &Ctx, deadline: Mono) -> Result<Seen, NetError> {
        let to = first_by(&self.host, 0, self.family, deadline, &cx.clock).await?.ip();
        let mut pinger = Pinger::new(cx.clock.clone());
        pinger.open_whole(Version::of(to))?;
        let mut line = Line {
            clock: cx.clock.clone(),
            pinger,
            to,
            route: self.way.route()?,
            wait: self.wait,
            tries: self.tries,
            sent: 0,
            said: None,
            deadline,
        };
        let mut search = Search::new(self.largest);
        let (found, cut) = loop {
            match search.step() {
                Step::Done(found) => break (found, false),
                Step::Try(size) => match line.try_size(size).await {
                    Some(answer) => search.take(size, answer?),
                    None => break (Found::Nothing, true),
                },
            }
        };
        Ok(Seen { to, found, sent: line.sent, said: line.said, cut })
    }

    /// What a search means. A limit is no failure: whether it matters is for rules.
    fn report(&self, seen: &Seen, took: Duration) -> Run {
        let to = seen.to;
        let (bytes, verdict, by, detail) = match seen.found {
            Found::Full => (self.largest, 0, None, None),
            Found::Limited(bytes, by) => {
                let by = by.map_or_else(|| "this host".to_owned(), |by| by.to_string());
                (bytes, 1, Some(by.clone()), Some(format!("{to}: {bytes} bytes at most, says {by}")))
            }
            Found::BlackHole(bytes) => {
                (bytes, 2, None, Some(format!("{to}: more than {bytes} bytes vanish without a word")))
            }
            Found::Nothing => {
                let error = match &seen.said {
                    _ if seen.cut => NetError::new(Cause::Timeout, format!("{to}: the search was not over in time")),
                    Some(error) => error.clone(),
                    None => NetError::new(Cause::Timeout, format!("{to}: no answer, not even to small packets")),
                };
                return Run::error(error, Vec::new(), took);
            }
        };
        let values = vec![
            ("path_mtu_bytes", Value::gauge(f64::from(bytes))),
            ("path_mtu", Value::State(verdict)),
            ("limited_by", by.map_or(Value::Null, |by| Value::Text(Arc::from(by)))),
        ];
        let tally = Tally { sent: seen.sent, ..Tally::default() };
        let rows = vec![target_row(&SPEC.schema, &self.task, values)];
        Run { purpose: Purpose::Measure, outcome: Outcome::Ok, cause: None, detail, tally, rows, took }
    }
}

/// Sends packets of a size and listens.
struct Line {
    clock: Clock,
    pinger: Pinger,
    to: IpAddr,
    route: Route,
    wait: Duration,
    tries: u32,
    sent: u32,
    said: Option<NetError>,
    deadline: Mono,
}

impl Line {
    /// What becomes of packets of a size; nothing if the time is over. An error is our own fault.
    async fn try_size(&mut self, size: u32) -> Option<Result<Answer, NetError>> {
        let headers = if self.to.is_ipv4() { 20 } else { 40 } + icmp::HEADER;
        let mut tried = 0;
        while tried < self.tries {
            if self.clock.mono() >= self.deadline {
                return None;
            }
            let before = self.clock.mono();
            let request = Request {
                to: SocketAddr::new(self.to, 0),
                size: (size as usize).saturating_sub(headers),
                route: self.route,
                whole: true,
                deadline: before.plus(self.wait),
                token: u64::from(self.sent),
            };
            self.sent += 1;
            tried += 1;
            match self.exchange(request).await {
                Some(Event::Reply { rtt, .. }) => {
                    if let Some(rtt) = rtt {
                        self.wait = self.wait.min((rtt * 4).max(SHORTEST));
                    }
                    if tried > 1 {
                        self.tries = self.tries.max(MORE_TRIES);
                    }
                    return Some(Ok(Answer::Fits));
                }
                Some(Event::Unreachable { why: Why::TooBig(mtu), by, .. }) => {
                    return Some(Ok(Answer::TooBig(mtu, by)));
                }
                Some(Event::Unreachable { why, by, .. }) => {
                    let by = by.map(|by| format!(", says {by}")).unwrap_or_default();
                    let words = format!("{}: {}{by}", self.to, why.words());
                    self.said = Some(NetError::new(Cause::Unreachable, words));
                }
                Some(Event::NotSent { too_big: true, .. }) => return Some(Ok(Answer::TooBig(0, None))),
                Some(Event::NotSent { error, .. }) if error.outcome() == Outcome::Invalid => return Some(Err(error)),
                Some(Event::NotSent { error, .. }) => self.said = Some(error),
                Some(Event::Duplicate { .. }) | None => {}
            }
        }
        Some(Ok(Answer::Silent))
    }

    /// What becomes of one packet, as far as it is known in time.
    async fn exchange(&mut self, request: Request) -> Option<Event> {
        let give_up = request.deadline.min(self.deadline);
        let mut events = Vec::new();
        self.pinger.send(&[request], &mut events);
        loop {
            let mine = events
                .drain(..)
                .find(|event| event.token() == request.token && !matches!(event, Event::Duplicate { .. }));
            if mine.is_some() || self.clock.mono() >= give_up {
                return mine;
            }
            self.clock.sleep(LOOK).await;
            self.pinger.drain(&mut events);
        }
    }
}

#[cfg(test)]
mod tests;
