//! The cookie of a session, and what a browser must show before a request of it may change anything: the API's
//! gate and the pages' gate both use this. It trusts no header that a gateway could have made up.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::model::SecretText;

/// Name of the cookie over TLS: browsers take it from this very host only.
const SECURE: &str = "__Host-fengsui";
/// Name of the cookie on plain loopback, where the other may not be set.
const PLAIN: &str = "fengsui";
/// The header with the session's csrf text.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The session's token in a request's cookies; the one that only TLS can have set comes first.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookie_of(headers, SECURE).or_else(|| cookie_of(headers, PLAIN)).filter(|token| !token.is_empty())
}

/// The value of a cookie by its name.
pub fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, value)| value.trim().trim_matches('"'))
}

/// The `Set-Cookie` of a session that has begun. It has no age: the session itself ends at the console, and
/// a browser forgets it when it closes.
pub fn set_cookie(token: &SecretText, tls: bool) -> HeaderValue {
    made(token.expose(), "", tls)
}

/// The same for a session that survives the browser: a screen on a wall starts by itself after a power cut.
pub fn keep_cookie(token: &SecretText, tls: bool, for_: std::time::Duration) -> HeaderValue {
    made(token.expose(), &format!("; Max-Age={}", for_.as_secs()), tls)
}

/// The `Set-Cookie` that takes it away.
pub fn clear_cookie(tls: bool) -> HeaderValue {
    made("", "; Max-Age=0", tls)
}

fn made(value: &str, age: &str, tls: bool) -> HeaderValue {
    let (name, secure) = if tls { (SECURE, "; Secure") } else { (PLAIN, "") };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}");
    // Tokens are base64url; one that is not came from somewhere else, and opens nothing.
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("fengsui=; Max-Age=0"));
    value.set_sensitive(true);
    value
}

/// Whether a request comes from a page of this console, as far as the browser says: `Sec-Fetch-Site` and
/// `Origin` must agree where they are there. `none` is a person at the address bar, not another site.
pub fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    match (authority, text(header::HOST)) {
        (Some(authority), Some(host)) => !host.is_empty() && authority.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// Whether what a form or a script brought along is the session's own; takes as long wherever they differ.
pub fn csrf_matches(given: &str, own: &str) -> bool {
    let (given, own) = (given.as_bytes(), own.as_bytes());
    !own.is_empty()
        && given.len() == own.len()
        && given.iter().zip(own).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in all {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn the_token_is_found_among_other_cookies_and_the_secure_one_prevails() {
        for (lines, token) in [
            (&["fengsui=abc"][..], Some("abc")),
            (&["a=b; fengsui=abc; c=d"], Some("abc")),
            (&["fengsui=planted", "__Host-fengsui=real"], Some("real")),
            (&["notfengsui=abc; fengsui2=abc"], None),
            (&["fengsui="], None),
            (&["fengsui"], None),
            (&[], None),
        ] {
            let all: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
            assert_eq!(cookie(&headers(&all)), token, "{lines:?}");
        }
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let token = SecretText::new("fsw_x");
        assert_eq!(set_cookie(&token, true), "__Host-fengsui=fsw_x; Path=/; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(set_cookie(&token, false), "fengsui=fsw_x; Path=/; HttpOnly; SameSite=Strict");
        assert_eq!(clear_cookie(true), "__Host-fengsui=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0");
        assert!(!format!("{:?}", set_cookie(&token, true)).contains("fsw_x"), "a log shows it");
        assert!(
            !set_cookie(&SecretText::new("a\r\nSet-Cookie: b"), true).to_str().unwrap().contains("Set-Cookie: b")
        );
    }

    #[test]
    fn another_site_is_told_from_ours() {
        for (all, same) in [
            (&[][..], true),
            (&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], true),
            (&[("origin", "https://console.aks"), ("host", "Console.aks"), ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://a"), ("host", "a")], false),
            (&[("origin", "null"), ("host", "127.0.0.1:8080")], false),
            (&[("origin", "http://evil.example"), ("host", "127.0.0.1:8080")], false),
            (&[("origin", "http://127.0.0.1:9090"), ("host", "127.0.0.1:8080")], false),
            (&[("origin", "http://a")], false),
            (&[("origin", "http://"), ("host", "")], false),
        ] {
            assert_eq!(same_origin(&headers(all)), same, "{all:?}");
        }
    }

    #[test]
    fn only_the_very_text_matches() {
        assert!(csrf_matches("abc", "abc"));
        for (given, own) in [("", ""), ("abd", "abc"), ("ab", "abc"), ("abcd", "abc"), ("", "abc")] {
            assert!(!csrf_matches(given, own), "{given} {own}");
        }
    }
}
