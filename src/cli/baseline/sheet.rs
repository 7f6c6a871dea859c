//! `fengsui baseline export` and `answers`: the record sheet (结果记录表) as a file, and one that was filled in.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::Value;

use crate::cli::client::{IfMissing, with_console};
use crate::cli::inventory::import::{bad_line, read, write_new};
use crate::cli::json::{line, list, text, with_query};
use crate::cli::reach::Reach;
use crate::cli::text::pick;
use crate::cli::{Answer, Exit, Format, print, say};

/// What the sheet is to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[default]
    Docx,
    Xlsx,
    Csv,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
        }
    }
}

/// Options of `baseline export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// What it is to be: docx for Word, xlsx to be filled in, csv for any program
    #[arg(long, value_enum, default_value_t)]
    format: Kind,
    /// File to write; it must not be there yet [default: record-sheet and the format's ending]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only this system's assets [default: all graded assets]
    #[arg(long, value_name = "SYSTEM")]
    system: Option<String>,
    /// Only this asset
    #[arg(long, value_name = "ASSET")]
    asset: Option<String>,
    /// Only this item, such as L3-CES1-02
    #[arg(long, value_name = "ITEM")]
    item: Option<String>,
    /// Only rows with this result: pass, partial, fail, na, manual, error
    #[arg(long, value_name = "RESULT")]
    result: Option<String>,
    /// Where.
    #[command(flatten)]
    reach: Reach,
}

/// Runs `export`.
pub(super) fn export(args: Export) -> Answer {
    crate::cli::client::quiet_log();
    let kind = args.format.as_str();
    let out = args.out.unwrap_or_else(|| PathBuf::from(format!("record-sheet.{kind}")));
    let asked = [
        ("format", Some(kind.to_owned())),
        ("system", args.system),
        ("asset", args.asset),
        ("item", args.item),
        ("result", args.result),
    ];
    let path = with_query("/api/v1/baseline/sheet", &asked);
    let bytes = with_console(&args.reach, IfMissing::Fail, async |c| c.download(&path).await)?;
    write_new(&out, &bytes)?;
    let shown = out.display();
    say(&pick(format!("结果记录表已写入 {shown}"), format!("the record sheet is in {shown}")));
    Ok(Exit::Good)
}

/// Options of `baseline answers`.
#[derive(Debug, clap::Args)]
pub struct Answers {
    /// Record sheet that was filled in: XLSX or CSV
    file: PathBuf,
    /// Take its answers in one transaction
    #[arg(long)]
    apply: bool,
    /// How to print: lines, or one JSON object with the whole preview
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Where.
    #[command(flatten)]
    reach: Reach,
}

/// Runs `answers`.
pub(super) fn answers(args: Answers) -> Answer {
    crate::cli::client::quiet_log();
    let bytes = read(&args.file)?;
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let path = with_query("/api/v1/baseline/answers/preview", &[("name", name)]);
    with_console(&args.reach, IfMissing::Fail, async |c| {
        let preview = c.send("POST", &path, "application/octet-stream", bytes).await?;
        match args.format {
            Format::Table => show(&preview),
            Format::Json => print(&line(preview.clone())),
        }
        let counts = preview.get("counts").cloned().unwrap_or_default();
        if counts.get("bad").and_then(Value::as_u64) != Some(0) {
            return Ok(Exit::Bad);
        }
        if args.apply {
            let path = format!("/api/v1/baseline/answers/{}/apply", text(&preview, "token"));
            let done = c.post(&path, &serde_json::json!({})).await?;
            let taken = text(&done, "answers");
            say(&pick(format!("已导入 {taken} 条人工核查"), format!("{taken} answers were taken")));
        }
        Ok(Exit::Good)
    })
}

fn show(preview: &Value) {
    for answer in list(preview, "answers") {
        let before = answer.get("before").filter(|before| !before.is_null());
        let old = before.map_or_else(String::new, |b| format!("{} {} -> ", text(b, "result"), text(b, "reason")));
        let sign = if before.is_some() { "~" } else { "+" };
        let of = |key| text(answer, key);
        print(&format!("{sign} {} {}: {old}{} {}", of("asset"), of("target"), of("result"), of("reason")));
    }
    for bad in list(preview, "bad") {
        let tab = text(bad, "sheet");
        let tab = if tab.is_empty() { tab } else { format!("{tab}: ") };
        say(&format!("{tab}{}", bad_line(&text(bad, "row"), bad)));
    }
    let counts = preview.get("counts").cloned().unwrap_or_default();
    let of = |key| text(&counts, key);
    say(&pick(
        format!("预览：改动 {}，不变 {}，未填写 {}，有问题 {}", of("change"), of("same"), of("blank"), of("bad")),
        format!(
            "preview: {} to change, {} the same, {} not filled in, {} bad",
            of("change"),
            of("same"),
            of("blank"),
            of("bad")
        ),
    ));
}
