//! Small HTTP/1.1 clients: mTLS to a console, HTTPS for the command line, loopback, the admin socket.
//!
//! One kept connection a client; a second request at the same time opens another. Everything is bounded:
//! connect, whole request, size of the answer. Refuses redirects, compression and HTTP/2: both ends are ours.
#![expect(clippy::disallowed_types, reason = "clients are sockets, and net is where sockets are made")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::model::{Cause, Mono};

use super::clock::Clock;
use super::error::NetError;

/// Longest wait for one address to accept and shake hands; two lost SYNs take 3 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A kept connection older than this is not used again: our servers close theirs after 10 s of silence.
const IDLE_REUSE: Duration = Duration::from_secs(8);
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// Most characters of an answer that go into a message.
const MAX_REASON: usize = 500;

/// Where a client sends its requests: `http://HOST[:PORT][/PREFIX]` or `https://...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// TLS or not.
    pub secure: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Port; 80 or 443 if the text had none.
    pub port: u16,
    /// Path before every request's own, without a trailing slash.
    pub prefix: String,
}

impl BaseUrl {
    /// Reads it; the error says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|e| format!("`{text}` is not a URL: {e}"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("`{text}` must begin with https:// or http://")),
        };
        let host = uri.host().filter(|h| !h.is_empty()).ok_or_else(|| format!("`{text}` names no host"))?;
        if uri.query().is_some() || uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(format!("`{text}` must have no query and no user name"));
        }
        Ok(Self {
            secure,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "https" } else { "http" }, self.authority(), self.prefix)
    }
}

/// An answer, read in full.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
    /// Why the server refused, for messages: the detail of a problem document, or the body as it is.
    pub fn reason(&self) -> String {
        let problem: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        match problem.as_ref().and_then(|p| p.get("detail")).and_then(|d| d.as_str()) {
            Some(detail) => detail.chars().take(MAX_REASON).collect(),
            None => self.excerpt(),
        }
    }
    /// The body as text, for messages; at most `MAX_REASON` characters.
    pub fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().chars().take(MAX_REASON).collect()
    }
}

enum Route {
    Tcp { base: BaseUrl, tls: Option<Arc<ClientConfig>> },
    Unix(PathBuf),
}

struct Kept {
    sender: SendRequest<Full<Bytes>>,
    since: Mono,
}

/// A client of one server. Cloning shares the kept connection.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    route: Route,
    clock: Clock,
    max_body: usize,
    kept: Mutex<Option<Kept>>,
}

impl Client {
    /// Of a URL. `tls` is needed for https and ignored for http.
    pub fn url(base: BaseUrl, tls: Option<Arc<ClientConfig>>, max_body: usize, clock: Clock) -> Self {
        Self::of(Route::Tcp { base, tls }, max_body, clock)
    }
    /// Of a Unix socket.
    pub fn unix(path: impl Into<PathBuf>, max_body: usize, clock: Clock) -> Self {
        Self::of(Route::Unix(path.into()), max_body, clock)
    }
    fn of(route: Route, max_body: usize, clock: Clock) -> Self {
        Self { inner: Arc::new(Inner { route, clock, max_body, kept: Mutex::default() }) }
    }

    /// Where it sends, for messages.
    pub fn target(&self) -> String {
        match &self.inner.route {
            Route::Tcp { base, .. } => base.to_string(),
            Route::Unix(path) => path.display().to_string(),
        }
    }

    /// Closes the kept connection, so that the next request shakes hands anew.
    pub fn forget(&self) {
        self.kept().take();
    }

    /// One request, answered in full within `timeout`. A kept connection that turns out to be closed before
    /// the server saw the request is replaced once.
    pub async fn request(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Response, NetError> {
        let target = self.target();
        let work = self.exchange(method, path_and_query, headers, Bytes::from(body));
        match tokio::time::timeout(timeout, work).await {
            Ok(answer) => answer,
            Err(_) => {
                let ms = timeout.as_millis();
                Err(NetError::new(
                    Cause::Timeout,
                    format!("{method} {target}{path_and_query}: no answer within {ms} ms"),
                ))
            }
        }
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response, NetError> {
        let what = || format!("{method} {}{path}", self.target());
        let request = self.build(method, path, headers, body)?;
        if let Some(mut sender) = self.take_kept() {
            // `Err` here means that the connection closed; the request was not sent.
            if sender.ready().await.is_ok() {
                match sender.try_send_request(request.clone()).await {
                    Ok(answer) => return self.collect(answer, sender, &what()).await,
                    Err(error) if error.message().is_none() => return Err(broken(&what(), error.error())),
                    Err(_) => {}
                }
            }
        }
        let mut sender = self.connect().await?;
        let answer = sender.send_request(request).await.map_err(|e| broken(&what(), &e))?;
        self.collect(answer, sender, &what()).await
    }

    fn build(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, NetError> {
        let wrong = |what: String| NetError::new(Cause::Internal, what);
        let (host, prefix) = match &self.inner.route {
            Route::Tcp { base, .. } => (base.authority(), base.prefix.as_str()),
            Route::Unix(_) => ("localhost".to_owned(), ""),
        };
        let uri: Uri = format!("{prefix}{path}").parse().map_err(|e| wrong(format!("path `{path}`: {e}")))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|e| wrong(format!("method `{method}`: {e}")))?;
        *request.uri_mut() = uri;
        let list = request.headers_mut();
        list.insert(HOST, HeaderValue::from_str(&host).map_err(|e| wrong(format!("host `{host}`: {e}")))?);
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|e| wrong(format!("header `{name}`: {e}")))?;
            let value = HeaderValue::from_str(value).map_err(|e| wrong(format!("header `{name}`: {e}")))?;
            list.append(name, value);
        }
        Ok(request)
    }

    async fn collect(
        &self,
        answer: hyper::Response<hyper::body::Incoming>,
        sender: SendRequest<Full<Bytes>>,
        what: &str,
    ) -> Result<Response, NetError> {
        let (head, body) = answer.into_parts();
        let body = match Limited::new(body, self.inner.max_body).collect().await {
            Ok(body) => body.to_bytes().to_vec(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(NetError {
                    cause: Cause::Content,
                    detail: format!("{what}: the answer is longer than {} bytes", self.inner.max_body),
                });
            }
            Err(error) => {
                return Err(NetError {
                    cause: Cause::Reset,
                    detail: format!("{what}: the answer broke off: {error}"),
                });
            }
        };
        if !sender.is_closed() {
            *self.kept() = Some(Kept { sender, since: self.inner.clock.mono() });
        }
        Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_kept(&self) -> Option<SendRequest<Full<Bytes>>> {
        let kept = self.kept().take()?;
        let young = self.inner.clock.mono().since(kept.since) < IDLE_REUSE;
        (young && !kept.sender.is_closed()).then_some(kept.sender)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, NetError> {
        match &self.inner.route {
            Route::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|e| socket_error(path, &e))?;
                speak(TokioIo::new(stream), &self.target()).await
            }
            Route::Tcp { base, tls } => {
                let tls = match (base.secure, tls) {
                    (false, _) => None,
                    (true, Some(tls)) => Some(tls),
                    (true, None) => {
                        return Err(NetError {
                            cause: Cause::Internal,
                            detail: format!("{base}: https without a TLS configuration"),
                        });
                    }
                };
                self.connect_tcp(base, tls).await
            }
        }
    }

    async fn connect_tcp(
        &self,
        base: &BaseUrl,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<SendRequest<Full<Bytes>>, NetError> {
        let mut failure = None;
        for address in addresses(base).await? {
            let attempt = tokio::time::timeout(CONNECT_TIMEOUT, open(address, base, tls)).await;
            match attempt {
                Ok(Ok(sender)) => return Ok(sender),
                Ok(Err(error)) => failure = Some(error),
                Err(_) => {
                    failure = Some(NetError {
                        cause: Cause::Timeout,
                        detail: format!("connect to {address}: no answer within {} s", CONNECT_TIMEOUT.as_secs()),
                    });
                }
            }
        }
        Err(failure.unwrap_or_else(|| NetError {
            cause: Cause::Resolve,
            detail: format!("{}: the name has no address", base.host),
        }))
    }
}

async fn addresses(base: &BaseUrl) -> Result<Vec<SocketAddr>, NetError> {
    let found = tokio::net::lookup_host((base.host.as_str(), base.port))
        .await
        .map_err(|e| NetError { cause: Cause::Resolve, detail: format!("resolve {}: {e}", base.host) })?;
    Ok(found.take(MAX_ADDRESSES).collect())
}

async fn open(
    address: SocketAddr,
    base: &BaseUrl,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<SendRequest<Full<Bytes>>, NetError> {
    let what = format!("connect to {address}");
    let stream = TcpStream::connect(address).await.map_err(|e| io_error(&what, &e))?;
    stream.set_nodelay(true).map_err(|e| io_error(&what, &e))?;
    let Some(tls) = tls else {
        return speak(TokioIo::new(stream), &base.to_string()).await;
    };
    let name = ServerName::try_from(base.host.clone())
        .map_err(|_| NetError { cause: Cause::Tls, detail: format!("`{}` is not a host name", base.host) })?;
    let stream = TlsConnector::from(tls.clone())
        .connect(name, stream)
        .await
        .map_err(|e| io_error(&format!("TLS with {base} at {address}"), &e))?;
    speak(TokioIo::new(stream), &base.to_string()).await
}

async fn speak<T>(io: TokioIo<T>, target: &str) -> Result<SendRequest<Full<Bytes>>, NetError>
where
    TokioIo<T>: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    T: Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.map_err(|e| broken(target, &e))?;
    // Ends with the sender or the peer; what went wrong is told by the request that saw it.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// A failure below HTTP, with its cause found from the error chain.
pub fn io_error(what: &str, error: &std::io::Error) -> NetError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => tls_error(what, tls),
        None => NetError::io(what, error),
    }
}

/// A TLS failure in words that name the remedy.
pub fn tls_error(what: &str, error: &rustls::Error) -> NetError {
    use rustls::AlertDescription as Alert;
    let (cause, hint) = match error {
        rustls::Error::InvalidCertificate(why) => (
            Cause::Certificate,
            match why {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    "; it is not signed by the CA we trust: check the fingerprint, or whether this is the right console"
                }
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => "; check the clocks of both machines first",
                _ => "",
            },
        ),
        rustls::Error::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::DecryptError,
        ) => (Cause::Auth, "; the server refused our certificate: enrol this agent again"),
        _ => (Cause::Tls, ""),
    };
    NetError { cause, detail: format!("{what}: {error}{hint}") }
}

/// A socket file that is not there means the same as one that nobody listens on.
fn socket_error(path: &Path, error: &std::io::Error) -> NetError {
    let mut failure = NetError::io(format!("connect to {}", path.display()), error);
    if error.kind() == std::io::ErrorKind::NotFound {
        failure.cause = Cause::Refused;
    }
    failure
}

fn broken(what: &str, error: &hyper::Error) -> NetError {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io_error(what, io);
        }
        source = inner.source();
    }
    let cause = if error.is_parse() { Cause::Protocol } else { Cause::Reset };
    NetError { cause, detail: format!("{what}: {error}") }
}
