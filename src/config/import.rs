//! A spreadsheet of assets becomes a proposal: XLSX or CSV as it lies on somebody's desk, its headings mapped
//! by name, every row judged, what would change shown field by field. Nothing is applied here and no file is
//! opened: bytes come in, a `Sheet` goes out, and whoever holds the inventory applies it in one transaction.
//!
//! Units, regions and persons that are not there yet are proposed too, with ids that stay the same when the
//! same file comes again. Values of community, user and key columns become secrets; they are in no text that
//! leaves here: not in the preview, not in the sheet of bad rows, not in an error.

mod csv;
mod grid;
mod heading;
mod holidays;
mod names;
mod rows;
mod values;
mod write;
mod xlsx;

use std::collections::BTreeMap;
use std::fmt;

use crate::model::Secret;
use crate::model::inventory::{Asset, Inventory, Organisation, Person, Region};

use super::inventory::{Diff, diff};

pub use grid::{Grid, MAX_CELL, MAX_COLUMNS, MAX_FILE, MAX_ROWS, Tab, read, tabs};
pub use heading::Field;
pub use holidays::{HolidayError, Year, definition, holidays};
pub use names::slug;
pub use rows::{Against, judge};
pub use write::{Lang, template_xlsx};

/// Words in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Both at once.
pub fn words(zh: impl Into<String>, en: impl Into<String>) -> Words {
    Words { zh: zh.into(), en: en.into() }
}

/// Columns (from 0) that a person mapped by hand.
pub type Mapping = BTreeMap<usize, Field>;

/// Why a file cannot be read at all. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// More bytes than a file may have.
    #[error("the file is larger than 16 MiB; split it")]
    TooLarge,
    /// Nothing in it.
    #[error("the file is empty; save it again with its rows")]
    Empty,
    /// The format before 2007.
    #[error("this is the old .xls format, or a locked workbook; save it without a password as .xlsx or CSV")]
    OldExcel,
    /// A password.
    #[error("the workbook is locked with a password; save it without one")]
    Locked,
    /// A zip, but no workbook.
    #[error("this is no Excel workbook; save it as .xlsx or CSV")]
    NotExcel,
    /// It does not read.
    #[error("the workbook is damaged or was cut off; open it, save it again as .xlsx, and send that")]
    Damaged,
    /// Not text.
    #[error("this is no text in UTF-8, GBK or UTF-16; save it as .xlsx, or as CSV in UTF-8")]
    NotText,
    /// More rows than are taken at once.
    #[error("there are more than 20,000 rows; split the file")]
    TooManyRows,
    /// More columns than a register has.
    #[error("there are more than 100 columns; remove those that hold no assets' data")]
    TooManyColumns,
    /// A bomb, or something near it.
    #[error("unpacked it is larger than 64 MiB, or holds more than 32 MiB of text; split it and remove pictures")]
    TooMuchText,
    /// No row of headings.
    #[error(
        "no row has known headings; give the columns names such as Name, Address, Kind (template: fengsui inventory template)"
    )]
    NoHeadings,
}

impl ImportError {
    /// The same in Chinese.
    pub const fn zh(&self) -> &'static str {
        match self {
            Self::TooLarge => "文件超过 16 MiB；请拆分",
            Self::Empty => "文件是空的；请带上数据重新保存",
            Self::OldExcel => "这是旧的 .xls 格式或加密的工作簿；请取消密码并另存为 .xlsx 或 CSV",
            Self::Locked => "工作簿有密码；请取消密码后保存",
            Self::NotExcel => "这不是 Excel 工作簿；请另存为 .xlsx 或 CSV",
            Self::Damaged => "工作簿损坏或不完整；请打开后另存为 .xlsx 再上传",
            Self::NotText => "不是 UTF-8、GBK 或 UTF-16 文本；请另存为 .xlsx，或 UTF-8 编码的 CSV",
            Self::TooManyRows => "超过 20000 行；请拆分文件",
            Self::TooManyColumns => "超过 100 列；请删除与资产无关的列",
            Self::TooMuchText => "解压后超过 64 MiB，或文字超过 32 MiB；请拆分，并去掉图片",
            Self::NoHeadings => {
                "没有找到表头；请给各列加上名称，如 设备名称、管理IP、类型（模板：fengsui inventory template）"
            }
        }
    }
}

/// One column of the file and what it is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its number, from 0.
    pub index: usize,
    /// Its heading as it stands; may be empty.
    pub heading: String,
    /// What it fills; `None` = ignored.
    pub field: Option<Field>,
    /// Whether a person mapped it.
    pub by_hand: bool,
    /// Whether its values are shown nowhere.
    pub secret: bool,
    /// A value of it, to tell what it holds; `***` if it is secret.
    pub sample: String,
}

/// What applying a row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowAction {
    /// A new asset.
    Add,
    /// An asset that is there and differs.
    Change,
    /// An asset that is there already as the row says.
    Same,
}

impl RowAction {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Same => "same",
        }
    }
}

/// A row that can be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodRow {
    /// Its number in the file, from 1.
    pub number: usize,
    /// The asset as it would be.
    pub asset: Asset,
    /// What applying does.
    pub action: RowAction,
    /// For a change: key, old and new value as an inventory file writes them; empty = not there.
    pub fields: Vec<(String, String, String)>,
}

/// One thing that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The column, from 0, if it is about one.
    pub column: Option<usize>,
    /// Its heading.
    pub heading: String,
    /// The value; `***` if it is secret.
    pub value: String,
    /// What is wrong.
    pub what: Words,
    /// What to do.
    pub remedy: Words,
}

/// A row that is left out until somebody mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its number in the file, from 1.
    pub number: usize,
    /// Its cells; secret ones read `***`.
    pub cells: Vec<String>,
    /// Everything that is wrong with it.
    pub faults: Vec<Fault>,
}

/// A secret that applying puts into the sealed store.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Its name.
    pub name: String,
    /// Its value.
    pub secret: Secret,
    /// How many rows use it.
    pub used_by: usize,
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A user name is as little for a log as a community.
        write!(f, "NewSecret({}: {}, used by {})", self.name, self.secret.kind(), self.used_by)
    }
}

/// A file, judged against an inventory.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// The file's name.
    pub file: String,
    /// The sheet of the workbook; empty for CSV.
    pub tab: String,
    /// The row of the headings, from 1.
    pub heading_row: usize,
    /// What a person should know: defaults taken, columns left out.
    pub notes: Vec<Words>,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows that can be applied.
    pub good: Vec<GoodRow>,
    /// Rows that cannot.
    pub bad: Vec<BadRow>,
    /// Regions that are not there yet.
    pub regions: Vec<Region>,
    /// Units that are not there yet.
    pub organisations: Vec<Organisation>,
    /// Persons that are not there yet.
    pub persons: Vec<Person>,
    /// Secrets that are not there yet.
    pub secrets: Vec<NewSecret>,
}

impl Sheet {
    /// How many rows add, change, stay the same, are bad.
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        let of = |action| self.good.iter().filter(|row| row.action == action).count();
        (of(RowAction::Add), of(RowAction::Change), of(RowAction::Same), self.bad.len())
    }

    /// Whether applying would change anything.
    pub fn changes_anything(&self) -> bool {
        self.good.iter().any(|row| row.action != RowAction::Same)
    }

    /// The inventory it was judged against with the good rows and what they need.
    pub fn merged(&self, base: &Inventory) -> Inventory {
        let mut all = base.clone();
        all.regions.extend(self.regions.iter().map(|r| (r.id.clone(), r.clone())));
        all.organisations.extend(self.organisations.iter().map(|o| (o.id.clone(), o.clone())));
        all.persons.extend(self.persons.iter().map(|p| (p.id.clone(), p.clone())));
        all.assets.extend(self.good.iter().map(|row| (row.asset.id.clone(), row.asset.clone())));
        all
    }

    /// What applying does to the inventory, as `inventory diff` prints it.
    pub fn diff(&self, base: &Inventory) -> Diff {
        diff(base, &self.merged(base), false)
    }

    /// The bad rows as a workbook: their columns and one more that says what is wrong. Secret cells read `***`.
    pub fn bad_rows_xlsx(&self, lang: Lang) -> Vec<u8> {
        write::bad_rows(self, lang)
    }
}

#[cfg(test)]
mod tests;
