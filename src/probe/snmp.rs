//! `snmp`: what a device says of itself, its interfaces and its routing neighbours, by SNMP v1, v2c or v3.
//!
//! One GET for the device, then the tables of interfaces and routing neighbours, several columns a request and one
//! request at a time.
//! What a device leaves out is `null`, never 0; a table that was cut makes the run degraded, not failed.

mod counter;
mod interfaces;
mod neighbours;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use self::counter::Uptime;
use self::interfaces::{Memory, Moment};
use crate::codec::text;
use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::id::{Object, ObjectKind};
use crate::model::observation::{Cause, Outcome, Row, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::resolver::{self, Family};
use crate::net::snmp::{self, Manner, Oid, Session, SnmpError, Value as Wire};
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

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
/// Kept free to ask whether the port refuses.
const REFUSAL: Duration = Duration::from_millis(200);

const STATES_ADMIN: &[Cow<'static, str>] = &[Cow::Borrowed("up"), Cow::Borrowed("down"), Cow::Borrowed("testing")];
const STATES_OPER: &[Cow<'static, str>] = &[
    Cow::Borrowed("up"),
    Cow::Borrowed("down"),
    Cow::Borrowed("testing"),
    Cow::Borrowed("unknown"),
    Cow::Borrowed("dormant"),
    Cow::Borrowed("not_present"),
    Cow::Borrowed("lower_layer_down"),
];

/// What a routing neighbour means to traffic; `engine::ends` knows them by position.
const ADJACENCIES: &[Cow<'static, str>] =
    &[Cow::Borrowed("up"), Cow::Borrowed("down"), Cow::Borrowed("forming"), Cow::Borrowed("shut")];
/// ospfNbrState, then bgpPeerState, then what neither table says.
const ADJACENCY_STATES: &[Cow<'static, str>] = &[
    Cow::Borrowed("down"),
    Cow::Borrowed("attempt"),
    Cow::Borrowed("init"),
    Cow::Borrowed("two_way"),
    Cow::Borrowed("exchange_start"),
    Cow::Borrowed("exchange"),
    Cow::Borrowed("loading"),
    Cow::Borrowed("full"),
    Cow::Borrowed("idle"),
    Cow::Borrowed("connect"),
    Cow::Borrowed("active"),
    Cow::Borrowed("open_sent"),
    Cow::Borrowed("open_confirm"),
    Cow::Borrowed("established"),
    Cow::Borrowed("gone"),
];

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "snmp",
    zh: "通过 SNMP 读取设备信息、接口表与路由邻居",
    en: "what a device says of itself, its interfaces and its routing neighbours, by SNMP",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[
        SettingDef {
            name: "max_repetitions",
            kind: SettingType::Int(1, 200),
            default: Some("25"),
            zh: "每次 GETBULK 请求的行数；设备吃不消时自动减半",
            en: "rows a GETBULK asks for; halved by itself when the device does not bear it",
        },
        SettingDef {
            name: "retries",
            kind: SettingType::Int(0, 5),
            default: Some("1"),
            zh: "请求超时后的重发次数",
            en: "how often a request without answer is sent again",
        },
        SettingDef {
            name: "interfaces",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "是否读取接口表",
            en: "whether the interface table is read",
        },
        SettingDef {
            name: "neighbours",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "是否读取 OSPF、BGP 邻居表",
            en: "whether the tables of OSPF and BGP neighbours are read",
        },
        SettingDef {
            name: "strict_source",
            kind: SettingType::Bool,
            default: Some("true"),
            zh: "应答必须来自被询问的地址；多地址设备可关闭",
            en: "answers must come from the address that was asked; off for devices with several addresses",
        },
        super::FAMILY,
    ],
    schema: KindSchema {
        kind: Cow::Borrowed("snmp"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::gauge("uptime_seconds", "设备运行时间（秒）", "time since the device's agent started"),
                    Field::gauge("interfaces", "接口数量", "how many interfaces the device has"),
                    Field::text("name", "设备名称（sysName）", "sysName"),
                    Field::text("description", "设备描述（sysDescr）", "sysDescr"),
                    Field::text("object_id", "设备型号标识（sysObjectID）", "sysObjectID"),
                    Field::text("location", "设备位置（sysLocation）", "sysLocation"),
                    Field::text("contact", "设备联系人（sysContact）", "sysContact"),
                ]),
            },
            Table {
                on: TableOn::Interface,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::state("admin", STATES_ADMIN, "接口管理状态", "what the interface is set to"),
                    Field::state("oper", STATES_OPER, "接口运行状态", "what the interface does"),
                    Field::counter("in_octets", "入字节数", "octets received"),
                    Field::counter("out_octets", "出字节数", "octets sent"),
                    Field::counter("in_errors", "入错误包数", "packets received with errors"),
                    Field::counter("out_errors", "出错误包数", "packets not sent because of errors"),
                    Field::counter("in_discards", "入丢弃包数", "received packets discarded"),
                    Field::counter("out_discards", "出丢弃包数", "packets to send discarded"),
                    Field::gauge("in_bps", "入速率（比特每秒）", "bits a second received since the last run"),
                    Field::gauge("out_bps", "出速率（比特每秒）", "bits a second sent since the last run"),
                    Field::gauge("in_ratio", "入带宽利用率", "in_bps as a part of the interface's speed"),
                    Field::gauge("out_ratio", "出带宽利用率", "out_bps as a part of the interface's speed"),
                    Field::gauge("speed_bps", "接口带宽（比特每秒）", "speed of the interface"),
                    Field::gauge("mtu", "最大传输单元（字节）", "largest packet, in octets"),
                    Field::text("alias", "接口描述（ifAlias）", "ifAlias, what the operators call it"),
                    Field::text("mac", "接口 MAC 地址", "physical address"),
                ]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("neighbour")),
                fields: Cow::Borrowed(&[
                    Field::state("adjacency", ADJACENCIES, "路由邻接", "what the adjacency means to traffic"),
                    Field::state(
                        "adjacency_state",
                        ADJACENCY_STATES,
                        "路由邻居状态（OSPF 或 BGP）",
                        "the neighbour's state in the words of OSPF or BGP",
                    ),
                    Field::text("neighbour_router", "邻居路由器标识", "the neighbour's OSPF router id"),
                    Field::text("neighbour_as", "邻居自治系统号", "the peer's BGP AS number"),
                ]),
            },
        ]),
    },
    secret: true,
};

/// The prober of a task.
pub fn prober(_: &Ctx, task: &Arc<Task>, secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().filter(|host| !host.is_empty()).ok_or("the task names no host")?;
    let repetitions = task.settings.int("max_repetitions").and_then(|n| u32::try_from(n).ok()).unwrap_or(25);
    Ok(Box::new(Snmp {
        task: task.clone(),
        host,
        secret: secret.cloned(),
        repetitions,
        session: None,
        silent: false,
        last: None,
        memory: Memory::default(),
        neighbours: neighbours::Memory::default(),
    }))
}

struct Snmp {
    task: Arc<Task>,
    host: String,
    secret: Option<Secret>,
    /// What the device bore last time.
    repetitions: u32,
    session: Option<Session>,
    /// The run before had no answer at all.
    silent: bool,
    last: Option<Last>,
    memory: Memory,
    neighbours: neighbours::Memory,
}

/// The device's clocks in the run before.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: Mono,
    ticks: Option<u32>,
    engine: Option<u32>,
}

const SYSTEM: &[u32] = &[1, 3, 6, 1, 2, 1, 1];

fn scalar(base: &[u32], at: u32) -> Oid {
    Oid::from_slice(base).child(at).child(0)
}
fn engine_time() -> Oid {
    scalar(&[1, 3, 6, 1, 6, 3, 10, 2, 1], 3)
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
            let was_silent = self.silent;
            let looked = self.look(&secret, &cx.clock, end).await;
            self.silent = looked.as_ref().is_err_and(|error| error.cause() == Cause::Timeout);
            if was_silent && !self.silent {
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
        let (retries, longest) = if self.silent { (retries.max(2), SHORT_TRY) } else { (retries, MAX_TRY) };
        let timeout = self.task.timeout().saturating_sub(MARGIN + REFUSAL) / (retries + 1);
        Manner {
            timeout: timeout.clamp(MIN_TRY, longest),
            retries,
            strict_source: self.task.settings.bool("strict_source"),
        }
    }

    async fn look(
        &mut self,
        secret: &Secret,
        clock: &Clock,
        end: Mono,
    ) -> Result<(Vec<Row>, Vec<String>), SnmpError> {
        let peer = self.resolve(clock, end).await?;
        let system = self.system(peer, secret, clock, end).await?;
        let at = clock.mono();
        let ticks = system.get(&scalar(SYSTEM, 3)).and_then(Wire::as_u32);
        let engine = system.get(&engine_time()).and_then(Wire::as_u32);
        let elapsed = self.elapsed(at, ticks, engine);
        self.last = Some(Last { at, ticks, engine });

        let number = system.get(&if_number()).and_then(Wire::as_u64);
        let shape = (number, system.get(&if_table_last_change()).and_then(Wire::as_u64));
        let (mut rows, mut shortfalls) = (Vec::new(), Vec::new());
        let mut count = number;
        if let (true, Some(session), Some(asset)) =
            (self.task.settings.bool("interfaces"), &self.session, self.task.object.asset())
        {
            let moment = Moment { at, elapsed, shape };
            let found = interfaces::read(session, &mut self.memory, &moment, self.repetitions, clock, end).await;
            self.repetitions = grow(found.repetitions, self.task.settings.int("max_repetitions"));
            shortfalls = found.shortfalls;
            if shortfalls.is_empty() {
                count = Some(found.interfaces.len() as u64);
            }
            rows.extend(found.interfaces.into_iter().filter_map(|interface| {
                let object = Object::interface(asset.clone(), &interface.name).ok()?;
                Some(Row { table: 1, object, instance: Arc::from(""), values: interface.values })
            }));
        }
        rows.extend(self.neighbours(&mut shortfalls, clock, end).await);
        let text = |at: u32| match system.get(&scalar(SYSTEM, at)) {
            Some(Wire::ObjectIdentifier(oid)) => Value::Text(oid.to_string().into()),
            Some(value) => match value.as_bytes().map(text::decode) {
                Some(text) if !text.is_empty() => Value::Text(text.into()),
                _ => Value::Null,
            },
            None => Value::Null,
        };
        let named = vec![
            ("uptime_seconds", ticks.map_or(Value::Null, |t| Value::gauge(counter::uptime_seconds(t, engine)))),
            ("interfaces", count.map_or(Value::Null, |n| Value::gauge(n as f64))),
            ("name", text(5)),
            ("description", text(1)),
            ("object_id", text(2)),
            ("location", text(6)),
            ("contact", text(4)),
        ];
        rows.insert(0, target_row(&SPEC.schema, &self.task, named));
        Ok((rows, shortfalls))
    }

    async fn neighbours(&mut self, shortfalls: &mut Vec<String>, clock: &Clock, end: Mono) -> Vec<Row> {
        let (true, Some(session)) = (self.task.settings.bool("neighbours"), &self.session) else { return Vec::new() };
        let memory = &mut self.neighbours;
        let found = neighbours::read(session, memory, self.repetitions, shortfalls, clock, end).await;
        let object = &self.task.object;
        let row =
            |n: neighbours::Neighbour| Row { table: 2, object: object.clone(), instance: n.name, values: n.values };
        found.into_iter().map(row).collect()
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
        wanted.extend([engine_time(), if_number(), if_table_last_change()]);
        let mut reused = self.session.as_ref().is_some_and(|session| session.peer() == peer);
        loop {
            if !reused {
                self.session = Some(Session::open(peer, secret, self.manner()).await?);
            }
            let Some(session) = &self.session else { return Err(SnmpError::Timeout { peer }) };
            let answer = clock.until(end.minus(REFUSAL), session.get(&wanted)).await;
            match answer.unwrap_or(Err(SnmpError::Timeout { peer })) {
                Ok(system) => return Ok(system),
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

/// A device that bore fewer rows is asked for more again, slowly.
fn grow(bore: u32, wanted: Option<i64>) -> u32 {
    let wanted = wanted.and_then(|n| u32::try_from(n).ok()).unwrap_or(25);
    (bore + bore / 4 + 1).min(wanted.max(1))
}
