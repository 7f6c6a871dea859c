//! Query strings: each route names the parameters it takes; others are refused with the nearest name.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::problem::Problem;
use crate::console::command::Page;

/// The longest query string, in bytes: far more than any list of ids a person filters by.
pub const MAX_QUERY: usize = 4_096;
/// Items of a page unless `limit` says otherwise.
const DEFAULT_LIMIT: usize = 100;
/// The most items of a page.
const MAX_LIMIT: usize = 1_000;

/// One query parameter of a route.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Name.
    pub name: &'static str,
    /// What it is, for openapi.json.
    pub about: &'static str,
    /// The request is refused without it.
    pub required: bool,
}

/// An optional parameter.
pub const fn param(name: &'static str, about: &'static str) -> Param {
    Param { name, about, required: false }
}

/// A required parameter.
pub const fn required(name: &'static str, about: &'static str) -> Param {
    Param { name, about, required: true }
}

/// Parameters of a list that comes in pages.
pub const LIMIT: Param = param("limit", "at most so many items, 1 to 1000; 100 if absent");
/// See `LIMIT`.
pub const AFTER: Param = param("after", "the `next` of the page before");

/// A query string, checked against the names a route takes.
#[derive(Debug, Clone, Default)]
pub struct Query(BTreeMap<&'static str, String>);

impl Query {
    /// Reads it; unknown, repeated and missing parameters are refused.
    pub fn read(text: &str, takes: &'static [Param]) -> Result<Self, Problem> {
        if text.len() > MAX_QUERY {
            return Err(Problem::wrong(
                format!("查询串超过 {MAX_QUERY} 字节；请缩小条件"),
                format!("the query string is longer than {MAX_QUERY} bytes; ask for less"),
            ));
        }
        let mut found = BTreeMap::new();
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let Some(known) = takes.iter().find(|p| p.name == name) else {
                return Err(unknown(&name, takes));
            };
            if found.insert(known.name, decode(value)?).is_some() {
                return Err(Problem::wrong(
                    format!("查询参数 `{name}` 重复；请只写一次，多个值用逗号分隔"),
                    format!("query parameter `{name}` stands there twice; give it once, with commas between values"),
                ));
            }
        }
        if let Some(missing) = takes.iter().find(|p| p.required && !found.contains_key(p.name)) {
            let (name, about) = (missing.name, missing.about);
            return Err(Problem::wrong(
                format!("缺少查询参数 `{name}`（{about}）"),
                format!("query parameter `{name}` is missing: {about}"),
            ));
        }
        Ok(Self(found))
    }

    /// The text of a parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// True for `name`, `name=1` and `name=true`.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(bad(name, other, "true or false")),
        }
    }

    /// A parameter by `FromStr`.
    pub fn parse<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        self.read_with(name, expected, |text| text.parse().ok())
    }

    /// A parameter by a function.
    pub fn read_with<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.text(name).map(|text| read(text).ok_or_else(|| bad(name, text, expected))).transpose()
    }

    /// `limit` and `after`.
    pub fn page(&self) -> Result<Page, Problem> {
        let expected = format!("a number from 1 to {MAX_LIMIT}");
        let limit = self
            .read_with("limit", &expected, |t| t.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n)))?
            .unwrap_or(DEFAULT_LIMIT);
        Ok(Page { limit, after: self.text("after").map(str::to_owned) })
    }
}

/// A parameter that cannot be read.
pub fn bad(name: &str, text: &str, expected: &str) -> Problem {
    let text: String = text.chars().take(80).collect();
    // The expectations are lists of words of the API; only what joins them is English.
    let zh = expected
        .replace("an object, such as", "对象，如")
        .replace("a number from 1 to", "1 至")
        .replace(" or ", ", ");
    Problem::wrong(
        format!("查询参数 `{name}` 的值 `{text}` 无效；应为 {zh}"),
        format!("query parameter `{name}`: `{text}` is wrong, expected {expected}"),
    )
}

fn unknown(name: &str, takes: &[Param]) -> Problem {
    let name: String = name.chars().take(80).collect();
    if takes.is_empty() {
        return Problem::wrong(
            format!("未知的查询参数 `{name}`；此接口不接受查询参数"),
            format!("unknown query parameter `{name}`; this path takes none"),
        );
    }
    let nearest =
        takes.iter().map(|p| (strsim::jaro_winkler(p.name, &name), p.name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((score, near)) if score > 0.7 => Problem::wrong(
            format!("未知的查询参数 `{name}`；是否为 `{near}`？"),
            format!("unknown query parameter `{name}`; did you mean `{near}`?"),
        ),
        _ => {
            let all = takes.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
            Problem::wrong(
                format!("未知的查询参数 `{name}`；可用：{all}"),
                format!("unknown query parameter `{name}`; there are: {all}"),
            )
        }
    }
}

/// Undoes percent encoding; `+` is a space, as forms send it.
pub fn decode(text: &str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        match b {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                    return Err(not_encoded(text));
                };
                bytes.push((high * 16 + low) as u8);
            }
            b => bytes.push(b),
        }
    }
    String::from_utf8(bytes).map_err(|_| not_encoded(text))
}

fn not_encoded(text: &str) -> Problem {
    let text: String = text.chars().take(80).collect();
    Problem::wrong(
        format!("`{text}` 不是有效的百分号编码 UTF-8"),
        format!("`{text}` is not percent-encoded UTF-8; encode `%` as %25"),
    )
}

/// Encodes a path segment or a query value.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(b));
        } else {
            use std::fmt::Write;
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKES: &[Param] = &[param("state", "states"), param("severity", "severity"), LIMIT];

    #[test]
    fn a_wrong_query_names_the_nearest_parameter() {
        for (query, said) in [
            ("stat=open", "unknown query parameter `stat`; did you mean `state`?"),
            ("zzz=1", "unknown query parameter `zzz`; there are: state, severity, limit"),
            (
                "state=a&state=b",
                "query parameter `state` stands there twice; give it once, with commas between values",
            ),
            ("state=%zz", "`%zz` is not percent-encoded UTF-8; encode `%` as %25"),
        ] {
            assert_eq!(Query::read(query, TAKES).unwrap_err().en, said);
        }
        let q = Query::read("limit=5000", TAKES).unwrap();
        assert_eq!(
            q.page().unwrap_err().en,
            "query parameter `limit`: `5000` is wrong, expected a number from 1 to 1000"
        );
        const NEEDS: &[Param] = &[required("object", "an object, such as asset:core-1")];
        assert_eq!(
            Query::read("", NEEDS).unwrap_err().en,
            "query parameter `object` is missing: an object, such as asset:core-1"
        );
    }

    #[test]
    fn what_is_encoded_decodes() {
        for text in ["interface:core-1/GE0/0/1", "核心 +&=%", ""] {
            assert_eq!(decode(&encode(text)).unwrap(), text);
        }
    }
}
