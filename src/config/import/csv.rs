//! CSV as Chinese Excel, WPS and scripts save it: UTF-8 with or without a mark, GBK or GB18030, UTF-16;
//! separated by comma, semicolon or tab.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::grid::{MAX_COLUMNS, Raw, Taker, tidy};
use super::{ImportError, words};

/// Bytes looked at for the separator.
const LOOK_AT: usize = 64 << 10;

/// Reads the rows.
pub(super) fn rows(bytes: &[u8]) -> Result<Raw, ImportError> {
    let (text, encoding) = decode(bytes)?;
    // A reader that meets \r\n counts the line of the next record one short.
    let text = if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { text };
    let separator = separator(&text);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut taker = Taker::new();
    let mut record = csv::StringRecord::new();
    loop {
        // Its own message may quote the file.
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return Err(ImportError::NotText),
        }
        let number = record.position().map_or(0, |at| usize::try_from(at.line()).unwrap_or(0));
        if record.len() > MAX_COLUMNS && record.iter().skip(MAX_COLUMNS).any(|cell| !cell.trim().is_empty()) {
            return Err(ImportError::TooManyColumns);
        }
        taker.row(number, record.iter().take(MAX_COLUMNS).map(tidy).collect())?;
    }
    let mut raw = taker.done(String::new());
    if encoding != UTF_8 {
        let name = encoding.name();
        raw.notes.push(words(format!("文件按 {name} 编码读取"), format!("the file was read as {name}")));
    }
    Ok(raw)
}

fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, &'static Encoding), ImportError> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some(found) => found,
        None if std::str::from_utf8(bytes).is_ok() => (UTF_8, 0),
        None => (GB18030, 0),
    };
    let body = bytes.get(mark..).unwrap_or_default();
    let text = encoding.decode_without_bom_handling_and_without_replacement(body).ok_or(ImportError::NotText)?;
    // A binary file may be valid text by chance; a text has no NUL.
    if text.contains('\0') {
        return Err(ImportError::NotText);
    }
    Ok((text, encoding))
}

/// The separator that stands outside quotes most evenly in the first lines.
fn separator(text: &str) -> u8 {
    let mut end = text.len().min(LOOK_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut counts = [0_usize; 3];
    let mut quoted = false;
    for byte in text.get(..end).unwrap_or_default().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => counts[0] += 1,
            b';' if !quoted => counts[1] += 1,
            b'\t' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    // Commas and semicolons stand inside cells too; a tab hardly ever does.
    let [comma, semicolon, tab] = counts;
    if tab > 0 && tab * 2 >= comma.max(semicolon) {
        b'\t'
    } else if semicolon > comma {
        b';'
    } else {
        b','
    }
}
