//! `fengsui baseline check --host`: this machine, or a directory with a system's files, judged where it is. Only what
//! may be shown is printed or written.

use std::path::Path;

use super::{exit, out};
use crate::baseline::host::root::{Root, Unseen};
use crate::baseline::host::{Host, judge};
use crate::baseline::judge::{Evidence, Finding, Verdict};
use crate::baseline::policy::{Policy, Profile};
use crate::baseline::record;
use crate::cli::text::pick;
use crate::cli::{Answer, Failure, Format};
use crate::model::finding::{FORM, Inspection, Origin, Part};
use crate::model::time::Wall;
use crate::net::clock::Clock;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Judges a host and prints what came of it; `file` takes it, too, for a console to import.
pub(super) fn check(
    root: Option<&Path>,
    file: Option<&Path>,
    policy: &Policy,
    profile: &Profile,
    format: Format,
) -> Answer {
    let dir = root.unwrap_or(Path::new("/"));
    let at = Clock::system().wall();
    let host = Host::new(Root::open(dir).map_err(|why| unseen(&why))?, at.millis().div_euclid(DAY));
    if !host.root.exists("/etc").map_err(|why| unseen(&why))? {
        let dir = dir.display();
        return Err(Failure::usage(pick(
            format!("{dir} 下没有 /etc，不是 Linux 系统的根目录"),
            format!("there is no /etc below {dir}: it is no root of a Linux system"),
        )));
    }
    let findings = judge::judge(policy, profile, &host);
    let name = match host.name() {
        name if name.is_empty() => {
            dir.file_name().map_or_else(|| "-".to_owned(), |n| n.to_string_lossy().into_owned())
        }
        name => name,
    };
    if let Some(file) = file {
        let text = inspection(&findings, &host, &name, at, policy, profile);
        std::fs::write(file, text).map_err(|error| {
            let file = file.display();
            Failure::usage(pick(format!("无法写入 {file}：{error}"), format!("cannot write {file}: {error}")))
        })?;
    }
    let head = format!("{name} ({}, {})", dir.display(), host.os.name);
    out(&findings, &name, &head, format, place);
    let any = |verdict| findings.iter().any(|f| f.verdict == verdict);
    Ok(exit(any(Verdict::Fail), any(Verdict::Error)))
}

fn unseen(why: &Unseen) -> Failure {
    Failure::usage(pick(why.zh(), why.to_string()))
}

/// File and line; the file alone where it is about the file as a whole.
fn place(proof: &Evidence) -> String {
    if proof.line_from == 0 { proof.file.clone() } else { format!("{}:{}", proof.file, proof.line_from) }
}

/// The look at the host in the form that a console takes.
fn inspection(
    findings: &[Finding<'_>],
    host: &Host,
    name: &str,
    at: Wall,
    policy: &Policy,
    profile: &Profile,
) -> String {
    let mut inspection = Inspection {
        v: FORM,
        asset: None,
        name: name.to_owned(),
        at,
        origin: Origin::Imported,
        os: "linux".to_owned(),
        version: host.os.name.clone(),
        profile: profile.id.clone(),
        policy: policy.digest.clone(),
        part: Part::Running,
        changed: None,
        snapshot: None,
        findings: findings.iter().map(record::finding).collect(),
    };
    inspection.clean();
    serde_json::to_string(&inspection).unwrap_or_default() + "\n"
}
