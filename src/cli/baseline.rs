//! `fengsui baseline`: saved configurations or a Linux host judged against the policy, what a check means, and whether
//! the policy is sound. Reads files, and one device where it is told to; writes but the file that it is told to. What a
//! console has to keep goes through `import` and `waiver`.

mod collect; // a configuration read over SSH
mod host;
mod import;
mod keys;
mod sheet;
mod waiver;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::client::unreadable;
use super::table::table;
use super::text::pick;
use super::{Answer, Exit, Failure, Format, complain, print, say};
use crate::baseline::dialect::{Dialect, MAX_BYTES, Snapshot};
use crate::baseline::inspect::{Taken, inspect};
use crate::baseline::judge::{self, Verdict};
use crate::baseline::policy::{self, Check, Policy, Profile, Words};
use crate::baseline::record;
use crate::model::Wall;
use crate::model::finding::{Inspection, Origin};
use crate::net::clock::Clock;

/// Options of `baseline`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Judge configurations of devices, or a Linux host; exit 1 if a check fails, 3 if one could not be judged
    Check {
        /// Saved configuration, or a captured session (repeat for more)
        #[arg(long, value_name = "FILE", required_unless_present_any = ["host", "collect"], num_args = 1..)]
        config: Vec<PathBuf>,
        /// Judge this machine instead
        #[arg(long, conflicts_with_all = ["config", "dialect", "collect"])]
        host: bool,
        /// With --host: directory that holds a system's files, such as a mounted image [default: /]
        #[arg(long, value_name = "DIR", requires = "host")]
        root: Option<PathBuf>,
        /// Also write what came of it to a file that a console can import; - writes it and prints nothing else
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Read over SSH.
        #[command(flatten)]
        device: collect::Device,
        /// Command language: huawei-vrp, huawei-vrp8, h3c-comware, h3c-comware5, cisco-ios, ruijie-rgos [default: recognised]
        #[arg(long, value_name = "DIALECT", value_parser = dialect)]
        dialect: Option<Dialect>,
        /// Protection level: l2, l3, or a profile of your own
        #[arg(long, value_name = "PROFILE", default_value = "l3")]
        profile: String,
        /// Directories of checks that overlay the shipped ones [default: /etc/fengsui/baseline]
        #[arg(long, value_name = "DIR")]
        policy: Vec<PathBuf>,
        /// How to print: table, or json (one object a check)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// What a check asks for: clause, commands by dialect, defaults, sources, tests
    Explain {
        /// Check, such as D06
        check: String,
        /// Directories of checks that overlay the shipped ones [default: /etc/fengsui/baseline]
        #[arg(long, value_name = "DIR")]
        policy: Vec<PathBuf>,
    },
    /// Read the policy and run the tests that its checks carry; exit 2 if something is wrong
    Test {
        /// Directories of checks that overlay the shipped ones [default: /etc/fengsui/baseline]
        #[arg(long, value_name = "DIR")]
        policy: Vec<PathBuf>,
    },
    /// Hand results that `baseline check --out` wrote to a console
    Import(import::Args),
    /// List and accept keys of devices that are read over SSH
    Keys(keys::Args),
    /// Write the record sheet (结果记录表): a row an item an asset
    Export(sheet::Export),
    /// Read a record sheet that was filled in: print what it would answer; exit 1 if rows are bad
    Answers(sheet::Answers),
    /// Grant, list and take back waivers (例外)
    Waiver(waiver::Args),
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    match args.what {
        What::Check { config, host, root, out, device, dialect, profile, policy, format } => {
            let policy = load(policy)?;
            let known = || policy.profiles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let profile = policy.profiles.get(&profile).ok_or_else(|| {
                Failure::usage(pick(
                    format!("没有检查方案 `{profile}`；现有：{}", known()),
                    format!("there is no profile `{profile}`; there are: {}", known()),
                ))
            })?;
            let mut told = Told { format, out, lines: String::new() };
            if host {
                return host::check(root.as_deref(), &policy, profile, told);
            }
            let mut texts = Vec::new();
            if let Some(collected) = collect::collect(&device, dialect)? {
                texts.push(Text::Read(Box::new(collected)));
            }
            texts.extend(config.into_iter().map(Text::File));
            let exit = check(texts, dialect, &policy, profile, &mut told)?;
            told.write()?;
            Ok(exit)
        }
        What::Explain { check, policy } => {
            let policy = load(policy)?;
            let found = policy.checks.get(&check.to_uppercase()).or_else(|| policy.checks.get(&check));
            let found = found.ok_or_else(|| {
                let known = policy.checks.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
                Failure::usage(pick(
                    format!("没有检查项 `{check}`；现有：{known}"),
                    format!("there is no check `{check}`; there are: {known}"),
                ))
            })?;
            explain(found);
            Ok(Exit::Good)
        }
        What::Test { policy } => test(policy),
        What::Import(args) => import::run(args),
        What::Keys(args) => keys::run(args),
        What::Export(args) => sheet::export(args),
        What::Answers(args) => sheet::answers(args),
        What::Waiver(args) => waiver::run(args),
    }
}

fn dialect(text: &str) -> Result<Dialect, String> {
    let known = Dialect::ALL.map(Dialect::as_str).join(", ");
    let wrong = || pick(format!("没有 `{text}`；可用：{known}"), format!("there is no `{text}`; there are: {known}"));
    Dialect::parse(text).ok_or_else(wrong)
}

fn load(mut overlays: Vec<PathBuf>) -> Result<Policy, Failure> {
    if overlays.is_empty() {
        overlays.push(PathBuf::from(policy::OWN));
    }
    let loaded = policy::load(&overlays);
    if loaded.usable() {
        return Ok(loaded.policy);
    }
    Err(Failure::usage(loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// What is judged.
enum Text {
    /// A file, which is read when its turn comes: there may be a thousand.
    File(PathBuf),
    /// What a device said.
    Read(Box<collect::Collected>),
}

fn check(texts: Vec<Text>, dialect: Option<Dialect>, policy: &Policy, profile: &Profile, told: &mut Told) -> Answer {
    let (mut failed, mut unseen) = (false, false);
    for text in texts {
        let at = Clock::system().wall();
        let (name, (bytes, at), dialect, version, asset_id) = match text {
            Text::File(file) => (file.display().to_string(), bytes(&file, at)?, dialect, None, None),
            Text::Read(read) => {
                (read.target, (read.capture.text, at), dialect.or(read.dialect), read.capture.version, read.asset)
            }
        };
        let snapshots = match Snapshot::read(&name, &bytes, dialect) {
            Ok(mut all) => {
                all.iter_mut().filter(|s| s.version.is_none()).for_each(|s| s.version.clone_from(&version));
                all
            }
            Err(error) => {
                say(&pick(format!("{name}：{}", error.zh()), format!("{name}: {error}")));
                unseen = true;
                continue;
            }
        };
        for snapshot in &snapshots {
            let findings = judge::judge(policy, profile, snapshot);
            failed |= findings.iter().any(|f| f.verdict == Verdict::Fail);
            unseen |= findings.iter().any(|f| f.verdict == Verdict::Error);
            let asset = record::asset(snapshot);
            let version = snapshot.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
            let head = format!("{asset} ({}, {}{version})", snapshot.file, snapshot.dialect.as_str());
            told.tell(&findings, &asset, &head, |e| e.line_from.to_string());
            if told.out.is_some() {
                let taken = Taken { asset: asset_id.clone(), at, origin: Origin::Imported };
                told.keep(&inspect(policy, profile, snapshot, taken, None));
            }
        }
    }
    Ok(exit(failed, unseen))
}

/// What the findings together mean for the caller.
const fn exit(failed: bool, unseen: bool) -> Exit {
    match (failed, unseen) {
        (true, _) => Exit::Bad,
        (false, true) => Exit::Unseen,
        (false, false) => Exit::Good,
    }
}

/// Where findings go: to the reader, and into a file for a console.
struct Told {
    format: Format,
    out: Option<PathBuf>,
    /// Of that file, an inspection a line.
    lines: String,
}

impl Told {
    /// Prints findings; `place` says where a piece of evidence stands.
    fn tell(&self, findings: &[judge::Finding<'_>], asset: &str, head: &str, place: fn(&judge::Evidence) -> String) {
        if self.out.as_deref() == Some(Path::new("-")) {
            return;
        }
        match self.format {
            Format::Json => {
                findings.iter().for_each(|f| print(&record::object(asset, &record::finding(f)).to_string()));
            }
            Format::Table => {
                print(head);
                show(findings, place);
            }
        }
    }

    fn keep(&mut self, inspection: &Inspection) {
        self.lines.push_str(&serde_json::to_string(inspection).unwrap_or_default());
        self.lines.push('\n');
    }

    /// Writes the file, if there is to be one.
    fn write(self) -> Result<(), Failure> {
        let Some(file) = self.out else { return Ok(()) };
        if file == Path::new("-") {
            print(self.lines.trim_end());
            return Ok(());
        }
        std::fs::write(&file, self.lines).map_err(|error| {
            let file = file.display();
            Failure::usage(pick(format!("无法写入 {file}：{error}"), format!("cannot write {file}: {error}")))
        })
    }
}

/// A file's bytes, of one that is too large only enough for the reader to say so, and when it was written; `now` if
/// that is not known.
fn bytes(file: &Path, now: Wall) -> Result<(Vec<u8>, Wall), Failure> {
    let mut bytes = Vec::new();
    let mut read = || {
        let file = std::fs::File::open(file)?;
        let written = file.metadata()?.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(written)
    };
    let written: Option<std::time::Duration> = read().map_err(|e: std::io::Error| unreadable(file, &e))?;
    let at = written.and_then(|d| i64::try_from(d.as_millis()).ok()).map_or(now, Wall::from_millis);
    Ok((bytes, at.min(now)))
}

fn show(findings: &[judge::Finding<'_>], place: fn(&judge::Evidence) -> String) {
    let row = |f: &judge::Finding<'_>| {
        let lines: Vec<String> = f.evidence.iter().map(place).collect();
        let words = record::sentence(f);
        vec![
            f.check.id.clone(),
            pick(f.verdict.zh(), f.verdict.as_str()).to_owned(),
            pick(severity_zh(f.check.severity.as_str()), f.check.severity.as_str()).to_owned(),
            f.check.clause.l3.clone(),
            lines.join(","),
            own(&f.check.title).to_owned(),
            own(&words).to_owned(),
        ]
    };
    let head = pick(
        ["检查项", "结果", "等级", "条款", "行", "名称", "记录"],
        ["check", "result", "severity", "clause", "lines", "title", "record"],
    );
    print(&table(&head, &findings.iter().map(row).collect::<Vec<_>>()));
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let all = [Verdict::Pass, Verdict::Partial, Verdict::Fail, Verdict::Na, Verdict::Manual, Verdict::Error];
    let counts = all.map(|v| format!("{} {}", pick(v.zh(), v.as_str()), count(v)));
    print(&counts.join(pick("，", ", ")));
    if (count(Verdict::Na) + count(Verdict::Error)) * 2 > findings.len() {
        say(pick(
            "警告：一半以上的检查项不适用或未能核查，这次检查不能说明问题",
            "warning: more than half of the checks are not applicable or could not be judged: this run proves little",
        ));
    }
}

fn severity_zh(word: &str) -> &str {
    match word {
        "critical" => "紧急",
        "high" => "重要",
        "medium" => "次要",
        _ => "提示",
    }
}

/// A text in the reader's language.
fn own(words: &Words) -> &str {
    pick(&words.zh, &words.en)
}

fn explain(check: &Check) {
    let weight = check.severity.as_str();
    print(&format!("{} {} [{}]", check.id, own(&check.title), pick(severity_zh(weight), weight)));
    print(&format!("{}: {}", pick("条款", "clauses"), check.clause.ids().join(", ")));
    print(&format!("  {}", own(&check.clause.words)));
    if check.major_hazard {
        print(pick("可能属于重大风险隐患", "may be a major hazard"));
    }
    if !own(&check.compensating).is_empty() {
        print(&format!("{}: {}", pick("补偿因素", "compensated by"), own(&check.compensating)));
    }
    for (name, value) in &check.params {
        print(&format!("{} {name} = {value}", pick("参数", "parameter")));
    }
    let meaning = |names: &[&str], asks: &[String], source: &str, fix: &str| {
        print(&format!("\n{}", names.join(", ")));
        asks.iter().for_each(|line| print(&format!("  {line}")));
        print(&format!("  {}: {source}", pick("来源", "source")));
        print(&format!("  {}: {}", pick("整改", "fix"), fix.replace('\n', "\n    ")));
    };
    for variant in &check.hosts {
        let names: Vec<&str> = variant.os.iter().map(|f| f.as_str()).collect();
        meaning(&names, &variant.asks, &variant.source, &variant.fix);
        let expects: Vec<&str> = variant.vectors.iter().map(|v| v.expect.as_str()).collect();
        print(&format!("  {} {}", pick("用例", "tests"), expects.join(", ")));
    }
    for variant in &check.variants {
        let names: Vec<&str> = variant.os.iter().map(|d| d.as_str()).collect();
        meaning(&names, &variant.asks, &variant.source, &variant.fix);
        for vector in &variant.vectors {
            print(&format!(
                "  {} {}: {}",
                pick("用例", "test"),
                vector.expect.as_str(),
                vector.config.replace('\n', " / ")
            ));
        }
    }
    if !check.not_in.is_empty() {
        let names: Vec<&str> = check.not_in.iter().map(|d| d.as_str()).collect();
        print(&format!("\n{}: {}", pick("不适用", "not applicable"), names.join(", ")));
    }
    print(&format!("\n{}:{}", check.file, check.line));
}

fn test(overlays: Vec<PathBuf>) -> Answer {
    let policy = load(overlays)?;
    let wrong: Vec<String> = policy.checks.values().flat_map(|check| judge::vectors(&policy, check)).collect();
    wrong.iter().for_each(|line| complain(line));
    if !wrong.is_empty() {
        return Ok(Exit::Usage);
    }
    let devices = policy.checks.values().flat_map(|c| &c.variants).map(|v| v.vectors.len());
    let hosts = policy.checks.values().flat_map(|c| &c.hosts).map(|v| v.vectors.len());
    let vectors: usize = devices.chain(hosts).sum();
    let checks = policy.checks.len();
    print(&pick(
        format!("没有错误：检查项 {checks}，用例 {vectors}"),
        format!("no mistakes: {checks} checks, {vectors} tests"),
    ));
    Ok(Exit::Good)
}
