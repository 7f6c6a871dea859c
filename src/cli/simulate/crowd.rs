//! One recording at thousands of addresses, as a load target.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{Args, answering, read};
use crate::cli::text::{parse_duration, pick};
use crate::cli::{Answer, Exit, Failure, block_on, print};
use crate::model::Secret;
use crate::net::clock::Clock;
use crate::net::serve;
use crate::sim::crowd::{Fault, Template, Vices};
use crate::sim::recording;

/// Options that make many devices of one recording.
#[derive(Debug, Clone, clap::Args)]
pub struct Many {
    /// Serve one recording at so many addresses, as a load target (v1 and v2c)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), requires = "community", conflicts_with = "v3_user")]
    pub devices: Option<u32>,
    /// How long each answer is held back
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "devices")]
    pub delay: Option<Duration>,
    /// Share of requests to treat so, such as loss=0.1: loss, truncate, duplicate, wrong-source, gen-err, non-increasing; dead = of devices
    #[arg(long = "fault", value_name = "FAULT=SHARE", value_parser = share, requires = "devices")]
    pub faults: Vec<(Fault, f64)>,
    /// Behind each line answer the next one of the file, as a device does that does not sort what it has
    #[arg(long, requires = "devices")]
    pub as_recorded: bool,
    /// Bytes of an answer at most
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(100..=65_507), default_value = "1472", requires = "devices")]
    pub answer_bytes: u32,
    /// Seed of the faults
    #[arg(long, value_name = "N", default_value_t = 1, requires = "devices")]
    pub seed: u64,
}

/// Reads `loss=0.1`.
fn share(text: &str) -> Result<(Fault, f64), String> {
    let read = text.split_once('=').and_then(|(name, share)| Some((Fault::parse(name)?, share.parse::<f64>().ok()?)));
    read.filter(|(_, share)| (0.0..=1.0).contains(share)).ok_or_else(|| {
        let known: Vec<&str> = Fault::ALL.iter().map(|(_, name)| *name).collect();
        let known = known.join(", ");
        pick(
            format!("`{text}` 不是 故障=比例（0 到 1）；故障有 {known}"),
            format!("`{text}` is no FAULT=SHARE with a share of 0 to 1; faults are {known}"),
        )
    })
}

/// Runs it.
pub(super) fn run(args: &Args, secrets: Vec<Secret>) -> Answer {
    let count = args.many.devices.unwrap_or(1);
    let Some(Secret::SnmpCommunity { community, .. }) = secrets.into_iter().next() else {
        return Err(Failure::usage(pick("--devices 需要 --community NAME", "--devices needs --community NAME")));
    };
    let (IpAddr::V4(first), IpAddr::V4(last)) = (args.listen.first, args.listen.last) else {
        return Err(Failure::usage(pick("--devices 只用于 IPv4 地址", "--devices takes IPv4 addresses only")));
    };
    let room = u32::from(last) - u32::from(first) + 1;
    if room < count {
        return Err(Failure::usage(pick(
            format!("--listen 只有 {room} 个地址，不足 {count} 台设备：请给更大的网段"),
            format!("--listen has {room} addresses for {count} devices: give a wider network"),
        )));
    }
    let mut lines = read(&args.path, recording::lines).map_err(|lines| Failure::usage(lines.join("\n")))?;
    if !args.many.as_recorded {
        lines = lines.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
    }
    let mut vices = Vices::new(args.many.seed, args.many.answer_bytes as usize);
    args.many.faults.iter().for_each(|(fault, share)| vices.set(*fault, *share));
    let template = Template::new(lines, community.expose(), first, count, vices, Clock::system());
    let delay = args.many.delay.unwrap_or_default();
    let (port, loopback) = (args.listen.port, first.is_loopback() && last.is_loopback());
    let answer = async {
        let served = serve::crowd(port, loopback, delay, Box::new(template)).await;
        let served = served.map_err(|error| Failure::unseen(error.to_string()))?;
        let (shown, port) = (super::shown(&args.path), served.address().port());
        print(&format!(
            "udp {first}:{port} - {}:{port} -> {shown}",
            std::net::Ipv4Addr::from(u32::from(first) + count - 1)
        ));
        answering().await?;
        served.stop().await;
        Ok(Exit::Good)
    };
    block_on(1, answer)?
}
