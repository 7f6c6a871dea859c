//! People and their sessions as the store answers them. No password, hash or session token stands in any of
//! these but in `NewSession`, which is shown to the browser once.

use std::sync::Arc;
use std::time::Duration;

use super::StoreError;
use crate::console::command::{Actor, Role, Scope};
use crate::model::{SecretText, Wall};

/// What one hash of a password costs: argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for HashCost {
    /// 64 MiB, three passes, one lane: a seventh of a second, and no table of a stolen database in a lifetime.
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 1 }
    }
}

/// What accounts and sessions obey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRules {
    /// Cost of a hash.
    pub cost: HashCost,
    /// A session that is not used for so long ends.
    pub idle: Duration,
    /// A session ends after so long in any case.
    pub absolute: Duration,
}

impl Default for AccountRules {
    /// 15 minutes and 8 hours: a shift.
    fn default() -> Self {
        Self {
            cost: HashCost::default(),
            idle: Duration::from_secs(15 * 60),
            absolute: Duration::from_secs(8 * 3_600),
        }
    }
}

/// How long a wall goes on: a quarter, after which somebody shall look whether it still hangs there.
pub const WALL_LIFE: Duration = Duration::from_secs(90 * 86_400);

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInWay {
    /// With name and password.
    Password,
    /// With a one-time link.
    Link,
    /// A screen on a wall: read-only, bound to its address, without idle time-out.
    Wall,
}

impl SignInWay {
    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Link => "link",
            Self::Wall => "wall",
        }
    }
    /// The way of that word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Password, Self::Link, Self::Wall].into_iter().find(|way| way.as_str() == text)
    }
}

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Public id; not the token.
    pub id: Arc<str>,
    /// Who: `user:NAME`, or whoever made the one-time link.
    pub actor: Actor,
    /// Name for people.
    pub display: String,
    /// What a form or a script must bring along to change anything; empty in lists.
    pub csrf: Arc<str>,
    /// When it began.
    pub created: Wall,
    /// When it was used last.
    pub seen: Wall,
    /// From which address.
    pub from: String,
    /// The browser's name for itself, cut to 200 bytes.
    pub agent: String,
    /// How it began.
    pub way: SignInWay,
    /// The password was given by somebody else: nothing else is allowed before it is changed.
    pub must_change: bool,
}

/// A session that has just begun.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// For the cookie; nobody can read it again.
    pub token: SecretText,
    /// The session.
    pub session: Session,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignInError {
    /// Name, password or link are wrong; which, and whether the user is there, is not said.
    #[error("name or password is wrong, or the link was used or is older than 30 minutes")]
    Wrong,
    /// Too many failures for this name.
    #[error("too many failed sign-ins: try again after {until}")]
    Locked {
        /// Until then.
        until: Wall,
    },
    /// Too many sign-ins at once, or failures from this address.
    #[error("too many sign-ins: try again in a minute")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A user without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Name to sign in with.
    pub name: Arc<str>,
    /// Name for people.
    pub display: String,
    /// Role.
    pub role: Role,
    /// Scope.
    pub scope: Scope,
    /// When it was made.
    pub created: Wall,
    /// By whom.
    pub creator: String,
    /// Locked by an administrator.
    pub locked: bool,
    /// Locked by failed sign-ins until then.
    pub locked_until: Option<Wall>,
    /// The password was given by somebody else and must be changed.
    pub must_change: bool,
    /// When the password was set.
    pub password_set: Wall,
    /// When it signed in last.
    pub signed_in: Option<Wall>,
}

/// A saved filter of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// Name its owner gave it.
    pub name: String,
    /// Query string, without `?`.
    pub query: String,
}
