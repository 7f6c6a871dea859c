//! The files of `fengsui console --config` and `fengsui agent --config`.

mod hear;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use crate::model::AgentId;

use super::diag::{Diagnostic, any_error};
use super::reader::{self, Faults, Item, Source, Table, read_files};
use super::units::format_duration;

pub use hear::{CopySettings, HearSettings};

/// Where the console's pages and API listen unless told: loopback, plain HTTP.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Where agents reach the console unless told: loopback, mTLS.
pub const DEFAULT_AGENT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
/// Where the operator's definitions are.
pub const DEFAULT_OVERLAY: &str = "/etc/fengsui";
/// Time zone of people.
pub const DEFAULT_TIMEZONE: &str = "Asia/Shanghai";

/// The longest retention, ten years.
const MAX_DAYS: i64 = 3_650;
/// Days that logs are kept at least: six months by law (网络安全法 第二十一条).
const LOG_DAYS: u32 = 180;
/// A session that nobody uses ends after so long, at least and at most: a lock screen, and a meeting.
const IDLE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));
/// Any session ends after so long, at least and at most: an hour, and a day.
const ABSOLUTE: (Duration, Duration) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
/// The largest spool, 1 TiB.
const MAX_SPOOL_MIB: i64 = 1 << 20;

/// The highest rate of one source that a reflector takes: what all together may have.
const MAX_REFLECTOR_RATE: i64 = 10_000;

/// How long the console keeps what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Raw samples.
    pub samples_days: u32,
    /// Logs; at least 180 by law (网络安全法 第二十一条).
    pub logs_days: u32,
    /// Roll-ups.
    pub rollups_days: u32,
    /// States of a configuration of each asset, by number.
    pub snapshots: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { samples_days: 30, logs_days: 180, rollups_days: 1826, snapshots: 50 }
    }
}

/// How long a signed-in browser stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    /// Without use.
    pub idle: Duration,
    /// In any case.
    pub absolute: Duration,
}

impl Default for SessionTimes {
    /// 15 minutes and 8 hours, as GB/T 22239 level 3 is commonly assessed.
    fn default() -> Self {
        Self { idle: Duration::from_secs(15 * 60), absolute: Duration::from_secs(8 * 3_600) }
    }
}

/// Settings of a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// Data directory; the command line knows the default.
    pub data: Option<PathBuf>,
    /// Pages and API.
    pub listen: SocketAddr,
    /// Agents.
    pub agent_listen: SocketAddr,
    /// Names under which agents reach it; go into its certificate.
    pub names: Vec<String>,
    /// IANA time zone of people.
    pub timezone: String,
    /// Overlays over the shipped definitions, in order.
    pub definitions: Vec<PathBuf>,
    /// Retention.
    pub retention: Retention,
    /// Sessions.
    pub sessions: SessionTimes,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            data: None,
            listen: DEFAULT_LISTEN,
            agent_listen: DEFAULT_AGENT_LISTEN,
            names: Vec::new(),
            timezone: DEFAULT_TIMEZONE.to_owned(),
            definitions: vec![PathBuf::from(DEFAULT_OVERLAY)],
            retention: Retention::default(),
            sessions: SessionTimes::default(),
        }
    }
}

impl ConsoleSettings {
    /// Reads the file; every key is optional.
    pub fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        from_file(path, console)
    }

    /// The same from a text.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        from_text(name, text, console)
    }
}

/// What an agent's spool may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolCaps {
    /// Bytes.
    pub bytes: u64,
    /// Age.
    pub age: Duration,
}

impl Default for SpoolCaps {
    /// 512 MiB hold about two weeks of a thousand assets; 30 days is the longest outage worth replaying.
    fn default() -> Self {
        Self { bytes: 512 << 20, age: Duration::from_secs(30 * 86_400) }
    }
}

/// How an agent answers STAMP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReflectorSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// File with the key; without one it answers whoever asks unsigned.
    pub key_file: Option<PathBuf>,
    /// Whom it answers; everybody if empty.
    pub allow: Vec<IpNet>,
    /// Packets a second from one address; the program knows the default.
    pub rate: Option<u32>,
}

/// Where an agent's console is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// `https://HOST:PORT` of its agent listener.
    pub url: String,
    /// SHA-256 (hex) of the console's CA; needed to enrol.
    pub ca_sha256: Option<String>,
    /// File with the one-time enrolment token.
    pub token_file: Option<PathBuf>,
}

/// Settings of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSettings {
    /// Id; on an enrolled agent it must be the one of the certificate.
    pub id: AgentId,
    /// Data directory; the command line knows the default.
    pub data: Option<PathBuf>,
    /// Where `/metrics` listens; nowhere unless given.
    pub listen: Option<SocketAddr>,
    /// Its console; without one it runs alone from `inventory`.
    pub console: Option<Uplink>,
    /// Inventory files of an agent that runs alone.
    pub inventory: Vec<PathBuf>,
    /// Overlays of an agent that runs alone.
    pub definitions: Vec<PathBuf>,
    /// IANA time zone of people.
    pub timezone: String,
    /// Spool.
    pub spool: SpoolCaps,
    /// Its STAMP reflector; none unless given.
    pub reflector: Option<ReflectorSettings>,
    /// How it receives syslog; not at all unless given.
    pub syslog: Option<HearSettings>,
    /// How it receives traps; not at all unless given.
    pub trap: Option<HearSettings>,
}

impl AgentSettings {
    /// Defaults of an agent of that id.
    pub fn new(id: AgentId) -> Self {
        Self {
            id,
            data: None,
            listen: None,
            console: None,
            inventory: Vec::new(),
            definitions: vec![PathBuf::from(DEFAULT_OVERLAY)],
            timezone: DEFAULT_TIMEZONE.to_owned(),
            spool: SpoolCaps::default(),
            reflector: None,
            syslog: None,
            trap: None,
        }
    }

    /// Reads the file; only `id` is required.
    pub fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        from_file(path, agent)
    }

    /// The same from a text.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        from_text(name, text, agent)
    }
}

/// Either of the two, told apart by what only one of them has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// Of a console.
    Console(ConsoleSettings),
    /// Of an agent.
    Agent(Box<AgentSettings>),
}

impl Settings {
    /// Reads a file of either sort: one with `id` is an agent's.
    pub fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let agents = |root: &Table<'_>| agent(root).map(|settings| Self::Agent(Box::new(settings)));
        from_file(path, |root| if root.has("id") { agents(root) } else { console(root).map(Self::Console) })
    }
    /// The overlays it names.
    pub fn definitions(&self) -> &[PathBuf] {
        match self {
            Self::Console(c) => &c.definitions,
            Self::Agent(a) => &a.definitions,
        }
    }
    /// The inventory files it names.
    pub fn inventory(&self) -> &[PathBuf] {
        match self {
            Self::Console(_) => &[],
            Self::Agent(a) => &a.inventory,
        }
    }
}

fn from_file<T>(path: &Path, read: impl Fn(&Table<'_>) -> Option<T>) -> Result<T, Vec<Diagnostic>> {
    let faults = Faults::default();
    match read_files(&[path.to_owned()], &faults).first() {
        Some(source) => from_source(source, faults, read),
        None => Err(faults.into_sorted()),
    }
}

fn from_text<T>(name: &str, text: &str, read: impl Fn(&Table<'_>) -> Option<T>) -> Result<T, Vec<Diagnostic>> {
    let source = Source { name: name.to_owned(), text: text.to_owned() };
    from_source(&source, Faults::default(), read)
}

fn from_source<T>(
    source: &Source,
    faults: Faults,
    read: impl Fn(&Table<'_>) -> Option<T>,
) -> Result<T, Vec<Diagnostic>> {
    let value = {
        let document = reader::parse(source, &faults);
        let root = Table::root(source, &faults, document.get_ref());
        let value = read(&root);
        root.finish();
        value
    };
    let diagnostics = faults.into_sorted();
    match value {
        Some(value) if !any_error(&diagnostics) => Ok(value),
        _ => Err(diagnostics),
    }
}

fn console(root: &Table<'_>) -> Option<ConsoleSettings> {
    let default = ConsoleSettings::default();
    let names = root.texts("names").iter().filter_map(|i| i.text()).map(str::to_owned).collect();
    let retention = match root.table("retention") {
        Some(t) => {
            let days = |key, min, or: u32| {
                t.int(key, i64::from(min), MAX_DAYS).and_then(|v| u32::try_from(v).ok()).unwrap_or(or)
            };
            let retention = Retention {
                samples_days: days("samples_days", 1, default.retention.samples_days),
                logs_days: days("logs_days", LOG_DAYS, default.retention.logs_days),
                rollups_days: days("rollups_days", 1, default.retention.rollups_days),
                snapshots: days("snapshots", 2, default.retention.snapshots),
            };
            t.finish();
            retention
        }
        None => default.retention,
    };
    let sessions = root.table("sessions").map_or(default.sessions, |t| {
        let time = |key, (least, most): (Duration, Duration), or| {
            let Some(given) = t.duration(key) else { return or };
            if let (false, Some(item)) = ((least..=most).contains(&given), t.item(key)) {
                item.fault(
                    format!("`{key}` = {} is out of bounds", format_duration(given)),
                    format!("{} to {}", format_duration(least), format_duration(most)),
                );
            }
            given
        };
        let times = SessionTimes {
            idle: time("idle", IDLE, default.sessions.idle),
            absolute: time("absolute", ABSOLUTE, default.sessions.absolute),
        };
        t.finish();
        times
    });
    Some(ConsoleSettings {
        data: path(root, "data"),
        listen: socket(root, "listen").unwrap_or(default.listen),
        agent_listen: socket(root, "agent_listen").unwrap_or(default.agent_listen),
        names,
        timezone: timezone(root),
        definitions: paths(root, "definitions").unwrap_or(default.definitions),
        retention,
        sessions,
    })
}

fn agent(root: &Table<'_>) -> Option<AgentSettings> {
    let id: Option<AgentId> = root.id("\"aks-tower\"");
    let mut settings = AgentSettings::new(id.clone().or_else(|| AgentId::new("unnamed").ok())?);
    settings.data = path(root, "data");
    settings.listen = socket(root, "listen");
    settings.console = root.table("console").and_then(|t| uplink(&t));
    settings.inventory = paths(root, "inventory").unwrap_or_default();
    if let (Some(item), true) = (root.item("inventory"), root.has("console")) {
        item.fault(
            "`inventory` beside `console`",
            "an agent with a console gets its plan from there; keep one of them",
        );
    }
    if !root.has("console") && !root.has("inventory") {
        root.fault(
            "the agent has neither `console` nor `inventory`",
            "add [console] with url, or inventory = [\"...\"]",
        );
    }
    settings.definitions = paths(root, "definitions").unwrap_or(settings.definitions);
    settings.timezone = timezone(root);
    if let Some(t) = root.table("spool") {
        if let Some(mib) = t.int("mib", 1, MAX_SPOOL_MIB) {
            settings.spool.bytes = u64::try_from(mib).unwrap_or(1) << 20;
        }
        if let Some(age) = t.duration("age") {
            settings.spool.age = age;
        }
        if settings.spool.age < Duration::from_secs(3_600) {
            t.fault("a spool that keeps less than an hour loses every night's outage", "write age = \"30d\"");
        }
        t.finish();
    }
    settings.reflector = root.table("reflector").and_then(|t| reflector(&t));
    settings.syslog = root.table("syslog").map(|t| hear::read(&t, (514, "rfc5424")));
    settings.trap = root.table("trap").map(|t| hear::read(&t, (162, hear::TRAPS)));
    id.map(|_| settings)
}

fn reflector(t: &Table<'_>) -> Option<ReflectorSettings> {
    if !t.has("listen") {
        t.missing("listen", "\"0.0.0.0:862\"");
    }
    let listen = socket(t, "listen");
    let allow = t.texts("allow").iter().filter_map(network).collect();
    let rate = t.int("rate", 1, MAX_REFLECTOR_RATE).and_then(|v| u32::try_from(v).ok());
    let key_file = path(t, "key_file");
    t.finish();
    Some(ReflectorSettings { listen: listen?, key_file, allow, rate })
}

/// A network, or an address that stands for itself.
pub fn net_of(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn network(item: &Item<'_>) -> Option<IpNet> {
    let text = item.text()?;
    let net = net_of(text);
    if net.is_none() {
        item.fault(
            format!("`{text}` is no network"),
            "write ADDRESS/LENGTH, such as \"10.65.0.0/16\", or an address",
        );
    }
    net
}

fn uplink(t: &Table<'_>) -> Option<Uplink> {
    let url = t.text("url", "\"https://console.example:8443\"").map(|u| u.trim_end_matches('/').to_owned());
    if let (Some(url), Some(item)) = (&url, t.item("url")) {
        let host = url.strip_prefix("https://").unwrap_or("");
        if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
            item.fault(format!("`{url}` is no address of a console"), "write https://HOST:PORT and nothing after it");
        }
    }
    let ca_sha256 = t.opt_text("ca_sha256").map(|text| text.replace(':', "").to_ascii_lowercase());
    if let (Some(hex), Some(item)) = (&ca_sha256, t.item("ca_sha256"))
        && (hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        item.fault("`ca_sha256` is no fingerprint", "64 hexadecimal digits, as `fengsui enroll token` prints them");
    }
    let token_file = path(t, "token_file");
    t.finish();
    Some(Uplink { url: url?, ca_sha256, token_file })
}

/// A path; relative ones count from the file that names them.
fn path(t: &Table<'_>, key: &'static str) -> Option<PathBuf> {
    t.item(key).and_then(|item| beside(&item))
}

fn paths(t: &Table<'_>, key: &'static str) -> Option<Vec<PathBuf>> {
    let items = t.item(key)?.list()?;
    Some(items.iter().filter_map(beside).collect())
}

fn beside(item: &Item<'_>) -> Option<PathBuf> {
    let text = item.text()?;
    if text.is_empty() {
        item.fault(format!("`{}` is an empty path", item.key), "name a file or a directory, or remove the key");
        return None;
    }
    let directory = Path::new(&item.source.name).parent().unwrap_or(Path::new(""));
    Some(directory.join(text))
}

fn socket(t: &Table<'_>, key: &'static str) -> Option<SocketAddr> {
    let item = t.item(key)?;
    let text = item.text()?;
    let address = text.parse().ok();
    if address.is_none() {
        item.fault(
            format!("`{text}` is no address to listen on"),
            "write ADDRESS:PORT, such as \"127.0.0.1:8080\" or \"[::]:8443\"",
        );
    }
    address
}

fn timezone(t: &Table<'_>) -> String {
    let Some(item) = t.item("timezone") else { return DEFAULT_TIMEZONE.to_owned() };
    let text = item.text().unwrap_or(DEFAULT_TIMEZONE);
    if jiff::tz::TimeZone::get(text).is_err() {
        item.fault(format!("unknown time zone `{text}`"), "an IANA name such as Asia/Shanghai or Asia/Urumqi");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<T>(read: Result<T, Vec<Diagnostic>>) -> Vec<String> {
        read.err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_console_file_is_the_default() {
        assert_eq!(ConsoleSettings::parse("c.toml", "").unwrap(), ConsoleSettings::default());
    }

    #[test]
    fn settings_mean_what_they_say_and_paths_count_from_the_file() {
        let text = "data = '/var/lib/fengsui'\nlisten = '[::1]:9000'\nnames = ['console.aks']\ndefinitions = ['own', '/abs']\n[retention]\nsamples_days = 7\n[sessions]\nidle = '10m'\n";
        let console = ConsoleSettings::parse("/etc/fengsui/console.toml", text).unwrap();
        assert_eq!(console.listen.to_string(), "[::1]:9000");
        assert_eq!(console.definitions, [PathBuf::from("/etc/fengsui/own"), PathBuf::from("/abs")]);
        assert_eq!((console.retention.samples_days, console.retention.logs_days), (7, 180));
        assert_eq!((console.sessions.idle.as_secs(), console.sessions.absolute.as_secs()), (600, 28_800));
        let text = "id = 'aks-tower'\n[console]\nurl = 'https://10.0.0.1:8443/'\nca_sha256 = 'AA:bb'\n[spool]\nmib = 64\nage = '7d'\n";
        assert_eq!(
            lines(AgentSettings::parse("a.toml", text)),
            ["a.toml:4: `ca_sha256` is no fingerprint; 64 hexadecimal digits, as `fengsui enroll token` prints them"]
        );
        let agent = AgentSettings::parse("a.toml", &text.replace("AA:bb", &"ab".repeat(32))).unwrap();
        assert_eq!(agent.console.unwrap().url, "https://10.0.0.1:8443");
        assert_eq!((agent.spool.bytes, agent.spool.age.as_secs()), (64 << 20, 7 * 86_400));
    }

    #[test]
    fn an_agent_may_answer_stamp() {
        let text = "id = 'tower'\ninventory = ['site.toml']\n[reflector]\nlisten = '[::]:862'\nkey_file = 'stamp.key'\nallow = ['10.65.0.0/16', '192.0.2.7']\nrate = 50\n";
        let reflector = AgentSettings::parse("/etc/fengsui/agent.toml", text).unwrap().reflector.unwrap();
        assert_eq!((reflector.listen.port(), reflector.rate), (862, Some(50)));
        assert_eq!(reflector.key_file, Some(PathBuf::from("/etc/fengsui/stamp.key")));
        assert_eq!(
            reflector.allow.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.65.0.0/16", "192.0.2.7/32"]
        );
        let text = "id = 'tower'\ninventory = ['site.toml']\n[reflector]\nallow = ['county']\nrate = 0\nport = 862\n";
        assert_eq!(
            lines(AgentSettings::parse("a.toml", text)),
            [
                "a.toml:3: `reflector` lacks `listen`; add listen = \"0.0.0.0:862\"",
                "a.toml:4: `county` is no network; write ADDRESS/LENGTH, such as \"10.65.0.0/16\", or an address",
                "a.toml:5: `rate` = 0 is out of bounds; 1 to 10000",
                "a.toml:6: unknown key `port` in `reflector`; known: allow, key_file, listen, rate",
            ]
        );
    }

    #[test]
    fn mistakes_in_settings_are_all_reported() {
        let text = "listen = ':8080'\ntimezone = 'Asia/Aksu'\ndefinition = []\n[retention]\nlogs_days = 30\n[sessions]\nidle = '10s'\nabsolute = '2d'\n";
        assert_eq!(
            lines(ConsoleSettings::parse("c.toml", text)),
            [
                "c.toml:1: `:8080` is no address to listen on; write ADDRESS:PORT, such as \"127.0.0.1:8080\" or \"[::]:8443\"",
                "c.toml:2: unknown time zone `Asia/Aksu`; an IANA name such as Asia/Shanghai or Asia/Urumqi",
                "c.toml:3: unknown key `definition` in the file; did you mean `definitions`?",
                "c.toml:5: `logs_days` = 30 is out of bounds; 180 to 3650",
                "c.toml:7: `idle` = 10s is out of bounds; 1m to 1h",
                "c.toml:8: `absolute` = 2d is out of bounds; 1h to 1d",
            ]
        );
        assert_eq!(
            lines(AgentSettings::parse("a.toml", "")),
            [
                "a.toml:1: the agent has neither `console` nor `inventory`; add [console] with url, or inventory = [\"...\"]",
                "a.toml:1: the file lacks `id`; add id = \"aks-tower\"",
            ]
        );
        assert!(
            lines(ConsoleSettings::read(Path::new("/nonexistent/x.toml")))[0].contains("cannot read: No such file")
        );
    }
}
