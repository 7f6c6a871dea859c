//! Against a small office system of the tests' own: a page with a hidden field, a sign-in that redirects, an API with
//! a token, a sign-out.

use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};

use crate::config::kinds::parse_set;
use crate::model::observation::Outcome;
use crate::model::plan::SettingValue;
use crate::model::secret::SecretText;
use crate::probe::tests::{cx, task, url as target};

use super::*;

const PASSWORD: &str = "p&ss\"词 9";
const TICKET: &str = "tkt-0123456789";

#[derive(Clone, Default)]
struct Office {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Office {
    fn note(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().push(what.into());
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn cookie(headers: &HeaderMap) -> &str {
    headers.get(header::COOKIE).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

fn set_cookie(value: String) -> AppendHeaders<[(header::HeaderName, String); 1]> {
    AppendHeaders([(header::SET_COOKIE, value)])
}

async fn sign_in(State(office): State<Office>, headers: HeaderMap, body: String) -> Response {
    let form: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
    let known = cookie(&headers).contains("SID=s1") && field("csrf") == "c5rf";
    office.note(format!("sign-in {} {}", field("user"), known));
    if !known || field("user") != "duty" || field("password") != PASSWORD {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let to = [(header::LOCATION, "../home?from=in".to_owned())];
    (StatusCode::FOUND, to, set_cookie(format!("AUTH={TICKET}; Path=/; HttpOnly"))).into_response()
}

async fn home(headers: HeaderMap) -> Response {
    if cookie(&headers).contains(TICKET) {
        "<h1>欢迎 值班员</h1>".into_response()
    } else {
        (StatusCode::FOUND, [(header::LOCATION, "/app/login")]).into_response()
    }
}

async fn tasks(headers: HeaderMap) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if bearer == "Bearer tok-42" {
        ([(header::CONTENT_TYPE, "application/json")], r#"{"code":0,"data":{"open":3}}"#).into_response()
    } else {
        (StatusCode::FORBIDDEN, format!("not for {bearer}")).into_response()
    }
}

async fn start() -> (Office, String) {
    let office = Office::default();
    let app = Router::new()
        .route(
            "/app/login",
            get(|| async {
                (set_cookie("SID=s1; Path=/app".into()), r#"<input name="csrf" value="c5rf">"#).into_response()
            })
            .post(sign_in),
        )
        .route("/home", get(home))
        .route(
            "/app/token",
            post(|body: String| async move {
                let good = body == r#"{"for":"duty"}"#;
                if good { r#"{"token":"tok-42"}"#.into_response() } else { StatusCode::BAD_REQUEST.into_response() }
            }),
        )
        .route("/app/tasks", get(tasks))
        .route("/app/loop", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "loop")]) }))
        .route(
            "/app/away",
            get(|| async { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "http://127.0.0.9:9/")]) }),
        )
        .route("/app/slow", get(|| async { std::future::pending::<()>().await }))
        .route(
            "/app/out",
            post(|State(office): State<Office>| async move {
                office.note("sign-out");
                StatusCode::NO_CONTENT
            }),
        )
        .with_state(office.clone());
    #[expect(clippy::disallowed_types, reason = "the test plays the server")]
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/app/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (office, base)
}

const FLOW: &str = r#"[
    { name = "page", path = "login", take_pattern = { csrf = 'name="csrf" value="([^"]+)"' } },
    { name = "sign-in", path = "login", form = { user = "${user}", password = "${password}", csrf = "${csrf}" }, status = [200], body_contains = "欢迎" },
    { name = "token", path = "token", json_body = '{"for":"${user}"}', take_json = { ticket = "/token" } },
    { name = "tasks", path = "tasks?who=${user}", headers = { authorization = "Bearer ${ticket}" }, json = { "/code" = "0", "/data/open" = "${open}" } },
    { name = "sign-out", path = "out", method = "POST", always = true },
]"#;

async fn walk(base: &str, steps: &str, password: &str, more: &[&str], within: Duration) -> Result<Run, String> {
    let cx = cx();
    let set = [format!("step={steps}"), "vars={ open = '3' }".to_owned()];
    let set: Vec<&str> = set.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let secret = Secret::Login { user: "duty".to_owned(), password: SecretText::new(password) };
    let mut prober = prober(&cx, &task(&SPEC, "oa", target(base), &set), Some(&secret))?;
    let run = prober.run(&cx, cx.clock.mono().plus(within)).await;
    // Whatever happens, nobody sees what is nobody's business.
    let told = format!("{run:?}");
    for hidden in [password, TICKET, "tok-42", "c5rf"] {
        assert!(!told.contains(hidden) && !told.contains(&url_form(hidden)), "{hidden} in {told}");
    }
    Ok(run)
}

fn url_form(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Outcome, cause and steps with their status, such as `ok: page 200, sign-out 204`.
fn told(run: &Run) -> String {
    let steps: Vec<String> = run
        .rows
        .iter()
        .filter(|row| row.table == STEPS)
        .map(|row| match row.values[5].number() {
            Some(status) => format!("{} {status}", row.instance),
            None => format!("{} -", row.instance),
        })
        .collect();
    let cause = run.cause.map(|c| format!(" {}", c.as_str())).unwrap_or_default();
    format!("{}{cause}: {}", run.outcome.as_str(), steps.join(", "))
}

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn signing_in_asking_and_signing_out_is_one_run() {
    let (office, base) = start().await;
    for more in [&[][..], &["reuse=true"]] {
        let run = walk(&base, FLOW, PASSWORD, more, LONG).await.unwrap();
        assert_eq!(
            told(&run),
            "ok: page 200, sign-in 200, token 200, tasks 200, sign-out 204",
            "{more:?}: {:?}",
            run.detail
        );
        assert_eq!(office.seen(), ["sign-in duty true", "sign-out"]);
        assert_eq!(run.rows[0].values[1..], [Value::F64(5.0), Value::Text("".into())]);
        assert_eq!(run.rows[2].values[7], Value::F64(1.0), "one redirect");
        let connected = run.rows.iter().skip(1).filter(|row| row.values[2] != Value::Null).count();
        assert_eq!(connected, if more.is_empty() { 5 } else { 1 }, "{more:?}");
    }
}

#[tokio::test]
async fn the_step_that_fails_is_named_and_what_must_be_done_always_is() {
    let (office, base) = start().await;
    let run = walk(&base, FLOW, "wrong-word", &[], LONG).await.unwrap();
    assert_eq!(told(&run), "failed auth: page 200, sign-in 401, sign-out 204");
    assert_eq!(run.detail.as_deref(), Some("step `sign-in`: status 401, wanted [200]"));
    assert_eq!(run.rows[0].values, [Value::Null, Value::F64(2.0), Value::Text("sign-in".into())]);
    assert_eq!(office.seen(), ["sign-in duty true", "sign-out"]);
    let changed = [
        ("欢迎", "再见", "content: page 200, sign-in 200, sign-out 204", "`再见` is not in the body"),
        ("([^\"]+)", "([0-9]{9})", "content: page 200, sign-out 204", "for `csrf` in the answer"),
        ("\"/token\"", "\"/none\"", "content: page 200, sign-in 200, token 200, sign-out 204", "`/none`"),
        ("Bearer", "Basic", "auth: page 200, sign-in 200, token 200, tasks 403, sign-out 204", "403"),
        ("${open}", "4${open}", "content: page 200, sign-in 200, token 200, tasks 200, sign-out 204", "`4${open}`"),
    ]
    .map(|(from, to, wanted, why)| (FLOW.replace(from, to), format!("failed {wanted}"), why));
    let lone = [
        ("[{ path = 'loop' }]", "failed status: 1 302", "more than 8 redirects"),
        ("[{ path = 'loop', follow = false }]", "ok: 1 302", ""),
        ("[{ path = 'away', form = { a = 'b' }, method = 'GET' }]", "failed status: 1 307", "another server"),
        ("[{ path = '/home' }]", "ok: 1 200", ""),
        ("[{ path = 'http://127.0.0.77:1/x?y=${user}' }]", "failed refused: 1 -", "127.0.0.77"),
    ]
    .map(|(steps, wanted, why)| (steps.to_owned(), wanted.to_owned(), why));
    for (steps, wanted, why) in changed.into_iter().chain(lone) {
        let run = walk(&base, &steps, PASSWORD, &[], LONG).await.unwrap();
        assert_eq!(told(&run), wanted, "{steps}: {:?}", run.detail);
        assert!(run.detail.clone().unwrap_or_default().contains(why), "{steps}: {:?}", run.detail);
    }
}

#[tokio::test]
async fn a_step_that_hangs_ends_the_run_in_time() {
    let (_, base) = start().await;
    let steps = "[{ path = 'login' }, { name = 'hangs', path = 'slow' }, { path = 'login' }]";
    let run = walk(&base, steps, PASSWORD, &[], Duration::from_millis(400)).await.unwrap();
    assert_eq!(told(&run), "failed timeout: 1 200, hangs -");
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
    assert_eq!((run.outcome, run.tally.lost), (Outcome::Failed, 1));
}

#[tokio::test]
async fn what_no_run_can_mend_is_told_before_any() {
    for (steps, why) in [
        ("[]", "no steps"),
        ("[{ path = '/${nobody}' }]", "nothing before it makes `${nobody}`"),
        ("[{ path = '/', form = { a = 'b' }, json_body = '{}' }]", "enough"),
        ("[{ name = 'a' }, { name = 'a' }]", "two steps are called `a`"),
        ("[{ take_json = { Bad = '/x' } }]", "no name of a variable"),
    ] {
        let error = walk("http://127.0.0.1:1/", steps, PASSWORD, &[], LONG).await.unwrap_err();
        assert!(error.contains(why), "{steps}: {error}");
    }
    let bad = |set: &str| parse_set(&SPEC, &[set]).unwrap_err().join(" ");
    assert!(bad("step=[{ take_pattern = { a = '(' } }]").contains("no regular expression"));
    assert!(bad("step=[{ take_json = { a = 'x' } }]").contains("no JSON pointer"));
    assert!(bad("step=[{ pth = '/' }]").contains("did you mean `path`"));
    let settings = parse_set(&SPEC, &["step=[{ path = '/a' }]"]).unwrap();
    assert!(matches!(settings.0["step"], SettingValue::Tables(ref all) if all[0].text("path") == Some("/a")));
    let snmp = Secret::SnmpCommunity { v1: false, community: SecretText::new("c") };
    let task = task(&SPEC, "oa", target("http://127.0.0.1:1/"), &["step=[{ path = '/' }]"]);
    let error = prober(&cx(), &task, Some(&snmp)).err().unwrap();
    assert!(error.contains("login or token"), "{error}");
}
