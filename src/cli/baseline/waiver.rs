//! `fengsui baseline waiver`: grant, list and take back waivers (例外), or keep them as a file.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::cli::client::{IfMissing, unreadable, with_console};
use crate::cli::json::{show, text, time, with_query};
use crate::cli::reach::Reach;
use crate::cli::text::{parse_time, pick};
use crate::cli::{Answer, Exit, Failure, Format, print, say};
use crate::console::api::query::encode;
use crate::model::Wall;

/// Waivers listed at most.
const MOST: usize = 10_000;
/// What a file says of a waiver, and in which order it is written.
const KEYS: [&str; 10] =
    ["check", "asset", "tag", "level", "block", "reason", "compensating", "ticket", "expires", "pin"];

/// Options of `baseline waiver`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum What {
    /// Grant a waiver: it stands beside the finding and never hides it
    Add {
        /// Check, such as D17
        check: String,
        /// For this asset [default: for all]
        #[arg(long, value_name = "ASSET", conflicts_with_all = ["tag", "level"])]
        asset: Option<String>,
        /// For assets with this label
        #[arg(long, value_name = "TAG", conflicts_with = "level")]
        tag: Option<String>,
        /// For assets of systems of this protection level
        #[arg(long, value_name = "LEVEL")]
        level: Option<u8>,
        /// Only where this block decided, such as "user-interface vty 16 20"
        #[arg(long, value_name = "BLOCK")]
        block: Option<String>,
        /// Why
        #[arg(long)]
        reason: String,
        /// What is done instead
        #[arg(long, value_name = "TEXT")]
        compensating: Option<String>,
        /// Number of the paper
        #[arg(long, value_name = "NUMBER")]
        ticket: Option<String>,
        /// When it ends, within a year: RFC 3339, or local as in "2026-11-29 01:00"
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        expires: Wall,
        /// Void once the evidence has another fingerprint than this
        #[arg(long, value_name = "PIN", requires = "asset")]
        pin: Option<String>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// List waivers; with --all those that are over too
    List {
        /// Those that are over too
        #[arg(long)]
        all: bool,
        /// How to print: table or json (one object a line)
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Take a waiver back
    Revoke {
        /// Waiver
        id: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Grant what a file of [[waiver]] tables says and is not granted yet; takes nothing back
    Apply {
        /// File of [[waiver]] tables
        file: PathBuf,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Print the waivers that stand as [[waiver]] tables
    Export {
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub(super) fn run(args: Args) -> Answer {
    crate::cli::client::quiet_log();
    match args.what {
        What::Add { check, asset, tag, level, block, reason, compensating, ticket, expires, pin, reach } => {
            let mut body = json!({ "check": check, "reason": reason, "expires": expires.to_string() });
            let given = [
                ("asset", asset.map(Value::from)),
                ("tag", tag.map(Value::from)),
                ("level", level.map(Value::from)),
                ("block", block.map(Value::from)),
                ("compensating", compensating.map(Value::from)),
                ("ticket", ticket.map(Value::from)),
                ("pin", pin.map(Value::from)),
            ];
            if let Some(all) = body.as_object_mut() {
                all.extend(given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
            }
            let made = with_console(&reach, IfMissing::Fail, async |c| c.post(PATH, &body).await)?;
            let id = text(&made, "id");
            say(&pick(format!("例外 {id} 已批准"), format!("waiver {id} is granted")));
        }
        What::List { all, format, reach } => {
            let path = with_query(PATH, &[("all", all.then(|| "true".to_owned()))]);
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list(&path, MOST).await)?;
            show_list(&items, format);
        }
        What::Revoke { id, reason, reach } => {
            let path = format!("{PATH}/{}/revoke", encode(&id));
            let body = json!({ "reason": reason });
            with_console(&reach, IfMissing::Fail, async |c| c.post(&path, &body).await)?;
            say(&pick(format!("例外 {id} 已撤销"), format!("waiver {id} is taken back")));
        }
        What::Apply { file, reach } => apply(&file, &reach)?,
        What::Export { reach } => {
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list(PATH, MOST).await)?;
            print(export(&items).trim_end());
        }
    }
    Ok(Exit::Good)
}

const PATH: &str = "/api/v1/baseline/waivers";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    waiver: Vec<toml::Table>,
}

fn apply(file: &PathBuf, reach: &Reach) -> Result<(), Failure> {
    let source = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
    let read: File =
        toml::from_str(&source).map_err(|e| Failure::usage(format!("{}: {}", file.display(), e.message())))?;
    let wanted: Vec<Value> = read.waiver.iter().map(wanted).collect();
    let (fresh, held) = with_console(reach, IfMissing::Fail, async |c| {
        let held = c.list(PATH, MOST).await?;
        let same = |one: &Value| held.iter().any(|other| KEYS.iter().all(|key| text(one, key) == text(other, key)));
        let fresh: Vec<&Value> = wanted.iter().filter(|one| !same(one)).collect();
        for body in &fresh {
            c.post(PATH, body).await?;
        }
        Ok((fresh.len(), wanted.len() - fresh.len()))
    })?;
    say(&pick(
        format!("新批准 {fresh} 条例外，{held} 条已在"),
        format!("{fresh} waivers are granted, {held} were there"),
    ));
    Ok(())
}

/// A table as the console takes it; a date alone ends with its day, in the local zone of whoever applies it.
fn wanted(table: &toml::Table) -> Value {
    let mut all = Map::new();
    for (key, value) in table {
        let value = match value {
            toml::Value::Integer(n) => json!(n),
            toml::Value::Datetime(at) => {
                match parse_time(&at.to_string()).or_else(|_| parse_time(&format!("{at} 23:59"))) {
                    Ok(at) => json!(at.to_string()),
                    Err(_) => json!(at.to_string()),
                }
            }
            toml::Value::String(text) => json!(text),
            other => json!(other.to_string()),
        };
        all.insert(key.clone(), value);
    }
    Value::Object(all)
}

fn export(items: &[Value]) -> String {
    let mut out = String::new();
    for item in items {
        out.push_str("[[waiver]]\n");
        for key in KEYS {
            let line = match item.get(key) {
                None | Some(Value::Null) => continue,
                Some(Value::Number(n)) => format!("{key} = {n}\n"),
                Some(value) => {
                    let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    format!("{key} = {}\n", toml::Value::String(plain))
                }
            };
            out.push_str(&line);
        }
        let (by, since) = (text(item, "approver"), text(item, "created"));
        out.push_str(&format!("# {by}, {since}\n\n"));
    }
    out
}

fn show_list(items: &[Value], format: Format) {
    let head = pick(
        ["编号", "检查项", "范围", "块", "理由", "补偿措施", "批准人", "到期", "有效"],
        ["id", "check", "for", "block", "reason", "instead", "approver", "expires", "stands"],
    );
    show(items, format, &head, |w| {
        let reach = ["asset", "tag", "level"].into_iter().map(|key| (key, text(w, key))).find(|(_, t)| !t.is_empty());
        vec![
            text(w, "id"),
            text(w, "check"),
            reach.map_or_else(|| pick("全部", "all").to_owned(), |(key, value)| format!("{key}:{value}")),
            text(w, "block"),
            text(w, "reason"),
            text(w, "compensating"),
            text(w, "approver"),
            time(w, "expires"),
            text(w, "stands"),
        ]
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_can_be_applied_again() {
        let item = json!({
            "id": "w", "check": "D17", "asset": "sw-03", "tag": null, "level": null,
            "block": "user-interface vty 16 20", "reason": "老设备不支持 SSH \"x\"", "compensating": null, "ticket": "2024-017",
            "expires": "2024-08-31T15:59:00.000Z", "pin": null, "approver": "user:a", "created": "2024-03-01T00:00:00Z",
        });
        let file: File = toml::from_str(&export(std::slice::from_ref(&item))).unwrap();
        let back = wanted(&file.waiver[0]);
        assert!(KEYS.iter().all(|key| text(&back, key) == text(&item, key)), "{back}");
        let dated: File = toml::from_str("[[waiver]]\ncheck = \"D17\"\nlevel = 3\nexpires = 2024-08-31\n").unwrap();
        let dated = wanted(&dated.waiver[0]);
        assert_eq!(dated["level"], 3);
        assert!(Wall::parse(dated["expires"].as_str().unwrap()).is_some(), "{dated}");
    }
}
