//! How a list is asked for: filter, order, page and format, all in the address, so that a list can be sent to
//! a colleague as a link. What is not a known column or a fair number is as if it were not there: an address
//! somebody typed wrong still shows a list.

use super::super::cx::Cx;
use crate::console::api::query::encode;

/// Rows of a page unless asked otherwise.
const PAGE: usize = 50;
/// The most rows of a page.
const MAX_PAGE: usize = 500;
/// The most rows of a file: what a spreadsheet program opens without complaint on an old machine.
pub const MAX_EXPORT: usize = 20_000;

/// What to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A page.
    Html,
    /// A file for any program.
    Csv,
    /// A file for spreadsheet programs.
    Xlsx,
}

/// What a row is ordered by.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// Text, without regard to case.
    Text(String),
    /// Number or time; not measured comes last.
    Number(Option<f64>),
}

impl Key {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_lowercase())
    }

    /// As part of a cursor.
    fn encode(&self) -> String {
        match self {
            Self::Text(text) => format!("t{text}"),
            Self::Number(Some(n)) => format!("n{n:?}"),
            Self::Number(None) => "n".to_owned(),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        match (text.get(..1)?, text.get(1..)?) {
            ("t", text) => Some(Self::Text(text.to_owned())),
            ("n", "") => Some(Self::Number(None)),
            ("n", number) => number.parse().ok().map(|n| Self::Number(Some(n))),
            _ => None,
        }
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(Some(a)), Self::Number(Some(b))) => a.total_cmp(b),
            (Self::Number(a), Self::Number(b)) => b.is_some().cmp(&a.is_some()),
            (Self::Text(_), Self::Number(_)) => Ordering::Less,
            (Self::Number(_), Self::Text(_)) => Ordering::Greater,
        }
    }
}

/// A list as it was asked for.
#[derive(Debug, Clone)]
pub struct List {
    /// Path of the page.
    pub path: String,
    /// Filters in force: name and value, in the order of the page's own list of filters.
    pub filters: Vec<(&'static str, String)>,
    /// Column that orders.
    pub sort: &'static str,
    /// Largest first.
    pub descending: bool,
    /// Where the page before ended.
    pub after: Option<String>,
    /// Rows of a page.
    pub rows: usize,
    /// What to answer with.
    pub format: Format,
}

impl List {
    /// Reads the address. `sorts` are the columns that can order, the first by default; `-name` is descending.
    pub fn read(cx: &Cx, sorts: &'static [&'static str], filters: &'static [&'static str]) -> Self {
        let plain = |name: &'static str| name.strip_prefix('-').unwrap_or(name);
        let first = sorts.first().copied().unwrap_or_default();
        let asked = cx.query.get("sort").unwrap_or(first);
        let (wanted, down) = asked.strip_prefix('-').map_or((asked, false), |name| (name, true));
        let known = sorts.iter().copied().map(plain).find(|s| *s == wanted);
        let (sort, descending) = known.map_or((plain(first), first.starts_with('-')), |sort| (sort, down));
        let given = |name: &'static str| cx.query.get(name).map(|v| (name, v.trim().to_owned()));
        let rows = cx.query.get("rows").and_then(|r| r.parse().ok()).unwrap_or(PAGE);
        Self {
            path: cx.uri.split('?').next().unwrap_or("/").to_owned(),
            filters: filters.iter().filter_map(|f| given(f)).collect(),
            sort,
            descending,
            after: cx.query.get("after").map(str::to_owned),
            rows: rows.clamp(1, MAX_PAGE),
            format: match cx.query.get("format") {
                Some("csv") => Format::Csv,
                Some("xlsx") => Format::Xlsx,
                _ => Format::Html,
            },
        }
    }

    /// The value of a filter, if it is in force.
    pub fn filter(&self, name: &str) -> Option<&str> {
        self.filters.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// How many rows to look up: a page, or everything for a file.
    pub const fn limit(&self) -> usize {
        match self.format {
            Format::Html => self.rows,
            Format::Csv | Format::Xlsx => MAX_EXPORT,
        }
    }

    /// The address of this list with these parameters instead; an empty value takes one away.
    pub fn url(&self, changes: &[(&str, &str)]) -> String {
        let direction = if self.descending { "-" } else { "" };
        let mut all: Vec<(String, String)> = self.filters.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        all.push(("sort".into(), format!("{direction}{}", self.sort)));
        if self.rows != PAGE {
            all.push(("rows".into(), self.rows.to_string()));
        }
        for (name, value) in changes {
            all.retain(|(n, _)| n != name);
            if !value.is_empty() {
                all.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let query: Vec<String> = all.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
        format!("{}?{}", self.path, query.join("&"))
    }

    /// Orders what is in memory and cuts the page out of it. `id` is unique and breaks ties; the cursor is the
    /// last row's key and id, so rows that come and go do not shift the pages.
    pub fn page<T>(
        &self,
        items: Vec<T>,
        id: impl Fn(&T) -> String,
        key: impl Fn(&T) -> Key,
    ) -> (Vec<T>, Option<String>, usize) {
        let total = items.len();
        let mut keyed: Vec<(Key, String, T)> = items.into_iter().map(|t| (key(&t), id(&t), t)).collect();
        let order = |a: (&Key, &str), b: (&Key, &str)| {
            let by_key =
                if self.descending && !unknown(a.0) && !unknown(b.0) { b.0.order(a.0) } else { a.0.order(b.0) };
            by_key.then_with(|| a.1.cmp(b.1))
        };
        keyed.sort_by(|a, b| order((&a.0, &a.1), (&b.0, &b.1)));
        let cursor = self.after.as_deref().and_then(|after| {
            let (key, id) = after.split_once('\u{1f}')?;
            Some((Key::decode(key)?, id.to_owned()))
        });
        let start = cursor.map_or(0, |(key, id)| {
            keyed.partition_point(|row| order((&row.0, &row.1), (&key, &id)) != std::cmp::Ordering::Greater)
        });
        let limit = self.limit();
        let more = keyed.len().saturating_sub(start) > limit;
        let rows: Vec<(Key, String, T)> = keyed.into_iter().skip(start).take(limit).collect();
        let next = rows.last().filter(|_| more).map(|(key, id, _)| format!("{}\u{1f}{id}", key.encode()));
        (rows.into_iter().map(|(_, _, t)| t).collect(), next, total)
    }
}

const fn unknown(key: &Key) -> bool {
    matches!(key, Key::Number(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(after: Option<String>, descending: bool) -> List {
        List {
            path: "/x".into(),
            filters: vec![("q", "核心".into())],
            sort: "n",
            descending,
            after,
            rows: 2,
            format: Format::Html,
        }
    }

    fn walk(descending: bool) -> Vec<&'static str> {
        let all = [("a", Some(2.0)), ("b", None), ("c", Some(2.0)), ("d", Some(-1.0)), ("e", Some(10.0))];
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (rows, next, total) =
                list(after, descending).page(all.to_vec(), |r| r.0.into(), |r| Key::Number(r.1));
            assert_eq!(total, 5);
            seen.extend(rows.iter().map(|r| r.0));
            after = next;
            if after.is_none() {
                return seen;
            }
        }
    }

    #[test]
    fn pages_follow_each_other_without_hole_or_repetition_and_the_unknown_comes_last() {
        assert_eq!(walk(false), ["d", "a", "c", "e", "b"]);
        assert_eq!(walk(true), ["e", "a", "c", "d", "b"]);
    }

    #[test]
    fn an_address_keeps_filters_and_takes_changes() {
        let list = list(None, true);
        assert_eq!(list.url(&[("after", "n1.0")]), "/x?q=%E6%A0%B8%E5%BF%83&sort=-n&rows=2&after=n1.0");
        assert_eq!(list.url(&[("q", ""), ("sort", "name")]), "/x?rows=2&sort=name");
    }
}
