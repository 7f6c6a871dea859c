//! `fengsui inventory import` and `template`: a spreadsheet is sent to the console, judged there, and applied if
//! asked for. Exit 1 says that rows were bad.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::client::{IfMissing, unreadable, with_console};
use crate::cli::json::{line, list, text, with_query};
use crate::cli::reach::Reach;
use crate::cli::text::{Lang, lang, pick};
use crate::cli::{Answer, Exit, Failure, Format, print, say};
use crate::config::import::{self, Field, MAX_FILE};

/// Bad rows printed; the rest are counted, `--bad` writes all.
const MAX_SHOWN: usize = 50;

/// Options of `inventory import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// XLSX or CSV file
    pub file: PathBuf,
    /// Apply the good rows in one transaction, with the secrets they bring
    #[arg(long)]
    pub apply: bool,
    /// Write the bad rows with what is wrong to this XLSX file
    #[arg(long, value_name = "FILE")]
    pub bad: Option<PathBuf>,
    /// Map a column by hand, such as C=location or C=ignore (repeat for more)
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub map: Vec<String>,
    /// How to print: lines, or one JSON object with the whole preview
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// Runs it.
pub(super) fn run(args: Args) -> Answer {
    let mapping: Vec<String> = args.map.iter().map(|m| mapped(m)).collect::<Result<_, _>>()?;
    let bytes = read(&args.file)?;
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let mapping = (!mapping.is_empty()).then(|| mapping.join(","));
    let path = with_query("/api/v1/import/preview", &[("name", name), ("mapping", mapping)]);
    with_console(&args.reach, IfMissing::Make, async |c| {
        let preview = c.send("POST", &path, "application/octet-stream", bytes).await?;
        let token = text(&preview, "token");
        match args.format {
            Format::Table => show(&preview),
            Format::Json => print(&line(preview.clone())),
        }
        let bad = list(&preview, "bad").len();
        if let Some(out) = args.bad.as_deref().filter(|_| bad > 0) {
            let sheet = c.download(&format!("/api/v1/import/{token}/bad.xlsx")).await?;
            write_new(out, &sheet)?;
            let shown = out.display();
            say(&pick(format!("有问题的行已写入 {shown}"), format!("the bad rows are in {shown}")));
        }
        if args.apply {
            let done = c.post(&format!("/api/v1/import/{token}/apply"), &serde_json::json!({})).await?;
            let (rev, added, changed) = (text(&done, "rev"), text(&done, "added"), text(&done, "changed"));
            say(&pick(
                format!("已应用：新增 {added}，变更 {changed}，台账版本 {rev}"),
                format!("applied: {added} added, {changed} changed; the inventory is at revision {rev}"),
            ));
        }
        Ok(if bad == 0 { Exit::Good } else { Exit::Bad })
    })
}

/// `inventory template`.
pub(super) fn template(out: &Path) -> Result<(), Failure> {
    let language = match lang() {
        Lang::Zh => import::Lang::Zh,
        Lang::En => import::Lang::En,
    };
    write_new(out, &import::template_xlsx(language))?;
    let shown = out.display();
    say(&pick(format!("模板已写入 {shown}"), format!("the template is in {shown}")));
    Ok(())
}

/// A spreadsheet, if it is not too large.
pub(in crate::cli) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let len = std::fs::metadata(file).map_err(|e| unreadable(file, &e))?.len();
    if len > MAX_FILE as u64 {
        let error = import::ImportError::TooLarge;
        return Err(Failure::usage(format!(
            "{}: {}",
            file.display(),
            pick(error.zh().to_owned(), error.to_string())
        )));
    }
    std::fs::read(file).map_err(|e| unreadable(file, &e))
}

/// Writes a file that is not there yet: a sheet somebody works on is not replaced.
pub(in crate::cli) fn write_new(out: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let made = std::fs::File::create_new(out).and_then(|mut file| file.write_all(bytes));
    made.map_err(|error| {
        let shown = out.display();
        Failure::usage(match error.kind() {
            std::io::ErrorKind::AlreadyExists => pick(
                format!("{shown} 已存在；请换一个文件名"),
                format!("{shown} is there already; name another file"),
            ),
            _ => pick(format!("无法写入 {shown}：{error}"), format!("cannot write {shown}: {error}")),
        })
    })
}

/// `C=location` as the API says it: `2:location`.
fn mapped(text: &str) -> Result<String, Failure> {
    let wrong = || {
        let all: Vec<&str> = Field::all().map(Field::as_str).collect();
        Failure::usage(pick(
            format!("`{text}` 应写成 列=字段，如 C=location；字段有：{}", all.join("、")),
            format!("`{text}` should read COLUMN=FIELD, such as C=location; fields: {}", all.join(", ")),
        ))
    };
    let (column, field) = text.split_once('=').ok_or_else(wrong)?;
    let column = column_of(column.trim()).ok_or_else(wrong)?;
    let field = Field::parse(field.trim()).ok_or_else(wrong)?;
    Ok(format!("{column}:{}", field.as_str()))
}

/// A column by its letters as a spreadsheet shows them, or its number from 1; from 0.
fn column_of(text: &str) -> Option<usize> {
    if let Ok(number) = text.parse::<usize>() {
        return number.checked_sub(1);
    }
    if text.is_empty() || text.len() > 3 {
        return None;
    }
    let letter = |c: char| c.is_ascii_alphabetic().then(|| usize::from(c.to_ascii_uppercase() as u8 - b'A') + 1);
    text.chars().try_fold(0, |sum, c| Some(sum * 26 + letter(c)?)).map(|n| n - 1)
}

/// The letters of a column.
fn letters(mut column: usize) -> String {
    let mut out = Vec::new();
    loop {
        out.push(char::from(b'A' + u8::try_from(column % 26).unwrap_or(0)));
        match (column / 26).checked_sub(1) {
            Some(rest) => column = rest,
            None => break,
        }
    }
    out.iter().rev().collect()
}

fn show(preview: &Value) {
    for column in list(preview, "columns") {
        let heading = text(column, "heading");
        let at = column.get("index").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let field = match text(column, "field") {
            none if none.is_empty() => pick("忽略", "ignored").to_owned(),
            field => field,
        };
        print(&format!("  {} {heading} -> {field}", letters(at)));
    }
    for note in list(preview, "notes") {
        print(&format!("  {}", text(note, pick("zh", "en"))));
    }
    for (key, zh, en) in
        [("regions", "区划", "region"), ("organisations", "单位", "organisation"), ("persons", "责任人", "person")]
    {
        for item in list(preview, key) {
            print(&format!("+ {} {} {}", pick(zh, en), text(item, "id"), text(item, "name")));
        }
    }
    for secret in list(preview, "secrets") {
        let (name, kind, used) = (text(secret, "name"), text(secret, "type"), text(secret, "used_by"));
        print(&pick(
            format!("+ 凭据 {name}（{kind}，{used} 行使用）"),
            format!("+ secret {name} ({kind}, for {used} rows)"),
        ));
    }
    for row in list(preview, "rows") {
        let (id, name) = (text(row, "id"), text(row, "name"));
        let fields = list(row, "fields").iter().map(|f| {
            let or = |key| match text(f, key) {
                nothing if nothing.is_empty() => pick("无", "nothing").to_owned(),
                value => value,
            };
            format!("{} {} -> {}", text(f, "field"), or("old"), or("new"))
        });
        match text(row, "action").as_str() {
            "add" => print(&format!("+ {} {id} {name}", pick("资产", "asset"))),
            "change" => {
                print(&format!("~ {} {id}: {}", pick("资产", "asset"), fields.collect::<Vec<_>>().join(", ")));
            }
            _ => {}
        }
    }
    let bad = list(preview, "bad");
    for row in bad.iter().take(MAX_SHOWN) {
        for problem in list(row, "problems") {
            say(&bad_line(&text(row, "row"), problem));
        }
    }
    if bad.len() > MAX_SHOWN {
        let more = bad.len() - MAX_SHOWN;
        say(&pick(
            format!("还有 {more} 行有问题；用 --bad 文件 写出全部"),
            format!("and {more} more bad rows; --bad FILE writes all"),
        ));
    }
    let counts = preview.get("counts").cloned().unwrap_or_default();
    let of = |key| text(&counts, key);
    say(&pick(
        format!("预览：新增 {}，变更 {}，不变 {}，有问题 {}", of("add"), of("change"), of("same"), of("bad")),
        format!(
            "preview: {} to add, {} to change, {} the same, {} bad",
            of("add"),
            of("change"),
            of("same"),
            of("bad")
        ),
    ));
}

/// What is wrong with a row.
pub(in crate::cli) fn bad_line(row: &str, problem: &Value) -> String {
    let (key, nothing) = (pick("zh", "en"), Value::Null);
    let what = text(problem.get("what").unwrap_or(&nothing), key);
    let remedy = text(problem.get("remedy").unwrap_or(&nothing), key);
    let (heading, value) = (text(problem, "heading"), text(problem, "value"));
    let value = if value.is_empty() { String::new() } else { format!(" `{value}`") };
    pick(
        format!("第 {row} 行 {heading}{value}：{what}；{remedy}"),
        format!("row {row}: {heading}{value}: {what}; {remedy}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_a_spreadsheet_shows_them() {
        for (text, column) in [("A", 0), ("c", 2), ("Z", 25), ("AA", 26), ("CV", 99), ("3", 2)] {
            assert_eq!(column_of(text), Some(column), "{text}");
        }
        for column in [0, 25, 26, 99, 701, 702] {
            assert_eq!(column_of(&letters(column)), Some(column));
        }
        for wrong in ["", "0", "A1", "列", "ABCD"] {
            assert_eq!(column_of(wrong), None, "{wrong}");
        }
        assert_eq!(mapped("C=location").unwrap(), "2:location");
        assert!(mapped("C=nowhere").is_err());
    }
}
