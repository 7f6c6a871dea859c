//! The agent's own `/metrics`: the newest window of every series, so that a cut-off tower can still be asked.
//! Text 0.0.4 and OpenMetrics by `Accept`; anonymous, and therefore only on a loopback address.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::engine::expose::Exposition;
use crate::engine::expose::Place;
use crate::engine::expose::text::Dialect;
use crate::model::plan::{Attribute, Plan};
use crate::model::wire::Samples;
use crate::model::{AgentId, Now, Object, RegionId};
use crate::net::clock::Clock;
use crate::probe;

/// The newest values; clones share them.
#[derive(Debug, Clone)]
pub struct Latest {
    values: Arc<Mutex<Exposition>>,
    clock: Clock,
}

impl Latest {
    /// Without values.
    pub fn new(clock: Clock) -> Self {
        Self { values: Arc::new(Mutex::new(Exposition::new(probe::catalog()))), clock }
    }

    fn values(&self) -> MutexGuard<'_, Exposition> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a window.
    pub(super) fn take(&self, agent: &AgentId, samples: &Samples, now: Now) {
        self.values().take(agent, samples, 0, now);
    }

    /// Takes over what a plan knows of its objects, and forgets values of others.
    pub(super) fn plan(&self, plan: &Plan) {
        let places = plan.objects.iter().map(|known| {
            let text = |name: &str| match known.attributes.get(name) {
                Some(Attribute::Text(text)) if !text.is_empty() => Some(text.clone()),
                _ => None,
            };
            let region = text("region").and_then(|id| RegionId::new(&id).ok());
            let mut info = vec![("name", known.name.clone())];
            info.extend(["kind", "zone", "tier"].into_iter().filter_map(|name| Some((name, text(name)?))));
            (known.object.clone(), Place { region, info })
        });
        let mut places: BTreeMap<Object, Place> = places.collect();
        places.entry(Object::Agent(plan.agent.clone())).or_default();
        self.values().set_places(places);
    }

    /// All of it, as text.
    pub fn text(&self, dialect: Dialect) -> String {
        let now = self.clock.mono();
        let mut values = self.values();
        values.expire(now);
        values.write(dialect, None, now)
    }

    /// `/metrics` and `/healthz`.
    pub fn router(self) -> Router {
        let metrics = move |headers: HeaderMap| async move {
            let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
            let dialect = Dialect::of_accept(accept);
            ([(header::CONTENT_TYPE, dialect.content_type())], self.text(dialect)).into_response()
        };
        Router::new().route("/metrics", get(metrics)).route("/healthz", get(|| async { "ok\n" }))
    }
}
