//! `fengsui user`: accounts of people and one-time sign-in links. Passwords come from stdin or a file, never
//! from argv, which others can read.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{IfMissing, unreadable, with_console};
use super::json::{list, show, text, time};
use super::reach::{Listing, Reach};
use super::text::pick;
use super::{Answer, Exit, Failure, hidden, print, say};
use crate::console::api::query::encode;
use crate::model::SecretText;

/// The longest password file, in bytes.
const MAX_PASSWORD: u64 = 4_096;

/// Options of `user`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Make an account; the first password is read from stdin or --password-file, and changed at the first sign-in
    Add {
        /// Name to sign in with
        name: String,
        /// Role: admin, operator, viewer
        #[arg(long)]
        role: String,
        /// Name for people, such as 张三 [default: the name to sign in with]
        #[arg(long, value_name = "NAME")]
        display: Option<String>,
        /// Only these regions and those below them (not for admin)
        #[arg(long, value_name = "REGION")]
        region: Vec<String>,
        /// Read the password from this file instead of stdin
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// List accounts
    List(Listing),
    /// Lock an account and end its sessions
    Lock {
        /// Name to sign in with
        name: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Unlock an account; failed sign-ins are forgotten
    Unlock {
        /// Name to sign in with
        name: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Give an account a new password, read from stdin or --password-file; its sessions end
    Reset {
        /// Name to sign in with
        name: String,
        /// Read the password from this file instead of stdin
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Remove an account with its sessions and saved views
    Remove {
        /// Name to sign in with
        name: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Make a sign-in link that works once, for 30 minutes; printed alone on the last line of stdout
    Link {
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    match args.what {
        What::Add { name, role, display, region, password_file, reach } => {
            let password = read_password(password_file.as_deref())?;
            let body = json!({
                "name": name, "role": role, "display": display, "regions": region, "password": password.expose(),
            });
            with_console(&reach, IfMissing::Make, async |c| c.post("/api/v1/users", &body).await)?;
            say(&pick(format!("用户 `{name}`（角色 {role}）已添加"), format!("user `{name}` (role {role}) is made")));
        }
        What::List(Listing { format, reach }) => {
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list("/api/v1/users", usize::MAX).await)?;
            let head = pick(
                ["登录名", "姓名", "角色", "区划", "状态", "最近登录", "密码设置时间", "创建者"],
                ["name", "display", "role", "regions", "state", "signed in", "password set", "by"],
            );
            show(&items, format, &head, row);
        }
        What::Lock { name, reach } => {
            act(&reach, &name, "lock", &json!({}))?;
            say(&pick(format!("用户 `{name}` 已锁定"), format!("user `{name}` is locked")));
        }
        What::Unlock { name, reach } => {
            act(&reach, &name, "unlock", &json!({}))?;
            say(&pick(format!("用户 `{name}` 已解锁"), format!("user `{name}` is unlocked")));
        }
        What::Reset { name, password_file, reach } => {
            let password = read_password(password_file.as_deref())?;
            act(&reach, &name, "reset", &json!({ "password": password.expose() }))?;
            say(&pick(
                format!("用户 `{name}` 的密码已重置，下次登录时须修改"),
                format!("user `{name}` has a new password, to be changed at the next sign-in"),
            ));
        }
        What::Remove { name, reach } => {
            let path = format!("/api/v1/users/{}", encode(&name));
            with_console(&reach, IfMissing::Fail, async |c| {
                c.send("DELETE", &path, "application/json", Vec::new()).await
            })?;
            say(&pick(format!("用户 `{name}` 已删除"), format!("user `{name}` is removed")));
        }
        What::Link { reach } => {
            let made = with_console(&reach, IfMissing::Make, async |c| {
                c.send("POST", "/api/v1/links", "application/json", Vec::new()).await
            })?;
            print(&address(&made, reach.url.as_deref()));
        }
    }
    Ok(Exit::Good)
}

fn act(reach: &Reach, name: &str, what: &str, body: &Value) -> Result<Value, Failure> {
    let path = format!("/api/v1/users/{}/{what}", encode(name));
    with_console(reach, IfMissing::Fail, async |c| c.post(&path, body).await)
}

fn row(user: &Value) -> Vec<String> {
    let regions: Vec<&str> = list(user, "regions").iter().filter_map(Value::as_str).collect();
    let is = |key| user.get(key) == Some(&Value::Bool(true));
    let until = time(user, "locked_until");
    let state = match (is("locked"), until.is_empty(), is("must_change")) {
        (true, _, _) => pick("已锁定", "locked").to_owned(),
        (_, false, _) => {
            pick(format!("登录失败过多，锁定至 {until}"), format!("failed too often, locked until {until}"))
        }
        (_, _, true) => pick("须修改密码", "must change the password").to_owned(),
        _ => pick("正常", "fine").to_owned(),
    };
    vec![
        text(user, "name"),
        text(user, "display"),
        text(user, "role"),
        if regions.is_empty() { pick("全部", "all").to_owned() } else { regions.join(", ") },
        state,
        time(user, "signed_in"),
        time(user, "password_set"),
        text(user, "creator"),
    ]
}

/// Where to go: below the address the console was reached by, else the one it serves its pages at.
fn address(made: &Value, url: Option<&str>) -> String {
    let path = text(made, "path");
    match (url, made.get("url").and_then(Value::as_str)) {
        (Some(base), _) => format!("{}{path}", base.trim_end_matches('/')),
        (None, Some(whole)) => whole.to_owned(),
        (None, None) => {
            say(pick(
                "管理中心未运行；启动后请在其页面地址之后加上：",
                "no console runs here; once it does, this goes behind the address of its pages:",
            ));
            path
        }
    }
}

/// The first line, without its end.
fn read_password(file: Option<&Path>) -> Result<SecretText, Failure> {
    let given = match file {
        Some(file) => {
            let mut given = String::new();
            std::fs::File::open(file)
                .and_then(|opened| opened.take(MAX_PASSWORD).read_to_string(&mut given))
                .map_err(|e| unreadable(file, &e))?;
            given
        }
        None => {
            if std::io::stdin().is_terminal() {
                say(pick("请输入密码（不显示）并回车：", "type the password (it does not show) and press Enter:"));
            }
            hidden::read_line(MAX_PASSWORD).map_err(|e| {
                Failure::usage(pick(
                    format!("无法读取标准输入：{e}；请用 --password-file"),
                    format!("cannot read stdin: {e}; use --password-file"),
                ))
            })?
        }
    };
    only_line(&given).map(SecretText::new).ok_or_else(|| {
        Failure::usage(pick(
            "需要一行密码；请写入标准输入或 --password-file 的文件",
            "one line with the password is needed, on stdin or in the file of --password-file",
        ))
    })
}

fn only_line(given: &str) -> Option<&str> {
    let mut lines = given.lines().filter(|line| !line.is_empty());
    lines.next().filter(|_| lines.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_only_line() {
        for (given, line) in
            [("a b\n", Some("a b")), ("a", Some("a")), ("a\r\n", Some("a")), ("", None), ("a\nb", None)]
        {
            assert_eq!(only_line(given), line, "{given:?}");
        }
    }

    #[test]
    fn a_link_leads_where_the_console_was_reached() {
        let made = |url: Value| json!({ "path": "/welcome?token=x", "url": url });
        for (made, url, address_) in [
            (made(json!("http://127.0.0.1:8080/welcome?token=x")), None, "http://127.0.0.1:8080/welcome?token=x"),
            (
                made(json!("https://localhost:1/welcome?token=x")),
                Some("https://c.aks/"),
                "https://c.aks/welcome?token=x",
            ),
            (made(Value::Null), None, "/welcome?token=x"),
        ] {
            assert_eq!(address(&made, url), address_);
        }
    }
}
