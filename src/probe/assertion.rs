//! What an HTTP answer must be to count as good: its status, what its body holds and lacks, what its JSON says. One
//! set of settings for `http` and for each step of a `transaction`. Messages quote what was wanted, never the body.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use regex::Regex;

use crate::model::field::{Part, SettingDef, SettingType};
use crate::model::observation::Cause;
use crate::model::plan::Settings;
use crate::net::error::NetError;
use crate::net::fetch::Fetched;

/// Statuses that are good when none are set. Redirects count: where they lead is another URL's probe.
const GOOD: std::ops::RangeInclusive<u16> = 200..=399;
/// Bytes at the beginning of a page in which it may name its encoding (HTML says 1,024).
const LOOK_AT: usize = 1_024;

/// The statuses that are good.
pub(super) const STATUS: SettingDef = SettingDef {
    name: "status",
    kind: SettingType::IntList(100, 599),
    default: None,
    zh: "可接受的状态码；不写则 200 至 399 均可",
    en: "statuses that are good; unset = any from 200 to 399",
};
/// What the body must contain.
pub(super) const BODY_CONTAINS: SettingDef = SettingDef {
    name: "body_contains",
    kind: SettingType::Text(1024),
    default: None,
    zh: "正文必须包含的文字",
    en: "text that the body must contain",
};
/// What the body must not contain.
pub(super) const BODY_LACKS: SettingDef = SettingDef {
    name: "body_lacks",
    kind: SettingType::Text(1024),
    default: None,
    zh: "正文不得包含的文字，如“系统维护中”",
    en: "text that the body must not contain, such as a notice of an error",
};
/// What the body must match.
pub(super) const BODY_MATCHES: SettingDef = SettingDef {
    name: "body_matches",
    kind: SettingType::Pattern(1024),
    default: None,
    zh: "正文必须匹配的正则表达式",
    en: "regular expression that the body must match",
};
/// What the JSON of the body must say.
pub(super) const JSON: SettingDef = SettingDef {
    name: "json",
    kind: SettingType::Map(Part::AtPointer, 1024),
    default: None,
    zh: "JSON 正文各处（JSON 指针，如 /data/code）必须等于的值",
    en: "what the body, as JSON, must say at JSON pointers such as /data/code",
};

/// What is wanted of an answer.
#[derive(Debug)]
pub(super) struct Assertions {
    status: Vec<u16>,
    contains: Option<String>,
    lacks: Option<String>,
    matches: Option<Regex>,
    json: Vec<(String, String)>,
}

impl Assertions {
    /// Of the settings above; an error is about a pattern that is none.
    pub(super) fn of(settings: &Settings) -> Result<Self, String> {
        let text = |key: &str| settings.text(key).filter(|text| !text.is_empty()).map(str::to_owned);
        let matches = match text("body_matches") {
            Some(pattern) => Some(Regex::new(&pattern).map_err(|_| format!("`{pattern}` is no regular expression"))?),
            None => None,
        };
        Ok(Self {
            status: settings.ints("status").iter().filter_map(|s| u16::try_from(*s).ok()).collect(),
            contains: text("body_contains"),
            lacks: text("body_lacks"),
            matches,
            json: settings.map("json").map(|(at, value)| (at.to_owned(), value.to_owned())).collect(),
        })
    }

    /// What is wrong with an answer that came. `fill` puts values into what is wanted; messages say it as it was
    /// written, since a value may be one that nobody is to see.
    pub(super) fn wrong(&self, fetched: &Fetched, fill: &dyn Fn(&str) -> String) -> Option<NetError> {
        let status = fetched.status?;
        let good = if self.status.is_empty() { GOOD.contains(&status) } else { self.status.contains(&status) };
        if !good {
            let wanted = if self.status.is_empty() { "200 to 399".to_owned() } else { format!("{:?}", self.status) };
            let to = fetched.location().map(|l| format!(" to {}", without_query(l))).unwrap_or_default();
            let cause = if matches!(status, 401 | 403 | 407) { Cause::Auth } else { Cause::Status };
            return Some(NetError::new(cause, format!("status {status}{to}, wanted {wanted}")));
        }
        self.body(fetched, fill).map(|what| {
            let read = fetched.body.len();
            let detail = if fetched.cut {
                format!("{what} ({read} bytes read, all that max_body allows)")
            } else {
                format!("{what} ({read} bytes read)")
            };
            NetError::new(Cause::Content, detail)
        })
    }

    /// The texts that are wanted and not, as they were written.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let of_json = self.json.iter().map(|(_, value)| value.as_str());
        self.contains.as_deref().into_iter().chain(self.lacks.as_deref()).chain(of_json)
    }

    fn body(&self, fetched: &Fetched, fill: &dyn Fn(&str) -> String) -> Option<String> {
        let text = text_of(fetched);
        if let Some(wanted) = self.contains.as_ref().filter(|wanted| !text.contains(&fill(wanted))) {
            return Some(format!("`{wanted}` is not in the body"));
        }
        if let Some(unwanted) = self.lacks.as_ref().filter(|unwanted| text.contains(&fill(unwanted))) {
            return Some(format!("`{unwanted}` is in the body"));
        }
        if let Some(pattern) = self.matches.as_ref().filter(|pattern| !pattern.is_match(&text)) {
            return Some(format!("the body does not match `{pattern}`"));
        }
        if self.json.is_empty() {
            return None;
        }
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else {
            return Some("the body is no JSON".to_owned());
        };
        let differs = self.json.iter().find(|(at, wanted)| at_pointer(&json, at) != Some(fill(wanted)));
        differs.map(|(at, wanted)| format!("the JSON does not say `{wanted}` at `{at}`"))
    }
}

/// What stands at a JSON pointer: a text as it is, all else as JSON.
pub(super) fn at_pointer(json: &serde_json::Value, at: &str) -> Option<String> {
    json.pointer(at).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// The body as text, by the encoding that its head or its own beginning names; UTF-8 otherwise.
pub(super) fn text_of(fetched: &Fetched) -> Cow<'_, str> {
    let head = fetched.headers.get("content-type").and_then(|v| v.to_str().ok()).and_then(charset);
    let begins = fetched.body.get(..LOOK_AT.min(fetched.body.len())).unwrap_or_default();
    let encoding = head.or_else(|| charset(&String::from_utf8_lossy(begins))).unwrap_or(UTF_8);
    encoding.decode(&fetched.body).0
}

/// `charset=gb2312` or `charset="GBK"`.
fn charset(text: &str) -> Option<&'static Encoding> {
    let text = text.to_ascii_lowercase();
    let label = text.split_once("charset=")?.1.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(label.len());
    Encoding::for_label(label.get(..end)?.as_bytes())
}

/// A URL as it may be shown: what follows the question mark may hold a ticket.
pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kinds::parse_set;

    fn fetched(status: u16, kind: &'static str, body: &[u8]) -> Fetched {
        let mut fetched = Fetched { status: Some(status), body: body.to_vec(), ..Fetched::default() };
        fetched.headers.insert("content-type", kind.parse().unwrap());
        fetched
    }

    #[test]
    fn a_body_is_judged_by_text_pattern_and_json() {
        let json = br#"{"code":0,"data":{"name":"oa","ok":true},"list":[{"id":"x"}]}"#;
        for (set, wanted) in [
            ("body_contains='oa'", ""),
            ("body_contains='hr'", "`hr` is not in the body (61 bytes read)"),
            ("body_lacks='hr'", ""),
            ("body_lacks='oa'", "`oa` is in the body (61 bytes read)"),
            (r#"body_matches='"code":\d,'"#, ""),
            (r#"body_matches='"code":\d{2}'"#, r#"the body does not match `"code":\d{2}` (61 bytes read)"#),
            ("json={ '/code' = '0', '/data/name' = 'oa', '/data/ok' = 'true', '/list/0/id' = 'x' }", ""),
            ("json={ '/code' = '1' }", "the JSON does not say `1` at `/code` (61 bytes read)"),
            ("json={ '/none' = '' }", "the JSON does not say `` at `/none` (61 bytes read)"),
        ] {
            let spec = crate::probe::kind("http").unwrap().spec;
            let assertions = Assertions::of(&parse_set(spec, &[set]).unwrap()).unwrap();
            let told = assertions.wrong(&fetched(200, "application/json", json), &str::to_owned);
            assert_eq!(told.map(|e| e.detail).unwrap_or_default(), wanted, "{set}");
        }
    }

    #[test]
    fn a_page_is_read_in_its_own_encoding() {
        let (gbk, ..) = encoding_rs::GBK.encode("<meta charset=\"gb2312\"><title>阿克苏</title>");
        for (kind, body) in [
            ("text/html; charset=GBK", &gbk[..]),
            ("text/html", &gbk[..]),
            ("text/html", "<title>阿克苏</title>".as_bytes()),
            ("text/html; charset=nonsense", "阿克苏".as_bytes()),
        ] {
            assert!(text_of(&fetched(200, kind, body)).contains("阿克苏"), "{kind}");
        }
    }

    #[test]
    fn credentials_refused_are_told_from_other_statuses_and_no_query_is_shown() {
        let assertions = Assertions::of(&Settings::default()).unwrap();
        for (status, cause) in [(401, Cause::Auth), (403, Cause::Auth), (404, Cause::Status), (500, Cause::Status)] {
            let told = assertions.wrong(&fetched(status, "text/plain", b""), &str::to_owned);
            assert_eq!(told.map(|e| e.cause), Some(cause));
        }
        assert!(assertions.wrong(&fetched(302, "text/plain", b""), &str::to_owned).is_none());
        assert_eq!(without_query("/in?ticket=s3cret#x"), "/in");
    }
}
