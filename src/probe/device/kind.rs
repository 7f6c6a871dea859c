//! `device`: all that a device says of itself, by its profile: identity, ports, sensors, neighbours, VLANs, addresses,
//! ARP and MAC tables. Counters are left to `snmp`, which looks often; this one looks now and then.
//!
//! What was found leaves as a report when it is news, and once a day. A table that was cut makes the run degraded, not
//! failed: what came of it is in the report, and that it is not whole.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::fetch::{self, Identity};
use super::{Wanted, evaluate};
use crate::config::defs::profile::choose::Chosen;
use crate::model::device::{Device, report};
use crate::model::field::{Field, KindSchema, KindSpec, Table, TableOn, TargetNeed};
use crate::model::id::ObjectKind;
use crate::model::observation::{Cause, Outcome, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::model::wire::{MAX_REPORT, Packed, Report};
use crate::net::resolver::{self, Family};
use crate::net::snmp::{self, Manner, Session, SnmpError};
use crate::probe::snmp::{MAX_REPETITIONS, RETRIES, STRICT_SOURCE};
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

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "device",
    zh: "通过 SNMP 按模板读取设备全貌：身份、传感器、邻居、VLAN、地址、ARP 与 MAC 表",
    en: "all that a device says of itself by SNMP and its profile: identity, sensors, neighbours, VLANs, addresses, ARP and MAC tables",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Address,
    settings: &[MAX_REPETITIONS, RETRIES, STRICT_SOURCE, FAMILY],
    schema: KindSchema {
        kind: Cow::Borrowed("device"),
        tables: Cow::Borrowed(&[Table {
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
            ]),
        }]),
    },
    secret: true,
    profiles: true,
};

/// The prober of a task.
pub fn prober(_: &Ctx, task: &Arc<Task>, secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let host = task.target.host.clone().filter(|host| !host.is_empty()).ok_or("the task names no host")?;
    Ok(Box::new(Look { task: task.clone(), host, secret: secret.cloned(), sent: None, report: None }))
}

struct Look {
    task: Arc<Task>,
    host: String,
    secret: Option<Secret>,
    /// The fingerprint of the last report, and when it left.
    sent: Option<(u64, Mono)>,
    report: Option<Report>,
}

/// A device, and its report as a text.
struct Found {
    device: Device,
    fingerprint: u64,
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
            let took = cx.clock.mono().since(began);
            match looked {
                Ok(Some(found)) => self.told(found, cx, took),
                Ok(None) => Run::invalid(Cause::Internal, "what the device answered could not be put together"),
                Err(error) => Run::error(error.into(), Vec::new(), took),
            }
        })
    }

    fn news(&mut self) -> Option<Report> {
        self.report.take()
    }
}

impl Look {
    fn manner(&self) -> Manner {
        let retries = self.task.settings.int("retries").and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let timeout = self.task.timeout().saturating_sub(MARGIN) / (retries + 1);
        let strict_source = self.task.settings.bool("strict_source");
        Manner { timeout: timeout.clamp(MIN_TRY, TRY), retries, strict_source }
    }

    async fn look(&self, secret: &Secret, cx: &Ctx, end: Mono) -> Result<Option<Found>, SnmpError> {
        let clock = &cx.clock;
        let port = self.task.target.port.unwrap_or(PORT);
        let family = Family::of_setting(self.task.settings.text("family"));
        let found = resolver::resolve_by(&self.host, port, family, end, clock).await.map_err(SnmpError::Net)?;
        let peer = found.first().copied().ok_or_else(|| SnmpError::Net(resolver::no_address(&self.host)))?;
        // Anew each time: a v3 device that was replaced since is another engine.
        let session = Session::open(peer, secret, self.manner()).await?;
        let identity = match Identity::of(&session, clock, end).await {
            Err(SnmpError::Timeout { .. })
                if clock.until(end.plus(MARGIN / 2), snmp::refuses(peer, clock)).await == Some(true) =>
            {
                return Err(SnmpError::Refused { peer });
            }
            told => told?,
        };
        let families = cx.profiles.now();
        let wanted = Wanted::but_counters(&Chosen::of(families.profiles(), &identity.object_id, &identity.descr));
        let repetitions = self.task.settings.int("max_repetitions").and_then(|n| u32::try_from(n).ok()).unwrap_or(25);
        let answers = fetch::fetch(&session, &wanted, repetitions, clock, end).await?;
        // Tens of thousands of rows take a while: not on a thread of the runtime.
        let put = tokio::task::spawn_blocking(move || {
            let chosen = Chosen::of(families.profiles(), &identity.object_id, &identity.descr);
            let device = evaluate(&chosen, &answers);
            let fingerprint = report::fingerprint(&device);
            let packed = Packed::of(&report::within(device.clone(), MAX_REPORT));
            Found { device, fingerprint, packed }
        });
        Ok(put.await.ok())
    }

    /// The run of a device that answered; its report waits to be fetched if it is news.
    fn told(&mut self, found: Found, cx: &Ctx, took: Duration) -> Run {
        let Found { device, fingerprint, packed } = found;
        let now = cx.clock.mono();
        let news = self.sent.is_none_or(|(sent, at)| sent != fingerprint || now.since(at) >= AGAIN);
        if let Some(packed) = packed.filter(|_| news) {
            self.sent = Some((fingerprint, now));
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
        ];
        let mut run = Run::ok(vec![target_row(&SPEC.schema, &self.task, named)], took);
        if !device.incomplete.is_empty() {
            let why: Vec<String> = device.incomplete.iter().map(|i| format!("{}: {}", i.class, i.reason)).collect();
            run.outcome = Outcome::Degraded;
            run.cause = Some(Cause::Partial);
            run.detail = Some(why.join("; "));
        }
        run
    }
}
