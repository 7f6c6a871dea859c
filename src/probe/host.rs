//! `host`: load, memory, disks and network interfaces of the machine the agent runs on.
//!
//! The files behind it are read on a thread of their own, because a file system that does not answer (a dead
//! NFS server) would otherwise stop everything; while such a read hangs, runs are invalid and say so.
//! It refuses to look at single processes: that costs more than all the rest.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use sysinfo::{DiskRefreshKind, Disks, Networks, System};

use crate::model::field::{Field, KindSchema, KindSpec, Table, TableOn, TargetNeed};
use crate::model::id::{MAX_NAME, ObjectKind};
use crate::model::observation::{Cause, Outcome, Row, Value};
use crate::model::plan::Task;
use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::probe::{Ctx, Prober, Run, RunFuture, target_row};

/// Disks reported at most; a host of containers mounts hundreds of layers that nobody watches one by one.
const MAX_DISKS: usize = 64;
/// Interfaces reported at most, for the same reason.
const MAX_NICS: usize = 256;
/// The share of CPU in use is a difference; the kernel's counters are too coarse for a shorter time.
const CPU_SPAN: Duration = Duration::from_millis(250);
/// File systems in memory or of other file systems' content.
const PSEUDO: &[&str] = &["tmpfs", "devtmpfs", "ramfs", "squashfs", "overlay", "efivarfs", "fuse.lxcfs", "nsfs"];

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "host",
    zh: "探针所在主机的负载、内存、磁盘与网卡",
    en: "load, memory, disks and network interfaces of the agent's own host",
    on: &[ObjectKind::Agent],
    target: TargetNeed::Own,
    settings: &[],
    schema: KindSchema {
        kind: Cow::Borrowed("host"),
        tables: Cow::Borrowed(&[
            Table {
                on: TableOn::Target,
                instance: None,
                fields: Cow::Borrowed(&[
                    Field::gauge("load1", "1 分钟平均负载", "load average over 1 minute"),
                    Field::gauge("load5", "5 分钟平均负载", "load average over 5 minutes"),
                    Field::gauge("load15", "15 分钟平均负载", "load average over 15 minutes"),
                    Field::gauge("cpu_ratio", "CPU 使用率（所有核）", "share of all cores in use since the last run"),
                    Field::gauge("memory_used_ratio", "内存使用率", "memory that is not available, as a share"),
                    Field::gauge("memory_bytes", "内存总量（字节）", "memory in all"),
                    Field::gauge("swap_used_ratio", "交换分区使用率", "swap in use; null without swap"),
                    Field::gauge("uptime_seconds", "主机运行时间（秒）", "time since the host started"),
                    Field::gauge("processes", "进程数", "how many processes there are"),
                ]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("disk")),
                fields: Cow::Borrowed(&[
                    Field::gauge(
                        "disk_used_ratio",
                        "磁盘使用率",
                        "used, as df counts it: of what is used or available to users",
                    ),
                    Field::gauge("disk_bytes", "磁盘容量（字节）", "size of the file system"),
                    Field::gauge("disk_free_bytes", "磁盘可用空间（字节）", "space available to users"),
                ]),
            },
            Table {
                on: TableOn::Target,
                instance: Some(Cow::Borrowed("nic")),
                fields: Cow::Borrowed(&[
                    Field::counter("nic_in_octets", "网卡入字节数", "octets received"),
                    Field::counter("nic_out_octets", "网卡出字节数", "octets sent"),
                    Field::counter("nic_in_errors", "网卡入错误数", "errors on receiving"),
                    Field::counter("nic_out_errors", "网卡出错误数", "errors on sending"),
                ]),
            },
        ]),
    },
    secret: false,
    profiles: false,
};

/// The prober of a task.
pub fn prober(_: &Ctx, task: &Arc<Task>, _: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let state = State {
        system: System::new().map_err(|error| format!("reading this host: {error}"))?,
        disks: Disks::new().map_err(|error| format!("reading disks: {error}"))?,
        networks: Networks::new().map_err(|error| format!("reading interfaces: {error}"))?,
    };
    Ok(Box::new(Host { task: task.clone(), state: Arc::new(Mutex::new(state)), cpu_read_at: None }))
}

struct Host {
    task: Arc<Task>,
    state: Arc<Mutex<State>>,
    cpu_read_at: Option<Mono>,
}

struct State {
    system: System,
    disks: Disks,
    networks: Networks,
}

impl Prober for Host {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            if self.cpu_read_at.is_none_or(|at| began.since(at) < CPU_SPAN) {
                match self.state.try_lock() {
                    Ok(mut state) => state.system.refresh_cpu_usage(),
                    Err(_) => return stuck(),
                }
                let ready = began.plus(CPU_SPAN);
                if ready >= deadline {
                    return Run::invalid(Cause::Late, "host: too little time to measure CPU use");
                }
                cx.clock.sleep_until(ready).await;
            }
            let (state, task) = (self.state.clone(), self.task.clone());
            let read = tokio::task::spawn_blocking(move || match state.try_lock() {
                Ok(mut state) => Some(state.read(&task)),
                Err(TryLockError::Poisoned(broken)) => Some(PoisonError::into_inner(broken).read(&task)),
                Err(TryLockError::WouldBlock) => None,
            });
            match cx.clock.until(deadline, read).await {
                Some(Ok(Some((rows, cut)))) => {
                    self.cpu_read_at = Some(cx.clock.mono());
                    let mut run = Run::ok(rows, cx.clock.mono().since(began));
                    if cut > 0 {
                        run.outcome = Outcome::Degraded;
                        run.cause = Some(Cause::Partial);
                        run.detail = Some(format!("{cut} more disks or interfaces than are reported"));
                    }
                    run
                }
                Some(Ok(None)) | None => stuck(),
                Some(Err(error)) => Run::invalid(Cause::Internal, format!("reading this host: {error}")),
            }
        })
    }
}

fn stuck() -> Run {
    Run::invalid(Cause::Overrun, "the last look at this host has not ended: a file system does not answer")
}

impl State {
    /// All rows, and how many were left out.
    fn read(&mut self, task: &Task) -> (Vec<Row>, usize) {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.disks.refresh_specifics(true, DiskRefreshKind::nothing().with_storage());
        self.networks.refresh(true);
        let ratio = |part: u64, whole: u64| match whole {
            0 => Value::Null,
            whole => Value::gauge(part as f64 / whole as f64),
        };
        let system = &self.system;
        let load = System::load_average().ok();
        let gauge = |v: Option<f64>| v.map_or(Value::Null, Value::gauge);
        let memory = system.total_memory();
        let mut rows = vec![target_row(
            &SPEC.schema,
            task,
            vec![
                ("load1", gauge(load.as_ref().map(|l| l.one))),
                ("load5", gauge(load.as_ref().map(|l| l.five))),
                ("load15", gauge(load.as_ref().map(|l| l.fifteen))),
                ("cpu_ratio", Value::gauge((f64::from(system.global_cpu_usage()) / 100.0).clamp(0.0, 1.0))),
                ("memory_used_ratio", ratio(memory.saturating_sub(system.available_memory()), memory)),
                ("memory_bytes", if memory == 0 { Value::Null } else { Value::gauge(memory as f64) }),
                ("swap_used_ratio", ratio(system.used_swap(), system.total_swap())),
                ("uptime_seconds", gauge(System::uptime().ok().map(|s| s as f64))),
                ("processes", gauge(processes().map(|n| n as f64))),
            ],
        )];
        let row = |table: usize, instance: &str, values| Row {
            table,
            object: task.object.clone(),
            instance: Arc::from(instance),
            values,
        };
        let disks = choose(self.disks.iter().map(|d| Mount {
            device: d.name().to_string_lossy().into_owned(),
            kind: d.file_system().to_string_lossy().into_owned(),
            point: d.mount_point().to_string_lossy().into_owned(),
            bytes: d.total_space(),
            free: d.available_space(),
        }));
        let named = self.networks.iter().map(|(name, nic)| (name.to_string_lossy(), nic));
        let nics: BTreeMap<_, _> = named.filter(|(name, _)| fits(name)).collect();
        let cut = disks.len().saturating_sub(MAX_DISKS) + nics.len().saturating_sub(MAX_NICS);
        rows.extend(disks.into_iter().take(MAX_DISKS).map(|d| {
            let used = used(&d);
            let used = ratio(used, used.saturating_add(d.free));
            row(1, &d.point, vec![used, Value::gauge(d.bytes as f64), Value::gauge(d.free as f64)])
        }));
        rows.extend(nics.into_iter().take(MAX_NICS).map(|(name, nic)| {
            let values = [
                nic.total_received(),
                nic.total_transmitted(),
                nic.total_errors_on_received(),
                nic.total_errors_on_transmitted(),
            ];
            row(2, &name, values.map(Value::U64).to_vec())
        }));
        (rows, cut)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    device: String,
    kind: String,
    point: String,
    bytes: u64,
    free: u64,
}

/// Real file systems, each once: of several mounts of a device the one nearest to the root. An overlay counts
/// only as the root, where it is all that a container has.
fn choose(mounts: impl Iterator<Item = Mount>) -> Vec<Mount> {
    let mut by_device: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in mounts {
        let pseudo = PSEUDO.contains(&mount.kind.as_str()) && !(mount.kind == "overlay" && mount.point == "/");
        if pseudo || mount.bytes == 0 || !fits(&mount.point) {
            continue;
        }
        match by_device.get(&mount.device) {
            Some(known) if (known.point.len(), &known.point) <= (mount.point.len(), &mount.point) => {}
            _ => {
                by_device.insert(mount.device.clone(), mount);
            }
        }
    }
    let mut chosen: Vec<Mount> = by_device.into_values().collect();
    chosen.sort_by(|a, b| a.point.cmp(&b.point));
    chosen
}

/// What is used, in bytes. Space reserved for root is neither used nor available: counting it would call a
/// disk full that `df` calls half empty.
fn used(mount: &Mount) -> u64 {
    match rustix::fs::statvfs(mount.point.as_str()) {
        Ok(stat) => stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(stat.f_frsize),
        Err(_) => mount.bytes.saturating_sub(mount.free),
    }
}

fn fits(instance: &str) -> bool {
    !instance.is_empty() && instance.len() <= MAX_NAME && !instance.chars().any(char::is_control)
}

/// Counts the numbered directories of /proc: no process is opened. `None` where there is no /proc.
fn processes() -> Option<usize> {
    let entries = std::fs::read_dir(Path::new("/proc")).ok()?;
    Some(entries.flatten().filter(|e| e.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit())).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::AgentId;
    use crate::model::plan::{Settings, Target};
    use crate::net::clock::Clock;

    #[test]
    fn of_several_mounts_of_a_device_one_counts_and_what_lies_in_memory_none() {
        let mount = |device: &str, kind: &str, point: &str, bytes| Mount {
            device: device.into(),
            kind: kind.into(),
            point: point.into(),
            bytes,
            free: 1,
        };
        let chosen = choose(
            [
                mount("/dev/a", "ext4", "/var/lib/bind", 10),
                mount("/dev/a", "ext4", "/", 10),
                mount("/dev/b", "xfs", "/data", 10),
                mount("/dev/c", "xfs", "/empty", 0),
                mount("tmpfs", "tmpfs", "/run", 10),
                mount("overlay", "overlay", "/var/lib/containers/x", 10),
                mount("/dev/loop1", "squashfs", "/snap/core", 10),
            ]
            .into_iter(),
        );
        assert_eq!(chosen.iter().map(|m| m.point.as_str()).collect::<Vec<_>>(), ["/", "/data"]);
        let container = choose([mount("overlay", "overlay", "/", 10)].into_iter());
        assert_eq!(container.len(), 1);
    }

    #[tokio::test]
    async fn this_host_is_read_in_bounds_and_in_the_shape_it_declares() {
        let cx = Ctx {
            clock: Clock::system(),
            agent: AgentId::new("test").unwrap(),
            limits: Arc::default(),
            profiles: Arc::default(),
            marks: Arc::default(),
        };
        let task = Arc::new(Task {
            instance: "".into(),
            id: "host|agent:test".into(),
            probe: "host".parse().unwrap(),
            kind: "host".into(),
            object: "agent:test".parse().unwrap(),
            target: Target::default(),
            settings: Settings::default(),
            interval_ms: 10_000,
            timeout_ms: 5_000,
            keep_ms: 60_000,
            secret: None,
            calendar: None,
        });
        let mut prober = prober(&cx, &task, None).unwrap();
        let run = prober.run(&cx, cx.clock.mono().plus(Duration::from_secs(5))).await;
        assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None));
        for row in &run.rows {
            assert_eq!(row.values.len(), SPEC.schema.tables[row.table].fields.len());
        }
        let number = |name: &str| {
            let (table, slot, _) = SPEC.schema.find(name).unwrap();
            run.rows.iter().find(|r| r.table == table).and_then(|r| r.values[slot].number())
        };
        for name in ["cpu_ratio", "memory_used_ratio", "disk_used_ratio"] {
            assert!((0.0..=1.0).contains(&number(name).unwrap()), "{name}: {:?}", number(name));
        }
        assert!(number("processes").unwrap() >= 1.0);
        assert!(run.rows.iter().any(|r| &*r.instance == "lo"));
    }
}
