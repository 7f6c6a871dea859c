//! The store's answers about graded protection; every one within a scope.

use super::types::{ChangeRow, FindingRow, InspectedRow, SnapshotRow, StoreError};
use super::{Store, findings, waivers};
use crate::console::command::Scope;
use crate::model::waiver::{Answer, Waiver};
use crate::model::{AssetId, Object, Wall};

/// Lines of a command language that change by themselves, and those whose order means nothing.
pub(crate) use super::findings::noise;

impl Store {
    /// When assets in scope were looked at last; those that never were are missing.
    pub async fn inspected(&self, scope: &Scope) -> Result<Vec<InspectedRow>, StoreError> {
        let seen = self.seen(scope);
        let mut rows = self.read(findings::all_inspected).await?;
        rows.retain(|row| seen.sees(&Object::Asset(row.asset.clone())));
        Ok(rows)
    }

    /// The newest results of those of the assets that are in scope, in their order; with sentences and evidence if
    /// `whole`.
    pub async fn findings(
        &self,
        scope: &Scope,
        mut assets: Vec<AssetId>,
        whole: bool,
    ) -> Result<Vec<FindingRow>, StoreError> {
        let seen = self.seen(scope);
        assets.retain(|asset| seen.sees(&Object::Asset(asset.clone())));
        let now = self.shared.clock.wall();
        self.read(move |core| findings::findings(core, &assets, whole, now)).await
    }

    /// The newest results of the checks of some items (GB/T 28448) on those of the assets that are in scope, with
    /// sentences and evidence.
    pub async fn findings_of(
        &self,
        scope: &Scope,
        mut assets: Vec<AssetId>,
        items: Vec<String>,
    ) -> Result<Vec<FindingRow>, StoreError> {
        let seen = self.seen(scope);
        assets.retain(|asset| seen.sees(&Object::Asset(asset.clone())));
        let now = self.shared.clock.wall();
        self.read(move |core| findings::findings_of(core, &assets, &items, now)).await
    }

    /// What people answered on those of the assets that are in scope.
    pub async fn answers(&self, scope: &Scope, mut assets: Vec<AssetId>) -> Result<Vec<Answer>, StoreError> {
        let seen = self.seen(scope);
        assets.retain(|asset| seen.sees(&Object::Asset(asset.clone())));
        self.read(move |core| waivers::answers(core, &assets)).await
    }

    /// All waivers, newest first, those that are over too. They concern everybody: nothing of them is hidden.
    pub async fn waivers(&self) -> Result<Vec<Waiver>, StoreError> {
        self.read(waivers::all).await
    }

    /// How results of an asset changed, newest first; empty if it is not in scope.
    pub async fn finding_changes(&self, scope: &Scope, asset: &AssetId) -> Result<Vec<ChangeRow>, StoreError> {
        let asset = asset.clone();
        if !self.seen(scope).sees(&Object::Asset(asset.clone())) {
            return Ok(Vec::new());
        }
        self.read(move |core| findings::changes(core, &asset)).await
    }

    /// How results of those of the assets that are in scope changed since then, newest first, at most so many of each.
    pub async fn finding_changes_since(
        &self,
        scope: &Scope,
        mut assets: Vec<AssetId>,
        since: Wall,
        most: usize,
    ) -> Result<Vec<(AssetId, ChangeRow)>, StoreError> {
        let seen = self.seen(scope);
        assets.retain(|asset| seen.sees(&Object::Asset(asset.clone())));
        self.read(move |core| findings::changes_since(core, &assets, since, most)).await
    }

    /// States of the configurations of an asset, newest first; empty if it is not in scope.
    pub async fn snapshots(&self, scope: &Scope, asset: &AssetId) -> Result<Vec<SnapshotRow>, StoreError> {
        let asset = asset.clone();
        if !self.seen(scope).sees(&Object::Asset(asset.clone())) {
            return Ok(Vec::new());
        }
        self.read(move |core| findings::snapshots(core, &asset)).await
    }

    /// A state of a configuration with its masked text; nothing if it is not there or not in scope.
    pub async fn snapshot(&self, scope: &Scope, id: i64) -> Result<Option<(SnapshotRow, String)>, StoreError> {
        let seen = self.seen(scope);
        let found = self.read(move |core| findings::snapshot(core, id)).await?;
        Ok(found.filter(|(row, _)| seen.sees(&Object::Asset(row.asset.clone()))))
    }
}
