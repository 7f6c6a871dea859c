//! What changes, told to every open page: one stream of server-sent events a tab. An event names a topic, and
//! the page fetches the regions that show it again. Events are numbered and the last ones kept, so that a tab
//! is told what it missed since its page was made (`after`) or since it was last here (`Last-Event-ID`), or to
//! look at everything again. It carries no
//! data but the names of new incidents within the reader's scope: what a page shows is always the page's answer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;

use crate::console::command::{IncidentFilter, Page, Scope};
use crate::console::service::Service;
use crate::console::session;
use crate::console::store::Session;
use crate::console::web::cx::Params;
use crate::model::incident::{Incident, IncidentState};
use crate::net::listen::PeerAddr;

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Incidents, their states and timelines.
    Incidents,
    /// Values of what is watched.
    Objects,
    /// Agents.
    Agents,
    /// Definitions.
    Definitions,
    /// What is declared.
    Inventory,
    /// The audit trail: somebody did something.
    Audit,
    /// Sweeps: begun, further, ended.
    Discoveries,
    /// Results of graded protection, waivers and answers.
    Baseline,
    /// Raw walks: begun, further, ended.
    Walks,
}

impl Topic {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Objects => "objects",
            Self::Agents => "agents",
            Self::Definitions => "definitions",
            Self::Inventory => "inventory",
            Self::Audit => "audit",
            Self::Discoveries => "discoveries",
            Self::Baseline => "baseline",
            Self::Walks => "walks",
        }
    }
}

/// Events that are kept: at one a second for each topic, several minutes of absence.
const KEPT: usize = 2_000;
/// New values come all the time; pages look again this often at most.
const VALUES_EVERY: Duration = Duration::from_secs(2);
/// Agents poll all the time; pages look again this often.
const AGENTS_EVERY: Duration = Duration::from_secs(5);
/// Changes of incidents within this time are one event.
const GATHER: Duration = Duration::from_millis(100);
/// Streams at once; each is a task and a few KB.
const MAX_STREAMS: usize = 500;
/// New incidents that one event names; a storm is told by the page itself.
const NAMED: usize = 5;

/// A kept event.
#[derive(Debug, Clone)]
struct Told {
    n: u64,
    topic: Topic,
    /// New incidents, for those who may see them.
    opened: Arc<[Arc<Incident>]>,
}

/// Where events come together.
#[derive(Debug)]
pub struct Hub {
    /// Tells this run of the program from others, so that numbers are not taken for those of another.
    epoch: String,
    kept: Mutex<VecDeque<Told>>,
    last: watch::Sender<u64>,
    streams: Arc<tokio::sync::Semaphore>,
}

impl Hub {
    /// `epoch` is unique to this run.
    pub fn new(epoch: String) -> Self {
        Self {
            epoch,
            kept: Mutex::default(),
            last: watch::channel(0).0,
            streams: Arc::new(tokio::sync::Semaphore::new(MAX_STREAMS)),
        }
    }

    /// Tells everybody that the definitions were read: into force, or in vain.
    pub fn definitions_read(&self) {
        self.tell(Topic::Definitions, Vec::new());
    }

    /// The newest event's id.
    pub fn newest(&self) -> String {
        format!("{}-{}", self.epoch, *self.last.borrow())
    }

    fn tell(&self, topic: Topic, opened: Vec<Arc<Incident>>) {
        self.last.send_modify(|n| {
            *n += 1;
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(Told { n: *n, topic, opened: opened.into() });
        });
    }

    /// The first event after `n`; `Err` with the newest number if what comes after it is not kept any more.
    fn after(&self, n: u64) -> Result<Option<Told>, u64> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.front() {
            Some(first) if first.n > n + 1 => Err(kept.back().map_or(n, |t| t.n)),
            Some(first) => Ok(kept.get(usize::try_from(n + 1 - first.n).unwrap_or(usize::MAX)).cloned()),
            None => Ok(None),
        }
    }
}

/// Watches the console and tells, until it stops.
pub async fn run(service: Service) {
    let mut changes = service.store.subscribe();
    let mut feed = service.store.feed();
    let mut seen = *changes.borrow_and_update();
    let mut newest: Option<Arc<str>> = None;
    let (mut values_at, mut agents_at) = (service.clock.mono(), service.clock.mono());
    let mut fresh = false;
    loop {
        let due = if fresh { values_at.min(agents_at) } else { agents_at };
        tokio::select! {
            () = service.stop.stopped() => return,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                service.clock.sleep(GATHER).await;
                let now = *changes.borrow_and_update();
                if now.incidents != seen.incidents {
                    let opened = opened_since(&service, &mut newest).await;
                    service.live.tell(Topic::Incidents, opened);
                }
                if now.plan != seen.plan {
                    service.live.tell(Topic::Inventory, Vec::new());
                }
                if now.audit != seen.audit {
                    service.live.tell(Topic::Audit, Vec::new());
                }
                if now.discoveries != seen.discoveries {
                    service.live.tell(Topic::Discoveries, Vec::new());
                }
                if now.baseline != seen.baseline {
                    service.live.tell(Topic::Baseline, Vec::new());
                }
                if now.walks != seen.walks {
                    service.live.tell(Topic::Walks, Vec::new());
                }
                seen = now;
            }
            // A reader that fell behind has missed values, which is the same as having seen some.
            _ = feed.recv(), if !fresh => fresh = true,
            () = service.clock.sleep_until(due) => {
                let now = service.clock.mono();
                if now >= agents_at {
                    service.live.tell(Topic::Agents, Vec::new());
                    agents_at = now.plus(AGENTS_EVERY);
                }
                if fresh && now >= values_at {
                    service.live.tell(Topic::Objects, Vec::new());
                    (fresh, values_at) = (false, now.plus(VALUES_EVERY));
                    feed = service.store.feed();
                }
            }
        }
    }
}

/// Incidents that opened since the last time, newest first, at most `NAMED`; none the first time.
async fn opened_since(service: &Service, newest: &mut Option<Arc<str>>) -> Vec<Arc<Incident>> {
    let filter = IncidentFilter { states: vec![IncidentState::Open], ..IncidentFilter::default() };
    let page = Page { limit: NAMED, after: None };
    let found = match service.store.incidents(&Scope::All, filter, page).await {
        Ok(found) => found.items,
        Err(error) => {
            tracing::debug!(%error, "new incidents could not be named");
            return Vec::new();
        }
    };
    let before = newest.clone();
    if let Some(first) = found.first() {
        *newest = Some(first.id.clone().max(before.clone().unwrap_or_default()));
    }
    // Ids are ordered by time.
    let is_new = |i: &Incident| before.as_ref().is_some_and(|b| i.id > *b);
    found.into_iter().filter(is_new).map(Arc::new).collect()
}

/// `GET /live?after=ID`
pub async fn stream(service: Service, request: Request) -> Response {
    let token = session::cookie(request.headers()).map(str::to_owned);
    let from =
        request.extensions().get::<PeerAddr>().map(|a| a.0.ip().to_canonical().to_string()).unwrap_or_default();
    let found = token.as_deref().and_then(|t| signed_in(&service, t, &from));
    let Some(actor) = found.map(|s| s.actor) else {
        return (StatusCode::UNAUTHORIZED, Body::empty()).into_response();
    };
    let Ok(permit) = service.live.streams.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")]).into_response();
    };
    let query = Params::read(request.uri().query().unwrap_or_default().as_bytes());
    let header = request.headers().get("last-event-id").and_then(|v: &HeaderValue| v.to_str().ok());
    let after = header.or_else(|| query.get("after"));
    let wanted = after.and_then(|id| {
        let (epoch, n) = id.rsplit_once('-')?;
        (epoch == service.live.epoch).then(|| n.parse::<u64>().ok())?
    });
    let newest = service.live.last.subscribe();
    let start = wanted.unwrap_or(*newest.borrow());
    // Somebody who comes back after a restart has missed everything that is not counted here.
    let lost = wanted.is_none() && after.is_some();
    let state = Reader { service, token, from, scope: actor.scope, at: start, newest, lost, _permit: permit };
    let events = stream::unfold(state, |mut reader| async move { reader.next().await.map(|event| (event, reader)) });
    let mut answer = Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response();
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A gateway in front must not hold events back.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    answer
}

/// Whoever may follow: not somebody who must change a password first.
fn signed_in(service: &Service, token: &str, from: &str) -> Option<Session> {
    let found = service.store.session_look(token).or_else(|| service.store.session_wall(token, from));
    found.filter(|session| !session.must_change)
}

struct Reader {
    service: Service,
    token: Option<String>,
    from: String,
    scope: Scope,
    at: u64,
    newest: watch::Receiver<u64>,
    lost: bool,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Event, Infallible>> {
        if std::mem::take(&mut self.lost) {
            return Some(Ok(self.event("reset", self.at).data("{}")));
        }
        loop {
            // Whoever signed out, or was idle for too long, hears no more.
            self.token.as_deref().and_then(|t| signed_in(&self.service, t, &self.from))?;
            match self.service.live.after(self.at) {
                Ok(Some(told)) => {
                    self.at = told.n;
                    return Some(Ok(self.show(&told)));
                }
                Ok(None) => {}
                Err(newest) => {
                    self.at = newest;
                    return Some(Ok(self.event("reset", newest).data("{}")));
                }
            }
            tokio::select! {
                () = self.service.stop.stopped() => return None,
                changed = self.newest.changed() => changed.ok()?,
            }
        }
    }

    fn show(&self, told: &Told) -> Event {
        let event = self.event(told.topic.as_str(), told.n);
        let (_, inventory) = self.service.store.inventory();
        let seen: Vec<serde_json::Value> = told
            .opened
            .iter()
            .filter(|i| self.service.store.sees(&self.scope, &i.key.object))
            .map(|i| {
                serde_json::json!({
                    "id": i.id,
                    "severity": i.severity.as_str(),
                    "name": super::ui::object_name(&inventory, &i.key.object),
                })
            })
            .collect();
        event.data(if seen.is_empty() { "{}".to_owned() } else { serde_json::json!({ "opened": seen }).to_string() })
    }

    fn event(&self, name: &str, n: u64) -> Event {
        Event::default().event(name).id(format!("{}-{n}", self.service.live.epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_told_what_was_missed_or_to_look_at_everything() {
        let hub = Hub::new("e".into());
        assert!(hub.after(0).unwrap().is_none());
        for _ in 0..KEPT + 10 {
            hub.tell(Topic::Audit, Vec::new());
        }
        let last = (KEPT + 10) as u64;
        assert_eq!(hub.after(0).unwrap_err(), last);
        assert_eq!(hub.after(last - 1).unwrap().unwrap().n, last);
        assert!(hub.after(last).unwrap().is_none());
        assert_eq!(hub.after(10).unwrap().unwrap().n, 11);
    }
}
