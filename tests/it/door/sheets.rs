//! Files of graded protection against the programs of others: a configuration is handed in, the record sheet is opened by
//! python-docx and filled in by openpyxl, and comes back; no secret of the configuration stands in anything that leaves.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::Door;
use crate::baseline::PLANTED;

/// Debian's Python, which has Debian's packages; another one on the path may not.
const PYTHON: &str = "/usr/bin/python3";

/// What a Word document says, as one JSON object.
const OPEN: &str = r#"
import json, sys
from docx import Document
d = Document(sys.argv[1])
t = d.tables[0]
s = d.sections[0]
rows = [[c.text for c in r.cells] for r in t.rows]
print(json.dumps({
    "title": d.paragraphs[0].text, "style": d.paragraphs[0].style.name, "about": [p.text for p in d.paragraphs[1:]],
    "wide": s.page_width > s.page_height, "repeats": "w:tblHeader" in t.rows[0]._tr.xml,
    "font": d.styles.element.xml.count("宋体"), "rows": rows, "author": d.core_properties.author}))
"#;

/// Fills in a workbook: rows of (item, asset, verdict, what was seen) by the headings, as somebody at a desk would.
const FILL: &str = r#"
import json, sys
from openpyxl import load_workbook
b = load_workbook(sys.argv[1])
s = b.worksheets[0]
head = [c.value for c in s[1]]
at = {name: head.index(name) + 1 for name in json.loads(sys.argv[3])}
item, asset, answer, seen = at.values()
for wanted in json.loads(sys.argv[4]):
    for r in range(2, s.max_row + 1):
        if (s.cell(r, item).value, s.cell(r, asset).value) == (wanted[0], wanted[1]):
            s.cell(r, answer).value, s.cell(r, seen).value = wanted[2], wanted[3]
            break
    else:
        sys.exit("no row for " + str(wanted))
b.save(sys.argv[2])
print(s.max_row, len(s.data_validations.dataValidation))
"#;

/// Whether Debian's packages are there; a machine without them says so, and fails only where CI is set.
fn office() -> bool {
    let there = ["docx", "openpyxl"].map(|name| Path::new("/usr/lib/python3/dist-packages").join(name).exists());
    if there != [true, true] {
        println!("not run: python3-docx and python3-openpyxl are not installed");
        assert!(std::env::var_os("CI").is_none(), "CI needs the Debian packages python3-docx and python3-openpyxl");
    }
    there == [true, true]
}

#[expect(clippy::disallowed_methods, reason = "the office programs of others")]
fn python(script: &str, args: &[&str]) -> String {
    let done = Command::new(PYTHON).args(["-c", script]).args(args).env("PYTHONUTF8", "1").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Everything that stands in a package, unpacked.
fn unpacked(bytes: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut all = String::new();
    for at in 0..archive.len() {
        archive.by_index(at).unwrap().read_to_string(&mut all).unwrap();
    }
    all
}

impl Door {
    async fn file(&self, path: &str) -> Vec<u8> {
        let answer = self.admin("GET", path, Vec::new()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.reason());
        answer.body
    }

    async fn sent(&self, token: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let answer = self.ask(Some(token), "POST", path, body.to_vec()).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Switches of the planted configurations, in a system of level 3 that has to be assessed within a month.
    async fn graded(&self) -> String {
        let mut more = String::new();
        for name in ["sw1", "sw2", "sw3", "edge"] {
            more +=
                &format!("[[asset]]\nid = \"{name}\"\nkind = \"switch\"\nzone = \"extranet\"\nregion = \"652900\"\n");
        }
        let day = |ago: u64| self.clock.wall().minus(std::time::Duration::from_secs(ago * 86_400)).to_string();
        more += &format!(
            "[[system]]\nid = \"oa\"\nname = \"公文系统\"\nlevel = 3\nassets = [\"sw1\", \"sw2\", \"sw3\", \"edge\"]\n\
             filing = {{ number = \"65290-1\", filed = {}, last_assessed = {} }}\n",
            &day(700)[..10],
            &day(340)[..10]
        );
        let plan = self.admin("POST", "/api/v1/inventory/plan", more.clone().into_bytes()).await;
        let base: Value = serde_json::from_slice(&plan.body).unwrap();
        let path = format!("/api/v1/inventory/apply?base_rev={}", base["base_rev"]);
        let applied = self.admin("POST", &path, more.into_bytes()).await;
        assert_eq!(applied.status, 200, "{}", applied.reason());
        self.token("security", &[]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_are_handed_in_and_no_secret_of_them_leaves_in_any_file() {
    let door = Door::open().await;
    let security = door.graded().await;
    let operator = door.token("operator", &[]).await;
    let path = "/api/v1/baseline/configurations?name=a.cfg";
    assert_eq!(door.sent(&operator, path, PLANTED[0].as_bytes()).await.0, 403);
    let mut said = String::new();
    let mut token = String::new();
    for text in PLANTED {
        let (status, done) = door.sent(&security, path, text.as_bytes()).await;
        assert_eq!(status, 200, "{done}");
        said += &done.to_string();
        let one = &done["items"][0];
        assert!(one["counts"]["fail"].as_u64() > Some(3), "{done}");
        if one["name"] == "R1" {
            token = done["token"].as_str().unwrap().to_owned();
            assert_eq!((&one["asset"], &one["candidates"]), (&Value::Null, &json!([])), "{done}");
        } else {
            assert_eq!(one["asset"], one["name"].as_str().unwrap().to_lowercase(), "{done}");
        }
    }
    // Nobody is called R1, until somebody says who that is.
    let assign = format!("/api/v1/baseline/configurations/{token}");
    let nobody = door.sent(&security, &assign, br#"{"assets":["nobody"]}"#).await;
    assert_eq!(nobody.0, 404, "{}", nobody.1);
    let (status, done) = door.sent(&security, &assign, br#"{"assets":["edge"]}"#).await;
    assert_eq!((status, &done["items"][0]["asset"]), (200, &json!("edge")), "{done}");
    said += &done.to_string();
    assert_eq!(door.sent(&security, &assign, br#"{"assets":["edge"]}"#).await.0, 404, "it waits no more");
    for bad in ["MARK nothing of a device\n".to_owned(), format!("sysname a\nMARK{}", "y".repeat(1 << 20))] {
        let (status, done) = door.sent(&security, path, bad.as_bytes()).await;
        assert_eq!(status, 200, "{done}");
        assert!(!done["items"][0]["problem"].is_null(), "{done}");
        said += &done.to_string();
    }
    for path in [
        "/api/v1/baseline/sheet?format=docx&system=oa",
        "/api/v1/baseline/sheet?format=xlsx&system=oa",
        "/api/v1/baseline/sheet?format=csv&system=oa",
        "/api/v1/baseline/findings?limit=1000",
        "/api/v1/audit",
    ] {
        let bytes = door.file(path).await;
        said += &if bytes.starts_with(b"PK") { unpacked(&bytes) } else { String::from_utf8(bytes).unwrap() };
    }
    for asset in ["sw1", "sw2", "sw3", "edge"] {
        let states = door.get(&format!("/api/v1/baseline/snapshots?asset={asset}")).await;
        assert_eq!(states["items"][0]["origin"], "dropped", "{states}");
        said += &door.get(&format!("/api/v1/baseline/snapshots/{}", states["items"][0]["id"])).await.to_string();
    }
    assert!(said.contains("telnet server enable") && said.contains("***"));
    let at = said.find("MARK");
    assert!(at.is_none(), "{:?}", at.map(|at| said[at.saturating_sub(200)..].chars().take(300).collect::<String>()));
    // The system stands in its list, and has to be assessed within a month; that is an incident once a day was begun.
    let systems = door.get("/api/v1/baseline/systems").await;
    let oa = &systems["items"][0];
    assert_eq!(
        (&oa["filing_number"], oa["assets"].as_array().map(Vec::len)),
        (&json!("65290-1"), Some(4)),
        "{systems}"
    );
    assert!((20..=26).contains(&oa["days_left"].as_i64().unwrap()), "{systems}");
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sheet_opens_in_word_is_filled_in_as_a_workbook_and_comes_back() {
    if !office() {
        return;
    }
    let door = Door::open().await;
    let security = door.graded().await;
    let (status, done) =
        door.sent(&security, "/api/v1/baseline/configurations?name=a.cfg&asset=sw1", PLANTED[0].as_bytes()).await;
    assert_eq!(status, 200, "{done}");
    let dir = door.dir.path();
    let at = |name: &str| dir.join(name).display().to_string();
    std::fs::write(at("a.docx"), door.file("/api/v1/baseline/sheet?format=docx&system=oa").await).unwrap();
    let word: Value = serde_json::from_str(&python(OPEN, &[&at("a.docx")])).unwrap();
    assert_eq!(
        (&word["title"], &word["style"], &word["wide"], &word["repeats"], &word["author"]),
        (
            &json!("公文系统: record sheet of a self-check"),
            &json!("Title"),
            &json!(true),
            &json!(true),
            &json!("Fengsui")
        )
    );
    assert!(word["font"].as_u64() > Some(0) && word["about"].to_string().contains("65290-1"), "{}", word["about"]);
    let rows = word["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1 + 4 * 74);
    let telnet = rows.iter().find(|row| row[2] == "sw1\nsw1" && row[0].as_str().unwrap().contains("L3-CES1-03"));
    assert!(telnet.is_some_and(|row| row[4].as_str().unwrap().starts_with('D')), "{telnet:?}");

    std::fs::write(at("a.xlsx"), door.file("/api/v1/baseline/sheet?format=xlsx&system=oa").await).unwrap();
    let heads = json!(["Item number", "Asset id", "Result by hand", "What was seen"]).to_string();
    let fill = |rows: Value, name: &str| {
        let told = python(FILL, &[&at("a.xlsx"), &at(name), &heads, &rows.to_string()]);
        assert_eq!(told.trim(), format!("{} 1", 1 + 4 * 74), "rows and a list of verdicts");
        std::fs::read(at(name)).unwrap()
    };
    let wrong = fill(json!([["L3-CES1-04", "sw1", "maybe", "x"], ["L3-CES1-05", "sw1", "Met", ""]]), "wrong.xlsx");
    let preview = "/api/v1/baseline/answers/preview?name=a.xlsx";
    let (status, bad) = door.sent(&security, preview, &wrong).await;
    assert_eq!((status, &bad["counts"]["bad"]), (200, &json!(2)), "{bad}");
    assert_eq!((&bad["bad"][0]["heading"], &bad["bad"][0]["value"]), (&json!("Result by hand"), &json!("maybe")));
    assert_eq!(bad["bad"][0]["sheet"], "Record");
    let refused = format!("/api/v1/baseline/answers/{}/apply", bad["token"].as_str().unwrap());
    assert_eq!(door.sent(&security, &refused, b"{}").await.0, 422);
    let good = fill(
        json!([
            ["L3-CES1-04", "sw1", "Not met", "口令一种\n没有第二因素"],
            ["L3-CNS1-01", "edge", "符合", "看过流量"]
        ]),
        "good.xlsx",
    );
    let (status, look) = door.sent(&security, preview, &good).await;
    assert_eq!(
        (status, &look["counts"]),
        (200, &json!({ "change": 2, "same": 0, "blank": 294, "bad": 0 })),
        "{look}"
    );
    let apply = format!("/api/v1/baseline/answers/{}/apply", look["token"].as_str().unwrap());
    let operator = door.token("operator", &[]).await;
    assert_eq!(door.sent(&operator, &apply, b"{}").await.0, 403);
    assert_eq!(door.sent(&security, &apply, b"{}").await, (200, json!({ "answers": 2 })));
    let matrix = door.get("/api/v1/baseline/assets?system=oa").await;
    let sw1 = matrix["items"].as_array().unwrap().iter().find(|row| row["asset"] == "sw1").unwrap();
    assert_eq!(
        (&sw1["items"]["L3-CES1-04"]["by_hand"], &sw1["items"]["L3-CES1-04"]["raw"]),
        (&json!(true), &json!("fail"))
    );
    // The same file again says nothing new.
    let (_, again) = door.sent(&security, preview, &good).await;
    assert_eq!(again["counts"], json!({ "change": 0, "same": 2, "blank": 294, "bad": 0 }));
    door.handle.stop().await;
}
