//! `fengsui enroll`: how an agent comes to its certificate, and how it loses it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{IfMissing, unreadable, with_console};
use super::json::{list, show, text, time};
use super::reach::{Listing, Reach, data_dir, identity_dir};
use super::text::{parse_duration, pick};
use super::{Answer, Exit, Failure, hidden, print, say};
use crate::console::api::query::encode;
use crate::model::{AgentId, SecretText};
use crate::net::clock::Clock;
use crate::relay::identity::{self, Enrolment, IdentityError};

/// The longest token line, in bytes; ours have about 50.
const MAX_TOKEN: u64 = 1_000;

/// Options of `enroll`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// On the console: make a one-time token for an agent; printed alone on the last line of stdout
    Token {
        /// Agent
        agent: String,
        /// Region it is bound to
        #[arg(long)]
        region: Option<String>,
        /// Stops working after so long
        #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "24h")]
        expires: Duration,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// On the agent's node: fetch a certificate with a token; the token is read from stdin or --token-file
    Join {
        /// Agent
        agent: String,
        /// The console's address for agents, such as https://10.65.0.2:8443
        #[arg(long, value_name = "URL")]
        console: String,
        /// SHA-256 fingerprint of the console's CA, as `enroll token` printed it
        #[arg(long, value_name = "HEX")]
        ca_fingerprint: String,
        /// File that holds the token
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// The agent's data directory
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// List agents: declared, enrolled, last heard
    List(Listing),
    /// Revoke an agent's certificates
    Revoke {
        /// Agent
        agent: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    match args.what {
        What::Token { agent, region, expires, reach } => {
            let expires = Clock::system().wall().plus(expires).to_string();
            let body = json!({ "agent": agent, "region": region, "expires": expires });
            let made = with_console(&reach, IfMissing::Make, async |c| c.post("/api/v1/enroll-tokens", &body).await)?;
            let (sha, until) = (text(&made, "ca_sha256"), time(&made, "expires"));
            let listen = Some(text(&made, "agent_listen")).filter(|a| !a.is_empty());
            let url = format!("https://{}", listen.as_deref().unwrap_or("CONSOLE:8443"));
            say(&pick(
                format!("探针 `{agent}` 的一次性注册令牌，有效至 {until}。在该节点上运行（令牌由标准输入读取）："),
                format!(
                    "a one-time token for agent `{agent}`, good until {until}. On its node run (the token is read from stdin):"
                ),
            ));
            say(&format!("  fengsui enroll join {agent} --console {url} --ca-fingerprint {sha}"));
            print(&text(&made, "token"));
        }
        What::Join { agent, console, ca_fingerprint, token_file, data } => {
            let agent: AgentId = agent.parse().map_err(|e| Failure::usage(format!("{e}")))?;
            let token = read_token(token_file.as_deref())?;
            let dir = identity_dir(&data_dir(data));
            let with = Enrolment { console, ca_fingerprint, token, agent: Some(agent.clone()) };
            super::block_on(1, identity::enroll(&with, &dir, &Clock::system()))?.map_err(|e| match e {
                IdentityError::File { .. } | IdentityError::Unusable(_) => Failure::usage(e.to_string()),
                _ => Failure::unseen(e.to_string()),
            })?;
            let dir = dir.display();
            say(&pick(
                format!("探针 `{agent}` 已注册，证书保存在 {dir}"),
                format!("agent `{agent}` is enrolled; its certificate is in {dir}"),
            ));
        }
        What::List(Listing { format, reach }) => {
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list("/api/v1/agents", usize::MAX).await)?;
            let head = pick(
                ["探针", "台账", "注册时间", "最近联系", "状态", "任务", "待发", "证书到期", "受限"],
                ["agent", "declared", "enrolled", "heard", "state", "tasks", "waiting", "certificate", "limits"],
            );
            show(&items, format, &head, |a| {
                let status = a.get("status").unwrap_or(&Value::Null);
                let limits: Vec<&str> = list(status, "limits").iter().filter_map(Value::as_str).collect();
                vec![
                    text(a, "id"),
                    if a.get("declared").is_some_and(Value::is_object) {
                        pick("是", "yes")
                    } else {
                        pick("否", "no")
                    }
                    .to_owned(),
                    time(a, "enrolled"),
                    time(a, "last_heard"),
                    agent_state(a),
                    text(status, "tasks"),
                    text(status, "spool_records"),
                    time(a, "certificate_expires"),
                    limits.join("; "),
                ]
            });
        }
        What::Revoke { agent, reason, reach } => {
            let path = format!("/api/v1/agents/{}/revoke", encode(&agent));
            with_console(&reach, IfMissing::Fail, async |c| c.post(&path, &json!({ "reason": reason })).await)?;
            say(&pick(
                format!("探针 `{agent}` 的证书已吊销"),
                format!("the certificates of agent `{agent}` are revoked"),
            ));
        }
    }
    Ok(Exit::Good)
}

fn agent_state(a: &Value) -> String {
    let is = |key: &str| a.get(key) == Some(&Value::Bool(true));
    let state = if !text(a, "revoked").is_empty() {
        pick("已吊销", "revoked")
    } else if is("alive") {
        pick("在线", "alive")
    } else if text(a, "enrolled").is_empty() {
        pick("未注册", "not enrolled")
    } else {
        pick("失联", "silent")
    };
    state.to_owned()
}

fn read_token(file: Option<&Path>) -> Result<SecretText, Failure> {
    let given = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?,
        None => {
            if std::io::stdin().is_terminal() {
                say(pick(
                    "请粘贴注册令牌（不显示）并回车：",
                    "paste the enrolment token (it does not show) and press Enter:",
                ));
            }
            hidden::read_line(MAX_TOKEN).map_err(|e| {
                Failure::usage(pick(
                    format!("无法读取标准输入：{e}；请用 --token-file"),
                    format!("cannot read stdin: {e}; use --token-file"),
                ))
            })?
        }
    };
    let token = given.trim();
    if token.is_empty() {
        return Err(Failure::usage(pick(
            "没有收到令牌；在管理中心运行 `fengsui enroll token` 生成",
            "no token came; make one on the console with `fengsui enroll token`",
        )));
    }
    Ok(SecretText::new(token))
}
