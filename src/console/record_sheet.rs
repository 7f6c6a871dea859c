//! The record sheet (结果记录表): a row an item an asset, as assessors keep it: what is asked for, the verdict, the sentence
//! with its proof, the waiver that stands, and two columns for what a person found. It leaves as DOCX, XLSX or CSV;
//! filled in, it comes back through `filled`. Pages and API use the functions here.

pub mod docx;
pub mod filled;
mod xlsx;

use std::collections::HashMap;

use axum::http::StatusCode;
use jiff::tz::TimeZone;

use super::api::problem::Problem;
use super::command::Scope;
use super::graded::{self, AssetRow, Matrix};
use super::service::Service;
use super::store::{FindingRow, Store, StoreError};
use super::web::lang::Lang;
use super::web::text;
use super::web::ui::list::MAX_EXPORT;
use super::web::ui::table::inert;
use super::web::ui::words;
use crate::baseline::policy::Clause;
use crate::baseline::score::OnAsset;
use crate::model::finding::{Finding, Verdict};
use crate::model::inventory::{Inventory, System};
use crate::model::waiver::{Answer, Waiver};
use crate::model::{AssetId, SystemId, Wall};

/// What a sheet can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For Word and WPS.
    Docx,
    /// For Excel and WPS; it can be filled in and handed back.
    Xlsx,
    /// For any program.
    Csv,
}

impl Format {
    /// All of them, as they are offered.
    pub const ALL: [Self; 3] = [Self::Docx, Self::Xlsx, Self::Csv];
    /// Its word, and how names of its files end.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
        }
    }
    /// The one of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
    /// Its media type.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
    /// What a file of it is called.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Docx => "record-sheet.docx",
            Self::Xlsx => "record-sheet.xlsx",
            Self::Csv => "record-sheet.csv",
        }
    }
}

/// Which rows are wanted; all that is not given fits.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this system.
    pub system: Option<SystemId>,
    /// Of this asset.
    pub asset: Option<String>,
    /// Of this item (GB/T 28448).
    pub item: Option<String>,
    /// With this result.
    pub result: Option<Verdict>,
    /// With these words in the asset's name or id, or in what is asked, in lower case.
    pub words: Vec<String>,
}

/// An item on an asset.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'m> {
    /// The item's place in the standard.
    pub at: usize,
    /// The item.
    pub clause: &'static Clause,
    /// The asset.
    pub row: &'m AssetRow,
    /// What it comes to.
    pub on: &'m OnAsset,
}

/// The cells of a matrix that are wanted, asset by asset.
pub fn cells<'m>(matrix: &'m Matrix, inventory: &Inventory, wanted: &Wanted) -> Vec<Cell<'m>> {
    let all = matrix.rows.iter().flat_map(|row| {
        let cells = matrix.items.iter().zip(&row.items).enumerate();
        cells.map(move |(at, (clause, on))| Cell { at, clause, row, on })
    });
    let fits = |cell: &Cell<'_>| {
        let (asset, clause) = (&cell.row.asset, cell.clause);
        let said = || {
            let name = named(inventory, asset);
            format!("{name}\n{asset}\n{}\n{}", clause.words.zh, clause.words.en).to_lowercase()
        };
        wanted.result.is_none_or(|result| result == cell.on.raw)
            && wanted.asset.as_ref().is_none_or(|one| one == asset.as_str())
            && wanted.item.as_ref().is_none_or(|one| *one == clause.item)
            && (wanted.words.is_empty() || wanted.words.iter().all(|word| said().contains(word.as_str())))
    };
    all.filter(fits).collect()
}

/// What an asset is called.
pub fn named(inventory: &Inventory, asset: &AssetId) -> String {
    inventory.assets.get(asset).map_or_else(|| asset.to_string(), |a| a.name.clone())
}

/// The number of an item at a level.
pub fn number(clause: &Clause, level: u8) -> &str {
    if level >= 3 { &clause.l3 } else { &clause.l2 }
}

/// What proves cells: results of checks by asset, people's answers and waivers.
pub struct Proofs {
    findings: HashMap<AssetId, Vec<FindingRow>>,
    answers: HashMap<(AssetId, String), Answer>,
    waivers: Vec<Waiver>,
}

impl Proofs {
    /// Of the assets of these cells.
    pub async fn of(store: &Store, scope: &Scope, cells: &[Cell<'_>]) -> Result<Self, StoreError> {
        let mut assets: Vec<AssetId> = cells.iter().map(|cell| cell.row.asset.clone()).collect();
        assets.sort_unstable();
        assets.dedup();
        let mut items: Vec<String> = cells.iter().map(|cell| cell.clause.item.clone()).collect();
        items.sort_unstable();
        items.dedup();
        let mut findings: HashMap<AssetId, Vec<FindingRow>> = HashMap::new();
        for row in store.findings_of(scope, assets.clone(), items).await? {
            findings.entry(row.asset.clone()).or_default().push(row);
        }
        // The worst first: it is what a reader looks for.
        findings.values_mut().for_each(|rows| rows.sort_by_key(|row| std::cmp::Reverse(row.result.badness())));
        let answers = store.answers(scope, assets).await?;
        let answers = answers.into_iter().map(|a| ((a.asset.clone(), a.target.clone()), a)).collect();
        Ok(Self { findings, answers, waivers: store.waivers().await? })
    }

    /// Results of the checks of an item, the worst first.
    pub fn checks(&self, cell: &Cell<'_>) -> impl Iterator<Item = (&FindingRow, &Finding)> {
        let rows = self.findings.get(&cell.row.asset).into_iter().flatten();
        let item = cell.clause.item.as_str();
        rows.filter(move |row| row.item == item).filter_map(|row| Some((row, row.finding.as_ref()?)))
    }

    /// What a person found.
    pub fn answer(&self, cell: &Cell<'_>) -> Option<&Answer> {
        self.answers.get(&(cell.row.asset.clone(), cell.clause.item.clone()))
    }

    /// What the record sheet says: the person's words, else the sentences of the checks.
    pub fn record(&self, l: Lang, cell: &Cell<'_>) -> String {
        if let Some(answer) = self.answer(cell) {
            return format!("{} ({})", answer.reason, answer.by);
        }
        let sentence = |(row, finding): (&FindingRow, &Finding)| {
            format!("{} {}", row.check, l.pick(&finding.record.zh, &finding.record.en))
        };
        let all: Vec<String> = self.checks(cell).map(sentence).collect();
        match (all.is_empty(), cell.row.inspected.is_some()) {
            (false, _) => all.join(l.pick("；", "; ")),
            (true, true) => text::sheet_no_check(l).to_owned(),
            (true, false) => text::graded_never(l).to_owned(),
        }
    }

    /// The lines that prove it, one below the other.
    pub fn proof(&self, cell: &Cell<'_>) -> String {
        let mut lines: Vec<String> = Vec::new();
        for proof in self.checks(cell).flat_map(|(_, finding)| &finding.evidence) {
            let file = proof.file.rsplit('/').next().unwrap_or(&proof.file);
            let line = match proof.line_from {
                0 => format!("{file} {}", proof.text),
                from => format!("{file}:{from} {}", proof.text),
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines.join("\n")
    }

    /// The waiver that stands for a result now.
    pub fn stands(&self, inventory: &Inventory, row: &FindingRow, now: Wall) -> Option<&Waiver> {
        graded::waiver(inventory, row, &self.waivers, now)
    }

    /// The waivers that stand for results of the item that are not met.
    fn waiver(&self, l: Lang, inventory: &Inventory, cell: &Cell<'_>, now: Wall, zone: &TimeZone) -> String {
        let unmet = |row: &FindingRow| matches!(row.result, Verdict::Fail | Verdict::Partial);
        let said = self.checks(cell).filter(|(row, _)| unmet(row)).filter_map(|(row, _)| {
            let waiver = self.stands(inventory, row, now)?;
            let plea = &waiver.plea;
            let instead = if plea.compensating.is_empty() { "" } else { " / " };
            let until = day(plea.expires, zone);
            Some(format!(
                "{}: {}{instead}{} ({}, {} {until})",
                row.check,
                plea.reason,
                plea.compensating,
                waiver.approver,
                text::graded_until(l)
            ))
        });
        said.collect::<Vec<_>>().join("\n")
    }
}

/// A day as people of that zone count it.
pub fn day(at: Wall, zone: &TimeZone) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
}

/// A column of the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The item's number in GB/T 22239.
    Number,
    /// And in GB/T 28448.
    Item,
    /// What is asked for.
    Asks,
    /// What the asset is called.
    Asset,
    /// Its id.
    AssetId,
    /// The verdict.
    Result,
    /// The verdict with waivers.
    Adjusted,
    /// The sentence.
    Record,
    /// The lines that prove it.
    Proof,
    /// The waiver that stands.
    Waiver,
    /// To be filled in: the verdict of a person.
    Answer,
    /// To be filled in: what was seen.
    Seen,
}

impl Column {
    /// All of them, as they stand in a spreadsheet.
    pub const ALL: [Self; 12] = [
        Self::Number,
        Self::Item,
        Self::Asks,
        Self::Asset,
        Self::AssetId,
        Self::Result,
        Self::Adjusted,
        Self::Record,
        Self::Proof,
        Self::Waiver,
        Self::Answer,
        Self::Seen,
    ];
    /// Its heading.
    pub const fn title(self, l: Lang) -> &'static str {
        match self {
            Self::Number => text::graded_item(l),
            Self::Item => text::sheet_item(l),
            Self::Asks => text::graded_asks(l),
            Self::Asset => text::graded_asset(l),
            Self::AssetId => text::sheet_asset_id(l),
            Self::Result => text::graded_result(l),
            Self::Adjusted => text::graded_adjusted(l),
            Self::Record => text::graded_record(l),
            Self::Proof => text::sheet_proof(l),
            Self::Waiver => text::sheet_waiver(l),
            Self::Answer => text::sheet_answer(l),
            Self::Seen => text::sheet_seen(l),
        }
    }
    /// Width in a spreadsheet, in characters.
    const fn width(self) -> f64 {
        match self {
            Self::Number | Self::Item | Self::Result | Self::Adjusted | Self::Answer => 13.0,
            Self::Asset | Self::AssetId => 20.0,
            Self::Asks | Self::Waiver => 30.0,
            Self::Record | Self::Proof | Self::Seen => 45.0,
        }
    }
    /// Whether a person writes here.
    const fn open(self) -> bool {
        matches!(self, Self::Answer | Self::Seen)
    }
}

/// A row of the sheet: a text a column, in the order of `Column::ALL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<String>);

impl Row {
    fn get(&self, column: Column) -> &str {
        let at = Column::ALL.iter().position(|one| *one == column);
        at.and_then(|at| self.0.get(at)).map_or("", String::as_str)
    }
}

/// A sheet.
#[derive(Debug, Clone)]
pub struct RecordSheet {
    lang: Lang,
    /// What it is of, the system's name if it is of one.
    title: String,
    /// Level, filing, dates, and that it is no assessment; for people.
    about: Vec<String>,
    rows: Vec<Row>,
}

/// Makes a sheet.
pub async fn build(service: &Service, scope: &Scope, wanted: &Wanted, l: Lang) -> Result<RecordSheet, Problem> {
    let (store, now, zone) = (&service.store, service.clock.wall(), &service.zone);
    let (_, inventory) = store.inventory();
    let matrix = graded::matrix(store, scope, wanted.system.as_ref(), now).await?;
    let mut cells = cells(&matrix, &inventory, wanted);
    cells.sort_by_key(|cell| cell.at); // stable: below an item the assets stay in order
    let all = cells.len();
    cells.truncate(MAX_EXPORT);
    let proofs = Proofs::of(store, scope, &cells).await?;
    let rows = cells.iter().map(|cell| {
        let answer = proofs.answer(cell);
        Row(vec![
            number(cell.clause, matrix.level).to_owned(),
            cell.clause.item.clone(),
            l.pick(&cell.clause.words.zh, &cell.clause.words.en).to_owned(),
            named(&inventory, &cell.row.asset),
            cell.row.asset.to_string(),
            words::verdict(l, cell.on.raw).to_owned(),
            words::verdict(l, cell.on.adjusted).to_owned(),
            proofs.record(l, cell),
            proofs.proof(cell),
            proofs.waiver(l, &inventory, cell, now, zone),
            answer.map(|a| words::verdict(l, a.result).to_owned()).unwrap_or_default(),
            answer.map(|a| a.reason.clone()).unwrap_or_default(),
        ])
    });
    let rows: Vec<Row> = rows.collect();
    let system = wanted.system.as_ref().and_then(|id| inventory.systems.get(id));
    let mut about = about(l, system, &matrix, now, zone);
    if all > rows.len() {
        about.push(text::sheet_cut(l, rows.len(), all));
    }
    let title = match system {
        Some(system) => text::sheet_title_of(l, system.name.clone()),
        None => text::sheet_title(l).to_owned(),
    };
    Ok(RecordSheet { lang: l, title, about, rows })
}

fn about(l: Lang, system: Option<&System>, matrix: &Matrix, now: Wall, zone: &TimeZone) -> Vec<String> {
    let mut all = vec![text::graded_self_check(l).to_owned()];
    let mut facts = vec![text::sheet_level(l, matrix.level)];
    if let Some(filing) = system.map(|system| &system.filing) {
        let named =
            |name: &str, value: &str| (!value.is_empty()).then(|| format!("{name}{}{value}", l.pick("：", ": ")));
        facts.extend(named(text::sheet_filing(l), &filing.number));
        facts.extend(named(text::sheet_filed(l), filing.filed.as_deref().unwrap_or_default()));
        facts.extend(named(text::sheet_assessed(l), filing.last_assessed.as_deref().unwrap_or_default()));
    }
    facts.push(text::sheet_made(l, day(now, zone)));
    facts.push(text::sheet_assets(l, matrix.rows.len()));
    all.push(facts.join(l.pick("；", "; ")));
    all
}

impl RecordSheet {
    /// The sheet as a file.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, Problem> {
        let broken = |error: String| {
            tracing::error!(%error, "a record sheet could not be written");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "无法生成文件；请改用 CSV",
                "the file could not be made; take CSV instead",
            )
        };
        match format {
            Format::Docx => docx::write(&self.document()).map_err(|e| broken(e.to_string())),
            Format::Xlsx => xlsx::write(self).map_err(|e| broken(e.to_string())),
            Format::Csv => self.csv().map_err(|e| broken(e.to_string())),
        }
    }

    /// With a byte order mark, so that Excel takes it for UTF-8.
    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::from("\u{feff}"));
        out.write_record(Column::ALL.map(|column| column.title(self.lang)))?;
        for row in &self.rows {
            out.write_record(row.0.iter().map(|text| inert(text)))?;
        }
        out.into_inner().map_err(|error| error.into_error().into())
    }

    /// On paper some columns stand together: a page is not as wide as a spreadsheet.
    fn document(&self) -> docx::Document<'_> {
        let l = self.lang;
        let rows = self.rows.iter().map(|row| {
            let (raw, adjusted) = (row.get(Column::Result), row.get(Column::Adjusted));
            let result = if raw == adjusted {
                raw.to_owned()
            } else {
                format!("{raw}\n{}{}{adjusted}", text::graded_adjusted(l), l.pick("：", ": "))
            };
            let both = |a, b| format!("{}\n{}", row.get(a), row.get(b));
            vec![
                both(Column::Number, Column::Item),
                row.get(Column::Asks).to_owned(),
                both(Column::Asset, Column::AssetId),
                result,
                row.get(Column::Record).to_owned(),
                row.get(Column::Proof).to_owned(),
                row.get(Column::Waiver).to_owned(),
            ]
        });
        docx::Document {
            title: &self.title,
            about: &self.about,
            columns: vec![
                (Column::Number.title(l), 1_400),
                (Column::Asks.title(l), 2_700),
                (Column::Asset.title(l), 1_700),
                (Column::Result.title(l), 1_150),
                (Column::Record.title(l), 3_500),
                (Column::Proof.title(l), 3_200),
                (Column::Waiver.title(l), 1_748),
            ],
            rows: rows.collect(),
            foot: text::sheet_foot(l),
            chinese: l == Lang::Zh,
        }
    }
}

#[cfg(test)]
mod tests;
