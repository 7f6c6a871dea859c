//! Where a step or a redirect leads, as seen from where we are (RFC 3986, section 5.2, as far as servers use it).

/// A reference taken from a base URL `scheme://authority/path?query`.
pub(super) fn join(base: &str, reference: &str) -> String {
    let reference = reference.split('#').next().unwrap_or_default();
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = if path.is_empty() { "/" } else { path };
    if has_scheme(reference) {
        reference.to_owned()
    } else if let Some(rest) = reference.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if reference.is_empty() || reference.starts_with('?') {
        format!("{scheme}://{authority}{path}{reference}")
    } else if reference.starts_with('/') {
        format!("{scheme}://{authority}{}", without_dots(reference))
    } else {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{scheme}://{authority}{}", without_dots(&format!("{directory}/{reference}")))
    }
}

fn has_scheme(reference: &str) -> bool {
    reference.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// A path without `.` and `..`.
fn without_dots(reference: &str) -> String {
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let mut out: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    out.pop();
                }
                if last {
                    out.push("");
                }
            }
            other => out.push(other),
        }
    }
    format!("/{}{}", out.join("/"), query.map(|q| format!("?{q}")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_from_where_we_are() {
        for (base, reference, wanted) in [
            ("http://a.test/b/c?d=1", "/e?f", "http://a.test/e?f"),
            ("http://a.test/b/c?d=1", "e", "http://a.test/b/e"),
            ("http://a.test/b/c?d=1", "?e", "http://a.test/b/c?e"),
            ("http://a.test/b/c?d=1", "../e/./f", "http://a.test/e/f"),
            ("http://a.test/b/c", "..", "http://a.test/"),
            ("http://a.test/b/c", "../../../e", "http://a.test/e"),
            ("https://a.test", "b", "https://a.test/b"),
            ("https://a.test:8443/b", "//c.test/d", "https://c.test/d"),
            ("https://a.test/b", "http://c.test/d#e", "http://c.test/d"),
            ("https://a.test/b", "/in?to=http://x.test/", "https://a.test/in?to=http://x.test/"),
            ("https://[::1]:80/b", "", "https://[::1]:80/b"),
        ] {
            assert_eq!(join(base, reference), wanted, "{base} {reference}");
        }
    }
}
