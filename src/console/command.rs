//! Every change to the console passes `Command {actor, scope, reason}` -> transaction -> audit row, and
//! every read takes a `Scope`. These are the values; `store` carries them out.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::discovery::{Found, Wanted};
use crate::model::finding::Inspection;
use crate::model::incident::{AckKind, CloseCause, Incident, IncidentState, TimelineEntry};
use crate::model::inventory::Inventory;
use crate::model::maintenance::Work;
use crate::model::waiver::{Answer, Plea};
use crate::model::{AgentId, AssetId, Object, PersonId, RegionId, Secret, SecretText, Severity, Wall, ZoneId};

/// What a principal may do. An admin runs the console, a security administrator owns what graded protection says of it,
/// an operator handles incidents, a viewer looks; `Metrics` stands apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// 安全管理员: sees everything in scope, owns waivers and answers of graded protection.
    Security,
    /// 值班员: sees everything in scope, handles incidents, asks for probes.
    Operator,
    /// Sees everything in scope.
    Viewer,
    /// Reads the metrics endpoints and nothing else.
    Metrics,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Admin, Self::Security, Self::Operator, Self::Viewer, Self::Metrics];
    /// The word used in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Security => "security",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Metrics => "metrics",
        }
    }
    /// The role of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

/// Which part of the world a principal sees: everything, or some regions with all below them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// Everything.
    #[default]
    All,
    /// These regions and those below them.
    Regions(Vec<RegionId>),
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `user:NAME`, `local:UID`, `token:NAME`, `agent:ID` or `console`; goes into audit rows and timelines.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
    /// What they may see.
    pub scope: Scope,
}

impl Actor {
    /// Whether he came through the admin socket, or opened the data directory himself.
    pub fn owns_machine(&self) -> bool {
        self.name.starts_with("local:")
    }
}

/// A change somebody asks for.
#[derive(Debug, Clone)]
pub enum Command {
    /// Acknowledge an incident (operator).
    Ack {
        /// Incident.
        id: String,
        /// What they say.
        comment: String,
        /// For how long.
        kind: AckKind,
    },
    /// End an acknowledgement (operator).
    Unack {
        /// Incident.
        id: String,
    },
    /// Assign an incident (operator).
    Assign {
        /// Incident.
        id: String,
        /// To whom; `None` takes it away.
        to: Option<String>,
    },
    /// Resolve by hand, with a reason (operator).
    Resolve {
        /// Incident.
        id: String,
        /// Why.
        reason: String,
    },
    /// Close a resolved incident (operator).
    Close {
        /// Incident.
        id: String,
        /// Why it happened.
        cause: CloseCause,
        /// Who was responsible.
        party: String,
        /// Words.
        comment: String,
    },
    /// Add a note (operator).
    Note {
        /// Incident.
        id: String,
        /// Words.
        text: String,
    },
    /// Bring the declared inventory to this state (admin). The caller has merged and checked it.
    InventoryApply {
        /// The whole inventory as it shall be.
        inventory: Box<Inventory>,
        /// The printed plan, for the audit row.
        summary: Vec<String>,
        /// The revision it was planned against; another one in between is a conflict.
        base_rev: u64,
    },
    /// Bring the inventory to this state and seal what it needs, in one transaction (admin).
    Import {
        /// The whole inventory as it shall be.
        inventory: Box<Inventory>,
        /// Secrets by name; each replaces one of that name.
        secrets: Vec<(String, Secret)>,
        /// The printed plan, for the audit row.
        summary: Vec<String>,
        /// The revision it was planned against; another one in between is a conflict.
        base_rev: u64,
    },
    /// Set a secret (admin).
    SecretSet {
        /// Name.
        name: String,
        /// Value.
        secret: Secret,
    },
    /// Remove a secret (admin).
    SecretRemove {
        /// Name.
        name: String,
    },
    /// Seal all secrets again under a new key (admin).
    SecretRotate,
    /// Make an API token (admin); answers `Outcome::Token`.
    TokenCreate {
        /// Name.
        name: String,
        /// Role.
        role: Role,
        /// Scope.
        scope: Scope,
        /// When it stops working.
        expires: Option<Wall>,
    },
    /// Revoke an API token (admin).
    TokenRevoke {
        /// Name.
        name: String,
    },
    /// Make a one-time enrolment token (admin); answers `Outcome::Token`.
    EnrollToken {
        /// The agent it is bound to.
        agent: AgentId,
        /// The region it is bound to.
        region: Option<RegionId>,
        /// When it stops working.
        expires: Wall,
    },
    /// Revoke an agent's certificates (admin).
    AgentRevoke {
        /// Agent.
        agent: AgentId,
        /// Why.
        reason: String,
    },
    /// Make an account (admin). Its holder must change the password at the first sign-in, unless it is the
    /// first account of all: whoever makes that one makes it for himself.
    UserAdd {
        /// Name to sign in with.
        name: String,
        /// Name for people.
        display: String,
        /// Role; any but `metrics`.
        role: Role,
        /// Scope; an admin's is everything.
        scope: Scope,
        /// First password.
        password: SecretText,
    },
    /// Lock or unlock an account (admin). Locking ends its sessions; unlocking forgets failed sign-ins too.
    UserLock {
        /// Name.
        name: String,
        /// True to lock.
        locked: bool,
    },
    /// Give an account a new password, to be changed at the next sign-in (admin). Ends its sessions.
    UserReset {
        /// Name.
        name: String,
        /// New password.
        password: SecretText,
    },
    /// Remove an account with its sessions and saved views (admin).
    UserRemove {
        /// Name.
        name: String,
    },
    /// Make a one-time link that signs a user in (admin); answers `Outcome::Token`.
    UserLink {
        /// Name.
        name: String,
    },
    /// Make a link for a screen on a wall (admin); answers `Outcome::Token`. The session it opens sees everything,
    /// changes nothing, belongs to the address that opened it, and goes on for 90 days.
    WallLink {
        /// Where the screen hangs, for people.
        display: String,
    },
    /// Change one's own password (any user). Ends the user's sessions but for `keep`.
    PasswordChange {
        /// Password in force.
        old: SecretText,
        /// New password.
        new: SecretText,
        /// Id of the session that asks.
        keep: Option<Arc<str>>,
    },
    /// End a session: one's own (anybody), another's (admin).
    SessionEnd {
        /// Public id.
        id: String,
    },
    /// Keep a filter of a page for oneself, in place of one of that name (anybody).
    ViewSave {
        /// Page, such as `assets`.
        page: String,
        /// Name.
        name: String,
        /// Query string, without `?`.
        query: String,
    },
    /// Forget a filter of a page (anybody, one's own).
    ViewRemove {
        /// Page.
        page: String,
        /// Name.
        name: String,
    },
    /// Have an agent sweep addresses (admin); answers `Outcome::Started`.
    Discover {
        /// Who looks.
        agent: AgentId,
        /// At what.
        wanted: Wanted,
        /// The zone the addresses are in.
        zone: ZoneId,
        /// The region that what is found belongs to, if it is known.
        region: Option<RegionId>,
        /// What was found already, if the caller has swept itself; then no agent is asked.
        found: Option<Vec<Found>>,
    },
    /// Try out how a person is told (admin). Until messages leave the console it is an audit row and nothing else.
    MessageTest {
        /// Who.
        person: PersonId,
    },
    /// Announce maintenance (operator); answers `Outcome::Started`. One that covers much counts only once a second
    /// person agreed.
    MaintenanceAdd(Box<Work>),
    /// Agree to a maintenance window as the second person (operator).
    MaintenanceApprove {
        /// Window.
        id: String,
    },
    /// End a maintenance window now, or call it off (operator).
    MaintenanceEnd {
        /// Window.
        id: String,
    },
    /// Take results of graded protection that were made elsewhere (security).
    Inspections(Vec<Inspection>),
    /// Grant a waiver (security); answers `Outcome::Started`.
    WaiverAdd(Box<Plea>),
    /// Take a waiver back (security).
    WaiverRevoke {
        /// Waiver.
        id: String,
    },
    /// Say what a person found, in place of a machine or where it cannot tell (security). An answer without a reason
    /// takes the one before away.
    Answers(Vec<Answer>),
    /// Have the agent that reads a device walk it (operator); answers `Outcome::Started`.
    Walk {
        /// The device.
        asset: AssetId,
        /// Below which OID, as `model::walk` reads it.
        oid: String,
    },
    /// Have an object's probes run now (operator).
    ProbeNow {
        /// Object.
        object: Object,
        /// How many runs, 1 to 20.
        count: u32,
        /// Milliseconds between runs, at least 100.
        spacing_ms: u64,
    },
}

/// What a command answers.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Done; nothing more to say.
    Done,
    /// The incident as it now is.
    Incident(Box<Incident>),
    /// A token, shown this once.
    Token {
        /// Id or name.
        name: String,
        /// The token.
        token: SecretText,
    },
    /// A sweep, or a maintenance window, with this id was begun.
    Started(String),
    /// Jobs were queued for these agents.
    Queued(Vec<AgentId>),
    /// The inventory's new revision.
    Revision(u64),
}

/// Words in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Words in both languages.
pub fn said(zh: impl Into<String>, en: impl Into<String>) -> Said {
    Said { zh: zh.into(), en: en.into() }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.en)
    }
}

/// Why a command was refused. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such thing in the actor's scope.
    #[error("{what} `{id}` is not known here; list what is there first")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The role does not allow it.
    #[error("role `{role}` may not do this; it needs `{needs}`")]
    Forbidden {
        /// Role of the actor.
        role: &'static str,
        /// Role it needs.
        needs: &'static str,
    },
    /// The thing's state does not allow it.
    #[error("{0}")]
    Conflict(Said),
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(Said),
    /// The store failed.
    #[error("the store failed: {0}; see the console's log")]
    Store(String),
}

/// Filter of an incident list.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    /// Any of these states; all if empty.
    pub states: Vec<IncidentState>,
    /// At least this bad.
    pub min_severity: Option<Severity>,
    /// About this object.
    pub object: Option<Object>,
    /// Of this problem.
    pub problem: Option<String>,
    /// Leave out symptoms.
    pub causes_only: bool,
}

/// What the rows of an inbox are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncidentSort {
    /// When it began.
    #[default]
    Opened,
    /// How bad it is.
    Severity,
    /// When it changed last.
    Updated,
    /// Object: what concerns the same one stands together.
    Object,
    /// When it was acknowledged.
    Acked,
}

/// Who has an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// Somebody of any of these names.
    To(Vec<String>),
    /// Nobody.
    Nobody,
}

/// Words to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// In names and ids of objects and problems; lower case.
    pub text: String,
    /// Problems whose names hold them: definitions have the names.
    pub problems: BTreeSet<String>,
}

/// A page of the inbox as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    /// Any of these states; all if empty.
    pub states: Vec<IncidentState>,
    /// At least this bad.
    pub min_severity: Option<Severity>,
    /// At most this bad.
    pub max_severity: Option<Severity>,
    /// In one of these regions or below; everywhere if empty.
    pub regions: Vec<RegionId>,
    /// With these words.
    pub words: Option<Words>,
    /// Who has it.
    pub assigned: Option<Assigned>,
    /// Opened then or later.
    pub opened_since: Option<Wall>,
    /// Leave out symptoms.
    pub causes_only: bool,
    /// Order.
    pub sort: IncidentSort,
    /// Largest first.
    pub descending: bool,
    /// At most so many, 1 to 20,000.
    pub limit: usize,
    /// Where the last page ended.
    pub after: Option<String>,
}

/// Filter of the audit trail; what is left out does not filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Who: the whole name (`user:li`), its beginning with the colon (`user:`), or a part of it without (`li`).
    pub actor: Option<String>,
    /// What: an action (`incident.ack`) or its beginning with the dot (`incident.`).
    pub action: Option<String>,
    /// On what: as it begins (`incident:0197`), the kind before the colon left out or not.
    pub target: Option<String>,
    /// Carried out, or refused.
    pub done: Option<bool>,
    /// Not before this.
    pub from: Option<Wall>,
    /// Before this.
    pub to: Option<Wall>,
}

/// A page request: newest first, after the cursor.
#[derive(Debug, Clone)]
pub struct Page {
    /// At most so many, 1 to 1000.
    pub limit: usize,
    /// Where the last page ended.
    pub after: Option<String>,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// Items.
    pub items: Vec<T>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// An incident with its timeline and symptoms.
#[derive(Debug, Clone)]
pub struct IncidentDetail {
    /// The incident.
    pub incident: Incident,
    /// Its timeline, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Incidents that are symptoms of it.
    pub symptoms: Vec<Incident>,
}
