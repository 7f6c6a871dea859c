//! What people do. Each either changes the incident and leaves a line in its timeline, or is refused with
//! what to do instead.

use std::sync::Arc;

use crate::model::incident::{Ack, AckKind, CloseCause, Incident, IncidentState, TimelineKind};

use super::{Book, Refused, Work};

fn conflict(incident: &Incident, remedy: &'static str) -> Refused {
    Refused::Conflict { incident: incident.id.clone(), state: incident.state, remedy }
}

fn said(id: &Arc<str>, what: &'static str, text: &str) -> Result<(), Refused> {
    if text.trim().is_empty() { Err(Refused::Missing { incident: id.clone(), what }) } else { Ok(()) }
}

impl Book {
    fn known(&mut self, id: &Arc<str>) -> Result<&mut Incident, Refused> {
        self.incidents.get_mut(id).ok_or_else(|| Refused::Unknown(id.clone()))
    }

    /// On an acknowledged one it takes the place of the acknowledgement before.
    pub(super) fn ack(
        &mut self,
        id: &Arc<str>,
        actor: &str,
        comment: String,
        kind: AckKind,
        work: &mut Work<'_>,
    ) -> Result<(), Refused> {
        let incident = self.known(id)?;
        if !incident.state.active() {
            return Err(conflict(incident, "only an open incident can be acknowledged"));
        }
        if matches!(kind, AckKind::Until(end) if end <= work.now) {
            return Err(Refused::Past(id.clone()));
        }
        incident.state = IncidentState::Acked;
        incident.ack = Some(Ack { by: actor.to_owned(), at: work.now, comment: comment.clone(), kind });
        match kind {
            AckKind::Until(_) => self.timed.insert(id.clone()),
            AckKind::UntilChange | AckKind::Sticky => self.timed.remove(id),
        };
        work.line(id, work.now, actor, TimelineKind::Acked, comment);
        Ok(())
    }

    pub(super) fn unack(&mut self, id: &Arc<str>, actor: &str, work: &mut Work<'_>) -> Result<(), Refused> {
        let incident = self.known(id)?;
        if incident.state != IncidentState::Acked {
            return Err(conflict(incident, "it is not acknowledged"));
        }
        (incident.state, incident.ack) = (IncidentState::Open, None);
        self.timed.remove(id);
        work.line(id, work.now, actor, TimelineKind::Unacked, "");
        Ok(())
    }

    pub(super) fn assign(
        &mut self,
        id: &Arc<str>,
        actor: &str,
        to: Option<String>,
        work: &mut Work<'_>,
    ) -> Result<(), Refused> {
        let incident = self.known(id)?;
        if incident.state == IncidentState::Closed {
            return Err(conflict(incident, "a closed incident is nobody's work any more"));
        }
        if incident.assignee == to {
            return Ok(());
        }
        incident.assignee.clone_from(&to);
        work.line(id, work.now, actor, TimelineKind::Assigned, to.unwrap_or_default());
        Ok(())
    }

    /// Counts as cleared whatever still fires; only a new raise brings it back.
    pub(super) fn resolve_by_hand(
        &mut self,
        id: &Arc<str>,
        actor: &str,
        reason: &str,
        work: &mut Work<'_>,
    ) -> Result<(), Refused> {
        let incident = self.known(id)?;
        if !incident.state.active() {
            return Err(conflict(incident, "it is resolved already"));
        }
        said(id, "the reason", reason)?;
        self.resolve(id, work.now, actor, reason, work);
        Ok(())
    }

    pub(super) fn close(
        &mut self,
        id: &Arc<str>,
        actor: &str,
        cause: CloseCause,
        party: String,
        comment: &str,
        work: &mut Work<'_>,
    ) -> Result<(), Refused> {
        let incident = self.known(id)?;
        match incident.state {
            IncidentState::Resolved => {}
            IncidentState::Open | IncidentState::Acked => return Err(conflict(incident, "resolve it first")),
            IncidentState::Closed => return Err(conflict(incident, "it is closed already")),
        }
        said(id, "the responsible party", &party)?;
        let text = format!("{}; {party}{}{comment}", cause.as_str(), if comment.is_empty() { "" } else { "; " });
        (incident.state, incident.closed) = (IncidentState::Closed, Some(work.now));
        (incident.close_cause, incident.party) = (Some(cause), Some(party));
        work.line(id, work.now, actor, TimelineKind::Closed, text);
        Ok(())
    }

    pub(super) fn note(
        &mut self,
        id: &Arc<str>,
        actor: &str,
        text: String,
        work: &mut Work<'_>,
    ) -> Result<(), Refused> {
        self.known(id)?;
        said(id, "the note", &text)?;
        work.line(id, work.now, actor, TimelineKind::Note, text);
        Ok(())
    }
}
