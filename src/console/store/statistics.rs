//! What the store answers about measurements over time: series, smoke, availability, strips, maintenance, changes of
//! facts. Everything goes through the caller's scope; what takes long runs off the runtime's threads.

use std::sync::Arc;

use super::strip::Quarter;
use super::types::{Fact, Point, Reckoned, SeriesKey, Smoke, StoreError};
use super::{Store, availability, changes, days, maintenance, points, strip};
use crate::console::command::Scope;
use crate::engine::maintenance::Planned;
use crate::model::maintenance::Maintenance;
use crate::model::{LinkId, Object, Wall};

impl Store {
    /// Points of a series between two times, at most `max_points` of them.
    pub async fn series(
        &self,
        scope: &Scope,
        key: SeriesKey,
        from: Wall,
        to: Wall,
        max_points: usize,
    ) -> Result<Vec<Point>, StoreError> {
        self.seen_chart(scope, key, move |layout, key| points::read(layout, key, from, to, max_points)).await
    }

    /// How a field of an object was spread and what was lost, between two times in at most `max_points` steps.
    pub async fn smoke(
        &self,
        scope: &Scope,
        key: SeriesKey,
        from: Wall,
        to: Wall,
        max_points: usize,
    ) -> Result<Vec<Smoke>, StoreError> {
        self.seen_chart(scope, key, move |layout, key| points::smoke(layout, key, from, to, max_points)).await
    }

    /// What the runs of an object came to over a period, as far as it is rolled up; with `open`, those within the open
    /// spans of a working calendar. Packets and round trip are those outside maintenance.
    pub async fn availability(
        &self,
        scope: &Scope,
        key: SeriesKey,
        from: Wall,
        to: Wall,
        open: Option<Vec<(Wall, Wall)>>,
    ) -> Result<Reckoned, StoreError> {
        if !self.seen(scope).sees(&key.object) {
            return Ok(Reckoned { from, to, ..Reckoned::default() });
        }
        let object = key.object.clone();
        let windows = maintenance::covering(&self.shared, &object, from, to);
        let windows: Vec<_> = windows.into_iter().map(|(_, from, to)| (from, to)).collect();
        let outages = self.read(move |core| availability::outages(core, &object, from, to)).await?;
        self.chart(move |layout| {
            availability::reckoned(layout, &key, (from, to), &windows, &outages, open.as_deref())
        })
        .await
    }

    /// What was counted of an object in so many hours from a time on, as far as it is rolled up.
    pub async fn hours(
        &self,
        scope: &Scope,
        key: SeriesKey,
        from: Wall,
        hours: usize,
    ) -> Result<Vec<Quarter>, StoreError> {
        self.seen_chart(scope, key, move |layout, key| strip::hours(layout, key, from, hours)).await
    }

    /// What `work` reads of a series; nothing if its object is not in scope.
    async fn seen_chart<R: Default + Send + 'static>(
        &self,
        scope: &Scope,
        key: SeriesKey,
        work: impl FnOnce(&days::Layout, &SeriesKey) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        if !self.seen(scope).sees(&key.object) {
            return Ok(R::default());
        }
        self.chart(move |layout| work(layout, &key)).await
    }

    /// Runs `work` off the runtime's threads, few at a time: charts may take long on a large network, and what
    /// pages read must not wait for them.
    pub(super) async fn chart<R: Send + 'static>(
        &self,
        work: impl FnOnce(&days::Layout) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let shared = self.shared.clone();
        let _permit = self.shared.charts.acquire().await.map_err(|_| StoreError::Closed)?;
        tokio::task::spawn_blocking(move || work(&shared.layout))
            .await
            .unwrap_or_else(|error| Err(StoreError::Sql { what: "read series", detail: error.to_string() }))
    }

    /// When what agents found out of one field of an object changed, newest first; empty if it is not in scope.
    pub async fn fact_changes(&self, scope: &Scope, object: &Object, field: &str) -> Result<Vec<Fact>, StoreError> {
        let (seen, object, field) = (self.seen(scope), object.clone(), field.to_owned());
        if !seen.sees(&object) {
            return Ok(Vec::new());
        }
        self.read(move |core| changes::of(core, &object, &field)).await
    }

    /// Maintenance windows that name an object in scope, newest first.
    pub fn maintenance(&self, scope: &Scope) -> Vec<Arc<Maintenance>> {
        maintenance::list(&self.shared, &self.seen(scope))
    }

    /// When an object is under maintenance within a span, in order; empty if it is not in scope.
    pub fn maintained(
        &self,
        scope: &Scope,
        object: &Object,
        from: Wall,
        to: Wall,
    ) -> Vec<(Arc<Maintenance>, Wall, Wall)> {
        if !self.seen(scope).sees(object) {
            return Vec::new();
        }
        maintenance::covering(&self.shared, object, from, to)
    }

    /// All maintenance that is open within a span.
    pub fn planned(&self, from: Wall, to: Wall) -> Vec<Planned> {
        maintenance::planned(&self.shared, from, to)
    }

    /// The last day of a link in quarters of an hour, oldest first; whoever asks has looked whether it is in scope.
    pub fn strip(&self, link: &LinkId) -> Vec<Quarter> {
        self.shared.strips().of(link, self.shared.clock.wall())
    }
}
