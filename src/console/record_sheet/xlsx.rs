//! The record sheet as a workbook that people fill in: two columns are marked and take a verdict from a list and what was
//! seen. Every cell is a string, so that none is a formula.

use rust_xlsxwriter::{Color, DataValidation, Format, FormatAlign, Workbook, XlsxError};

use super::{Column, RecordSheet};
use crate::console::web::text;
use crate::console::web::ui::words;
use crate::model::finding::Verdict;

/// A cell holds 32,767 characters.
const MAX_CELL: usize = 32_000;

/// Writes it.
pub(super) fn write(sheet: &RecordSheet) -> Result<Vec<u8>, XlsxError> {
    let l = sheet.lang;
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    page.set_name(text::graded_record(l))?;
    let plain = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    let open = plain.clone().set_background_color(Color::RGB(0x00ff_f8dc));
    let head = plain.clone().set_bold().set_background_color(Color::RGB(0x00e8_eef5));
    for (at, column) in (0_u16..).zip(Column::ALL) {
        page.write_string_with_format(0, at, column.title(l), &head)?;
        page.set_column_width(at, column.width())?;
    }
    for (line, row) in (1_u32..).zip(&sheet.rows) {
        for ((at, column), text) in (0_u16..).zip(Column::ALL).zip(&row.0) {
            let format = if column.open() { &open } else { &plain };
            let text: String = text.chars().take(MAX_CELL).collect();
            page.write_string_with_format(line, at, text, format)?;
        }
    }
    let last = u32::try_from(sheet.rows.len()).unwrap_or(u32::MAX);
    if let (Some(at), true) = (Column::ALL.iter().position(|column| *column == Column::Answer), last > 0) {
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        let choices = DataValidation::new().allow_list_strings(&Verdict::ALL.map(|v| words::verdict(l, v)))?;
        page.add_data_validation(1, at, last, at, &choices)?;
        page.autofilter(0, 0, last, u16::try_from(Column::ALL.len() - 1).unwrap_or(u16::MAX))?;
    }
    page.set_freeze_panes(1, 0)?;
    page.set_landscape();
    page.set_repeat_rows(0, 0)?;
    let help = book.add_worksheet();
    help.set_name(text::sheet_help_tab(l))?;
    help.set_column_width(0, 110)?;
    help.write_string_with_format(0, 0, sheet.title.as_str(), &head)?;
    let lines = sheet.about.iter().map(String::as_str).chain([text::sheet_help(l), text::sheet_help_back(l)]);
    for (line, text) in (1_u32..).zip(lines) {
        help.write_string_with_format(line, 0, text, &plain)?;
    }
    book.save_to_buffer()
}
