//! One HTTP request of a probe over a connection of its own, its phases timed apart. It follows no redirect,
//! keeps no connection, decodes no compression, and reads no more of the body than it was told to.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::certificate::{Check, Trust};
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::resolver::{Family, resolve};
use crate::net::tcp::connect_any;

/// Most header fields of an answer.
const MAX_HEADERS: usize = 128;
/// Most bytes of the head of an answer (hyper asks for at least 8 KiB).
const MAX_HEAD: usize = 64 * 1024;

/// What to ask for.
#[derive(Debug, Clone)]
pub struct Order {
    uri: Uri,
    host: String,
    port: u16,
    method: Method,
    trust: Option<Arc<Trust>>,
    check: Check,
    family: Family,
    max_body: usize,
}

/// How long each phase took, those that were reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Name to addresses.
    pub resolve: Option<Duration>,
    /// The connection that stood.
    pub connect: Option<Duration>,
    /// Handshake.
    pub tls: Option<Duration>,
    /// From the request to the head of the answer.
    pub first_byte: Option<Duration>,
    /// From the start to the last byte read.
    pub total: Option<Duration>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetched {
    /// Time by phase.
    pub phases: Phases,
    /// Status.
    pub status: Option<u16>,
    /// Where a redirect points to.
    pub location: Option<String>,
    /// Body, as much as was read.
    pub body: Vec<u8>,
    /// Whether there was more of it.
    pub cut: bool,
    /// Who answered.
    pub peer: Option<SocketAddr>,
    /// What ended it before its end.
    pub error: Option<NetError>,
}

impl Order {
    /// From a URL, or what is wrong with it. `path` replaces path and query; `ca_file` adds trusted CAs.
    pub fn new(url: &str, path: Option<&str>, check: Check, ca_file: Option<&Path>) -> Result<Self, String> {
        let uri: Uri = escaped(url).parse().map_err(|e| format!("`{url}` is no URL: {e}"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("`{url}` is no URL of http:// or https://")),
        };
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err("a URL with a user name in it would be stored and shown; leave it out".to_owned());
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(format!("`{url}` has no host"));
        }
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let uri = match path {
            Some(path) if path.starts_with('/') => {
                let mut parts = uri.into_parts();
                parts.path_and_query = Some(escaped(path).parse().map_err(|e| format!("path `{path}`: {e}"))?);
                Uri::from_parts(parts).map_err(|e| format!("path `{path}`: {e}"))?
            }
            Some(path) => return Err(format!("path `{path}` must start with /")),
            None => uri,
        };
        let trust = if tls { Some(Trust::load(ca_file)?) } else { None };
        let (method, family) = (Method::GET, Family::Any);
        Ok(Self { uri, host, port, method, trust, check, family, max_body: 0 })
    }

    /// With HEAD instead of GET.
    pub fn head(mut self) -> Self {
        self.method = Method::HEAD;
        self
    }

    /// With addresses of this family only.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// With at most so many bytes of the body.
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Does it.
    pub async fn fetch(&self, deadline: Mono, clock: &Clock) -> Fetched {
        let mut fetched = Fetched::default();
        let began = clock.mono();
        if let Err(error) = self.try_fetch(&mut fetched, deadline, clock).await {
            fetched.error = Some(error);
        } else {
            fetched.phases.total = Some(clock.mono().since(began));
        }
        fetched
    }

    async fn try_fetch(&self, fetched: &mut Fetched, deadline: Mono, clock: &Clock) -> Result<(), NetError> {
        let mut began = clock.mono();
        let mut lap = || {
            let now = clock.mono();
            let took = now.since(began);
            began = now;
            Some(took)
        };
        let resolving = resolve(&self.host, self.port, self.family);
        let late = || NetError::new(Cause::Resolve, format!("resolve {}: no answer in time", self.host));
        let addresses = clock.until(deadline, resolving).await.ok_or_else(late)??;
        fetched.phases.resolve = lap();
        let (stream, attempt) = connect_any(&addresses, deadline, clock).await?;
        lap();
        fetched.phases.connect = Some(clock.mono().since(attempt));
        fetched.peer = stream.peer_addr().ok();
        match &self.trust {
            None => self.exchange(stream, fetched, deadline, clock).await,
            Some(trust) => {
                let stream = trust.handshake(self.check, &self.host, stream, deadline, clock).await?;
                fetched.phases.tls = lap();
                self.exchange(stream, fetched, deadline, clock).await
            }
        }
    }

    async fn exchange<S>(&self, stream: S, f: &mut Fetched, deadline: Mono, clock: &Clock) -> Result<(), NetError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let what = format!("{} {}", self.method, self.uri);
        let asked = clock.mono();
        // Ends with this function, whatever state the connection is in.
        let mut driver = JoinSet::new();
        let head = async {
            let mut builder = hyper::client::conn::http1::Builder::new();
            builder.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
            let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
            driver.spawn(connection);
            sender.send_request(self.request()).await
        };
        let response = clock.until(deadline, head).await.ok_or_else(|| NetError::timeout(&what))?;
        let response = response.map_err(|e| http_error(&what, &e))?;
        f.phases.first_byte = Some(clock.mono().since(asked));
        f.status = Some(response.status().as_u16());
        f.location = response.headers().get("location").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let reading = self.read_body(response, f);
        match clock.until(deadline, reading).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(http_error(&what, &error)),
            None => Err(NetError::timeout(format_args!("{what}: body"))),
        }
    }

    fn request(&self) -> Request<Empty<Bytes>> {
        let path = self.uri.path_and_query().map_or("/", |p| p.as_str());
        let mut request = Request::new(Empty::new());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        let host = self.uri.authority().map_or("", |a| a.as_str());
        let agent = concat!("fengsui/", env!("CARGO_PKG_VERSION"));
        for (name, value) in [("host", host), ("user-agent", agent), ("accept", "*/*"), ("connection", "close")] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        request
    }

    async fn read_body(&self, response: Response<Incoming>, fetched: &mut Fetched) -> Result<(), hyper::Error> {
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            let room = self.max_body - fetched.body.len();
            fetched.body.extend_from_slice(data.get(..room.min(data.len())).unwrap_or(&[]));
            if data.len() > room {
                fetched.cut = true;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The URL with what is not ASCII percent-encoded; host names that are not ASCII stay wrong.
fn escaped(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for byte in url.trim().bytes() {
        if byte.is_ascii() && byte != b' ' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn http_error(what: &str, error: &hyper::Error) -> NetError {
    let io = std::error::Error::source(error).and_then(|s| s.downcast_ref::<std::io::Error>());
    if let Some(io) = io {
        return NetError::io(what, io);
    }
    let cause = if error.is_incomplete_message() || error.is_canceled() { Cause::Reset } else { Cause::Protocol };
    NetError::new(cause, format!("{what}: {error}"))
}
