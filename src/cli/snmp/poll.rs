//! `fengsui snmp detect` and `fengsui snmp poll`: which profile a device has and why, and what it says by it.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::super::table::table;
use super::super::text::pick;
use super::super::{Answer, Exit, Failure, Format, calendar, print, say};
use super::{How, REPETITIONS, Who, failed, open};
use crate::config::defs::profile::choose::{Candidate, candidates};
use crate::config::defs::{Definitions, ProfileDef};
use crate::model::device::{CLASSES, Class, DEVICE, Device, Fact, Thing, report};
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::snmp::Session;
use crate::probe::device::fetch::{self, Identity};
use crate::probe::device::{Wanted, evaluate};

/// A device must say what it is within this; its tries are bounded by themselves.
const DETECT: Duration = Duration::from_secs(600);

/// What a device says it is.
async fn identity(session: &Session, clock: &Clock, deadline: Mono) -> Result<Identity, Failure> {
    match Identity::of(session, clock, deadline).await {
        Ok(told) => Ok(told),
        Err(error) => Err(failed(error).await),
    }
}

/// Options of both.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Host or address, with :PORT if it is not 161
    pub target: String,
    /// Who asks.
    #[command(flatten)]
    pub who: Who,
    /// How.
    #[command(flatten)]
    pub how: How,
    /// Directories of definitions that overlay the shipped ones [default: /etc/fengsui]
    #[arg(long, value_name = "DIR")]
    pub definitions: Vec<PathBuf>,
}

/// Says which profile a device has.
pub(super) async fn detect(args: Args) -> Answer {
    let definitions = calendar::in_force(args.definitions.clone())?;
    let session = open(&args.target, &args.who, &args.how).await?;
    let clock = Clock::system();
    let told = identity(&session, &clock, clock.mono().plus(DETECT)).await?;
    let found = candidates(&definitions.profiles, &told.object_id, &told.descr);
    let why: Vec<Json> = found.iter().map(reason).collect();
    let chosen = told.chosen(&definitions.profiles);
    match args.how.format {
        Format::Json => print(
            &json!({
                "v": 1, "profile": chosen.id(), "object_id": dotted(&told.object_id), "description": told.descr,
                "candidates": why,
            })
            .to_string(),
        ),
        Format::Table => tell(&told, &found, &definitions),
    }
    Ok(if found.is_empty() { Exit::Bad } else { Exit::Good })
}

fn reason(candidate: &Candidate<'_>) -> Json {
    json!({
        "profile": candidate.profile.id.as_str(),
        "object_id": dotted(&candidate.matched.object_id),
        "description": candidate.matched.descr.as_ref().map(|regex| regex.as_str()),
        "file": candidate.profile.origin.file,
        "line": candidate.profile.origin.line,
    })
}

fn tell(told: &Identity, found: &[Candidate<'_>], definitions: &Definitions) {
    print(&format!("sysObjectID  {}", dotted(&told.object_id)));
    print(&format!("sysDescr     {}", told.descr));
    let Some(best) = found.first() else {
        let known = definitions.profiles.len();
        return print(&pick(
            format!("没有模板与之相符（共 {known} 个）：只读标准 MIB；如何添加见 docs/adding-a-profile.md"),
            format!(
                "no profile of {known} matches: only standard MIBs are read; docs/adding-a-profile.md tells how to add one"
            ),
        ));
    };
    let name = |profile: &ProfileDef| pick(profile.zh.clone(), profile.en.clone());
    print(&format!("{}  {}  {}", pick("设备模板   ", "profile    "), best.profile.id, name(best.profile)));
    for (at, candidate) in found.iter().enumerate() {
        let begins = dotted(&candidate.matched.object_id);
        let mut why = pick(format!("sysObjectID 以 {begins} 开头"), format!("sysObjectID begins with {begins}"));
        if let Some(regex) = &candidate.matched.descr {
            why += &pick(format!("，sysDescr 符合 {regex}"), format!(", sysDescr matches {regex}"));
        }
        let place = format!("{}:{}", candidate.profile.origin.file, candidate.profile.origin.line);
        let head = if at == 0 { pick("原因", "because") } else { pick("次选", "second") };
        print(&format!("{head}  {}: {why} ({place})", candidate.profile.id));
    }
}

fn dotted(arcs: &[u32]) -> String {
    arcs.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// Reads a device by its profile and prints it.
pub(super) async fn poll(args: Args, within: Duration) -> Answer {
    let definitions = calendar::in_force(args.definitions.clone())?;
    let clock = Clock::system();
    let deadline = clock.mono().plus(within);
    let mut session = open(&args.target, &args.who, &args.how).await?;
    let told = identity(&session, &clock, deadline).await?;
    let chosen = told.chosen(&definitions.profiles);
    session.ask_as(args.how.asking().or(chosen.asking()));
    let wanted = Wanted::of(&chosen, chosen.tables());
    let mut answers = match fetch::fetch(&session, &wanted, REPETITIONS, &clock, deadline).await {
        Ok(answers) => answers,
        Err(error) => return Err(failed(error).await),
    };
    fetch::vlans(&session, &chosen, &mut answers, REPETITIONS, &clock, deadline).await;
    let device = evaluate(&chosen, &answers);
    match args.how.format {
        Format::Json => print(&report::object(&device).to_string()),
        Format::Table => show_device(&device),
    }
    Ok(if device.incomplete.is_empty() { Exit::Good } else { Exit::Unseen })
}

/// A device as tables.
pub(in crate::cli) fn show_device(device: &Device) {
    let told: Vec<Vec<String>> = DEVICE
        .parts
        .iter()
        .zip(&device.facts)
        .filter(|(_, fact)| !fact.is_null())
        .map(|(part, fact)| vec![pick(part.zh, part.en).to_owned(), words(fact)])
        .collect();
    print(&table(&[pick("设备", "device"), ""], &told));
    for (class, things) in CLASSES.iter().zip(&device.things).filter(|(_, things)| !things.is_empty()) {
        print("");
        print(&format!("{} ({})", pick(class.zh, class.en), things.len()));
        print(&of_class(class, things));
    }
    for cut in &device.incomplete {
        let class = Class::named(cut.class).map_or(cut.class, |class| pick(class.zh, class.en));
        let (zh, en) = match device.kept(cut.class) {
            (rows, Some(at)) => (
                format!("；保留旧行 {rows} 行，最早见于 {at}"),
                format!("; {rows} rows of before are kept, the oldest of {at}"),
            ),
            _ => Default::default(),
        };
        say(&pick(
            format!("不完整：{class}：{}{zh}", cut.reason),
            format!("incomplete: {class}: {}{en}", cut.reason),
        ));
    }
}

/// A table of the columns in which anything stands.
fn of_class(class: &Class, things: &[Thing]) -> String {
    let filled = |at: usize| things.iter().any(|thing| thing.facts.get(at).is_some_and(|fact| !fact.is_null()));
    let columns: Vec<usize> = (0..class.parts.len()).filter(|at| filled(*at)).collect();
    let head: Vec<&str> =
        columns.iter().filter_map(|at| class.parts.get(*at)).map(|part| pick(part.zh, part.en)).collect();
    let row = |thing: &Thing| {
        columns.iter().map(|at| thing.facts.get(*at).map(words).unwrap_or_default()).collect::<Vec<String>>()
    };
    table(&head, &things.iter().map(row).collect::<Vec<_>>())
}

fn words(fact: &Fact) -> String {
    match fact {
        Fact::Null => String::new(),
        Fact::Text(text) => text.to_string(),
        Fact::Number(number) => number.to_string(),
        Fact::Count(count) => count.to_string(),
    }
}
