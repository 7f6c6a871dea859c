//! One HTTP request of a probe, its phases timed apart. Each request has a connection of its own, unless whoever asks
//! keeps a `Line` for the next one. It follows no redirect, decodes no compression, and reads no more of the body
//! than it was told to.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::certificate::{Check, Trust};
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::resolver::{Family, resolve_by};
use crate::net::tcp::connect_any;

/// Most header fields of an answer.
const MAX_HEADERS: usize = 128;
/// Most bytes of the head of an answer (hyper asks for at least 8 KiB).
const MAX_HEAD: usize = 64 * 1024;

/// What to ask for.
#[derive(Clone)]
pub struct Order {
    uri: Uri,
    host: String,
    port: u16,
    method: Method,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    trust: Option<Arc<Trust>>,
    check: Check,
    family: Family,
    max_body: usize,
}

/// A connection kept from one request to the next.
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection; ends with the line.
    _driver: JoinSet<Result<(), hyper::Error>>,
    tls: bool,
    host: String,
    port: u16,
    peer: Option<SocketAddr>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({}:{})", self.host, self.port)
    }
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
    /// Header fields of the answer.
    pub headers: HeaderMap,
    /// Body, as much as was read.
    pub body: Vec<u8>,
    /// Whether there was more of it.
    pub cut: bool,
    /// Who answered.
    pub peer: Option<SocketAddr>,
    /// What ended it before its end.
    pub error: Option<NetError>,
}

impl Fetched {
    /// Where a redirect points to.
    pub fn location(&self) -> Option<&str> {
        self.headers.get("location")?.to_str().ok()
    }
}

impl Order {
    /// From a URL, or what is wrong with it. `path` replaces path and query; `ca_file` adds trusted CAs.
    pub fn new(url: &str, path: Option<&str>, check: Check, ca_file: Option<&Path>) -> Result<Self, String> {
        let mut order = Self::to(url, None, check)?;
        if let Some(path) = path {
            if !path.starts_with('/') {
                return Err(format!("path `{path}` must start with /"));
            }
            let mut parts = order.uri.into_parts();
            parts.path_and_query = Some(escaped(path).parse().map_err(|e| format!("path `{path}`: {e}"))?);
            order.uri = Uri::from_parts(parts).map_err(|e| format!("path `{path}`: {e}"))?;
        }
        if order.secure() {
            order.trust = Some(Trust::load(ca_file)?);
        }
        Ok(order)
    }

    /// From a URL with the trust that a probe loaded once; without one https is not spoken.
    pub fn to(url: &str, trust: Option<Arc<Trust>>, check: Check) -> Result<Self, String> {
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
        let (method, family, body) = (Method::GET, Family::Any, Bytes::new());
        let headers = Vec::new();
        Ok(Self { uri, host, port, method, headers, body, trust, check, family, max_body: 0 })
    }

    /// With another method; what is none is left out.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Method::from_bytes(method.as_bytes()).unwrap_or(self.method);
        self
    }

    /// With a header field more; one of the same name that is sent anyway gives way. The error never shows its value.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, String> {
        let field: HeaderName = name.parse().map_err(|_| format!("`{name}` is no name of a header field"))?;
        let value = HeaderValue::from_str(value).or_else(|_| HeaderValue::from_bytes(value.as_bytes()));
        let mut value = value.map_err(|_| format!("header `{name}` has a value that cannot be sent"))?;
        value.set_sensitive(true);
        self.headers.push((field, value));
        Ok(self)
    }

    /// With a body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// With addresses of this family only.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// With at most so many bytes of the answer's body.
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Whether it goes over TLS.
    pub fn secure(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Host it goes to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Path it asks for, without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Does it over a connection of its own.
    pub async fn fetch(&self, deadline: Mono, clock: &Clock) -> Fetched {
        self.run(None, deadline, clock).await
    }

    /// Does it over `line` if that leads there and is still open, and leaves there what can be used again. Of phases
    /// that a kept connection spares there is no time.
    pub async fn fetch_on(&self, line: &mut Option<Line>, deadline: Mono, clock: &Clock) -> Fetched {
        self.run(Some(line), deadline, clock).await
    }

    async fn run(&self, line: Option<&mut Option<Line>>, deadline: Mono, clock: &Clock) -> Fetched {
        let mut fetched = Fetched::default();
        let began = clock.mono();
        if let Err(error) = self.try_fetch(line, &mut fetched, deadline, clock).await {
            fetched.error = Some(error);
        } else {
            fetched.phases.total = Some(clock.mono().since(began));
        }
        fetched
    }

    async fn try_fetch(
        &self,
        line: Option<&mut Option<Line>>,
        fetched: &mut Fetched,
        deadline: Mono,
        clock: &Clock,
    ) -> Result<(), NetError> {
        let keep = line.is_some();
        let mut own = None;
        let kept = line.unwrap_or(&mut own);
        let mut open = kept.take().filter(|line| self.leads_here(line));
        if let Some(line) = &mut open
            && clock.until(deadline, line.sender.ready()).await.is_none_or(|ready| ready.is_err())
        {
            open = None; // closed while nobody used it
        }
        let reused = open.is_some();
        let mut line = match open {
            Some(line) => line,
            None => self.connect(fetched, deadline, clock).await?,
        };
        fetched.peer = line.peer;
        let mut done = self.exchange(&mut line.sender, keep, fetched, deadline, clock).await;
        // The other side may close an idle connection at the very moment at which it is used again.
        let closed = done.as_ref().is_err_and(|e| e.cause == Cause::Reset) && fetched.status.is_none();
        if reused && closed && matches!(self.method, Method::GET | Method::HEAD) {
            line = self.connect(fetched, deadline, clock).await?;
            done = self.exchange(&mut line.sender, keep, fetched, deadline, clock).await;
        }
        done?;
        if keep && !fetched.cut && !line.sender.is_closed() {
            *kept = Some(line);
        }
        Ok(())
    }

    fn leads_here(&self, line: &Line) -> bool {
        line.tls == self.secure() && line.host == self.host && line.port == self.port && !line.sender.is_closed()
    }

    async fn connect(&self, fetched: &mut Fetched, deadline: Mono, clock: &Clock) -> Result<Line, NetError> {
        let began = clock.mono();
        let addresses = resolve_by(&self.host, self.port, self.family, deadline, clock).await?;
        fetched.phases.resolve = Some(clock.mono().since(began));
        let (stream, attempt) = connect_any(&addresses, deadline, clock).await?;
        let stood = clock.mono();
        fetched.phases.connect = Some(stood.since(attempt));
        let peer = stream.peer_addr().ok();
        fetched.peer = peer;
        if !self.secure() {
            return self.speak(stream, peer).await;
        }
        let none = || NetError::new(Cause::Unsupported, format!("tls {}: no trusted roots were loaded", self.host));
        let trust = self.trust.as_ref().ok_or_else(none)?;
        let stream = trust.handshake(self.check, &self.host, stream, deadline, clock).await?;
        fetched.phases.tls = Some(clock.mono().since(stood));
        self.speak(stream, peer).await
    }

    async fn speak<S>(&self, stream: S, peer: Option<SocketAddr>) -> Result<Line, NetError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new();
        builder.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
        let spoken = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = spoken.map_err(|e| http_error(&self.what(), &e))?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let (tls, host, port) = (self.secure(), self.host.clone(), self.port);
        Ok(Line { sender, _driver: driver, tls, host, port, peer })
    }

    async fn exchange(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        keep: bool,
        f: &mut Fetched,
        deadline: Mono,
        clock: &Clock,
    ) -> Result<(), NetError> {
        let what = self.what();
        let asked = clock.mono();
        let sending = sender.send_request(self.request(keep));
        let response = clock.until(deadline, sending).await.ok_or_else(|| NetError::timeout(&what))?;
        let response = response.map_err(|e| http_error(&what, &e))?;
        f.phases.first_byte = Some(clock.mono().since(asked));
        f.status = Some(response.status().as_u16());
        f.headers = response.headers().clone();
        let reading = self.read_body(response, f);
        match clock.until(deadline, reading).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(http_error(&what, &error)),
            None => Err(NetError::timeout(format_args!("{what}: body"))),
        }
    }

    /// What is done, for messages; no query, which may hold what nobody is to see.
    fn what(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", |a| a.as_str());
        format!("{} {scheme}://{authority}{}", self.method, self.uri.path())
    }

    fn request(&self, keep: bool) -> Request<Full<Bytes>> {
        let path = self.uri.path_and_query().map_or("/", |p| p.as_str());
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        let host = self.uri.authority().map_or("", |a| a.as_str());
        let agent = concat!("fengsui/", env!("CARGO_PKG_VERSION"));
        let connection = if keep { "keep-alive" } else { "close" };
        for (name, value) in [("host", host), ("user-agent", agent), ("accept", "*/*"), ("connection", connection)] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        for (name, _) in &self.headers {
            headers.remove(name);
        }
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
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
