//! `fengsui baseline keys`: keys of devices that are read over SSH. Nothing is sent to a device before somebody has
//! compared its key with the device's own and said so.

use clap::Subcommand;
use serde_json::json;

use crate::cli::client::{IfMissing, with_console};
use crate::cli::json::{show, text, time};
use crate::cli::reach::{Listing, Reach};
use crate::cli::text::pick;
use crate::cli::{Answer, Exit, Failure, say};

const PATH: &str = "/api/v1/baseline/keys";

/// Options of `baseline keys`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
enum What {
    /// List devices that are read over SSH, the key that was accepted and the one that was seen last
    List(Listing),
    /// Accept the key of a device, once you have compared it with the device's own
    Accept {
        /// Asset
        asset: String,
        /// Fingerprint that you have compared, SHA256:... [default: the one that was seen last]
        key: Option<String>,
        /// Why
        #[arg(long)]
        reason: Option<String>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Forget the accepted key of a device: it is not logged in to until another is accepted
    Forget {
        /// Asset
        asset: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub(super) fn run(args: Args) -> Answer {
    crate::cli::client::quiet_log();
    match args.what {
        What::List(Listing { format, reach }) => {
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list(PATH, usize::MAX).await)?;
            let head = pick(
                ["资产", "状态", "已认可的指纹", "最近看到的指纹", "看到时间"],
                ["asset", "state", "accepted", "seen", "at"],
            );
            let state = |word: String| match word.as_str() {
                "accepted" => pick("已认可", "accepted").to_owned(),
                "new" => pick("待认可", "new").to_owned(),
                "changed" => pick("已变化", "changed").to_owned(),
                _ => pick("未见过", "unseen").to_owned(),
            };
            show(&items, format, &head, |k| {
                vec![text(k, "asset"), state(text(k, "state")), text(k, "accepted"), text(k, "seen"), time(k, "at")]
            });
        }
        What::Accept { asset, key, reason, reach } => {
            let key = with_console(&reach, IfMissing::Fail, async |c| {
                let key = match key {
                    Some(key) => key,
                    None => {
                        let all = c.list(PATH, usize::MAX).await?;
                        let seen = all.iter().find(|k| text(k, "asset") == asset).map(|k| text(k, "seen"));
                        seen.filter(|key| !key.is_empty()).ok_or_else(|| unseen(&asset))?
                    }
                };
                c.post(PATH, &json!({ "asset": asset, "key": key, "reason": reason })).await?;
                Ok(key)
            })?;
            say(&pick(format!("已认可 {asset} 的主机密钥 {key}"), format!("key {key} of {asset} is accepted")));
        }
        What::Forget { asset, reason, reach } => {
            let body = json!({ "asset": asset, "key": "", "reason": reason });
            with_console(&reach, IfMissing::Fail, async |c| c.post(PATH, &body).await)?;
            say(&pick(format!("已不再认可 {asset} 的主机密钥"), format!("no key of {asset} is accepted any more")));
        }
    }
    Ok(Exit::Good)
}

fn unseen(asset: &str) -> Failure {
    Failure::usage(pick(
        format!("尚未看到 {asset} 的主机密钥；请等待一次采集，或直接给出指纹"),
        format!("no key of {asset} was seen yet; wait until it was asked once, or name the fingerprint"),
    ))
}
