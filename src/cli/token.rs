//! `fengsui token`: API tokens.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{IfMissing, with_console};
use super::json::{list, show, text, time};
use super::reach::{Listing, Reach};
use super::text::{parse_duration, pick};
use super::{Answer, Exit, print, say};
use crate::console::api::query::encode;
use crate::net::clock::Clock;

/// Options of `token`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Make a token; it is printed once, alone on the last line of stdout
    Create {
        /// Name [default: the role and a number]
        #[arg(long)]
        name: Option<String>,
        /// Role: admin, operator, viewer, metrics
        #[arg(long)]
        role: String,
        /// Only these regions and those below them
        #[arg(long, value_name = "REGION")]
        region: Vec<String>,
        /// Stops working after so long, such as 90d [default: never]
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<Duration>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// List tokens, never their values
    List(Listing),
    /// Revoke a token
    Revoke {
        /// Name
        name: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    match args.what {
        What::Create { name, role, region, expires, reach } => {
            let now = Clock::system().wall();
            let name = name.unwrap_or_else(|| format!("{role}-{}", now.millis()));
            let expires = expires.map(|d| now.plus(d).to_string());
            let body = json!({ "name": name, "role": role, "regions": region, "expires": expires });
            let made = with_console(&reach, IfMissing::Make, async |c| c.post("/api/v1/tokens", &body).await)?;
            say(&pick(
                format!("令牌 `{name}`（角色 {role}）已生成，只显示这一次："),
                format!("token `{name}` (role {role}) is made; it is shown this once:"),
            ));
            print(&text(&made, "token"));
        }
        What::List(Listing { format, reach }) => {
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list("/api/v1/tokens", usize::MAX).await)?;
            let head = pick(
                ["名称", "角色", "区划", "创建时间", "创建者", "到期", "最近使用", "吊销"],
                ["name", "role", "regions", "created", "by", "expires", "used", "revoked"],
            );
            show(&items, format, &head, |t| {
                let regions: Vec<&str> = list(t, "regions").iter().filter_map(Value::as_str).collect();
                vec![
                    text(t, "name"),
                    text(t, "role"),
                    if regions.is_empty() { pick("全部", "all").to_owned() } else { regions.join(", ") },
                    time(t, "created"),
                    text(t, "creator"),
                    time(t, "expires"),
                    time(t, "used"),
                    time(t, "revoked"),
                ]
            });
        }
        What::Revoke { name, reach } => {
            let path = format!("/api/v1/tokens/{}/revoke", encode(&name));
            with_console(&reach, IfMissing::Fail, async |c| c.post(&path, &json!({})).await)?;
            say(&pick(format!("令牌 `{name}` 已吊销"), format!("token `{name}` is revoked")));
        }
    }
    Ok(Exit::Good)
}
