//! `fengsui replay`: plays a scenario of faults on simulated devices, and prints each step.

use std::path::PathBuf;

use super::snmp::{read_bounded, shown};
use super::text::{local_time, pick};
use super::{Answer, Exit, Failure, Format, block_on, print, say};
use crate::net::clock::Clock;
use crate::sim::play::SPEEDS;
use crate::sim::recording::MAX_BYTES;
use crate::sim::{Action, Played, Scenario, World, play};

/// A script longer than this is no script.
const MAX_SCRIPT: u64 = 1024 * 1024;

/// Options of `replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Scenario, TOML; see docs/simulator.md
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Seed of the jitter, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// So many times as fast
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Keep the devices after the last step, until Ctrl-C
    #[arg(long)]
    pub hold: bool,
    /// How to print: table or json (one object a line)
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if SPEEDS.contains(&speed) => Ok(speed),
        _ => Err(format!("a speed is {} to {}", SPEEDS.start(), SPEEDS.end())),
    }
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::log::start();
    let file = shown(&args.scenario);
    let bytes = read_bounded(&args.scenario, MAX_SCRIPT).map_err(|why| Failure::usage(format!("{file}: {why}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{file}: {}", pick("不是 UTF-8 文本", "it is not UTF-8 text"))))?;
    // Recordings are named from where the scenario stands.
    let folder = args.scenario.parent().map(PathBuf::from).unwrap_or_default();
    let open = |name: &str| read_bounded(&folder.join(name), MAX_BYTES);
    let scenario = Scenario::parse(&file, &text, &open).map_err(|bad| {
        let lines: Vec<String> = bad.iter().map(ToString::to_string).collect();
        Failure::usage(lines.join("\n"))
    })?;
    block_on(2, perform(scenario, args))?
}

async fn perform(scenario: Scenario, args: Args) -> Answer {
    let clock = Clock::system();
    let started = World::start(scenario.devices.clone(), &clock).await;
    let mut world = started.map_err(|error| Failure::unseen(error.to_string()))?;
    for (device, service, address, _) in world.services() {
        match args.format {
            Format::Table => print(&format!("{device}/{service} {address}")),
            Format::Json => print(
                &serde_json::json!({ "v": 1, "device": device, "service": service, "address": address.to_string() })
                    .to_string(),
            ),
        }
    }
    let mut wrong = 0_u32;
    let seed = args.seed.unwrap_or(scenario.seed);
    let told = |played: Played<'_>| {
        wrong += u32::from(played.done.is_err());
        show(&played, args.format);
    };
    let ended = tokio::select! {
        () = play(&mut world, &scenario, seed, args.speed, &clock, told) => true,
        interrupted = super::simulate::wait_for_interrupt() => { interrupted?; false }
    };
    if ended && args.hold {
        say(pick("脚本已播完，设备保持运行；按 Ctrl-C 结束", "the script is over, the devices stay; Ctrl-C ends it"));
        super::simulate::wait_for_interrupt().await?;
    }
    world.stop().await;
    Ok(match (wrong, ended) {
        (1.., _) => Exit::Bad,
        (0, false) => Exit::Interrupted,
        (0, true) => Exit::Good,
    })
}

fn show(played: &Played<'_>, format: Format) {
    let step = played.step;
    let (what, value) = match &step.action {
        Action::Set { what, value } => (Some(what.as_str()), Some(value.as_str())),
        _ => (None, None),
    };
    let error = played.done.as_ref().err().map(ToString::to_string);
    match format {
        Format::Json => print(
            &serde_json::json!({
                "v": 1,
                "at": played.at.to_string(),
                "offset_seconds": played.offset.as_secs_f64(),
                "do": step.action.word(),
                "device": step.device,
                "service": step.service,
                "what": what,
                "to": value,
                "error": error,
            })
            .to_string(),
        ),
        Format::Table => {
            let service = step.service.as_deref().map_or(String::new(), |service| format!("/{service}"));
            let change = what.zip(value).map_or(String::new(), |(what, value)| format!(" {what} = {value}"));
            let error = error.map_or(String::new(), |e| format!("  {}: {e}", pick("未完成", "not done")));
            print(&format!(
                "{} +{:.1}s {} {}{service}{change}{error}",
                local_time(played.at),
                played.offset.as_secs_f64(),
                step.action.word(),
                step.device
            ));
        }
    }
}
