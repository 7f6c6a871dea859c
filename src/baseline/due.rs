//! What runs out: waivers, and the time in which a graded system has to be assessed again. Pure.

use jiff::tz::TimeZone;

use crate::model::inventory::{Inventory, System};
use crate::model::waiver::{Reach, Waiver};
use crate::model::{AssetId, Wall};

/// The problem, and the runbook, of what runs out.
pub const DUE: &str = "baseline-due";

/// Days from one assessment to the next by level: a year at level 3, half a year at level 4 (公通字〔2007〕43号,
/// article 14). Level 2 has no fixed period; two years are usual.
const PERIODS: &[(u8, i64)] = &[(2, 730), (3, 365), (4, 182)];

/// How near an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// 60 days or less.
    Early,
    /// 30 days or less.
    Month,
    /// 7 days or less.
    Week,
    /// Past.
    Over,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(["60", "30", "7", "0"][*self as usize])
    }
}

impl Stage {
    /// Of so many days that are left; nothing if there are many.
    pub const fn of(days: i64) -> Option<Self> {
        match days {
            ..=0 => Some(Self::Over),
            1..=7 => Some(Self::Week),
            8..=30 => Some(Self::Month),
            31..=60 => Some(Self::Early),
            _ => None,
        }
    }
}

/// One that is near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// `waiver:ID` or `system:ID`.
    pub key: String,
    /// The asset it is about, if it is one.
    pub asset: Option<AssetId>,
    /// How near.
    pub stage: Stage,
    /// For people.
    pub evidence: Vec<(String, String)>,
}

/// When a system has to be assessed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// By this day, ISO 8601.
    pub date: String,
    /// Days until then; negative when it is past.
    pub days: i64,
}

/// When that is, by the level and the last assessment; nothing if either does not tell.
pub fn next(system: &System, now: Wall, zone: &TimeZone) -> Option<Next> {
    let today = jiff::Timestamp::from_millisecond(now.millis()).ok()?.to_zoned(zone.clone()).date();
    let (_, period) = PERIODS.iter().find(|(level, _)| *level == system.level)?;
    let last: jiff::civil::Date = system.filing.last_assessed.as_deref()?.parse().ok()?;
    let date = last.checked_add(jiff::Span::new().try_days(*period).ok()?).ok()?;
    let days = i64::from(today.until(date).ok()?.get_days());
    Some(Next { date: date.to_string(), days })
}

/// Everything that ends within 60 days; a waiver that is over is said for 30 days more, a system until it is assessed.
pub fn all(inventory: &Inventory, waivers: &[Waiver], now: Wall, zone: &TimeZone) -> Vec<Due> {
    let mut found = Vec::new();
    for waiver in waivers.iter().filter(|waiver| waiver.revoked.is_none()) {
        let days = (waiver.plea.expires.millis() - now.millis()).div_euclid(86_400_000);
        let Some(stage) = Stage::of(days).filter(|_| days > -30) else { continue };
        let asset = match &waiver.plea.reach {
            Reach::Asset(asset) if inventory.assets.contains_key(asset) => Some(asset.clone()),
            _ => None,
        };
        let evidence = vec![
            ("waiver".to_owned(), waiver.id.clone()),
            ("check".to_owned(), waiver.plea.check.clone()),
            ("expires".to_owned(), waiver.plea.expires.to_string()),
            ("days".to_owned(), days.to_string()),
        ];
        found.push(Due { key: format!("waiver:{}", waiver.id), asset, stage, evidence });
    }
    for system in inventory.systems.values() {
        let Some(next) = next(system, now, zone) else { continue };
        let Some(stage) = Stage::of(next.days) else { continue };
        let evidence = vec![
            ("system".to_owned(), system.name.clone()),
            ("level".to_owned(), system.level.to_string()),
            ("filing".to_owned(), system.filing.number.clone()),
            ("last_assessed".to_owned(), system.filing.last_assessed.clone().unwrap_or_default()),
            ("days".to_owned(), next.days.to_string()),
        ];
        found.push(Due { key: format!("system:{}", system.id), asset: None, stage, evidence });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::Filing;
    use crate::model::waiver::Plea;

    #[test]
    fn what_ends_is_said_at_60_30_and_7_days_and_when_it_is_over() {
        let stages: Vec<Option<Stage>> = [61, 60, 31, 30, 8, 7, 1, 0, -5].map(Stage::of).to_vec();
        use Stage::{Early, Month, Over, Week};
        let expected = [
            None,
            Some(Early),
            Some(Early),
            Some(Month),
            Some(Month),
            Some(Week),
            Some(Week),
            Some(Over),
            Some(Over),
        ];
        assert_eq!(stages, expected);
    }

    #[test]
    fn systems_are_due_by_their_level_and_waivers_by_their_date() {
        let now = Wall::parse("2024-11-20T00:00:00Z").unwrap();
        let mut inventory = Inventory::default();
        for (id, level, last) in
            [("a", 3, "2023-12-01"), ("b", 2, "2023-12-01"), ("c", 4, "2024-01-01"), ("d", 3, "x")]
        {
            let system = System {
                id: id.parse().unwrap(),
                name: id.into(),
                level,
                assets: Vec::new(),
                owner: None,
                filing: Filing { number: "6529-1".into(), filed: None, last_assessed: Some(last.into()) },
            };
            inventory.systems.insert(system.id.clone(), system);
        }
        let waiver = Waiver {
            id: "w1".into(),
            plea: Plea {
                check: "D17".into(),
                reach: Reach::All,
                block: String::new(),
                reason: "old".into(),
                compensating: String::new(),
                ticket: String::new(),
                expires: now.plus(std::time::Duration::from_secs(5 * 86_400)),
                pin: None,
            },
            approver: "user:a".into(),
            created: now,
            revoked: None,
        };
        let due = all(&inventory, &[waiver], now, &TimeZone::UTC);
        let keys: Vec<(&str, Stage)> = due.iter().map(|d| (d.key.as_str(), d.stage)).collect();
        assert_eq!(keys, [("waiver:w1", Stage::Week), ("system:a", Stage::Month), ("system:c", Stage::Over)]);
    }
}
