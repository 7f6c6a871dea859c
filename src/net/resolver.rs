//! Names to addresses, as the system does it (getaddrinfo: hosts file, DNS, nsswitch). An address is never
//! looked up. It caches nothing: whoever asks again gets a new answer.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::sync::Semaphore;

use crate::model::observation::Cause;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::error::{NetError, cause_of};

/// Most look-ups at once: each holds a thread for as long as a dead name server keeps it waiting.
const MAX_LOOKUPS: usize = 64;
/// The threads are the process's, so is their bound.
static LOOKUPS: Semaphore = Semaphore::const_new(MAX_LOOKUPS);

/// Which addresses of a name to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// All, in the system's order of preference.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// The family that a probe's `family` setting names.
    pub fn of_setting(text: Option<&str>) -> Self {
        match text {
            Some("ipv4") => Self::V4,
            Some("ipv6") => Self::V6,
            _ => Self::Any,
        }
    }

    const fn has(self, ip: &IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

/// The address that `host` already is, brackets allowed.
pub fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip.to_canonical(), port))
}

/// The addresses of `host`, at least one. A literal address is taken whatever the family. Dropping the future
/// gives up the answer; the look-up itself ends when the system lets it.
pub async fn resolve(host: &str, port: u16, family: Family) -> Result<Vec<SocketAddr>, NetError> {
    if let Some(address) = literal(host, port) {
        return Ok(vec![address]);
    }
    let Ok(permit) = LOOKUPS.acquire().await else {
        return Err(NetError::new(Cause::Internal, format!("resolve {host}: the resolver is closed")));
    };
    let name = host.to_owned();
    let looked_up = tokio::task::spawn_blocking(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        drop(permit);
        found
    })
    .await;
    let mut found = match looked_up {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            let cause = match error.raw_os_error() {
                Some(_) => cause_of(&error),
                None => Cause::Resolve,
            };
            return Err(NetError::new(cause, format!("resolve {host}: {}", plain(&error.to_string()))));
        }
        Err(error) => return Err(NetError::new(Cause::Internal, format!("resolve {host}: {error}"))),
    };
    found.retain(|a| family.has(&a.ip()));
    found.dedup();
    if found.is_empty() {
        return Err(no_address(host));
    }
    Ok(found)
}

/// The same by a deadline.
pub async fn resolve_by(
    host: &str,
    port: u16,
    family: Family,
    deadline: Mono,
    clock: &Clock,
) -> Result<Vec<SocketAddr>, NetError> {
    clock.until(deadline, resolve(host, port, family)).await.ok_or_else(|| too_late(host))?
}

/// The first of its addresses, by a deadline.
pub async fn first_by(
    host: &str,
    port: u16,
    family: Family,
    deadline: Mono,
    clock: &Clock,
) -> Result<SocketAddr, NetError> {
    let found = resolve_by(host, port, family, deadline, clock).await?;
    found.first().copied().ok_or_else(|| no_address(host))
}

/// A name has no address in time.
pub fn too_late(host: &str) -> NetError {
    NetError::new(Cause::Resolve, format!("resolve {host}: no answer in time"))
}

/// A name has none of the wanted addresses.
pub fn no_address(host: &str) -> NetError {
    NetError::new(Cause::Resolve, format!("resolve {host}: no address of the wanted family"))
}

/// Without the words that std puts before every such error.
fn plain(text: &str) -> &str {
    text.strip_prefix("failed to lookup address information: ").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_not_looked_up_and_names_are() {
        for (host, wanted) in [
            ("192.0.2.1", "192.0.2.1:7"),
            ("2001:db8::1", "[2001:db8::1]:7"),
            ("[::1]", "[::1]:7"),
            ("::ffff:192.0.2.1", "192.0.2.1:7"),
        ] {
            let found = resolve(host, 7, Family::V6).await.unwrap();
            assert_eq!(found, [wanted.parse::<SocketAddr>().unwrap()]);
        }
        let found = resolve("localhost", 7, Family::V4).await.unwrap();
        assert_eq!(found, ["127.0.0.1:7".parse::<SocketAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn a_name_that_is_none_fails_as_such() {
        let error = resolve("no name at all", 7, Family::Any).await.unwrap_err();
        assert_eq!(error.cause, Cause::Resolve, "{error}");
        assert!(error.detail.starts_with("resolve no name at all: "), "{error}");
    }

    #[tokio::test]
    async fn a_name_is_not_waited_for_longer_than_there_is_time() {
        let clock = Clock::system();
        // Nobody's turn comes.
        let all = LOOKUPS.acquire_many(MAX_LOOKUPS as u32).await.unwrap();
        let error = resolve_by("localhost", 7, Family::V4, clock.mono(), &clock).await.unwrap_err();
        assert_eq!((error.cause, error.detail.as_str()), (Cause::Resolve, "resolve localhost: no answer in time"));
        drop(all);
        let soon = clock.mono().plus(std::time::Duration::from_secs(60));
        let first = first_by("localhost", 7, Family::V4, soon, &clock).await.unwrap();
        assert_eq!(first, "127.0.0.1:7".parse::<SocketAddr>().unwrap());
    }
}
