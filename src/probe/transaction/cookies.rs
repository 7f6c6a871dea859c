//! The cookies of one run (RFC 6265, as far as a sign-in needs it): kept in order, sent back to where they belong,
//! forgotten with the run. Dates are not looked at: a run is shorter than any of them, and what is to be deleted says so
//! by its age or an empty value.

/// Most cookies of a run and longest one, as browsers have it for one site.
const MAX_COOKIES: usize = 64;
const MAX_COOKIE: usize = 4 << 10;

#[derive(Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// For this very host only, not for those below it.
    exact: bool,
    path: String,
    secure: bool,
}

/// All cookies of a run.
#[derive(Default)]
pub(super) struct Jar(Vec<Cookie>);

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) secure: bool,
}

impl Jar {
    /// Takes one `Set-Cookie` of an answer from that place; what is none is passed over.
    pub(super) fn take(&mut self, from: Place<'_>, header: &str) {
        if header.len() > MAX_COOKIE {
            return;
        }
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let host = from.host.to_ascii_lowercase();
        let mut cookie = Cookie {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            domain: host.clone(),
            exact: true,
            path: directory(from.path).to_owned(),
            secure: false,
        };
        let mut gone = cookie.value.is_empty();
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    // A host speaks for itself and what is above it, but not for a whole country.
                    if !below(&host, &domain) || (domain != host && !domain.contains('.')) {
                        return;
                    }
                    (cookie.exact, cookie.domain) = (false, domain);
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => gone |= value.parse::<i64>().is_ok_and(|age| age <= 0),
                _ => {}
            }
        }
        if cookie.name.is_empty() || (cookie.secure && !from.secure) {
            return;
        }
        let same = |c: &Cookie| c.name == cookie.name && c.domain == cookie.domain && c.path == cookie.path;
        self.0.retain(|c| !same(c));
        if !gone && self.0.len() < MAX_COOKIES {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` header for a request, if there is anything to send.
    pub(super) fn header(&self, to: Place<'_>) -> Option<String> {
        let host = to.host.to_ascii_lowercase();
        let mut mine: Vec<&Cookie> = self
            .0
            .iter()
            .filter(|c| if c.exact { c.domain == host } else { below(&host, &c.domain) })
            .filter(|c| within(to.path, &c.path) && (to.secure || !c.secure))
            .collect();
        mine.sort_by_key(|c| std::cmp::Reverse(c.path.len()));
        let pairs: Vec<String> = mine.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        if pairs.is_empty() { None } else { Some(pairs.join("; ")) }
    }

    /// The values, which nobody is to see.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|c| c.value.as_str())
    }
}

/// Whether a host is a domain or below it.
fn below(host: &str, domain: &str) -> bool {
    host == domain
        || host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
            && host.parse::<std::net::IpAddr>().is_err()
}

/// Whether a path is another or below it.
fn within(path: &str, cookie: &str) -> bool {
    path == cookie || path.strip_prefix(cookie).is_some_and(|rest| cookie.ends_with('/') || rest.starts_with('/'))
}

/// The directory of a path, without its last slash.
fn directory(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) if at > 0 => path.get(..at).unwrap_or("/"),
        _ => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'a>(url: &'a str) -> Place<'a> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let at = rest.find('/').unwrap();
        Place { host: &rest[..at], path: &rest[at..], secure: scheme == "https" }
    }

    #[test]
    fn cookies_go_back_to_where_they_belong() {
        for (from, set, to, sent) in [
            ("http://oa.test/app/login", "a=1", "http://oa.test/app/x", "a=1"),
            ("http://oa.test/app/login", "a=1", "http://oa.test/application", ""),
            ("http://oa.test/app/login", "a=1; Path=/", "http://oa.test/", "a=1"),
            ("http://oa.test/", "a=1", "http://other.test/", ""),
            ("http://oa.test/", "a=1", "http://below.oa.test/", ""),
            ("http://in.oa.test/", "a=1; Domain=.oa.test", "http://oa.test/", "a=1"),
            ("http://in.oa.test/", "a=1; Domain=test", "http://in.oa.test/", ""),
            ("http://in.oa.test/", "a=1; Domain=other.test", "http://in.oa.test/", ""),
            ("https://oa.test/", "a=1; Secure; HttpOnly", "http://oa.test/", ""),
            ("https://oa.test/", "a=1; Secure; HttpOnly", "https://oa.test/", "a=1"),
            ("http://oa.test/", "a=1; Secure", "https://oa.test/", ""),
            ("http://10.0.0.1/", "a=b=c; SameSite=Lax", "http://10.0.0.1/", "a=b=c"),
            ("http://oa.test/", "a=1; Max-Age=0", "http://oa.test/", ""),
            ("http://oa.test/", "nonsense", "http://oa.test/", ""),
        ] {
            let mut jar = Jar::default();
            jar.take(place(from), set);
            assert_eq!(jar.header(place(to)).unwrap_or_default(), sent, "{from} {set} {to}");
        }
    }

    #[test]
    fn a_cookie_replaces_its_like_and_the_number_is_bounded() {
        let mut jar = Jar::default();
        let at = place("http://oa.test/");
        jar.take(at, "a=1");
        jar.take(at, "b=2; Path=/in");
        jar.take(at, "a=3");
        assert_eq!(jar.header(at).as_deref(), Some("a=3"));
        assert_eq!(jar.header(place("http://oa.test/in/x")).as_deref(), Some("b=2; a=3"));
        jar.take(at, "a=");
        assert_eq!(jar.header(at), None);
        (0..200).for_each(|n| jar.take(at, &format!("c{n}=x")));
        assert_eq!(jar.values().count(), MAX_COOKIES);
    }
}
