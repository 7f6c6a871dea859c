//! Bearer tokens: 32 random bytes shown once; only their SHA-256 is kept.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::Store;
use super::db::sql;
use super::types::{EnrollTokenRow, StoreError, TokenRow};
use super::writer::Writer;
use crate::console::command::{Actor, Role, Scope};
use crate::console::secrets::{hex, random};
use crate::model::{AgentId, RegionId, SecretText, Wall};

/// The use of a token is written down at most so often.
const USED_EVERY: Duration = Duration::from_secs(60);
/// Tokens that may stand in the table, revoked ones included.
pub(super) const MAX_TOKENS: i64 = 10_000;

/// A new token with its prefix, and its hash.
pub(super) fn make(prefix: &str) -> Result<(SecretText, String), StoreError> {
    let text = format!("{prefix}{}", base64url(&random::<32>()?));
    let hash = hash(&text);
    Ok((SecretText::new(text), hash))
}

/// What is kept of a token.
pub(super) fn hash(text: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().enumerate().fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..=group.len() {
            let index = (word >> (18 - 6 * at)) & 63;
            text.push(char::from(ALPHABET.get(index as usize).copied().unwrap_or(b'A')));
        }
    }
    text
}

/// The scope as kept: nothing for everything, else region ids.
pub(super) fn scope_text(scope: &Scope) -> Option<String> {
    match scope {
        Scope::All => None,
        Scope::Regions(regions) => {
            let ids: Vec<&str> = regions.iter().map(RegionId::as_str).collect();
            Some(serde_json::json!(ids).to_string())
        }
    }
}

/// The scope that was kept.
pub(super) fn scope_of(text: Option<&str>) -> Scope {
    match text {
        None => Scope::All,
        // Text that does not read gives no region at all, never everything.
        Some(text) => Scope::Regions(serde_json::from_str(text).unwrap_or_default()),
    }
}

/// All API tokens with their hashes.
pub(super) fn load(core: &Connection) -> Result<Vec<(String, TokenRow)>, StoreError> {
    core.prepare("SELECT hash, name, role, scope, created, creator, expires, used, revoked FROM api_token")
        .and_then(|mut q| {
            q.query_map([], |r| {
                let row = TokenRow {
                    name: r.get(1)?,
                    role: Role::parse(&r.get::<_, String>(2)?).unwrap_or(Role::Metrics),
                    scope: scope_of(r.get::<_, Option<String>>(3)?.as_deref()),
                    created: Wall::from_millis(r.get(4)?),
                    creator: r.get(5)?,
                    expires: r.get::<_, Option<i64>>(6)?.map(Wall::from_millis),
                    used: r.get::<_, Option<i64>>(7)?.map(Wall::from_millis),
                    revoked: r.get::<_, Option<i64>>(8)?.map(Wall::from_millis),
                };
                Ok((r.get(0)?, row))
            })?
            .collect()
        })
        .map_err(sql("read the API tokens"))
}

/// All enrolment tokens, newest first.
pub(super) fn load_enroll(core: &Connection) -> Result<Vec<EnrollTokenRow>, StoreError> {
    type Row = (String, Option<String>, i64, String, i64, Option<i64>);
    let rows: Vec<Row> = core
        .prepare("SELECT agent, region, created, creator, expires, used FROM enrol_token ORDER BY created DESC")
        .and_then(|mut q| {
            q.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?)))?.collect()
        })
        .map_err(sql("read the enrolment tokens"))?;
    Ok(rows
        .into_iter()
        .filter_map(|(agent, region, created, creator, expires, used)| {
            Some(EnrollTokenRow {
                agent: AgentId::new(&agent).ok()?,
                region: region.and_then(|region| RegionId::new(&region).ok()),
                created: Wall::from_millis(created),
                creator,
                expires: Wall::from_millis(expires),
                used: used.map(Wall::from_millis),
            })
        })
        .collect())
}

/// Stores a token; the name must be free or revoked.
pub(super) fn create(writer: &mut Writer, row: TokenRow, hash: String) -> Result<bool, StoreError> {
    let (taken, count): (bool, i64) = writer
        .core
        .query_row(
            "SELECT (SELECT count(*) > 0 FROM api_token WHERE name = ?1 AND revoked IS NULL), (SELECT count(*) FROM api_token)",
            [&row.name],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )
        .map_err(sql("look for a token"))?;
    if taken || count >= MAX_TOKENS {
        return Ok(false);
    }
    writer
        .core
        .execute(
            "INSERT OR REPLACE INTO api_token (name, hash, role, scope, created, creator, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                row.name, hash, row.role.as_str(), scope_text(&row.scope), row.created.millis(), row.creator,
                row.expires.map(Wall::millis)
            ],
        )
        .map_err(sql("store a token"))?;
    writer.after(move |shared| {
        let mut live = shared.live_mut();
        live.tokens.retain(|_, other| other.name != row.name);
        live.tokens.insert(hash, row);
    });
    Ok(true)
}

/// Revokes a token; says whether there was a working one.
pub(super) fn revoke(writer: &mut Writer, name: &str) -> Result<bool, StoreError> {
    let now = writer.now();
    let changed = writer
        .core
        .execute("UPDATE api_token SET revoked = ?2 WHERE name = ?1 AND revoked IS NULL", params![name, now.millis()])
        .map_err(sql("revoke a token"))?;
    let name = name.to_owned();
    writer.after(move |shared| {
        for row in shared.live_mut().tokens.values_mut().filter(|row| row.name == name) {
            row.revoked.get_or_insert(now);
        }
    });
    Ok(changed > 0)
}

/// See `Store::token_check`.
pub(super) fn check(store: &Store, text: &str) -> Option<Actor> {
    let hash = hash(text);
    let now = store.shared.clock.wall();
    let mut live = store.shared.live_mut();
    let row = live.tokens.get_mut(&hash)?;
    if row.revoked.is_some() || row.expires.is_some_and(|expires| expires <= now) {
        return None;
    }
    if row.used.is_none_or(|used| now.since(used) >= USED_EVERY) {
        row.used = Some(now);
        // Lost when the queue is full: the next use tells again.
        let _ = store.queue.tell("note the use of a token", move |writer| {
            writer
                .core
                .execute("UPDATE api_token SET used = ?2 WHERE hash = ?1", params![hash, now.millis()])
                .map_err(sql("note the use of a token"))
                .map(drop)
        });
    }
    Some(Actor { name: Arc::from(format!("token:{}", row.name)), role: row.role, scope: row.scope.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_that_of_rfc_4648_without_padding() {
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xff, 0xfe, 0xfd]), "__79");
    }

    #[test]
    fn a_scope_that_does_not_read_gives_nothing() {
        assert_eq!(scope_of(Some("rubbish")), Scope::Regions(Vec::new()));
        assert_eq!(scope_of(None), Scope::All);
    }
}
