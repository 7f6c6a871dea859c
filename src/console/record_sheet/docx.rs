//! A table as a Word document (ECMA-376, WordprocessingML): landscape, the heading on every page, page numbers, Chinese
//! text in SimSun. Six small parts in a zip; a crate for all of Word would be more than the table needs.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

/// What stands in a document.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// Heading of the whole.
    pub title: &'a str,
    /// Lines below it.
    pub about: &'a [String],
    /// Headings of the columns with their widths, in twentieths of a point.
    pub columns: Vec<(&'a str, u32)>,
    /// Rows; a line break in a cell is one on paper.
    pub rows: Vec<Vec<String>>,
    /// At the foot of every page, before its number.
    pub foot: &'a str,
    /// Whether the text is Chinese, for spelling and line breaks.
    pub chinese: bool,
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
/// The namespace of WordprocessingML, and that of references between parts.
const NAMESPACES: &str = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" \
     xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"";
/// What the parts are, as (name, type).
const PARTS: &[(&str, &str)] = &[
    ("/word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"),
    ("/word/styles.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"),
    ("/word/fontTable.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.fontTable+xml"),
    ("/word/footer1.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"),
    ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml"),
];
/// References from the package to its main parts, as (kind, part).
const FROM_PACKAGE: &[(&str, &str)] = &[
    ("http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument", "word/document.xml"),
    ("http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties", "docProps/core.xml"),
];
/// References from the document; the third is the foot of the page.
const FROM_DOCUMENT: &[(&str, &str)] = &[
    ("http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles", "styles.xml"),
    ("http://schemas.openxmlformats.org/officeDocument/2006/relationships/fontTable", "fontTable.xml"),
    ("http://schemas.openxmlformats.org/officeDocument/2006/relationships/footer", "footer1.xml"),
];
/// SimSun is called 宋体 on Chinese systems; where neither is there, a reader takes a serif face with Chinese
/// characters (`charset` 86 is GB 2312).
const FONTS: &str = "<w:font w:name=\"宋体\"><w:altName w:val=\"SimSun\"/><w:charset w:val=\"86\"/><w:family w:val=\"roman\"/>\
     <w:pitch w:val=\"variable\"/></w:font>\
     <w:font w:name=\"Times New Roman\"><w:charset w:val=\"00\"/><w:family w:val=\"roman\"/><w:pitch w:val=\"variable\"/></w:font>";
/// A4 across, margins of half an inch: 15,398 twentieths of a point for the table.
const SECTION: &str = "<w:sectPr><w:footerReference w:type=\"default\" r:id=\"r3\"/>\
     <w:pgSz w:w=\"16838\" w:h=\"11906\" w:orient=\"landscape\"/>\
     <w:pgMar w:top=\"720\" w:right=\"720\" w:bottom=\"720\" w:left=\"720\" w:header=\"360\" w:footer=\"360\" w:gutter=\"0\"/></w:sectPr>";

/// The document as a file.
pub fn write(document: &Document<'_>) -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut part = |name: &str, body: &str| -> Result<(), ZipError> {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(DECLARATION.as_bytes())?;
        Ok(zip.write_all(body.as_bytes())?)
    };
    part("[Content_Types].xml", &types())?;
    part("_rels/.rels", &references(FROM_PACKAGE))?;
    part("docProps/core.xml", &properties(document.title))?;
    part("word/_rels/document.xml.rels", &references(FROM_DOCUMENT))?;
    part("word/styles.xml", &styles(document.chinese))?;
    part("word/fontTable.xml", &format!("<w:fonts {NAMESPACES}>{FONTS}</w:fonts>"))?;
    part("word/footer1.xml", &footer(document.foot))?;
    part("word/document.xml", &body(document))?;
    Ok(zip.finish()?.into_inner())
}

fn types() -> String {
    let mut all = String::from(
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>",
    );
    for (name, kind) in PARTS {
        let _ = write!(all, "<Override PartName=\"{name}\" ContentType=\"{kind}\"/>");
    }
    all + "</Types>"
}

fn references(all: &[(&str, &str)]) -> String {
    let mut out =
        String::from("<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">");
    for (at, (kind, target)) in all.iter().enumerate() {
        let _ = write!(out, "<Relationship Id=\"r{}\" Type=\"{kind}\" Target=\"{target}\"/>", at + 1);
    }
    out + "</Relationships>"
}

fn properties(title: &str) -> String {
    let mut out = String::from(
        "<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>",
    );
    escape(&mut out, title);
    out + "</dc:title><dc:creator>Fengsui</dc:creator></cp:coreProperties>"
}

fn styles(chinese: bool) -> String {
    let language = if chinese { "zh-CN" } else { "en-US" };
    let border = |side: &str| format!("<w:{side} w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"808080\"/>");
    let borders: String = ["top", "left", "bottom", "right", "insideH", "insideV"].map(border).concat();
    format!(
        "<w:styles {NAMESPACES}>\
         <w:docDefaults><w:rPrDefault><w:rPr>\
         <w:rFonts w:ascii=\"Times New Roman\" w:hAnsi=\"Times New Roman\" w:eastAsia=\"宋体\" w:cs=\"Times New Roman\"/>\
         <w:sz w:val=\"17\"/><w:szCs w:val=\"17\"/><w:lang w:val=\"{language}\" w:eastAsia=\"zh-CN\"/>\
         </w:rPr></w:rPrDefault></w:docDefaults>\
         <w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Normal\"><w:name w:val=\"Normal\"/></w:style>\
         <w:style w:type=\"paragraph\" w:styleId=\"Title\"><w:name w:val=\"Title\"/><w:basedOn w:val=\"Normal\"/>\
         <w:pPr><w:spacing w:after=\"120\"/><w:jc w:val=\"center\"/></w:pPr><w:rPr><w:b/><w:sz w:val=\"32\"/><w:szCs w:val=\"32\"/></w:rPr></w:style>\
         <w:style w:type=\"table\" w:default=\"1\" w:styleId=\"TableNormal\"><w:name w:val=\"Normal Table\"/></w:style>\
         <w:style w:type=\"table\" w:styleId=\"TableGrid\"><w:name w:val=\"Table Grid\"/><w:basedOn w:val=\"TableNormal\"/>\
         <w:tblPr><w:tblBorders>{borders}</w:tblBorders><w:tblCellMar><w:left w:w=\"70\" w:type=\"dxa\"/>\
         <w:right w:w=\"70\" w:type=\"dxa\"/></w:tblCellMar></w:tblPr></w:style></w:styles>"
    )
}

fn footer(foot: &str) -> String {
    let mut out = format!("<w:ftr {NAMESPACES}><w:p><w:pPr><w:jc w:val=\"center\"/></w:pPr>");
    run(&mut out, &format!("{foot}  "), "");
    let field = |name: &str| format!("<w:fldSimple w:instr=\" {name} \"><w:r><w:t>1</w:t></w:r></w:fldSimple>");
    out.push_str(&field("PAGE"));
    run(&mut out, " / ", "");
    out + &field("NUMPAGES") + "</w:p></w:ftr>"
}

fn body(document: &Document<'_>) -> String {
    let mut out = format!("<w:document {NAMESPACES}><w:body><w:p><w:pPr><w:pStyle w:val=\"Title\"/></w:pPr>");
    run(&mut out, document.title, "");
    out.push_str("</w:p>");
    for line in document.about {
        out.push_str("<w:p><w:pPr><w:spacing w:after=\"60\"/></w:pPr>");
        run(&mut out, line, "");
        out.push_str("</w:p>");
    }
    let width: u32 = document.columns.iter().map(|(_, width)| width).sum();
    let _ = write!(
        out,
        "<w:tbl><w:tblPr><w:tblStyle w:val=\"TableGrid\"/><w:tblW w:w=\"{width}\" w:type=\"dxa\"/>\
         <w:tblLayout w:type=\"fixed\"/></w:tblPr><w:tblGrid>"
    );
    for (_, width) in &document.columns {
        let _ = write!(out, "<w:gridCol w:w=\"{width}\"/>");
    }
    out.push_str("</w:tblGrid><w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>");
    for (title, width) in &document.columns {
        cell(&mut out, title, *width, "<w:shd w:val=\"clear\" w:color=\"auto\" w:fill=\"E8EEF5\"/>", "<w:b/>");
    }
    out.push_str("</w:tr>");
    for row in &document.rows {
        out.push_str("<w:tr>");
        for (at, (_, width)) in document.columns.iter().enumerate() {
            cell(&mut out, row.get(at).map_or("", String::as_str), *width, "", "");
        }
        out.push_str("</w:tr>");
    }
    out.push_str("</w:tbl>");
    // A table may not be the last thing of a section: a reader would mend the file.
    out.push_str("<w:p/>");
    out + SECTION + "</w:body></w:document>"
}

fn cell(out: &mut String, text: &str, width: u32, shade: &str, face: &str) {
    let _ = write!(out, "<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"dxa\"/>{shade}</w:tcPr><w:p>");
    run(out, text, face);
    out.push_str("</w:p></w:tc>");
}

/// Text of one face, with its line breaks; nothing for none.
fn run(out: &mut String, text: &str, face: &str) {
    if text.is_empty() {
        return;
    }
    out.push_str("<w:r>");
    if !face.is_empty() {
        let _ = write!(out, "<w:rPr>{face}</w:rPr>");
    }
    for (at, line) in text.split('\n').enumerate() {
        out.push_str(if at > 0 { "<w:br/>" } else { "" });
        out.push_str("<w:t xml:space=\"preserve\">");
        escape(out, line);
        out.push_str("</w:t>");
    }
    out.push_str("</w:r>");
}

/// What XML 1.0 can hold; other characters are left out, since no reader opens a file that has them.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn parts(bytes: &[u8]) -> Vec<(String, String)> {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        (0..archive.len())
            .map(|at| {
                let mut part = archive.by_index(at).unwrap();
                let mut text = String::new();
                part.read_to_string(&mut text).unwrap();
                (part.name().unwrap().into_owned(), text)
            })
            .collect()
    }

    #[test]
    fn a_document_is_sound_xml_with_its_heading_on_every_page() {
        let rows = vec![vec!["8.1.4.1 a)\nL3-CES1-01".to_owned(), "a < b & \u{1b}[31mc \"d\"".to_owned()], vec![]];
        let about = ["自查，不是等级测评".to_owned()];
        let document = Document {
            title: "记录表 <1>",
            about: &about,
            columns: vec![("测评项", 3_000), ("结果记录", 6_000)],
            rows,
            foot: "自查",
            chinese: true,
        };
        let parts = parts(&write(&document).unwrap());
        let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.first(), Some(&"[Content_Types].xml"), "readers look for it first");
        for (part, _) in PARTS {
            assert!(names.contains(&part.trim_start_matches('/')), "{part}");
        }
        for (name, text) in &parts {
            let mut reader = quick_xml::Reader::from_str(text);
            while !matches!(
                reader.read_event().unwrap_or_else(|e| panic!("{name}: {e}")),
                quick_xml::events::Event::Eof
            ) {}
        }
        let (_, text) = parts.iter().find(|(name, _)| name == "word/document.xml").unwrap();
        for held in [
            "<w:tblHeader/>",
            "w:orient=\"landscape\"",
            "记录表 &lt;1&gt;",
            "8.1.4.1 a)</w:t><w:br/><w:t xml:space=\"preserve\">L3-CES1-01",
            "a &lt; b &amp; [31mc \"d\"",
        ] {
            assert!(text.contains(held), "{held}: {text}");
        }
        assert_eq!(text.matches("<w:tr>").count(), 3);
        assert_eq!(text.matches("<w:tc>").count(), 6, "a short row has all its cells");
    }
}
