//! What a page has in its hands: who asks, in which language and zone, with which query and form. A page gets
//! one only after the gate let the request through; what it makes of it is its own.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;

use super::lang::Lang;
use crate::console::api::problem::Problem;
use crate::console::command::{Actor, Command, Outcome, Role, Scope};
use crate::console::service::Service;
use crate::console::store::Session;
use crate::model::Wall;

/// What a page answers; a problem becomes a page of its own, in the reader's language.
pub type Answer = Result<Response, Problem>;

/// Names and values of a query or a form. The first of a name counts, unless all are asked for.
#[derive(Debug, Clone, Default)]
pub struct Params(pub Vec<(String, String)>);

impl Params {
    /// Reads `a=1&b=2`, as browsers write it.
    pub fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }
    /// The first value of a name; `None` if it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }
    /// The first value of a name without spaces around it, or empty.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).map_or("", str::trim)
    }
    /// All values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }
    /// The values of a name as a function reads them; what it does not know is left out.
    pub fn read_all<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.all(name).filter_map(read).collect()
    }
}

/// A file that came with a form.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Name of the form's field.
    pub field: String,
    /// Name of the file, as the browser says.
    pub name: String,
    /// Content.
    pub bytes: axum::body::Bytes,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Cx(pub Arc<Request>);

impl Deref for Cx {
    type Target = Request;
    fn deref(&self) -> &Request {
        &self.0
    }
}

/// See `Cx`.
pub struct Request {
    /// The console.
    pub service: Service,
    /// Language of the reader.
    pub lang: Lang,
    /// `light`, `dark`, or empty for what the system says.
    pub theme: &'static str,
    /// Who is signed in; `None` only on pages that are open to all.
    pub session: Option<Session>,
    /// Query.
    pub query: Params,
    /// Form, of a POST.
    pub form: Params,
    /// Files of the form.
    pub uploads: Vec<Upload>,
    /// Parts of the path.
    pub path: BTreeMap<String, String>,
    /// Path and query as asked for.
    pub uri: String,
    /// Time zone of people.
    pub zone: TimeZone,
    /// When the request came.
    pub now: Wall,
    /// The newest event then: what the page shows is at least as new, and its stream of changes begins after it.
    pub newest: String,
    /// True if only a region of the page is fetched again: no frame around it.
    pub fragment: bool,
    /// True behind TLS.
    pub tls: bool,
    /// Address of the other end.
    pub from: String,
    /// Host and port by which the browser came; `localhost` if it said none that could be one.
    pub authority: String,
    /// By which name or address the browser came, without port; empty if it is none.
    pub host: String,
    /// What the browser says it is.
    pub user_agent: String,
}

impl Cx {
    /// Who acts. Only pages that need a session ask.
    pub fn actor(&self) -> Actor {
        self.session.as_ref().map_or_else(
            || Actor { name: Arc::from("nobody"), role: Role::Metrics, scope: Scope::Regions(Vec::new()) },
            |s| s.actor.clone(),
        )
    }
    /// What the reader sees.
    pub fn scope(&self) -> Scope {
        self.actor().scope
    }
    /// Whether the reader may handle incidents.
    pub fn operates(&self) -> bool {
        matches!(self.actor().role, Role::Operator | Role::Admin)
    }
    /// Whether the reader may change everything.
    pub fn administers(&self) -> bool {
        let actor = self.actor();
        actor.role == Role::Admin && actor.scope == Scope::All
    }
    /// A part of the path.
    pub fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }
    /// Carries out a change for the reader.
    pub async fn command(&self, reason: Option<&str>, command: Command) -> Result<Outcome, Problem> {
        Ok(self.service.store.command(&self.actor(), reason, command).await?)
    }
    /// Says a problem in the reader's language.
    pub fn problem<'a>(&self, problem: &'a Problem) -> &'a str {
        self.lang.pick(&problem.zh, &problem.en)
    }
}

/// The page again, with the status of what refused a form on it.
pub fn refused(page: Answer, problem: &Problem) -> Answer {
    let mut answer = page?;
    *answer.status_mut() = problem.status;
    Ok(answer)
}

/// Sends the browser on with a GET; `to` is a path of ours.
pub fn redirect(to: &str) -> Response {
    let mut answer = Response::new(axum::body::Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let value = axum::http::HeaderValue::from_str(&local(to)).unwrap_or(axum::http::HeaderValue::from_static("/"));
    answer.headers_mut().insert(axum::http::header::LOCATION, value);
    answer
}

/// A path of this console, whatever was asked for: nobody is sent to another site from here. What is not
/// ASCII is percent-encoded.
pub fn local(to: &str) -> String {
    let fine =
        to.starts_with('/') && !to.starts_with("//") && !to.contains('\\') && !to.chars().any(char::is_control);
    if !fine {
        return "/".to_owned();
    }
    let mut out = String::with_capacity(to.len());
    for c in to.chars() {
        if c.is_ascii_graphic() {
            out.push(c)
        } else {
            out.push_str(&crate::console::api::query::encode(&c.to_string()))
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for (asked, sent) in [
            ("/incidents?state=open", "/incidents?state=open"),
            ("//evil.example/", "/"),
            ("https://evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nset-cookie: x=y", "/"),
            ("", "/"),
            ("/assets?q=核心", "/assets?q=%E6%A0%B8%E5%BF%83"),
        ] {
            assert_eq!(local(asked), sent);
        }
    }

    #[test]
    fn a_form_reads_as_browsers_write_it() {
        let form = Params::read("comment=%E5%B7%B2%E6%9F%A5+ok&id=1&id=2&empty=".as_bytes());
        assert_eq!(form.text("comment"), "已查 ok");
        assert_eq!(form.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(form.get("empty"), None);
    }
}
