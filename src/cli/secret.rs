//! `fengsui secret`: named secrets. Values come from stdin or a file, never from argv, which others can read.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::client::{IfMissing, unreadable, with_console};
use super::json::{show, text, time};
use super::reach::{Listing, Reach};
use super::text::pick;
use super::{Answer, Exit, Failure, hidden, say};
use crate::console::api::query::encode;
use crate::model::secret::{SnmpAuth, SnmpPrivacy, SshProof};
use crate::model::{Secret, SecretText};
use crate::net::ssh::OLD;

/// The longest value, in bytes.
const MAX_VALUE: u64 = 16 << 10;

/// Options of `secret`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Set a secret; its value is read from stdin or --file
    ///
    /// snmp-v1, snmp-v2c: the community. snmp-v3: the authentication key, and on a second line the privacy key
    /// (both absent for a user without authentication). login: the password. token: the token. ssh: the password, or a
    /// private key in OpenSSH's form.
    Set {
        /// Name
        name: String,
        /// Type: snmp-v1, snmp-v2c, snmp-v3, login, token, ssh
        #[arg(long = "type", value_name = "TYPE", default_value = "snmp-v2c")]
        kind: String,
        /// User name (snmp-v3, login, ssh)
        #[arg(long)]
        user: Option<String>,
        /// Authentication protocol (snmp-v3): md5, sha1, sha224, sha256, sha384, sha512
        #[arg(long, value_name = "PROTOCOL")]
        auth: Option<String>,
        /// Privacy protocol (snmp-v3): des, aes128, aes192, aes256
        #[arg(long, value_name = "PROTOCOL", requires = "auth")]
        privacy: Option<String>,
        /// Context name (snmp-v3)
        #[arg(long, default_value = "")]
        context: String,
        /// Outdated algorithm that is needed, such as ssh-rsa (repeat for more)
        #[arg(long, value_name = "ALGORITHM")]
        old: Vec<String>,
        /// Read the value from this file instead of stdin
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// List names and types, never values
    List(Listing),
    /// Remove a secret
    Remove {
        /// Name
        name: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Seal all secrets again under a new key
    Rotate {
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Runs it.
pub fn run(args: Args) -> Answer {
    super::client::quiet_log();
    match args.what {
        What::Set { name, kind, user, auth, privacy, context, old, file, reach } => {
            let given = read_value(file.as_deref())?;
            let secret = match kind.as_str() {
                "ssh" => ssh(user, old, &given)?,
                kind => secret_of(kind, user, auth.as_deref(), privacy.as_deref(), context, &given)?,
            };
            let path = format!("/api/v1/secrets/{}", encode(&name));
            let body = serde_json::to_vec(&secret).map_err(|e| Failure::usage(e.to_string()))?;
            with_console(&reach, IfMissing::Make, async |c| c.send("PUT", &path, "application/json", body).await)?;
            say(&pick(format!("凭据 `{name}`（{kind}）已保存"), format!("secret `{name}` ({kind}) is set")));
        }
        What::List(Listing { format, reach }) => {
            let items = with_console(&reach, IfMissing::Fail, async |c| c.list("/api/v1/secrets", usize::MAX).await)?;
            let head = pick(["名称", "类型", "更新时间", "更新者"], ["name", "type", "updated", "by"]);
            show(&items, format, &head, |s| {
                vec![text(s, "name"), text(s, "type"), time(s, "updated"), text(s, "updater")]
            });
        }
        What::Remove { name, reach } => {
            let path = format!("/api/v1/secrets/{}", encode(&name));
            with_console(&reach, IfMissing::Fail, async |c| c.send("DELETE", &path, "", Vec::new()).await)?;
            say(&pick(format!("凭据 `{name}` 已删除"), format!("secret `{name}` is removed")));
        }
        What::Rotate { reach } => {
            let done =
                with_console(&reach, IfMissing::Fail, async |c| c.post("/api/v1/secrets/rotate", &json!({})).await)?;
            let n = text(&done, "secrets");
            say(&pick(format!("{n} 个凭据已用新密钥重新封存"), format!("{n} secrets are sealed under a new key")));
        }
    }
    Ok(Exit::Good)
}

/// The lines of the value, without line ends.
fn read_value(file: Option<&Path>) -> Result<Vec<SecretText>, Failure> {
    let text = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?,
        None => {
            if std::io::stdin().is_terminal() {
                say(pick(
                    "请输入凭据的值（不显示），按 Ctrl-D 结束：",
                    "type the value (it does not show), then Ctrl-D:",
                ));
            }
            hidden::read_all(MAX_VALUE).map_err(|e| {
                Failure::usage(pick(format!("无法读取标准输入：{e}"), format!("cannot read stdin: {e}; use --file")))
            })?
        }
    };
    Ok(text.lines().filter(|l| !l.is_empty()).map(SecretText::new).collect())
}

fn secret_of(
    kind: &str,
    user: Option<String>,
    auth: Option<&str>,
    privacy: Option<&str>,
    context: String,
    given: &[SecretText],
) -> Result<Secret, Failure> {
    let needs_user = || {
        user.clone()
            .ok_or_else(|| Failure::usage(pick(format!("{kind} 需要 --user"), format!("{kind} needs --user NAME"))))
    };
    let wrong_lines = |n: usize| {
        let got = given.len();
        Failure::usage(pick(
            format!("{kind} 需要 {n} 行值，收到 {got} 行；见 `fengsui secret set --help`"),
            format!("{kind} takes {n} lines of value, {got} came; see `fengsui secret set --help`"),
        ))
    };
    let one = || match given {
        [value] => Ok(value.clone()),
        _ => Err(wrong_lines(1)),
    };
    match kind {
        "snmp-v1" | "snmp-v2c" => Ok(Secret::SnmpCommunity { v1: kind == "snmp-v1", community: one()? }),
        "snmp-v3" => {
            let auth = auth.map(|word| protocol(word, SnmpAuth::parse, SnmpAuth::ALL.map(SnmpAuth::as_str)));
            let privacy =
                privacy.map(|word| protocol(word, SnmpPrivacy::parse, SnmpPrivacy::ALL.map(SnmpPrivacy::as_str)));
            let (auth, privacy) = match (auth.transpose()?, privacy.transpose()?, given) {
                (None, None, []) => (None, None),
                (Some(a), None, [key]) => (Some((a, key.clone())), None),
                (Some(a), Some(p), [key, other]) => (Some((a, key.clone())), Some((p, other.clone()))),
                (a, p, _) => return Err(wrong_lines(usize::from(a.is_some()) + usize::from(p.is_some()))),
            };
            Ok(Secret::SnmpV3 { user: needs_user()?, auth, privacy, context })
        }
        "login" => Ok(Secret::Login { user: needs_user()?, password: one()? }),
        "token" => Ok(Secret::Token(one()?)),
        other => Err(Failure::usage(pick(
            format!("凭据类型 `{other}` 不存在；可用：snmp-v1, snmp-v2c, snmp-v3, login, token, ssh"),
            format!("there is no secret type `{other}`; there are: snmp-v1, snmp-v2c, snmp-v3, login, token, ssh"),
        ))),
    }
}

/// A password is one line; a private key begins with a line that says so.
pub(super) fn ssh(user: Option<String>, old: Vec<String>, given: &[SecretText]) -> Result<Secret, Failure> {
    let user = user.ok_or_else(|| Failure::usage(pick("ssh 需要 --user", "ssh needs --user NAME")))?;
    if let Some(strange) = old.iter().find(|name| !OLD.contains(&name.as_str())) {
        let known = OLD.join(", ");
        return Err(Failure::usage(pick(
            format!("`{strange}` 不是旧算法；可用：{known}"),
            format!("`{strange}` is no outdated algorithm; there are: {known}"),
        )));
    }
    let proof = match given {
        [first, _, ..] if first.expose().starts_with("-----BEGIN") => {
            let lines: Vec<&str> = given.iter().map(SecretText::expose).collect();
            SshProof::Key(SecretText::new(lines.join("\n") + "\n"))
        }
        [password] => SshProof::Password(password.clone()),
        _ => {
            return Err(Failure::usage(pick(
                "ssh 需要一行口令，或 OpenSSH 格式的私钥",
                "ssh takes one line, the password, or a private key in OpenSSH's form",
            )));
        }
    };
    Ok(Secret::Ssh { user, proof, old })
}

fn protocol<T, const N: usize>(word: &str, parse: impl Fn(&str) -> Option<T>, all: [&str; N]) -> Result<T, Failure> {
    parse(word).ok_or_else(|| {
        let all = all.join(", ");
        Failure::usage(pick(
            format!("协议 `{word}` 不存在；可用：{all}"),
            format!("there is no protocol `{word}`; there are: {all}"),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_has_as_many_lines_as_the_type_needs() {
        let lines = |n: usize| (0..n).map(|i| SecretText::new(format!("v{i}"))).collect::<Vec<_>>();
        let make = |kind: &str, auth: Option<&str>, privacy: Option<&str>, n: usize| {
            secret_of(kind, Some("ops".into()), auth, privacy, String::new(), &lines(n)).map(|s| s.kind())
        };
        assert_eq!(make("snmp-v2c", None, None, 1), Ok("snmp-v2c"));
        assert_eq!(make("snmp-v3", None, None, 0), Ok("snmp-v3"));
        assert_eq!(make("snmp-v3", Some("sha256"), Some("aes128"), 2), Ok("snmp-v3"));
        assert_eq!(make("login", None, None, 1), Ok("login"));
        for (kind, auth, privacy, n) in
            [("snmp-v2c", None, None, 2), ("snmp-v3", Some("sha256"), None, 2), ("token", None, None, 0)]
        {
            assert_eq!(make(kind, auth, privacy, n).unwrap_err().exit, Exit::Usage);
        }
        let said = make("snmp-v3", Some("sha9"), None, 1).unwrap_err().message;
        assert!(said.contains("sha256"), "{said}");
        assert!(secret_of("login", None, None, None, String::new(), &lines(1)).is_err());
        let key =
            ["-----BEGIN OPENSSH PRIVATE KEY-----", "x", "-----END OPENSSH PRIVATE KEY-----"].map(SecretText::new);
        let made = ssh(Some("ops".into()), vec!["ssh-rsa".into()], &key).unwrap();
        assert!(matches!(made, Secret::Ssh { proof: SshProof::Key(_), .. }));
        assert!(ssh(Some("ops".into()), vec!["rot13".into()], &lines(1)).unwrap_err().message.contains("aes128-cbc"));
        assert!(ssh(Some("ops".into()), Vec::new(), &lines(2)).is_err());
    }
}
