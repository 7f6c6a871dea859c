//! `snmp`: what a device says of itself, its interfaces, routing neighbours, processors, memory and sensors, by SNMP v1,
//! v2c or v3.
//!
//! One GET for the device, then the tables of interfaces and routing neighbours, several columns a request and one
//! request at a time, then the values of what the profile of its family finds (`health`).
//! What a device leaves out is `null`, never 0; a table that was cut makes the run degraded, not failed.

mod counter;
mod health;
mod interfaces;
mod names;
mod neighbours;
mod ports;
mod rows;
mod spec;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use self::counter::Uptime;
use self::interfaces::{Memory, Moment};
use self::ports::Wanted;
pub use self::spec::SPEC;
pub(in crate::probe) use self::spec::{BULK, INCOMPLETE, MAX_REPETITIONS, RETRIES, SHORTFALL, STRICT_SOURCE};
use crate::codec::text;
use crate::model::device::Asking;
use crate::model::id::Object;
use crate::model::observation::{Cause, Outcome, Row, Value};
use crate::model::plan::{SettingValue, Task};
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::resolver::{self, Family};
use crate::net::snmp::{self, Exchanged, Manner, Oid, Session, SnmpError, Value as Wire};
use crate::probe::device::fetch::{self, Identity};
use crate::probe::device::part::Part;
use crate::probe::device::silence::Silence;
use crate::probe::device::{self, Answers};
use crate::probe::{Ctx, MAX_DETAIL, Prober, Run, RunFuture, cut, target_row};

/// Where agents listen.
const PORT: u16 = 161;
/// One try waits no longer: the farthest line here answers within a tenth of it.
const MAX_TRY: Duration = Duration::from_secs(2);
/// One try at a device that was silent before; three of them end within two seconds.
const SHORT_TRY: Duration = Duration::from_millis(500);
/// A shorter try would call a busy device dead.
const MIN_TRY: Duration = Duration::from_millis(100);
/// Kept free before the deadline, to put together what came.
const MARGIN: Duration = Duration::from_millis(50);
/// By so much together the tries of a request may end late: the engine's timers are coarse, and it is to be the engine
/// that says how they ended.
pub(in crate::probe) const LATE: Duration = Duration::from_millis(100);
/// Kept free to ask whether the port refuses.
const REFUSAL: Duration = Duration::from_millis(200);

/// The prober of a task.
pub fn prober(_: &Ctx, task: &Arc<Task>, secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().filter(|host| !host.is_empty()).ok_or("the task names no host")?;
    let repetitions = task.settings.int("max_repetitions").and_then(|n| u32::try_from(n).ok()).unwrap_or(25);
    let wanted = Wanted::of(&task.settings)?;
    Ok(Box::new(Snmp {
        task: task.clone(),
        host,
        wanted,
        secret: secret.cloned(),
        repetitions,
        session: None,
        silence: Silence::default(),
        last: None,
        memory: Memory::default(),
        neighbours: neighbours::Memory::default(),
        health: health::Memory::default(),
        exchanged: Exchanged::default(),
    }))
}

struct Snmp {
    task: Arc<Task>,
    host: String,
    /// Ports that make series.
    wanted: Arc<Wanted>,
    secret: Option<Secret>,
    /// Rows that a GETBULK asks for at first.
    repetitions: u32,
    session: Option<Session>,
    silence: Silence,
    last: Option<Last>,
    memory: Memory,
    neighbours: neighbours::Memory,
    health: health::Memory,
    /// By the session, up to the run before.
    exchanged: Exchanged,
}

/// Whom to ask, and how.
#[derive(Clone, Copy)]
struct Ask<'a> {
    session: &'a Session,
    repetitions: u32,
    clock: &'a Clock,
    deadline: Mono,
}

impl Ask<'_> {
    async fn fetch(&self, wanted: &device::Wanted) -> Result<Answers, SnmpError> {
        fetch::fetch(self.session, wanted, self.repetitions, self.clock, self.deadline).await
    }
}

/// The device's clocks in the run before.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: Mono,
    ticks: Option<u32>,
    engine: Option<u32>,
    /// How often sysUpTime began anew after 497 days while we looked, though the device did not.
    wraps: u32,
}

/// A device that started less than five minutes ago, in hundredths of a second: chassis take as long until the last board
/// is there, and net-snmp says how busy it is after a minute.
const YOUNG: u32 = 30_000;

/// The first of the tables of what the profile finds.
const FIRST_OF_HEALTH: usize = 3;

const SYSTEM: &[u32] = &[1, 3, 6, 1, 2, 1, 1];

fn scalar(base: &[u32], at: u32) -> Oid {
    Oid::from_slice(base).child(at).child(0)
}
/// snmpEngine of SNMP-FRAMEWORK-MIB (RFC 3411).
const ENGINE: &[u32] = &[1, 3, 6, 1, 6, 3, 10, 2, 1];

fn engine_id() -> Oid {
    scalar(ENGINE, 1)
}
fn engine_time() -> Oid {
    scalar(ENGINE, 3)
}
fn if_number() -> Oid {
    scalar(&[1, 3, 6, 1, 2, 1, 2], 1)
}
fn if_table_last_change() -> Oid {
    scalar(&[1, 3, 6, 1, 2, 1, 31, 1], 5)
}

impl Prober for Snmp {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            let Some(secret) = self.secret.clone() else {
                let name = self.task.secret.as_deref().unwrap_or("none is named");
                return Run::invalid(Cause::NoSecret, format!("snmp needs a secret: {name}"));
            };
            let end = deadline.minus(MARGIN);
            let was_silent = self.silence.lasts();
            let looked = self.look(&secret, cx, end).await;
            self.silence.note(&looked);
            if was_silent && !self.silence.lasts() {
                self.session = None; // it was opened in a hurry
            }
            match looked {
                Ok((rows, shortfalls)) => {
                    let took = cx.clock.mono().since(began);
                    let mut run = Run::ok(rows, took);
                    if !shortfalls.is_empty() {
                        run.outcome = Outcome::Degraded;
                        run.cause = Some(Cause::Partial);
                        run.detail = Some(shortfalls.join("; "));
                    }
                    run
                }
                Err(error) => Run::error(error.into(), Vec::new(), cx.clock.mono().since(began)),
            }
        })
    }
}

impl Snmp {
    fn manner(&self) -> Manner {
        let retries = self.task.settings.int("retries").and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        // A device that was silent is most likely dead: three short tries say so soon, and hold up nobody.
        let (retries, longest) = if self.silence.lasts() { (retries.max(2), SHORT_TRY) } else { (retries, MAX_TRY) };
        let timeout = self.task.timeout().saturating_sub(MARGIN + REFUSAL + LATE) / (retries + 1);
        Manner {
            timeout: timeout.clamp(MIN_TRY, longest),
            retries,
            strict_source: self.task.settings.bool("strict_source"),
        }
    }

    async fn look(&mut self, secret: &Secret, cx: &Ctx, end: Mono) -> Result<(Vec<Row>, Vec<String>), SnmpError> {
        let clock = &cx.clock;
        let peer = self.resolve(clock, end).await?;
        self.silence.knock(peer, secret, self.task.settings.bool("strict_source"), clock, end).await?;
        let system = self.system(peer, secret, clock, end).await?;
        let at = clock.mono();
        let round_trip = self.session.as_ref().and_then(Session::round_trip);
        let ticks = system.get(&scalar(SYSTEM, 3)).and_then(Wire::as_u32);
        let engine = system.get(&engine_time()).and_then(Wire::as_u32);
        let elapsed = self.elapsed(at, ticks, engine);
        let wraps = self.last.as_ref().filter(|_| elapsed.is_some()).map_or(0, |last| {
            last.wraps + u32::from(last.ticks.zip(ticks).is_some_and(|(before, now)| now < before))
        });
        self.last = Some(Last { at, ticks, engine, wraps });

        let who = Identity::told(system.get(&scalar(SYSTEM, 2)), system.get(&scalar(SYSTEM, 1)));
        let family = self.health.family(&cx.profiles.now(), &who);
        if let Some(session) = &mut self.session {
            session.ask_as(asking(&self.task).or(family.asking));
        }
        let number = system.get(&if_number()).and_then(Wire::as_u64);
        let shape = (number, system.get(&if_table_last_change()).and_then(Wire::as_u64));
        let moment = Moment { at, elapsed, shape, young: wraps == 0 && ticks.is_some_and(|ticks| ticks < YOUNG) };
        let (mut rows, mut shortfalls) = (Vec::new(), Vec::new());
        let (mut count, mut left_out) = (number, None);
        if let (true, Some(session), Some(asset)) =
            (self.task.settings.bool("interfaces"), &self.session, self.task.object.asset())
        {
            let ask = Ask { session, repetitions: self.repetitions, clock, deadline: end };
            let found = interfaces::read(&ask, &mut self.memory, asset, &self.wanted, &moment).await;
            shortfalls = found.shortfalls;
            left_out = Some(found.left_out as f64);
            if shortfalls.is_empty() {
                count = Some((found.interfaces.len() + found.left_out) as u64);
            }
            let instance: Arc<str> = Arc::from("");
            rows.extend(found.interfaces.into_iter().map(|interface| {
                let object = Object::Interface { asset: asset.clone(), name: interface.name };
                Row { table: 1, object, instance: instance.clone(), values: interface.values }
            }));
        }
        rows.extend(self.neighbours(&family, at, &mut shortfalls, clock, end).await);
        rows.extend(self.health(&family, &moment, &mut shortfalls, clock, end).await);
        let text = |at: u32| match system.get(&scalar(SYSTEM, at)) {
            Some(Wire::ObjectIdentifier(oid)) => Value::Text(oid.to_string().into()),
            Some(value) => match value.as_bytes().map(text::decode) {
                Some(text) if !text.is_empty() => Value::Text(text.into()),
                _ => Value::Null,
            },
            None => Value::Null,
        };
        let mut named = vec![
            (
                "uptime_seconds",
                ticks.map_or(Value::Null, |t| Value::gauge(counter::uptime_seconds(t, engine, wraps))),
            ),
            ("interfaces", count.map_or(Value::Null, |n| Value::gauge(n as f64))),
            ("left_out_count", left_out.map_or(Value::Null, Value::gauge)),
            ("name", text(5)),
            ("description", text(1)),
            ("object_id", text(2)),
            ("location", text(6)),
            ("contact", text(4)),
            ("engine_id", system.get(&engine_id()).and_then(Wire::as_bytes).map_or(Value::Null, hexadecimal)),
            ("profile", if family.id.is_empty() { Value::Null } else { Value::Text(family.id.clone()) }),
            ("security", Value::State(security(secret))),
            ("community", community(secret)),
            ("round_trip_seconds", round_trip.map_or(Value::Null, |took| Value::gauge(took.as_secs_f64()))),
        ];
        named.extend(self.traffic());
        named.extend(lacks(&shortfalls));
        rows.insert(0, target_row(&SPEC.schema, &self.task, named));
        Ok((rows, shortfalls))
    }

    async fn neighbours(
        &mut self,
        family: &device::Family,
        now: Mono,
        shortfalls: &mut Vec<String>,
        clock: &Clock,
        end: Mono,
    ) -> Vec<Row> {
        let (true, Some(session)) = (self.task.settings.bool("neighbours"), &self.session) else { return Vec::new() };
        let ask = Ask { session, repetitions: self.repetitions, clock, deadline: end };
        let found = neighbours::read(&ask, &mut self.neighbours, family, now, shortfalls).await;
        let object = &self.task.object;
        let row =
            |n: neighbours::Neighbour| Row { table: 2, object: object.clone(), instance: n.name, values: n.values };
        found.into_iter().map(row).collect()
    }

    async fn health(
        &mut self,
        family: &device::Family,
        moment: &Moment,
        shortfalls: &mut Vec<String>,
        clock: &Clock,
        end: Mono,
    ) -> Vec<Row> {
        let (true, Some(session)) = (self.task.settings.bool("health"), &self.session) else { return Vec::new() };
        let ask = Ask { session, repetitions: self.repetitions, clock, deadline: end };
        let found = health::read(&ask, &mut self.health, family, self.memory.names(), moment, shortfalls).await;
        let object = &self.task.object;
        let row = |part: Part| Row {
            table: FIRST_OF_HEALTH + part.class,
            object: object.clone(),
            instance: part.name,
            values: part.values,
        };
        found.into_iter().map(row).collect()
    }

    /// What this run sent and got.
    fn traffic(&mut self) -> [(&'static str, Value); 3] {
        let now = self.session.as_ref().map(Session::exchanged).unwrap_or_default();
        let before = std::mem::replace(&mut self.exchanged, now);
        let since = |now: u64, before: u64| Value::gauge(now.saturating_sub(before) as f64);
        [
            ("requests_count", since(now.requests.into(), before.requests.into())),
            ("retries_count", since(now.again.into(), before.again.into())),
            ("variables_count", since(now.variables, before.variables)),
        ]
    }

    async fn resolve(&self, clock: &Clock, end: Mono) -> Result<SocketAddr, SnmpError> {
        let port = self.task.target.port.unwrap_or(PORT);
        let family = Family::of_setting(self.task.settings.text("family"));
        let found = resolver::resolve_by(&self.host, port, family, end, clock).await.map_err(SnmpError::Net)?;
        // The agent that answered last is asked again, as long as the name still leads there.
        let known = self.session.as_ref().map(Session::peer).filter(|peer| found.contains(peer));
        known.or_else(|| found.first().copied()).ok_or_else(|| SnmpError::Net(resolver::no_address(&self.host)))
    }

    /// The fixed part. A session that a device no longer accepts (it was replaced, its engine is new) is
    /// opened anew once; a device that says nothing is asked whether it refuses.
    async fn system(
        &mut self,
        peer: SocketAddr,
        secret: &Secret,
        clock: &Clock,
        end: Mono,
    ) -> Result<BTreeMap<Oid, Wire>, SnmpError> {
        let mut wanted: Vec<Oid> = [1, 2, 3, 4, 5, 6].into_iter().map(|at| scalar(SYSTEM, at)).collect();
        wanted.extend([engine_id(), engine_time(), if_number(), if_table_last_change()]);
        let mut reused = self.session.as_ref().is_some_and(|session| session.peer() == peer);
        loop {
            if !reused {
                self.session = Some(Session::open(peer, secret, self.manner()).await?);
                self.exchanged = Exchanged::default();
            }
            let Some(session) = &self.session else { return Err(SnmpError::Timeout { peer }) };
            let answer = Box::pin(clock.until(end.minus(REFUSAL), session.get_in_parts(&wanted))).await;
            match answer.unwrap_or(Err(SnmpError::Timeout { peer })) {
                Ok((system, mut refused)) if system.is_empty() && !refused.is_empty() => {
                    self.session = None;
                    return Err(refused.swap_remove(0).1);
                }
                Ok((system, _)) => return Ok(system),
                Err(SnmpError::Timeout { .. }) => {
                    // After a restart a v3 agent may have a new engine, or a clock that went back: what it says to
                    // an old session is thrown away as forged, for ever. The next run gets to know it anew.
                    self.session = None;
                    let refused = clock.until(end, snmp::refuses(peer, clock)).await == Some(true);
                    return Err(if refused { SnmpError::Refused { peer } } else { SnmpError::Timeout { peer } });
                }
                Err(SnmpError::Auth { .. } | SnmpError::Protocol { .. }) if reused => reused = false,
                Err(error) => {
                    self.session = None;
                    return Err(error);
                }
            }
        }
    }

    /// Time since the last run by the device's clock; nothing after a restart.
    fn elapsed(&self, at: Mono, ticks: Option<u32>, engine: Option<u32>) -> Option<Duration> {
        let last = self.last?;
        let ours = at.since(last.at);
        match (last.ticks, ticks) {
            (Some(before), Some(now)) => match counter::uptime(before, now, ours, last.engine.zip(engine)) {
                Uptime::Went(elapsed) => Some(elapsed),
                Uptime::Restarted => None,
            },
            _ => Some(ours),
        }
    }
}

/// How the operator wants a device to be asked for tables, whatever its profile says.
pub(in crate::probe) fn asking(task: &Task) -> Asking {
    let no_bulk = task.settings.0.get(BULK.name) == Some(&SettingValue::Bool(false));
    Asking { bulk: no_bulk.then_some(false), ..Asking::default() }
}

/// What did not come whole, as fields of a device that answered. An empty text takes back the one before.
pub(in crate::probe) fn lacks(shortfalls: &[String]) -> [(&'static str, Value); 2] {
    let said = shortfalls.join("; ");
    [
        ("incomplete_count", Value::gauge(shortfalls.len() as f64)),
        ("shortfall", Value::Text(cut(&said, MAX_DETAIL).into())),
    ]
}

/// The longest engine id (RFC 3411).
const MAX_ENGINE_ID: usize = 32;

/// Octets as a text, unless there are none or too many.
fn hexadecimal(octets: &[u8]) -> Value {
    if octets.is_empty() || octets.len() > MAX_ENGINE_ID {
        return Value::Null;
    }
    Value::Text(octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>().into())
}

/// Communities that devices come with and everybody tries first.
const DEFAULT_COMMUNITIES: [&str; 2] = ["public", "private"];

/// By position in the names of the field `community`.
fn community(secret: &Secret) -> Value {
    match secret {
        Secret::SnmpCommunity { community, .. } => {
            Value::State(u8::from(DEFAULT_COMMUNITIES.contains(&community.expose())))
        }
        _ => Value::Null,
    }
}

/// By position in the names of the field `security`.
const fn security(secret: &Secret) -> u8 {
    match secret {
        Secret::SnmpCommunity { v1: true, .. } => 0,
        Secret::SnmpCommunity { v1: false, .. } => 1,
        Secret::SnmpV3 { auth: Some(_), privacy: Some(_), .. } => 4,
        Secret::SnmpV3 { auth: Some(_), .. } => 3,
        _ => 2,
    }
}
