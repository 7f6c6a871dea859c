//! `config`: the configuration of a device, read over SSH or from a file that others write, or the machine that the agent
//! runs on, judged against graded protection where it is read.
//!
//! The text is never sent and never written down: what leaves is the findings, the text with every secret replaced, and
//! keyed hashes of the secrets. A device whose key nobody has accepted, or whose key has changed, is not logged in to.

mod host; // the agent's own machine

use std::borrow::Cow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::baseline::dialect::{Dialect, Gap, MAX_BYTES, Snapshot, Unread};
use crate::baseline::inspect::{Taken, inspect, of_device, same, startup};
use crate::baseline::policy::{self, OWN, Policy, Profile};
use crate::baseline::recipe::{Capture, Dialogue, Next};
use crate::model::field::{Field, KindSchema, KindSpec, SettingDef, SettingType, Table, TableOn, TargetNeed};
use crate::model::finding::{Inspection, Origin, Verdict};
use crate::model::id::{Object, ObjectKind};
use crate::model::observation::{Cause, Outcome, Value};
use crate::model::plan::Task;
use crate::model::secret::{Secret, SecretText};
use crate::model::time::Mono;
use crate::model::wire::{Findings, Record};
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::resolver::{self, Family};
use crate::net::ssh::{Said, SshError, Terminal};
use crate::probe::{Ctx, FAMILY, Prober, Run, RunFuture, target_row};

/// Where devices listen.
pub const PORT: u16 = 22;
/// A prompt counts once the device has been quiet for so long: the text after a line that looks like one is there by then.
const SETTLE: Duration = Duration::from_millis(300);
/// A device that says nothing for so long while it is asked has stopped answering; building a large configuration
/// takes some of them half a minute.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a device may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);
/// What the text is called in findings: its path, or that of a device's flash, says nothing to who reads them.
const FILE: &str = "running-config";
/// Files of a watched directory that are looked through for one of the asset's name.
const MAX_FILES: usize = 20_000;
/// Endings of files with configurations, beside none.
const ENDINGS: &[&str] = &["cfg", "conf", "txt"];

/// Sessions at once: reading a configuration is work for a device and its AAA server, and nobody waits for it.
const MAX_SESSIONS: usize = 8;
static SESSIONS: Semaphore = Semaphore::const_new(MAX_SESSIONS);

/// The setting with the file or directory.
pub const PATH: &str = "path";
/// The setting that says that it is the agent's own machine.
const HOST: &str = "host";
/// The setting with the problems after which it looks at once.
pub const AFTER: &str = "after";

const SETTINGS: &[SettingDef] = &[
    SettingDef {
        name: "profile",
        kind: SettingType::Text(64),
        default: Some("'l3'"),
        zh: "检查方案：l2、l3 或自定义",
        en: "profile: l2, l3, or one of your own",
    },
    SettingDef {
        name: AFTER,
        kind: SettingType::Texts(64),
        default: Some("['config-changed']"),
        zh: "设备报告这些问题后立即采集",
        en: "problems after which it looks at once, when a device tells of them",
    },
    SettingDef {
        name: "dialect",
        kind: SettingType::Text(32),
        default: None,
        zh: "设备命令语言，如 huawei-vrp；不填则自动识别（通常由资产清单给出）",
        en: "command language, such as huawei-vrp; recognised if not given (the inventory says it)",
    },
    SettingDef {
        name: "host_key",
        kind: SettingType::Text(64),
        default: None,
        zh: "已确认的设备 SSH 主机密钥指纹 SHA256:...（由资产清单给出）",
        en: "accepted fingerprint of the device's key, SHA256:... (the inventory says it)",
    },
    SettingDef {
        name: PATH,
        kind: SettingType::Text(4096),
        default: None,
        zh: "配置文件或其目录；给出后不登录设备（由资产清单给出）",
        en: "file with the configuration, or its directory; no device is asked then (the inventory says it)",
    },
    SettingDef {
        name: HOST,
        kind: SettingType::Bool,
        default: Some("false"),
        zh: "核查探针自身所在主机（由资产清单给出）",
        en: "the machine that the agent runs on (the inventory says it)",
    },
    SettingDef {
        name: host::HELPER,
        kind: SettingType::Text(108),
        default: Some("'/run/fengsui/host-audit.sock'"),
        zh: "主机核查助手的本地套接字，能读取探针用户无权读取的文件",
        en: "socket of the helper that may read what the agent's user may not",
    },
    FAMILY,
];

/// What is known of a device's key, in order of `KEY_STATES`.
const KEY_STATES: &[Cow<'static, str>] = &[Cow::Borrowed("accepted"), Cow::Borrowed("new"), Cow::Borrowed("changed")];

/// How what a device starts with compares with what is in force, in order of `STARTUP`.
const STARTUP: &[Cow<'static, str>] = &[Cow::Borrowed("same"), Cow::Borrowed("different")];

/// What it takes and observes.
pub static SPEC: KindSpec = KindSpec {
    name: "config",
    zh: "通过 SSH 或文件采集设备配置，并按等级保护要求核查",
    en: "reads a device's configuration over SSH or from a file and judges it against graded protection",
    on: &[ObjectKind::Asset],
    target: TargetNeed::Config,
    settings: SETTINGS,
    schema: KindSchema {
        kind: Cow::Borrowed("config"),
        tables: Cow::Borrowed(&[Table {
            on: TableOn::Target,
            instance: None,
            fields: Cow::Borrowed(&[
                Field::gauge("failed_count", "不符合项数", "checks that failed"),
                Field::gauge("partial_count", "部分符合项数", "checks that passed in part"),
                Field::gauge("passed_count", "符合项数", "checks that passed"),
                Field::gauge("manual_count", "待人工项数", "checks that somebody has to look at"),
                Field::gauge("unknown_count", "未能核查项数", "checks that could not be judged"),
                Field::state("key_state", KEY_STATES, "主机密钥状态", "whether the device's key is the accepted one"),
                Field::state("startup", STARTUP, "启动配置与运行配置", "whether it starts with what is in force"),
                Field::text("host_key", "主机密钥指纹", "fingerprint of the device's key as it was seen last"),
                Field::text("sysname", "设备自称", "what the device calls itself"),
                Field::text("dialect", "命令语言", "command language"),
                Field::text("software", "软件版本", "software version"),
            ]),
        }]),
    },
    secret: false,
    profiles: false,
};

/// What tells that a task's file is another than before: its path, when it was written, its length; nothing without one.
pub fn stamp(task: &Task) -> Option<(PathBuf, i64, i64, u64)> {
    let file = file_of(Path::new(task.settings.text(PATH)?), &names(task)).ok()?;
    let meta = std::fs::metadata(&file).ok()?;
    Some((file, meta.mtime(), meta.mtime_nsec(), meta.len()))
}

/// What a file of a task's asset may be called: its id or its address.
pub fn names(task: &Task) -> Vec<String> {
    let host = task.target.host.clone();
    [Some(task.object.name()), host].into_iter().flatten().map(|name| name.to_ascii_lowercase()).collect()
}

/// The prober of a task.
pub fn prober(_: &Ctx, task: &Arc<Task>, secret: Option<&Secret>) -> Result<Box<dyn Prober>, String> {
    let dialect = match task.settings.text("dialect") {
        None => None,
        Some(word) => Some(Dialect::parse(word).ok_or_else(|| {
            format!("no dialect `{word}`; there are: {}", Dialect::ALL.map(Dialect::as_str).join(", "))
        })?),
    };
    let own = task.settings.bool(HOST);
    if !own && task.settings.text(PATH).is_none() && task.target.host.as_deref().unwrap_or("").is_empty() {
        return Err("the task names neither a host nor a file".to_owned());
    }
    Ok(Box::new(Look { task: task.clone(), dialect, secret: secret.cloned(), findings: Vec::new() }))
}

struct Look {
    task: Arc<Task>,
    dialect: Option<Dialect>,
    secret: Option<Secret>,
    /// What the last run came to.
    findings: Vec<Findings>,
}

/// The key under which secrets found in configurations are hashed; none before a console has given one.
#[derive(Debug, Default)]
pub struct Marks(Mutex<Option<SecretText>>);

impl Marks {
    /// Takes the key of a plan.
    pub fn set(&self, secret: Option<&Secret>) {
        let key = match secret {
            Some(Secret::Token(key)) => Some(key.clone()),
            _ => None,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// The key; nothing can be kept without one.
    fn key(&self) -> Option<SecretText> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why there is nothing to judge.
enum Missed {
    Ssh(SshError),
    Other(NetError),
}

impl Prober for Look {
    fn run<'a>(&'a mut self, cx: &'a Ctx, deadline: Mono) -> RunFuture<'a> {
        Box::pin(async move {
            let began = cx.clock.mono();
            self.findings.clear();
            if self.task.settings.bool(HOST) {
                return self.of_host(cx, deadline).await;
            }
            let read = match self.task.settings.text(PATH) {
                Some(path) => self.of_file(path).await.map_err(Missed::Other),
                None => self.of_device(cx, deadline).await,
            };
            let took = cx.clock.mono().since(began);
            match read {
                Ok(capture) => self.judge(capture, cx, took).await,
                Err(Missed::Other(error)) => Run::error(error, Vec::new(), took),
                Err(Missed::Ssh(error)) => {
                    let state = |at: u8, key: &String| {
                        let named = [("key_state", Value::State(at)), ("host_key", Value::Text(key.as_str().into()))];
                        vec![target_row(&SPEC.schema, &self.task, named)]
                    };
                    let rows = match &error {
                        SshError::NewKey { key, .. } => state(1, key),
                        SshError::ChangedKey { key, .. } => state(2, key),
                        _ => Vec::new(),
                    };
                    Run::error(error.into(), rows, took)
                }
            }
        })
    }

    fn news(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.findings).into_iter().map(Record::Finding).collect()
    }
}

impl Look {
    async fn of_device(&self, cx: &Ctx, deadline: Mono) -> Result<Capture, Missed> {
        let Some(secret) = &self.secret else {
            let error = NetError::new(Cause::NoSecret, "config needs a secret of type ssh or login");
            return Err(Missed::Other(error));
        };
        let host = self.task.target.host.as_deref().unwrap_or("");
        let (port, family) = (self.task.target.port.unwrap_or(PORT), self.task.settings.text("family"));
        let found = resolver::resolve_by(host, port, Family::of_setting(family), deadline, &cx.clock).await;
        let found = found.map_err(Missed::Other)?;
        let Some(Ok(_turn)) = cx.clock.until(deadline, SESSIONS.acquire()).await else {
            let what = format!("{MAX_SESSIONS} devices are being read already");
            return Err(Missed::Other(NetError::new(Cause::Overrun, what)));
        };
        let accepted = self.task.settings.text("host_key");
        let mut terminal =
            Terminal::open(&found, secret, accepted, deadline, &cx.clock).await.map_err(Missed::Ssh)?;
        let read = converse(&mut terminal, self.dialect, deadline, &cx.clock).await;
        terminal.close().await;
        read.map_err(Missed::Other)
    }

    async fn of_host(&mut self, cx: &Ctx, deadline: Mono) -> Run {
        let began = cx.clock.mono();
        let looked = host::look(&self.task, cx, deadline).await;
        let took = cx.clock.mono().since(began);
        match looked {
            Ok(judged) => self.told(&judged, took),
            Err(error) => Run::error(error, Vec::new(), took),
        }
    }

    /// Files are read on a thread of their own: a directory may be on a slow disk.
    async fn of_file(&self, path: &str) -> Result<Capture, NetError> {
        let path = PathBuf::from(path);
        let names = names(&self.task);
        let read = tokio::task::spawn_blocking(move || {
            let file = file_of(&path, &names)?;
            let text = read_file(&file)?;
            Ok(Capture::of(text))
        });
        read.await.unwrap_or_else(|_| Err(NetError::new(Cause::Internal, "reading broke off")))
    }

    async fn judge(&mut self, capture: Capture, cx: &Ctx, took: Duration) -> Run {
        let origin = if self.task.settings.text(PATH).is_some() { Origin::Watched } else { Origin::Ssh };
        let Object::Asset(asset) = &self.task.object else {
            return Run::invalid(Cause::Unsupported, "only assets have configurations");
        };
        let asked = Asked {
            dialect: self.dialect,
            profile: self.task.settings.text("profile").unwrap_or("l3").to_owned(),
            names: names(&self.task),
            key: cx.marks.key(),
            taken: Taken { asset: Some(asset.clone()), at: cx.clock.wall(), origin },
        };
        // On a thread of its own: thousands of lines take some milliseconds.
        match tokio::task::spawn_blocking(move || judged(&capture, asked)).await {
            Ok(Ok(judged)) => self.told(&judged, took),
            Ok(Err(error)) => Run::error(error, Vec::new(), took),
            Err(_) => Run::invalid(Cause::Internal, "judging broke off"),
        }
    }

    fn told(&mut self, judged: &Judged, took: Duration) -> Run {
        let Judged { inspection, lacks, startup } = judged;
        // What it starts with goes first: it is compared with what is in force.
        let both = startup.iter().map(|(startup, _)| startup).chain([inspection]);
        self.findings = both.filter_map(Findings::of).collect();
        let count = |verdict| Value::gauge(inspection.findings.iter().filter(|f| f.result == verdict).count() as f64);
        let text = |text: &str| if text.is_empty() { Value::Null } else { Value::Text(text.into()) };
        let (key, seen) = match self.task.settings.text("host_key") {
            Some(accepted) if inspection.origin == Origin::Ssh => (Value::State(0), text(accepted)),
            _ => (Value::Null, Value::Null),
        };
        let same = startup.as_ref().and_then(|(_, same)| *same);
        let named = vec![
            ("failed_count", count(Verdict::Fail)),
            ("partial_count", count(Verdict::Partial)),
            ("passed_count", count(Verdict::Pass)),
            ("manual_count", count(Verdict::Manual)),
            ("unknown_count", count(Verdict::Error)),
            ("key_state", key),
            ("host_key", seen),
            ("startup", same.map_or(Value::Null, |same| Value::State(u8::from(!same)))),
            ("sysname", text(&inspection.name)),
            ("dialect", text(&inspection.os)),
            ("software", text(&inspection.version)),
        ];
        let mut run = Run::ok(vec![target_row(&SPEC.schema, &self.task, named)], took);
        if let Some(lacks) = lacks {
            run.outcome = Outcome::Degraded;
            run.cause = Some(Cause::Partial);
            run.detail = Some(lacks.clone());
        }
        run
    }
}

/// Reads a configuration at a terminal.
pub async fn converse(
    terminal: &mut Terminal,
    dialect: Option<Dialect>,
    deadline: Mono,
    clock: &Clock,
) -> Result<Capture, NetError> {
    let peer = terminal.peer();
    let mut dialogue = Dialogue::new(dialect);
    let mut heard_at = clock.mono();
    loop {
        let said = terminal.hear(SETTLE, clock).await;
        let now = clock.mono();
        let next = match said {
            Said::Bytes(bytes) => {
                heard_at = now;
                dialogue.heard(&bytes)
            }
            Said::Nothing if now >= deadline || now.since(heard_at) >= PATIENCE => {
                return Err(NetError::timeout(format_args!("ssh {peer}: {}", dialogue.waits_for())));
            }
            Said::Nothing => dialogue.quiet(),
            Said::Ended => {
                let what = format!("ssh {peer}: the device hung up before it had answered {}", dialogue.waits_for());
                return Err(NetError::new(Cause::Reset, what));
            }
        };
        let next = next.map_err(|refusal| NetError::new(Cause::Content, format!("ssh {peer}: {refusal}")))?;
        let (text, done) = match next {
            Next::Listen if now >= deadline => {
                return Err(NetError::timeout(format_args!("ssh {peer}: {}", dialogue.waits_for())));
            }
            Next::Listen => continue,
            Next::Type(text) => (text, None),
            Next::Done(capture, leave) => (leave, Some(capture)),
        };
        heard_at = now;
        let typed = terminal.enter(&text).await;
        if let Some(capture) = done {
            // It gives the line free sooner when it hears the farewell; whether it does is its own affair.
            while let Said::Bytes(_) = terminal.hear(FAREWELL, clock).await {}
            return Ok(capture);
        }
        typed.map_err(NetError::from)?;
    }
}

/// How a text is to be judged.
struct Asked {
    dialect: Option<Dialect>,
    profile: String,
    names: Vec<String>,
    key: Option<SecretText>,
    taken: Taken,
}

/// What judging came to.
struct Judged {
    inspection: Inspection,
    /// What was not to be seen.
    lacks: Option<String>,
    /// What the device starts with next, and whether that says the same, if it could be told.
    startup: Option<(Inspection, Option<bool>)>,
}

/// Judges what was read by the policy that is in force on this machine now.
fn judged(capture: &Capture, asked: Asked) -> Result<Judged, NetError> {
    let unread = |error: Unread| NetError::new(Cause::Content, error.to_string());
    let policy = in_force()?;
    let profile = profile_of(&policy, &asked.profile)?;
    let all = Snapshot::read(FILE, &capture.text, asked.dialect).map_err(unread)?;
    let mut snapshot = of_device(all, &asked.names).map_err(unread)?;
    if snapshot.version.is_none() {
        snapshot.version.clone_from(&capture.version);
    }
    let gaps: Vec<String> = snapshot.gaps.iter().take(2).map(Gap::en).collect();
    let inspection = inspect(&policy, profile, &snapshot, asked.taken, asked.key.as_ref());
    let lacks = (!gaps.is_empty()).then(|| format!("the configuration is not whole: {}", gaps.join("; ")));
    // A device that has saved nothing, or does not know the command, says no configuration.
    let saved = capture.saved.as_ref().and_then(|text| Snapshot::read(FILE, text, Some(snapshot.dialect)).ok());
    let startup = saved.and_then(|all| of_device(all, &asked.names).ok()).filter(Snapshot::complete).map(|saved| {
        let startup = startup(&inspection, &saved, asked.key.as_ref());
        let same = same(&policy, &inspection, &startup);
        (startup, same)
    });
    Ok(Judged { inspection, lacks, startup })
}

/// The policy of this machine.
fn in_force() -> Result<Policy, NetError> {
    let loaded = policy::load(&[PathBuf::from(OWN)]);
    if loaded.usable() {
        return Ok(loaded.policy);
    }
    let first = loaded.diagnostics.first().map(ToString::to_string).unwrap_or_default();
    Err(NetError::new(Cause::Unsupported, format!("the policy is not sound: {first}")))
}

fn profile_of<'p>(policy: &'p Policy, name: &str) -> Result<&'p Profile, NetError> {
    let none = || NetError::new(Cause::Unsupported, format!("there is no profile `{name}`"));
    policy.profiles.get(name).ok_or_else(none)
}

/// The file itself, or the one in a directory, or in a directory of that, that is called as the asset.
pub fn file_of(path: &Path, names: &[String]) -> Result<PathBuf, NetError> {
    let kind = std::fs::metadata(path).map_err(|e| NetError::io(path.display(), &e))?;
    if !kind.is_dir() {
        return Ok(path.to_owned());
    }
    let mut left = MAX_FILES;
    let mut found = in_directory(path, names, 1, &mut left)?;
    found.sort();
    let none =
        || NetError::new(Cause::Content, format!("{}: no file is called {}", path.display(), names.join(" or ")));
    found.into_iter().next().ok_or_else(none)
}

fn in_directory(path: &Path, names: &[String], deeper: usize, left: &mut usize) -> Result<Vec<PathBuf>, NetError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| NetError::io(path.display(), &e))?.flatten() {
        if *left == 0 {
            let what = format!("{}: more than {MAX_FILES} files", path.display());
            return Err(NetError::new(Cause::Content, what));
        }
        *left -= 1;
        // Without following links: a directory that holds itself would never end.
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        if kind.is_dir() {
            if deeper > 0 && !name.starts_with('.') {
                found.extend(in_directory(&entry.path(), names, deeper - 1, left)?);
            }
            continue;
        }
        let stem =
            name.rsplit_once('.').filter(|(_, end)| ENDINGS.contains(end)).map_or(name.as_str(), |(stem, _)| stem);
        if names.iter().any(|own| own == stem || *own == name) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A file's bytes; one that is no file or too large is refused.
pub fn read_file(path: &Path) -> Result<Vec<u8>, NetError> {
    let failed = |e: std::io::Error| NetError::io(path.display(), &e);
    let meta = std::fs::metadata(path).map_err(failed)?;
    if !meta.is_file() || meta.len() > MAX_BYTES as u64 {
        let why = format!("{}: no file, or larger than {} MiB", path.display(), MAX_BYTES >> 20);
        return Err(NetError::new(Cause::Content, why));
    }
    std::fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Target;
    use crate::probe::tests::{cx, run_once, task, told, value};

    const SWITCH: &str =
        "#\nsysname a\n#\naaa\n local-user x password simple y\n#\nuser-interface vty 0 4\n#\nreturn\n";

    async fn look(set: &[&str]) -> Run {
        run_once("config", Target::default(), set, Duration::from_secs(5)).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_is_judged_be_it_named_or_found_in_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("group")).unwrap();
        std::fs::write(dir.path().join("other.cfg"), "#\nsysname other\n#\nreturn\n").unwrap();
        let file = dir.path().join("group/A.cfg");
        std::fs::write(&file, SWITCH).unwrap();
        for path in [file.as_path(), dir.path()] {
            let run = look(&[&format!("path={}", path.display())]).await;
            assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.detail);
            assert_eq!(value("config", &run, "sysname"), Value::Text("a".into()));
            assert!(value("config", &run, "failed_count").number().unwrap() >= 1.0);
        }
        std::fs::write(&file, SWITCH.replace("return", "")).unwrap();
        let run = look(&[&format!("path={}", file.display())]).await;
        assert_eq!((run.outcome, run.cause), (Outcome::Degraded, Some(Cause::Partial)));
        std::fs::write(&file, "nothing of a device").unwrap();
        assert!(told("config", &look(&[&format!("path={}", file.display())]).await).starts_with("failed content"));
        std::fs::remove_file(&file).unwrap();
        assert!(
            told("config", &look(&[&format!("path={}", dir.path().display())]).await).starts_with("failed content")
        );
    }

    #[test]
    fn a_task_without_a_source_or_with_a_strange_dialect_is_refused() {
        let make = |set: &[&str]| prober(&cx(), &task(&SPEC, "a", Target::default(), set), None).err();
        assert!(make(&[]).unwrap().contains("neither"));
        assert!(make(&["path=/x", "dialect=junos"]).unwrap().contains("huawei-vrp"));
        assert!(make(&["path=/x", "dialect=cisco-ios"]).is_none());
    }
}
