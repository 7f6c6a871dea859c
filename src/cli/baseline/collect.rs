//! `baseline check --collect HOST`: the configuration of one device, read over SSH as an agent does it. A device whose
//! key was not named is not logged in to; its fingerprint is told, so that somebody can compare it.

use std::path::PathBuf;
use std::time::Duration;

use crate::baseline::dialect::Dialect;
use crate::baseline::recipe::Capture;
use crate::cli::client::unreadable;
use crate::cli::secret::ssh;
use crate::cli::text::{parse_duration, pick};
use crate::cli::{Failure, block_on};
use crate::model::{Secret, SecretText};
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::resolver::{self, Family};
use crate::net::ssh::{SshError, Terminal};
use crate::probe::config::{PORT, converse};

/// Whom to ask, and as whom. Passwords and keys stand in files: argv is for everybody to read.
#[derive(Debug, Clone, clap::Args)]
pub struct Device {
    /// Read this device over SSH: HOST or HOST:PORT
    #[arg(long, value_name = "HOST", requires_all = ["user", "secret"])]
    collect: Option<String>,
    /// User of the device
    #[arg(long, value_name = "NAME", requires = "collect")]
    user: Option<String>,
    /// File with its password, or with its private key in OpenSSH's form
    #[arg(long, value_name = "FILE", requires = "collect")]
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
}

/// What a device said.
pub(super) struct Collected {
    /// The device, as it was named.
    pub(super) target: String,
    /// Its configuration.
    pub(super) capture: Capture,
}

/// Reads it, if one is named.
pub(super) fn collect(device: &Device, dialect: Option<Dialect>) -> Result<Option<Collected>, Failure> {
    let Some(target) = &device.collect else { return Ok(None) };
    let lines: Vec<SecretText> = match &device.secret {
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
            text.lines().filter(|l| !l.is_empty()).map(SecretText::new).collect()
        }
        None => Vec::new(),
    };
    let secret = ssh(device.user.clone(), device.old.clone(), &lines)?;
    let capture = block_on(1, read(device, target, &secret, dialect))??;
    Ok(Some(Collected { target: target.clone(), capture }))
}

async fn read(device: &Device, target: &str, secret: &Secret, dialect: Option<Dialect>) -> Result<Capture, Failure> {
    let clock = Clock::system();
    let deadline = clock.mono().plus(device.within);
    let unseen = |error: NetError| Failure::unseen(error.to_string());
    // A bare IPv6 address has colons, too.
    let bare = target.parse::<std::net::IpAddr>().is_ok();
    let (host, port) = match target.rsplit_once(':').filter(|_| !bare) {
        Some((host, port)) => {
            let port = port.parse().map_err(|_| {
                Failure::usage(pick(format!("`{target}`：端口有误"), format!("`{target}`: `{port}` is no port")))
            })?;
            (host.trim_start_matches('[').trim_end_matches(']'), port)
        }
        None => (target, PORT),
    };
    let found = resolver::resolve_by(host, port, Family::Any, deadline, &clock).await.map_err(unseen)?;
    let opened = Terminal::open(&found, secret, device.host_key.as_deref(), deadline, &clock).await;
    let mut terminal = opened.map_err(|error| match &error {
        SshError::NewKey { peer, key } => Failure::unseen(pick(
            format!("{peer} 的主机密钥是 {key}；请与设备上的指纹核对，无误后加 --host-key {key}"),
            format!("the key of {peer} is {key}; compare it with the device's own, then add --host-key {key}"),
        )),
        SshError::Secret(_) => Failure::usage(error.to_string()),
        _ => Failure::unseen(error.to_string()),
    })?;
    let capture = converse(&mut terminal, dialect, deadline, &clock).await;
    terminal.close().await;
    capture.map_err(unseen)
}
