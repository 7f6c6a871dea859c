//! One-time sign-in links: for the first minutes of a console, when nobody has an account, and for whoever
//! forgot a password and can reach the machine. A link works once and for half an hour.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::sessions::{self, Failure, Start};
use crate::console::command::{Actor, Role, Scope};
use crate::console::store::Store;
use crate::console::store::audit::{self, Entry};
use crate::console::store::db::sql;
use crate::console::store::tokens::{self, scope_of, scope_text};
use crate::console::store::types::{NewSession, SignInError, StoreError};
use crate::console::store::writer::Writer;
use crate::model::{Now, SecretText};

/// How long a link works.
pub const LIFE: Duration = Duration::from_secs(30 * 60);
/// Links that may wait to be used; the oldest is forgotten.
const MAX_LINKS: i64 = 100;
/// The longest token that is looked up, in bytes; ours have 47.
const MAX_TOKEN: usize = 200;

/// See `Store::link_create`.
pub(super) async fn create(store: &Store, actor: &Actor) -> Result<SecretText, StoreError> {
    if actor.role != Role::Admin || actor.scope != Scope::All {
        return Err(StoreError::Request("a one-time link is made by an admin of everything".to_owned()));
    }
    let actor = actor.clone();
    store.queue.ask(move |writer| make(writer, &actor)).await
}

fn make(writer: &mut Writer, actor: &Actor) -> Result<SecretText, StoreError> {
    let now = writer.now();
    let expires = now.plus(LIFE);
    let (token, hash) = tokens::make("fsl_")?;
    writer
        .core
        .execute("DELETE FROM one_time_link WHERE used IS NOT NULL OR expires <= ?1", [now.millis()])
        .and_then(|_| {
            writer.core.execute(
                "DELETE FROM one_time_link WHERE hash IN \
                 (SELECT hash FROM one_time_link ORDER BY created DESC LIMIT -1 OFFSET ?1)",
                [MAX_LINKS - 1],
            )
        })
        .and_then(|_| {
            writer.core.execute(
                "INSERT INTO one_time_link (hash, actor, role, scope, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    hash,
                    &*actor.name,
                    actor.role.as_str(),
                    scope_text(&actor.scope),
                    now.millis(),
                    expires.millis()
                ],
            )
        })
        .map_err(sql("store a one-time link"))?;
    let entry = Entry {
        actor: actor.name.to_string(),
        action: "link.create",
        target: "link".to_owned(),
        after: serde_json::json!({ "expires": expires.to_string() }).to_string(),
        result: "ok".to_owned(),
        ..Entry::default()
    };
    audit::append(writer, &entry)?;
    Ok(token)
}

/// See `Store::sign_in_link`.
pub(super) async fn sign_in(store: &Store, token: &str, from: &str, agent: &str) -> Result<NewSession, SignInError> {
    let guard = &store.shared.accounts.guard;
    let start = Start::by_link(from, agent);
    let (from, now) = (start.from.clone(), store.shared.clock.now());
    if !guard.lets(&from, now.mono) {
        return Err(SignInError::Busy);
    }
    let begun = if token.len() <= MAX_TOKEN {
        let hash = tokens::hash(token);
        store.queue.ask(move |writer| begin(writer, &hash, start, now)).await?
    } else {
        None
    };
    if let Some(session) = begun {
        return Ok(session);
    }
    guard.refused(&from, now.mono);
    sessions::note(store, Failure { user: None, why: "no such link", until: None, from }).await?;
    Err(SignInError::Wrong)
}

fn begin(writer: &mut Writer, hash: &str, start: Start, now: Now) -> Result<Option<NewSession>, StoreError> {
    // One statement looks and uses up, so that two that come at once are one.
    let actor = writer
        .core
        .query_row(
            "UPDATE one_time_link SET used = ?2 WHERE hash = ?1 AND used IS NULL AND expires > ?2 \
             RETURNING actor, role, scope",
            params![hash, now.wall.millis()],
            |r| {
                Ok(Actor {
                    name: Arc::from(r.get::<_, String>(0)?),
                    role: Role::parse(&r.get::<_, String>(1)?).unwrap_or(Role::Metrics),
                    scope: scope_of(r.get::<_, Option<String>>(2)?.as_deref()),
                })
            },
        )
        .optional()
        .map_err(sql("use a one-time link"))?;
    let Some(actor) = actor else { return Ok(None) };
    let display = actor.name.to_string();
    sessions::begin(writer, actor, display, false, start, now).map(Some)
}
