//! Who changed a configuration, where it does not say so itself: the account in what the device told of the change by trap
//! or syslog, else in the newest line of the asset that names one, such as a command that somebody typed.

use std::sync::LazyLock;

use regex::Regex;
use rusqlite::params;

use super::super::days::Sort;
use super::super::db::{self, sql};
use super::super::events::IN_A_MS;
use super::super::types::StoreError;
use super::super::writer::Writer;
use crate::model::finding::{Changed, MAX_NAME, cut};
use crate::model::{AssetId, Object, Wall};

/// The problem that a change of a configuration is.
const CHANGED: &str = "config-changed";
/// Alerts and lines that are looked through: a change is told within a few.
const MAX_LINES: i64 = 200;

/// `User=admin`, as lines of Huawei and H3C have it, and the address beside it.
static USER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[-\s,(])User(?: name)? ?= ?([^\s,;*()]+)"));
static PEER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[-\s,(])Ip(?:Addr)? ?= ?([0-9A-Fa-f.:]+)"));

fn pattern(text: &str) -> Regex {
    regex::RegexBuilder::new(text).case_insensitive(true).build().expect("a literal that is a pattern")
}

/// Who did it in this time, by what was heard; nothing if nobody said.
pub(super) fn of(writer: &Writer, asset: &AssetId, since: Wall, until: Wall) -> Result<Option<Changed>, StoreError> {
    match told(writer, asset, since, until)? {
        Some(found) => Ok(Some(found)),
        None => typed(writer, asset, since, until),
    }
}

/// In alerts of a change.
fn told(writer: &Writer, asset: &AssetId, since: Wall, until: Wall) -> Result<Option<Changed>, StoreError> {
    let failed = sql("look who changed a configuration");
    let object = Object::Asset(asset.clone()).to_string();
    let mut query = writer
        .core
        .prepare_cached(
            "SELECT c.at, c.evidence FROM incident i JOIN contribution c ON c.incident = i.id
             WHERE i.object = ?1 AND i.problem = ?2 AND c.at > ?3 AND c.at <= ?4 ORDER BY c.at DESC LIMIT ?5",
        )
        .map_err(&failed)?;
    let rows = query
        .query_map(params![object, CHANGED, since.millis(), until.millis(), MAX_LINES], |r| {
            Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?))
        })
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(&failed)?;
    Ok(rows.into_iter().find_map(|(at, evidence)| {
        let said: Vec<(String, String)> = serde_json::from_str(&evidence).unwrap_or_default();
        let of =
            |name: &str| said.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, v)| v.as_str());
        Some(changed(of("user")?, of("peer"), at))
    }))
}

/// In lines of the device.
fn typed(writer: &Writer, asset: &AssetId, since: Wall, until: Wall) -> Result<Option<Changed>, StoreError> {
    let layout = &writer.days.layout;
    let mut months = vec![layout.day(until) / 100, layout.day(since) / 100];
    months.dedup();
    let failed = sql("look who typed on a device");
    for file in months.into_iter().map(|month| layout.path(Sort::Event, month)).filter(|file| file.exists()) {
        let events = db::open_reader(&file)?;
        let number = |at: Wall| at.millis().max(0).saturating_mul(IN_A_MS);
        let mut query = events
            .prepare(
                "SELECT id, text FROM event WHERE asset = ?1 AND id > ?2 AND id <= ?3 AND text LIKE '%user%' ORDER BY id DESC LIMIT ?4",
            )
            .map_err(&failed)?;
        let mut rows =
            query.query(params![asset.as_str(), number(since), number(until), MAX_LINES]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let (id, text): (i64, String) = (row.get(0).map_err(&failed)?, row.get(1).map_err(&failed)?);
            let first =
                |pattern: &Regex| pattern.captures(&text).and_then(|c| c.get(1)).map(|m| m.as_str().to_owned());
            if let Some(user) = first(&USER) {
                return Ok(Some(changed(&user, first(&PEER).as_deref(), id.div_euclid(IN_A_MS))));
            }
        }
    }
    Ok(None)
}

fn changed(user: &str, peer: Option<&str>, at: i64) -> Changed {
    let by = peer.map_or_else(|| user.to_owned(), |peer| format!("{user} ({peer})"));
    Changed { by: cut(&by, MAX_NAME), at: Wall::from_millis(at).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_of_a_line_is_the_one_that_is_named_as_such() {
        let said = |line: &str| {
            let first = |p: &Regex| p.captures(line).and_then(|c| c.get(1)).map(|m| m.as_str().to_owned());
            (first(&USER), first(&PEER))
        };
        let admin = (Some("admin".to_owned()), Some("192.168.11.123".to_owned()));
        assert_eq!(said("-Task=vt0-IPAddr=192.168.11.123-User=admin; Command is quit"), admin);
        assert_eq!(said("(Task=VT0, Ip=192.168.11.123, User=admin, Command=\"save\")"), admin);
        assert_eq!(said("-Line=aux0-IPAddr=**-User=**; Command is quit"), (None, None));
        assert_eq!(said("TELNET user failed to log in"), (None, None));
    }
}
