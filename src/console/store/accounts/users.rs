//! Accounts: made, locked, given a new password, removed. A password is judged and hashed before the writer
//! is asked, so that nobody waits behind it. It refuses to leave the console without an administrator.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::sessions::{End, end_of};
use super::{Whose, guard, sessions};
use crate::console::command::{Actor, Command, CommandError, Outcome, Role, Scope, said};
use crate::console::password;
use crate::console::store::Store;
use crate::console::store::audit::Entry;
use crate::console::store::commands::{known_regions, named};
use crate::console::store::db::sql;
use crate::console::store::live::Shared;
use crate::console::store::tokens::{scope_of, scope_text};
use crate::console::store::types::{StoreError, UserRow};
use crate::console::store::writer::Writer;
use crate::model::{SecretText, Wall};

/// Accounts, at most: a prefecture's duty rooms have a few dozen people.
const MAX_USERS: usize = 1_000;
/// Longest name for people, in characters.
const MAX_DISPLAY: usize = 80;

/// A user in memory.
#[derive(Debug, Clone)]
pub(super) struct UserLive {
    pub(super) row: UserRow,
    /// Of the password in force.
    pub(super) hash: String,
}

/// What `add` makes.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) display: String,
    pub(super) role: Role,
    pub(super) scope: Scope,
}

/// What had to be done before a command could go to the writer.
pub(in crate::console::store) enum Prepared {
    /// Nothing.
    Nothing,
    /// The hash of the new password.
    Hash(String),
    /// The password was refused.
    Refused(CommandError),
}

impl Prepared {
    /// The hash; a command that needs one has one.
    pub(super) fn hash(self) -> Result<String, CommandError> {
        match self {
            Self::Hash(hash) => Ok(hash),
            Self::Refused(error) => Err(error),
            Self::Nothing => Err(CommandError::Store("the password was not hashed".to_owned())),
        }
    }
}

fn busy() -> CommandError {
    CommandError::Conflict(said(
        "密码校验繁忙：请稍后再试",
        "too many passwords are being checked: try again in a moment",
    ))
}

fn unknown(name: &str) -> CommandError {
    CommandError::NotFound { what: "user", id: name.chars().take(64).collect() }
}

/// Judges and hashes the password of a command that carries one.
pub(in crate::console::store) async fn prepare(store: &Store, actor: &Actor, command: &Command) -> Prepared {
    let done = match command {
        Command::UserAdd { name, password, .. } => fresh(store, name, password, false).await,
        Command::UserReset { name, password } => fresh(store, name, password, true).await,
        Command::PasswordChange { old, new, .. } => match own_name(actor) {
            Ok(name) => match prove(store, name, old).await {
                Ok(()) => fresh(store, name, new, true).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        },
        _ => return Prepared::Nothing,
    };
    done.map_or_else(Prepared::Refused, Prepared::Hash)
}

/// The user that a session stands for.
fn own_name(actor: &Actor) -> Result<&str, CommandError> {
    actor.name.strip_prefix("user:").ok_or_else(|| {
        CommandError::Invalid(said(
            "当前身份不是用户，没有密码可改：请以用户名登录",
            "only a user has a password to change: sign in with a name",
        ))
    })
}

/// Judges a new password and hashes it.
async fn fresh(store: &Store, name: &str, password: &SecretText, known: bool) -> Result<String, CommandError> {
    if let Some(said) = password::weakness(name, password) {
        return Err(CommandError::Invalid(said));
    }
    let guard = &store.shared.accounts.guard;
    if known {
        let of = name.to_owned();
        for kept in store.read(move |core| history(core, &of)).await? {
            if guard.verify(password, Some(kept)).await.ok_or_else(busy)? {
                return Err(CommandError::Invalid(said(
                    format!("此密码在最近 {} 次之内用过：请换一个", password::HISTORY),
                    format!("the password was one of the last {}: take another", password::HISTORY),
                )));
            }
        }
    }
    guard.hash(password).await.ok_or_else(busy)?.map_err(CommandError::from)
}

/// Whether the old password is right; a wrong one counts as a failed sign-in.
async fn prove(store: &Store, name: &str, old: &SecretText) -> Result<(), CommandError> {
    let guard = &store.shared.accounts.guard;
    let user = store.shared.people().users.get(name).cloned().ok_or_else(|| unknown(name))?;
    let whose = Whose::User(user.row.name.clone());
    let locked = |until: Wall| {
        CommandError::Conflict(said(
            format!("密码错误次数过多：请在 {until} 之后再试"),
            format!("too many wrong passwords: try again after {until}"),
        ))
    };
    guard.begin(&whose, store.shared.clock.now()).map_err(locked)?;
    match guard.verify(old, Some(user.hash)).await {
        None => {
            guard.cancel(&whose);
            Err(busy())
        }
        Some(true) => {
            guard.forget(&whose);
            Ok(())
        }
        Some(false) => {
            let now = store.shared.clock.now();
            let until = guard.failed(&whose, now);
            let note =
                sessions::Failure { user: Some(user.row.name), why: "wrong password", until, from: String::new() };
            store.queue.ask(move |writer| note.write(writer, "password.check")).await?;
            Err(CommandError::Invalid(said("原密码错误", "the old password is wrong")))
        }
    }
}

/// All users.
pub(super) fn load(core: &Connection) -> Result<BTreeMap<Arc<str>, UserLive>, StoreError> {
    let names: Vec<String> = core
        .prepare("SELECT name FROM user")
        .and_then(|mut q| q.query_map([], |r| r.get(0))?.collect())
        .map_err(sql("list the users"))?;
    let mut all = BTreeMap::new();
    for name in names {
        if let Some(user) = one(core, &name)? {
            all.insert(user.row.name.clone(), user);
        }
    }
    Ok(all)
}

/// One user as the tables have it.
pub(super) fn one(core: &Connection, name: &str) -> Result<Option<UserLive>, StoreError> {
    core.prepare_cached(
        "SELECT u.name, u.display, u.role, u.scope, u.created, u.creator, u.locked, u.locked_until, u.must_change, \
         u.signed_in, p.at, p.hash FROM user u JOIN user_password p ON p.user = u.name \
         WHERE u.name = ?1 ORDER BY p.n DESC LIMIT 1",
    )
    .and_then(|mut q| {
        q.query_row([name], |r| {
            let row = UserRow {
                name: Arc::from(r.get::<_, String>(0)?),
                display: r.get(1)?,
                // A word of a newer version may do the least.
                role: Role::parse(&r.get::<_, String>(2)?).unwrap_or(Role::Viewer),
                scope: scope_of(r.get::<_, Option<String>>(3)?.as_deref()),
                created: Wall::from_millis(r.get(4)?),
                creator: r.get(5)?,
                locked: r.get(6)?,
                locked_until: r.get::<_, Option<i64>>(7)?.map(Wall::from_millis),
                must_change: r.get(8)?,
                signed_in: r.get::<_, Option<i64>>(9)?.map(Wall::from_millis),
                password_set: Wall::from_millis(r.get(10)?),
            };
            Ok(UserLive { row, hash: r.get(11)? })
        })
        .optional()
    })
    .map_err(sql("read a user"))
}

/// Failed sign-ins since the last success.
pub(super) fn failures(core: &Connection, name: &str) -> Result<Vec<Wall>, StoreError> {
    core.prepare_cached("SELECT at FROM sign_in_failure WHERE user = ?1 ORDER BY at DESC LIMIT 100")
        .and_then(|mut q| q.query_map([name], |r| Ok(Wall::from_millis(r.get(0)?)))?.collect())
        .map_err(sql("read the failed sign-ins"))
}

/// The last passwords, the one in force first.
fn history(core: &Connection, name: &str) -> Result<Vec<String>, StoreError> {
    core.prepare_cached("SELECT hash FROM user_password WHERE user = ?1 ORDER BY n DESC LIMIT ?2")
        .and_then(|mut q| q.query_map(params![name, password::HISTORY as i64], |r| r.get(0))?.collect())
        .map_err(sql("read the last passwords"))
}

/// See `Store::users`.
pub(super) fn all(shared: &Shared) -> Vec<UserRow> {
    let now = shared.clock.mono();
    let mut rows: Vec<UserRow> = shared.people().users.values().map(|user| user.row.clone()).collect();
    for row in &mut rows {
        row.locked_until = shared.accounts.guard.locked(&row.name, now);
    }
    rows
}

/// Puts into memory what the tables have now, once they are committed.
pub(super) fn refresh(writer: &mut Writer, name: &str) -> Result<(), StoreError> {
    let user = one(&writer.core, name)?;
    let name: Arc<str> = Arc::from(name);
    writer.after(move |shared| {
        let mut people = shared.people();
        match user {
            Some(user) => people.users.insert(name, user),
            None => people.users.remove(&name),
        };
    });
    Ok(())
}

/// Nothing that failed before counts any more.
pub(super) fn forgive(writer: &mut Writer, name: &str) -> Result<(), StoreError> {
    writer
        .core
        .execute("DELETE FROM sign_in_failure WHERE user = ?1", [name])
        .and_then(|_| writer.core.execute("UPDATE user SET locked_until = NULL WHERE name = ?1", [name]))
        .map_err(sql("forget failed sign-ins"))?;
    let whose = Whose::User(Arc::from(name));
    writer.after(move |shared| shared.accounts.guard.forget(&whose));
    Ok(())
}

fn set_password(writer: &Writer, name: &str, hash: &str) -> Result<(), StoreError> {
    let now = writer.now().millis();
    let set = "INSERT INTO user_password (user, n, at, hash) \
               SELECT ?1, coalesce(max(n), 0) + 1, ?2, ?3 FROM user_password WHERE user = ?1";
    let prune = "DELETE FROM user_password WHERE user = ?1 \
                 AND n <= (SELECT max(n) FROM user_password WHERE user = ?1) - ?2";
    writer
        .core
        .execute(set, params![name, now, hash])
        .and_then(|_| writer.core.execute(prune, params![name, password::HISTORY as i64]))
        .map(drop)
        .map_err(sql("store a password"))
}

/// What an audit row says of a user.
fn digest(row: &UserRow) -> String {
    serde_json::json!({
        "display": row.display, "role": row.role.as_str(), "scope": scope_text(&row.scope), "locked": row.locked,
    })
    .to_string()
}

pub(super) fn add(
    writer: &mut Writer,
    actor: &Actor,
    wanted: Wanted,
    hash: String,
    entry: &mut Entry,
) -> Result<Outcome, CommandError> {
    let Wanted { name, display, role, scope } = wanted;
    named(&name, "user")?;
    let display = display.trim().to_owned();
    let long = display.chars().count();
    if !(1..=MAX_DISPLAY).contains(&long) || display.chars().any(char::is_control) {
        return Err(CommandError::Invalid(said(
            format!("姓名须有 1 至 {MAX_DISPLAY} 个字符，不含控制字符；现有 {long} 个"),
            format!(
                "a name for people has 1 to {MAX_DISPLAY} characters, no control characters; this one has {long}"
            ),
        )));
    }
    match (&scope, role) {
        (_, Role::Metrics) => {
            return Err(CommandError::Invalid(said(
                "用户的角色为 admin, operator 或 viewer；采集指标请用令牌",
                "a user is admin, operator or viewer; metrics are read with a token",
            )));
        }
        (Scope::Regions(_), Role::Admin) => {
            return Err(CommandError::Invalid(said(
                "管理员不限区划；要限定区划请用 operator 或 viewer",
                "an admin is not limited to regions; take operator or viewer for that",
            )));
        }
        (Scope::Regions(regions), _) if regions.is_empty() => {
            return Err(CommandError::Invalid(said(
                "范围中没有区划；请给出区划，或不限范围",
                "a scope of no region sees nothing; give one or none",
            )));
        }
        (Scope::Regions(regions), _) => known_regions(writer, regions)?,
        (Scope::All, _) => {}
    }
    let count: i64 =
        writer.core.query_row("SELECT count(*) FROM user", [], |r| r.get(0)).map_err(sql("count the users"))?;
    if one(&writer.core, &name)?.is_some() {
        return Err(CommandError::Conflict(said(
            format!("用户 `{name}` 已存在：请换一个名称"),
            format!("there is a user `{name}` already: take another name"),
        )));
    }
    if count >= MAX_USERS as i64 {
        return Err(CommandError::Conflict(said(
            format!("用户已达 {MAX_USERS} 个：请先删除不用的"),
            format!("there are {MAX_USERS} users already: remove some that are not needed"),
        )));
    }
    // Whoever makes the first account chose its password for himself.
    let must_change = count > 0;
    writer
        .core
        .execute(
            "INSERT INTO user (name, display, role, scope, created, creator, locked, must_change) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
            params![name, display, role.as_str(), scope_text(&scope), writer.now().millis(), actor.name, must_change],
        )
        .map_err(sql("store a user"))?;
    set_password(writer, &name, &hash)?;
    if let Some(made) = one(&writer.core, &name)? {
        entry.after = digest(&made.row);
    }
    refresh(writer, &name)?;
    Ok(Outcome::Done)
}

/// The user, if one is there; never the last administrator where `taking` it away.
fn target(writer: &Writer, name: &str, taking: bool) -> Result<UserLive, CommandError> {
    let user = one(&writer.core, name)?.ok_or_else(|| unknown(name))?;
    if taking && user.row.role == Role::Admin {
        let others: i64 = writer
            .core
            .query_row("SELECT count(*) FROM user WHERE role = 'admin' AND locked = 0 AND name <> ?1", [name], |r| {
                r.get(0)
            })
            .map_err(sql("count the administrators"))?;
        if others == 0 {
            return Err(CommandError::Conflict(said(
                format!("`{name}` 是最后一名管理员，不能锁定或删除：请先添加另一名管理员"),
                format!("`{name}` is the last admin and cannot be locked or removed: add another admin first"),
            )));
        }
    }
    Ok(user)
}

pub(super) fn lock(
    writer: &mut Writer,
    actor: &Actor,
    name: &str,
    locked: bool,
    entry: &mut Entry,
) -> Result<Outcome, CommandError> {
    let user = target(writer, name, locked)?;
    entry.before = digest(&user.row);
    writer
        .core
        .execute("UPDATE user SET locked = ?2 WHERE name = ?1", params![name, locked])
        .map_err(sql("lock a user"))?;
    if locked {
        end_of(writer, &actor.name, &format!("user:{name}"), End::all("user locked"))?;
    } else {
        forgive(writer, name)?;
    }
    entry.after = digest(&UserRow { locked, ..user.row });
    refresh(writer, name)?;
    Ok(Outcome::Done)
}

pub(super) fn reset(writer: &mut Writer, actor: &Actor, name: &str, hash: &str) -> Result<Outcome, CommandError> {
    target(writer, name, false)?;
    if own_name(actor).is_ok_and(|own| own == name) {
        return Err(CommandError::Conflict(said(
            "自己的密码请用“修改密码”更改，需要原密码",
            "change your own password with the old one, not by a reset",
        )));
    }
    set_password(writer, name, hash)?;
    writer
        .core
        .execute("UPDATE user SET must_change = 1 WHERE name = ?1", [name])
        .map_err(sql("reset a password"))?;
    forgive(writer, name)?;
    end_of(writer, &actor.name, &format!("user:{name}"), End::all("password reset"))?;
    refresh(writer, name)?;
    Ok(Outcome::Done)
}

pub(super) fn remove(
    writer: &mut Writer,
    actor: &Actor,
    name: &str,
    entry: &mut Entry,
) -> Result<Outcome, CommandError> {
    let user = target(writer, name, true)?;
    entry.before = digest(&user.row);
    let owner = format!("user:{name}");
    end_of(writer, &actor.name, &owner, End::all("user removed"))?;
    writer
        .core
        .execute("DELETE FROM user WHERE name = ?1", [name])
        .and_then(|_| writer.core.execute("DELETE FROM saved_view WHERE owner = ?1", [&owner]))
        .map_err(sql("remove a user"))?;
    let whose = Whose::User(user.row.name);
    writer.after(move |shared| {
        shared.accounts.guard.forget(&whose);
        shared.people().views.retain(|(other, _), _| *other != owner);
    });
    refresh(writer, name)?;
    Ok(Outcome::Done)
}

pub(super) fn change(
    writer: &mut Writer,
    actor: &Actor,
    keep: Option<&str>,
    hash: &str,
) -> Result<Outcome, CommandError> {
    let name = own_name(actor)?.to_owned();
    target(writer, &name, false)?;
    set_password(writer, &name, hash)?;
    writer
        .core
        .execute("UPDATE user SET must_change = 0 WHERE name = ?1", [&name])
        .map_err(sql("change a password"))?;
    forgive(writer, &name)?;
    end_of(writer, &actor.name, &actor.name, End { but: keep, why: "password changed" })?;
    refresh(writer, &name)?;
    Ok(Outcome::Done)
}

/// Whose password a name's is, for the guard.
pub(super) fn whose(known: Option<&UserLive>, name: &str) -> Whose {
    match known {
        Some(user) => Whose::User(user.row.name.clone()),
        None => Whose::Nobody(crate::console::store::tokens::hash(name)),
    }
}

/// The lock of a user by failures, written down.
pub(super) fn write_lock(writer: &mut Writer, name: &str, until: Wall) -> Result<(), StoreError> {
    writer
        .core
        .execute("UPDATE user SET locked_until = ?2 WHERE name = ?1", params![name, until.millis()])
        .map_err(sql("lock a user after failed sign-ins"))?;
    let entry = Entry {
        actor: "console".to_owned(),
        action: "user.lock",
        target: format!("user:{name}"),
        after: serde_json::json!({ "until": until.to_string(), "failures": guard::TRIES }).to_string(),
        result: "ok".to_owned(),
        ..Entry::default()
    };
    crate::console::store::audit::append(writer, &entry)
}
