//! The sheet and what comes back of it: in the words of both languages, as people's programs write it, whole or not at
//! all.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use calamine::{Data, Reader, Xlsx};
use rust_xlsxwriter::Workbook;

use super::*;
use crate::console::command::{Actor, Command, Role};
use crate::console::web::testing::{World, admin};
use crate::model::finding::sample;

const INVENTORY: &str = r#"
[[asset]]
id = "core"
name = "核心交换机"
kind = "switch"
zone = "extranet"

[[asset]]
id = "edge"
name = "=边界"
kind = "router"
zone = "extranet"

[[system]]
id = "oa"
name = "公文系统"
level = 3
assets = ["core", "edge"]
filing = { number = "65290-1", filed = 2024-03-01, last_assessed = 2026-05-20 }
"#;

fn security() -> Actor {
    Actor { name: Arc::from("user:s"), role: Role::Security, scope: Scope::All }
}

async fn world() -> World {
    let world = World::with(INVENTORY).await;
    let store = &world.service().store;
    let mut look = sample("core", "D06", Verdict::Fail);
    look.findings[0].record.zh = "空闲超时为 0".into();
    store.command(&admin(), None, Command::Inspections(vec![look])).await.unwrap();
    let plea = crate::model::waiver::Plea {
        check: "D06".into(),
        reach: crate::model::waiver::Reach::All,
        block: String::new(),
        reason: "值守机房".into(),
        compensating: "门禁".into(),
        ticket: String::new(),
        expires: world.service().clock.wall().plus(std::time::Duration::from_secs(86_400)),
        pin: None,
    };
    store.command(&admin(), None, Command::WaiverAdd(Box::new(plea))).await.unwrap();
    world
}

async fn sheet(world: &World, l: Lang) -> RecordSheet {
    let wanted = Wanted { system: "oa".parse().ok(), ..Wanted::default() };
    build(world.service(), &Scope::All, &wanted, l).await.unwrap()
}

fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let range = book.worksheet_range_at(0).unwrap().unwrap();
    let text = |cell: &Data| cell.to_string();
    range.rows().map(|row| row.iter().map(text).collect()).collect()
}

/// Rows as a workbook, as another program would write them.
fn book(rows: &[Vec<String>]) -> Vec<u8> {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    for (at, row) in (0_u32..).zip(rows) {
        for (column, text) in (0_u16..).zip(row) {
            page.write_string(at, column, text).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

/// The sheet with answers to (item, asset).
fn filled_in(rows: &[Vec<String>], answers: &[(&str, &str, &str, &str)]) -> Vec<Vec<String>> {
    let mut rows = rows.to_vec();
    for (item, asset, answer, seen) in answers {
        let row = rows.iter_mut().find(|row| row[1] == *item && row[4] == *asset).unwrap();
        row[10] = (*answer).to_owned();
        row[11] = (*seen).to_owned();
    }
    rows
}

async fn look(world: &World, bytes: Vec<u8>) -> Result<filled::Preview, Problem> {
    filled::preview(world.service(), &security(), "a.xlsx", bytes.into()).await
}

#[tokio::test]
async fn a_sheet_has_a_row_an_item_an_asset_with_proof_and_waiver_in_both_languages() {
    let world = world().await;
    for l in Lang::ALL {
        let sheet = sheet(&world, l).await;
        let rows = cells(&sheet.write(Format::Xlsx).unwrap());
        assert_eq!((rows.len(), rows[0].len()), (1 + 2 * 74, 12));
        let row = rows.iter().find(|row| row[1] == "L3-CES1-02" && row[4] == "core").unwrap();
        assert_eq!((row[0].as_str(), row[5].as_str()), ("8.1.4.1 b)", words::verdict(l, Verdict::Fail)));
        assert!(row[7].starts_with("D06 ") && row[8] == "sw1.cfg:3 idle-timeout 0 0", "{row:?}");
        assert!(row[9].contains("值守机房 / 门禁") && row[9].contains("local:0"), "{row:?}");
        let edge = rows.iter().find(|row| row[1] == "L3-CES1-02" && row[4] == "edge").unwrap();
        assert_eq!((edge[3].as_str(), edge[5].as_str()), ("=边界", words::verdict(l, Verdict::Error)));
        assert_eq!(edge[7], text::graded_never(l));
        let csv = String::from_utf8(sheet.write(Format::Csv).unwrap()).unwrap();
        assert!(csv.starts_with('\u{feff}') && csv.contains("'=边界") && csv.contains("idle-timeout 0 0"));
        let docx = sheet.write(Format::Docx).unwrap();
        assert!(docx.starts_with(b"PK"));
        assert!(sheet.about.join("\n").contains("65290-1") && sheet.title.contains("公文系统"), "{:?}", sheet.about);
    }
    let zh = sheet(&world, Lang::Zh).await;
    let row = zh.rows.iter().find(|row| row.get(Column::Record).contains("空闲超时为 0")).unwrap();
    assert_eq!(row.get(Column::Result), "不符合");
}

#[tokio::test]
async fn what_was_filled_in_is_looked_at_and_taken_once() {
    let world = world().await;
    let rows = cells(&sheet(&world, Lang::Zh).await.write(Format::Xlsx).unwrap());
    let filled =
        filled_in(&rows, &[("L3-CES1-04", "core", "不符合", "口令一种"), ("L3-CES1-04", "edge", "Met", "双因素")]);
    let preview = look(&world, book(&filled)).await.unwrap();
    assert_eq!((preview.given.len(), preview.same, preview.blank, preview.faults), (2, 0, 146, 0));
    assert_eq!(preview.given[0].row, 1 + filled[1..].iter().position(|row| !row[10].is_empty()).unwrap() + 1);
    let other = look(&world, book(&filled_in(&rows, &[("L3-CES1-04", "core", "符合", "看过")]))).await.unwrap();
    let service = world.service();
    assert!(filled::again(service, &admin(), &preview.token).await.is_err(), "somebody else's");
    assert_eq!(filled::apply(service, &security(), &preview.token, None).await.unwrap(), 2);
    assert!(filled::apply(service, &security(), &preview.token, None).await.is_err(), "taken once");
    // What was answered meanwhile is shown before it is overwritten.
    let stale = filled::apply(service, &security(), &other.token, None).await.unwrap_err();
    assert_eq!(stale.status, StatusCode::CONFLICT);
    let again = filled::again(service, &security(), &other.token).await.unwrap();
    assert_eq!(again.given[0].before, Some((Verdict::Fail, "口令一种".into())));
    assert_eq!(filled::apply(service, &security(), &other.token, None).await.unwrap(), 1);
    // An old sheet in which nobody wrote takes nothing away; the exported one says what is answered.
    let blank = look(&world, book(&rows)).await.unwrap();
    assert_eq!((blank.given.len(), blank.blank), (0, 148));
    let now = sheet(&world, Lang::En).await;
    let round = look(&world, now.write(Format::Xlsx).unwrap()).await.unwrap();
    assert_eq!((round.given.len(), round.same), (0, 2));
    let csv = look(&world, now.write(Format::Csv).unwrap()).await.unwrap();
    assert_eq!((csv.given.len(), csv.same), (0, 2));
}

#[tokio::test]
async fn every_mistake_has_its_row_and_remedy_and_nothing_is_taken() {
    let world = world().await;
    let rows = cells(&sheet(&world, Lang::Zh).await.write(Format::Xlsx).unwrap());
    let long = "长".repeat(700);
    let mut bad = filled_in(
        &rows,
        &[
            ("L3-CES1-01", "core", "符合", "好"),
            ("L3-CES1-02", "core", "也许", "x"),
            ("L3-CES1-03", "core", "符合", ""),
            ("L3-CES1-05", "core", "", "看过"),
            ("L3-CES1-06", "core", "符合", &long),
        ],
    );
    let copy = |row: usize, at: usize, text: &str| {
        let mut row: Vec<String> = bad[row].clone();
        row[10] = "不符合".into();
        row[11] = "y".into();
        row[at] = text.into();
        row
    };
    let first = bad.iter().position(|row| row[10] == "符合").unwrap();
    let more = [copy(first, 1, "L3-CES1-16"), copy(first, 4, "nobody"), copy(first, 10, "不符合")];
    bad.extend(more);
    let preview = look(&world, book(&bad)).await.unwrap();
    let said: Vec<(usize, &str, &str)> = preview
        .wrong
        .iter()
        .map(|wrong| (wrong.row, wrong.fault.heading.as_str(), wrong.fault.what.zh.as_str()))
        .collect();
    assert_eq!(preview.faults, 7, "{said:?}");
    for what in ["没有此测评项", "没有此资产", "不是核查结论", "缺少核查所见", "文字过长", "行不一致"]
    {
        let found =
            preview.wrong.iter().find(|wrong| wrong.fault.what.zh.contains(what)).unwrap_or_else(|| panic!("{what}"));
        assert!(!found.fault.remedy.zh.is_empty() && !found.fault.heading.is_empty() && found.row > 1);
    }
    let refused = filled::apply(world.service(), &security(), &preview.token, None).await.unwrap_err();
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let answers = world.service().store.answers(&Scope::All, vec!["core".parse().unwrap()]).await.unwrap();
    assert!(answers.is_empty(), "nothing half taken");
    let other = look(&world, book(&[vec!["a".into(), "b".into()]])).await.unwrap_err();
    assert!(other.en.contains("Asset id"), "{}", other.en);
    let operator = Actor { role: Role::Operator, ..security() };
    let refused = filled::preview(world.service(), &operator, "a", book(&rows).into()).await.unwrap_err();
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

/// A workbook with its texts in the cells, as some programs write them, under a title line.
fn inline(rows: &[Vec<&str>]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut part = |name: &str, text: &str| {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    part(
        "[Content_Types].xml",
        r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#,
    );
    let reference = |kind: &str, target: &str| {
        format!(
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/></Relationships>"#
        )
    };
    part("_rels/.rels", &reference("officeDocument", "xl/workbook.xml"));
    part("xl/_rels/workbook.xml.rels", &reference("worksheet", "worksheets/sheet1.xml"));
    part(
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="表" sheetId="1" r:id="r1"/></sheets></workbook>"#,
    );
    let mut sheet =
        String::from(r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#);
    for (at, row) in rows.iter().enumerate() {
        sheet += &format!(r#"<row r="{}">"#, at + 1);
        for (column, text) in row.iter().enumerate() {
            let letter = char::from(b'A' + u8::try_from(column).unwrap());
            sheet += &format!(r#"<c r="{letter}{}" t="inlineStr"><is><t>{text}</t></is></c>"#, at + 1);
        }
        sheet += "</row>";
    }
    part("xl/worksheets/sheet1.xml", &(sheet + "</sheetData></worksheet>"));
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn columns_are_found_by_their_names_and_texts_may_stand_in_the_cells() {
    let world = world().await;
    let rows = vec![
        vec!["自查记录"],
        vec!["核查所见", "人工结果", "资产编号", "测评项编号"],
        vec!["看过流量", "符合", "core", "L3-CNS1-01"],
    ];
    let preview = look(&world, inline(&rows)).await.unwrap();
    assert_eq!((preview.given.len(), preview.faults), (1, 0), "{:?}", preview.wrong);
    assert_eq!((preview.given[0].row, preview.given[0].answer.result), (3, Verdict::Pass));
}
