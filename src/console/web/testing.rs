//! A browser without scripts over a real store, for the tests of pages: it keeps cookies, follows redirects and
//! sends the hidden fields of the form it last saw, as people's browsers do.
#![allow(dead_code)] // pages come one after another; each uses what it needs

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use tower::ServiceExt;

use super::gate;
use crate::config::inventory;
use crate::config::settings::ConsoleSettings;
use crate::console::api;
use crate::console::command::{Actor, Command, Role, Scope};
use crate::console::service::Service;
use crate::console::{ConsoleParts, Local};
use crate::model::alert::{AlertKey, AlertState};
use crate::model::{Alert, Severity, Wall};
use crate::net::clock::Clock;

/// An alert that fires from now on: its rule is called like its problem, and it says nothing more.
pub(crate) fn firing(now: Wall, object: &str, problem: &str, severity: Severity) -> Alert {
    Alert {
        key: AlertKey { problem: problem.parse().unwrap(), object: object.parse().unwrap(), instance: "".into() },
        rule: problem.parse().unwrap(),
        probe: None,
        state: AlertState::Firing,
        cleared_by: None,
        severity,
        since: now,
        at: now,
        count: 1,
        flapping: false,
        stale: false,
        evidence: Vec::new(),
        folds_into: Vec::new(),
        category: "".into(),
        runbook: "".into(),
    }
}

/// The most that a page may hold.
const MAX_PAGE: usize = 8 << 20;

/// A console with pages and without listeners.
pub(crate) struct World {
    _dir: tempfile::TempDir,
    local: Local,
}

impl World {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        Self::defined("").await
    }

    /// An empty one with definitions of its own.
    pub(crate) async fn defined(definitions: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("own.toml");
        std::fs::write(&own, definitions).unwrap();
        let parts = ConsoleParts {
            data: dir.path().join("data"),
            settings: ConsoleSettings { definitions: vec![own], ..ConsoleSettings::default() },
            catalog: crate::config::testing::CATALOG,
            clock: Clock::system(),
            key: None,
        };
        let local = Local::open(parts).await.unwrap();
        Self { _dir: dir, local }
    }

    /// One with an inventory.
    pub(crate) async fn with(toml: &str) -> Self {
        let world = Self::new().await;
        world.declare(toml).await;
        world
    }

    /// What it is.
    pub(crate) fn service(&self) -> &Service {
        self.local.service()
    }

    /// Declares more.
    pub(crate) async fn declare(&self, toml: &str) {
        let store = &self.service().store;
        let (base_rev, old) = store.inventory();
        let diff = inventory::apply(&old, &[("test".into(), toml.into())], false).unwrap();
        let command = Command::InventoryApply { inventory: Box::new(diff.merged), summary: Vec::new(), base_rev };
        store.command(&admin(), None, command).await.unwrap();
    }

    /// A browser that nobody signed in with, in English.
    pub(crate) fn stranger(&self) -> Browser {
        let router = gate::with_pages(api::router(self.service().clone()), self.service());
        Browser { router, cookies: vec![("lang".into(), "en".into())], csrf: String::new(), hidden: Vec::new() }
    }

    /// A browser that came in by a one-time link of somebody with that role and scope.
    pub(crate) async fn signed_in(&self, role: Role, scope: Scope) -> Browser {
        let store = &self.service().store;
        let mut browser = self.stranger();
        if role == Role::Admin {
            let token = store.link_create(&admin()).await.unwrap();
            let page = browser.get(&format!("/welcome?token={}", token.expose())).await;
            assert_eq!(page.status, 303, "{}", page.body);
            return browser;
        }
        let name = format!("test-{}", role.as_str());
        let first = crate::model::SecretText::new("first-Pa55-of-Test");
        let new = crate::model::SecretText::new("Zwei-Kamele-77-x");
        let command =
            Command::UserAdd { name: name.clone(), display: name.clone(), role, scope, password: first.clone() };
        store.command(&admin(), None, command).await.unwrap();
        let mut session = store.sign_in(&name, &first, "127.0.0.1", "test").await.unwrap();
        if session.session.must_change {
            let change = Command::PasswordChange { old: first, new: new.clone(), keep: None };
            store.command(&session.session.actor, None, change).await.unwrap();
            session = store.sign_in(&name, &new, "127.0.0.1", "test").await.unwrap();
        }
        browser.cookies.push(("fengsui".into(), session.token.expose().to_owned()));
        browser
    }

    /// An administrator's browser.
    pub(crate) async fn admin(&self) -> Browser {
        self.signed_in(Role::Admin, Scope::All).await
    }
}

/// Whoever runs the program.
pub(crate) fn admin() -> Actor {
    Actor { name: "local:0".into(), role: Role::Admin, scope: Scope::All }
}

/// See the file.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    cookies: Vec<(String, String)>,
    csrf: String,
    hidden: Vec<(String, String)>,
}

/// What came back.
pub(crate) struct Seen {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Text; bytes that are none are replaced.
    pub(crate) body: String,
    /// Bytes.
    pub(crate) bytes: Vec<u8>,
    /// Where it ended.
    pub(crate) path: String,
}

impl Seen {
    /// Fails unless the page holds all of these.
    #[track_caller]
    pub(crate) fn shows(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(self.body.contains(text), "`{text}` is not on {} ({}):\n{}", self.path, self.status, self.body);
        }
        self
    }

    /// Fails if the page holds any of these.
    #[track_caller]
    pub(crate) fn lacks(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(!self.body.contains(text), "`{text}` is on {} ({}):\n{}", self.path, self.status, self.body);
        }
        self
    }

    /// Where it redirects to.
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

impl Browser {
    /// In Chinese.
    pub(crate) fn chinese(mut self) -> Self {
        self.cookies.retain(|(name, _)| name != "lang");
        self
    }

    /// One GET, without following.
    pub(crate) async fn get(&mut self, path: &str) -> Seen {
        self.send(Request::get(path), path, Vec::new()).await
    }

    /// A GET, and wherever that leads.
    pub(crate) async fn open(&mut self, path: &str) -> Seen {
        let seen = self.get(path).await;
        self.follow(seen).await
    }

    /// Sends a form with the token of the session and, of the form that was seen last with this address, the
    /// hidden fields; does not follow.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrf", &self.csrf);
        for (name, value) in self.hidden.iter().filter(|(name, _)| !fields.iter().any(|(n, _)| n == name)) {
            form.append_pair(name, value);
        }
        for (name, value) in fields {
            form.append_pair(name, value);
        }
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, path, form.finish().into_bytes()).await
    }

    /// Sends a form, and goes wherever that leads.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let seen = self.post(path, fields).await;
        self.follow(seen).await
    }

    /// Sends a file with a form.
    pub(crate) async fn upload(&mut self, path: &str, field: &str, name: &str, bytes: &[u8]) -> Seen {
        const EDGE: &str = "edge-of-the-test";
        let mut body = format!(
            "--{EDGE}\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--{EDGE}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n",
            self.csrf
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{EDGE}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={EDGE}");
        let seen = self.send(Request::post(path).header(header::CONTENT_TYPE, kind), path, body).await;
        self.follow(seen).await
    }

    async fn follow(&mut self, mut seen: Seen) -> Seen {
        for _ in 0..5 {
            if seen.status != StatusCode::SEE_OTHER {
                return seen;
            }
            let to = seen.location().to_owned();
            seen = self.get(&to).await;
        }
        panic!("{} leads in circles", seen.path);
    }

    async fn send(&mut self, request: axum::http::request::Builder, path: &str, body: Vec<u8>) -> Seen {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).header(header::ACCEPT, "text/html");
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        for line in head.headers.get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok()) {
            let (name, rest) = line.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            let value = rest.split(';').next().unwrap_or_default();
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let bytes = axum::body::to_bytes(body, MAX_PAGE).await.unwrap().to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let hidden = hidden(&text);
        if let Some((_, csrf)) = hidden.iter().find(|(name, _)| name == "csrf") {
            self.csrf = csrf.clone();
        }
        if head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
            self.hidden = hidden.into_iter().filter(|(name, _)| name == "seen").collect();
        }
        Seen { status: head.status, headers: head.headers, body: text, bytes, path: path.to_owned() }
    }
}

/// Hidden fields of a page, as maud writes them.
fn hidden(page: &str) -> Vec<(String, String)> {
    let value = |tag: &str, name: &str| {
        let rest = tag.split_once(&format!(" {name}=\""))?.1;
        Some(
            rest.split_once('"')?
                .0
                .replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
        )
    };
    let tags = page.split("<input type=\"hidden\"").skip(1).filter_map(|rest| rest.split_once('>'));
    tags.filter_map(|(tag, _)| Some((value(tag, "name")?, value(tag, "value")?))).collect()
}
