//! The agents' door, mTLS only: batches in, plans and jobs out, enrolment and renewal. Who speaks is what the
//! certificate says, looked up by serial on every request, so a revocation counts at once. Everything is
//! bounded: bytes before and after unpacking, batches at once, refused enrolments by address.

use std::io::Read;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;

use crate::console::api::problem::Problem;
use crate::console::api::query::{Query, param};
use crate::console::service::Service;
use crate::console::store::{EnrollError, IngestError, LONG_POLL_MAX};
use crate::model::wire::{Batch, BatchAnswer, Desired, EnrollAnswer, EnrollRequest, MAX_BATCH_BYTES};
use crate::model::{AgentId, SecretText};
use crate::net::listen::PeerAddr;
use crate::net::tls::PeerCertificate;

/// The largest batch on the wire: what does not compress at all, and its frame.
const MAX_PACKED: usize = MAX_BATCH_BYTES + (64 << 10);
/// The largest batch unpacked: the envelope comes on top of the records.
const MAX_PLAIN: usize = 2 * MAX_BATCH_BYTES;
/// Window of the packer, as a power of two: level 3 uses 21; more would let a sender choose our memory.
const MAX_WINDOW_LOG: u32 = 23;
/// Most values (commas, brackets) in a batch: an honest one has a third of it at most, and each costs memory
/// when it is read, 40 times its bytes for the smallest.
const MAX_VALUES: usize = 400_000;
/// The longest that a body may take to come in full; after it the agent has given up as well.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// The largest enrolment request: a CSR has about 1 KiB.
const MAX_ENROLL: usize = 32 << 10;
/// First bytes of a zstd frame.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Kinds that have a counter of their own.
const KINDS: [&str; 10] =
    ["alert", "roster", "samples", "facts", "agent_status", "job_result", "discovery", "log", "finding", "gap"];

/// The router of the agents' listener.
pub fn router(service: Service) -> Router {
    Router::new()
        .route("/ingest/v1/batches", post(batches))
        .route("/ingest/v1/desired", get(desired))
        .route("/ingest/v1/enroll", post(enroll))
        .route("/ingest/v1/renew", post(renew))
        .fallback(|| async {
            let none = Problem::new(StatusCode::NOT_FOUND, "没有此路径", "there is no such path on the agents' port");
            none.respond(&HeaderMap::new())
        })
        .layer(DefaultBodyLimit::disable()) // each handler has its own bound
        .with_state(service)
}

/// The agent of a certificate that may do everything.
fn agent(service: &Service, extensions: &Extensions) -> Result<AgentId, Problem> {
    let shown = certificate(extensions)?;
    // By the time of this request: a connection may outlive the certificate it began with.
    if service.clock.wall() > shown.not_after {
        return Err(forbidden(format!(
            "the certificate expired at {}: renew it (`/ingest/v1/renew`), or enrol again after 60 days",
            shown.not_after
        )));
    }
    let agent = service.store.agent_by_certificate(&shown.serial).map_err(|e| forbidden(e.to_string()))?;
    if shown.subject_agent.as_ref() != Some(&agent) {
        return Err(forbidden(format!("certificate {} is not the one of agent `{agent}`", shown.serial)));
    }
    Ok(agent)
}

fn certificate(extensions: &Extensions) -> Result<&PeerCertificate, Problem> {
    extensions.get::<PeerCertificate>().ok_or_else(|| {
        forbidden("no client certificate was shown: enrol this agent with `fengsui enroll join`".to_owned())
    })
}

fn forbidden(en: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, en.clone(), en)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(text) => {
            (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn batches(State(service): State<Service>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (stream, outcome, answer) = match take(&service, &head.extensions, body).await {
        Ok((stream, outcome, answer)) => (stream, outcome, answer),
        Err(Refused { stream, outcome, problem }) => (stream, outcome, problem.respond(&head.headers)),
    };
    service.meters.batch(stream, outcome);
    answer
}

struct Refused {
    stream: &'static str,
    outcome: &'static str,
    problem: Problem,
}

impl Refused {
    fn new(stream: &'static str, outcome: &'static str, problem: Problem) -> Self {
        Self { stream, outcome, problem }
    }
}

/// Answers stream and outcome for the counter beside the answer itself.
async fn take(
    service: &Service,
    extensions: &Extensions,
    body: Body,
) -> Result<(&'static str, &'static str, Response), Refused> {
    const UNREAD: &str = "unknown";
    let busy = |stream, why: String| {
        Refused::new(stream, "busy", Problem::new(StatusCode::SERVICE_UNAVAILABLE, why.clone(), why).retry_after(1))
    };
    let agent = agent(service, extensions).map_err(|p| Refused::new(UNREAD, "refused", p))?;
    let received = service.clock.now();
    service.store.heard(&agent);
    let full = || busy(UNREAD, "too many batches at once; try again in a second".to_owned());
    // Packed bodies wait here; how long each takes is up to its sender, so none holds what the others need next.
    let receiving = service.receiving.try_acquire().map_err(|_| full())?;
    let packed = within(service, MAX_PACKED, body).await.map_err(|p| Refused::new(UNREAD, "malformed", p))?;
    let permit = service.clock.until(received.mono.plus(BODY_WITHIN), service.unpacking.acquire()).await;
    let Some(Ok(permit)) = permit else { return Err(full()) };
    drop(receiving);
    let batch = read_batch(&packed).map_err(|p| Refused::new(UNREAD, "malformed", p))?;
    drop(packed);
    let stream = batch.stream.as_str();
    let kinds = kinds(&batch);
    let began = service.clock.mono();
    let result = service.store.ingest(&agent, batch, received).await;
    drop(permit);
    service.meters.commit(stream, service.clock.mono().since(began));
    match result {
        Ok(answer) => {
            for (kind, n) in kinds {
                service.meters.records(kind, n);
            }
            Ok((stream, "committed", json(StatusCode::OK, &answer)))
        }
        Err(IngestError::Sequence { answer, .. }) => Ok((stream, "gap", json(StatusCode::CONFLICT, &answer))),
        Err(IngestError::Malformed(answer)) => Ok((stream, "malformed", refused_records(&agent, &answer))),
        Err(error @ IngestError::Envelope(_)) => {
            tracing::warn!(%agent, %error, "a batch was refused");
            let text = error.to_string();
            Err(Refused::new(stream, "malformed", Problem::wrong(text.clone(), text)))
        }
        Err(error @ IngestError::Unknown(_)) => {
            Err(Refused::new(stream, "refused", forbidden(format!("{error}: enrol it again"))))
        }
        Err(error @ IngestError::NoPlan(_)) => Err(busy(stream, error.to_string())),
        Err(IngestError::Store(error)) => {
            tracing::warn!(%agent, %error, "a batch could not be committed; the agent will send it again");
            Err(busy(stream, error.to_string()))
        }
    }
}

fn refused_records(agent: &AgentId, answer: &BatchAnswer) -> Response {
    tracing::warn!(%agent, records = ?answer.refused, "malformed records were put aside");
    json(StatusCode::UNPROCESSABLE_ENTITY, answer)
}

/// Records by kind, unknown ones together.
fn kinds(batch: &Batch) -> Vec<(&'static str, u64)> {
    let mut counts = [0u64; KINDS.len() + 1];
    for record in &batch.records {
        let at = KINDS.iter().position(|k| *k == record.kind).unwrap_or(KINDS.len());
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    KINDS.into_iter().chain(["other"]).zip(counts).filter(|(_, n)| *n > 0).collect()
}

fn read_batch(packed: &Bytes) -> Result<Batch, Problem> {
    let unpacked;
    let plain: &[u8] = if packed.starts_with(ZSTD) {
        unpacked = unpack(packed)?;
        &unpacked
    } else {
        packed
    };
    if plain.iter().filter(|b| matches!(b, b',' | b'[' | b'{')).count() > MAX_VALUES {
        let text = format!("the batch has more than {MAX_VALUES} values");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text.clone(), text));
    }
    serde_json::from_slice(plain).map_err(|e| {
        let text = format!("the batch is not what it should be: {e}");
        Problem::wrong(text.clone(), text)
    })
}

/// A body that is short enough and comes in time.
async fn within(service: &Service, most: usize, body: Body) -> Result<Bytes, Problem> {
    let deadline = service.clock.mono().plus(BODY_WITHIN);
    service.clock.until(deadline, bounded(body, most)).await.unwrap_or_else(|| {
        let text = format!("the body did not come within {} s", BODY_WITHIN.as_secs());
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, text.clone(), text))
    })
}

async fn bounded(body: Body, most: usize) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, most).await.map_err(|_| {
        let text = format!("the body is longer than {most} bytes, or broke off");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text.clone(), text)
    })
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, Problem> {
    let wrong = |e: std::io::Error| {
        let text = format!("the body does not unpack: {e}");
        Problem::wrong(text.clone(), text)
    };
    let mut decoder = zstd::stream::read::Decoder::new(packed).map_err(wrong)?;
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(wrong)?;
    let mut plain = Vec::new();
    decoder.take(MAX_PLAIN as u64 + 1).read_to_end(&mut plain).map_err(wrong)?;
    if plain.len() > MAX_PLAIN {
        let text = format!("the batch unpacks to more than {MAX_PLAIN} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text.clone(), text));
    }
    Ok(plain)
}

async fn desired(State(service): State<Service>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    match answer_desired(&service, &head.extensions, head.uri.query().unwrap_or_default()).await {
        Ok(desired) => json(StatusCode::OK, &desired),
        Err(problem) => problem.respond(&head.headers),
    }
}

const DESIRED: &[crate::console::api::query::Param] =
    &[param("rev", "the revision the agent has"), param("wait", "seconds to wait for another one")];

async fn answer_desired(service: &Service, extensions: &Extensions, query: &str) -> Result<Desired, Problem> {
    agent(service, extensions)?;
    let query = Query::read(query, DESIRED)?;
    let rev: u64 = query.parse("rev", "a revision")?.unwrap_or(0);
    let wait: u64 = query.parse("wait", "seconds")?.unwrap_or(0);
    // Subscribed before looking, so that a change between the look and the wait is seen.
    let (mut plans, mut changes) = (service.watch_plans(), service.store.subscribe());
    let deadline = service.clock.mono().plus(Duration::from_secs(wait).min(LONG_POLL_MAX));
    loop {
        let (plans_seen, jobs_seen) = (*plans.borrow_and_update(), changes.borrow_and_update().jobs);
        // Anew on each round: a plan carries secrets, and the agent may have been revoked while it waited.
        let agent = agent(service, extensions)?;
        service.store.heard(&agent);
        let plan = service.plan(&agent).filter(|p| p.plan.rev != rev).map(|p| p.plan.clone());
        let jobs = service.store.jobs(&agent).await?;
        let over = service.clock.mono() >= deadline || service.stop.is_stopped();
        if plan.is_some() || !jobs.is_empty() || over {
            return Ok(Desired { plan, jobs, now: service.clock.wall() });
        }
        let new_plans = plans.wait_for(|n| *n != plans_seen);
        let new_jobs = changes.wait_for(|c| c.jobs != jobs_seen);
        tokio::select! {
            _ = new_plans => {}
            _ = new_jobs => {}
            () = service.clock.sleep_until(deadline) => {}
            () = service.stop.stopped() => {}
        }
    }
}

async fn enroll(State(service): State<Service>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let from = head.extensions.get::<PeerAddr>().map(|PeerAddr(a)| a.ip().to_canonical());
    let answer = try_enroll(&service, from, body).await;
    answer.map_or_else(|problem| problem.respond(&head.headers), |given| json(StatusCode::OK, &given))
}

async fn try_enroll(service: &Service, from: Option<std::net::IpAddr>, body: Body) -> Result<EnrollAnswer, Problem> {
    let now = service.clock.mono();
    let wait = from.map_or(Duration::ZERO, |ip| service.enroll_throttle.wait(ip, now));
    if !wait.is_zero() {
        service.meters.enroll_refused("throttled");
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let text = format!("too many refused enrolments from this address: try again in {seconds} s");
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, text.clone(), text).retry_after(seconds));
    }
    let body = within(service, MAX_ENROLL, body).await?;
    // The error must not quote the body: the token is in it.
    let asked: EnrollRequest = serde_json::from_slice(&body).map_err(|_| {
        Problem::wrong("注册请求格式错误", "the enrolment request is malformed; it is {\"token\":..., \"csr\":...}")
    })?;
    let given = service.store.enroll(token(&asked.token), &asked.csr).await;
    given.map_err(|error| {
        if let Some(ip) = from {
            service.enroll_throttle.refused(ip, now);
        }
        refused_enrolment(service, &error)
    })
}

fn token(text: &SecretText) -> &str {
    text.expose()
}

fn refused_enrolment(service: &Service, error: &EnrollError) -> Problem {
    let (status, cause) = match error {
        EnrollError::UnknownToken => (StatusCode::FORBIDDEN, "unknown_token"),
        EnrollError::Expired(_) => (StatusCode::FORBIDDEN, "expired_token"),
        EnrollError::Used(_) => (StatusCode::CONFLICT, "used_token"),
        EnrollError::Enrolled(_) => (StatusCode::CONFLICT, "enrolled"),
        EnrollError::Request(_) => (StatusCode::BAD_REQUEST, "request"),
        EnrollError::Certificate(_) => (StatusCode::FORBIDDEN, "certificate"),
        EnrollError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store"),
    };
    service.meters.enroll_refused(cause);
    tracing::warn!(%error, "an enrolment or a renewal was refused");
    let problem = Problem::new(status, error.to_string(), error.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(5) } else { problem }
}

/// The body of a renewal: who asks is in the certificate.
#[derive(serde::Deserialize)]
struct RenewRequest {
    csr: String,
}

async fn renew(State(service): State<Service>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let answer = try_renew(&service, &head.extensions, body).await;
    answer.map_or_else(|problem| problem.respond(&head.headers), |given| json(StatusCode::OK, &given))
}

async fn try_renew(service: &Service, extensions: &Extensions, body: Body) -> Result<EnrollAnswer, Problem> {
    // An expired certificate is enough here; how late it may be is for the store to say.
    let serial = certificate(extensions)?.serial.clone();
    let body = within(service, MAX_ENROLL, body).await?;
    let asked: RenewRequest = serde_json::from_slice(&body).map_err(|e| {
        let text = format!("the renewal is malformed ({e}); it is {{\"csr\":...}}");
        Problem::wrong(text.clone(), text)
    })?;
    service.store.renew(&serial, &asked.csr).await.map_err(|e| refused_enrolment(service, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = zstd::encode_all(&vec![b' '; MAX_PLAIN + 1][..], 3).unwrap();
        assert!(bomb.len() < 10_000);
        assert_eq!(unpack(&bomb).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        let fine = zstd::encode_all(&b"{}"[..], 3).unwrap();
        assert_eq!(unpack(&fine).unwrap(), b"{}");
        assert_eq!(unpack(&fine[..fine.len() - 1]).unwrap_err().status, StatusCode::BAD_REQUEST);
    }
}
