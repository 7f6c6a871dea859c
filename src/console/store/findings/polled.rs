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
    let word = |field: &str| told.get(field).map_or("", |(word, _)| word);
    let at = told.values().map(|(_, at)| *at).max().unwrap_or(now);
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
            first: before.map_or(at, |row| row.first),
            last: at,
            changed: at,
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

/// What was told of the asset since then: the newest of each field, with its time.
fn told(core: &Connection, asset: &AssetId, since: Wall) -> Result<BTreeMap<String, (String, Wall)>, StoreError> {
    let object = Object::Asset(asset.clone()).to_string();
    let rows: Vec<(String, String, i64)> = core
        .prepare_cached(
            "SELECT field, value, at FROM fact WHERE object = ?1 AND instance = '' AND field IN ('security', 'community')
             AND at >= ?2 ORDER BY at",
        )
        .and_then(|mut q| {
            q.query_map(params![object, since.millis()], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
        })
        .map_err(sql("read how an asset is read"))?;
    Ok(rows.into_iter().map(|(field, word, at)| (field, (word, Wall::from_millis(at)))).collect())
}
