//! When accounts were used last: `/var/log/lastlog`, lastlog(8), one record a number of an account. Who never logged in
//! is as unused as the password is old. What su(1) and sudo(8) do is not in it.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use super::root::{Pieces, Unseen};
use super::{Fact, Found, Host, Row, accounts, columns, shadow};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The file.
const LASTLOG: &str = "/var/log/lastlog";
/// Bytes of terminal and host in a record, glibc's bits/utmp.h: UT_LINESIZE and UT_HOSTSIZE.
const NAMES: u64 = 32 + 256;
/// Where the times in it have 64 bits; elsewhere they have 32 for the sake of older programs (`__WORDSIZE_TIME64_COMPAT32`).
const LONG_TIMES: &str = "/lib/ld-linux-aarch64.so.1";
/// Seconds of a day.
const DAY: i64 = 86_400;

#[derive(Debug)]
struct LastLogin;

/// No settings.
pub(super) fn read(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(LastLogin))
}

impl Fact for LastLogin {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("name", Type::Text),
            ("uid", Type::Number),
            ("never", Type::Bool),
            ("unused", Type::Number),
            ("expired", Type::Bool),
        ])
    }

    /// A row for each account of a person that has a shell; `unused` are days, missing where neither file says any.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(LASTLOG.to_owned());
        let users = accounts::users(host);
        let (users, _) = users.as_ref().as_ref().map_err(Clone::clone)?;
        let passwords = shadow::days(host)?;
        let missing = || Unseen::Missing(LASTLOG.to_owned());
        let mut file = host.root.open_file(LASTLOG)?.ok_or_else(missing)?;
        let long = host.root.exists(LONG_TIMES)?;
        let first = accounts::first_uid(host);
        for user in users.iter().filter(|user| user.uid >= first && user.logs_in()) {
            let last = last(&mut file, user.uid, long).map_err(|e| Unseen::Io(LASTLOG.to_owned(), e.to_string()))?;
            let password = passwords.get(&user.name);
            let since = last.map(|second| second.div_euclid(DAY)).or(password.and_then(|days| days.changed));
            let (name, unused) = (user.name.as_str(), since.map(|day| host.today - day));
            let said = match (last, unused) {
                (Some(_), Some(days)) => format!("{name}: last login {days} days ago"),
                (_, Some(days)) => format!("{name}: never logged in, password set {days} days ago"),
                (_, None) => format!("{name}: never logged in"),
            };
            let row = Row::at(LASTLOG, 0, said).about(name).with("name", name).with("uid", user.uid);
            let expired = password.is_some_and(|days| days.expire.is_some_and(|day| day <= host.today));
            let row = row.with("never", last.is_none()).with("expired", expired);
            found.rows.push(unused.into_iter().fold(row, |row, days| row.with("unused", days)));
        }
        Ok(())
    }
}

/// The second of an account's last login; nothing if there was none.
fn last(file: &mut Box<dyn Pieces>, uid: u32, long: bool) -> std::io::Result<Option<i64>> {
    let width = if long { 8 } else { 4 };
    file.seek(SeekFrom::Start(u64::from(uid) * (width + NAMES)))?;
    let mut bytes = Vec::new();
    file.take(width).read_to_end(&mut bytes)?;
    // Both kinds of machine that have it begin with the lowest byte.
    let second = match bytes.as_slice() {
        [a, b, c, d] if !long => i64::from(i32::from_le_bytes([*a, *b, *c, *d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        _ => 0,
    };
    Ok((second > 0).then_some(second))
}

#[cfg(test)]
mod tests {
    use super::super::root::{Memory, Root};
    use super::*;

    fn said(log: Vec<u8>, arm: bool) -> Vec<String> {
        let files = Memory::default()
            .file("/etc/login.defs", "UID_MIN 2\n")
            .file("/etc/passwd", "root:x:0:0::/:/bin/sh\na:x:2:2::/:/bin/sh\nb:x:3:3::/:/bin/sh\nc:x:4:4::/:/sbin/nologin\nd:x:9:9::/:\n")
            .file("/etc/shadow", "a:!:19990::::::\nb:!:19800:::::19000:\n")
            .file(LASTLOG, log);
        let files = if arm { files.file(LONG_TIMES, "") } else { files };
        let mut found = Found::default();
        LastLogin.gather(&Host::new(Root::memory(files), 20_000), &mut found).unwrap();
        found.rows.iter().map(|row| row.proof.text.clone()).collect()
    }

    #[test]
    fn records_stand_by_number_in_both_widths() {
        let log = |width: usize| {
            let mut log = vec![0; (width + 288) * 4];
            let at = (width + 288) * 2;
            log[at..at + width].copy_from_slice(&(19_900 * DAY + 5).to_le_bytes()[..width]);
            log
        };
        let want =
            ["a: last login 100 days ago", "b: never logged in, password set 200 days ago", "d: never logged in"];
        assert_eq!(said(log(4), false), want);
        assert_eq!(said(log(8), true), want);
        assert_eq!(said(Vec::new(), false)[0], "a: never logged in, password set 10 days ago");
    }
}
