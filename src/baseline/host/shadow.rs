//! Passwords at rest, shadow(5): of which kind the hash is, how old it may get, whether the account is locked. The hash itself
//! stays here.

use std::collections::HashMap;
use std::sync::Arc;

use super::accounts;
use super::{Fact, Found, Host, Row, Unseen, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The file.
const SHADOW: &str = "/etc/shadow";

/// Days of an account, shadow(5), since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    /// When the password was set.
    pub(super) changed: Option<i64>,
    /// When the account ends.
    pub(super) expire: Option<i64>,
}

/// The days of all accounts, by name.
pub(super) fn days(host: &Host) -> Result<HashMap<String, Days>, Unseen> {
    let text = host.root.need(SHADOW)?;
    let one = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let changed = fields.nth(1)?.parse().ok();
        Some((name, Days { changed, expire: fields.nth(4)?.parse().ok() }))
    };
    Ok(text.lines().filter_map(one).collect())
}

/// Prefixes of hashes, crypt(5).
const KINDS: &[(&str, &str)] = &[
    ("$y$", "yescrypt"),
    ("$gy$", "gost-yescrypt"),
    ("$7$", "scrypt"),
    ("$6$", "sha512"),
    ("$5$", "sha256"),
    ("$sm3$", "sm3"),
    ("$2a$", "bcrypt-a"),
    ("$2b$", "bcrypt"),
    ("$2y$", "bcrypt"),
    ("$md5", "sunmd5"),
    ("$1$", "md5"),
    ("$3$", "nthash"),
    ("_", "bsdicrypt"),
];

#[derive(Debug)]
struct Shadow;

/// No settings.
pub(super) fn read(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Shadow))
}

/// Of which kind a second field is, and whether a password can open the account: `!` and `*` never fit one.
fn kind(field: &str) -> (&'static str, bool) {
    let hash = field.trim_start_matches('!');
    let locked = field.starts_with(['!', '*']);
    let kind = match hash {
        "" if locked => "none",
        "" => "empty",
        _ if hash.starts_with(['*', 'x']) && hash.len() < 13 => "none",
        _ => KINDS.iter().find(|(mark, _)| hash.starts_with(mark)).map_or("descrypt", |(_, kind)| kind),
    };
    (kind, locked || kind == "none")
}

impl Fact for Shadow {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("name", Type::Text),
            ("hash", Type::Text),
            ("locked", Type::Bool),
            ("login", Type::Bool),
            ("min", Type::Number),
            ("max", Type::Number),
            ("warn", Type::Number),
            ("inactive", Type::Number),
            ("age", Type::Number),
            ("expired", Type::Bool),
            ("compat", Type::Bool),
        ])
    }

    /// A row an account; an age that is not given is not there, which means never.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(SHADOW.to_owned());
        let text = host.root.need(SHADOW)?;
        let users = accounts::users(host);
        let users = users.as_ref().as_ref().map(|(users, _)| users.as_slice()).unwrap_or_default();
        for (at, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let fields: Vec<&str> = line.split(':').collect();
            let name = fields.first().copied().unwrap_or("");
            // Such a line takes in what a directory service has, nsswitch.conf(5).
            if name.starts_with(['+', '-']) {
                found.rows.push(Row::at(SHADOW, at + 1, name).about(name).with("name", name).with("compat", true));
                continue;
            }
            let [_, field, changed, min, max, warn, inactive, expire, ..] = fields.as_slice() else {
                found.unseen.push(Unseen::Garbled(SHADOW.to_owned(), at + 1));
                continue;
            };
            let (hash, locked) = kind(field);
            let shown = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
            let state = if locked { "locked" } else { "open" };
            let text =
                format!("{name}: {hash}, {state}, min {}, max {}, warn {}", shown(min), shown(max), shown(warn));
            let mut row = Row::at(SHADOW, at + 1, text).about(name).with("name", name).with("hash", hash);
            let shell = users.iter().find(|u| u.name == name).is_none_or(accounts::User::logs_in);
            row = row.with("locked", locked).with("login", shell && !locked);
            row = row.with("compat", false);
            for (key, value) in [("min", min), ("max", max), ("warn", warn), ("inactive", inactive)] {
                row = value.parse::<i64>().into_iter().fold(row, |row, n| row.with(key, n));
            }
            row = changed.parse::<i64>().into_iter().fold(row, |row, day| row.with("age", host.today - day));
            let expired = expire.parse::<i64>().is_ok_and(|day| day <= host.today);
            found.rows.push(row.with("expired", expired));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::{Memory, Root};
    use super::*;

    #[test]
    fn kinds_of_hashes_are_known_and_the_hash_is_not_shown() {
        for (field, want) in [
            ("", ("empty", false)),
            ("*", ("none", true)),
            ("!", ("none", true)),
            ("!!", ("none", true)),
            ("!*", ("none", true)),
            ("$6$MARK$x", ("sha512", false)),
            ("!$y$j9T$MARK", ("yescrypt", true)),
            ("$1$MARK$", ("md5", false)),
            ("ab0123456789.", ("descrypt", false)),
        ] {
            assert_eq!(kind(field), want, "{field}");
        }
        let files = Memory::default()
            .file("/etc/passwd", "a:x:1000:1000::/home/a:/bin/bash\nd:x:1:1::/:/usr/sbin/nologin\n")
            .file("/etc/shadow", "a:$6$MARK$MARK:19990:0:99999:7:::\nd:$1$MARK:19990::::::\nbad\n");
        let mut found = Found::default();
        Shadow.gather(&Host::new(Root::memory(files), 20_000), &mut found).unwrap();
        assert!(!format!("{found:?}").contains("MARK"));
        assert_eq!(found.rows[0].proof.text, "a: sha512, open, min 0, max 99999, warn 7");
        let has =
            |row: usize, name: &str| found.rows[row].values.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        assert_eq!(has(0, "age"), Some(10_i64.into()));
        assert_eq!((has(0, "login"), has(1, "login")), (Some(true.into()), Some(false.into())));
        assert_eq!((has(1, "max"), found.unseen.len()), (None, 1));
    }
}
