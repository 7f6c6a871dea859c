//! People: accounts, sessions, one-time links, saved views. What each request asks is answered from memory,
//! what changes is a job of the writer with its audit row. It refuses to keep a password, a session token or a
//! link in any form that opens something; there is no account that nobody made.

mod guard;
mod links;
mod sessions;
mod users;
mod views;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::Store;
use super::audit::Entry;
use super::live::Shared;
use super::types::{AccountRules, NewSession, Session, SignInError, StoreError, UserRow, ViewRow};
use super::writer::Writer;
use crate::console::command::{Actor, Command, CommandError, Outcome};
use crate::model::{Now, SecretText};

pub(super) use links::WALL;
pub(super) use sessions::{End, end_of};
pub(super) use users::{Prepared, prepare};

use guard::{Guard, Whose};
pub use links::LIFE as LINK_LIFE;
use sessions::SessionLive;
use users::UserLive;

/// What the shared part of the store holds of people.
pub(super) struct Accounts {
    rules: AccountRules,
    guard: Guard,
    people: Mutex<People>,
}

/// Everything that requests ask for.
#[derive(Default)]
struct People {
    users: BTreeMap<Arc<str>, UserLive>,
    /// By hash of the token.
    sessions: HashMap<String, SessionLive>,
    /// By owner and page.
    views: BTreeMap<(String, String), Vec<ViewRow>>,
}

impl Accounts {
    /// From the tables.
    pub(super) fn load(core: &Connection, rules: AccountRules, now: Now) -> Result<Self, StoreError> {
        let guard = Guard::new(rules.cost)?;
        let users = users::load(core)?;
        for user in users.values() {
            let failures = users::failures(core, &user.row.name)?;
            guard.recall(&user.row.name, &failures, user.row.locked_until, now);
        }
        let people = People { users, sessions: sessions::load(core, &rules, now)?, views: views::load(core)? };
        Ok(Self { rules, guard, people: Mutex::new(people) })
    }

    /// Held for a look-up only.
    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn people(&self) -> MutexGuard<'_, People> {
        self.accounts.people()
    }
}

/// Accounts, sessions and what belongs to them.
impl Store {
    /// Signs a user in. `from` is an address, `agent` the browser's name for itself.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &SecretText,
        from: &str,
        agent: &str,
    ) -> Result<NewSession, SignInError> {
        sessions::sign_in(self, name, password, from, agent).await
    }

    /// Signs in whoever holds a one-time link, which is used up by it.
    pub async fn sign_in_link(&self, token: &str, from: &str, agent: &str) -> Result<NewSession, SignInError> {
        links::sign_in(self, token, from, agent).await
    }

    /// Makes a one-time link for whoever asks, an admin: the session it opens acts under the same name.
    pub async fn link_create(&self, actor: &Actor) -> Result<SecretText, StoreError> {
        links::create(self, actor).await
    }

    /// The session of a token; counts as activity. `None` if there is none or it ended.
    pub fn session(&self, token: &str) -> Option<Session> {
        sessions::find(&self.shared, token, true)
    }

    /// The same for what no person did (a live region that is fetched again): does not count as activity.
    pub fn session_look(&self, token: &str) -> Option<Session> {
        sessions::find(&self.shared, token, false)
    }

    /// The session of a wall, for requests from the address that opened it; `session` and `session_look` know
    /// none. Being shown is no activity: it has no idle time-out.
    pub fn session_wall(&self, token: &str, from: &str) -> Option<Session> {
        sessions::wall(&self.shared, token, from)
    }

    /// Ends a session because its holder says so.
    pub async fn sign_out(&self, session_id: &str) -> Result<(), StoreError> {
        sessions::sign_out(self, session_id).await
    }

    /// Sessions that go on, newest first, without what would open them.
    pub fn sessions(&self) -> Vec<Session> {
        sessions::all(&self.shared)
    }

    /// All users by name.
    pub fn users(&self) -> Vec<UserRow> {
        users::all(&self.shared)
    }

    /// Whether anybody has an account.
    pub fn has_users(&self) -> bool {
        !self.shared.people().users.is_empty()
    }

    /// The filters that somebody keeps for a page, by name.
    pub fn views(&self, actor: &Actor, page: &str) -> Vec<ViewRow> {
        let key = (actor.name.to_string(), page.to_owned());
        self.shared.people().views.get(&key).cloned().unwrap_or_default()
    }

    /// How many passwords were hashed since the store was opened.
    pub fn password_hashes(&self) -> u64 {
        self.shared.accounts.guard.hashes()
    }
}

/// Ends sessions whose time is over, and writes down when the others were used.
pub(super) async fn tick(store: &Store, now: Now) {
    if let Err(error) = sessions::tick(store, now).await {
        tracing::warn!(%error, "sessions that are over wait for the next second");
    }
}

/// Carries out a command about people; `prepared` is what was hashed for it before.
pub(super) fn carry_out(
    writer: &mut Writer,
    actor: &Actor,
    command: Command,
    prepared: Prepared,
    entry: &mut Entry,
) -> Result<Outcome, CommandError> {
    match command {
        Command::UserAdd { name, display, role, scope, .. } => {
            let wanted = users::Wanted { name, display, role, scope };
            users::add(writer, actor, wanted, prepared.hash()?, entry)
        }
        Command::UserLock { name, locked } => users::lock(writer, actor, &name, locked, entry),
        Command::UserReset { name, .. } => users::reset(writer, actor, &name, &prepared.hash()?),
        Command::UserLink { name } => links::for_user(writer, &name, entry),
        Command::WallLink { display } => links::for_wall(writer, &display, entry),
        Command::UserRemove { name } => users::remove(writer, actor, &name, entry),
        Command::PasswordChange { keep, .. } => users::change(writer, actor, keep.as_deref(), &prepared.hash()?),
        Command::SessionEnd { id } => sessions::end_one(writer, actor, &id),
        Command::ViewSave { page, name, query } => views::save(writer, actor, page, name, query, entry),
        Command::ViewRemove { page, name } => views::remove(writer, actor, page, name),
        _ => Err(CommandError::Store("this is no command about people".to_owned())),
    }
}
