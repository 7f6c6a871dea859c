//! Judges every row: which asset it is, what it would be, or everything that is wrong with it at once.
//! An empty cell says nothing: it never takes away what the inventory has.

mod fill;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::grid::{Grid, GridRow, MAX_ROWS};
use super::heading::{self, Field};
use super::names::{Names, short_hash, slug};
use super::values::{self, Judged, Wrong, wrong};
use super::{BadRow, Column, Fault, GoodRow, Mapping, NewSecret, RowAction, Sheet, Words, words};
use crate::config::inventory::asset_changes;
use crate::model::inventory::{Asset, AssetKind, Inventory};
use crate::model::{AssetId, Secret, ZoneId};

/// The zone of new assets whose row names none.
const ZONE: &str = "extranet";
/// What stands for a secret.
const HIDDEN: &str = "***";

/// What a file is judged against.
#[derive(Debug, Clone, Copy)]
pub struct Against<'a> {
    /// The inventory as it is.
    pub inventory: &'a Inventory,
    /// The secrets that are there, by name: a value that is there already gets no second name.
    pub secrets: &'a BTreeMap<String, Secret>,
}

/// Judges a file. `mapping` prevails over what the headings say.
pub fn judge(grid: &Grid, mapping: &Mapping, against: &Against<'_>) -> Sheet {
    let mut notes = grid.notes.clone();
    let columns = columns(grid, mapping, &mut notes);
    let mut judge = Judge::new(&columns, against);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut remarks = 0;
    for row in &grid.rows {
        if is_remark(row) {
            remarks += 1;
            continue;
        }
        match judge.row(row) {
            Ok(row) => good.push(row),
            Err(faults) => bad.push(BadRow { number: row.number, cells: hidden(&columns, row), faults }),
        }
    }
    judge.notes(&mut notes, &good);
    if remarks > 0 {
        notes.push(words(
            format!("跳过 {remarks} 行合计或备注"),
            format!("{remarks} rows of totals or remarks were passed over"),
        ));
    }
    let Judge { secrets, names, .. } = judge;
    let Names { new_regions: regions, new_units: organisations, new_persons: persons, .. } = names;
    Sheet {
        file: grid.file.clone(),
        tab: grid.tab.clone(),
        heading_row: grid.heading_row,
        notes,
        columns,
        good,
        bad,
        regions,
        organisations,
        persons,
        secrets,
    }
}

fn columns(grid: &Grid, mapping: &Mapping, notes: &mut Vec<Words>) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::with_capacity(grid.headings.len());
    let by_hand: Vec<Field> = mapping.values().copied().collect();
    for (index, heading) in grid.headings.iter().enumerate() {
        let guarded = heading::looks_secret(heading);
        let given = mapping.get(&index).copied();
        let refused = given.is_some_and(|field| guarded && !field.is_secret() && field != Field::Ignore);
        if refused {
            notes.push(words(
                format!("第 {} 列看起来是密码或团体名，只能作为凭据导入，已忽略", index + 1),
                format!(
                    "column {} looks like passwords or communities: it can only become secrets and is left out",
                    index + 1
                ),
            ));
        }
        let field = match given {
            Some(field) => Some(field).filter(|field| !refused && *field != Field::Ignore),
            // What a person mapped elsewhere is not taken from two columns.
            None => grid.fields.get(index).copied().flatten().filter(|field| !by_hand.contains(field)),
        };
        let field = field.filter(|field| !columns.iter().any(|c: &Column| c.field == Some(*field)));
        let secret = guarded || field.is_some_and(Field::is_secret);
        let value = || grid.rows.iter().filter_map(|row| row.cells.get(index)).find(|cell| !cell.is_empty());
        let sample = match (secret, value()) {
            (_, None) => String::new(),
            (true, Some(_)) => HIDDEN.to_owned(),
            (false, Some(cell)) => cell.chars().take(80).collect(),
        };
        columns.push(Column {
            index,
            heading: heading.clone(),
            field,
            by_hand: given.is_some() && !refused,
            secret,
            sample,
        });
    }
    columns
}

/// Totals and remarks at the foot of a register are no assets; they have few cells and no address.
fn is_remark(row: &GridRow) -> bool {
    const WORDS: &[&str] = &["合计", "总计", "小计", "共计", "备注", "说明", "填表", "制表", "审核", "填报", "total"];
    let mut filled = row.cells.iter().filter(|cell| !cell.is_empty());
    let Some(first) = filled.next() else { return true };
    let folded = heading::fold(first);
    let begins =
        WORDS.iter().any(|word| folded.starts_with(word)) || first.starts_with("注：") || first.starts_with("注:");
    begins
        && filled.count() <= 3
        && !row.cells.iter().any(|cell| cell.contains("://") || cell.parse::<IpAddr>().is_ok())
}

fn hidden(columns: &[Column], row: &GridRow) -> Vec<String> {
    let secret = |at: usize| columns.get(at).is_some_and(|column| column.secret);
    let cells = row.cells.iter().enumerate();
    cells.map(|(at, cell)| if secret(at) && !cell.is_empty() { HIDDEN.to_owned() } else { cell.clone() }).collect()
}

struct Judge<'a> {
    columns: &'a [Column],
    /// The column of each field.
    at: HashMap<Field, usize>,
    base: &'a Inventory,
    names: Names<'a>,
    stored: &'a BTreeMap<String, Secret>,
    secrets: Vec<NewSecret>,
    by_address: HashMap<&'a str, Vec<&'a Asset>>,
    by_url: HashMap<&'a str, &'a Asset>,
    by_name: HashMap<&'a str, Vec<&'a Asset>>,
    /// Rows by the asset they became, and by zone and address.
    ids: HashMap<AssetId, usize>,
    places: HashMap<(ZoneId, String), usize>,
    zone_taken: bool,
}

/// The cells of one row by field, and what is wrong with it so far.
struct Cells<'a> {
    row: &'a GridRow,
    faults: Vec<Fault>,
}

impl<'a> Judge<'a> {
    fn new(columns: &'a [Column], against: &Against<'a>) -> Self {
        let base = against.inventory;
        let mut by_address: HashMap<&str, Vec<&Asset>> = HashMap::new();
        let mut by_name: HashMap<&str, Vec<&Asset>> = HashMap::new();
        let mut by_url = HashMap::new();
        for asset in base.assets.values() {
            for address in asset.address.iter().chain(&asset.also) {
                by_address.entry(address).or_default().push(asset);
            }
            by_name.entry(asset.name.as_str()).or_default().push(asset);
            if let Some(site) = &asset.website {
                by_url.insert(site.url.as_str(), asset);
            }
        }
        Self {
            columns,
            at: columns.iter().filter_map(|c| Some((c.field?, c.index))).collect(),
            base,
            names: Names::new(base),
            stored: against.secrets,
            secrets: Vec::new(),
            by_address,
            by_url,
            by_name,
            ids: HashMap::new(),
            places: HashMap::new(),
            zone_taken: false,
        }
    }

    fn row(&mut self, row: &GridRow) -> Result<GoodRow, Vec<Fault>> {
        self.names.begin();
        let mut cells = Cells { row, faults: Vec::new() };
        let asset = self.asset(&mut cells);
        match asset {
            Some((asset, secret, before)) if cells.faults.is_empty() => {
                self.names.keep();
                if let Some(secret) = secret {
                    self.use_secret(secret);
                }
                self.ids.insert(asset.id.clone(), row.number);
                if let Some(place) = place(&asset) {
                    self.places.insert(place, row.number);
                }
                let (action, fields) = match before {
                    None => (RowAction::Add, Vec::new()),
                    Some(old) if *old == asset => (RowAction::Same, Vec::new()),
                    Some(old) => (RowAction::Change, asset_changes(old, &asset)),
                };
                Ok(GoodRow { number: row.number, asset, action, fields })
            }
            _ => Err(cells.faults),
        }
    }

    /// What the row says of a field; `None` if it says nothing.
    fn cell<'r>(&self, cells: &Cells<'r>, field: Field) -> Option<&'r str> {
        let text = cells.row.cells.get(*self.at.get(&field)?)?.as_str();
        (!values::is_blank(text)).then_some(text)
    }

    /// Reads a field; what is wrong with it is noted.
    fn read<T>(&self, cells: &mut Cells<'_>, field: Field, read: impl FnOnce(&str) -> Judged<T>) -> Option<T> {
        let text = self.cell(cells, field)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.fault(cells, field, wrong);
                None
            }
        }
    }

    fn fault(&self, cells: &mut Cells<'_>, field: Field, wrong: Wrong) {
        let column = self.at.get(&field).and_then(|at| self.columns.get(*at));
        let value = cells.row.cells.get(column.map_or(usize::MAX, |c| c.index)).cloned().unwrap_or_default();
        let secret = column.is_some_and(|c| c.secret) || field.is_secret();
        cells.faults.push(Fault {
            column: column.map(|c| c.index),
            heading: column.map_or_else(String::new, |c| c.heading.clone()),
            value: if secret && !value.is_empty() { HIDDEN.to_owned() } else { value.chars().take(200).collect() },
            what: wrong.what,
            remedy: wrong.remedy,
        });
    }

    #[expect(clippy::type_complexity, reason = "three parts of one answer, taken apart at once")]
    fn asset(
        &mut self,
        cells: &mut Cells<'_>,
    ) -> Option<(Asset, Option<(String, Option<Secret>)>, Option<&'a Asset>)> {
        let addresses = self.read(cells, Field::Address, values::addresses).unwrap_or_default();
        let url = self.read(cells, Field::Url, values::url);
        let kind = self.read(cells, Field::Kind, values::kind);
        let zone = self.read(cells, Field::Zone, |text| self.names.zone(text));
        let name = self.read(cells, Field::Name, values::free);
        let id = self.read(cells, Field::Id, |text| {
            let id = slug(text).unwrap_or_else(|| format!("dev-{}", short_hash(text)));
            AssetId::new(&id).map_err(|_| {
                wrong("不能作编号", "it makes no id", "请写字母、数字和连字符", "use letters, digits and hyphens")
            })
        });
        if !cells.faults.is_empty() {
            // Who it is cannot be told; the rest is judged when that is mended.
            return None;
        }
        let known = Known {
            id,
            address: addresses.first().map(String::as_str),
            url: url.as_deref(),
            name: name.as_deref(),
            kind,
            zone: zone.as_ref(),
        };
        let before = match self.find(&known) {
            Ok(found) => found,
            Err((field, wrong)) => {
                self.fault(cells, field, wrong);
                return None;
            }
        };
        let mut asset = match before {
            Some(asset) => asset.clone(),
            None => self.fresh(cells, &known)?,
        };
        if let Some(name) = name {
            asset.name = name;
        }
        asset.kind = kind.unwrap_or(asset.kind);
        asset.zone = zone.unwrap_or(asset.zone);
        let mut addresses = addresses.into_iter();
        if let Some(first) = addresses.next() {
            // An address the asset is known by already stays where it is.
            if !asset.also.contains(&first) {
                asset.address = Some(first);
            }
        }
        let more = self.read(cells, Field::Also, values::addresses).unwrap_or_default();
        for address in addresses.chain(more) {
            if asset.address.as_ref() != Some(&address) && !asset.also.contains(&address) {
                asset.also.push(address);
            }
        }
        self.plain(cells, &mut asset, url);
        self.people(cells, &mut asset);
        let secret = self.snmp(cells, &mut asset);
        self.alone(cells, &asset, before);
        Some((asset, secret, before))
    }

    /// Which asset a row speaks of.
    fn find(&self, known: &Known<'_>) -> Result<Option<&'a Asset>, (Field, Wrong)> {
        if let Some(id) = &known.id {
            return Ok(self.base.assets.get(id));
        }
        if let Some(found) = known.url.and_then(|url| self.by_url.get(url)) {
            return Ok(Some(found));
        }
        let by_place = known.kind != Some(AssetKind::Website) && known.kind != Some(AssetKind::Service);
        if let Some(all) = known.address.filter(|_| by_place).and_then(|address| self.by_address.get(address)) {
            let fits = |asset: &&&Asset| {
                known.zone.is_none_or(|zone| *zone == asset.zone)
                    && !matches!(asset.kind, AssetKind::Website | AssetKind::Service)
            };
            let mut found = all.iter().filter(fits);
            return match (found.next(), found.next()) {
                (one, None) => Ok(one.copied()),
                _ => Err((
                    Field::Address,
                    wrong(
                        "几个资产有这个地址",
                        "several assets have this address",
                        "请填写编号或所属网络",
                        "fill in the id or the zone",
                    ),
                )),
            };
        }
        if known.address.is_none() && known.url.is_none() {
            let all = known.name.and_then(|name| self.by_name.get(name)).map_or(&[][..], Vec::as_slice);
            if let [one] = all {
                return Ok(Some(one));
            }
        }
        Ok(None)
    }

    /// A new asset.
    fn fresh(&mut self, cells: &mut Cells<'_>, known: &Known<'_>) -> Option<Asset> {
        if known.id.is_none() && known.address.is_none() && known.url.is_none() {
            let (field, nothing) = (
                Field::Address,
                wrong(
                    "没有编号、地址或网址，无法识别",
                    "no id, address or URL tells what it is",
                    "请填写管理IP、网址或编号",
                    "fill in address, URL or id",
                ),
            );
            self.fault(cells, field, nothing);
            return None;
        }
        let zone = match known.zone {
            Some(zone) => zone.clone(),
            None => {
                self.zone_taken = true;
                self.base.zones.keys().find(|zone| zone.as_str() == ZONE).or(self.base.zones.keys().next())?.clone()
            }
        };
        let guessed =
            known.name.and_then(values::guess).filter(|kind| *kind != AssetKind::Website || known.url.is_some());
        let by_url = (known.url.is_some() && known.address.is_none()).then_some(AssetKind::Website);
        let id = match &known.id {
            Some(id) => id.clone(),
            None => self.new_id(known)?,
        };
        let host = known.url.map(host_of);
        let name = known.name.or(host).or(known.address).unwrap_or(id.as_str()).to_owned();
        let kind = known.kind.or(by_url).or(guessed).unwrap_or(AssetKind::Other);
        Some(Asset::bare(id, name, kind, zone))
    }

    fn new_id(&self, known: &Known<'_>) -> Option<AssetId> {
        let website = known.kind == Some(AssetKind::Website) || known.address.is_none();
        let (prefix, text) = match (known.address, known.url) {
            (_, Some(url)) if website => ("web", host_of(url)),
            (Some(address), _) => ("dev", address),
            (None, url) => ("web", url.map_or("", host_of)),
        };
        let plain: String =
            text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
        let plain: String = plain.trim_matches('-').chars().take(50).collect();
        let first = format!("{prefix}-{}", plain.trim_end_matches('-'));
        let taken = |id: &String| self.base.assets.contains_key(id.as_str()) || self.ids.contains_key(id.as_str());
        let more = (2..MAX_ROWS + 2).map(|n| format!("{first}-{n}"));
        let free = std::iter::once(first.clone()).chain(more).find(|id| !taken(id))?;
        AssetId::new(&free).ok()
    }

    /// Nothing may be there twice: not the asset, and not its address in its zone.
    fn alone(&self, cells: &mut Cells<'_>, asset: &Asset, before: Option<&Asset>) {
        if let Some(row) = self.ids.get(&asset.id) {
            let twice = Wrong {
                what: words(
                    format!("与第 {row} 行是同一资产（{}）", asset.id),
                    format!("the same asset as in row {row} ({})", asset.id),
                ),
                remedy: words("请删除其中一行", "remove one of them"),
            };
            let field = if self.at.contains_key(&Field::Id) { Field::Id } else { Field::Address };
            self.fault(cells, field, twice);
            return;
        }
        let Some(place) = place(asset) else { return };
        if let Some(row) = self.places.get(&place) {
            let twice = Wrong {
                what: words(format!("与第 {row} 行地址相同"), format!("the same address as in row {row}")),
                remedy: words("请改正地址，或删除其中一行", "mend the address, or remove one of them"),
            };
            self.fault(cells, Field::Address, twice);
            return;
        }
        let others = self.by_address.get(place.1.as_str()).map_or(&[][..], Vec::as_slice);
        let clash = others.iter().find(|other| {
            other.id != asset.id
                && other.zone == asset.zone
                && !matches!(other.kind, AssetKind::Website | AssetKind::Service)
        });
        // What was so before the file came is not the file's fault.
        let moved = before.is_none_or(|old| old.address != asset.address || old.zone != asset.zone);
        if let (Some(other), true) = (clash, moved) {
            let held = Wrong {
                what: words(
                    format!("地址已属于资产 {}（{}）", other.id, other.name),
                    format!("the address is that of asset {} ({})", other.id, other.name),
                ),
                remedy: words(
                    format!("是同一资产则把编号写为 {}，否则改正地址或所属网络", other.id),
                    format!("write the id {} if it is the same, else mend the address or the zone", other.id),
                ),
            };
            self.fault(cells, Field::Address, held);
        }
    }

    /// What was taken for granted.
    fn notes(&self, notes: &mut Vec<Words>, good: &[GoodRow]) {
        if self.zone_taken {
            notes.push(words(
                "没有写明所属网络的新资产归入政务外网",
                "new assets without a zone are taken for the extranet",
            ));
        }
        if good.iter().any(|row| row.action == RowAction::Add) && !self.at.contains_key(&Field::Kind) {
            notes.push(words(
                "没有类型列：按名称推断，推断不出的为“其他”",
                "there is no column of kinds: they are told by the names, else `other`",
            ));
        }
        if good.iter().any(|row| row.action == RowAction::Add) && !self.at.contains_key(&Field::Id) {
            notes.push(words(
                "没有编号列：新资产的标识由地址或网址生成，如 dev-10-65-0-1",
                "there is no column of ids: new assets get one made of their address or URL, such as dev-10-65-0-1",
            ));
        }
        if !(self.names.new_units.is_empty() && self.names.new_persons.is_empty()) {
            notes.push(words(
                "新单位、责任人的标识由名称的摘要生成（如 org-1a2b3c4d），再次导入时不变",
                "new units and persons get ids made of a digest of their names (such as org-1a2b3c4d), the same at every import",
            ));
        }
        let ignored: Vec<&str> = self
            .columns
            .iter()
            .filter(|c| c.field.is_none() && !c.heading.is_empty())
            .map(|c| c.heading.as_str())
            .collect();
        if !ignored.is_empty() {
            notes.push(words(
                format!("忽略的列：{}", ignored.join("、")),
                format!("columns left out: {}", ignored.join(", ")),
            ));
        }
    }
}

/// What tells which asset a row speaks of.
struct Known<'a> {
    id: Option<AssetId>,
    address: Option<&'a str>,
    url: Option<&'a str>,
    name: Option<&'a str>,
    kind: Option<AssetKind>,
    zone: Option<&'a ZoneId>,
}

fn host_of(url: &str) -> &str {
    url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#', ':']).next()).unwrap_or(url)
}

/// Where a device is; websites and services share addresses.
fn place(asset: &Asset) -> Option<(ZoneId, String)> {
    if matches!(asset.kind, AssetKind::Website | AssetKind::Service) {
        return None;
    }
    Some((asset.zone.clone(), asset.address.clone()?))
}
