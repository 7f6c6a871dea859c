//! `fengsui inventory`: the declared inventory.

pub(super) mod import; // spreadsheets

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use super::client::{IfMissing, unreadable, with_console};
use super::json::{line, list, text, time, with_query};
use super::reach::Reach;
use super::snmp::show_device;
use super::text::pick;
use super::{Answer, Exit, Failure, Format, print, say};
use crate::console::api::inventory::FILE_MARK;
use crate::console::api::query::encode;
use crate::model::device::report;

/// Options of `inventory`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Print what files would add, change and remove, and apply it in one transaction
    Apply {
        /// TOML files; together they are one inventory
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Remove what the files lack
        #[arg(long)]
        prune: bool,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Print what files would add, change and remove
    Diff {
        /// TOML files; together they are one inventory
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Also what the files lack
        #[arg(long)]
        prune: bool,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Read a spreadsheet (XLSX, or CSV in UTF-8 or GBK): print what it would add and change and which rows are bad
    Import(import::Args),
    /// Write an empty spreadsheet with the headings that are known
    Template {
        /// File to write; it must not be there yet
        #[arg(long, value_name = "FILE", default_value = "fengsui-inventory.xlsx")]
        out: PathBuf,
    },
    /// Print what a device last said of itself: ports, sensors, neighbours, tables
    Report {
        /// Asset: its id
        asset: String,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Print the declared inventory as TOML
    Export {
        /// How to print: the TOML itself, or one JSON object
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    match args.what {
        What::Apply { files, prune, reach } => {
            let body = read(&files)?;
            with_console(&reach, IfMissing::Make, async |c| {
                let plan = c.send("POST", &planned("plan", prune, None), TOML, body.clone()).await?;
                show_plan(&plan);
                if list(&plan, "changes").is_empty() {
                    return Ok(());
                }
                let base = text(&plan, "base_rev");
                let done = c.send("POST", &planned("apply", prune, Some(&base)), TOML, body).await?;
                let rev = text(&done, "rev");
                say(&pick(format!("已应用，台账版本 {rev}"), format!("applied; the inventory is at revision {rev}")));
                Ok(())
            })?;
        }
        What::Diff { files, prune, reach } => {
            let body = read(&files)?;
            let plan = with_console(&reach, IfMissing::Fail, async |c| {
                c.send("POST", &planned("plan", prune, None), TOML, body).await
            })?;
            show_plan(&plan);
        }
        What::Import(args) => return import::run(args),
        What::Template { out } => import::template(&out)?,
        What::Report { asset, format, reach } => {
            let path = format!("/api/v1/assets/{}/report", encode(&asset));
            let told = with_console(&reach, IfMissing::Fail, async |c| c.get(&path).await)?;
            match format {
                Format::Json => print(&line(told)),
                Format::Table => {
                    show_device(&report::read(told.get("report").unwrap_or(&Value::Null)));
                    let (at, agent) = (time(&told, "at"), text(&told, "agent"));
                    say(&pick(format!("由 {agent} 于 {at} 读取"), format!("read by {agent} at {at}")));
                }
            }
        }
        What::Export { format, reach } => {
            let all = with_console(&reach, IfMissing::Fail, async |c| c.get("/api/v1/inventory").await)?;
            match format {
                Format::Json => print(&line(all)),
                Format::Table => print(text(&all, "toml").trim_end()),
            }
        }
    }
    Ok(Exit::Good)
}

const TOML: &str = "application/toml";

fn planned(what: &str, prune: bool, base: Option<&str>) -> String {
    let prune = prune.then(|| "true".to_owned());
    with_query(&format!("/api/v1/inventory/{what}"), &[("prune", prune), ("base_rev", base.map(str::to_owned))])
}

/// All files, each behind a line that names it, so that the console's diagnostics do.
fn read(files: &[PathBuf]) -> Result<Vec<u8>, Failure> {
    let mut all = String::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
        all.push_str(FILE_MARK);
        all.push_str(&file.display().to_string());
        all.push('\n');
        all.push_str(&text);
        if !text.ends_with('\n') {
            all.push('\n');
        }
    }
    Ok(all.into_bytes())
}

fn show_plan(plan: &Value) {
    let lines = list(plan, pick("lines_zh", "lines"));
    lines.iter().filter_map(Value::as_str).for_each(print);
    let count = |action: &str| list(plan, "changes").iter().filter(|c| text(c, "action") == action).count();
    let (add, change, remove) = (count("add"), count("change"), count("remove"));
    say(&pick(
        format!("计划：新增 {add}，变更 {change}，删除 {remove}"),
        format!("plan: {add} to add, {change} to change, {remove} to remove"),
    ));
}
