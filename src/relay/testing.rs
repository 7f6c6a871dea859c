//! A console for tests: real mTLS on loopback, the real batch rule, answers that a test may dictate.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::model::wire::{Batch, BatchAnswer, Desired, EnrollAnswer, EnrollRequest, Envelope, Stream};
use crate::model::{AgentId, Wall};
use crate::net::clock::Clock;
use crate::net::listen::{self, bind_tcp};
use crate::net::stop::{self, StopTrigger};
use crate::net::tls::testing::Authority;
use crate::net::tls::{self, PeerCertificate};
use crate::relay::identity::{Enrolment, Identity, RenewRequest, enroll};
use crate::relay::receive::{Verdict, judge};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// Tests wait on conditions; this only ends those that would never hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to answer to the next batch instead of the truth.
#[derive(Debug, Clone)]
pub(crate) enum Dictated {
    /// This status, nothing committed.
    Status(u16, Option<&'static str>),
    /// Commit, and then fail as a proxy would.
    CommitThenStatus(u16),
    /// These are malformed; the rest is committed.
    Refuse(Vec<u64>),
    /// Never.
    Hang,
}

#[derive(Default)]
pub(crate) struct Book {
    pub(crate) watermarks: BTreeMap<(Stream, String), u64>,
    pub(crate) log: Vec<(Stream, Envelope)>,
    pub(crate) dictated: VecDeque<Dictated>,
    pub(crate) posts: usize,
    pub(crate) polls: Vec<String>,
    pub(crate) desired: VecDeque<Desired>,
    /// Signing requests answered, and how long the certificates live.
    pub(crate) enrolled: usize,
    pub(crate) enroll_status: Option<u16>,
    pub(crate) certificate_end: Option<Wall>,
}

pub(crate) struct Console {
    pub(crate) authority: Authority,
    pub(crate) skew: Arc<AtomicI64>,
    pub(crate) clock: Clock,
    book: Mutex<Book>,
    changed: watch::Sender<u64>,
}

pub(crate) struct Running {
    pub(crate) console: Arc<Console>,
    pub(crate) address: SocketAddr,
    trigger: StopTrigger,
    task: JoinHandle<()>,
}

impl Console {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// Waits until the book says so.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Book) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            while !holds(&self.book()) {
                changed.changed().await.unwrap();
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
    }

    fn tell(&self) {
        self.changed.send_modify(|n| *n += 1);
    }
}

impl Book {
    /// Record numbers (`id`) and gaps of a stream, in order of commitment.
    pub(crate) fn shown(&self, stream: Stream) -> String {
        let words = self.log.iter().filter(|(of, _)| *of == stream).map(|(_, record)| {
            if record.kind == "gap" {
                format!("gap:{}", record.body["cause"].as_str().unwrap())
            } else {
                record.body["id"].as_str().unwrap_or("?").to_owned()
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

impl Running {
    pub(crate) async fn start() -> Self {
        let skew = Arc::new(AtomicI64::new(0));
        let console = Console {
            authority: Authority::new(),
            clock: Clock::shifted(skew.clone()),
            skew,
            book: Mutex::default(),
            changed: watch::Sender::new(0),
        };
        Self::listen(Arc::new(console), SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    async fn listen(console: Arc<Console>, address: SocketAddr) -> Self {
        let bound = bind_tcp(address).await.unwrap();
        let address = bound.address();
        // The server's TLS keeps the true time; `skew` is for what the console writes in its answers.
        let tls = tls::server_mutual(&console.authority.console(), &console.authority.pem, &Clock::system()).unwrap();
        let router = Router::new()
            .route("/ingest/v1/batches", post(batches))
            .route("/ingest/v1/desired", get(desired))
            .route("/ingest/v1/enroll", post(enrol))
            .route("/ingest/v1/renew", post(renew))
            .with_state(console.clone());
        let (trigger, stop) = stop::pair();
        let task = listen::serve_tls(bound, &tls, Clock::system(), router, stop);
        Self { console, address, trigger, task }
    }

    /// Ends the listener; `restart` opens it again on the same port.
    pub(crate) async fn stop(self) -> (Arc<Console>, SocketAddr) {
        self.trigger.stop();
        self.task.abort(); // a killed console does not drain
        let _ = self.task.await;
        (self.console, self.address)
    }

    pub(crate) async fn restart((console, address): (Arc<Console>, SocketAddr)) -> Self {
        Self::listen(console, address).await
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn enrolment(&self) -> Enrolment {
        Enrolment {
            console: self.url(),
            ca_fingerprint: tls::fingerprint_pem(&self.console.authority.pem).unwrap(),
            token: crate::model::SecretText::new("token"),
            agent: Some(AgentId::new("tower-1").unwrap()),
        }
    }

    pub(crate) async fn identity(&self, dir: &Path) -> Identity {
        enroll(&self.enrolment(), dir, &Clock::system()).await.unwrap()
    }
}

async fn batches(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<PeerCertificate>,
    body: Bytes,
) -> Response {
    if peer.expired {
        return StatusCode::FORBIDDEN.into_response();
    }
    let json = zstd::stream::decode_all(&body[..]).unwrap();
    let batch: Batch = serde_json::from_slice(&json).unwrap();
    let dictated = {
        let mut book = console.book();
        book.posts += 1;
        // Only events obey: samples would take the answers away at random.
        if batch.stream == Stream::Event { book.dictated.pop_front() } else { None }
    };
    console.tell();
    let status = |code| StatusCode::from_u16(code).unwrap();
    match dictated {
        Some(Dictated::Status(code, after)) => {
            let headers = after.map(|seconds| [("retry-after", seconds)]);
            headers.map_or(status(code).into_response(), |headers| (status(code), headers).into_response())
        }
        Some(Dictated::Hang) => std::future::pending().await,
        Some(Dictated::CommitThenStatus(code)) => {
            commit(&console, &batch, &[]);
            status(code).into_response()
        }
        Some(Dictated::Refuse(seqs)) => commit(&console, &batch, &seqs),
        None => commit(&console, &batch, &[]),
    }
}

fn commit(console: &Console, batch: &Batch, refused: &[u64]) -> Response {
    let now = console.clock.wall();
    let mut book = console.book();
    let watermark = book.watermarks.entry((batch.stream, batch.epoch.to_string())).or_default();
    let answer =
        |acked, expected, refused: &[u64]| Json(BatchAnswer { acked, expected, refused: refused.to_vec(), now });
    let response = match judge(*watermark, batch) {
        Verdict::Malformed(why) => panic!("{why}: {batch:?}"),
        Verdict::Duplicate => answer(*watermark, None, &[]).into_response(),
        Verdict::Expect(due) => (StatusCode::CONFLICT, answer(*watermark, Some(due), &[])).into_response(),
        Verdict::Accept { skip } => {
            *watermark = batch.last_seq;
            let taken = batch.records.iter().skip(skip).filter(|record| !refused.contains(&record.seq));
            book.log.extend(taken.map(|record| (batch.stream, record.clone())));
            let code = if refused.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            (code, answer(batch.last_seq, None, refused)).into_response()
        }
    };
    drop(book);
    console.tell();
    response
}

async fn desired(State(console): State<Arc<Console>>, uri: axum::http::Uri) -> Response {
    let next = {
        let mut book = console.book();
        book.polls.push(uri.query().unwrap_or_default().to_owned());
        book.desired.pop_front()
    };
    console.tell();
    match next {
        Some(desired) => Json(desired).into_response(),
        None => {
            // A long poll: until a test puts something in.
            console.until("a desire", |book| !book.desired.is_empty()).await;
            let desired = console.book().desired.pop_front();
            desired.map_or(StatusCode::NO_CONTENT.into_response(), |desired| Json(desired).into_response())
        }
    }
}

async fn enrol(State(console): State<Arc<Console>>, Json(request): Json<EnrollRequest>) -> Response {
    sign(&console, &request.csr)
}

async fn renew(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<PeerCertificate>,
    Json(request): Json<RenewRequest>,
) -> Response {
    assert_eq!(peer.subject_agent, Some(AgentId::new("tower-1").unwrap()));
    sign(&console, &request.csr)
}

fn sign(console: &Console, csr: &str) -> Response {
    let mut book = console.book();
    if let Some(code) = book.enroll_status {
        return (StatusCode::from_u16(code).unwrap(), "because").into_response();
    }
    book.enrolled += 1;
    let end = book.certificate_end.unwrap_or_else(|| Clock::system().wall().plus(DAY * 90));
    drop(book);
    console.tell();
    Json(EnrollAnswer {
        agent: AgentId::new("tower-1").unwrap(),
        certificate: console.authority.answer(csr, "tower-1", end),
        ca: console.authority.pem.clone(),
    })
    .into_response()
}
