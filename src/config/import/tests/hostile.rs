//! Bombs, cut files, binary rubbish and mutated workbooks: an answer each, never a panic and never gigabytes.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use rust_xlsxwriter::{Formula, Workbook};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{base, xlsx};
use crate::config::import::*;

fn register() -> Vec<u8> {
    xlsx(&[&["名称", "管理IP", "团体名"], &["甲", "10.0.0.1", "secret-one"], &["乙", "10.0.0.2", "secret-two"]])
}

/// A package with one more part.
fn package(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, body) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(body).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The register with other XML in its sheet.
fn with_sheet(xml: String) -> Vec<u8> {
    let source = register();
    let mut archive = zip::ZipArchive::new(Cursor::new(source)).unwrap();
    let mut parts = Vec::new();
    for at in 0..archive.len() {
        let mut part = archive.by_index(at).unwrap();
        let name = part.name().unwrap().to_string();
        let mut body = Vec::new();
        std::io::copy(&mut part, &mut body).unwrap();
        if name.ends_with("sheet1.xml") {
            body = xml.clone().into_bytes();
        }
        parts.push((name, body));
    }
    let parts: Vec<(&str, Vec<u8>)> = parts.iter().map(|(name, body)| (name.as_str(), body.clone())).collect();
    package(&parts)
}

#[test]
fn a_bomb_is_refused_before_it_is_parsed() {
    let bomb = package(&[("xl/worksheets/sheet1.xml", vec![b' '; 70 << 20])]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(read("bomb.xlsx", &bomb).unwrap_err(), ImportError::TooMuchText);
    let many: Vec<(String, Vec<u8>)> = (0..1_001).map(|n| (format!("p{n}"), Vec::new())).collect();
    let many: Vec<(&str, Vec<u8>)> = many.iter().map(|(name, body)| (name.as_str(), body.clone())).collect();
    assert_eq!(read("many.xlsx", &package(&many)).unwrap_err(), ImportError::TooMuchText);
}

#[test]
fn a_cell_in_the_last_corner_costs_nothing() {
    let cell = |place: &str, text: &str| format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let sheet = |row: u32, last: &str| {
        format!(
            "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>\
             <row r=\"1\">{}{}</row><row r=\"{row}\">{}</row></sheetData></worksheet>",
            cell("A1", "名称"),
            cell("B1", "IP"),
            last
        )
    };
    let far = with_sheet(sheet(1_048_576, &format!("{}{}", cell("A1048576", "甲"), cell("B1048576", "10.0.0.1"))));
    let grid = read("far.xlsx", &far).unwrap();
    assert_eq!((grid.rows.len(), grid.rows[0].number), (1, 1_048_576));
    let wide = with_sheet(sheet(2, &cell("XFD2", "x")));
    assert_eq!(read("wide.xlsx", &wide).unwrap_err(), ImportError::TooManyColumns);
    let outside = with_sheet(sheet(2, &cell("ZZZZ2", "x")));
    assert!(read("outside.xlsx", &outside).is_err());
    // One long text, said a million times over.
    let long = "x".repeat(30_000);
    let shared: String =
        (2..20_000).map(|n| format!("<row r=\"{n}\">{}</row>", cell(&format!("A{n}"), &long[..1_999]))).collect();
    let text = format!("<worksheet><sheetData>{shared}</sheetData></worksheet>");
    assert_eq!(read("long.xlsx", &with_sheet(text)).unwrap_err(), ImportError::TooMuchText);
}

#[test]
fn too_much_of_anything_is_refused_with_a_remedy_in_both_languages() {
    let wide = format!("名称,IP{}\n", ",x".repeat(1_000_000));
    let long = format!("名称,IP\n{}", "a,10.0.0.1\n".repeat(20_100));
    let big = vec![b'a'; MAX_FILE + 1];
    let cut = &register()[..register().len() / 2];
    let nul = b"\xe5\x90\x8d,IP\na\0b,10.0.0.1\n".as_slice();
    let binary: Vec<u8> = (0..4_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (bytes, error) in [
        (wide.as_bytes(), ImportError::TooManyColumns),
        (long.as_bytes(), ImportError::TooManyRows),
        (&big, ImportError::TooLarge),
        (cut, ImportError::Damaged),
        (nul, ImportError::NotText),
        (&binary, ImportError::NotText),
        (b"", ImportError::Empty),
        (b"\n\n,,\n", ImportError::Empty),
        (b"PK\x03\x04rubbish", ImportError::Damaged),
        (&[0xd0, 0xcf, 0x11, 0xe0, 1, 2], ImportError::OldExcel),
        (b"a,b\n1,2\n", ImportError::NoHeadings),
        (&package(&[("hello.txt", b"hello".to_vec())]), ImportError::NotExcel),
    ] {
        assert_eq!(read("x", bytes).unwrap_err(), error);
        assert!(error.zh().contains('；') && error.to_string().contains(';'), "{error}");
    }
}

#[test]
fn formulas_count_by_their_stored_results() {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    for (column, heading) in ["名称", "IP", "SNMP端口", "团体名"].iter().enumerate() {
        page.write_string(0, column as u16, *heading).unwrap();
    }
    page.write_formula(1, 0, Formula::new("=CONCAT(\"a\",\"b\")").set_result("ab")).unwrap();
    page.write_string(1, 1, "10.0.0.1").unwrap();
    page.write_number(1, 2, 1161.0).unwrap();
    page.write_string(1, 3, "c").unwrap();
    let inventory = base();
    let grid = read("f.xlsx", &book.save_to_buffer().unwrap()).unwrap();
    let sheet = judge(&grid, &Mapping::new(), &Against { inventory: &inventory, secrets: &BTreeMap::new() });
    assert_eq!(sheet.good[0].asset.name, "ab");
    assert_eq!(sheet.good[0].asset.snmp.as_ref().unwrap().port, 1161);
}

#[test]
fn names_that_are_code_elsewhere_stay_names() {
    let text = "名称,IP,位置\n\"<script>alert(1)</script>\",10.0.0.1,=HYPERLINK(\"\"x\"\")\n\"@SUM(A1)\",10.0.0.2,\"a\u{202e}b\"\n";
    let inventory = base();
    let grid = read("x.csv", text.as_bytes()).unwrap();
    let sheet = judge(&grid, &Mapping::new(), &Against { inventory: &inventory, secrets: &BTreeMap::new() });
    assert_eq!(sheet.good[0].asset.name, "<script>alert(1)</script>");
    assert_eq!(sheet.good[1].asset.location, "ab", "invisible characters go");
}

fn mutated(mut bytes: Vec<u8>, edits: &[(usize, u8)]) -> Vec<u8> {
    for (at, value) in edits {
        let len = bytes.len();
        if let Some(byte) = bytes.get_mut(at % len.max(1)) {
            *byte = *value;
        }
    }
    bytes
}

fn survives(bytes: &[u8]) {
    let inventory = base();
    if let Ok(grid) = read("x", bytes) {
        let sheet = judge(&grid, &Mapping::new(), &Against { inventory: &inventory, secrets: &BTreeMap::new() });
        let merged = sheet.merged(&inventory);
        let text = crate::config::inventory::export(&merged);
        assert_eq!(crate::config::inventory::parse(&[("m".to_owned(), text)]).unwrap(), merged);
        sheet.bad_rows_xlsx(Lang::Zh);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_mutated_workbook_is_an_answer(edits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in any::<usize>()) {
        let bytes = mutated(register(), &edits);
        survives(&bytes);
        survives(&bytes[..cut % bytes.len()]);
    }

    #[test]
    fn mutated_xml_inside_is_an_answer(edits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let xml = "<worksheet><dimension ref=\"A1:C3\"/><sheetData><row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c></row>\
            <row r=\"2\"><c r=\"A2\"><v>12.5</v></c><c r=\"B2\" t=\"str\"><f>A1</f><v>10.0.0.1</v></c><c r=\"C2\" t=\"e\"><v>#REF!</v></c></row></sheetData>\
            <mergeCells><mergeCell ref=\"A1:A2\"/></mergeCells></worksheet>";
        let xml = String::from_utf8_lossy(&mutated(xml.as_bytes().to_vec(), &edits)).into_owned();
        survives(&with_sheet(xml));
    }

    #[test]
    fn any_text_below_known_headings_is_an_answer(cells in prop::collection::vec(".{0,40}", 0..60)) {
        let mut csv = ::csv::Writer::from_writer(Vec::new());
        let headings: Vec<&str> = Field::all().take(28).map(Field::zh).collect();
        csv.write_record(&headings).unwrap();
        for row in cells.chunks(28) {
            let mut row: Vec<&str> = row.iter().map(String::as_str).collect();
            row.resize(28, "");
            csv.write_record(&row).unwrap();
        }
        survives(&csv.into_inner().unwrap());
    }
}
