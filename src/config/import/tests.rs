//! Files as people have them, and files as nobody should send them.

mod hostile;

use rust_xlsxwriter::{Format, Workbook};

use super::*;
use crate::config::inventory;
use crate::model::SecretText;

pub(super) const BASE: &str = r#"
[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"

[[region]]
id = "652922"
name = "温宿县"
tier = "county"
parent = "652900"

[[organisation]]
id = "aks-egov"
name = "地区电子政务管理办公室"

[[agent]]
id = "tower"
zone = "extranet"

[[asset]]
id = "core-1"
name = "地区核心交换机"
kind = "switch"
address = "10.65.0.1"
zone = "extranet"
location = "旧机房"
snmp = { secret = "aks-core" }
"#;

pub(super) fn base() -> Inventory {
    inventory::parse(&[("base.toml".to_owned(), BASE.to_owned())]).unwrap()
}

fn stored() -> BTreeMap<String, Secret> {
    let community = |text: &str| Secret::SnmpCommunity { v1: false, community: SecretText::new(text) };
    BTreeMap::from([("aks-core".to_owned(), community("known-community"))])
}

/// A workbook of one sheet.
pub(super) fn xlsx(rows: &[&[&str]]) -> Vec<u8> {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    for (r, row) in rows.iter().enumerate() {
        for (c, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            page.write_string(r as u32, c as u16, *cell).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

fn judged(bytes: &[u8]) -> Sheet {
    judged_with(bytes, &Mapping::new())
}

fn judged_with(bytes: &[u8], mapping: &Mapping) -> Sheet {
    let (base, stored) = (base(), stored());
    let grid = read("设备台账.xlsx", bytes).unwrap();
    let sheet = judge(&grid, mapping, &Against { inventory: &base, secrets: &stored });
    // Whatever comes out can be written down and read back.
    let merged = sheet.merged(&base);
    let text = inventory::export(&merged);
    assert_eq!(inventory::parse(&[("merged".to_owned(), text)]).unwrap(), merged);
    sheet
}

fn summary(sheet: &Sheet) -> String {
    let mut lines = Vec::new();
    for row in &sheet.good {
        let a = &row.asset;
        let mut line = format!(
            "{} {} {} {} {}",
            row.number,
            row.action.as_str(),
            a.id,
            a.kind.as_str(),
            a.address.as_deref().unwrap_or("-")
        );
        for (key, old, new) in &row.fields {
            line.push_str(&format!(" | {key}: {old} -> {new}"));
        }
        lines.push(line);
    }
    for row in &sheet.bad {
        let faults: Vec<String> =
            row.faults.iter().map(|f| format!("{} `{}` {}", f.heading, f.value, f.what.en)).collect();
        lines.push(format!("{} bad: {}", row.number, faults.join("; ")));
    }
    lines.join("\n")
}

#[test]
fn a_register_with_a_title_is_read_and_its_rows_judged() {
    let sheet = judged(&xlsx(&[
        &["阿克苏地区网络设备台账"],
        &["填表日期：2026-11-01"],
        &[
            "序号",
            "设备名称",
            "管理IP（必填）",
            "类 型",
            "单位",
            "责任人",
            "联系电话",
            "位置",
            "区划",
            "团体名",
            "厂家",
        ],
        &[
            "1",
            "地区核心交换机",
            "10.65.0.1",
            "核心交换机",
            "地区电子政务管理办公室",
            "张三",
            "13900000000",
            "新机房",
            "阿克苏地区",
            "known-community",
            "华为",
        ],
        &[
            "2",
            "温宿县路由器",
            "10.65.2.1/30",
            "路由器",
            "温宿县电子政务办",
            "李四",
            "",
            "县府机房",
            "652922",
            "MARKER-A",
            "华三",
        ],
        &["3", "乌什县路由器", "10.65.9.1", "路由器", "温宿县电子政务办", "", "", "", "乌什县", "MARKER-A", ""],
        &["4", "坏地址", "10.65.0.256", "路由器", "", "", "", "", "", "", ""],
        &["5", "又一台", "10.65.9.1", "光猫", "", "", "", "", "", "", ""],
        &["6", "重复", "10.65.2.1", "", "", "", "", "", "", "", ""],
        &["合计", "6 台"],
    ]));
    assert_eq!(sheet.heading_row, 3);
    assert_eq!(
        summary(&sheet),
        "4 change core-1 switch 10.65.0.1 | region:  -> \"652900\" | owner:  -> \"aks-egov\" | person:  -> \"person-e66cb0fe\" | location: \"旧机房\" -> \"新机房\"\n\
         5 add dev-10-65-2-1 router 10.65.2.1\n\
         6 add dev-10-65-9-1 router 10.65.9.1\n\
         7 bad: 管理IP（必填） `10.65.0.256` it is no address\n\
         8 bad: 类 型 `光猫` unknown kind\n\
         9 bad: 管理IP（必填） `10.65.2.1` the same address as in row 5"
    );
    let names: Vec<(&str, Option<&str>)> =
        sheet.columns.iter().map(|c| (c.heading.as_str(), c.field.map(Field::as_str))).collect();
    assert_eq!(names[0], ("序号", None));
    assert_eq!(names[10], ("厂家", None));
    assert_eq!((names[3].1, names[4].1, names[6].1), (Some("kind"), Some("owner"), Some("mobile")));
    // One new secret for one new value, none for the one that is there.
    assert_eq!(sheet.secrets.len(), 1);
    assert_eq!((sheet.secrets[0].name.as_str(), sheet.secrets[0].used_by), ("snmp-1", 2));
    assert_eq!(sheet.good[0].asset.snmp.as_ref().unwrap().secret, "aks-core");
    let region = &sheet.regions[0];
    assert_eq!(
        (region.name.as_str(), region.tier.as_str(), region.parent.as_ref().unwrap().as_str()),
        ("乌什县", "county", "652900")
    );
    assert_eq!(sheet.organisations.len(), 1, "{:?}", sheet.organisations);
    assert_eq!(sheet.persons.iter().map(|p| p.mobile.as_str()).collect::<Vec<_>>(), ["13900000000", ""]);
    assert!(sheet.notes.iter().any(|n| n.zh.contains("序号、厂家")), "{:?}", sheet.notes);
}

#[test]
fn the_same_file_again_changes_nothing() {
    let file = xlsx(&[
        &["名称", "IP地址", "类型", "单位", "责任人", "区划", "团体名", "标签", "TCP端口"],
        &["甲", "10.1.0.1、10.1.0.2", "服务器", "某局", "王五", "柯坪县", "one", "核心，机房", "22/443"],
        &["乙", "10.1.0.3", "UPS", "某局", "王五", "柯坪县", "two", "", ""],
    ]);
    let (base, mut secrets) = (base(), stored());
    let grid = read("a.xlsx", &file).unwrap();
    let first = judge(&grid, &Mapping::new(), &Against { inventory: &base, secrets: &secrets });
    assert_eq!(first.counts(), (2, 0, 0, 0), "{first:?}");
    assert_eq!(first.good[0].asset.also, ["10.1.0.2"]);
    assert_eq!(first.good[0].asset.tcp_ports, [22, 443]);
    assert_eq!((first.regions.len(), first.organisations.len(), first.persons.len()), (1, 1, 1));
    let after = first.merged(&base);
    secrets.extend(first.secrets.iter().map(|s| (s.name.clone(), s.secret.clone())));
    let again = judge(&grid, &Mapping::new(), &Against { inventory: &after, secrets: &secrets });
    assert_eq!(again.counts(), (0, 0, 2, 0), "{}", summary(&again));
    assert!(again.regions.is_empty() && again.organisations.is_empty() && again.secrets.is_empty());
    assert!(!again.changes_anything());
}

#[test]
fn headings_of_two_rows_with_merged_cells_are_read_together() {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    let plain = Format::new();
    page.merge_range(0, 0, 0, 5, "全区设备", &plain).unwrap();
    page.merge_range(1, 0, 2, 0, "设备名称", &plain).unwrap();
    page.merge_range(1, 1, 2, 1, "管理IP", &plain).unwrap();
    page.merge_range(1, 2, 1, 3, "SNMP", &plain).unwrap();
    page.write_string(2, 2, "版本").unwrap();
    page.write_string(2, 3, "团体名").unwrap();
    page.merge_range(1, 4, 2, 4, "单位", &plain).unwrap();
    for (row, (name, address)) in [("甲", "10.2.0.1"), ("乙", "10.2.0.2")].into_iter().enumerate() {
        let row = row as u32 + 3;
        page.write_string(row, 0, name).unwrap();
        page.write_string(row, 1, address).unwrap();
        page.write_string(row, 2, "V1").unwrap();
        page.write_string(row, 3, "MARKER").unwrap();
    }
    page.merge_range(3, 4, 4, 4, "公安局", &plain).unwrap();
    let sheet = judged(&book.save_to_buffer().unwrap());
    assert_eq!(sheet.counts(), (2, 0, 0, 0), "{}", summary(&sheet));
    assert_eq!(sheet.columns[2].field, Some(Field::SnmpVersion));
    assert!(matches!(sheet.secrets[0].secret, Secret::SnmpCommunity { v1: true, .. }));
    // A unit merged over two rows is the unit of both.
    assert!(sheet.good.iter().all(|row| row.asset.owner.is_some()));
    // The same as CSV, where nothing says what was merged.
    let text = "设备名称,管理IP,SNMP,,单位\n,,版本,团体名,\n甲,10.2.0.1,v1,x,公安局\n";
    let sheet = judged(text.as_bytes());
    assert_eq!(sheet.columns[2].field, Some(Field::SnmpVersion));
    assert_eq!(sheet.columns[3].field, Some(Field::Community));
    assert_eq!(sheet.counts(), (1, 0, 0, 0));
}

#[test]
fn csv_is_read_in_every_encoding_and_with_every_separator_it_is_saved_in() {
    let text = "设备名称,管理IP,类型,位置\n核心,10.3.0.1,交换机,\"三楼, 东\"\n";
    let gbk = encoding_rs::GBK.encode(text).0.into_owned();
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let semicolons = text.replace(',', ";").replace("三楼; 东", "三楼, 东");
    let tabs = text.replace(',', "\t").replace("三楼\t 东", "三楼, 东");
    let returns = text.replace('\n', "\r\n");
    for bytes in [text.as_bytes(), &gbk, &marked, &utf16, semicolons.as_bytes(), tabs.as_bytes(), returns.as_bytes()]
    {
        let sheet = judged(bytes);
        assert_eq!(summary(&sheet), "2 add dev-10-3-0-1 switch 10.3.0.1");
        assert_eq!(sheet.good[0].asset.location, "三楼, 东");
        assert_eq!(sheet.good[0].asset.name, "核心");
    }
    // 龘 and 喆 are not in GB 2312, 𠮷 is only in GB 18030.
    let rare = "名称,IP\n龘喆𠮷,10.3.0.2\n";
    let sheet = judged(&encoding_rs::GB18030.encode(rare).0);
    assert_eq!(sheet.good[0].asset.name, "龘喆𠮷");
    assert!(sheet.notes.iter().any(|n| n.en.contains("gb18030")), "{:?}", sheet.notes);
}

#[test]
fn headings_are_known_in_both_languages_however_they_are_written() {
    for (heading, field) in [
        ("设备名称", Field::Name),
        (" 设备　名称 * ", Field::Name),
        ("NAME", Field::Name),
        ("ＩＰ地址", Field::Address),
        ("IP Address", Field::Address),
        ("管理 IP\n（必填）", Field::Address),
        ("编号", Field::Id),
        ("SNMP团体名", Field::Community),
        ("Community String", Field::Community),
        ("snmp-version", Field::SnmpVersion),
        ("TCP 端口", Field::TcpPorts),
        ("主管单位", Field::Owner),
        ("运维单位", Field::Operator),
        ("行政区划代码", Field::Region),
        ("网址", Field::Url),
    ] {
        assert_eq!(heading::field_of(heading), Some(field), "{heading}");
    }
    for unknown in ["序号", "型号", "购置日期", "IP地址段", ""] {
        assert_eq!(heading::field_of(unknown), None, "{unknown}");
    }
    // Nothing means two things.
    let mut all: Vec<String> = Vec::new();
    for row in heading::TABLE {
        let mut names: Vec<String> =
            [row.zh, row.en, row.key].iter().chain(row.also).map(|name| heading::fold(name)).collect();
        names.sort();
        names.dedup();
        all.extend(names);
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "a heading stands at two fields");
}

#[test]
fn a_column_is_mapped_by_hand_and_secrets_are_not_made_to_show() {
    let file = xlsx(&[&["设备", "管理IP", "放在哪里", "登录密码"], &["甲", "10.4.0.1", "五楼", "MARKER-PW"]]);
    let plain = judged(&file);
    assert_eq!(plain.good[0].asset.location, "");
    let mapping = Mapping::from([(0, Field::Name), (2, Field::Location), (3, Field::Tags)]);
    let sheet = judged_with(&file, &mapping);
    assert_eq!((sheet.good[0].asset.name.as_str(), sheet.good[0].asset.location.as_str()), ("甲", "五楼"));
    assert!(sheet.good[0].asset.tags.is_empty());
    assert_eq!(sheet.columns[3].sample, "***");
    assert!(sheet.notes.iter().any(|n| n.en.contains("column 4")), "{:?}", sheet.notes);
}

#[test]
fn websites_are_told_by_their_url_and_may_share_an_address() {
    let sheet = judged(&xlsx(&[
        &["网站名称", "网址", "网站标识码", "IP", "类型"],
        &["地区门户", "www.aks.example", "6529000001", "10.5.0.1", "网站"],
        &["教育局", "HTTPS://edu.aks.example/", "", "10.5.0.1", "网站"],
        &["没有网址", "", "", "10.5.0.2", "网站"],
        &["带密码", "http://a:b@c/", "", "", "网站"],
    ]));
    assert_eq!(
        summary(&sheet),
        "2 add web-www-aks-example website 10.5.0.1\n\
         3 add web-edu-aks-example website 10.5.0.1\n\
         4 bad: 网址 `` a website without URL\n\
         5 bad: 网址 `http://a:b@c/` the URL carries a user or a password"
    );
    assert_eq!(sheet.good[0].asset.website.as_ref().unwrap().url, "http://www.aks.example");
    assert_eq!(sheet.good[1].asset.website.as_ref().unwrap().url, "https://edu.aks.example/");
}

#[test]
fn ids_and_addresses_are_judged_against_the_inventory_too() {
    let sheet = judged(&xlsx(&[
        &["编号", "名称", "管理IP", "所属网络"],
        &["CORE-1", "改名", "10.65.0.1", ""],
        &["other", "抢地址", "10.65.0.1", "外网"],
        &["other-2", "另一网", "10.65.0.1", "政务内网"],
        &["core 1", "同一编号", "10.65.0.9", ""],
        &["", "没有地址", "", ""],
        &["x", "网络", "10.65.0.7", "月球网"],
    ]));
    assert_eq!(
        summary(&sheet),
        "2 change core-1 switch 10.65.0.1 | name: \"地区核心交换机\" -> \"改名\"\n\
         4 add other-2 other 10.65.0.1\n\
         3 bad: 管理IP `10.65.0.1` the same address as in row 2\n\
         5 bad: 编号 `core 1` the same asset as in row 2 (core-1)\n\
         6 bad: 管理IP `` no id, address or URL tells what it is\n\
         7 bad: 所属网络 `月球网` unknown zone"
    );
    let sheet = judged(&xlsx(&[&["编号", "管理IP"], &["other", "10.65.0.1"]]));
    assert_eq!(summary(&sheet), "2 bad: 管理IP `10.65.0.1` the address is that of asset core-1 (地区核心交换机)");
}

#[test]
fn users_of_version_three_come_with_their_protocols() {
    let sheet = judged(&xlsx(&[
        &["名称", "IP", "SNMP版本", "SNMP用户", "认证算法", "认证密码", "加密算法", "加密密码", "SNMP端口"],
        &["甲", "10.6.0.1", "v3", "MARKER-U", "SHA-256", "MARKER-auth-key", "AES", "MARKER-priv-key", "1161"],
        &["乙", "10.6.0.2", "", "MARKER-U", "SHA", "MARKER-auth-key", "DES", "MARKER-priv-key", ""],
        &["丙", "10.6.0.3", "v3", "MARKER-U", "", "MARKER-auth-key", "", "", ""],
        &["丁", "10.6.0.4", "v3", "", "", "", "", "", ""],
        &["戊", "10.6.0.5", "v3", "MARKER-U", "md5", "MARKER", "", "", ""],
    ]));
    assert_eq!(
        summary(&sheet),
        "2 add dev-10-6-0-1 other 10.6.0.1\n\
         3 bad: 加密算法 `DES` DES is broken and not supported\n\
         4 bad: 认证算法 `` a key without its protocol\n\
         5 bad: SNMP用户 `` SNMPv3 without a user\n\
         6 bad: 认证密码 `***` a key of less than 8 characters"
    );
    assert_eq!(sheet.good[0].asset.snmp.as_ref().unwrap().port, 1161);
    assert!(matches!(&sheet.secrets[0].secret, Secret::SnmpV3 { auth: Some(_), privacy: Some(_), .. }));
}

#[test]
fn no_secret_value_leaves_in_any_text() {
    let file = xlsx(&[
        &["名称", "IP", "团体名", "SNMP用户", "认证算法", "认证密码", "登录密码"],
        &["甲", "10.7.0.1", "MARKER-1", "", "", "", "MARKER-2"],
        &["乙", "10.7.0.999", "MARKER-3", "MARKER-4", "MARK", "MARKER-5", "MARKER-6"],
        &["丙", "10.7.0.3", "", "MARKER-7", "rot13", "MARKER-8", "MARKER-9"],
    ]);
    let sheet = judged(&file);
    assert_eq!((sheet.good.len(), sheet.bad.len()), (1, 2));
    let mut all = format!("{sheet:?} {:?}", read("x", &file).unwrap());
    for lang in [Lang::Zh, Lang::En] {
        all.push_str(&format!("{:?}", calamine_cells(&sheet.bad_rows_xlsx(lang))));
    }
    assert!(all.contains("***") && all.contains("丙"));
    assert!(!all.contains("MARKER"), "{all}");
}

/// Every cell of a workbook, as it is for a reader.
fn calamine_cells(bytes: &[u8]) -> Vec<Vec<String>> {
    use calamine::{Reader, Xlsx};
    let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
    let range = book.worksheet_range_at(0).unwrap().unwrap();
    range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect()
}

#[test]
fn bad_rows_come_back_with_their_cells_and_what_is_wrong_and_formulas_stay_text() {
    let file = xlsx(&[&["名称", "IP", "备忘"], &["=1+1", "not an address!", "=cmd|' /C calc'!A0"]]);
    let sheet = judged(&file);
    let cells = calamine_cells(&sheet.bad_rows_xlsx(Lang::Zh));
    assert_eq!(cells[0], ["原行号", "名称", "IP", "备忘", "问题"]);
    assert_eq!(cells[1][1], "=1+1");
    assert_eq!(cells[1][3], "=cmd|' /C calc'!A0");
    assert!(cells[1][4].starts_with("IP：不是地址；"), "{}", cells[1][4]);
    use calamine::{Reader, Xlsx};
    let bytes = sheet.bad_rows_xlsx(Lang::En);
    let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(&bytes)).unwrap();
    assert!(book.worksheet_formula("Bad rows").unwrap().is_empty());
    // Mended, the sheet can come again as it is.
    let again = read("again.xlsx", &sheet.bad_rows_xlsx(Lang::Zh)).unwrap();
    assert_eq!(again.heading_row, 1);
}

#[test]
fn the_template_is_read_by_the_importer_without_a_column_left_over() {
    for lang in [Lang::Zh, Lang::En] {
        let bytes = template_xlsx(lang);
        let cells = calamine_cells(&bytes);
        let row: Vec<&str> = cells[0].iter().map(String::as_str).collect();
        let mut filled = vec![""; row.len()];
        filled[0] = "甲";
        filled[3] = "10.8.0.1";
        let sheet = judged(&xlsx(&[&row, &filled]));
        assert!(sheet.columns.iter().all(|c| c.field.is_some()), "{:?}", sheet.columns);
        assert_eq!(sheet.counts(), (1, 0, 0, 0));
        let grid = read("template.xlsx", &bytes).unwrap();
        assert!(grid.rows.is_empty());
    }
}

#[test]
fn five_thousand_rows_are_judged() {
    let mut text = String::from("设备名称,管理IP,类型,单位,责任人,区划,团体名\n");
    for n in 0..5_000 {
        text.push_str(&format!(
            "设备{n},10.{}.{}.{},交换机,单位{},人{},温宿县,c{}\n",
            100 + n / 62_500,
            n / 250 % 250,
            n % 250 + 1,
            n % 60,
            n % 200,
            n % 40
        ));
    }
    let sheet = judged(text.as_bytes());
    assert_eq!(sheet.counts(), (5_000, 0, 0, 0));
    assert_eq!((sheet.organisations.len(), sheet.secrets.len()), (60, 40));
}
