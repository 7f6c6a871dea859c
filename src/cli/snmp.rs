//! `fengsui snmp`: asks one agent, for a person who wants to see what a device says.

mod poll; // a device by its profile
mod via; // a walk by the agent that reads an asset

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use clap::Subcommand;

pub(super) use self::poll::show_device;
use super::reach::Reach;
use super::text::{parse_duration, pick};
use super::{Answer, Exit, Failure, Format, block_on, print};
use crate::model::device::Asking;
use crate::model::walk;
use crate::model::{Secret, SecretText};
use crate::net::clock::Clock;
use crate::net::resolver::{Family, resolve};
use crate::net::snmp::{Manner, Oid, Session, SnmpError, Value, refuses, shown as shown_value};
use crate::sim::recording::parse_oid;
use crate::sim::scenario::{auth_word, privacy_word};

/// Rows a GETBULK of a walk asks for.
const REPETITIONS: u32 = 25;
/// A name must resolve within this.
const RESOLVE: Duration = Duration::from_secs(5);

/// Options of `snmp`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Ask for exactly these OIDs
    Get {
        /// Host or address, with :PORT if it is not 161
        target: String,
        /// OIDs, dotted numbers
        #[arg(required = true)]
        oids: Vec<String>,
        /// Who asks.
        #[command(flatten)]
        who: Who,
        /// How.
        #[command(flatten)]
        how: How,
    },
    /// Ask for everything below an OID
    Walk {
        /// Host or address, with :PORT if not 161; @ASSET: its agent asks
        target: String,
        /// OID, dotted numbers or a name such as ifTable
        #[arg(default_value = "1.3.6.1.2.1")]
        oid: String,
        /// Where, for @ASSET.
        #[command(flatten)]
        reach: Reach,
        /// Who asks.
        #[command(flatten)]
        who: Who,
        /// How.
        #[command(flatten)]
        how: How,
    },
    /// Say which profile a device has, and why
    Detect(poll::Args),
    /// Read a device by its profile: ports, processors, memory, sensors, neighbours; exit 3 if something was cut
    Poll {
        /// Whom, and how.
        #[command(flatten)]
        args: poll::Args,
        /// Time for all of it
        #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
        within: Duration,
    },
}

/// Who asks, or may ask. Keys stand in files: argv is for everybody to read.
#[derive(Debug, Clone, clap::Args)]
pub struct Who {
    /// SNMPv2c community
    #[arg(long, value_name = "NAME")]
    pub community: Option<String>,
    /// SNMPv3 user
    #[arg(long, value_name = "USER")]
    pub v3_user: Option<String>,
    /// Authentication of the v3 user: md5, sha1, sha224, sha256, sha384 or sha512, and the file that holds the password
    #[arg(long, value_name = "ALGORITHM:KEYFILE", requires = "v3_user")]
    pub v3_auth: Option<String>,
    /// Privacy of the v3 user: aes128, aes192 or aes256, and the file that holds the password
    #[arg(long, value_name = "ALGORITHM:KEYFILE", requires = "v3_auth")]
    pub v3_privacy: Option<String>,
}

/// How it asks and prints.
#[derive(Debug, Clone, clap::Args)]
pub struct How {
    /// Ask with SNMPv1 instead of v2c
    #[arg(long, conflicts_with = "v3_user")]
    pub v1: bool,
    /// Context to ask in with v3, such as vlan-10 on Cisco's switches
    #[arg(long, value_name = "NAME", requires = "v3_user")]
    pub context: Option<String>,
    /// How long one try waits
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// How often a request without answer is sent again
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub retries: u32,
    /// Take an answer from whatever address, of a device with several
    #[arg(long)]
    pub any_source: bool,
    /// Read tables row by row with GETNEXT, of a device that answers GETBULK wrongly
    #[arg(long)]
    pub no_bulk: bool,
    /// How to print: table or json (one object a line)
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

impl Who {
    /// All that is given, as secrets.
    pub fn secrets(&self) -> Result<Vec<Secret>, Failure> {
        let mut secrets = Vec::new();
        if let Some(name) = &self.community {
            secrets.push(Secret::SnmpCommunity { v1: false, community: SecretText::new(name.as_str()) });
        }
        if let Some(user) = &self.v3_user {
            let auth = keyed(self.v3_auth.as_deref(), "--v3-auth", auth_word)?;
            let privacy = keyed(self.v3_privacy.as_deref(), "--v3-privacy", privacy_word)?;
            secrets.push(Secret::SnmpV3 { user: user.clone(), auth, privacy, context: String::new() });
        }
        if secrets.is_empty() {
            return Err(Failure::usage(pick(
                "请给出 --community NAME，或 --v3-user USER（及 --v3-auth、--v3-privacy）",
                "give --community NAME, or --v3-user USER (with --v3-auth and --v3-privacy)",
            )));
        }
        Ok(secrets)
    }
}

impl How {
    /// How the device is to be asked for tables, whatever its profile says.
    fn asking(&self) -> Asking {
        Asking { bulk: self.no_bulk.then_some(false), ..Asking::default() }
    }
}

fn keyed<T>(
    text: Option<&str>,
    option: &str,
    word: fn(&str) -> Option<T>,
) -> Result<Option<(T, SecretText)>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let (name, file) = text.split_once(':').unwrap_or((text, ""));
    let algorithm = word(name).ok_or_else(|| {
        Failure::usage(pick(
            format!("{option}：没有算法 `{name}`；写法是 算法:密钥文件，如 sha256:/etc/fengsui/key"),
            format!("{option}: no algorithm `{name}`; it reads ALGORITHM:KEYFILE, such as sha256:/etc/fengsui/key"),
        ))
    })?;
    let key = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!(
            "{option}: {} `{file}`: {error}",
            pick("无法读取密钥文件", "cannot read the key file")
        ))
    })?;
    Ok(Some((algorithm, SecretText::new(key.trim_end_matches(['\r', '\n'])))))
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    if let What::Walk { target, oid, how, reach, .. } = &args.what
        && let Some(asset) = target.strip_prefix('@')
    {
        return via::walk(asset, oid, how.format, reach);
    }
    block_on(1, ask(args))?
}

async fn ask(args: Args) -> Answer {
    match args.what {
        What::Detect(args) => poll::detect(args).await,
        What::Poll { args, within } => poll::poll(args, within).await,
        What::Get { target, oids, who, how } => {
            let oids: Vec<Oid> = oids.iter().map(|oid| oid_of(oid)).collect::<Result<_, _>>()?;
            let session = open(&target, &who, &how).await?;
            let found = match session.look_up(&oids).await {
                Ok(found) => found,
                Err(error) => return Err(failed(error).await),
            };
            for oid in &oids {
                show(oid, found.get(oid), how.format);
            }
            let has = |oid: &Oid| found.get(oid).is_some_and(|value| !value.is_exception());
            Ok(if oids.iter().all(has) { Exit::Good } else { Exit::Bad })
        }
        What::Walk { target, oid, who, how, .. } => {
            let root = walk::read(&oid).map_err(|bad| Failure::usage(pick(bad.zh(), bad.to_string())))?;
            let root = Oid::from_slice(&root);
            let session = open(&target, &who, &how).await?;
            let mut count = 0_u64;
            let mut told = |oid: &Oid, value: &Value| {
                count += 1;
                show(oid, Some(value), how.format);
                ControlFlow::Continue(())
            };
            if let Err(error) = session.walk(&root, REPETITIONS, &mut told).await {
                return Err(failed(error).await);
            }
            if count > 0 {
                return Ok(Exit::Good);
            }
            let nothing = pick("设备在此之下没有内容", "the device has nothing below");
            Err(Failure::bad(format!("{}: {nothing} {root}", session.peer())))
        }
    }
}

/// Silence and a port that refuses are two things to a person who looks for the cause.
async fn failed(error: SnmpError) -> Failure {
    match error {
        SnmpError::Timeout { peer } if refuses(peer, &Clock::system()).await => {
            Failure::bad(SnmpError::Refused { peer }.to_string())
        }
        other => Failure::bad(other.to_string()),
    }
}

fn oid_of(text: &str) -> Result<Oid, Failure> {
    parse_oid(text).map_err(|_| {
        Failure::usage(pick(
            format!("`{text}` 不是 OID；请写点分数字，如 1.3.6.1.2.1.1"),
            format!("`{text}` is no OID; write dotted numbers, such as 1.3.6.1.2.1.1"),
        ))
    })
}

async fn open(target: &str, who: &Who, how: &How) -> Result<Session, Failure> {
    let mut secrets = who.secrets()?;
    let mut secret = secrets.remove(0);
    match &mut secret {
        Secret::SnmpCommunity { v1, .. } => *v1 = how.v1,
        Secret::SnmpV3 { context, .. } => *context = how.context.clone().unwrap_or_default(),
        _ => {}
    }
    if !secrets.is_empty() {
        return Err(Failure::usage(pick(
            "--community 与 --v3-user 只能给一个",
            "give --community or --v3-user, not both",
        )));
    }
    let clock = Clock::system();
    let peer = peer(target, &clock).await?;
    let manner = Manner { timeout: how.timeout, retries: how.retries, strict_source: !how.any_source };
    let session = Session::open(peer, &secret, manner).await;
    let mut session = session.map_err(|error| Failure::unseen(error.to_string()))?;
    session.ask_as(how.asking());
    Ok(session)
}

async fn peer(target: &str, clock: &Clock) -> Result<SocketAddr, Failure> {
    if let Ok(peer) = target.parse() {
        return Ok(peer);
    }
    // A bare IPv6 address has colons too, but it parses as an address.
    let bare = target.parse::<std::net::IpAddr>().is_ok();
    let (host, port) = match target.rsplit_once(':') {
        Some((host, port)) if !bare => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => return Err(Failure::usage(format!("`{target}`: `{port}` {}", pick("不是端口", "is no port")))),
        },
        _ => (target, 161),
    };
    let late = || Failure::bad(format!("`{host}`: {}", pick("域名解析超时", "the name does not resolve in time")));
    let found = clock.until(clock.mono().plus(RESOLVE), resolve(host, port, Family::Any)).await.ok_or_else(late)?;
    let found = found.map_err(|error| Failure::bad(error.to_string()))?;
    found.first().copied().ok_or_else(|| Failure::bad(format!("`{host}`: {}", pick("没有地址", "it has no address"))))
}

fn show(oid: &Oid, value: Option<&Value>, format: Format) {
    let (kind, number, text) = describe(value);
    match format {
        Format::Table => print(&format!("{oid} = {kind}: {text}")),
        Format::Json => {
            let value = number.map_or_else(|| serde_json::json!(text), |n| serde_json::json!(n));
            let none = matches!(kind, "null" | "no_such_object" | "no_such_instance");
            let value = if none { serde_json::Value::Null } else { value };
            print(&serde_json::json!({ "v": 1, "oid": oid.to_string(), "type": kind, "value": value }).to_string());
        }
    }
}

/// Type, number if it is one, and text.
fn describe(value: Option<&Value>) -> (&'static str, Option<i128>, String) {
    match value {
        None => ("null", None, pick("设备没有此项", "the device has none").to_owned()),
        Some(Value::NoSuchObject) => {
            let none = pick("设备不支持此对象（noSuchObject）", "the device knows no such object (noSuchObject)");
            ("no_such_object", None, none.to_owned())
        }
        Some(Value::NoSuchInstance) => {
            let none = pick("设备没有此行（noSuchInstance）", "the device has no such row (noSuchInstance)");
            ("no_such_instance", None, none.to_owned())
        }
        Some(value) => shown_value(value),
    }
}

/// The path of a file as messages show it.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Reads a file of at most `max` bytes.
pub(super) fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let len = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if len > max {
        return Err(pick(
            format!("文件有 {len} 字节，上限为 {max}"),
            format!("it has {len} bytes, at most {max} are read"),
        ));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_shown_as_the_text_that_they_are_or_as_hex() {
        let shown = |bytes: &'static [u8]| {
            let (kind, _, text) = describe(Some(&Value::OctetString(bytes.into())));
            format!("{kind} {text}")
        };
        assert_eq!(shown("阿克苏 机房".as_bytes()), "text 阿克苏 机房");
        assert_eq!(shown(b"\xb0\xa2\xbf\xcb\xcb\xd5 \xbb\xfa\xb7\xbf"), "text 阿克苏 机房");
        assert_eq!(shown(b"\x02\x00\x00\x5e\x10\x01"), "hex 0200005e1001");
    }
}
