//! Graded protection as the console tells it: every item of every asset of a system, with waivers beside the raw
//! verdicts, what a system comes to, and what changed between two texts. The rules are `baseline::score`'s; here the
//! store's rows become what they are put to.

use std::collections::{BTreeMap, HashMap};

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::baseline::policy::Clause;
use crate::baseline::score::{self, Asked, Counts, Index, OnAsset, Place, Said};
use crate::console::command::Scope;
use crate::console::store::{FindingRow, InspectedRow, SHIPPED, Store, StoreError, noise};
use crate::model::finding::Verdict;
use crate::model::inventory::{Inventory, System};
use crate::model::waiver::{Answer, Waiver};
use crate::model::{AssetId, SystemId, Wall};

/// The level whose items are shown where no system says which.
pub const LEVEL: u8 = 3;
/// The least level that is looked at; level 1 has no items here.
const LEAST: u8 = 2;
/// Lines around a difference that are shown too.
const AROUND: usize = 3;

/// The items of a level, in the order of the standard.
pub fn items(level: u8) -> Vec<&'static Clause> {
    let mut all: Vec<&Clause> = SHIPPED.clauses.values().filter(|c| level >= 3 || !c.l2.is_empty()).collect();
    all.sort_by_key(|clause| place(&clause.item));
    all
}

/// How numbers of items (GB/T 28448) begin by layer: network, boundary, computing, management.
pub const AREAS: [&str; 4] = ["L3-CNS1", "L3-ABS1", "L3-CES1", "L3-SMC1"];

/// The layer of an item, as its place in [`AREAS`].
pub fn area(item: &str) -> usize {
    AREAS.iter().position(|area| item.starts_with(area)).unwrap_or(AREAS.len())
}

/// By layer, then by number.
fn place(item: &str) -> (usize, &str) {
    (area(item), item)
}

/// What the control points (控制点) of the technical requirements are called, by their number at level 3
/// (GB/T 22239-2019, 8.1.2 to 8.1.5): Chinese, English.
const POINTS: &[(&str, &str, &str)] = &[
    ("8.1.2.1", "网络架构", "Network"),
    ("8.1.2.2", "通信传输", "Transport"),
    ("8.1.2.3", "可信验证", "Trusted boot"),
    ("8.1.3.1", "边界防护", "Boundary"),
    ("8.1.3.2", "访问控制", "Access control"),
    ("8.1.3.3", "入侵防范", "Intrusion"),
    ("8.1.3.4", "恶意代码和垃圾邮件防范", "Malware and spam"),
    ("8.1.3.5", "安全审计", "Audit"),
    ("8.1.3.6", "可信验证", "Trusted boot"),
    ("8.1.4.1", "身份鉴别", "Identity"),
    ("8.1.4.2", "访问控制", "Access control"),
    ("8.1.4.3", "安全审计", "Audit"),
    ("8.1.4.4", "入侵防范", "Intrusion"),
    ("8.1.4.5", "恶意代码防范", "Malware"),
    ("8.1.4.6", "可信验证", "Trusted boot"),
    ("8.1.4.7", "数据完整性", "Integrity"),
    ("8.1.4.8", "数据保密性", "Secrecy"),
    ("8.1.4.9", "数据备份恢复", "Backup"),
    ("8.1.4.10", "剩余信息保护", "Residual data"),
    ("8.1.4.11", "个人信息保护", "Personal data"),
    ("8.1.5.1", "系统管理", "System admin"),
    ("8.1.5.2", "审计管理", "Audit admin"),
    ("8.1.5.3", "安全管理", "Security admin"),
    ("8.1.5.4", "集中管控", "Central control"),
];

/// What a control point is called, in Chinese and English; its number if it has no name.
pub fn point_words(point: &str) -> (&str, &str) {
    POINTS.iter().find(|(number, ..)| *number == point).map_or((point, point), |(_, zh, en)| (zh, en))
}

/// One asset.
#[derive(Debug, Clone)]
pub struct AssetRow {
    /// The asset.
    pub asset: AssetId,
    /// When it was looked at; nothing if it never was, so that all is 未能核查.
    pub inspected: Option<InspectedRow>,
    /// Its results, without sentences.
    pub said: Vec<Said>,
    /// What each item comes to, in the order of the matrix's items.
    pub items: Vec<OnAsset>,
}

impl AssetRow {
    /// How many items of what; with waivers if `adjusted`.
    pub fn counts(&self, adjusted: bool) -> Counts {
        Counts::of(self.items.iter().map(|item| if adjusted { item.adjusted } else { item.raw }))
    }
    /// Whether most checks say nothing.
    pub fn loud(&self) -> bool {
        Counts::of(self.said.iter().map(|said| said.found)).loud()
    }
}

/// Assets by items.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The level whose items these are.
    pub level: u8,
    /// The items.
    pub items: Vec<&'static Clause>,
    /// The assets, by id.
    pub rows: Vec<AssetRow>,
}

/// What an item, or a control point, comes to over all assets.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// Raw.
    pub raw: Verdict,
    /// With waivers.
    pub adjusted: Verdict,
}

impl Matrix {
    /// An item over all assets; 未能核查 without any.
    pub fn item(&self, at: usize) -> Merged {
        self.merged(&[at])
    }

    /// Items over all assets.
    pub fn merged(&self, items: &[usize]) -> Merged {
        let all = || self.rows.iter().flat_map(|row| items.iter().filter_map(|at| row.items.get(*at)));
        Merged {
            raw: score::merge(all().map(|on| on.raw)).unwrap_or(Verdict::Error),
            adjusted: score::merge(all().map(|on| on.adjusted)).unwrap_or(Verdict::Error),
        }
    }

    /// Control points with the places of their items, in order.
    pub fn points(&self) -> Vec<(&'static str, Vec<usize>)> {
        let mut points: Vec<(&'static str, Vec<usize>)> = Vec::new();
        for (at, clause) in self.items.iter().enumerate() {
            let point = score::point(&clause.l3);
            match points.last_mut() {
                Some((last, items)) if *last == point => items.push(at),
                _ => points.push((point, vec![at])),
            }
        }
        points
    }

    /// How many items, merged over the assets, are what.
    pub fn counts(&self, adjusted: bool) -> Counts {
        let merged = (0..self.items.len()).map(|at| self.item(at));
        Counts::of(merged.map(|m| if adjusted { m.adjusted } else { m.raw }))
    }

    /// 自查指数.
    pub fn index(&self, adjusted: bool) -> Option<Index> {
        let items: Vec<(u8, Vec<Verdict>)> = (0..self.items.len())
            .map(|at| {
                let on: Vec<&OnAsset> = self.rows.iter().filter_map(|row| row.items.get(at)).collect();
                let weight = on.iter().map(|on| on.weight).max().unwrap_or(1);
                (weight, on.iter().map(|on| if adjusted { on.adjusted } else { on.raw }).collect())
            })
            .collect();
        score::index(&items)
    }
}

/// The matrix of a system, or of all assets that belong to one or were looked at.
pub async fn matrix(
    store: &Store,
    scope: &Scope,
    system: Option<&SystemId>,
    now: Wall,
) -> Result<Matrix, StoreError> {
    let (_, inventory) = store.inventory();
    let inspected: HashMap<AssetId, InspectedRow> =
        store.inspected(scope).await?.into_iter().map(|row| (row.asset.clone(), row)).collect();
    let of = system.and_then(|id| inventory.systems.get(id));
    let mut assets: Vec<AssetId> = match of {
        Some(system) => system.assets.clone(),
        None => {
            let graded = inventory.systems.values().filter(|s| s.level >= LEAST).flat_map(|s| &s.assets);
            graded.chain(inspected.keys()).cloned().collect()
        }
    };
    assets.sort_unstable();
    assets.dedup();
    let object = |asset: &AssetId| crate::model::Object::Asset(asset.clone());
    assets.retain(|asset| inventory.assets.contains_key(asset) && store.sees(scope, &object(asset)));
    let findings = store.findings(scope, assets.clone(), false).await?;
    let answers = store.answers(scope, assets.clone()).await?;
    let waivers = store.waivers().await?;
    let level = of.map_or(LEVEL, |system| system.level);
    let said = said(&inventory, &findings, &answers, &waivers, now);
    Ok(build(level, assets, inspected, said, answers))
}

/// The highest level of the systems of an asset.
pub fn level_of(inventory: &Inventory, asset: &AssetId) -> u8 {
    let of = |system: &&System| system.assets.contains(asset);
    inventory.systems.values().filter(of).map(|system| system.level).max().unwrap_or(LEVEL).max(LEAST)
}

/// The matrix of one asset, at the highest level of its systems.
pub async fn of_asset(store: &Store, scope: &Scope, asset: &AssetId, now: Wall) -> Result<Matrix, StoreError> {
    let (_, inventory) = store.inventory();
    let level = level_of(&inventory, asset);
    let inspected = store.inspected(scope).await?.into_iter().filter(|row| row.asset == *asset);
    let inspected = inspected.map(|row| (row.asset.clone(), row)).collect();
    let findings = store.findings(scope, vec![asset.clone()], false).await?;
    let answers = store.answers(scope, vec![asset.clone()]).await?;
    let said = said(&inventory, &findings, &answers, &store.waivers().await?, now);
    Ok(build(level, vec![asset.clone()], inspected, said, answers))
}

/// Results as they count: with what people put in their place, and whether a waiver stands for them.
pub fn said(
    inventory: &Inventory,
    findings: &[FindingRow],
    answers: &[Answer],
    waivers: &[Waiver],
    now: Wall,
) -> HashMap<AssetId, Vec<Said>> {
    let by_hand: HashMap<(&AssetId, &str), Verdict> =
        answers.iter().map(|a| ((&a.asset, a.target.as_str()), a.result)).collect();
    // Waivers that are over stay as a record: thousands of them are not put to every result.
    let standing: Vec<Waiver> = waivers.iter().filter(|waiver| waiver.stands(now)).cloned().collect();
    let mut all: HashMap<AssetId, Vec<Said>> = HashMap::new();
    for row in findings {
        all.entry(row.asset.clone()).or_default().push(Said {
            check: row.check.clone(),
            item: row.item.clone(),
            found: row.result,
            by_hand: by_hand.get(&(&row.asset, row.check.as_str())).copied(),
            waived: waiver(inventory, row, &standing, now).is_some(),
            weight: row.weight,
            major: row.major,
        });
    }
    all
}

/// The waiver that stands for a result now.
pub fn waiver<'w>(inventory: &Inventory, row: &FindingRow, waivers: &'w [Waiver], now: Wall) -> Option<&'w Waiver> {
    if !waivers.iter().any(|waiver| waiver.plea.check == row.check) {
        return None;
    }
    let tags = inventory.assets.get(&row.asset).map_or(&[][..], |asset| asset.tags.as_slice());
    let of = |system: &&System| system.assets.contains(&row.asset);
    let levels: Vec<u8> = inventory.systems.values().filter(of).map(|system| system.level).collect();
    let place =
        Place { asset: &row.asset, tags, levels: &levels, check: &row.check, block: &row.block, pin: &row.pin };
    waivers.iter().find(|waiver| score::covers(waiver, place, now))
}

fn build(
    level: u8,
    assets: Vec<AssetId>,
    mut inspected: HashMap<AssetId, InspectedRow>,
    mut said: HashMap<AssetId, Vec<Said>>,
    answers: Vec<Answer>,
) -> Matrix {
    let items = items(level);
    let mut given: HashMap<AssetId, BTreeMap<String, Verdict>> = HashMap::new();
    for answer in answers {
        given.entry(answer.asset).or_default().insert(answer.target, answer.result);
    }
    let rows = assets.into_iter().map(|asset| {
        let inspected = inspected.remove(&asset);
        let asked = Asked {
            said: said.remove(&asset).unwrap_or_default(),
            answers: given.remove(&asset).unwrap_or_default(),
            class: inspected.as_ref().map(|row| score::class(&row.os)),
        };
        let on = items.iter().map(|clause| score::item(clause, &asked)).collect();
        AssetRow { asset, inspected, said: asked.said, items: on }
    });
    let rows = rows.collect();
    Matrix { level, items, rows }
}

/// A line of a side-by-side comparison: its number and text on the left, on the right, or both.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DiffLine {
    /// On the left; nothing if it was added.
    pub left: Option<(usize, String)>,
    /// On the right; nothing if it was removed.
    pub right: Option<(usize, String)>,
}

impl DiffLine {
    /// Whether both sides say the same.
    pub fn same(&self) -> bool {
        matches!((&self.left, &self.right), (Some((_, left)), Some((_, right))) if left == right)
    }
}

/// What is different, with some lines around it; lines that change by themselves are left out of both.
pub fn diff(os: &str, left: &str, right: &str) -> Vec<DiffLine> {
    let (volatile, unordered) = noise(os);
    let (left, right) = (score::stable(left, volatile, unordered), score::stable(right, volatile, unordered));
    let all = aligned(&left, &right);
    let changed: Vec<usize> = (0..all.len()).filter(|at| all.get(*at).is_some_and(|line| !line.same())).collect();
    let near = |at: usize| {
        let after = changed.partition_point(|one| *one + AROUND < at);
        changed.get(after).is_some_and(|one| *one <= at + AROUND)
    };
    all.into_iter().enumerate().filter(|(at, _)| near(*at)).map(|(_, line)| line).collect()
}

/// All lines of both; equal ones beside each other.
fn aligned(left: &[(usize, &str)], right: &[(usize, &str)]) -> Vec<DiffLine> {
    let mut input = InternedInput::default();
    input.update_before(left.iter().map(|(_, text)| *text));
    input.update_after(right.iter().map(|(_, text)| *text));
    let mut lefts = left.iter().map(|(number, text)| (*number, (*text).to_owned()));
    let mut rights = right.iter().map(|(number, text)| (*number, (*text).to_owned()));
    let (mut all, mut seen) = (Vec::new(), 0);
    for hunk in Diff::compute(Algorithm::Histogram, &input).hunks() {
        let same = (hunk.before.start - seen) as usize;
        all.extend(
            lefts.by_ref().zip(rights.by_ref()).take(same).map(|(l, r)| DiffLine { left: Some(l), right: Some(r) }),
        );
        all.extend(lefts.by_ref().take(hunk.before.len()).map(|line| DiffLine { left: Some(line), right: None }));
        all.extend(rights.by_ref().take(hunk.after.len()).map(|line| DiffLine { left: None, right: Some(line) }));
        seen = hunk.before.end;
    }
    all.extend(lefts.zip(rights).map(|(l, r)| DiffLine { left: Some(l), right: Some(r) }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_stands_side_by_side_without_noise() {
        let left =
            "hostname a\nusername a\nusername b\nline vty 0 4\n transport input ssh\nntp clock-period 1\nend\n";
        let right = "hostname a\nusername b\nusername a\nline vty 0 4\n transport input telnet\n login\nntp clock-period 2\nend\n";
        let shown = diff("cisco-ios", left, right);
        let changed: Vec<_> = shown.iter().filter(|line| !line.same()).collect();
        assert_eq!(changed.len(), 3, "{shown:?}");
        assert!(shown.iter().any(|l| l.left == Some((5, " transport input ssh".into()))));
        assert!(shown.iter().any(|l| l.right == Some((6, " login".into()))));
        assert!(diff("cisco-ios", left, left).is_empty());
        let long = |mark: &str| (0..5_000).map(|n| format!("{mark} {n}\n")).collect::<String>();
        assert_eq!(diff("cisco-ios", &long("a"), &long("b")).len(), 10_000);
    }

    #[test]
    fn items_stand_in_the_order_of_the_standard_and_level_two_has_fewer() {
        let all = items(3);
        assert_eq!((all.len(), all[0].l3.as_str(), all[73].l3.as_str()), (74, "8.1.2.1 a)", "8.1.5.4 f)"));
        let two = items(2);
        assert!(two.len() < all.len() && two.iter().all(|clause| !clause.l2.is_empty()));
        let matrix = build(3, Vec::new(), HashMap::new(), HashMap::new(), Vec::new());
        assert_eq!(matrix.points().iter().map(|(_, items)| items.len()).sum::<usize>(), 74);
        assert_eq!(matrix.item(0).raw, Verdict::Error);
    }
}
