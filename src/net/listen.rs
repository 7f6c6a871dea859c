//! Listeners: an axum router behind plain HTTP, HTTPS, mTLS or the admin socket.
//!
//! Requests come with `Extension<PeerAddr>` (TCP), `Extension<PeerCertificate>` (mTLS, if one was shown) or
//! `Extension<PeerUid>` (Unix socket); `Extension<PeerTls>` over TLS. Connections, handshakes, headers and pauses within a body are bounded;
//! how long a body may be is the application's to say. On stop a listener accepts no more and gives what runs
//! `DRAIN` to end. Refuses other users on the Unix socket, and a port that another program holds: the error
//! names that program.
#![expect(clippy::disallowed_types, reason = "listeners are sockets, and net is where sockets are made")]

use std::convert::Infallible;
use std::fs;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::model::Cause;

use super::clock::Clock;
use super::error::NetError;
use super::http::io_error;
use super::stop::Stop;
use super::tls::{PeerCertificate, ServerTls};

/// Most connections of one listener: a province's thousand agents with a long poll each, and as many again
/// for the moments of a batch. Fewer open files than that only mean that new connections wait.
const MAX_CONNECTIONS: usize = 2_048;
/// Longest wait for the head of a request, and for the next request on a kept connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest pause within a request body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long running requests may go on after a stop; the whole program has 5 s.
pub const DRAIN: Duration = Duration::from_secs(3);
/// Pause after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end of a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Which user is at the other end of the Unix socket: the one we run as, or root (0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerUid(pub u32);

/// The request came over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerTls;

/// A bound TCP address that nobody serves yet.
#[derive(Debug)]
pub struct Tcp {
    listener: TcpListener,
    address: SocketAddr,
}

impl Tcp {
    /// The address, with the port that was given for port 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A bound Unix socket, mode 0600; the file is removed when serving ends.
#[derive(Debug)]
pub struct Unix {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
}

/// Binds a TCP address; the error names who holds it and what to do.
pub async fn bind_tcp(address: SocketAddr) -> Result<Tcp, NetError> {
    let failed = |e: io::Error| bind_error(Transport::Tcp, address, &e);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Tcp { listener, address })
}

/// Binds a Unix socket at `path` with mode 0600. A file left by a dead process is replaced; one that somebody
/// listens on is an error.
pub fn bind_unix(path: &Path) -> Result<Unix, NetError> {
    let what = format!("listen on {}", path.display());
    let failed = |e: &io::Error| io_error(&what, e);
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(NetError {
                cause: Cause::Permission,
                detail: format!("{what}: something that is not a socket is there; move it away"),
            });
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(NetError {
                cause: Cause::Refused,
                detail: format!("{what}: another process listens there; stop it first"),
            });
        }
    }
    // Made beside and renamed, so that the name never shows a socket that others may use.
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let _ = fs::remove_file(&fresh);
    let listener = UnixListener::bind(&fresh).map_err(|e| failed(&e))?;
    let settle = || {
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
        let owner = fs::metadata(&fresh)?.uid();
        fs::rename(&fresh, path)?;
        Ok(owner)
    };
    let owner = settle().map_err(|e: io::Error| failed(&e))?;
    Ok(Unix { listener, path: path.to_owned(), owner })
}

/// Serves plain HTTP until the stop; only for loopback addresses or behind a gateway.
pub fn serve_plain(bound: Tcp, router: Router, stop: Stop) -> JoinHandle<()> {
    tokio::spawn(accept_tcp(bound, None, router, stop))
}

/// Serves HTTPS until the stop; mTLS if `tls` asks for client certificates.
pub fn serve_tls(bound: Tcp, tls: &ServerTls, clock: Clock, router: Router, stop: Stop) -> JoinHandle<()> {
    let acceptor = TlsAcceptor::from(tls.config.clone());
    tokio::spawn(accept_tcp(bound, Some((acceptor, clock)), router, stop))
}

/// Serves the admin socket until the stop.
pub fn serve_unix(bound: Unix, router: Router, stop: Stop) -> JoinHandle<()> {
    tokio::spawn(accept_unix(bound, router, stop))
}

async fn accept_tcp(bound: Tcp, tls: Option<(TlsAcceptor, Clock)>, router: Router, stop: Stop) {
    let Tcp { listener, address } = bound;
    let accept = || async {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    };
    accept_loop(&address.to_string(), accept, &stop, |(stream, peer)| {
        let (tls, router, stop) = (tls.clone(), router.clone(), stop.clone());
        async move {
            let address = Some(PeerAddr(peer));
            let Some((acceptor, clock)) = tls else {
                return converse(TokioIo::new(stream), router, Peer { address, ..Peer::default() }, stop).await;
            };
            let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%peer, %error, "TLS handshake failed"),
                Err(_) => return tracing::debug!(%peer, "TLS handshake took too long"),
            };
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
            let certificate = shown.and_then(|der| PeerCertificate::read(&der, clock.wall()));
            converse(
                TokioIo::new(stream),
                router,
                Peer { address, certificate, uid: None, tls: Some(PeerTls) },
                stop,
            )
            .await;
        }
    })
    .await;
}

async fn accept_unix(bound: Unix, router: Router, stop: Stop) {
    let Unix { listener, path, owner } = bound;
    let accept = || async {
        let (stream, _) = listener.accept().await?;
        let uid = stream.peer_cred()?.uid();
        Ok((stream, uid))
    };
    accept_loop(&path.display().to_string(), accept, &stop, |(stream, uid): (UnixStream, u32)| {
        let (router, stop) = (router.clone(), stop.clone());
        async move {
            if uid != owner && uid != 0 {
                return tracing::warn!(uid, "a user who may not was at the admin socket");
            }
            let peer = Peer { uid: Some(PeerUid(uid)), ..Peer::default() };
            converse(TokioIo::new(stream), router, peer, stop).await;
        }
    })
    .await;
    let _ = fs::remove_file(&path);
}

/// Accepts within the connection limit until the stop, then waits for what runs, `DRAIN` at most.
async fn accept_loop<T, A, F, S, G>(name: &str, accept: A, stop: &Stop, start: S)
where
    A: Fn() -> F,
    F: Future<Output = io::Result<T>>,
    S: Fn(T) -> G,
    G: Future<Output = ()> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut running = JoinSet::new();
    loop {
        let slot = tokio::select! {
            biased;
            () = stop.stopped() => break,
            Some(_) = running.join_next() => continue,
            slot = slots.clone().acquire_owned() => slot,
        };
        let accepted = tokio::select! {
            biased;
            () = stop.stopped() => break,
            accepted = accept() => accepted,
        };
        match accepted {
            Ok(connection) => {
                let work = start(connection);
                running.spawn(async move {
                    let _slot = slot;
                    work.await;
                });
            }
            Err(error) => {
                tracing::warn!(listener = name, %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    let drained = tokio::time::timeout(DRAIN, async { while running.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::debug!(listener = name, cut = running.len(), "requests were cut off by the stop");
    }
}

/// What every request of a connection is marked with.
#[derive(Clone, Default)]
struct Peer {
    address: Option<PeerAddr>,
    certificate: Option<PeerCertificate>,
    uid: Option<PeerUid>,
    tls: Option<PeerTls>,
}

impl Peer {
    fn mark(self, request: &mut hyper::Request<Body>) {
        let marks = request.extensions_mut();
        self.address.map(|mark| marks.insert(mark));
        self.certificate.map(|mark| marks.insert(mark));
        self.uid.map(|mark| marks.insert(mark));
        self.tls.map(|mark| marks.insert(mark));
    }
}

async fn converse<T>(io: TokioIo<T>, router: Router, peer: Peer, stop: Stop)
where
    TokioIo<T>: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, peer) = (router.clone(), peer.clone());
        async move {
            let mut request = request.map(|body| Body::new(Patient { body, pause: None }));
            peer.mark(&mut request);
            Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {}))
        }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(io, service)
    );
    tokio::select! {
        ended = connection.as_mut() => return quiet(ended),
        () = stop.stopped() => connection.as_mut().graceful_shutdown(),
    }
    quiet(connection.await);
}

/// Clients come and go; how is of interest only when looking for a fault.
fn quiet(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A request body that fails after `BODY_TIMEOUT` without a byte.
struct Patient {
    body: Incoming,
    pause: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.pause = None;
            return Poll::Ready(frame.map(|f| f.map_err(Into::into)));
        }
        let pause = this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(BODY_TIMEOUT)));
        match pause.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err("the request body paused for too long".into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

// ---- who holds a port

/// What a port is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    /// Tables of the kernel, and the state of a socket there that holds its port: it listens, or it is bound.
    const fn tables(self) -> ([&'static str; 2], &'static str) {
        match self {
            Self::Tcp => (["/proc/net/tcp", "/proc/net/tcp6"], "0A"),
            Self::Udp => (["/proc/net/udp", "/proc/net/udp6"], "07"),
        }
    }
}

/// Why an address could not be bound; names who holds it and what to do.
pub(super) fn bind_error(transport: Transport, address: SocketAddr, error: &io::Error) -> NetError {
    let what = match transport {
        Transport::Tcp => format!("listen on {address}"),
        Transport::Udp => format!("listen on udp {address}"),
    };
    let mut failure = io_error(&what, error);
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            failure.cause = Cause::Refused;
            let who = holder(transport, address.port()).unwrap_or_else(|| "another program".to_owned());
            format!("; {who} holds the port: stop it or choose another")
        }
        // The kernel says this first, whether or not the port is free.
        io::ErrorKind::PermissionDenied if address.port() < 1024 => match holder(transport, address.port()) {
            Some(who) => format!(
                "; {who} holds the port; ports below 1024 need a socket unit or CAP_NET_BIND_SERVICE: choose a higher one"
            ),
            None => "; ports below 1024 need a socket unit or CAP_NET_BIND_SERVICE: choose a higher one".to_owned(),
        },
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address".to_owned(),
        _ => String::new(),
    };
    failure.detail.push_str(&hint);
    failure
}

/// Who holds a port: the process, or the user that it runs as where /proc does not let us see more.
fn holder(transport: Transport, port: u16) -> Option<String> {
    let mut sockets = Vec::new();
    let (tables, state) = transport.tables();
    for table in tables {
        let text = fs::read_to_string(table).unwrap_or_default();
        sockets.extend(text.lines().filter_map(|line| holding(line, state, port)));
    }
    let (user, _) = *sockets.first()?;
    let wanted: Vec<PathBuf> = sockets.iter().map(|(_, inode)| PathBuf::from(format!("socket:[{inode}]"))).collect();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        if files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|link| wanted.contains(&link))) {
            let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (pid {pid})", program.trim()));
        }
    }
    Some(format!("a program of user {user}"))
}

/// The user and the inode of the socket in a line of such a table, if it is in that state on `port`.
fn holding(line: &str, wanted: &str, port: u16) -> Option<(u32, u64)> {
    let mut columns = line.split_whitespace();
    let (_, local_port) = columns.nth(1)?.rsplit_once(':')?;
    let state = columns.nth(1)?;
    if state != wanted || u16::from_str_radix(local_port, 16).ok()? != port {
        return None;
    }
    let user = columns.nth(3)?.parse().ok()?;
    Some((user, columns.nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests;
