//! `baseline check --collect`: the configuration of one device, read over SSH as an agent does it. A device whose key was
//! not named is not logged in to; its fingerprint is told, so that somebody can compare it.
//!
//! An asset of the inventory is read as the agent of this machine reads it: address, secret, dialect and accepted key stand
//! in the plan that this agent keeps, which only its user and root may read. Consoles give secrets to agents alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::baseline::dialect::Dialect;
use crate::baseline::recipe::Capture;
use crate::cli::client::unreadable;
use crate::cli::reach::data_dir;
use crate::cli::secret::ssh;
use crate::cli::text::{parse_duration, pick};
use crate::cli::{Failure, block_on};
use crate::model::plan::{Plan, Task};
use crate::model::{AssetId, Object, Secret, SecretText};
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::resolver::{self, Family};
use crate::net::ssh::{SshError, Terminal};
use crate::probe::config::{self, PATH, PORT, converse, file_of, names, read_file};

/// Whom to ask, and as whom. Passwords and keys stand in files: argv is for everybody to read.
#[derive(Debug, Clone, clap::Args)]
pub struct Device {
    /// Read this asset as the agent of this machine does; or, with --user and --secret, the device at HOST or HOST:PORT
    #[arg(long, value_name = "ASSET|HOST")]
    collect: Option<String>,
    /// User of the device
    #[arg(long, value_name = "NAME", requires = "collect", requires = "secret")]
    user: Option<String>,
    /// File with its password, or with its private key in OpenSSH's form
    #[arg(long, value_name = "FILE", requires = "collect", requires = "user")]
    secret: Option<PathBuf>,
    /// Fingerprint of its key that you have compared, SHA256:...
    #[arg(long, value_name = "SHA256", requires = "collect")]
    host_key: Option<String>,
    /// Outdated algorithm that is needed, such as ssh-rsa (repeat for more)
    #[arg(long, value_name = "ALGORITHM", requires = "collect")]
    old: Vec<String>,
    /// Time for all of it
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration, requires = "collect")]
    within: Duration,
    /// Data directory of the agent, or of `fengsui up` [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/fengsui, else ~/.local/state/fengsui]
    #[arg(long, value_name = "DIR", requires = "collect", conflicts_with = "user")]
    data: Option<PathBuf>,
}

/// What a device said.
pub(super) struct Collected {
    /// The device, as it was named.
    pub(super) target: String,
    /// The asset, if one was named.
    pub(super) asset: Option<AssetId>,
    /// Its dialect, if the inventory says it.
    pub(super) dialect: Option<Dialect>,
    /// Its configuration.
    pub(super) capture: Capture,
}

/// Whom to ask, and how.
struct Aim {
    host: String,
    port: u16,
    secret: Secret,
    host_key: Option<String>,
    dialect: Option<Dialect>,
    within: Duration,
}

/// Reads it, if one is named.
pub(super) fn collect(device: &Device, dialect: Option<Dialect>) -> Result<Option<Collected>, Failure> {
    let Some(target) = &device.collect else { return Ok(None) };
    let Some(file) = &device.secret else {
        return of_asset(device, target.strip_prefix('@').unwrap_or(target), dialect).map(Some);
    };
    let text = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
    let lines: Vec<SecretText> = text.lines().filter(|l| !l.is_empty()).map(SecretText::new).collect();
    let secret = ssh(device.user.clone(), device.old.clone(), &lines)?;
    let (host, port) = host_and_port(target)?;
    let (host_key, within) = (device.host_key.clone(), device.within);
    let aim = Aim { host: host.to_owned(), port, secret, host_key, dialect, within };
    let capture = block_on(1, read(&aim))??;
    Ok(Some(Collected { target: target.clone(), asset: None, dialect: None, capture }))
}

/// Reads an asset by the plan of this machine's agent.
fn of_asset(device: &Device, asset: &str, dialect: Option<Dialect>) -> Result<Collected, Failure> {
    let (plan, mut looked) = plan(device)?;
    let wanted = |task: &&Task| {
        task.kind.as_ref() == config::SPEC.name && matches!(&task.object, Object::Asset(id) if id.as_str() == asset)
    };
    let Some((plan, task)) = plan.as_ref().and_then(|plan| Some((plan, plan.tasks.iter().find(wanted)?))) else {
        looked.retain(|path| path.exists());
        return Err(Failure::usage(unplanned(asset, &looked)));
    };
    let dialect = dialect.or_else(|| task.settings.text("dialect").and_then(Dialect::parse));
    let id = AssetId::new(asset).ok();
    if let Some(path) = task.settings.text(PATH) {
        let unseen = |error: NetError| Failure::unseen(error.to_string());
        let file = file_of(Path::new(path), &names(task)).map_err(unseen)?;
        let text = read_file(&file).map_err(unseen)?;
        let capture = Capture::of(text);
        return Ok(Collected { target: file.display().to_string(), asset: id, dialect, capture });
    }
    let secret = task.secret.as_ref().and_then(|name| plan.secrets.get(name));
    let (Some(secret), Some(host)) = (secret, task.target.host.clone()) else {
        return Err(Failure::usage(pick(
            format!("资产 {asset} 不经 SSH 采集；本机请用 --host"),
            format!("asset {asset} is not read over SSH; this machine is read with --host"),
        )));
    };
    let aim = Aim {
        host,
        port: task.target.port.unwrap_or(PORT),
        secret: secret.clone(),
        host_key: device.host_key.clone().or_else(|| task.settings.text("host_key").map(str::to_owned)),
        dialect,
        within: device.within,
    };
    let capture = block_on(1, read(&aim))??;
    Ok(Collected { target: asset.to_owned(), asset: id, dialect, capture })
}

fn unplanned(asset: &str, looked: &[PathBuf]) -> String {
    let Some(file) = looked.first().map(|path| path.display()) else {
        return pick(
            format!(
                "本机没有探针计划；请在采集 {asset} 的探针所在主机上运行，或用 --data 指定探针的数据目录，或加 --user 和 --secret"
            ),
            format!(
                "no agent keeps a plan here; run it where the agent of {asset} is, name that agent's directory with --data, or give \
                 --user and --secret"
            ),
        );
    };
    pick(
        format!("{file} 中没有资产 {asset} 的配置采集任务"),
        format!("{file} has no task that reads the configuration of asset {asset}"),
    )
}

/// The plan of this machine's agent, be it alone or beside its console, and where it was looked for.
fn plan(device: &Device) -> Result<(Option<Plan>, Vec<PathBuf>), Failure> {
    let data = data_dir(device.data.clone());
    let mut places = vec![data.join("agent/plan.json"), data.join("plan.json")];
    if device.data.is_none() {
        places.push(PathBuf::from("/var/lib/fengsui-agent/plan.json"));
    }
    for place in &places {
        let found = crate::config::plan::load(place).map_err(|error| unreadable(place, &error))?;
        if found.is_some() {
            return Ok((found, vec![place.clone()]));
        }
    }
    Ok((None, places))
}

fn host_and_port(target: &str) -> Result<(&str, u16), Failure> {
    // A bare IPv6 address has colons, too.
    let bare = target.parse::<std::net::IpAddr>().is_ok();
    let Some((host, port)) = target.rsplit_once(':').filter(|_| !bare) else { return Ok((target, PORT)) };
    let port = port.parse().map_err(|_| {
        Failure::usage(pick(format!("`{target}`：端口有误"), format!("`{target}`: `{port}` is no port")))
    })?;
    Ok((host.trim_start_matches('[').trim_end_matches(']'), port))
}

async fn read(aim: &Aim) -> Result<Capture, Failure> {
    let clock = Clock::system();
    let deadline = clock.mono().plus(aim.within);
    let unseen = |error: NetError| Failure::unseen(error.to_string());
    let found = resolver::resolve_by(&aim.host, aim.port, Family::Any, deadline, &clock).await.map_err(unseen)?;
    let opened = Terminal::open(&found, &aim.secret, aim.host_key.as_deref(), deadline, &clock).await;
    let mut terminal = opened.map_err(|error| match &error {
        SshError::NewKey { peer, key } => Failure::unseen(pick(
            format!("{peer} 的主机密钥是 {key}；请与设备上的指纹核对，无误后加 --host-key {key}"),
            format!("the key of {peer} is {key}; compare it with the device's own, then add --host-key {key}"),
        )),
        SshError::Secret(_) => Failure::usage(error.to_string()),
        _ => Failure::unseen(error.to_string()),
    })?;
    let capture = converse(&mut terminal, aim.dialect, deadline, &clock).await;
    terminal.close().await;
    capture.map_err(unseen)
}
