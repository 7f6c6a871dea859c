//! `fengsui baseline check --host`: this machine, or a directory with a system's files, judged where it is. Only what
//! may be shown is printed or written.

use std::path::Path;

use super::{Told, exit};
use crate::baseline::host::root::{Root, Unseen};
use crate::baseline::host::{Host, judge};
use crate::baseline::inspect::{Taken, of_host};
use crate::baseline::judge::{Evidence, Verdict};
use crate::baseline::policy::{Policy, Profile};
use crate::cli::text::pick;
use crate::cli::{Answer, Failure};
use crate::model::finding::Origin;
use crate::net::clock::Clock;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Judges a host and tells what came of it.
pub(super) fn check(root: Option<&Path>, policy: &Policy, profile: &Profile, mut told: Told) -> Answer {
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
    let head = format!("{name} ({}, {})", dir.display(), host.os.name);
    told.tell(&findings, &name, &head, place);
    if told.out.is_some() {
        let taken = Taken { asset: None, at, origin: Origin::Imported };
        told.keep(&of_host(&findings, &host, &name, policy, profile, taken));
    }
    told.write()?;
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
