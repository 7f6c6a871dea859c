//! `fengsui man DIR`: manual pages from the same definitions as the command line itself.

use std::path::PathBuf;

use super::text::pick;
use super::{Answer, Exit, Failure};

/// Options of `man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory to write the pages to; it is made if it is not there
    pub dir: PathBuf,
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    let dir = args.dir;
    std::fs::create_dir_all(&dir).and_then(|()| clap_mangen::generate_to(super::command(), &dir)).map_err(|e| {
        let dir = dir.display();
        Failure::unseen(pick(
            format!("无法写入手册目录 {dir}：{e}；请换一个可写的目录"),
            format!("cannot write manual pages to {dir}: {e}; name a directory you may write to"),
        ))
    })?;
    Ok(Exit::Good)
}
