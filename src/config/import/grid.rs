//! Bytes of an upload as rows of text: XLSX, or CSV in whatever encoding and with whatever separator it was
//! saved. Everything is bounded before it is believed. What goes wrong is said without quoting the file, since
//! any cell may hold a secret.

use std::fmt;

use super::{ImportError, Words, csv, heading, words, xlsx};

/// Largest file: 20,000 rows of 30 columns with Chinese text are about 6 MiB as CSV.
pub const MAX_FILE: usize = 16 << 20;
/// Most rows: four times the assets of a prefecture.
pub const MAX_ROWS: usize = 20_000;
/// Most columns: the widest register seen has 40.
pub const MAX_COLUMNS: usize = 100;
/// Longest cell, in characters: a URL; the rest of a longer one is cut off.
pub const MAX_CELL: usize = 2_000;
/// All cells together, in bytes: shared strings let a small file say the same long text a million times.
pub(super) const MAX_TEXT: usize = 32 << 20;

/// One row of a file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct GridRow {
    /// Its number in the file, from 1.
    pub(super) number: usize,
    /// Its cells, trimmed; shorter than the headings if its end is empty.
    pub(super) cells: Vec<String>,
}

/// A file as rows below headings. Its cells are shown to nobody: `Debug` prints sizes only.
#[derive(Clone, PartialEq, Eq)]
pub struct Grid {
    /// The file's name, as it was given.
    pub file: String,
    /// The sheet that was taken; empty for CSV.
    pub tab: String,
    /// The row of the headings, from 1.
    pub heading_row: usize,
    /// What a person should know about how it was read.
    pub notes: Vec<Words>,
    pub(super) headings: Vec<String>,
    pub(super) fields: Vec<Option<heading::Field>>,
    pub(super) rows: Vec<GridRow>,
}

impl fmt::Debug for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grid({}: {} columns, {} rows)", self.file, self.headings.len(), self.rows.len())
    }
}

/// Rows of one sheet as they stand, numbered from 1; rows without content are left out.
#[derive(Default)]
pub(super) struct Raw {
    pub(super) tab: String,
    pub(super) rows: Vec<GridRow>,
    pub(super) notes: Vec<Words>,
}

/// A sheet of a file as it stands.
pub struct Tab {
    /// Its name; empty for CSV.
    pub name: String,
    /// Rows with something in them: number in the file, from 1, and cells.
    pub rows: Vec<(usize, Vec<String>)>,
}

/// The sheets of a file, whatever their headings are.
pub fn tabs(bytes: &[u8]) -> Result<Vec<Tab>, ImportError> {
    let rows = |raw: Raw| raw.rows.into_iter().map(|row| (row.number, row.cells)).collect();
    Ok(sheets(bytes)?.into_iter().map(|raw| Tab { name: raw.tab.clone(), rows: rows(raw) }).collect())
}

/// What the file is, its bytes say.
fn sheets(bytes: &[u8]) -> Result<Vec<Raw>, ImportError> {
    if bytes.len() > MAX_FILE {
        return Err(ImportError::TooLarge);
    }
    if bytes.is_empty() {
        return Err(ImportError::Empty);
    }
    let sheets = if bytes.starts_with(b"PK") {
        xlsx::sheets(bytes)?
    } else if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(ImportError::OldExcel);
    } else {
        vec![csv::rows(bytes)?]
    };
    if sheets.iter().all(|sheet| sheet.rows.is_empty()) {
        return Err(ImportError::Empty);
    }
    Ok(sheets)
}

/// Reads a file. The name is used in words only.
pub fn read(name: &str, bytes: &[u8]) -> Result<Grid, ImportError> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    let sheets = sheets(bytes)?;
    let found = sheets.into_iter().filter_map(|sheet| {
        let first: Vec<Vec<String>> = sheet.rows.iter().take(40).map(|row| row.cells.clone()).collect();
        heading::find(&first).map(|found| (sheet, found))
    });
    let mut found: Vec<_> = found.collect();
    // The first sheet that has most: a workbook often begins with instructions.
    let most = found.iter().map(|(_, found)| found.known).max().unwrap_or(0);
    let at = found.iter().position(|(_, found)| found.known == most).ok_or(ImportError::NoHeadings)?;
    let others: Vec<String> =
        found.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, (s, _))| s.tab.clone()).collect();
    let (sheet, headings) = found.swap_remove(at);
    let mut notes = sheet.notes;
    if !others.is_empty() {
        notes.push(words(
            format!("只导入工作表「{}」；其他工作表（{}）请分别导入", sheet.tab, others.join("、")),
            format!("only sheet `{}` is imported; import the others ({}) one by one", sheet.tab, others.join(", ")),
        ));
    }
    let heading_row = sheet.rows.get(headings.last).map_or(1, |row| row.number);
    let rows: Vec<GridRow> = sheet.rows.into_iter().skip(headings.last + 1).collect();
    let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0).max(headings.headings.len());
    let (mut names, mut fields) = (headings.headings, headings.fields);
    names.resize(width, String::new());
    fields.resize(width, None);
    Ok(Grid { file: name, tab: sheet.tab, heading_row, notes, headings: names, fields, rows })
}

/// A cell as it is kept: one space for a tab, no other control characters than line breaks, nothing invisible,
/// not longer than a cell may be.
pub(super) fn tidy(text: &str) -> String {
    let visible = text.chars().filter_map(|c| match c {
        '\n' => Some('\n'),
        '\t' | '\r' | '\u{a0}' | '\u{3000}' => Some(' '),
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => None,
        c if c.is_control() => None,
        c => Some(c),
    });
    let kept: String = visible.take(MAX_CELL).collect();
    kept.trim().to_owned()
}

/// Takes cells into rows, within the bounds.
pub(super) struct Taker {
    rows: Vec<GridRow>,
    text: usize,
}

impl Taker {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), text: 0 }
    }

    /// A row, whole; one without content counts for nothing.
    pub(super) fn row(&mut self, number: usize, mut cells: Vec<String>) -> Result<(), ImportError> {
        while cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if cells.is_empty() {
            return Ok(());
        }
        if cells.len() > MAX_COLUMNS {
            return Err(ImportError::TooManyColumns);
        }
        if self.rows.len() >= MAX_ROWS + 40 {
            return Err(ImportError::TooManyRows);
        }
        self.text += cells.iter().map(String::len).sum::<usize>();
        if self.text > MAX_TEXT {
            return Err(ImportError::TooMuchText);
        }
        self.rows.push(GridRow { number, cells });
        Ok(())
    }

    pub(super) fn done(self, tab: String) -> Raw {
        Raw { tab, rows: self.rows, notes: Vec::new() }
    }
}
