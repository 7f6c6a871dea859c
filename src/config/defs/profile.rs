//! `[[profile]]`: which devices a family has, what to ask them, and what their answers mean.
//!
//! A profile is data: adding a vendor is a file and no code. What can be said is small on purpose, see
//! `docs/profiles.md`; what a table does not say (rates, links between devices, judgement) is not here.

pub mod choose;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::Regex;

use super::Origin;
use crate::config::diag::did_you_mean;
use crate::config::reader::{Item, Table};
use crate::model::ProfileId;
use crate::model::device::{Asking, CLASSES, Class, DEVICE, Holds};

/// The profile that every device has: what the standard MIBs say.
pub const GENERIC: &str = "generic";
/// Most tables of a profile and most columns that decide on the rows of one; more is a mistake of a generator.
const MAX_LIST: usize = 64;

/// Rows that a GETBULK may ask for, as for the probes' own `max_repetitions`.
const REPETITIONS: (i64, i64) = (1, 200);

/// The numbers of an OID.
pub type Arcs = Arc<[u32]>;

/// A family of devices.
#[derive(Debug, Clone)]
pub struct ProfileDef {
    /// Id.
    pub id: ProfileId,
    /// Name in Chinese; the id if not given.
    pub zh: String,
    /// Name in English; the id if not given.
    pub en: String,
    /// Who makes them; empty if the profile does not say.
    pub vendor: Arc<str>,
    /// What runs on them.
    pub os: Arc<str>,
    /// Which devices they are; any of these.
    pub matches: Vec<Match>,
    /// How they want to be asked for tables.
    pub asking: Asking,
    /// Another profile, whose tables and device these devices have too.
    pub like: Option<ProfileId>,
    /// Tables of the generic profile that these devices answer wrongly.
    pub without: BTreeSet<String>,
    /// Where the fields of the device itself come from, in the order of [`DEVICE`].
    pub device: Vec<Vec<Source>>,
    /// Its tables.
    pub tables: Vec<TableDef>,
    /// A document of TOML with it alone, as agents are sent it.
    pub toml: Arc<str>,
    /// Where it stands.
    pub origin: Origin,
}

/// What a device must say to be of a family.
#[derive(Debug, Clone)]
pub struct Match {
    /// Its sysObjectID begins so.
    pub object_id: Arcs,
    /// Its sysDescr matches.
    pub descr: Option<Regex>,
}

/// How often a table is worth reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// With the counters.
    Fast,
    /// Now and then: inventories, optics, neighbours. Some devices answer these with much work.
    Slow,
}

/// Columns that are read together and become things of one class.
#[derive(Debug, Clone)]
pub struct TableDef {
    /// Id, within the profile; a vendor's table of the same id takes the place of the generic one.
    pub id: String,
    /// It stands before the generic table of its id: that has the fields that are not told here, and all the rest.
    pub adds: bool,
    /// What its rows are.
    pub into: &'static Class,
    /// How often.
    pub timer: Timer,
    /// An index that any of these columns has is a row; a scalar here is one row without index.
    pub rows: Vec<Arcs>,
    /// Rows that count; all of these must hold.
    pub keep: Vec<Check>,
    /// Read only if none of these tables has a row.
    pub unless: Vec<String>,
    /// Read in each VLAN by itself, by a community (`NAME@VLAN`) or a context (`vlan-VLAN`) of its own: a column whose index ends in the number of a
    /// VLAN, in rows of which this holds.
    pub vlans: Option<Check>,
    /// Where the fields come from, in the order of the class; several are tried in turn.
    pub fields: Vec<Vec<Source>>,
}

/// Where a value comes from and what becomes of it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where from.
    pub from: From,
    /// What it is.
    pub shape: Shape,
    /// It counts only if this holds.
    pub only: Option<Box<Check>>,
    /// The part of a text that its group takes; nothing if it does not match.
    pub pattern: Option<Regex>,
    /// The text is a list, cut here: one thing an item.
    pub split: Option<char>,
    /// Values that mean "none", as the device writes them.
    pub none: Vec<f64>,
    /// The least and most that it may be as the device writes it; else the next source is tried.
    pub raw: Option<(f64, f64)>,
    /// Added first.
    pub offset: f64,
    /// Multiplied then.
    pub scale: f64,
    /// And by ten to the power of this.
    pub exponent: Option<Box<Source>>,
    /// And divided by ten to the power of this.
    pub digits: Option<Box<Source>>,
    /// Multiplied by what another source says.
    pub times: Option<Box<Source>>,
    /// What other sources say is added, of each that says something.
    pub plus: Vec<Source>,
    /// Microwatts become dBm at last.
    pub microwatts: bool,
    /// The least and most that can be true; else there is none.
    pub range: Option<(f64, f64)>,
    /// Words of its numbers.
    pub states: BTreeMap<i64, Arc<str>>,
    /// Put before a text.
    pub before: String,
    /// Put behind a text.
    pub after: String,
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub enum From {
    /// The column at the row's own index, or at that of `key`.
    Column {
        /// Column.
        column: Arcs,
        /// What says which row; its own if absent.
        key: Option<Box<Source>>,
    },
    /// A variable that there is once.
    Scalar(Arcs),
    /// Numbers of the row's index, from and (exclusively) to.
    Index(usize, Option<usize>),
    /// Numbers of the index of the first row of another column whose index begins with this row's.
    Below {
        /// Column.
        column: Arcs,
        /// From.
        first: usize,
        /// To (exclusively); the end if absent.
        last: Option<usize>,
    },
    /// Numbers of the index of the first row of another column whose index ends in this row's.
    Above {
        /// Column.
        column: Arcs,
        /// From.
        first: usize,
        /// To (exclusively); the end if absent.
        last: Option<usize>,
    },
    /// The name of the interface whose ifIndex this says.
    Port(Box<Source>),
    /// A text that is always the same.
    Text(Arc<str>),
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As the field wants it: a text, or a number (a text with digits counts).
    Plain,
    /// Six bytes, written `02:00:5e:00:00:01`.
    Mac,
    /// Four or sixteen bytes, or as many numbers of an index (with or without their count), written as an address.
    Address,
    /// A netmask, of which the length counts.
    Mask,
    /// The name of one of the device's interfaces; nothing if there is none of this name.
    Port,
}

/// A condition on a value.
#[derive(Debug, Clone)]
pub struct Check {
    /// The value, as the device writes it.
    pub source: Source,
    /// What it must be.
    pub test: Test,
}

/// What a value must be for a condition to hold.
#[derive(Debug, Clone)]
pub enum Test {
    /// One of these numbers or texts.
    In(Vec<Arc<str>>),
    /// None of them; a value that is missing is none of them.
    Not(Vec<Arc<str>>),
    /// A number greater than this one; neither is missing.
    Over(Source),
    /// A number that is not.
    Within(Source),
}

impl Check {
    /// The sources that it looks at.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        let limit = match &self.test {
            Test::Over(limit) | Test::Within(limit) => Some(limit),
            Test::In(_) | Test::Not(_) => None,
        };
        std::iter::once(&self.source).chain(limit)
    }
}

impl ProfileDef {
    /// A table of it.
    pub fn table(&self, id: &str) -> Option<&TableDef> {
        self.tables.iter().find(|table| table.id == id)
    }
}

/// Reads a profile; nothing comes back if a mistake was reported.
pub(super) fn read(id: &str, table: &Table<'_>, origin: Origin, generic: &BTreeSet<String>) -> Option<ProfileDef> {
    let before = table.faults.count();
    let short = source::Short::read(table);
    let title = |key| table.opt_text(key).unwrap_or(id).to_owned();
    let (zh, en) = (title("zh"), title("en"));
    let vendor = Arc::from(table.text_or_empty("vendor"));
    let os = Arc::from(table.text_or_empty("os"));
    let matches: Vec<Match> = table.tables("match").iter().filter_map(|t| match_of(t, &short)).collect();
    if matches.is_empty() && id != GENERIC {
        table.missing("match", "[{ object_id = \"1.3.6.1.4.1.2011.2\" }]");
    }
    let asking = asking(table);
    let like = table.item("like").and_then(|item| item.parsed());
    let without = without(table, generic);
    let device = table.table("device").map_or_else(Vec::new, |device| {
        device.name(format!("the device of profile `{id}`"));
        let fields = source::fields(&device, &DEVICE, &short);
        device.finish();
        fields
    });
    let given = table.tables("table");
    if given.len() > MAX_LIST {
        table.fault(format!("{} has more than {MAX_LIST} tables", table.label()), "leave out what nobody looks at");
    }
    let mut tables: Vec<TableDef> = Vec::new();
    for one in &given {
        let Some(def) = table_of(one, &short) else { continue };
        if def.adds
            && !generic.contains(&def.id)
            && let Some(item) = one.item("adds")
        {
            let hint = did_you_mean(&def.id, generic.iter().map(String::as_str));
            item.fault(format!("profile `{GENERIC}` has no table `{}`", def.id), hint);
        }
        if tables.iter().any(|known| known.id == def.id) {
            one.fault(
                format!("table `{}` is defined twice in profile `{id}`", def.id),
                "give one of them another id",
            );
        }
        tables.push(def);
    }
    for (one, def) in given.iter().zip(&tables).filter(|_| given.len() == tables.len()) {
        for item in one.texts("unless") {
            let Some(other) = item.text() else { continue };
            let known = || tables.iter().map(|t| t.id.as_str()).chain(generic.iter().map(String::as_str));
            if other == def.id || !known().any(|id| id == other) {
                item.fault(format!("`{other}` is no other table of profile `{id}`"), did_you_mean(other, known()));
            }
        }
    }
    table.finish();
    (table.faults.count() == before).then_some(())?;
    Some(ProfileDef {
        id: ProfileId::new(id).ok()?,
        zh,
        en,
        vendor,
        os,
        matches,
        asking,
        like,
        without,
        device,
        tables,
        toml: table.written("profile").into(),
        origin,
    })
}

/// Checks that `like` names another profile that is complete in itself.
pub(super) fn check_likes(profiles: &[ProfileDef], tables: &BTreeMap<&str, &Table<'_>>) {
    for profile in profiles {
        let Some(like) = &profile.like else { continue };
        let Some(item) = tables.get(profile.id.as_str()).and_then(|table| table.item("like")) else { continue };
        let ids = || profiles.iter().map(|p| p.id.as_str());
        match profiles.iter().find(|other| other.id == *like) {
            None => item.fault(format!("there is no profile `{like}`"), did_you_mean(like.as_str(), ids())),
            Some(other) if other.like.is_some() || other.id == profile.id || like.as_str() == GENERIC => {
                item.fault(
                    format!("`{}` cannot be like `{like}`", profile.id),
                    "name one that is like no other itself",
                );
            }
            Some(_) => {}
        }
    }
}

/// Gives tables that add to a generic one what they do not say themselves.
pub(super) fn complete(profiles: &mut [ProfileDef]) {
    let generic = profiles.iter().find(|profile| profile.id.as_str() == GENERIC).map(|one| one.tables.clone());
    let Some(generic) = generic else { return };
    for table in profiles.iter_mut().flat_map(|profile| &mut profile.tables).filter(|table| table.adds) {
        let general = generic.iter().find(|one| one.id == table.id && std::ptr::eq(one.into, table.into));
        let Some(general) = general.cloned() else { continue };
        let own = std::mem::take(&mut table.fields);
        let fields = own.into_iter().zip(&general.fields);
        let fields = fields.map(|(own, general)| own.into_iter().chain(general.iter().cloned()).collect()).collect();
        *table = TableDef { adds: true, fields, ..general };
    }
}

/// Ids of the tables of a profile, right or wrong.
pub(super) fn table_ids(table: &Table<'_>) -> BTreeSet<String> {
    table.tables("table").iter().filter_map(|one| one.opt_text("table").map(str::to_owned)).collect()
}

/// How devices want to be asked.
fn asking(table: &Table<'_>) -> Asking {
    let (least, most) = REPETITIONS;
    let repetitions = table.int("repetitions", least, most).and_then(|rows| u32::try_from(rows).ok());
    let (bulk, nonincreasing) = (table.bool("bulk"), table.bool("nonincreasing"));
    if let (Some(false), Some(_), Some(item)) = (bulk, repetitions, table.item("repetitions")) {
        item.fault(
            "`repetitions` of a profile that asks for no GETBULK",
            "leave out `repetitions`, or `bulk = false`",
        );
    }
    Asking { repetitions, bulk, nonincreasing }
}

fn without(table: &Table<'_>, generic: &BTreeSet<String>) -> BTreeSet<String> {
    let items = table.texts("without");
    let name = |item: &Item<'_>| {
        let name = item.text()?;
        if !generic.contains(name) {
            let hint = did_you_mean(name, generic.iter().map(String::as_str));
            item.fault(format!("profile `{GENERIC}` has no table `{name}`"), hint);
        }
        Some(name.to_owned())
    };
    items.iter().filter_map(name).collect()
}

fn match_of(table: &Table<'_>, short: &source::Short) -> Option<Match> {
    table.name("a match");
    let descr = source::pattern(table, "descr");
    let object_id = match table.item("object_id") {
        Some(item) => item.text().and_then(|text| short.oid(text, &item)),
        None => {
            table.missing("object_id", "\"1.3.6.1.4.1.2011.2\"");
            None
        }
    };
    table.finish();
    Some(Match { object_id: object_id?, descr })
}

fn table_of(table: &Table<'_>, short: &source::Short) -> Option<TableDef> {
    let id = table.text("table", "\"board-cpu\"")?.to_owned();
    table.name(format!("table `{id}`"));
    let names = || CLASSES.iter().map(|class| class.name);
    let Some(item) = table.item("into") else {
        table.missing("into", "\"cpu\"");
        return None;
    };
    let into = Class::named(item.text()?);
    if into.is_none() {
        let name = item.text().unwrap_or_default();
        item.fault(format!("there is no class `{name}`"), did_you_mean(name, names()));
    }
    let adds = table.bool("adds").unwrap_or(false);
    let words = ["fast", "slow"];
    let timer = table.word("timer", &words, |word| match word {
        "fast" => Some(Timer::Fast),
        "slow" => Some(Timer::Slow),
        _ => None,
    });
    if !table.has("timer") && !adds {
        table.missing("timer", "\"fast\"");
    }
    let rows = match table.item("rows") {
        Some(item) => short.oids(&item),
        None if adds => Vec::new(),
        None => {
            table.missing("rows", "\"1.3.6.1.2.1.2.2.1.2\"");
            Vec::new()
        }
    };
    let keep: Vec<Check> = table.tables("keep").iter().filter_map(|one| source::check(one, short)).collect();
    let vlans = vlans(table, into, short);
    let unless = table.texts("unless").iter().filter_map(|item| item.text().map(str::to_owned)).collect();
    let fields = into.map(|class| {
        let fields = source::fields(table, class, short);
        for (part, found) in class.parts.iter().zip(&fields) {
            // What a memory uses may also be told by its size and what is free.
            let told_otherwise = class.name == "memory" && part.name == "used_ratio";
            if part.needed && found.is_empty() && !adds && !told_otherwise && !table.has(part.name) {
                table.missing(part.name, "{ oid = \"...\" }");
            }
        }
        lint_words(table, class, &fields);
        fields
    });
    table.finish();
    let timer = timer.or(adds.then_some(Timer::Slow));
    Some(TableDef { id, adds, into: into?, timer: timer?, rows, keep, unless, vlans, fields: fields? })
}

/// The VLANs in which a table is read.
fn vlans(table: &Table<'_>, into: Option<&Class>, short: &source::Short) -> Option<Check> {
    let item = table.item("vlans")?;
    let check = source::check(&item.table()?, short)?;
    if !matches!(check.source.from, From::Column { key: None, .. }) {
        item.fault(
            "`vlans` names no column",
            "write { oid = \"...\", in = [1] }, a column whose index ends in the VLAN",
        );
    }
    if into.is_some_and(|class| class.place("fdb").is_none()) {
        item.fault("`vlans` of what is in no VLAN", "only a table into `macs` is read in each VLAN");
    }
    Some(check)
}

/// A word of a field must be one of its list, or nobody would ever look for it.
fn lint_words(table: &Table<'_>, class: &Class, fields: &[Vec<Source>]) {
    for (part, sources) in class.parts.iter().zip(fields) {
        let Holds::Word(words) = part.holds else { continue };
        for source in sources {
            let text = match &source.from {
                From::Text(text) => Some(text),
                _ => None,
            };
            for word in source.states.values().chain(text) {
                if !words.contains(&&**word)
                    && let Some(item) = table.item(part.name)
                {
                    let hint = did_you_mean(word, words.iter().copied());
                    item.fault(format!("`{word}` is no value of `{}`", part.name), hint);
                }
            }
        }
    }
}
