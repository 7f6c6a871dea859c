//! `fengsui check`: reads settings, definitions and inventory as the daemon would, and prints every diagnostic.

use std::path::{Path, PathBuf};

use super::text::pick;
use super::{Answer, Exit, print};
use crate::baseline::policy;
use crate::config::defs::{self, Loaded, Origin};
use crate::config::diag::{Diagnostic, any_error};
use crate::config::inventory;
use crate::config::settings::{DEFAULT_OVERLAY, Settings};
use crate::config::{BASELINE, sort_files};
use crate::net::clock::Clock;
use crate::probe;

/// Options of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Settings file of a console or an agent to check as well
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say where each definition comes from
    #[arg(long)]
    pub show_origin: bool,
    /// Directories or files with definitions and inventory; without any, those of the settings
    #[arg(value_name = "DIR")]
    pub dirs: Vec<PathBuf>,
}

/// Checks. Exit 0 when all is well, 2 when something is wrong.
pub fn run(args: Args) -> Answer {
    let mut diagnostics = Vec::new();
    let mut definitions = args.dirs.clone();
    let mut files = Vec::new();
    if let Some(path) = &args.config {
        match Settings::read(path) {
            Ok(settings) => {
                definitions.extend_from_slice(settings.definitions());
                files.extend_from_slice(settings.inventory());
            }
            Err(found) => diagnostics.extend(found),
        }
    } else if definitions.is_empty() {
        definitions.push(PathBuf::from(DEFAULT_OVERLAY));
    }
    diagnostics.extend(missing(&args.dirs));
    let sorted = sort_files(&definitions);
    files.extend(sorted.inventory);
    diagnostics.extend(sorted.settings.iter().filter_map(|path| Settings::read(path).err()).flatten());
    let loaded = defs::load(&sorted.definitions, probe::catalog());
    diagnostics.extend(loaded.diagnostics.iter().cloned());
    let checks: Vec<PathBuf> = definitions.iter().map(|dir| dir.join(BASELINE)).filter(|dir| dir.is_dir()).collect();
    diagnostics.extend(policy::load(&checks).diagnostics);
    let assets = match if files.is_empty() { Ok(inventory::shipped()) } else { inventory::read(&files) } {
        Ok(read) => read.assets.len(),
        Err(found) => {
            diagnostics.extend(found);
            0
        }
    };
    for diagnostic in &diagnostics {
        super::complain(&diagnostic.to_string());
    }
    for warning in super::calendar::warnings(&loaded.definitions, Clock::system().wall()) {
        super::say(&pick(format!("警告：{warning}"), format!("warning: {warning}")));
    }
    if args.show_origin {
        show_origin(&loaded);
    }
    if any_error(&diagnostics) {
        return Ok(Exit::Usage);
    }
    let d = &loaded.definitions;
    let (probes, rules, overrides, profiles) = (d.probes.len(), d.rules.len(), d.overrides.len(), d.profiles.len());
    print(&pick(
        format!("没有错误：监测项 {probes}，设备模板 {profiles}，告警规则 {rules}，覆盖 {overrides}，资产 {assets}"),
        format!(
            "no mistakes: {probes} probes, {profiles} profiles, {rules} rules, {overrides} overrides, {assets} assets"
        ),
    ));
    Ok(Exit::Good)
}

/// The daemon passes over a directory that is not there; somebody who names one here has misspelt it.
fn missing(named: &[PathBuf]) -> Vec<Diagnostic> {
    let gone = |path: &&PathBuf| !Path::exists(path);
    let fault =
        |path: &PathBuf| Diagnostic::file(&path.display().to_string(), "no such file or directory", "check the path");
    named.iter().filter(gone).map(fault).collect()
}

/// One line a definition, ready for `grep`: noun, id, place, and what it replaces.
fn show_origin(loaded: &Loaded) {
    let place = |origin: &Origin| {
        let mut text = format!("{}:{}", origin.file, origin.line);
        let mut below = &origin.replaces;
        while let Some(origin) = below {
            text.push_str(&format!(" {} {}:{}", pick("替换", "replaces"), origin.file, origin.line));
            below = &origin.replaces;
        }
        text
    };
    let d = &loaded.definitions;
    for probe in &d.probes {
        print(&format!("probe {} {}", probe.id, place(&probe.origin)));
    }
    for profile in &d.profiles {
        print(&format!("profile {} {}", profile.id, place(&profile.origin)));
    }
    for rule in &d.rules {
        print(&format!("rule {} {}", rule.id, place(&rule.origin)));
    }
    for (id, calendar) in &d.calendars {
        print(&format!("calendar {id} {}", place(&calendar.origin)));
    }
    for change in &d.overrides {
        print(&format!("override {} {}", change.rule, place(&change.origin)));
    }
    for (id, origin) in &d.disabled {
        print(&format!("disabled {id} {}", place(origin)));
    }
}
