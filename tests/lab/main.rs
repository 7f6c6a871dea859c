//! The lab: a prefecture's network in namespaces with real routing, the real console and agents on it, faults by a
//! script or by chance, and the incidents that must come of them. `tests/lab/run` builds and starts it.
//!
//! ```text
//! lab [FILE...]                  scenarios; those of tests/lab if none is named
//! lab --faults N [--seed S]      faults drawn by a seed
//! lab relay [--seed S] NAME INTERFACE INTERFACE...   the impairment relay alone
//! lab record SECONDS             how a full queue loses, for tests/recordings
//! lab flood ADDRESS KILOBITS     traffic of so many kilobits a second
//! ```
//!
//! Exit 1: something was not as expected. 3: this machine allows no namespaces, or lacks a program.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // a program for tests: it reads arguments, starts processes, sends traffic
#![allow(clippy::unwrap_used)]

mod fault;
mod figures;
mod impair;
mod judge;
mod packet;
mod play;
mod random;
mod record;
mod relay;
mod scenario;
mod stage;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use fengsui::net::clock::Clock;

use figures::Figures;
use play::Lab;
use scenario::Scenario;
use stage::Stage;
use tokio::signal::unix::{SignalKind, signal};
use world::World;

/// Programs of other packages that the network is made of, and where FRR's are.
const NEEDS: &[&str] =
    &["ip", "chrt", "nft", "tc", "ethtool", "vtysh", "snmpd", "snmpwalk", "lldpd", "/usr/lib/frr/ospfd"];
/// An agent that has just begun does not know yet what is usual, and waits longer for an answer.
const LEARN: Duration = Duration::from_secs(50);
/// Scenarios that are played together begin so long after each other.
const APART: Duration = Duration::from_millis(700);

/// What was asked for.
struct Asked {
    files: Vec<PathBuf>,
    faults: usize,
    seed: u64,
    tool: Option<String>,
    words: Vec<String>,
}

/// Parts of the lab that can be run by themselves.
const TOOLS: &[&str] = &["relay", "record", "send", "hear", "flood"];

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if let Some(tool) = &asked.tool {
        return match use_tool(tool, &asked) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{tool}: {error}");
                ExitCode::from(3)
            }
        };
    }
    let scenarios = match scenarios(&asked) {
        Ok(scenarios) => scenarios,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let missing = NEEDS.iter().find(|program| !is_there(program)).copied();
    if let Some(missing) = missing.or((!has_ospf_mib()).then_some("frr-snmp")) {
        println!("not run: lab because {missing} is not installed");
        return ExitCode::from(3);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(&scenarios))
}

fn use_tool(tool: &str, asked: &Asked) -> std::io::Result<()> {
    let words: Vec<&str> = asked.words.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse().map_err(|_| std::io::Error::other(format!("`{word}` is no number")));
    match (tool, words.as_slice()) {
        ("relay", _) => relay::run(&asked.words, asked.seed),
        ("record", [seconds]) => record::run(number(seconds)?, asked.seed),
        ("send", [to, seconds]) => record::send(to, number(seconds)?, asked.seed),
        ("hear", [at]) => record::hear(at),
        ("flood", [to, kilobits]) => fault::flood(to, number(kilobits)?),
        _ => Err(std::io::Error::other("other words are needed: see tests/lab/main.rs")),
    }
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { files: Vec::new(), faults: 0, seed: 1, tool: None, words: Vec::new() };
    while let Some(word) = words.next() {
        let mut number = |name: &str| {
            let value = words.next().and_then(|n| n.parse().ok());
            value.ok_or_else(|| format!("{name} takes a number"))
        };
        match word.as_str() {
            "--faults" => asked.faults = usize::try_from(number("--faults")?).unwrap_or(usize::MAX),
            "--seed" => asked.seed = number("--seed")?,
            "--bench" => {} // cargo passes it
            tool if asked.tool.is_none() && asked.files.is_empty() && TOOLS.contains(&tool) => {
                asked.tool = Some(word)
            }
            _ if asked.tool.is_some() => asked.words.push(word),
            _ => asked.files.push(word.into()),
        }
    }
    Ok(asked)
}

/// What to play: rounds of drawn faults, or the files, of which those that may are played together.
fn scenarios(asked: &Asked) -> Result<Vec<Scenario>, String> {
    if asked.faults > 0 {
        return Ok(random::draw(asked.faults, asked.seed));
    }
    let mut files = asked.files.clone();
    if files.is_empty() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/scenarios");
        let entries = std::fs::read_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        files = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|p| p.extension().is_some_and(|e| e == "toml"))
            .collect();
        files.sort();
    }
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
        text.and_then(|text| Scenario::parse(&text)).map_err(|error| format!("{}: {error}", file.display()))
    };
    let (alone, many): (Vec<Scenario>, Vec<Scenario>) =
        files.iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter().partition(|s| s.alone);
    for one in &many {
        println!("together: {}", one.title);
    }
    let together = (!many.is_empty()).then(|| Scenario::together(&many, APART));
    Ok(together.into_iter().chain(alone).collect())
}

fn is_there(program: &str) -> bool {
    let paths = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    if program.starts_with('/') {
        Path::new(program).exists()
    } else {
        paths.iter().any(|p| Path::new(p).join(program).exists())
    }
}

/// FRR's OSPF-MIB lies in the folder of the machine's architecture.
fn has_ospf_mib() -> bool {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    folders.into_iter().any(|folder| folder.join("frr/modules/ospfd_snmp.so").exists())
}

/// Why nothing, or no more, could be played.
enum Stop {
    /// This machine cannot.
    NotHere(String),
    /// The lab itself, or the program under test, does not work.
    Broken(String),
}

/// Builds the network, plays, and tells.
async fn run(scenarios: &[Scenario]) -> ExitCode {
    let dir = tempfile::tempdir().unwrap();
    // FRR's own user must come through to its folders.
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let played = tokio::select! {
        played = async {
            match build(dir.path()).await {
                Ok(mut lab) => play_all(&mut lab, scenarios).await,
                Err(stop) => Err(stop),
            }
        } => played,
        // The network is taken down as at any other end.
        () = told_to_end() => Err(Stop::Broken("it was told to end".into())),
    };
    match played {
        Ok(0) => return ExitCode::SUCCESS,
        Ok(_) => {}
        Err(Stop::NotHere(why)) => {
            println!("not run: lab because {why}");
            return ExitCode::from(3);
        }
        Err(Stop::Broken(why)) => println!("the lab is broken: {why}"),
    }
    // A run that failed leaves its logs.
    println!("logs and data: {}", dir.keep().display());
    ExitCode::from(1)
}

/// Returns on Ctrl-C and SIGTERM.
async fn told_to_end() {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// The network with the program on it, every router seeing its neighbours.
async fn build(dir: &Path) -> Result<Lab, Stop> {
    let clock = Clock::system();
    let began = clock.mono();
    let mut world = World::build(dir).map_err(Stop::NotHere)?;
    // Before anybody looks: what is not routed yet would be an incident that is over, and explain what comes after it.
    while !world.is_routed() {
        if clock.mono().since(began) > stage::PATIENCE {
            return Err(Stop::Broken("routers do not see their neighbours".into()));
        }
        clock.sleep(Duration::from_millis(200)).await;
    }
    let stage = Stage::set(&world, dir).await.map_err(Stop::Broken)?;
    let told = async |_: &Stage| world::WITH_SNMP.iter().all(|router| world.tells_neighbours(router));
    stage.until("routers to tell their neighbours by SNMP", told).await.map_err(Stop::Broken)?;
    println!("the network stands after {:.1} s", clock.mono().since(began).as_secs_f64());
    clock.sleep(LEARN).await;
    let _ = world.counts(); // forgets how late the first frames were
    Ok(Lab { world, stage, clock })
}

/// Plays one after another; answers how many were not as expected.
async fn play_all(lab: &mut Lab, scenarios: &[Scenario]) -> Result<usize, Stop> {
    let began = lab.clock.mono();
    let (mut figures, mut right, mut false_causes, mut bad) = (Figures::default(), 0, 0, 0);
    for scenario in scenarios {
        let from = lab.clock.mono();
        let verdict = lab.play(scenario).await.map_err(Stop::Broken)?;
        let took = lab.clock.mono().since(from).as_secs_f64();
        println!("{} {took:>6.1} s  {}", if verdict.wrong.is_empty() { "ok    " } else { "FAILED" }, scenario.title);
        for wrong in &verdict.wrong {
            println!("         {wrong}");
        }
        bad += usize::from(!verdict.wrong.is_empty());
        right += verdict.right;
        false_causes += verdict.false_causes;
        figures.extend(verdict.figures);
    }
    let faults: usize = scenarios.iter().map(|s| s.faults.len()).sum();
    let of = scenarios.len();
    let (causes, misplaced) = figures.causes();
    println!(
        "\n{faults} faults in {:.0} s: {right} incidents as expected, root causes {causes} right and {misplaced} wrong, \
         {false_causes} false incidents, {bad} of {of} plays failed",
        lab.clock.mono().since(began).as_secs_f64()
    );
    for line in figures.lines() {
        println!("  {line}");
    }
    for slow in figures.too_slow() {
        println!("  {slow}");
        bad += 1;
    }
    if let Ok(counts) = lab.world.counts() {
        println!("  relay: frames put out late by {} us", counts["late_us"]);
    }
    for complaint in lab.stage.complaints().iter().take(20) {
        println!("  {complaint}");
    }
    Ok(bad)
}
