//! A script of faults: which devices there are, and what happens to them when. TOML in, every diagnostic
//! by FILE:LINE; the same seed gives the same times.
//!
//! ```toml
//! seed = 7
//! [[device]]
//! name = "core"
//! address = "127.1.0.1"
//! snmp = { port = 1161, recording = "../recordings/switch.snmprec", community = "public" }
//! http = { port = 8080, status = 200, body = "ok", delay = "5ms" }
//! https = { port = 8443, not_after = "200d" }
//! tcp = { port = 2222, banner = "hello" }
//! udp_echo = { port = 7007 }
//! [[step]]
//! at = "5s"            # or: every = "30s", jitter = "5s", times = 3
//! do = "set"           # stop, start, silence, set
//! device = "core"
//! service = "snmp"     # all services of the device if left out
//! what = "ifOperStatus.3"
//! to = "2"
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::certificate::{self, Authority, Life};
use super::device::Kind;
use super::recording::{BadLine, Recording};
use super::world::{Action, DeviceSpec, ServiceSpec, Step};
use crate::model::secret::{SnmpAuth, SnmpPrivacy};
use crate::model::{Secret, SecretText};
use crate::net::serve::Access;

/// Certificates of https services live so long if nothing is said.
const DEFAULT_LIFE: Duration = Duration::from_secs(200 * 86_400);
/// The shortest `every`: a script that does more is a mistake, not a scenario.
const MIN_EVERY: Duration = Duration::from_millis(100);

/// A script, read and checked.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Seed of the jitter.
    pub seed: u64,
    /// Its devices.
    pub devices: Vec<DeviceSpec>,
    /// What happens, in the order of the file.
    pub steps: Vec<Timed>,
}

/// A step and when it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// First time.
    pub at: Duration,
    /// Time between repetitions; once if `None`.
    pub every: Option<Duration>,
    /// Each time is later by a random part of this.
    pub jitter: Duration,
    /// How often at most.
    pub times: Option<u32>,
    /// What.
    pub step: Step,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    device: Vec<Spanned<RawDevice>>,
    #[serde(default)]
    step: Vec<Spanned<RawStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDevice {
    name: String,
    address: IpAddr,
    snmp: Option<Spanned<RawSnmp>>,
    http: Option<Spanned<RawHttp>>,
    https: Option<Spanned<RawHttps>>,
    tcp: Option<RawTcp>,
    udp_echo: Option<RawUdp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSnmp {
    #[serde(default)]
    port: u16,
    recording: Spanned<String>,
    community: Option<String>,
    v3: Option<RawUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUser {
    user: String,
    auth: Option<Spanned<String>>,
    privacy: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttp {
    #[serde(default)]
    port: u16,
    status: Option<u16>,
    #[serde(default)]
    body: String,
    delay: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttps {
    #[serde(default)]
    port: u16,
    status: Option<u16>,
    #[serde(default)]
    body: String,
    not_after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTcp {
    #[serde(default)]
    port: u16,
    #[serde(default)]
    banner: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUdp {
    #[serde(default)]
    port: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    at: Option<Spanned<String>>,
    every: Option<Spanned<String>>,
    jitter: Option<Spanned<String>>,
    times: Option<u32>,
    r#do: Spanned<String>,
    device: Spanned<String>,
    service: Option<Spanned<String>>,
    what: Option<String>,
    to: Option<toml::Value>,
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    bad: Vec<BadLine>,
}

impl Reader<'_> {
    fn say(&mut self, span: &Range<usize>, what: impl Into<String>) {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        self.bad.push(BadLine { file: self.file.to_owned(), line, what: what.into() });
    }

    fn duration(&mut self, text: Option<&Spanned<String>>) -> Option<Duration> {
        let text = text?;
        let read = duration(text.get_ref());
        if read.is_none() {
            self.say(&text.span(), format!("`{}` is no duration, such as 500ms, 5s, 2m or 1h", text.get_ref()));
        }
        read
    }
}

impl Scenario {
    /// Reads a script. `open` gives the bytes of a recording that it names.
    pub fn parse(
        file: &str,
        text: &str,
        open: &dyn Fn(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, Vec<BadLine>> {
        let mut reader = Reader { file, text, bad: Vec::new() };
        let raw: RawScenario = match toml::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                let span = error.span().unwrap_or_default();
                reader.say(&span, error.message().replace('\n', " "));
                return Err(reader.bad);
            }
        };
        let mut recordings = BTreeMap::new();
        let mut devices: Vec<DeviceSpec> = Vec::new();
        for device in &raw.device {
            let span = device.span();
            let device = device.get_ref();
            if devices.iter().any(|d| d.name == device.name) {
                reader.say(&span, format!("device `{}` is there twice; names are unique", device.name));
            }
            devices.push(read_device(&mut reader, device, &mut recordings, open));
        }
        let steps = raw.step.iter().filter_map(|step| read_step(&mut reader, step, &devices)).collect();
        if devices.is_empty() && reader.bad.is_empty() {
            reader.say(&(0..0), "it has no device; add [[device]] with a name and an address");
        }
        if reader.bad.is_empty() { Ok(Self { seed: raw.seed, devices, steps }) } else { Err(reader.bad) }
    }

    /// All that happens, in order of time; endless if a step repeats for ever.
    pub fn timeline(&self, seed: u64) -> Timeline<'_> {
        let mut timeline =
            Timeline { steps: &self.steps, random: fastrand::Rng::with_seed(seed), heap: BinaryHeap::new() };
        for index in 0..self.steps.len() {
            timeline.push(index, 0);
        }
        timeline
    }
}

fn read_device(
    reader: &mut Reader<'_>,
    device: &RawDevice,
    recordings: &mut BTreeMap<String, Arc<Recording>>,
    open: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> DeviceSpec {
    let mut services = Vec::new();
    if let Some(snmp) = &device.snmp {
        let span = snmp.span();
        let snmp = snmp.get_ref();
        let name = snmp.recording.get_ref();
        let recording = recordings.get(name).cloned().unwrap_or_else(|| {
            let read = match open(name) {
                Ok(bytes) => Recording::parse(name, &bytes).unwrap_or_else(|bad| {
                    reader.bad.extend(bad);
                    Recording::default()
                }),
                Err(why) => {
                    reader.say(&snmp.recording.span(), format!("recording `{name}`: {why}"));
                    Recording::default()
                }
            };
            recordings.entry(name.clone()).or_insert_with(|| Arc::new(read)).clone()
        });
        let mut secrets = Vec::new();
        if let Some(community) = &snmp.community {
            secrets.push(Secret::SnmpCommunity { v1: false, community: SecretText::new(community.as_str()) });
        }
        if let Some(user) = &snmp.v3 {
            let mut key = |text: Option<&Spanned<String>>| {
                text.and_then(|text| match text.get_ref().split_once(':') {
                    Some((word, key)) => Some((word.to_owned(), SecretText::new(key), text.span())),
                    None => {
                        reader.say(&text.span(), "it reads ALGORITHM:KEY, such as sha256:password1");
                        None
                    }
                })
            };
            let (auth, privacy) = (key(user.auth.as_ref()), key(user.privacy.as_ref()));
            secrets.push(Secret::SnmpV3 {
                user: user.user.clone(),
                auth: auth.and_then(|(word, key, span)| match auth_word(&word) {
                    Some(auth) => Some((auth, key)),
                    None => {
                        reader.say(&span, format!("`{word}` is none of md5 sha1 sha224 sha256 sha384 sha512"));
                        None
                    }
                }),
                privacy: privacy.and_then(|(word, key, span)| match privacy_word(&word) {
                    Some(privacy) => Some((privacy, key)),
                    None => {
                        reader.say(&span, format!("`{word}` is none of aes128 aes192 aes256"));
                        None
                    }
                }),
                context: String::new(),
            });
        }
        if secrets.is_empty() {
            reader.say(&span, "nobody may ask it: give `community` or `v3`");
        }
        services.push(ServiceSpec::new(snmp.port, Kind::Snmp { recording, access: Access::new(secrets) }));
    }
    if let Some(http) = &device.http {
        let span = http.span();
        let http = http.get_ref();
        let status = http.status.unwrap_or(200);
        if !(100..=599).contains(&status) {
            reader.say(&span, format!("status {status} is not within 100 to 599"));
        }
        let delay = reader.duration(http.delay.as_ref()).unwrap_or_default();
        services.push(ServiceSpec::new(http.port, Kind::Http { status, body: http.body.clone(), delay }));
    }
    if let Some(https) = &device.https {
        services.extend(read_https(reader, device, https));
    }
    if let Some(tcp) = &device.tcp {
        services.push(ServiceSpec::new(tcp.port, Kind::Tcp { banner: tcp.banner.clone() }));
    }
    if let Some(udp) = &device.udp_echo {
        services.push(ServiceSpec::new(udp.port, Kind::UdpEcho));
    }
    DeviceSpec { name: device.name.clone(), address: device.address, services }
}

fn read_https(reader: &mut Reader<'_>, device: &RawDevice, https: &Spanned<RawHttps>) -> Option<ServiceSpec> {
    let (span, https) = (https.span(), https.get_ref());
    let life = match https.not_after.as_deref().map(certificate::life) {
        None => DEFAULT_LIFE,
        Some(Some(Life::Left(life))) => life,
        Some(_) => {
            reader.say(&span, "`not_after` is a time from now, such as 200d or 36h; `set` may put it in the past");
            return None;
        }
    };
    let status = https.status.unwrap_or(200);
    if !(100..=599).contains(&status) {
        reader.say(&span, format!("status {status} is not within 100 to 599"));
    }
    match Authority::new("Fengsui simulator CA") {
        Ok(authority) => {
            let (authority, names) = (Arc::new(authority), vec![device.address.to_string()]);
            let kind = Kind::Https { status, body: https.body.clone(), authority, names, life };
            Some(ServiceSpec::new(https.port, kind))
        }
        Err(why) => {
            reader.say(&span, why);
            None
        }
    }
}

fn read_step(reader: &mut Reader<'_>, step: &Spanned<RawStep>, devices: &[DeviceSpec]) -> Option<Timed> {
    let span = step.span();
    let raw = step.get_ref();
    let told = reader.bad.len();
    let (at, every) = (reader.duration(raw.at.as_ref()), reader.duration(raw.every.as_ref()));
    let jitter = reader.duration(raw.jitter.as_ref()).unwrap_or_default();
    if raw.at.is_none() && raw.every.is_none() {
        reader.say(&span, "when? give `at` or `every`");
    }
    if every.is_some_and(|every| every < MIN_EVERY) {
        reader.say(&span, "`every` is at least 100ms");
    }
    let action = match raw.r#do.get_ref().as_str() {
        "stop" => Some(Action::Stop),
        "start" => Some(Action::Start),
        "silence" => Some(Action::Silence),
        "set" => match (&raw.what, &raw.to) {
            (Some(what), Some(to)) => {
                let value = to.as_str().map_or_else(|| to.to_string(), str::to_owned);
                Some(Action::Set { what: what.clone(), value })
            }
            _ => {
                reader.say(&span, "`set` needs `what` and `to`");
                None
            }
        },
        other => {
            reader.say(&raw.r#do.span(), format!("`{other}` is none of stop, start, silence, set"));
            None
        }
    };
    let name = raw.device.get_ref();
    match (devices.iter().find(|d| d.name == *name), &raw.service) {
        (None, _) => reader.say(&raw.device.span(), format!("no device `{name}` in this file")),
        (Some(device), Some(service)) if !device.services.iter().any(|s| s.name == *service.get_ref()) => {
            reader.say(&service.span(), format!("device `{name}` has no service `{}`", service.get_ref()));
        }
        _ => {}
    }
    if reader.bad.len() > told {
        return None;
    }
    let step =
        Step { device: name.clone(), service: raw.service.as_ref().map(|s| s.get_ref().clone()), action: action? };
    Some(Timed { at: at.or(every)?, every, jitter, times: raw.times, step })
}

/// What happens when, in order.
#[derive(Debug)]
pub struct Timeline<'a> {
    steps: &'a [Timed],
    random: fastrand::Rng,
    heap: BinaryHeap<Reverse<(Duration, usize, u32)>>,
}

impl Timeline<'_> {
    fn push(&mut self, index: usize, round: u32) {
        let Some(timed) = self.steps.get(index) else { return };
        let limit = timed.times.unwrap_or(if timed.every.is_some() { u32::MAX } else { 1 });
        if round >= limit {
            return;
        }
        let base = timed.at + timed.every.unwrap_or_default().saturating_mul(round);
        let late = timed.jitter.mul_f64(self.random.f64());
        self.heap.push(Reverse((base + late, index, round)));
    }
}

impl<'a> Iterator for Timeline<'a> {
    type Item = (Duration, &'a Step);
    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((at, index, round)) = self.heap.pop()?;
        self.push(index, round + 1);
        self.steps.get(index).map(|timed| (at, &timed.step))
    }
}

/// `250ms`, `5s`, `2m`, `1h`.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

/// The authentication protocol of that word.
pub fn auth_word(word: &str) -> Option<SnmpAuth> {
    Some(match word.to_ascii_lowercase().as_str() {
        "md5" => SnmpAuth::Md5,
        "sha1" | "sha" => SnmpAuth::Sha1,
        "sha224" => SnmpAuth::Sha224,
        "sha256" => SnmpAuth::Sha256,
        "sha384" => SnmpAuth::Sha384,
        "sha512" => SnmpAuth::Sha512,
        _ => return None,
    })
}

/// The privacy protocol of that word; DES is not simulated.
pub fn privacy_word(word: &str) -> Option<SnmpPrivacy> {
    Some(match word.to_ascii_lowercase().as_str() {
        "aes" | "aes128" => SnmpPrivacy::Aes128,
        "aes192" => SnmpPrivacy::Aes192,
        "aes256" => SnmpPrivacy::Aes256,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Scenario, Vec<String>> {
        Scenario::parse("s.toml", text, &|name| match name {
            "a.snmprec" => Ok(b"1.3.6.1.2.1.1.5.0|4|a\n".to_vec()),
            _ => Err("no such file".into()),
        })
        .map_err(|bad| bad.iter().map(ToString::to_string).collect())
    }

    const WORLD: &str = r#"
[[device]]
name = "a"
address = "127.1.0.1"
snmp = { recording = "a.snmprec", community = "public" }
http = { status = 204 }
"#;

    #[test]
    fn the_same_seed_gives_the_same_times_and_another_seed_others() {
        let scenario = read(&format!(
            "seed = 7\n{WORLD}\n[[step]]\nevery = \"10s\"\njitter = \"5s\"\ntimes = 4\ndo = \"stop\"\ndevice = \"a\"\n\
             [[step]]\nat = \"21s\"\ndo = \"start\"\ndevice = \"a\"\nservice = \"http\"\n"
        ))
        .unwrap();
        let times = |seed| scenario.timeline(seed).map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
        let times = times(7);
        assert_eq!(times.len(), 5);
        assert!(times.is_sorted());
        assert!(times.contains(&Duration::from_secs(21)));
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = format!(
            "{WORLD}\n[[device]]\nname = \"b\"\naddress = \"127.1.0.2\"\nsnmp = {{ recording = \"b.snmprec\" }}\n\
             [[step]]\ndo = \"stop\"\ndevice = \"a\"\n[[step]]\nat = \"5 s\"\ndo = \"jump\"\ndevice = \"c\"\n\
             [[step]]\nat = \"5s\"\ndo = \"set\"\ndevice = \"a\"\nservice = \"tcp\"\n"
        );
        assert_eq!(
            read(&text).unwrap_err(),
            [
                "s.toml:11: recording `b.snmprec`: no such file",
                "s.toml:11: nobody may ask it: give `community` or `v3`",
                "s.toml:12: when? give `at` or `every`",
                "s.toml:16: `5 s` is no duration, such as 500ms, 5s, 2m or 1h",
                "s.toml:17: `jump` is none of stop, start, silence, set",
                "s.toml:18: no device `c` in this file",
                "s.toml:19: `set` needs `what` and `to`",
                "s.toml:23: device `a` has no service `tcp`",
            ]
        );
        let unknown = read("[[device]]\nname = \"a\"\naddress = \"127.1.0.1\"\nssh = {}\n").unwrap_err();
        assert!(unknown[0].starts_with("s.toml:4: unknown field `ssh`"), "{unknown:?}");
    }
}
