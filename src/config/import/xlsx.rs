//! XLSX, all in memory. A workbook is measured unpacked before anything of it is parsed, cells are read one by
//! one and never as a rectangle (one cell in the last corner would ask for gigabytes), formulas count by their
//! stored results.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, Xlsx, XlsxError};

use super::ImportError;
use super::grid::{MAX_COLUMNS, MAX_ROWS, Raw, Taker, tidy};

/// Most bytes unpacked: XML of 20,000 rows and 40 columns is about 40 MiB.
pub(super) const MAX_UNPACKED: u64 = 64 << 20;
/// Most files in the package: a workbook of 100 sheets has about 300.
const MAX_PARTS: usize = 1_000;
/// Sheets looked at.
const MAX_SHEETS: usize = 20;
/// Merged ranges followed in a sheet: one a row and some.
const MAX_MERGES: usize = 50_000;
/// Cells filled from merged ranges above them: every cell once.
const MAX_FILLED: usize = MAX_ROWS * MAX_COLUMNS;

/// Reads every sheet that has something in it.
pub(super) fn sheets(bytes: &[u8]) -> Result<Vec<Raw>, ImportError> {
    measure(bytes)?;
    // The crate that reads workbooks is not ours, and a damaged file must cost its sender an answer, not the
    // daemon a thread.
    catch_unwind(AssertUnwindSafe(|| open(bytes))).unwrap_or(Err(ImportError::Damaged))
}

/// Unpacks everything into nothing, so that no size that the file claims has to be believed.
fn measure(bytes: &[u8]) -> Result<(), ImportError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| ImportError::Damaged)?;
    if archive.len() > MAX_PARTS {
        return Err(ImportError::TooMuchText);
    }
    let mut left = MAX_UNPACKED + 1;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|_| ImportError::Damaged)?;
        let read = std::io::copy(&mut part.take(left), &mut std::io::sink()).map_err(|_| ImportError::Damaged)?;
        left = left.saturating_sub(read);
        if left == 0 {
            return Err(ImportError::TooMuchText);
        }
    }
    Ok(())
}

fn open(bytes: &[u8]) -> Result<Vec<Raw>, ImportError> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| refused(&error))?;
    let names: Vec<String> = book.sheet_names().into_iter().take(MAX_SHEETS).collect();
    let mut sheets = Vec::new();
    for name in names {
        match sheet(&mut book, &name) {
            Ok(raw) if raw.rows.is_empty() => {}
            Ok(raw) => sheets.push(raw),
            Err(None) => {} // a chart
            Err(Some(error)) => return Err(error),
        }
    }
    Ok(sheets)
}

/// Its own messages quote cells; ours do not.
fn refused(error: &XlsxError) -> ImportError {
    match error {
        XlsxError::Password => ImportError::Locked,
        XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => ImportError::NotExcel,
        _ => ImportError::Damaged,
    }
}

fn sheet(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Raw, Option<ImportError>> {
    let mut cells = match book.worksheet_cells_reader(name) {
        Ok(cells) => cells,
        Err(XlsxError::NotAWorksheet(_)) => return Err(None),
        Err(error) => return Err(Some(refused(&error))),
    };
    let mut rows: Vec<(u32, Vec<String>)> = Vec::new();
    let mut size = 0;
    while let Some(cell) = cells.next_cell().map_err(|error| Some(refused(&error)))? {
        let text = text(cell.get_value());
        if text.is_empty() {
            continue;
        }
        let (row, column) = cell.get_position();
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= MAX_COLUMNS {
            return Err(Some(ImportError::TooManyColumns));
        }
        size += text.len();
        if size > super::grid::MAX_TEXT {
            return Err(Some(ImportError::TooMuchText));
        }
        if rows.last().is_none_or(|(at, _)| *at != row) {
            // Rows come in order; a file in which they do not is read as damaged rather than sorted.
            if rows.last().is_some_and(|(at, _)| *at > row) {
                return Err(Some(ImportError::Damaged));
            }
            if rows.len() > MAX_ROWS + 40 {
                return Err(Some(ImportError::TooManyRows));
            }
            rows.push((row, Vec::new()));
        }
        if let Some((_, cells)) = rows.last_mut() {
            if cells.len() <= column {
                cells.resize(column + 1, String::new());
            }
            if let Some(place) = cells.get_mut(column) {
                *place = text;
            }
        }
    }
    drop(cells);
    let merged = book.merge_cells_by_sheet_name(name).map_err(|error| Some(refused(&error)))?;
    fill(&mut rows, merged.iter().take(MAX_MERGES).map(|m| (m.start, m.end)));
    let mut taker = Taker::new();
    for (row, cells) in rows {
        taker.row(usize::try_from(row).unwrap_or(0).saturating_add(1), cells).map_err(Some)?;
    }
    Ok(taker.done(name.chars().take(100).collect()))
}

/// A cell merged over several rows counts for each of them, as it does for a reader.
fn fill(rows: &mut [(u32, Vec<String>)], merged: impl Iterator<Item = ((u32, u32), (u32, u32))>) {
    let mut filled = 0;
    for ((top, left), (bottom, _)) in merged {
        let Ok(column) = usize::try_from(left) else { continue };
        let Ok(first) = rows.binary_search_by_key(&top, |(row, _)| *row) else { continue };
        let value = rows.get(first).and_then(|(_, cells)| cells.get(column)).cloned().unwrap_or_default();
        if value.is_empty() || column >= MAX_COLUMNS {
            continue;
        }
        for (_, cells) in rows.iter_mut().skip(first + 1).take_while(|(row, _)| *row <= bottom) {
            filled += 1;
            if filled > MAX_FILLED {
                return;
            }
            if cells.len() <= column {
                cells.resize(column + 1, String::new());
            }
            if let Some(place) = cells.get_mut(column).filter(|place| place.is_empty()) {
                place.clone_from(&value);
            }
        }
    }
}

fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => tidy(text),
        DataRef::SharedString(text) => tidy(text),
        DataRef::Int(n) => n.to_string(),
        // 161 typed into a cell is stored as 161.0; telephone numbers are whole numbers too.
        DataRef::Float(n) if n.fract() == 0.0 && n.abs() < 1e15 => format!("{n:.0}"),
        DataRef::Float(n) => n.to_string(),
        DataRef::Bool(yes) => yes.to_string(),
        DataRef::DateTime(at) if at.is_datetime() => {
            let (year, month, day, ..) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTime(at) => at.as_f64().to_string(),
        DataRef::Error(error) => error.to_string(),
    }
}
