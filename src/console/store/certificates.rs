//! Enrolment: a one-time token, bound to an agent, against a certificate. A token made after the agent's last
//! enrolment is an administrator's approval that the new certificate takes the old one's place.

use rusqlite::{OptionalExtension, params};

use super::db::sql;
use super::live::{CertificateLive, Shared};
use super::types::{EnrollError, Refusal, StoreError};
use super::writer::Writer;
use super::{Store, audit, tokens};
use crate::console::pki::{Issued, RENEW_LATE};
use crate::model::wire::EnrollAnswer;
use crate::model::{AgentId, Wall};

/// See `Store::agent_by_certificate`.
pub(super) fn agent_of(shared: &Shared, serial: &str) -> Result<AgentId, Refusal> {
    let live = shared.live();
    match live.certificates.get(serial) {
        None => Err(Refusal::Unknown(serial.to_owned())),
        Some(CertificateLive { agent, revoked: Some(reason), .. }) => {
            Err(Refusal::Revoked { serial: serial.to_owned(), agent: agent.clone(), reason: reason.clone() })
        }
        Some(certificate) => Ok(certificate.agent.clone()),
    }
}

/// See `Store::enroll`.
pub(super) async fn enroll(store: &Store, token: &str, csr: &str) -> Result<EnrollAnswer, EnrollError> {
    let (hash, csr) = (tokens::hash(token), csr.to_owned());
    store.queue.ask(move |writer| enroll_in(writer, &hash, &csr)).await
}

fn enroll_in(writer: &mut Writer, hash: &str, csr: &str) -> Result<EnrollAnswer, EnrollError> {
    let now = writer.now();
    type Found = (String, i64, i64, Option<i64>);
    let found: Option<Found> = writer
        .core
        .query_row("SELECT agent, created, expires, used FROM enrol_token WHERE hash = ?1", [hash], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
        })
        .optional()
        .map_err(sql("look for an enrolment token"))?;
    let Some((agent, created, expires, used)) = found else { return Err(EnrollError::UnknownToken) };
    let agent = AgentId::new(&agent).map_err(|error| StoreError::Request(error.to_string()))?;
    if let Some(used) = used {
        return Err(EnrollError::Used(Wall::from_millis(used)));
    }
    if expires <= now.millis() {
        return Err(EnrollError::Expired(Wall::from_millis(expires)));
    }
    let held: Option<i64> = writer
        .core
        .query_row(
            "SELECT max(issued) FROM certificate WHERE agent = ?1 AND revoked IS NULL AND expires > ?2",
            params![agent.as_str(), now.millis()],
            |r| r.get(0),
        )
        .map_err(sql("look for a certificate"))?;
    if held.is_some_and(|issued| issued > created) {
        return Err(EnrollError::Enrolled(agent));
    }
    let issued = writer.shared.authority.sign_agent(&agent, csr, now).map_err(EnrollError::Request)?;
    writer
        .core
        .execute("UPDATE enrol_token SET used = ?2 WHERE hash = ?1", params![hash, now.millis()])
        .map_err(sql("use an enrolment token"))?;
    let replaced = revoke(writer, &agent, "replaced by a new enrolment")?;
    store_certificate(writer, &agent, &issued, now)?;
    writer
        .core
        .execute(
            "INSERT INTO agent (id, enrolled) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET enrolled = ?2, revoked = NULL",
            params![agent.as_str(), now.millis()],
        )
        .map_err(sql("store an agent"))?;
    let entry = audit::Entry {
        actor: format!("agent:{agent}"),
        action: "agent.enroll",
        target: format!("agent:{agent}"),
        before: if replaced > 0 { format!("{{\"replaced\":{replaced}}}") } else { String::new() },
        after: format!("{{\"serial\":\"{}\",\"expires\":\"{}\"}}", issued.serial, issued.expires),
        result: "ok".to_owned(),
        ..audit::Entry::default()
    };
    audit::append(writer, &entry)?;
    let enrolled = agent.clone();
    let rows = tokens::load_enroll(&writer.core)?;
    writer.after(move |shared| {
        let mut live = shared.live_mut();
        let row = live.agents.entry(enrolled).or_default();
        row.enrolled = Some(now);
        row.revoked = None;
        live.enroll_tokens = rows;
        drop(live);
        shared.changed(|changes| changes.plan += 1);
    });
    Ok(answer(writer, agent, issued))
}

fn answer(writer: &Writer, agent: AgentId, issued: Issued) -> EnrollAnswer {
    let ca = writer.shared.authority.pem().to_owned();
    EnrollAnswer { agent, certificate: issued.pem, ca }
}

fn store_certificate(writer: &mut Writer, agent: &AgentId, issued: &Issued, now: Wall) -> Result<(), StoreError> {
    writer
        .core
        .execute(
            "INSERT INTO certificate (serial, agent, issued, expires) VALUES (?1, ?2, ?3, ?4)",
            params![issued.serial, agent.as_str(), now.millis(), issued.expires.millis()],
        )
        .map_err(sql("store a certificate"))?;
    let (serial, expires, agent) = (issued.serial.clone(), issued.expires, agent.clone());
    writer.after(move |shared| {
        shared.live_mut().certificates.insert(serial, CertificateLive { agent, expires, revoked: None });
    });
    Ok(())
}

/// Revokes all certificates of an agent; gives how many worked.
pub(super) fn revoke(writer: &mut Writer, agent: &AgentId, reason: &str) -> Result<usize, StoreError> {
    let changed = writer
        .core
        .execute(
            "UPDATE certificate SET revoked = ?2 WHERE agent = ?1 AND revoked IS NULL",
            params![agent.as_str(), reason],
        )
        .map_err(sql("revoke certificates"))?;
    let (agent, reason) = (agent.clone(), reason.to_owned());
    writer.after(move |shared| {
        for certificate in shared.live_mut().certificates.values_mut().filter(|c| c.agent == agent) {
            certificate.revoked.get_or_insert_with(|| reason.clone());
        }
    });
    Ok(changed)
}

/// See `Store::renew`. The old certificate stays good until its end: the answer may get lost on its way.
pub(super) async fn renew(store: &Store, serial: &str, csr: &str) -> Result<EnrollAnswer, EnrollError> {
    let agent = agent_of(&store.shared, serial)?;
    let (serial, csr) = (serial.to_owned(), csr.to_owned());
    store
        .queue
        .ask(move |writer| {
            let now = writer.now();
            let row: Option<(i64, Option<String>)> = writer
                .core
                .query_row("SELECT expires, revoked FROM certificate WHERE serial = ?1", [&serial], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
                .optional()
                .map_err(sql("look for a certificate"))?;
            let expires = match row {
                None => return Err(Refusal::Unknown(serial).into()),
                Some((_, Some(reason))) => return Err(Refusal::Revoked { serial, agent, reason }.into()),
                Some((expires, None)) => Wall::from_millis(expires),
            };
            if now > expires.plus(RENEW_LATE) {
                return Err(EnrollError::Expired(expires));
            }
            let issued = writer.shared.authority.sign_agent(&agent, &csr, now).map_err(EnrollError::Request)?;
            store_certificate(writer, &agent, &issued, now)?;
            let entry = audit::Entry {
                actor: format!("agent:{agent}"),
                action: "agent.renew",
                target: format!("agent:{agent}"),
                before: format!("{{\"serial\":\"{serial}\",\"expires\":\"{expires}\"}}"),
                after: format!("{{\"serial\":\"{}\",\"expires\":\"{}\"}}", issued.serial, issued.expires),
                result: "ok".to_owned(),
                ..audit::Entry::default()
            };
            audit::append(writer, &entry)?;
            Ok(answer(writer, agent, issued))
        })
        .await
}
