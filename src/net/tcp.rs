//! TCP connections, with a deadline and the reason when there is none.
#![expect(clippy::disallowed_types, reason = "this is where TCP connections are made")]

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::NetError;

/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;

/// Connects to one address.
pub async fn connect(addr: SocketAddr, deadline: Mono, clock: &Clock) -> Result<TcpStream, NetError> {
    match clock.until(deadline, TcpStream::connect(addr)).await {
        Some(Ok(stream)) => {
            // Only latency depends on it.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Some(Err(error)) => Err(NetError::io(format_args!("connect {addr}"), &error)),
        None => Err(NetError::timeout(format_args!("connect {addr}"))),
    }
}

/// Connects to the first address that lets us, in order; each has its share of the time that is left. Returns
/// also when the attempt that succeeded began. If none does, the first one's error tells.
pub async fn connect_any(
    addresses: &[SocketAddr],
    deadline: Mono,
    clock: &Clock,
) -> Result<(TcpStream, Mono), NetError> {
    let tried = addresses.get(..addresses.len().min(MAX_ADDRESSES)).unwrap_or(&[]);
    let mut first_error = None;
    for (at, address) in tried.iter().enumerate() {
        let began = clock.mono();
        let share = deadline.since(began) / u32::try_from(tried.len() - at).unwrap_or(1);
        match connect(*address, began.plus(share), clock).await {
            Ok(stream) => return Ok((stream, began)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| NetError::new(Cause::Resolve, "connect: no address")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn the_second_address_is_tried_when_the_first_refuses() {
        let clock = Clock::system();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = gone.local_addr().unwrap();
        drop(gone);
        let deadline = clock.mono().plus(Duration::from_secs(5));
        let error = connect(closed, deadline, &clock).await.unwrap_err();
        assert_eq!(error.cause, Cause::Refused, "{error}");
        let (stream, _) = connect_any(&[closed, open], deadline, &clock).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        assert_eq!(connect_any(&[], deadline, &clock).await.unwrap_err().cause, Cause::Resolve);
    }
}
