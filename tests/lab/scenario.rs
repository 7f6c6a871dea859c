//! A scenario: which faults happen when, and which incidents must come of them, within which time, and nothing
//! else. Written as TOML (`tests/lab/README.md`), or drawn by `tests/lab/random.rs`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::impair::{self, Impair};

/// Faults and what must come of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// One sentence that says what holds.
    pub(crate) title: String,
    /// Not played together with others: its faults concern all of the network.
    #[serde(default)]
    pub(crate) alone: bool,
    /// What happens.
    #[serde(rename = "fault")]
    pub(crate) faults: Vec<Fault>,
    /// What must come.
    #[serde(rename = "expect", default)]
    pub(crate) expects: Vec<Expect>,
}

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// For expectations to name it.
    pub(crate) id: String,
    /// When, from the begin.
    #[serde(deserialize_with = "time", default)]
    pub(crate) at: Duration,
    /// For how long.
    #[serde(rename = "for", deserialize_with = "time")]
    pub(crate) lasts: Duration,
    /// What.
    #[serde(rename = "do")]
    pub(crate) deed: Deed,
    /// Of a line (or agent) of that name.
    pub(crate) on: String,
    /// Which way, or at which end.
    #[serde(default)]
    pub(crate) way: Way,
    /// How much: what it means depends on the deed.
    #[serde(default)]
    pub(crate) with: String,
    /// It comes and goes: so long each.
    #[serde(deserialize_with = "maybe_time", default)]
    pub(crate) flap: Option<Duration>,
    /// It counts in the figures under this name, because nothing is expected of it; empty if something is.
    #[serde(default)]
    pub(crate) figure: String,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deed {
    /// The line does what `with` says (`tests/lab/impair.rs`).
    Line,
    /// The line is cut; its ports stay up, as behind a carrier's equipment.
    Cut,
    /// A firewall drops a share of what comes in at the far end, `with` in percent.
    Drop,
    /// A port loses its carrier.
    PortDown,
    /// A port is shut down by its router: its network is gone from there, and reached by another way.
    Shutdown,
    /// The packets of the line become shorter, and its routers know: `with` bytes.
    Mtu,
    /// Longer packets than `with` vanish, and nobody says so.
    BlackHole,
    /// The routers at the ends hear nothing of each other's OSPF; all else passes.
    Adjacency,
    /// The near router's cost of the line becomes `with`: traffic takes another.
    Cost,
    /// A shaper on the near port, `with` such as `1mbit`.
    Shape,
    /// Traffic from the near router to the far one, `with` in kilobits a second.
    Flood,
    /// So many processes that want a whole core each.
    Hog,
    /// An agent is killed and starts again.
    Restart,
    /// The host of an agent drops every answer to a ping.
    Deaf,
}

/// Which way of a line, or which of its ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// Both.
    #[default]
    Both,
    /// What the near end sends; the near port.
    Near,
    /// What the far end sends; the far port.
    Far,
}

/// An incident that must come, on one object or on several.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// Its problem.
    pub(crate) problem: String,
    /// Its object; a `*` at the end stands for any rest.
    pub(crate) on: String,
    /// On how many objects.
    #[serde(default = "one")]
    pub(crate) count: usize,
    /// Of which fault.
    pub(crate) fault: String,
    /// After its begin.
    #[serde(deserialize_with = "time")]
    pub(crate) within: Duration,
    /// After its end; 0 if it need not end while the lab looks.
    #[serde(deserialize_with = "time")]
    pub(crate) ends_within: Duration,
    /// `problem object` of the incident that it is a symptom of, or of those that it may be of; a cause itself if empty.
    #[serde(default)]
    pub(crate) under: Vec<String>,
    /// Words of which one must stand in its evidence.
    #[serde(default)]
    pub(crate) says: Vec<String>,
    /// It may be missing.
    #[serde(default)]
    pub(crate) maybe: bool,
    /// Its times count in the figures under this name.
    pub(crate) figure: Option<String>,
}

impl Expect {
    /// Whether an incident of that problem and object is meant.
    pub(crate) fn means(&self, problem: &str, object: &str) -> bool {
        let object_fits = match self.on.strip_suffix('*') {
            Some(start) => object.starts_with(start),
            None => object == self.on,
        };
        problem == self.problem && object_fits
    }
}

impl Scenario {
    /// Reads one and says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let read: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for expect in &read.expects {
            if !read.faults.iter().any(|fault| fault.id == expect.fault) {
                return Err(format!("no fault `{}`, which {} on {} is of", expect.fault, expect.problem, expect.on));
            }
        }
        for fault in &read.faults {
            if fault.deed == Deed::Line {
                Impair::parse(&fault.with)?;
            }
        }
        Ok(read)
    }

    /// Several played at once: each begins a little later than the one before.
    pub(crate) fn together(all: &[Self], apart: Duration) -> Self {
        let mut whole =
            Self { title: format!("{} at once", all.len()), alone: false, faults: Vec::new(), expects: Vec::new() };
        for (n, one) in all.iter().enumerate() {
            let name = |id: &str| format!("{n}.{id}");
            let later = apart.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX));
            whole.faults.extend(one.faults.iter().cloned().map(|f| Fault { id: name(&f.id), at: f.at + later, ..f }));
            whole.expects.extend(one.expects.iter().cloned().map(|e| Expect { fault: name(&e.fault), ..e }));
        }
        whole
    }

    /// Every change in the order of time: when, which fault, whether it begins.
    pub(crate) fn steps(&self) -> Vec<(Duration, usize, bool)> {
        let mut steps = Vec::new();
        for (n, fault) in self.faults.iter().enumerate() {
            let end = fault.at + fault.lasts;
            let each = fault.flap.unwrap_or(fault.lasts).max(Duration::from_millis(100));
            let mut at = fault.at;
            while at < end {
                steps.push((at, n, true));
                steps.push(((at + each).min(end), n, false));
                at += each * 2;
            }
        }
        steps.sort_unstable();
        steps
    }
}

fn one() -> usize {
    1
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    impair::duration(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no time, such as \"1.5s\"")))
}

fn maybe_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    time(from).map(Some)
}
