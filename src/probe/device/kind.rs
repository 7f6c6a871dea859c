//! `device`: all that a device says of itself, by its profile: identity, ports, sensors, neighbours, VLANs, addresses,
//! ARP and MAC tables. Counters are left to `snmp`, which looks often; this one looks now and then.
//!
//! What was found leaves as a report when it is news, at most once an hour if only its ARP and MAC tables are, and once a day. A table that was cut makes the run degraded, not
//! failed: what came of it is in the report, and that it is not whole.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::fetch::{self, Identity};
use super::part::{self, MAX_THINGS, Part, SENSORS};
use super::silence::Silence;
use super::{Wanted, evaluate_by_table};
use crate::config::defs::profile::{TableDef, Timer};
use crate::model::device::{Device, Thing, report};
use crate::model::field::{Field, KindSchema, KindSpec, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Outcome, Row, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::model::wire::{MAX_REPORT, Packed, Record, Report};
use crate::net::resolver::{self, Family};
use crate::net::snmp::{self, Manner, Session, SnmpError};
use crate::probe::snmp::{BULK, INCOMPLETE, LATE, MAX_REPETITIONS, RETRIES, SHORTFALL, STRICT_SOURCE, asking, lacks};
use crate::probe::{Ctx, FAMILY, Prober, Run, RunFuture, target_row};

/// Where agents listen.
const PORT: u16 = 161;
/// One try waits no longer: tables of thousands of rows are slow to begin on some devices.
const TRY: Duration = Duration::from_secs(3);
/// A shorter try would call a busy device dead.
const MIN_TRY: Duration = Duration::from_millis(100);
/// Kept free before the deadline, to put together what came and to ask whether the port refuses.
const MARGIN: Duration = Duration::from_millis(500);
/// A report that is no news is sent again after this, so that nobody takes it for forgotten.
const AGAIN: Duration = Duration::from_secs(86_400);

/// ARP and MAC tables change at every look where people come and go: they alone are news once in this.
const TABLES_AGAIN: Duration = Duration::from_secs(3_600);

/// What becomes of the running configuration at a restart.
const CONFIG: &[Cow<'static, str>] = &[Cow::Borrowed("saved"), Cow::Borrowed("unsaved")];
/// Reading the saved configuration at the start counts as a change; it is over by then, even on a large chassis.
const STARTED_SECONDS: f64 = 600.0;

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "device",
    zh: "通过 SNMP 按模板读取设备全貌：身份、传感器、邻居、VLAN、地址、ARP 与 MAC 表",
    en: "all that a device says of itself by SNMP and its profile: identity, sensors, neighbours, VLANs, addresses, ARP and MAC tables",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[MAX_REPETITIONS, BULK, RETRIES, STRICT_SOURCE, FAMILY],
    schema: KindSchema {
        kind: Cow::Borrowed("device"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::gauge("neighbour_count", "LLDP、CDP 邻居数", "neighbours by LLDP and CDP"),
                    Field::gauge("vlan_count", "VLAN 数", "VLANs"),
                    Field::gauge("address_count", "地址数", "addresses of the device"),
                    Field::gauge("arp_count", "ARP 表项数", "entries of the ARP table"),
                    Field::gauge("mac_count", "MAC 表项数", "entries of the MAC table"),
                    Field::text("profile", "设备模板", "profile by which the device was read"),
                    Field::text("vendor", "厂商", "who made the device"),
                    Field::text("model", "型号", "model"),
                    Field::text("os", "系统", "what runs on it"),
                    Field::text("os_version", "系统版本", "version of that"),
                    Field::text("serial", "序列号", "serial number"),
                    Field::gauge(
                        "config_changed_seconds",
                        "最近一次改动配置时的运行时间（秒）",
                        "uptime at the last change of the configuration",
                    ),
                    Field::state("config", CONFIG, "配置是否已保存", "whether the running configuration is saved"),
                    Field::gauge(
                        "config_age_seconds",
                        "距配置最后一次改动的时间（秒）",
                        "since the running configuration changed last",
                    ),
                    INCOMPLETE,
                    SHORTFALL,
                ]),
            },
            SENSORS,
        ]),
    },
    secret: true,
    profiles: true,
};

/// The prober of a task.
pub fn prober(_: &Ctx, task: &Arc<Task>, secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().filter(|host| !host.is_empty()).ok_or("the task names no host")?;
    let secret = secret.cloned();
    Ok(Box::new(Look { task: task.clone(), host, secret, silence: Silence::default(), sent: None, report: None }))
}

struct Look {
    task: Arc<Task>,
    host: String,
    secret: Option<Secret>,
    silence: Silence,
    /// The last report that left.
    sent: Option<Sent>,
    report: Option<Report>,
}

/// What a report said, and when it left.
struct Sent {
    fingerprint: u64,
    /// Without its ARP and MAC tables.
    standing: u64,
    at: Mono,
}

/// A device, its sensors of slow tables, and its report as a text.
struct Found {
    device: Device,
    sensors: Vec<Part>,
    fingerprint: u64,
    standing: u64,
    packed: Option<Packed>,
}

impl Prober for Look {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            self.report = None;
            let Some(secret) = self.secret.clone() else {
                let name = self.task.secret.as_deref().unwrap_or("none is named");
                return Run::invalid(Cause::NoSecret, format!("device needs a secret: {name}"));
            };
            let looked = self.look(&secret, cx, deadline.minus(MARGIN)).await;
            self.silence.note(&looked);
            let took = cx.clock.mono().since(began);
            match looked {
                Ok(Some(found)) => self.told(found, cx, took),
                Ok(None) => Run::invalid(Cause::Internal, "what the device answered could not be put together"),
                Err(error) => Run::error(error.into(), Vec::new(), took),
            }
        })
    }

    fn news(&mut self) -> Vec<Record> {
        self.report.take().map(Record::Report).into_iter().collect()
    }
}

impl Look {
    fn manner(&self) -> Manner {
        let retries = self.task.settings.int("retries").and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let timeout = self.task.timeout().saturating_sub(MARGIN + LATE) / (retries + 1);
        let strict_source = self.task.settings.bool("strict_source");
        Manner { timeout: timeout.clamp(MIN_TRY, TRY), retries, strict_source }
    }

    async fn look(&mut self, secret: &Secret, cx: &Ctx, end: Mono) -> Result<Option<Found>, SnmpError> {
        let clock = &cx.clock;
        let port = self.task.target.port.unwrap_or(PORT);
        let family = Family::of_setting(self.task.settings.text("family"));
        let found = resolver::resolve_by(&self.host, port, family, end, clock).await.map_err(SnmpError::Net)?;
        let peer = found.first().copied().ok_or_else(|| SnmpError::Net(resolver::no_address(&self.host)))?;
        let manner = self.manner();
        self.silence.knock(peer, secret, manner.strict_source, clock, end).await?;
        // Anew each time: a v3 device that was replaced since is another engine.
        let mut session = Session::open(peer, secret, manner).await?;
        let identity = match Identity::of(&session, clock, end).await {
            Err(SnmpError::Timeout { .. })
                if clock.until(end.plus(MARGIN / 2), snmp::refuses(peer, clock)).await == Some(true) =>
            {
                return Err(SnmpError::Refused { peer });
            }
            told => told?,
        };
        let families = cx.profiles.now();
        let chosen = identity.chosen(families.profiles());
        session.ask_as(asking(&self.task).or(chosen.asking()));
        let wanted = Wanted::but_counters(&chosen);
        let repetitions = self.task.settings.int("max_repetitions").and_then(|n| u32::try_from(n).ok()).unwrap_or(25);
        let mut answers = fetch::fetch(&session, &wanted, repetitions, clock, end).await?;
        fetch::vlans(&session, &chosen, &mut answers, repetitions, clock, end).await;
        // Tens of thousands of rows take a while: not on a thread of the runtime.
        let put = tokio::task::spawn_blocking(move || {
            let mut slow: Vec<(&TableDef, Thing)> = Vec::new();
            let device = evaluate_by_table(&identity.chosen(families.profiles()), &answers, |table, found| {
                if table.timer == Timer::Slow && table.into.name == "sensors" {
                    slow.extend(found.iter().map(|thing| (table, thing.clone())));
                }
            });
            let (fingerprint, standing) = (report::fingerprint(&device), report::standing(&device));
            let packed = Packed::of(&report::within(device.clone(), MAX_REPORT));
            Found { device, sensors: parts(&slow), fingerprint, standing, packed }
        });
        Ok(put.await.ok())
    }

    /// The run of a device that answered; its report waits to be fetched if it is news.
    fn told(&mut self, found: Found, cx: &Ctx, took: Duration) -> Run {
        let Found { device, sensors, fingerprint, standing, packed } = found;
        let now = cx.clock.mono();
        let news = self.sent.as_ref().is_none_or(|sent| {
            let (other, age) = (sent.fingerprint != fingerprint, now.since(sent.at));
            sent.standing != standing || (other && age >= TABLES_AGAIN) || age >= AGAIN
        });
        if let Some(packed) = packed.filter(|_| news) {
            self.sent = Some(Sent { fingerprint, standing, at: now });
            let (object, probe) = (self.task.object.clone(), self.task.probe.clone());
            self.report = Some(Report { object, probe, fingerprint, packed });
        }
        let count = |class: &str| Value::gauge(device.of(class).len() as f64);
        let text = |name: &str| device.fact(name).text().map_or(Value::Null, |text| Value::Text(text.into()));
        let named = vec![
            ("neighbour_count", count("neighbours")),
            ("vlan_count", count("vlans")),
            ("address_count", count("addresses")),
            ("arp_count", count("arp")),
            ("mac_count", count("macs")),
            ("profile", text("profile")),
            ("vendor", text("vendor")),
            ("model", text("model")),
            ("os", text("os")),
            ("os_version", text("version")),
            ("serial", text("serial")),
            (
                "config_changed_seconds",
                device.fact("config_changed_seconds").number().map_or(Value::Null, Value::gauge),
            ),
            ("config", config(&device)),
            ("config_age_seconds", config_age(&device).map_or(Value::Null, Value::gauge)),
        ];
        let lacking: Vec<String> = device.incomplete.iter().map(|i| format!("{}: {}", i.class, i.reason)).collect();
        let named = named.into_iter().chain(lacks(&lacking));
        let mut rows = vec![target_row(&SPEC.schema, &self.task, named)];
        let object = &self.task.object;
        let row = |part: Part| Row { table: 1, object: object.clone(), instance: part.name, values: part.values };
        rows.extend(sensors.into_iter().map(row));
        let mut run = Run::ok(rows, took);
        if !lacking.is_empty() {
            run.outcome = Outcome::Degraded;
            run.cause = Some(Cause::Partial);
            run.detail = Some(lacking.join("; "));
        }
        run
    }
}

/// Whether what was configured since the start was saved; nothing of a device that does not tell both.
fn config(device: &Device) -> Value {
    let seconds = |name: &str| device.fact(name).number();
    match (seconds("config_changed_seconds"), seconds("config_saved_seconds")) {
        (Some(changed), Some(saved)) => {
            // What is ahead of the time now is of before sysUpTime began anew.
            let now = seconds("uptime_seconds").map(|uptime| uptime.rem_euclid(TURN) + APART);
            let at = |told: f64| if now.is_some_and(|now| told > now) { told - TURN } else { told };
            let unsaved = changed > STARTED_SECONDS && (saved == 0.0 || at(changed) > at(saved));
            Value::State(u8::from(unsaved))
        }
        _ => Value::Null,
    }
}

/// sysUpTime begins anew after so many seconds, 497 days.
const TURN: f64 = 4_294_967_296.0 / 100.0;
/// By which the two clocks of a device may differ, in seconds.
const APART: f64 = 60.0;

/// Seconds since the running configuration changed; nothing of a device that does not tell, nor of the changes of its start.
/// Both are told in sysUpTime, which begins anew after 497 days, while the uptime may be by the engine's own clock.
fn config_age(device: &Device) -> Option<f64> {
    let changed = device.fact("config_changed_seconds").number().filter(|at| *at > STARTED_SECONDS)?;
    let age = device.fact("uptime_seconds").number()? - changed;
    Some(((age + APART).rem_euclid(TURN) - APART).max(0.0))
}

/// Samples of these sensors; kind `snmp` tells of those that are read with the counters.
fn parts(slow: &[(&TableDef, Thing)]) -> Vec<Part> {
    let found: Vec<(&TableDef, &Thing)> = slow.iter().map(|(table, thing)| (*table, thing)).collect();
    let named = found.iter().zip(part::names(&found)).take(MAX_THINGS);
    named.filter_map(|((table, thing), name)| Part::of(table, thing, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_a_configuration_changed_is_told_over_a_turn_of_the_clock() {
        let told = |up: Option<f64>, changed: Option<f64>| {
            let object = serde_json::json!({ "device": { "uptime_seconds": up, "config_changed_seconds": changed } });
            config_age(&report::read(&object))
        };
        assert_eq!(told(Some(10_000.0), Some(9_000.0)), Some(1_000.0));
        assert_eq!(told(Some(10_000.0), Some(10_003.0)), Some(0.0), "clocks that differ");
        assert_eq!(told(Some(10_000.0), Some(90.0)), None, "the changes of a start");
        assert_eq!(told(None, Some(9_000.0)), None);
        let turned = told(Some(42_949_672.96 + 5_000.0), Some(4_900.0)).unwrap();
        assert!((turned - 100.0).abs() < 1e-3, "{turned}");
    }

    #[test]
    fn a_configuration_is_unsaved_if_it_changed_after_the_start_and_after_it_was_saved() {
        let told = |changed: Option<f64>, saved: Option<f64>| {
            let object = serde_json::json!({
                "device": { "config_changed_seconds": changed, "config_saved_seconds": saved },
            });
            config(&report::read(&object))
        };
        // By recordings: H3C never saved, Huawei and Cisco saved later, Cisco just started.
        for (changed, saved, want) in [
            (Some(1_027_220.65), Some(0.0), Value::State(1)),
            (Some(90.22), Some(14_035_923.75), Value::State(0)),
            (Some(344_368.57), Some(344_441.54), Value::State(0)),
            (Some(161.44), Some(0.0), Value::State(0)),
            (Some(5_000.0), None, Value::Null),
            (None, None, Value::Null),
        ] {
            assert_eq!(told(changed, saved), want, "{changed:?} {saved:?}");
        }
        // Over the turn of sysUpTime after 497 days, whichever of the clocks the uptime is by.
        for turn in [0.0, TURN] {
            let told = |changed: f64, saved: f64| {
                let device = serde_json::json!({
                    "uptime_seconds": turn + 8_000.0, "config_changed_seconds": changed, "config_saved_seconds": saved,
                });
                config(&report::read(&serde_json::json!({ "device": device })))
            };
            assert_eq!(told(42_900_000.0, 5_000.0), Value::State(0), "saved after the turn");
            assert_eq!(told(5_000.0, 42_900_000.0), Value::State(1), "changed after the turn");
            assert_eq!(told(42_900_000.0, 42_800_000.0), Value::State(1));
            assert_eq!(told(42_900_000.0, 0.0), Value::State(1), "never saved");
        }
    }
}
