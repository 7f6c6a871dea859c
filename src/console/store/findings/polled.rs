//! What reading assets over SNMP proves, laid over what their configurations came to: a device that answers v2c uses it, whatever an
//! older configuration says, and one whose configuration nobody has is not unknown in this. Nothing of it is stored but the facts
//! that agents told; it ends when they tell otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::SHIPPED;
use crate::baseline::{polled, score};
use crate::console::store::db::sql;
use crate::console::store::types::{FindingRow, StoreError};
use crate::model::finding::Verdict;
use crate::model::{AssetId, Object, Wall};

/// Facts are told again once a day: what was not told for two proves nothing any more.
const TOLD: Duration = Duration::from_secs(2 * 86_400);

/// Lays it over the results of an asset; `of` tells of which items of GB/T 28448.
pub(super) fn lay(
    core: &Connection,
    asset: &AssetId,
    (whole, now): (bool, Wall),
    of: impl Fn(&str) -> bool,
    rows: &mut Vec<FindingRow>,
) -> Result<(), StoreError> {
    let told = told(core, asset, now.minus(TOLD))?;
    let word = |field: &str| told.get(field).map_or("", |told| &told.word);
    let at = told.values().map(|told| told.at).max().unwrap_or(now);
    for finding in polled::failures(&SHIPPED, word("security"), word("community")) {
        let item = finding.item().unwrap_or_default().to_owned();
        if !of(&item) {
            continue;
        }
        let place = rows.binary_search_by(|row| row.check.as_str().cmp(&finding.check));
        let before = place.ok().and_then(|place| rows.get(place));
        if before.is_some_and(|row| row.result == Verdict::Fail) {
            continue; // its lines say more
        }
        let field = if finding.check == polled::COMMUNITY { "community" } else { "security" };
        let since = told.get(field).map_or(at, |told| told.since);
        let row = FindingRow {
            asset: asset.clone(),
            check: finding.check.clone(),
            item,
            result: finding.result,
            severity: finding.severity,
            weight: finding.weight,
            major: finding.major_hazard,
            block: finding.block.clone(),
            pin: score::pin(&finding),
            first: before.map_or(since, |row| row.first.min(since)),
            last: at,
            changed: since,
            raised: before.and_then(|row| row.raised),
            finding: whole.then_some(finding),
        };
        match place {
            Ok(place) => drop(rows.get_mut(place).map(|old| *old = row)),
            Err(place) => rows.insert(place, row),
        }
    }
    Ok(())
}

/// A fact.
struct Told {
    word: String,
    /// When it was told last.
    at: Wall,
    /// Since when it is so.
    since: Wall,
}

/// What was told of the asset from then on: the newest of each field.
fn told(core: &Connection, asset: &AssetId, from: Wall) -> Result<BTreeMap<String, Told>, StoreError> {
    let object = Object::Asset(asset.clone()).to_string();
    let rows: Vec<(String, String, i64, i64)> = core
        .prepare_cached(
            "SELECT field, value, at, coalesce((SELECT max(at) FROM fact_change c WHERE c.object = fact.object
                 AND c.field = fact.field AND c.instance = fact.instance AND c.probe = fact.probe), at)
             FROM fact WHERE object = ?1 AND instance = '' AND field IN ('security', 'community') AND at >= ?2 ORDER BY at",
        )
        .and_then(|mut q| {
            q.query_map(params![object, from.millis()], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?.collect()
        })
        .map_err(sql("read how an asset is read"))?;
    let told =
        |(field, word, at, since)| (field, Told { word, at: Wall::from_millis(at), since: Wall::from_millis(since) });
    Ok(rows.into_iter().map(told).collect())
}
