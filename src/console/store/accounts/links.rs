//! One-time sign-in links: for the first minutes of a console, when nobody has an account, and for whoever
//! forgot a password and can reach the machine; links that an admin makes for a user or for a screen on a wall.
//! A link works once; a person's for half an hour.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::sessions::{self, Failure, Start};
use super::users;
use crate::console::command::{Actor, CommandError, Outcome, Role, Scope, said};
use crate::console::store::Store;
use crate::console::store::audit::{self, Entry};
use crate::console::store::db::sql;
use crate::console::store::tokens::{self, scope_of, scope_text};
use crate::console::store::types::{NewSession, SignInError, SignInWay, StoreError};
use crate::console::store::writer::Writer;
use crate::model::{Now, SecretText};

/// How long a link works.
pub const LIFE: Duration = Duration::from_secs(30 * 60);
/// Links that may wait to be used; the oldest is forgotten.
const MAX_LINKS: i64 = 100;
/// How long the link of a wall waits: somebody has to walk there.
const WALL_LINK_LIFE: Duration = Duration::from_secs(86_400);
/// Walls at once.
const MAX_WALLS: i64 = 100;
/// Longest name of a wall, in characters.
const MAX_DISPLAY: usize = 80;
/// How the principals of walls begin.
pub(in crate::console::store) const WALL: &str = "wall:";
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
    let token = insert(writer, actor, SignInWay::Link, "", LIFE)?;
    let entry = Entry {
        actor: actor.name.to_string(),
        action: "link.create",
        target: "link".to_owned(),
        after: serde_json::json!({ "expires": writer.now().plus(LIFE).to_string() }).to_string(),
        result: "ok".to_owned(),
        ..Entry::default()
    };
    audit::append(writer, &entry)?;
    Ok(token)
}

fn insert(
    writer: &mut Writer,
    actor: &Actor,
    way: SignInWay,
    display: &str,
    life: Duration,
) -> Result<SecretText, StoreError> {
    let now = writer.now();
    let expires = now.plus(life);
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
                "INSERT INTO one_time_link (hash, actor, role, scope, created, expires, way, display) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    hash,
                    &*actor.name,
                    actor.role.as_str(),
                    scope_text(&actor.scope),
                    now.millis(),
                    expires.millis(),
                    way.as_str(),
                    display
                ],
            )
        })
        .map_err(sql("store a one-time link"))?;
    Ok(token)
}

/// `Command::UserLink`.
pub(super) fn for_user(writer: &mut Writer, name: &str, entry: &mut Entry) -> Result<Outcome, CommandError> {
    let Some(user) = users::one(&writer.core, name)? else {
        return Err(CommandError::NotFound { what: "user", id: name.chars().take(64).collect() });
    };
    if user.row.locked {
        return Err(CommandError::Conflict(said(
            format!("用户 `{name}` 已锁定：请先解锁"),
            format!("user `{name}` is locked: unlock it first"),
        )));
    }
    let actor = Actor { name: Arc::from(format!("user:{name}")), role: user.row.role, scope: user.row.scope };
    entry.after = serde_json::json!({ "expires": writer.now().plus(LIFE).to_string() }).to_string();
    let token = insert(writer, &actor, SignInWay::Link, "", LIFE)?;
    Ok(Outcome::Token { name: name.to_owned(), token })
}

/// `Command::WallLink`.
pub(super) fn for_wall(writer: &mut Writer, display: &str, entry: &mut Entry) -> Result<Outcome, CommandError> {
    let display = display.trim();
    if !(1..=MAX_DISPLAY).contains(&display.chars().count()) || display.chars().any(char::is_control) {
        return Err(CommandError::Invalid(said(
            format!("大屏名称须有 1 至 {MAX_DISPLAY} 个字符，不含控制字符"),
            format!("the name of a wall has 1 to {MAX_DISPLAY} characters, no control characters"),
        )));
    }
    let walls: i64 = writer
        .core
        .query_row("SELECT count(*) FROM session WHERE way = 'wall'", [], |r| r.get(0))
        .map_err(sql("count the walls"))?;
    if walls >= MAX_WALLS {
        return Err(CommandError::Conflict(said(
            format!("大屏会话已达 {MAX_WALLS} 个：请先结束不用的"),
            format!("there are {MAX_WALLS} walls already: end some that are not used"),
        )));
    }
    let now = writer.now();
    let name = format!("{WALL}{}", writer.new_id(now));
    let actor = Actor { name: Arc::from(name.clone()), role: Role::Viewer, scope: Scope::All };
    entry.target.clone_from(&name);
    entry.after =
        serde_json::json!({ "display": display, "expires": now.plus(WALL_LINK_LIFE).to_string() }).to_string();
    let token = insert(writer, &actor, SignInWay::Wall, display, WALL_LINK_LIFE)?;
    Ok(Outcome::Token { name, token })
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
    let link = writer
        .core
        .query_row(
            "UPDATE one_time_link SET used = ?2 WHERE hash = ?1 AND used IS NULL AND expires > ?2 \
             RETURNING actor, role, scope, way, display",
            params![hash, now.wall.millis()],
            |r| {
                let actor = Actor {
                    name: Arc::from(r.get::<_, String>(0)?),
                    role: Role::parse(&r.get::<_, String>(1)?).unwrap_or(Role::Metrics),
                    scope: scope_of(r.get::<_, Option<String>>(2)?.as_deref()),
                };
                Ok((actor, r.get::<_, String>(3)?, r.get::<_, String>(4)?))
            },
        )
        .optional()
        .map_err(sql("use a one-time link"))?;
    let Some((actor, way, display)) = link else { return Ok(None) };
    let Some(way) = SignInWay::parse(&way) else { return Ok(None) };
    let start = Start { way, ..start };
    if let Some(name) = actor.name.strip_prefix("user:").map(str::to_owned) {
        // The account counts as it is now, not as it was when the link was made.
        let Some(user) = users::one(&writer.core, &name)?.filter(|user| !user.row.locked) else { return Ok(None) };
        let actor = Actor { role: user.row.role, scope: user.row.scope, ..actor };
        return sessions::begin(writer, actor, user.row.display, false, start, now).map(Some);
    }
    let display = if display.is_empty() { actor.name.to_string() } else { display };
    sessions::begin(writer, actor, display, false, start, now).map(Some)
}
