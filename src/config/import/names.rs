//! Regions, units and persons by the names that registers use for them, and new ones where there are none.
//!
//! Ids must stay the same when the same file comes again, and Chinese names have no letters for a slug: a
//! given id or code is used as it is, an address becomes `dev-10-65-0-1`, a URL `web-www-example-cn`, and a name
//! alone the first eight hex digits of its SHA-256, as in `org-1a2b3c4d`. What a bad row would have needed is
//! forgotten with it.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::heading::{fold, narrow};
use super::values::{Judged, Wrong, wrong};
use crate::model::inventory::{Inventory, Organisation, Person, Region, Tier};
use crate::model::{OrganisationId, PersonId, RegionId, ZoneId};

/// Digits of a code of GB/T 2260 and its extension to townships and villages.
const CODES: [usize; 3] = [6, 9, 12];
/// Endings that people leave out or add.
const ENDINGS: &[&str] =
    &["维吾尔自治区", "自治区", "自治州", "自治县", "地区", "县", "市", "区", "镇", "乡", "街道"];

/// Looks names up, and remembers what is new.
pub(super) struct Names<'a> {
    base: &'a Inventory,
    regions: HashMap<String, RegionId>,
    units: HashMap<String, OrganisationId>,
    persons: HashMap<String, Vec<PersonId>>,
    /// New, and used by a good row.
    pub(super) new_regions: Vec<Region>,
    pub(super) new_units: Vec<Organisation>,
    pub(super) new_persons: Vec<Person>,
    // New, of the row at hand.
    row_region: Option<Region>,
    row_units: Vec<Organisation>,
    row_person: Option<Person>,
}

impl<'a> Names<'a> {
    pub(super) fn new(base: &'a Inventory) -> Self {
        let mut persons: HashMap<String, Vec<PersonId>> = HashMap::new();
        for person in base.persons.values() {
            persons.entry(person.name.trim().to_owned()).or_default().push(person.id.clone());
        }
        Self {
            base,
            regions: base.regions.values().map(|r| (fold(&r.name), r.id.clone())).collect(),
            units: base.organisations.values().map(|o| (unit_key(&o.name), o.id.clone())).collect(),
            persons,
            new_regions: Vec::new(),
            new_units: Vec::new(),
            new_persons: Vec::new(),
            row_region: None,
            row_units: Vec::new(),
            row_person: None,
        }
    }

    /// Begins a row.
    pub(super) fn begin(&mut self) {
        self.row_region = None;
        self.row_units.clear();
        self.row_person = None;
    }

    /// The row is good: what it needs is needed.
    pub(super) fn keep(&mut self) {
        if let Some(region) = self.row_region.take() {
            self.regions.insert(fold(&region.name), region.id.clone());
            self.new_regions.push(region);
        }
        for unit in self.row_units.drain(..) {
            self.units.insert(unit_key(&unit.name), unit.id.clone());
            self.new_units.push(unit);
        }
        if let Some(person) = self.row_person.take() {
            self.persons.entry(person.name.clone()).or_default().push(person.id.clone());
            self.new_persons.push(person);
        }
    }

    /// A zone by id, name or what people call it.
    pub(super) fn zone(&self, cell: &str) -> Judged<ZoneId> {
        let folded = fold(cell);
        let by = |id: &str| self.base.zones.keys().find(|zone| zone.as_str() == id).cloned();
        let named = self.base.zones.values().find(|zone| fold(&zone.name) == folded).map(|zone| zone.id.clone());
        let called = || match folded.as_str() {
            "外网" | "电子政务外网" | "政务外网" => by("extranet"),
            "内网" | "电子政务内网" | "政务内网" | "非涉密内网" => by("intranet"),
            "互联网" | "互联网区" | "公网" | "internet" => by("internet"),
            "公用区" | "公用网络" | "公用网" => by("public"),
            "专用区" | "专用网络" | "专网" | "专用网" => by("private"),
            _ => None,
        };
        by(cell.trim()).or(named).or_else(called).ok_or_else(|| {
            let known: Vec<String> =
                self.base.zones.values().map(|zone| format!("{}（{}）", zone.name, zone.id)).collect();
            let ids: Vec<&str> = self.base.zones.keys().map(ZoneId::as_str).collect();
            wrong(
                "不认识的网络",
                "unknown zone",
                format!("请写 {}，或先在台账中加入", known.join("、")),
                format!("write one of {}, or add it to the inventory first", ids.join(", ")),
            )
        })
    }

    /// A region by code or name; a new one if there is none.
    pub(super) fn region(&mut self, cell: &str) -> Judged<RegionId> {
        let text: String = cell.chars().map(narrow).collect();
        let (code, name) = code_and_name(text.trim());
        if let Some(code) = &code
            && let Some(found) = self.region_by_id(code)
        {
            return Ok(found);
        }
        if let Ok(id) = RegionId::new(name.trim())
            && let Some(found) = self.region_by_id(id.as_str())
        {
            return Ok(found);
        }
        if let Some(found) = self.region_by_name(&name) {
            return Ok(found);
        }
        if name.is_empty() && code.is_none() {
            return Err(Wrong {
                ..wrong("不是区划", "it is no region", "请写区划代码或名称", "write its code or name")
            });
        }
        let shown = if name.is_empty() { code.clone().unwrap_or_default() } else { name.clone() };
        let id = code.clone().unwrap_or_else(|| format!("region-{}", short_hash(&fold(&shown))));
        let tier = code.as_deref().map_or_else(|| tier_of(&name), tier_of_code);
        let id = slug_of::<RegionId>(&id)?;
        if shown.chars().count() > 200 {
            return Err(wrong(
                "区划名称过长",
                "the region's name is too long",
                "不超过 200 个字符",
                "at most 200 characters",
            ));
        }
        let parent = code.as_deref().and_then(|code| self.parent_of_code(code)).or_else(|| self.only_above(tier));
        self.row_region = Some(Region { id: id.clone(), name: shown, tier, parent });
        Ok(id)
    }

    fn region_by_id(&self, id: &str) -> Option<RegionId> {
        let there = self.base.regions.get(id).map(|r| r.id.clone());
        there.or_else(|| self.new_regions.iter().find(|r| r.id.as_str() == id).map(|r| r.id.clone()))
    }

    fn region_by_name(&self, name: &str) -> Option<RegionId> {
        let folded = fold(name);
        if folded.is_empty() {
            return None;
        }
        if let Some(found) = self.regions.get(&folded) {
            return Some(found.clone());
        }
        // 乌什 for 乌什县, and 阿克苏地区乌什县 for the last of them.
        let short = |text: &str| {
            let cut = ENDINGS.iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
            if cut.chars().count() >= 2 { cut.to_owned() } else { text.to_owned() }
        };
        let wanted = short(&folded);
        // 阿克苏市 is not 阿克苏地区: an ending may be missing, not another one.
        let mut near = self.regions.iter().filter(|(known, _)| folded == wanted && short(known) == wanted);
        if let (Some((_, id)), None) = (near.next(), near.next()) {
            return Some(id.clone());
        }
        let mut ends: Vec<(&String, &RegionId)> = self
            .regions
            .iter()
            .filter(|(known, _)| known.chars().count() >= 2 && folded.ends_with(known.as_str()))
            .collect();
        ends.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
        ends.first().map(|(_, id)| (*id).clone())
    }

    fn parent_of_code(&self, code: &str) -> Option<RegionId> {
        let six = code.get(..6)?;
        let above = [
            code.len().gt(&6).then(|| six.to_owned()),
            Some(format!("{}00", six.get(..4)?)),
            Some(format!("{}0000", six.get(..2)?)),
        ];
        above.into_iter().flatten().filter(|above| above != code).find_map(|above| self.region_by_id(&above))
    }

    /// The one region of the tier above, if there is one only.
    fn only_above(&self, tier: Tier) -> Option<RegionId> {
        let above = match tier {
            Tier::Province => return None,
            Tier::Prefecture => Tier::Province,
            Tier::County => Tier::Prefecture,
            Tier::Township => return None, // a prefecture has many counties
        };
        let all = self.base.regions.values().chain(&self.new_regions);
        let mut found = all.filter(|region| region.tier == above);
        match (found.next(), found.next()) {
            (Some(one), None) => Some(one.id.clone()),
            _ => None,
        }
    }

    /// A unit by id or name; a new one if there is none.
    pub(super) fn unit(&mut self, cell: &str) -> Judged<OrganisationId> {
        let name = super::values::free(cell)?;
        if let Ok(id) = OrganisationId::new(&name)
            && self.base.organisations.contains_key(&id)
        {
            return Ok(id);
        }
        let key = unit_key(&name);
        if let Some(found) = self.units.get(&key) {
            return Ok(found.clone());
        }
        if let Some(found) = self.row_units.iter().find(|unit| unit_key(&unit.name) == key) {
            return Ok(found.id.clone());
        }
        let id = slug_of::<OrganisationId>(&format!("org-{}", short_hash(&key)))?;
        self.row_units.push(Organisation { id: id.clone(), name, region: None, parent: None, calendar: None });
        Ok(id)
    }

    /// A person of a unit by id or name; a new one if there is none.
    pub(super) fn person(&mut self, cell: &str, unit: Option<&OrganisationId>, mobile: &str) -> Judged<PersonId> {
        let name = super::values::free(cell)?;
        if let Ok(id) = PersonId::new(&name)
            && self.base.persons.contains_key(&id)
        {
            return Ok(id);
        }
        let known = self.persons.get(&name).cloned().unwrap_or_default();
        let of = |id: &PersonId| {
            let new = self.new_persons.iter().find(|p| p.id == *id);
            self.base.persons.get(id).or(new).map(|p| p.organisation.clone())
        };
        if let Some(found) = known.iter().find(|id| unit.is_some() && of(id).as_ref() == unit) {
            return Ok(found.clone());
        }
        match (unit, known.as_slice()) {
            (None, [one]) => Ok(one.clone()),
            (None, []) => Err(wrong(
                "责任人没有单位",
                "the person has no unit",
                "请填写本行的主管单位或运行单位",
                "fill in the owner or the operator of this row",
            )),
            (None, _) => Err(wrong(
                "有几位同名的责任人",
                "several persons have this name",
                "请填写单位，或写责任人的标识",
                "fill in the unit, or write the person's id",
            )),
            (Some(unit), _) => {
                let id = slug_of::<PersonId>(&format!("person-{}", short_hash(&format!("{unit}|{name}"))))?;
                self.row_person = Some(Person {
                    id: id.clone(),
                    name,
                    organisation: unit.clone(),
                    duty: String::new(),
                    mobile: mobile.to_owned(),
                    deputy: None,
                });
                Ok(id)
            }
        }
    }
}

fn unit_key(name: &str) -> String {
    // Parentheses belong to names of units: 公安局（交警支队） is another one.
    name.chars().map(narrow).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `652922温宿县`, `温宿县（652922）`: the code, and what is left.
fn code_and_name(text: &str) -> (Option<String>, String) {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if CODES.contains(&digits.len()) && text.contains(&digits) {
        let name = text.replace(&digits, "");
        let name = name.trim_matches(|c: char| c.is_whitespace() || !c.is_alphanumeric()).to_owned();
        return (Some(digits), name);
    }
    (None, text.to_owned())
}

fn tier_of_code(code: &str) -> Tier {
    match code {
        code if code.len() > 6 => Tier::Township,
        code if code.ends_with("0000") => Tier::Province,
        code if code.ends_with("00") => Tier::Prefecture,
        _ => Tier::County,
    }
}

fn tier_of(name: &str) -> Tier {
    let ends = |list: &[&str]| list.iter().any(|end| name.ends_with(end));
    if ends(&["自治区", "省"]) {
        Tier::Province
    } else if ends(&["地区", "州", "盟"]) {
        Tier::Prefecture
    } else if ends(&["乡", "镇", "街道"]) {
        Tier::Township
    } else {
        Tier::County
    }
}

/// The first eight hex digits of a SHA-256: readable, the same every time, and 1,000 names share one with
/// a chance of 1 in 8,000.
pub(super) fn short_hash(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(4).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}"); // writing to a String cannot fail
        out
    })
}

/// A text as a slug: lower case, everything else than letters and digits a hyphen; `None` if it has none or more
/// than ASCII.
pub fn slug(text: &str) -> Option<String> {
    let plain: String = text.chars().map(narrow).collect();
    if !plain.is_ascii() {
        return None;
    }
    let mut out = String::new();
    for c in plain.trim().chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '.' | '_') => out.push(c),
            _ if out.ends_with('-') => {}
            _ => out.push('-'),
        }
    }
    let out: String = out.trim_matches(['-', '.', '_']).chars().take(64).collect();
    let out = out.trim_end_matches('-').to_owned();
    (!out.is_empty()).then_some(out)
}

fn slug_of<T: std::str::FromStr>(text: &str) -> Judged<T> {
    text.parse().map_err(|_| {
        wrong("不能作标识", "it makes no id", "请写 a-z、0-9、`.`、`_`、`-`", "use a-z, 0-9, `.`, `_` and `-`")
    })
}
