//! Definitions: probes, rules, overrides and profiles of devices, shipped ones embedded, the operator's laid over them.
//!
//! Each overlay is a layer: an id replaces that of a lower layer, `disabled = true` removes it, an id twice in one
//! layer is a mistake. Only what is in force is read in full. See `docs/definitions.md`.

mod calendar;
mod detector;
mod hears;
mod layers;
mod probe;
pub mod profile;
mod rule;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::detector::{DetectorSpec, DetectorUse};
use crate::model::field::{Catalog, KindSpec};
use crate::model::plan::{MatchUse, PlanProfile, RuleAt, RuleSource, Settings};
use crate::model::{Calendar, CalendarId, ObjectKind, ProbeId, ProblemId, RuleId, Severity};

use super::diag::Diagnostic;
use super::expr::{Expr, Ref};
use super::reader::{BASELINE, Faults, Source, read_files, toml_files};
pub(super) use probe::{NEAR, SOURCE};
pub use profile::ProfileDef;

/// Where a definition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// File, `embedded:probes/core.toml` for shipped ones.
    pub file: String,
    /// Line of its `[[...]]` header.
    pub line: usize,
    /// The place of the definition it replaces, if it does.
    pub replaces: Option<Box<Origin>>,
}

/// A working calendar (工作日历) with the holidays of all years it was told.
#[derive(Debug, Clone)]
pub struct CalendarDef {
    /// The calendar.
    pub calendar: Calendar,
    /// Where it stands.
    pub origin: Origin,
}

/// When a probe runs, or a rule raises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// While this calendar is open.
    Calendar(CalendarId),
    /// While that of the object's organisation is: its operator's, else its owner's, else the one above them.
    Organisation,
}

/// A probe definition (监测项).
#[derive(Debug, Clone)]
pub struct ProbeDef {
    /// Id.
    pub id: ProbeId,
    /// Kind.
    pub kind: &'static KindSpec,
    /// Kind of object it watches.
    pub on: ObjectKind,
    /// Which of them; all if absent.
    pub filter: Option<Expr>,
    /// Time between runs.
    pub interval: Duration,
    /// Time until a run is given up.
    pub timeout: Duration,
    /// Length of a summary window.
    pub keep: Duration,
    /// Settings, defaults included.
    pub settings: Settings,
    /// When it runs; always if absent.
    pub when: Option<When>,
    /// Name in Chinese; the id if not given.
    pub zh: String,
    /// Name in English; the id if not given.
    pub en: String,
    /// Where it stands.
    pub origin: Origin,
}

/// What judges.
#[derive(Debug, Clone)]
pub enum Judge {
    /// Expressions: when to raise, and when to clear (when `raise` is false if absent).
    Expressions(Expr, Option<Expr>),
    /// A detector.
    Detector(&'static DetectorSpec, DetectorUse),
    /// Patterns of what is heard.
    Match(MatchUse),
}

impl Judge {
    /// The expression that raises, if one does.
    pub const fn raise(&self) -> Option<&Expr> {
        match self {
            Self::Expressions(raise, _) => Some(raise),
            Self::Detector(..) | Self::Match(_) => None,
        }
    }

    /// The expression that clears, if there is one.
    pub const fn clear(&self) -> Option<&Expr> {
        match self {
            Self::Expressions(_, clear) => clear.as_ref(),
            Self::Detector(..) | Self::Match(_) => None,
        }
    }

    /// Names of the fields that are judged first.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::Expressions(raise, _) => {
                let names = raise.refs().iter().filter_map(|r| match r {
                    Ref::Field(name) | Ref::Window(name, _) => Some(&**name),
                    Ref::Param(_) | Ref::Attr(..) => None,
                });
                names.collect()
            }
            Self::Detector(_, used) => used.field.as_deref().into_iter().collect(),
            Self::Match(_) => Vec::new(),
        }
    }
}

/// A rule definition (告警规则).
#[derive(Debug, Clone)]
pub struct RuleDef {
    /// Id.
    pub id: RuleId,
    /// Problem it raises; its own id unless given.
    pub problem: ProblemId,
    /// Kind of object it judges.
    pub on: ObjectKind,
    /// Its data.
    pub source: RuleSource,
    /// Kind of that data.
    pub kind: &'static KindSpec,
    /// Where it runs.
    pub at: RuleAt,
    /// Which objects; all if absent.
    pub filter: Option<Expr>,
    /// Window of `w.`; zero if it asks for none.
    pub window: Duration,
    /// Parameters, or the settings of the detector.
    pub params: BTreeMap<String, f64>,
    /// What judges.
    pub judge: Judge,
    /// How long `raise` must hold.
    pub for_: Duration,
    /// How long `clear` must hold.
    pub clear_for: Duration,
    /// Intervals without a valid run until `no-data`; 0 = never.
    pub no_data: u32,
    /// Problems, on the same object or on what it hangs on, that explain this one.
    pub folds_into: Vec<ProblemId>,
    /// What has its problem goes on working: of several lines together, one that has it explains what is lost behind.
    pub partial: bool,
    /// For what hangs on its object, its problem is as good as this one.
    pub counts_as: Option<ProblemId>,
    /// When it raises; always if absent.
    pub when: Option<When>,
    /// Severity.
    pub severity: Severity,
    /// GB/T 20986-2023 class, or empty.
    pub category: String,
    /// Runbook name, or empty.
    pub runbook: String,
    /// Title in Chinese; the id if not given.
    pub zh: String,
    /// Title in English; the id if not given.
    pub en: String,
    /// Where it stands.
    pub origin: Origin,
}

/// Other parameters of a rule for some objects; the last one that matches wins.
#[derive(Debug, Clone)]
pub struct OverrideDef {
    /// Rule.
    pub rule: RuleId,
    /// Which objects; all if absent.
    pub filter: Option<Expr>,
    /// Parameters it changes.
    pub params: BTreeMap<String, f64>,
    /// Where it stands.
    pub origin: Origin,
}

/// All definitions in force.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// Calendars by id.
    pub calendars: BTreeMap<CalendarId, CalendarDef>,
    /// Probes by id.
    pub probes: Vec<ProbeDef>,
    /// Families of devices by id.
    pub profiles: Vec<ProfileDef>,
    /// Rules by id.
    pub rules: Vec<RuleDef>,
    /// Overrides in order of application.
    pub overrides: Vec<OverrideDef>,
    /// SHA-256 (hex) over all texts read; equal digests mean equal definitions.
    pub digest: String,
    /// Ids that an overlay removed with `disabled = true`, and where.
    pub disabled: Vec<(String, Origin)>,
}

/// What `load` found.
#[derive(Debug)]
pub struct Loaded {
    /// Definitions; incomplete when a diagnostic is an error.
    pub definitions: Arc<Definitions>,
    /// All diagnostics.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether the definitions may be used.
    pub fn usable(&self) -> bool {
        !super::diag::any_error(&self.diagnostics)
    }
}

/// Reads the embedded definitions and lays `overlays` over them: each is a file or a directory (searched for
/// `*.toml` below it; of a directory like `/etc/fengsui`, with settings beside `probes`, `alerts` and `calendars`, only
/// those count). A missing one is an empty one.
pub fn load(overlays: &[PathBuf], catalog: Catalog) -> Loaded {
    let faults = Faults::default();
    let mut layers = vec![layers::embedded()];
    for overlay in overlays {
        let files: Vec<PathBuf> = parts(overlay).iter().flat_map(|part| toml_files(part, &faults)).collect();
        layers.push(read_files(&files, &faults));
    }
    finish(&layers, catalog, faults)
}

/// Where the definitions of an overlay are.
fn parts(overlay: &Path) -> Vec<PathBuf> {
    let inner = ["probes", "alerts", "calendars"].map(|name| overlay.join(name));
    let settings = ["console.toml", "agent.toml"].iter().any(|name| overlay.join(name).exists());
    if settings || overlay.join(BASELINE).is_dir() || inner.iter().any(|p| p.is_dir()) {
        inner.to_vec()
    } else {
        vec![overlay.to_owned()]
    }
}

/// The same from texts alone, without the embedded ones: one layer of (name, text).
pub fn parse(texts: &[(String, String)], catalog: Catalog) -> Loaded {
    let layer = texts.iter().map(|(name, text)| Source { name: name.clone(), text: text.clone() }).collect();
    finish(&[layer], catalog, Faults::default())
}

/// The profiles of a plan: those that read, and what is wrong with the others. Without any, the embedded ones.
pub fn profiles(sent: &[PlanProfile], catalog: Catalog) -> (Vec<ProfileDef>, Vec<Diagnostic>) {
    let texts: Vec<(String, String)> =
        sent.iter().map(|one| (format!("profile `{}`", one.id), one.toml.to_string())).collect();
    let loaded = if texts.is_empty() { load(&[], catalog) } else { parse(&texts, catalog) };
    (loaded.definitions.profiles.clone(), loaded.diagnostics)
}

fn finish(layers: &[Vec<Source>], catalog: Catalog, faults: Faults) -> Loaded {
    let mut definitions = layers::read(layers, catalog, &faults);
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    for source in layers.iter().flatten() {
        hash.update(source.text.as_bytes());
        hash.update(&[0]);
    }
    definitions.digest = super::plan::hex(hash.finish().as_ref());
    Loaded { definitions: Arc::new(definitions), diagnostics: faults.into_sorted() }
}

#[cfg(test)]
mod tests;
