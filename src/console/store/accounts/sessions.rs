//! Sessions: how they begin, are looked up, and end. The table has the hash of a token only, memory no more;
//! what a form must bring along is derived from the token each time. It refuses to say why a sign-in failed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::users;
use crate::console::command::{Actor, CommandError, Outcome, Role, Scope};
use crate::console::store::Store;
use crate::console::store::audit::{self, Entry};
use crate::console::store::db::sql;
use crate::console::store::live::Shared;
use crate::console::store::tokens::{self, base64url, scope_of, scope_text};
use crate::console::store::types::{
    AccountRules, NewSession, Session, SignInError, SignInWay, StoreError, WALL_LIFE,
};
use crate::console::store::writer::Writer;
use crate::model::{Mono, Now, SecretText, Wall};

/// Sessions of one principal; the oldest ends when another begins.
const EACH: usize = 20;
/// Bytes kept of the browser's name for itself.
const MAX_AGENT: usize = 200;
/// Bytes kept of an address.
const MAX_FROM: usize = 64;
/// The longest token that is looked up, in bytes; ours have 47.
const MAX_TOKEN: usize = 200;
/// The longest name that is looked up, in bytes.
const MAX_NAME: usize = 200;
/// The use of a session is written down at most so often.
const SAVE_SEEN: Duration = Duration::from_secs(60);

/// A session in memory.
#[derive(Debug, Clone)]
pub(super) struct SessionLive {
    session: Session,
    idle_until: Mono,
    ends: Mono,
    /// What the table says.
    saved: Wall,
    saved_at: Mono,
}

/// Which sessions of a principal end, and why.
pub(in crate::console::store) struct End<'a> {
    /// All but this one.
    pub(in crate::console::store) but: Option<&'a str>,
    /// For the audit row.
    pub(in crate::console::store) why: &'static str,
}

impl End<'_> {
    /// All of them.
    pub(in crate::console::store) const fn all(why: &'static str) -> Self {
        Self { but: None, why }
    }
}

/// A failed sign-in, to be written down.
pub(super) struct Failure {
    /// The user, if there is one of that name. A name that is not there is not kept: people type passwords there.
    pub(super) user: Option<Arc<str>>,
    /// What was wrong, for the audit row only.
    pub(super) why: &'static str,
    /// Locked until then from now on.
    pub(super) until: Option<Wall>,
    /// Address.
    pub(super) from: String,
}

impl Failure {
    pub(super) fn write(self, writer: &mut Writer, action: &'static str) -> Result<(), StoreError> {
        let now = writer.now();
        let target = format!("user:{}", self.user.as_deref().unwrap_or("?"));
        let entry = Entry {
            actor: "anonymous".to_owned(),
            action,
            target,
            after: serde_json::json!({ "from": self.from }).to_string(),
            result: format!("refused: {}", self.why),
            ..Entry::default()
        };
        audit::append(writer, &entry)?;
        let Some(user) = self.user else { return Ok(()) };
        // The user may have been removed while the password was hashed.
        writer
            .core
            .execute(
                "INSERT INTO sign_in_failure (user, at, peer) SELECT name, ?2, ?3 FROM user WHERE name = ?1",
                params![&*user, now.millis(), self.from],
            )
            .and_then(|_| {
                let old = now.minus(Duration::from_secs(86_400));
                writer
                    .core
                    .execute("DELETE FROM sign_in_failure WHERE user = ?1 AND at < ?2", params![&*user, old.millis()])
            })
            .map_err(sql("note a failed sign-in"))?;
        if let Some(until) = self.until {
            users::write_lock(writer, &user, until)?;
        }
        users::refresh(writer, &user)
    }
}

fn cut(text: &str, most: usize) -> String {
    let text = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// See `Store::sign_in`.
pub(super) async fn sign_in(
    store: &Store,
    name: &str,
    password: &SecretText,
    from: &str,
    agent: &str,
) -> Result<NewSession, SignInError> {
    let guard = &store.shared.accounts.guard;
    let from = cut(from, MAX_FROM);
    let now = store.shared.clock.now();
    if !guard.lets(&from, now.mono) {
        return Err(SignInError::Busy);
    }
    let name = cut(name.trim(), MAX_NAME).to_ascii_lowercase();
    let known = store.shared.people().users.get(name.as_str()).cloned();
    let whose = users::whose(known.as_ref(), &name);
    let user = known.as_ref().map(|user| user.row.name.clone());
    if let Err(until) = guard.begin(&whose, now) {
        guard.refused(&from, now.mono);
        note(store, Failure { user, why: "locked after failures", until: None, from }).await?;
        return Err(SignInError::Locked { until });
    }
    // The same way for everybody: a name that is not there costs one hash too.
    let Some(right) = guard.verify(password, known.as_ref().map(|user| user.hash.clone())).await else {
        guard.cancel(&whose);
        return Err(SignInError::Busy);
    };
    let why = match &known {
        None => "no such user",
        Some(_) if !right => "wrong password",
        Some(user) if user.row.locked => "locked by an administrator",
        Some(user) => {
            let start = Start { from: from.clone(), agent: cut(agent, MAX_AGENT), way: SignInWay::Password };
            let (name, hash) = (user.row.name.clone(), user.hash.clone());
            let begun = store.queue.ask(move |writer| begin_user(writer, &name, &hash, start, now)).await;
            match begun {
                Ok(Some(session)) => {
                    guard.forget(&whose);
                    return Ok(session);
                }
                Ok(None) => "changed meanwhile",
                Err(error) => {
                    guard.cancel(&whose);
                    return Err(error.into());
                }
            }
        }
    };
    let now = store.shared.clock.now();
    guard.refused(&from, now.mono);
    let until = guard.failed(&whose, now);
    note(store, Failure { user, why, until, from }).await?;
    Err(SignInError::Wrong)
}

pub(super) async fn note(store: &Store, failure: Failure) -> Result<(), StoreError> {
    tracing::warn!(
        user = failure.user.as_deref().unwrap_or("?"),
        from = failure.from,
        why = failure.why,
        "a sign-in failed"
    );
    store.queue.ask(move |writer| failure.write(writer, "session.start")).await
}

/// How a session begins.
pub(super) struct Start {
    pub(super) from: String,
    pub(super) agent: String,
    pub(super) way: SignInWay,
}

impl Start {
    /// By a link; which kind, the link says.
    pub(super) fn by_link(from: &str, agent: &str) -> Self {
        Self { from: cut(from, MAX_FROM), agent: cut(agent, MAX_AGENT), way: SignInWay::Link }
    }
}

/// How long a session may be idle, and last at all.
const fn spans(rules: &AccountRules, way: SignInWay) -> (Duration, Duration) {
    match way {
        SignInWay::Wall => (WALL_LIFE, WALL_LIFE),
        SignInWay::Password | SignInWay::Link => (rules.idle, rules.absolute),
    }
}

/// A user's session, if the account is still what it was when the password was checked.
fn begin_user(
    writer: &mut Writer,
    name: &str,
    hash: &str,
    start: Start,
    now: Now,
) -> Result<Option<NewSession>, StoreError> {
    let Some(user) = users::one(&writer.core, name)?.filter(|user| user.hash == hash && !user.row.locked) else {
        return Ok(None);
    };
    let actor = Actor { name: Arc::from(format!("user:{name}")), role: user.row.role, scope: user.row.scope };
    writer
        .core
        .execute("UPDATE user SET signed_in = ?2 WHERE name = ?1", params![name, now.wall.millis()])
        .map_err(sql("note a sign-in"))?;
    users::forgive(writer, name)?;
    users::refresh(writer, name)?;
    begin(writer, actor, user.row.display, user.row.must_change, start, now).map(Some)
}

/// Begins a session.
pub(super) fn begin(
    writer: &mut Writer,
    actor: Actor,
    display: String,
    must_change: bool,
    start: Start,
    now: Now,
) -> Result<NewSession, StoreError> {
    let (token, hash) = tokens::make("fsw_")?;
    let session = Session {
        id: writer.new_id(now.wall),
        actor,
        display,
        csrf: csrf(token.expose()),
        created: now.wall,
        seen: now.wall,
        from: start.from,
        agent: start.agent,
        way: start.way,
        must_change,
    };
    make_room(writer, &session.actor.name)?;
    writer
        .core
        .execute(
            "INSERT INTO session (hash, id, actor, role, scope, display, created, seen, peer, agent, way) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10)",
            params![
                hash,
                &*session.id,
                &*session.actor.name,
                session.actor.role.as_str(),
                scope_text(&session.actor.scope),
                session.display,
                now.wall.millis(),
                session.from,
                session.agent,
                session.way.as_str()
            ],
        )
        .map_err(sql("store a session"))?;
    let entry = Entry {
        actor: session.actor.name.to_string(),
        action: "session.start",
        target: format!("session:{}", session.id),
        after: serde_json::json!({ "from": session.from, "agent": session.agent, "way": session.way.as_str() })
            .to_string(),
        result: "ok".to_owned(),
        ..Entry::default()
    };
    audit::append(writer, &entry)?;
    let kept = Session { csrf: Arc::from(""), ..session.clone() };
    writer.after(move |shared| {
        let live = live(kept, &shared.accounts.rules, now);
        shared.people().sessions.insert(hash, live);
    });
    Ok(NewSession { token, session })
}

fn live(session: Session, rules: &AccountRules, now: Now) -> SessionLive {
    // A clock that was set back must not make a session longer.
    let left = |from: Wall, for_: Duration| now.mono.plus(from.plus(for_).since(now.wall).min(for_));
    let (idle, absolute) = spans(rules, session.way);
    let (idle_until, ends) = (left(session.seen, idle), left(session.created, absolute));
    SessionLive { saved: session.seen, saved_at: now.mono, session, idle_until, ends }
}

/// What a form or a script brings along: only whoever was given the page of this session knows it.
fn csrf(token: &str) -> Arc<str> {
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("fengsui csrf {token}").as_bytes());
    Arc::from(base64url(digest.as_ref()))
}

fn make_room(writer: &mut Writer, actor: &str) -> Result<(), StoreError> {
    let text =
        "SELECT hash, id, actor FROM session WHERE actor = ?1 ORDER BY created DESC, id DESC LIMIT -1 OFFSET ?2";
    let old = found(writer, text, params![actor, EACH as i64 - 1])?;
    end_rows(writer, old, "console", "too many sessions")
}

/// All sessions of the tables.
pub(super) fn load(
    core: &Connection,
    rules: &AccountRules,
    now: Now,
) -> Result<HashMap<String, SessionLive>, StoreError> {
    core.prepare("SELECT hash, id, actor, role, scope, display, created, seen, peer, agent, way FROM session")
        .and_then(|mut q| {
            q.query_map([], |r| {
                let actor = Actor {
                    name: Arc::from(r.get::<_, String>(2)?),
                    role: Role::parse(&r.get::<_, String>(3)?).unwrap_or(Role::Metrics),
                    scope: scope_of(r.get::<_, Option<String>>(4)?.as_deref()),
                };
                let session = Session {
                    id: Arc::from(r.get::<_, String>(1)?),
                    actor,
                    display: r.get(5)?,
                    csrf: Arc::from(""),
                    created: Wall::from_millis(r.get(6)?),
                    seen: Wall::from_millis(r.get(7)?),
                    from: r.get(8)?,
                    agent: r.get(9)?,
                    way: SignInWay::parse(&r.get::<_, String>(10)?).unwrap_or(SignInWay::Password),
                    must_change: false,
                };
                Ok((r.get(0)?, live(session, rules, now)))
            })?
            .collect()
        })
        .map_err(sql("read the sessions"))
}

/// See `Store::session`. A wall is found by `wall` only, which looks at the address too.
pub(super) fn find(shared: &Shared, token: &str, counts: bool) -> Option<Session> {
    look(shared, token, counts).filter(|session| session.way != SignInWay::Wall)
}

/// See `Store::session_wall`.
pub(super) fn wall(shared: &Shared, token: &str, from: &str) -> Option<Session> {
    look(shared, token, true).filter(|session| session.way == SignInWay::Wall && session.from == from)
}

fn look(shared: &Shared, token: &str, counts: bool) -> Option<Session> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let (hash, now) = (tokens::hash(token), shared.clock.now());
    let mut people = shared.people();
    let live = people.sessions.get_mut(&hash)?;
    if now.mono >= live.idle_until || now.mono >= live.ends {
        return None;
    }
    if counts {
        live.session.seen = now.wall;
        live.idle_until = now.mono.plus(spans(&shared.accounts.rules, live.session.way).0);
    }
    let session = live.session.clone();
    let user = session.actor.name.strip_prefix("user:").and_then(|name| people.users.get(name));
    let must_change = session.way == SignInWay::Password && user.is_some_and(|user| user.row.must_change);
    Some(Session { csrf: csrf(token), must_change, ..session })
}

/// See `Store::sessions`.
pub(super) fn all(shared: &Shared) -> Vec<Session> {
    let now = shared.clock.mono();
    let people = shared.people();
    let going = people.sessions.values().filter(|live| now < live.idle_until && now < live.ends);
    let mut all: Vec<Session> = going.map(|live| live.session.clone()).collect();
    drop(people);
    all.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
    all
}

type Row = (String, String, String);

fn found(writer: &Writer, text: &str, with: &[&dyn rusqlite::ToSql]) -> Result<Vec<Row>, StoreError> {
    writer
        .core
        .prepare_cached(text)
        .and_then(|mut q| q.query_map(with, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect())
        .map_err(sql("look for sessions"))
}

/// Ends sessions, each with its audit row.
fn end_rows(writer: &mut Writer, rows: Vec<Row>, by: &str, why: &str) -> Result<(), StoreError> {
    for (hash, id, actor) in rows {
        writer.core.execute("DELETE FROM session WHERE hash = ?1", [&hash]).map_err(sql("end a session"))?;
        let entry = Entry {
            actor: by.to_owned(),
            action: "session.end",
            target: format!("session:{id}"),
            before: serde_json::json!({ "actor": actor }).to_string(),
            reason: why.to_owned(),
            result: "ok".to_owned(),
            ..Entry::default()
        };
        audit::append(writer, &entry)?;
        writer.after(move |shared| {
            shared.people().sessions.remove(&hash);
        });
    }
    Ok(())
}

/// Ends the sessions of a principal, and takes back the links it made and nobody used.
pub(in crate::console::store) fn end_of(
    writer: &mut Writer,
    by: &str,
    actor: &str,
    end: End<'_>,
) -> Result<(), StoreError> {
    let text = "SELECT hash, id, actor FROM session WHERE actor = ?1 AND id IS NOT ?2";
    let rows = found(writer, text, params![actor, end.but])?;
    writer
        .core
        .execute("DELETE FROM one_time_link WHERE actor = ?1 AND used IS NULL", [actor])
        .map_err(sql("take back one-time links"))?;
    end_rows(writer, rows, by, end.why)
}

fn by_id(writer: &Writer, id: &str) -> Result<Vec<Row>, StoreError> {
    found(writer, "SELECT hash, id, actor FROM session WHERE id = ?1", params![id])
}

/// See `Store::sign_out`.
pub(super) async fn sign_out(store: &Store, id: &str) -> Result<(), StoreError> {
    let id = id.to_owned();
    let ended = store.queue.ask(move |writer| {
        let rows = by_id(writer, &id)?;
        let who = rows.first().map(|(_, _, actor)| actor.clone()).unwrap_or_default();
        end_rows(writer, rows, &who, "signed out")
    });
    ended.await
}

/// `Command::SessionEnd`.
pub(super) fn end_one(writer: &mut Writer, actor: &Actor, id: &str) -> Result<Outcome, CommandError> {
    let rows = by_id(writer, id)?;
    let own = rows.first().map(|(_, _, of)| **of == *actor.name);
    let admin = actor.role == Role::Admin && actor.scope == Scope::All;
    match own {
        Some(own) if own || admin => {
            // The command leaves a row of its own, so this one says whose it was.
            end_rows(
                writer,
                rows,
                &actor.name,
                if own { "ended by its holder" } else { "ended by an administrator" },
            )?;
            Ok(Outcome::Done)
        }
        // Others' sessions are not there for those who may not end them.
        _ => Err(CommandError::NotFound { what: "session", id: id.chars().take(64).collect() }),
    }
}

/// Once a second.
pub(super) async fn tick(store: &Store, now: Now) -> Result<(), StoreError> {
    let mut over: Vec<(Arc<str>, &'static str)> = Vec::new();
    let mut used: Vec<(String, Wall)> = Vec::new();
    for (hash, live) in &mut store.shared.people().sessions {
        if now.mono >= live.ends {
            over.push((live.session.id.clone(), "absolute time-out"));
        } else if now.mono >= live.idle_until {
            over.push((live.session.id.clone(), "idle time-out"));
        } else if live.session.seen != live.saved && now.mono.since(live.saved_at) >= SAVE_SEEN {
            (live.saved, live.saved_at) = (live.session.seen, now.mono);
            used.push((hash.clone(), live.saved));
        }
    }
    if over.is_empty() && used.is_empty() {
        return Ok(());
    }
    let done = store.queue.ask(move |writer| {
        for (id, why) in over {
            let rows = by_id(writer, &id)?;
            end_rows(writer, rows, "console", why)?;
        }
        for (hash, seen) in used {
            writer
                .core
                .prepare_cached("UPDATE session SET seen = ?2 WHERE hash = ?1")
                .and_then(|mut q| q.execute(params![hash, seen.millis()]))
                .map_err(sql("note the use of a session"))?;
        }
        Ok(())
    });
    done.await
}
