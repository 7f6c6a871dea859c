//! Commands of people and of the console: who may do what, on what is in their scope, and the audit row that
//! every one of them leaves, a refused one too.

use std::time::Duration;

use rusqlite::params;

use super::accounts::{End, Prepared, WALL};
use super::audit::Entry;
use super::db::sql;
use super::scope::Seen;
use super::types::{StoreError, TokenRow};
use super::writer::Writer;
use super::{
    Store, accounts, agents, audit, certificates, discoveries, incidents, inventory, looks, maintenance, sealed,
    tokens, waivers, walks,
};
use crate::console::command::{Actor, Command, CommandError, Outcome, Role, Scope, said};
use crate::engine::incident::{Input, Refused};
use crate::model::incident::{AckKind, Incident};
use crate::model::inventory::Inventory;
use crate::model::plan::Job;
use crate::model::{AgentId, Object, Wall};

/// Longest comment, note or reason, in bytes: a page of text.
const MAX_WORDS: usize = 8_192;
/// An enrolment token lives so long at most: a USB stick takes days to a remote county.
const MAX_ENROLL: Duration = Duration::from_secs(7 * 86_400);

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Request(text) => Self::Invalid(said(text.clone(), text)),
            StoreError::Key(text) => Self::Conflict(said(text.clone(), text)),
            other => Self::Store(other.to_string()),
        }
    }
}

impl From<Refused> for CommandError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown(id) => Self::NotFound { what: "incident", id: id.to_string() },
            Refused::Conflict { .. } => Self::Conflict(said(refused.zh(), refused.to_string())),
            Refused::Missing { .. } | Refused::Past(_) => Self::Invalid(said(refused.zh(), refused.to_string())),
        }
    }
}

/// See `Store::command`.
pub(super) async fn run(
    store: &Store,
    actor: Actor,
    reason: Option<String>,
    command: Command,
) -> Result<Outcome, CommandError> {
    let (action, target, needs) = words(&command);
    let allowed = permit(&actor, needs);
    let prepared = match &allowed {
        Ok(()) => accounts::prepare(store, &actor, &command).await,
        Err(_) => Prepared::Nothing,
    };
    let asked = store.queue.ask(move |writer| {
        let mut entry = Entry {
            actor: actor.name.to_string(),
            action,
            target,
            reason: reason.unwrap_or_default(),
            ..Entry::default()
        };
        let result = match (allowed, prepared) {
            (Err(error), _) | (Ok(()), Prepared::Refused(error)) => Err(error),
            (Ok(()), prepared) => writer.nested(|writer| carry_out(writer, &actor, command, prepared, &mut entry)),
        };
        entry.result = match &result {
            Ok(_) => "ok".to_owned(),
            Err(error) => {
                entry.after.clear();
                format!("refused: {error}")
            }
        };
        audit::append(writer, &entry)?;
        Ok::<_, StoreError>(result)
    });
    asked.await?
}

/// Action, target and the role it needs.
fn words(command: &Command) -> (&'static str, String, Role) {
    let incident = |id: &str| format!("incident:{id}");
    match command {
        Command::Ack { id, .. } => ("incident.ack", incident(id), Role::Operator),
        Command::Unack { id } => ("incident.unack", incident(id), Role::Operator),
        Command::Assign { id, .. } => ("incident.assign", incident(id), Role::Operator),
        Command::Resolve { id, .. } => ("incident.resolve", incident(id), Role::Operator),
        Command::Close { id, .. } => ("incident.close", incident(id), Role::Operator),
        Command::Note { id, .. } => ("incident.note", incident(id), Role::Operator),
        Command::Walk { asset, .. } => ("snmp.walk", format!("asset:{asset}"), Role::Operator),
        Command::ProbeNow { object, .. } => ("probe.now", object.to_string(), Role::Operator),
        Command::MaintenanceAdd(_) => ("maintenance.add", "maintenance".to_owned(), Role::Operator),
        Command::MaintenanceApprove { id } => ("maintenance.approve", format!("maintenance:{id}"), Role::Operator),
        Command::MaintenanceEnd { id } => ("maintenance.end", format!("maintenance:{id}"), Role::Operator),
        Command::Inspections(_) => ("baseline.import", "baseline".to_owned(), Role::Security),
        Command::WaiverAdd(_) => ("waiver.add", "waiver".to_owned(), Role::Security),
        Command::WaiverRevoke { id } => ("waiver.revoke", format!("waiver:{id}"), Role::Security),
        Command::Answers(_) => ("baseline.answer", "baseline".to_owned(), Role::Security),
        Command::Discover { agent, .. } => ("discovery.begin", format!("agent:{agent}"), Role::Admin),
        Command::InventoryApply { .. } => ("inventory.apply", "inventory".to_owned(), Role::Admin),
        Command::Import { .. } => ("inventory.import", "inventory".to_owned(), Role::Admin),
        Command::SecretSet { name, .. } => ("secret.set", format!("secret:{name}"), Role::Admin),
        Command::SecretRemove { name } => ("secret.remove", format!("secret:{name}"), Role::Admin),
        Command::SecretRotate => ("secret.rotate", "secrets".to_owned(), Role::Admin),
        Command::TokenCreate { name, .. } => ("token.create", format!("token:{name}"), Role::Admin),
        Command::TokenRevoke { name } => ("token.revoke", format!("token:{name}"), Role::Admin),
        Command::EnrollToken { agent, .. } => ("agent.enroll_token", format!("agent:{agent}"), Role::Admin),
        Command::AgentRevoke { agent, .. } => ("agent.revoke", format!("agent:{agent}"), Role::Admin),
        Command::UserAdd { name, .. } => ("user.add", format!("user:{name}"), Role::Admin),
        Command::UserLock { name, locked: true } => ("user.lock", format!("user:{name}"), Role::Admin),
        Command::UserLock { name, locked: false } => ("user.unlock", format!("user:{name}"), Role::Admin),
        Command::UserReset { name, .. } => ("user.reset", format!("user:{name}"), Role::Admin),
        Command::UserLink { name } => ("user.link", format!("user:{name}"), Role::Admin),
        Command::WallLink { .. } => ("wall.link", "wall".to_owned(), Role::Admin),
        Command::UserRemove { name } => ("user.remove", format!("user:{name}"), Role::Admin),
        Command::PasswordChange { .. } => ("password.change", "password".to_owned(), Role::Viewer),
        Command::MessageTest { person } => ("message.test", format!("person:{person}"), Role::Admin),
        Command::SessionEnd { id } => ("session.stop", format!("session:{id}"), Role::Viewer),
        Command::ViewSave { page, name, .. } => ("view.save", format!("view:{page}/{name}"), Role::Viewer),
        Command::ViewRemove { page, name } => ("view.remove", format!("view:{page}/{name}"), Role::Viewer),
    }
}

fn permit(actor: &Actor, needs: Role) -> Result<(), CommandError> {
    let fine = match needs {
        Role::Operator => matches!(actor.role, Role::Admin | Role::Operator),
        // Nobody who runs the console grants himself a waiver; who owns the machine can do anything anyway.
        Role::Security => actor.role == Role::Security || actor.owns_machine(),
        // What everybody may do for himself.
        Role::Viewer => actor.role != Role::Metrics,
        _ => actor.role == Role::Admin,
    };
    if actor.name.starts_with(WALL) {
        return Err(CommandError::Conflict(said(
            "大屏会话只能查看：请用自己的账户登录后操作",
            "a wall only shows: sign in with an account of your own to change anything",
        )));
    }
    if !fine {
        return Err(CommandError::Forbidden { role: actor.role.as_str(), needs: needs.as_str() });
    }
    if needs == Role::Admin && actor.scope != Scope::All {
        return Err(CommandError::Conflict(said(
            "此操作涉及区划以外的内容：请用不限区划的令牌",
            "this changes things outside any region: use a token that is not limited to regions",
        )));
    }
    Ok(())
}

fn carry_out(
    writer: &mut Writer,
    actor: &Actor,
    command: Command,
    prepared: Prepared,
    entry: &mut Entry,
) -> Result<Outcome, CommandError> {
    let who = actor.name.to_string();
    let now = writer.now();
    match command {
        Command::Ack { id, comment, kind } => {
            if let AckKind::Until(until) = kind
                && until <= now
            {
                return Err(CommandError::Invalid(said(
                    format!("{until} 已过；请给更晚的时间"),
                    format!("{until} is past; give a later time"),
                )));
            }
            let comment = sized("the comment", comment)?;
            on_incident(writer, actor, entry, &id, |incident| Input::Ack { incident, actor: who, comment, kind })
        }
        Command::Unack { id } => {
            on_incident(writer, actor, entry, &id, |incident| Input::Unack { incident, actor: who })
        }
        Command::Assign { id, to } => {
            let to = to.map(|to| sized("the assignee", to)).transpose()?;
            on_incident(writer, actor, entry, &id, |incident| Input::Assign { incident, actor: who, to })
        }
        Command::Resolve { id, reason } => {
            let reason = sized("the reason", reason)?;
            on_incident(writer, actor, entry, &id, |incident| Input::Resolve { incident, actor: who, reason })
        }
        Command::Close { id, cause, party, comment } => {
            let (party, comment) = (sized("the party", party)?, sized("the comment", comment)?);
            on_incident(writer, actor, entry, &id, |incident| Input::Close {
                incident,
                actor: who,
                cause,
                party,
                comment,
            })
        }
        Command::Note { id, text } => {
            let text = sized("the note", text)?;
            on_incident(writer, actor, entry, &id, |incident| Input::Note { incident, actor: who, text })
        }
        Command::MaintenanceAdd(mut asked) => {
            asked.title = sized("the title", asked.title)?;
            maintenance::add(writer, actor, entry, *asked)
        }
        Command::MaintenanceApprove { id } => maintenance::approve(writer, actor, entry, &id),
        Command::MaintenanceEnd { id } => maintenance::end(writer, actor, entry, &id),
        Command::Inspections(all) => waivers::import(writer, actor, entry, all),
        Command::WaiverAdd(plea) => waivers::add(writer, actor, entry, *plea),
        Command::WaiverRevoke { id } => waivers::revoke(writer, actor, entry, &id),
        Command::Answers(given) => waivers::answer(writer, actor, entry, given),
        Command::Walk { asset, oid } => {
            if !Seen::new(&actor.scope, &writer.shared.live().inventory).sees(&Object::Asset(asset.clone())) {
                return Err(CommandError::NotFound { what: "asset", id: asset.to_string() });
            }
            entry.after = serde_json::json!({ "oid": oid }).to_string();
            walks::command(writer, who, asset, &oid)
        }
        Command::ProbeNow { object, count, spacing_ms } => probe_now(writer, actor, &object, count, spacing_ms),
        Command::Discover { agent, wanted, zone, region, found } => {
            entry.after = serde_json::json!({
                "ranges": wanted.ranges, "secrets": wanted.secrets, "zone": zone.to_string(), "swept": found.is_some()
            })
            .to_string();
            discoveries::command(writer, who, discoveries::Asked { agent, wanted, zone, region, found })
        }
        Command::InventoryApply { inventory, summary, base_rev } => {
            entry.before = serde_json::json!({"rev": base_rev}).to_string();
            entry.after = serde_json::json!({ "changes": summary }).to_string();
            inventory_apply(writer, *inventory, base_rev)
        }
        Command::Import { inventory, secrets, summary, base_rev } => {
            entry.before = serde_json::json!({"rev": base_rev}).to_string();
            let names: Vec<&String> = secrets.iter().map(|(name, _)| name).collect();
            entry.after = serde_json::json!({ "changes": summary, "secrets": names }).to_string();
            for (name, secret) in &secrets {
                named(name, "secret")?;
                sealed::set(writer, name, secret, &who)?;
            }
            inventory_apply(writer, *inventory, base_rev)
        }
        Command::SecretSet { name, secret } => {
            named(&name, "secret")?;
            entry.after = serde_json::json!({"type": secret.kind()}).to_string();
            let replaced = sealed::set(writer, &name, &secret, &who)?;
            entry.before = if replaced { "{\"set\":true}".to_owned() } else { String::new() };
            Ok(Outcome::Done)
        }
        Command::SecretRemove { name } => secret_remove(writer, name),
        Command::SecretRotate => {
            let (generation, count) = sealed::rotate(writer)?;
            entry.after = serde_json::json!({"generation": generation, "secrets": count}).to_string();
            Ok(Outcome::Done)
        }
        Command::TokenCreate { name, role, scope, expires } => {
            entry.after = serde_json::json!({
                "role": role.as_str(), "scope": tokens::scope_text(&scope), "expires": expires.map(|at| at.to_string())
            })
            .to_string();
            token_create(writer, who, name, role, scope, expires)
        }
        Command::TokenRevoke { name } => match tokens::revoke(writer, &name)? {
            true => {
                accounts::end_of(writer, &who, &format!("token:{name}"), End::all("token revoked"))?;
                Ok(Outcome::Done)
            }
            false => Err(CommandError::NotFound { what: "token", id: name }),
        },
        Command::EnrollToken { agent, region, expires } => {
            entry.after = serde_json::json!({
                "region": region.as_ref().map(ToString::to_string), "expires": expires.to_string()
            })
            .to_string();
            enroll_token(writer, &who, &agent, region.as_ref(), expires)
        }
        Command::AgentRevoke { agent, reason } => {
            let reason = sized("the reason", reason)?;
            entry.after = serde_json::json!({ "reason": reason }).to_string();
            agent_revoke(writer, &agent, &reason)
        }
        Command::MessageTest { person } => {
            entry.after = serde_json::json!({ "way": "log" }).to_string();
            match writer.shared.live().inventory.persons.contains_key(&person) {
                true => Ok(Outcome::Done),
                false => Err(CommandError::NotFound { what: "person", id: person.to_string() }),
            }
        }
        command @ (Command::UserAdd { .. }
        | Command::UserLock { .. }
        | Command::UserReset { .. }
        | Command::UserRemove { .. }
        | Command::PasswordChange { .. }
        | Command::UserLink { .. }
        | Command::WallLink { .. }
        | Command::SessionEnd { .. }
        | Command::ViewSave { .. }
        | Command::ViewRemove { .. }) => accounts::carry_out(writer, actor, command, prepared, entry),
    }
}

fn inventory_apply(writer: &mut Writer, inventory: Inventory, base_rev: u64) -> Result<Outcome, CommandError> {
    match inventory::apply(writer, inventory, base_rev)? {
        inventory::Applied::Revision(rev) => Ok(Outcome::Revision(rev)),
        inventory::Applied::Conflict(found) => Err(CommandError::Conflict(said(
            format!("台账已是版本 {found}，此变更按版本 {base_rev} 制定：请重新比较"),
            format!(
                "the inventory is at revision {found}, this was planned against {base_rev}: look at the difference again"
            ),
        ))),
    }
}

fn sized(what: &str, text: String) -> Result<String, CommandError> {
    if text.len() > MAX_WORDS {
        return Err(CommandError::Invalid(said(
            format!("文字有 {} 字节，超过 {MAX_WORDS}：请缩短", text.len()),
            format!("{what} has {} bytes, more than {MAX_WORDS}: shorten it", text.len()),
        )));
    }
    Ok(text)
}

pub(super) fn named(name: &str, what: &str) -> Result<(), CommandError> {
    // Secrets and tokens follow the pattern of every other id.
    match AgentId::new(name) {
        Ok(_) => Ok(()),
        Err(error) => Err(CommandError::Invalid(said(
            format!("`{name}` 不能作名称：须以 a-z 或 0-9 开头，只含 a-z、0-9、`.`、`_`、`-`，不超过 64 个字符"),
            format!("`{name}` is no {what} name: {}", error.why),
        ))),
    }
}

fn on_incident(
    writer: &mut Writer,
    actor: &Actor,
    entry: &mut Entry,
    id: &str,
    input: impl FnOnce(std::sync::Arc<str>) -> Input,
) -> Result<Outcome, CommandError> {
    let unknown = || CommandError::NotFound { what: "incident", id: id.to_owned() };
    let seen = Seen::new(&actor.scope, &writer.shared.live().inventory);
    let before = incidents::one(&writer.core, &seen, id)?.ok_or_else(unknown)?;
    entry.before = digest(&before);
    let now = writer.now();
    incidents::apply(writer, input(before.id.clone()), id, now)??;
    let after = incidents::one(&writer.core, &Seen::new(&Scope::All, &writer.shared.live().inventory), id)?;
    let after = after.ok_or_else(unknown)?;
    entry.after = digest(&after);
    Ok(Outcome::Incident(Box::new(after)))
}

/// What an audit row says of an incident.
fn digest(incident: &Incident) -> String {
    serde_json::json!({
        "key": incident.key.to_string(),
        "state": incident.state.as_str(),
        "severity": incident.severity.as_str(),
        "ack": incident.ack.as_ref().map(|ack| serde_json::json!({"by": ack.by, "comment": ack.comment})),
        "assignee": incident.assignee,
        "close_cause": incident.close_cause.map(|cause| cause.as_str()),
        "party": incident.party,
    })
    .to_string()
}

fn secret_remove(writer: &mut Writer, name: String) -> Result<Outcome, CommandError> {
    let user = {
        let live = writer.shared.live();
        let uses = |secret: &str| secret == name;
        live.inventory
            .assets
            .values()
            .find(|asset| asset.snmp.as_ref().is_some_and(|snmp| uses(&snmp.secret)))
            .map(|asset| asset.id.clone())
    };
    if let Some(asset) = user {
        return Err(CommandError::Conflict(said(
            format!("凭据 `{name}` 正由资产 `{asset}` 使用：请先从台账中去掉"),
            format!("secret `{name}` is used by asset `{asset}`: take it out of the inventory first"),
        )));
    }
    match sealed::remove(writer, &name)? {
        true => Ok(Outcome::Done),
        false => Err(CommandError::NotFound { what: "secret", id: name }),
    }
}

pub(super) fn known_regions<'a>(
    writer: &Writer,
    regions: impl IntoIterator<Item = &'a crate::model::RegionId>,
) -> Result<(), CommandError> {
    let live = writer.shared.live();
    match regions.into_iter().find(|region| !live.inventory.regions.contains_key(*region)) {
        Some(region) => Err(CommandError::Invalid(said(
            format!("台账中没有区划 `{region}`：请先加入台账，或换一个已有的"),
            format!("region `{region}` is not in the inventory: apply it there first, or give one that is"),
        ))),
        None => Ok(()),
    }
}

fn token_create(
    writer: &mut Writer,
    creator: String,
    name: String,
    role: Role,
    scope: Scope,
    expires: Option<Wall>,
) -> Result<Outcome, CommandError> {
    named(&name, "token")?;
    let now = writer.now();
    if let Some(expires) = expires
        && expires <= now
    {
        return Err(CommandError::Invalid(said(
            format!("{expires} 已过；请给更晚的时间"),
            format!("{expires} is past; give a later time"),
        )));
    }
    if let Scope::Regions(regions) = &scope {
        if regions.is_empty() {
            return Err(CommandError::Invalid(said(
                "范围中没有区划；请给出区划，或不限范围",
                "a scope of no region sees nothing; give one or none",
            )));
        }
        known_regions(writer, regions)?;
    }
    let (token, hash) = tokens::make("fst_")?;
    let row = TokenRow { name: name.clone(), role, scope, created: now, creator, expires, used: None, revoked: None };
    match tokens::create(writer, row, hash)? {
        true => Ok(Outcome::Token { name, token }),
        false => Err(CommandError::Conflict(said(
            format!("令牌 `{name}` 已存在：请先吊销，或换一个名称"),
            format!("there is a token `{name}` already: revoke it first, or take another name"),
        ))),
    }
}

fn enroll_token(
    writer: &mut Writer,
    creator: &str,
    agent: &AgentId,
    region: Option<&crate::model::RegionId>,
    expires: Wall,
) -> Result<Outcome, CommandError> {
    let now = writer.now();
    if *agent == super::own::console() {
        return Err(CommandError::Invalid(said(
            "`console` 是管理中心自己的名称：请换一个",
            "`console` is this console's own name: take another",
        )));
    }
    if expires <= now || expires > now.plus(MAX_ENROLL) {
        return Err(CommandError::Invalid(said(
            format!("注册令牌最长 7 天：{expires} 不在其内"),
            format!("an enrolment token lives up to 7 days: {expires} is not within them"),
        )));
    }
    known_regions(writer, region)?;
    let (token, hash) = tokens::make("fse_")?;
    writer
        .core
        .execute(
            "INSERT INTO enrol_token (hash, agent, region, created, creator, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![hash, agent.as_str(), region.map(|r| r.as_str()), now.millis(), creator, expires.millis()],
        )
        .map_err(sql("store an enrolment token"))?;
    let rows = tokens::load_enroll(&writer.core)?;
    writer.after(move |shared| shared.live_mut().enroll_tokens = rows);
    Ok(Outcome::Token { name: agent.to_string(), token })
}

fn agent_revoke(writer: &mut Writer, agent: &AgentId, reason: &str) -> Result<Outcome, CommandError> {
    let now = writer.now();
    let known = writer.shared.live().agents.get(agent).is_some_and(|row| row.enrolled.is_some());
    if !known {
        return Err(CommandError::NotFound { what: "agent", id: agent.to_string() });
    }
    certificates::revoke(writer, agent, reason)?;
    writer
        .core
        .execute("UPDATE agent SET revoked = ?2 WHERE id = ?1", params![agent.as_str(), reason])
        .and_then(|_| {
            writer.core.execute("DELETE FROM enrol_token WHERE agent = ?1 AND used IS NULL", params![agent.as_str()])
        })
        .map_err(sql("revoke an agent"))?;
    let rows = tokens::load_enroll(&writer.core)?;
    // What it said is not upheld by anybody any more, and its silence is no news.
    let inputs = vec![
        Input::Roster { agent: agent.clone(), entries: Vec::new(), at: now },
        Input::AgentHeard { agent: agent.clone() },
    ];
    incidents::apply_all(writer, inputs, now)?;
    let (agent, reason) = (agent.clone(), reason.to_owned());
    writer.after(move |shared| {
        let mut live = shared.live_mut();
        live.agents.entry(agent).or_default().revoked = Some(reason);
        live.enroll_tokens = rows;
        drop(live);
        shared.changed(|changes| changes.plan += 1);
    });
    Ok(Outcome::Done)
}

fn probe_now(
    writer: &mut Writer,
    actor: &Actor,
    object: &Object,
    count: u32,
    spacing_ms: u64,
) -> Result<Outcome, CommandError> {
    if !(1..=20).contains(&count) || spacing_ms < 100 {
        return Err(CommandError::Invalid(said(
            "次数为 1 至 20，间隔至少 100 ms",
            "ask for 1 to 20 runs, at least 100 ms apart",
        )));
    }
    if !Seen::new(&actor.scope, &writer.shared.live().inventory).sees(object) {
        return Err(CommandError::NotFound { what: "object", id: object.to_string() });
    }
    let agents = looks::watchers(writer, object);
    if agents.is_empty() {
        return Err(CommandError::Conflict(said(
            format!("目前没有探针监测 {object}：见台账中的 `watch`"),
            format!("no agent watches {object} now: see `watch` in the inventory"),
        )));
    }
    let now = writer.now();
    for agent in &agents {
        let waiting = looks::waiting(writer, agent)?;
        if waiting >= looks::MAX_WAITING {
            return Err(CommandError::Conflict(said(
                format!("探针 `{agent}` 尚有 {waiting} 个任务等待：请稍后再试"),
                format!("{waiting} jobs wait for agent `{agent}`: try again later"),
            )));
        }
        let id = writer.new_id(now).to_string();
        let job = Job::ProbeNow { id: id.clone(), object: object.clone(), count, spacing_ms };
        agents::job_add(writer, agent, &id, &job)?;
    }
    Ok(Outcome::Queued(agents.into_iter().collect()))
}
