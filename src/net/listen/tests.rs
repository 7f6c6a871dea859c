//! Listeners and clients against each other on loopback: who is let in, what is bounded, how it ends.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::Extension;
use axum::body::Bytes as Body2;
use axum::routing::{get, post};

use super::super::http::{BaseUrl, Client, Response};
use super::super::stop::{self, StopTrigger};
use super::super::tls::testing::Authority;
use super::super::tls::{self, Pair};
use super::*;

const MAX: usize = 1 << 16;
const PATIENCE: Duration = Duration::from_secs(20);
const DAY: Duration = Duration::from_secs(86_400);

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn who(
    address: Option<Extension<PeerAddr>>,
    certificate: Option<Extension<PeerCertificate>>,
    uid: Option<Extension<PeerUid>>,
) -> String {
    let agent = certificate.map(|c| format!("{:?} expired={}", c.0.subject_agent, c.0.expired));
    format!("tcp={} uid={} {}", address.is_some(), uid.is_some(), agent.unwrap_or_default())
}

fn router() -> Router {
    Router::new()
        .route("/who", get(who))
        .route("/echo", post(|body: Body2| async move { body }))
        .route("/long", get(|| async { "x".repeat(MAX + 1) }))
        .route("/never", get(std::future::pending::<String>))
}

struct Served {
    base: BaseUrl,
    address: SocketAddr,
    trigger: StopTrigger,
    task: JoinHandle<()>,
    clock: Clock,
    shift: Arc<AtomicI64>,
}

/// A listener whose clock is ours to move.
async fn served(authority: Option<&Authority>) -> Served {
    let bound = bind_tcp(loopback()).await.unwrap();
    let address = bound.address();
    let (trigger, stop) = stop::pair();
    let shift = Arc::new(AtomicI64::new(0));
    let clock = Clock::shifted(shift.clone());
    let (scheme, task) = match authority {
        None => ("http", serve_plain(bound, router(), stop)),
        Some(authority) => {
            let tls = tls::server_mutual(&authority.console(), &authority.pem, &clock).unwrap();
            ("https", serve_tls(bound, &tls, clock.clone(), router(), stop))
        }
    };
    let base = BaseUrl::parse(&format!("{scheme}://{address}")).unwrap();
    Served { base, address, trigger, task, clock, shift }
}

fn mutual(served: &Served, ca: &str, pair: Option<&Pair>) -> Client {
    // The client's clock stays right while the server's moves.
    let config = tls::client_pinned_ca(ca, pair, &Clock::system()).unwrap();
    Client::url(served.base.clone(), Some(config), MAX, Clock::system())
}

async fn ask(client: &Client, path: &str) -> Result<Response, NetError> {
    client.request("GET", path, &[], Vec::new(), PATIENCE).await
}

#[tokio::test]
async fn plain_requests_carry_the_address_and_bodies_come_back() {
    let served = served(None).await;
    let client = Client::url(served.base.clone(), None, MAX, Clock::system());
    assert_eq!(ask(&client, "/who").await.unwrap().excerpt(), "tcp=true uid=false");
    let echo = client.request("POST", "/echo", &[("content-type", "text/plain")], b"ab".to_vec(), PATIENCE).await;
    assert_eq!(echo.unwrap().body, b"ab");
    assert_eq!(ask(&client, "/nothing").await.unwrap().status, 404);
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_late_is_an_error_and_the_client_goes_on() {
    let served = served(None).await;
    let client = Client::url(served.base.clone(), None, MAX, Clock::system());
    let error = ask(&client, "/long").await.unwrap_err();
    assert_eq!(error.cause, Cause::Content, "{error}");
    let error = client.request("GET", "/never", &[], Vec::new(), Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.cause, Cause::Timeout, "{error}");
    assert_eq!(ask(&client, "/who").await.unwrap().status, 200);
}

#[tokio::test]
async fn mutual_tls_tells_the_application_which_agent_asks() {
    let authority = Authority::new();
    let served = served(Some(&authority)).await;
    let pair = authority.agent("tower-1", served.clock.wall().plus(DAY));
    let with = mutual(&served, &authority.pem, Some(&pair));
    assert_eq!(ask(&with, "/who").await.unwrap().excerpt(), "tcp=true uid=false Some(tower-1) expired=false");
    let without = mutual(&served, &authority.pem, None);
    assert_eq!(ask(&without, "/who").await.unwrap().excerpt(), "tcp=true uid=false");
}

#[tokio::test]
async fn a_certificate_is_let_in_marked_for_sixty_days_after_its_end_and_then_no_more() {
    let authority = Authority::new();
    let served = served(Some(&authority)).await;
    let end = served.clock.wall().plus(DAY);
    let client = mutual(&served, &authority.pem, Some(&authority.agent("tower-1", end)));
    for (days, expected) in [(2, true), (60, true), (62, false)] {
        served.shift.store(days * 86_400_000, Ordering::Relaxed);
        client.forget();
        let answer = ask(&client, "/who").await;
        match (expected, answer) {
            (true, Ok(answer)) => assert!(answer.excerpt().ends_with("Some(tower-1) expired=true"), "{days}"),
            (false, Err(error)) => assert_eq!(error.cause, Cause::Auth, "{error}"),
            (_, other) => panic!("{days} days: {other:?}"),
        }
    }
}

#[tokio::test]
async fn strangers_are_refused_in_both_directions() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let served = served(Some(&authority)).await;
    let end = Clock::system().wall().plus(DAY);
    let client = mutual(&served, &authority.pem, Some(&stranger.agent("tower-1", end)));
    assert_eq!(ask(&client, "/who").await.unwrap_err().cause, Cause::Auth);
    let error = ask(&mutual(&served, &stranger.pem, None), "/who").await.unwrap_err();
    assert_eq!(error.cause, Cause::Certificate, "{error}");
    assert!(error.detail.contains("check the fingerprint"), "{error}");
    // An agent of the same CA cannot stand in for the console.
    let bound = bind_tcp(loopback()).await.unwrap();
    let base = BaseUrl::parse(&format!("https://{}", bound.address())).unwrap();
    let tls = tls::server(&authority.agent("tower-2", end), &served.clock).unwrap();
    let (_trigger, stop) = stop::pair();
    serve_tls(bound, &tls, served.clock.clone(), router(), stop);
    let config = tls::client_pinned_ca(&authority.pem, None, &served.clock).unwrap();
    let error = ask(&Client::url(base, Some(config), MAX, Clock::system()), "/who").await.unwrap_err();
    assert_eq!(error.cause, Cause::Certificate, "{error}");
}

#[tokio::test]
async fn a_pinned_fingerprint_accepts_that_ca_only() {
    let authority = Authority::new();
    let served = served(Some(&authority)).await;
    let ask_with = |pin: String| {
        let config = tls::client_pinned_fingerprint(&pin, &served.clock).unwrap();
        let client = Client::url(served.base.clone(), Some(config), MAX, Clock::system());
        async move { ask(&client, "/who").await }
    };
    assert_eq!(ask_with(tls::fingerprint_pem(&authority.pem).unwrap()).await.unwrap().status, 200);
    let error = ask_with("ab".repeat(32)).await.unwrap_err();
    assert_eq!(error.cause, Cause::Certificate, "{error}");
}

#[tokio::test]
async fn a_server_shows_its_new_certificate_without_a_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let bound = bind_tcp(loopback()).await.unwrap();
    let base = BaseUrl::parse(&format!("https://{}", bound.address())).unwrap();
    let clock = Clock::system();
    let tls = tls::server(&old.console(), &clock).unwrap();
    let (_trigger, stop) = stop::pair();
    serve_tls(bound, &tls, clock.clone(), router(), stop);
    let trusting = |ca: &str| {
        let config = tls::client_pinned_ca(ca, None, &clock).unwrap();
        Client::url(base.clone(), Some(config), MAX, clock.clone())
    };
    assert_eq!(ask(&trusting(&old.pem), "/who").await.unwrap().status, 200);
    tls.replace(&new.console()).unwrap();
    assert_eq!(ask(&trusting(&new.pem), "/who").await.unwrap().status, 200);
    assert!(ask(&trusting(&old.pem), "/who").await.is_err());
}

#[tokio::test]
async fn a_stop_ends_the_listener_and_a_kept_connection_is_replaced_after_a_restart() {
    let first = served(None).await;
    let client = Client::url(first.base.clone(), None, MAX, Clock::system());
    assert_eq!(ask(&client, "/who").await.unwrap().status, 200);
    first.trigger.stop();
    first.task.await.unwrap();
    assert_eq!(ask(&client, "/who").await.unwrap_err().cause, Cause::Refused);
    let bound = bind_tcp(first.address).await.unwrap();
    let (_trigger, stop) = stop::pair();
    serve_plain(bound, router(), stop);
    assert_eq!(ask(&client, "/who").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_port_in_use_names_its_holder_and_a_remedy() {
    let held = bind_tcp(loopback()).await.unwrap();
    let error = bind_tcp(held.address()).await.unwrap_err().to_string();
    assert!(error.contains(&format!("listen on {}", held.address())), "{error}");
    assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
    assert!(error.contains("choose another"), "{error}");
}

#[tokio::test]
async fn the_admin_socket_is_ours_alone_and_a_dead_one_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("admin.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // left by a dead process
    let bound = bind_unix(&path).unwrap();
    let (trigger, stop) = stop::pair();
    let task = serve_unix(bound, router(), stop);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let client = Client::unix(&path, MAX, Clock::system());
    assert_eq!(ask(&client, "/who").await.unwrap().excerpt(), "tcp=false uid=true");
    let error = bind_unix(&path).unwrap_err().to_string();
    assert!(error.contains("another process listens"), "{error}");
    trigger.stop();
    task.await.unwrap();
    assert!(!path.exists());
    assert_eq!(ask(&client, "/who").await.unwrap_err().cause, Cause::Refused);
    fs::write(&path, "a file").unwrap();
    assert!(bind_unix(&path).is_err() && path.exists());
}

#[test]
fn the_reason_of_a_problem_document_is_its_detail() {
    for (body, reason) in [(r#"{"title":"Conflict","detail":"it is used"}"#, "it is used"), (" plain\n", "plain")] {
        let answer = Response { status: 409, headers: Default::default(), body: body.into() };
        assert_eq!(answer.reason(), reason);
    }
}

#[test]
fn urls_are_read_or_refused_with_the_reason() {
    for (text, shown) in [
        ("https://console.example", "https://console.example:443"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://[::1]:9443/fengsui/", "https://[::1]:9443/fengsui"),
    ] {
        assert_eq!(BaseUrl::parse(text).unwrap().to_string(), shown);
    }
    for (text, why) in [
        ("console:443", "begin with https://"),
        ("ftp://x", "begin with https://"),
        ("https://u:p@x", "no user name"),
        ("https://", "is not a URL"),
    ] {
        let error = BaseUrl::parse(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn the_listener_of_a_port_is_found_in_the_kernel_table() {
    let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0";
    assert_eq!(holding(line, "0A", 8080), Some((1000, 4242)));
    assert_eq!(holding(line, "0A", 8081), None);
    assert_eq!(holding(&line.replace(" 0A ", " 01 "), "0A", 8080), None);
    assert_eq!(holding("  sl  local_address rem_address   st", "0A", 8080), None);
}
