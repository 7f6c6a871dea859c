//! Workbooks that go out: the bad rows of a file with what is wrong beside each, and an empty template. Every cell
//! is written as a string, so that a name which begins with `=` stays a name.

use rust_xlsxwriter::{Color, DataValidation, Format, Workbook, Worksheet, XlsxError};

use super::heading::{Field, TABLE};
use super::{BadRow, Sheet};
use crate::model::inventory::{AssetKind, AssetStatus};

/// Rows of the template that have lists to choose from.
const CHOICES: u32 = 5_000;
/// A cell holds 32,767 characters.
const MAX_CELL: usize = 32_000;

/// A language of headings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// An empty sheet with the headings that are known, an example and choices.
pub fn template_xlsx(lang: Lang) -> Vec<u8> {
    template(lang).unwrap_or_default() // it has 27 columns and three rows: no limit of the format is near
}

/// See `Sheet::bad_rows_xlsx`.
pub(super) fn bad_rows(sheet: &Sheet, lang: Lang) -> Vec<u8> {
    written(sheet, lang).unwrap_or_default() // rows and columns were bounded when the file was read
}

fn bold() -> Format {
    Format::new().set_bold().set_background_color(Color::RGB(0x00e8_eef5)).set_text_wrap()
}

fn put(page: &mut Worksheet, row: u32, column: usize, text: &str) -> Result<(), XlsxError> {
    let column = u16::try_from(column).unwrap_or(u16::MAX);
    if text.chars().count() > MAX_CELL {
        let cut: String = text.chars().take(MAX_CELL).collect();
        return page.write_string(row, column, cut).map(drop);
    }
    page.write_string(row, column, text).map(drop)
}

fn head(page: &mut Worksheet, row: u32, column: usize, text: &str) -> Result<(), XlsxError> {
    page.write_string_with_format(row, u16::try_from(column).unwrap_or(u16::MAX), text, &bold()).map(drop)
}

fn written(sheet: &Sheet, lang: Lang) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    page.set_name(lang.pick("问题行", "Bad rows"))?;
    head(page, 0, 0, lang.pick("原行号", "Row"))?;
    for column in &sheet.columns {
        head(page, 0, column.index + 1, &column.heading)?;
    }
    let last = sheet.columns.len() + 1;
    head(page, 0, last, lang.pick("问题", "Problem"))?;
    page.set_column_width(u16::try_from(last).unwrap_or(u16::MAX), 60)?;
    page.set_freeze_panes(1, 0)?;
    let wrap = Format::new().set_text_wrap();
    for (at, row) in sheet.bad.iter().enumerate() {
        let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
        put(page, line, 0, &row.number.to_string())?;
        for (column, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            put(page, line, column + 1, cell)?;
        }
        page.write_string_with_format(line, u16::try_from(last).unwrap_or(u16::MAX), said(row, lang), &wrap)?;
    }
    book.save_to_buffer()
}

fn said(row: &BadRow, lang: Lang) -> String {
    let lines = row.faults.iter().map(|fault| {
        let (what, remedy) = match lang {
            Lang::Zh => (&fault.what.zh, &fault.remedy.zh),
            Lang::En => (&fault.what.en, &fault.remedy.en),
        };
        let place = if fault.heading.is_empty() {
            String::new()
        } else {
            format!("{}{}", fault.heading, lang.pick("：", ": "))
        };
        format!("{place}{what}{}{remedy}", lang.pick("；", "; "))
    });
    lines.collect::<Vec<_>>().join("\n").chars().take(MAX_CELL).collect()
}

fn template(lang: Lang) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    page.set_name(lang.pick("台账", "Inventory"))?;
    for (column, row) in TABLE.iter().enumerate() {
        head(page, 0, column, lang.pick(row.zh, row.en))?;
        let at = u16::try_from(column).unwrap_or(u16::MAX);
        page.set_column_width(at, 14)?;
        let choices: Vec<&str> = match row.field {
            Field::Kind => AssetKind::ALL.iter().map(|k| lang.pick(k.zh(), k.as_str())).collect(),
            Field::Status => AssetStatus::ALL.iter().map(|s| lang.pick(s.zh(), s.as_str())).collect(),
            Field::Importance => vec![lang.pick("一般", "1"), lang.pick("重要", "2"), lang.pick("特别重要", "3")],
            Field::SnmpVersion => vec!["v1", "v2c", "v3"],
            _ => continue,
        };
        let list = DataValidation::new().allow_list_strings(&choices)?;
        page.add_data_validation(1, at, CHOICES, at, &list)?;
    }
    page.set_freeze_panes(1, 0)?;
    let help = book.add_worksheet();
    help.set_name(lang.pick("填写说明", "How to fill in"))?;
    head(help, 0, 0, lang.pick("列", "Column"))?;
    head(help, 0, 1, lang.pick("填什么", "What to write"))?;
    help.set_column_width(0, 18)?;
    help.set_column_width(1, 90)?;
    for (at, row) in TABLE.iter().enumerate() {
        let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
        put(help, line, 0, lang.pick(row.zh, row.en))?;
        let (zh, en) = meaning(row.field);
        put(help, line, 1, lang.pick(zh, en))?;
    }
    book.save_to_buffer()
}

const fn meaning(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Name => ("名称", "its name"),
        Field::Id => (
            "字母、数字和连字符，全局唯一；不填则由地址生成，如 dev-10-65-0-1",
            "letters, digits and hyphens, unique; made of the address if empty, such as dev-10-65-0-1",
        ),
        Field::Kind => (
            "路由器、交换机、防火墙、主机、网站、业务服务、UPS、其他",
            "router, switch, firewall, host, website, service, ups, other",
        ),
        Field::Address => (
            "IP 地址或主机名，不带端口；多个用逗号分开，第一个为管理地址",
            "IP address or host name without port; several with commas, the first is for management",
        ),
        Field::Also => ("设备的其他地址，用逗号分开", "its other addresses, with commas"),
        Field::Zone => ("政务外网、政务内网等；不填为政务外网", "extranet, intranet ...; extranet if empty"),
        Field::Region => {
            ("区划代码或名称；台账中没有的将新增", "code or name of the region; added if it is not there")
        }
        Field::Owner => ("主管单位；台账中没有的将新增", "the unit that owns it; added if it is not there"),
        Field::Operator => ("运行单位；台账中没有的将新增", "the unit that operates it; added if it is not there"),
        Field::Person => ("责任人姓名；需有单位", "name of the person responsible; needs a unit"),
        Field::Mobile => ("责任人电话", "their telephone"),
        Field::Location => ("机房、机柜", "room and rack"),
        Field::Importance => ("一般、重要、特别重要，或 1、2、3", "1, 2 or 3"),
        Field::Status => (
            "在用、在建、带病运行、备用、退役；不填为在用",
            "in_use, building, known_fault, spare, retired; in_use if empty",
        ),
        Field::Agents => (
            "由哪些探针监测，用逗号分开；不填则按网络和区划选",
            "agents that watch it, with commas; chosen by zone and region if empty",
        ),
        Field::SnmpVersion => {
            ("v1、v2c 或 v3；不填则有用户为 v3，否则 v2c", "v1, v2c or v3; if empty v3 with a user, else v2c")
        }
        Field::SnmpPort => ("不填为 161", "161 if empty"),
        Field::Community => {
            ("只读团体名；导入后封存，不再显示", "read-only community; sealed when imported and shown no more")
        }
        Field::SnmpUser => ("SNMPv3 用户；导入后封存", "SNMPv3 user; sealed when imported"),
        Field::AuthProtocol => {
            ("MD5、SHA、SHA224、SHA256、SHA384、SHA512", "MD5, SHA, SHA224, SHA256, SHA384, SHA512")
        }
        Field::AuthKey => ("至少 8 个字符；导入后封存", "at least 8 characters; sealed when imported"),
        Field::PrivacyProtocol => ("AES128、AES192、AES256", "AES128, AES192, AES256"),
        Field::PrivacyKey => ("至少 8 个字符；导入后封存", "at least 8 characters; sealed when imported"),
        Field::Secret => {
            ("已保存凭据的名称，代替团体名和用户", "name of a secret that is there, instead of community and user")
        }
        Field::Url => ("网站的网址，http:// 或 https://", "the website's URL, http:// or https://"),
        Field::SiteCode => ("政府网站标识码，十位数字", "政府网站标识码, ten digits"),
        Field::TcpPorts => ("应当开放的 TCP 端口，用逗号分开", "TCP ports on which it should answer, with commas"),
        Field::Tags => ("标签，用逗号分开", "labels, with commas"),
        Field::Ignore => ("", ""),
    }
}
