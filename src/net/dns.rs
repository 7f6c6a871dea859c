//! One DNS question to one server: by UDP from a fresh port, by TCP with the length before each message. What is no
//! answer to this very question, from this very server, is passed over; what an answer means is for others.
#![expect(clippy::disallowed_types, reason = "this is where name servers are spoken to")]

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream as Stream;

use crate::codec::dns::{Answer, Question};
use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;
use crate::net::tcp::connect;
use crate::net::udp::Peer;

/// The largest datagram that is taken. Servers send 512 bytes at most, since the question does not say that we bear more:
/// old ones do not understand a question that does.
const MAX_DATAGRAM: usize = 4_096;
/// Datagrams that are no answer to us, after which nobody waits for one: a flood must not hold the run in its loop.
const MAX_STRAY: u32 = 1_000;

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By UDP, and again by TCP if the answer was cut.
    Auto,
    /// By UDP only; a cut answer is the answer.
    Udp,
    /// By TCP only.
    Tcp,
}

/// What came of a question, as far as it got.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// TCP connection.
    pub connect: Option<Duration>,
    /// From the question to its answer.
    pub query: Option<Duration>,
    /// The answer.
    pub answer: Option<Answer>,
}

/// Asks. `asked` holds what was measured even when it ends in an error.
pub async fn ask(
    server: SocketAddr,
    question: &Question,
    transport: Transport,
    asked: &mut Asked,
    deadline: Mono,
    clock: &Clock,
) -> Result<(), NetError> {
    if transport != Transport::Tcp {
        let began = clock.mono();
        let answer = by_udp(server, question, deadline, clock).await?;
        asked.query = Some(clock.mono().since(began));
        let cut = answer.truncated;
        asked.answer = Some(answer);
        if !cut || transport == Transport::Udp {
            return Ok(());
        }
    }
    let began = clock.mono();
    let stream = connect(server, deadline, clock).await?;
    let stood = clock.mono();
    asked.connect = Some(stood.since(began));
    asked.answer = Some(by_tcp(server, stream, question, deadline, clock).await?);
    asked.query = Some(clock.mono().since(stood));
    Ok(())
}

async fn by_udp(server: SocketAddr, question: &Question, deadline: Mono, clock: &Clock) -> Result<Answer, NetError> {
    let id = fastrand::u16(..);
    let message = encoded(question, id)?;
    let peer = Peer::open(server).await?;
    peer.send(&message).await?;
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut malformed = None;
    for _ in 0..MAX_STRAY {
        let late = || malformed.clone().unwrap_or_else(|| NetError::timeout(format_args!("dns {server}")));
        let length = peer.receive(&mut buffer, deadline, clock).await.ok_or_else(late)??;
        match Answer::read(buffer.get(..length).unwrap_or_default()) {
            Ok(answer) if answer.answers(question, id) => return Ok(answer),
            Ok(_) => {}
            Err(error) => malformed = Some(NetError::new(Cause::Protocol, format!("dns {server}: {error}"))),
        }
    }
    Err(NetError::new(Cause::Protocol, format!("dns {server}: {MAX_STRAY} datagrams, none an answer")))
}

async fn by_tcp(
    server: SocketAddr,
    mut stream: Stream,
    question: &Question,
    deadline: Mono,
    clock: &Clock,
) -> Result<Answer, NetError> {
    let id = fastrand::u16(..);
    let message = encoded(question, id)?;
    let exchange = async {
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(&message).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let done: Option<std::io::Result<Vec<u8>>> = clock.until(deadline, exchange).await;
    let bytes = done.ok_or_else(|| NetError::timeout(format_args!("dns {server} by TCP")))?;
    let bytes = bytes.map_err(|error| NetError::io(format_args!("dns {server} by TCP"), &error))?;
    let wrong = |what: String| NetError::new(Cause::Protocol, format!("dns {server} by TCP: {what}"));
    let answer = Answer::read(&bytes).map_err(|error| wrong(error.to_string()))?;
    if answer.answers(question, id) { Ok(answer) } else { Err(wrong("an answer to another question".to_owned())) }
}

fn encoded(question: &Question, id: u16) -> Result<Vec<u8>, NetError> {
    question.write(id).map_err(|error| NetError::new(Cause::Unsupported, format!("dns: {error}")))
}
