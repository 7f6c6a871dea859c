//! `fengsui baseline import`: results that were made without a console, handed to one.

use std::path::PathBuf;

use crate::cli::client::{IfMissing, unreadable, with_console};
use crate::cli::reach::Reach;
use crate::cli::text::pick;
use crate::cli::{Answer, Exit, say};
use crate::config::import::MAX_FILE;

/// Results sent at once: below what the console takes as one body, with room for the last line.
const CHUNK: usize = MAX_FILE / 2;

/// Options of `baseline import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What `baseline check --out FILE` wrote (repeat for more)
    #[arg(required = true, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Where.
    #[command(flatten)]
    reach: Reach,
}

/// Runs it.
pub(super) fn run(args: Args) -> Answer {
    crate::cli::client::quiet_log();
    let mut chunks = vec![String::new()];
    for file in &args.file {
        let text = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if chunks.last().is_some_and(|chunk| !chunk.is_empty() && chunk.len() + line.len() > CHUNK) {
                chunks.push(String::new());
            }
            if let Some(chunk) = chunks.last_mut() {
                chunk.push_str(line);
                chunk.push('\n');
            }
        }
    }
    let lines: usize = chunks.iter().map(|chunk| chunk.lines().count()).sum();
    with_console(&args.reach, IfMissing::Fail, async |c| {
        for chunk in &chunks {
            let kind = "application/octet-stream";
            c.send("POST", "/api/v1/baseline/import", kind, chunk.clone().into_bytes()).await?;
        }
        Ok(())
    })?;
    say(&pick(format!("已导入 {lines} 份核查结果"), format!("{lines} results were taken in")));
    Ok(Exit::Good)
}
