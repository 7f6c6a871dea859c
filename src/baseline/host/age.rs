//! How old the newest file of a directory is: backups, signatures, databases of other tools. The walk is bounded and
//! follows no links.

use std::sync::Arc;

use super::root::{Kind, Unseen};
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The most entries that are looked at below one path.
const MAX_ENTRIES: usize = 20_000;
/// How deep.
const MAX_DEPTH: usize = 6;
/// Seconds of a day.
const DAY: i64 = 86_400;

#[derive(Debug)]
struct Ages {
    paths: Vec<String>,
}

/// `path` (paths or patterns of files or directories).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Ages { paths: super::paths(table, "path")? }))
}

impl Fact for Ages {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("path", Type::Text), ("days", Type::Number)])
    }

    /// A row for each path that is there and holds a file.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        for pattern in &self.paths {
            found.looked.push(pattern.clone());
            for path in host.root.glob(pattern)? {
                if let Some((newest, second)) = newest(host, &path, found)? {
                    let days = host.today - second.div_euclid(DAY);
                    let row = Row::at(&newest, 0, format!("{days} days")).about(path.as_str());
                    found.rows.push(row.with("path", path).with("days", days));
                }
            }
        }
        Ok(())
    }
}

/// The newest file at or below a path, and the second of its last change.
fn newest(host: &Host, path: &str, found: &mut Found) -> Result<Option<(String, i64)>, Unseen> {
    let (mut open, mut seen) = (vec![(path.to_owned(), 0)], 0);
    let mut best: Option<(String, i64)> = None;
    while let Some((path, depth)) = open.pop() {
        seen += 1;
        if seen > MAX_ENTRIES {
            return Err(Unseen::TooLarge(path));
        }
        let Some(meta) = (if depth == 0 { host.root.meta(&path)? } else { host.root.own_meta(&path)? }) else {
            continue;
        };
        match meta.kind {
            Kind::File if best.as_ref().is_none_or(|(_, second)| meta.modified > *second) => {
                best = Some((path, meta.modified));
            }
            Kind::Dir if depth < MAX_DEPTH => match host.root.list(&path) {
                Ok(names) => {
                    open.extend(names.unwrap_or_default().iter().map(|n| (format!("{path}/{n}"), depth + 1)))
                }
                Err(why) => found.unseen.push(why),
            },
            _ => {}
        }
    }
    Ok(best)
}
