//! Why the network did not do what was asked, in the closed words of `Cause`. The one place that reads
//! errno: what the far side or the path did is a failure of the target, what this host lacks is ours.

use std::io;

use crate::model::observation::{Cause, Outcome};

/// A failed operation on the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NetError {
    /// Why, in one word.
    pub cause: Cause,
    /// What was attempted on what, and what came of it.
    pub detail: String,
}

impl NetError {
    /// Of a cause, with words.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }

    /// Of an error of the operating system while doing `what`, such as `connect 192.0.2.1:80`.
    pub fn io(what: impl std::fmt::Display, error: &io::Error) -> Self {
        Self { cause: cause_of(error), detail: format!("{what}: {error}") }
    }

    /// Nothing came in time.
    pub fn timeout(what: impl std::fmt::Display) -> Self {
        Self { cause: Cause::Timeout, detail: format!("{what}: no answer in time") }
    }

    /// How a run that met this error ends.
    pub const fn outcome(&self) -> Outcome {
        outcome_of(self.cause)
    }
}

/// Whether a cause is the target's (`Failed`) or our own (`Invalid`).
pub const fn outcome_of(cause: Cause) -> Outcome {
    match cause {
        Cause::Send
        | Cause::Overflow
        | Cause::Late
        | Cause::Permission
        | Cause::NoSecret
        | Cause::Unsupported
        | Cause::Overrun
        | Cause::Internal => Outcome::Invalid,
        Cause::Partial => Outcome::Degraded,
        Cause::Timeout
        | Cause::Refused
        | Cause::Unreachable
        | Cause::Reset
        | Cause::Resolve
        | Cause::Tls
        | Cause::Certificate
        | Cause::Status
        | Cause::Content
        | Cause::Auth
        | Cause::Protocol => Outcome::Failed,
    }
}

/// The cause of an error of the operating system. `ENETUNREACH` counts as unreachable: from here a route
/// that is missing on this host and one that is missing further on are the same outage.
pub fn cause_of(error: &io::Error) -> Cause {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => return Cause::Permission,
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL | libc::EADDRINUSE) => {
            return Cause::Send;
        }
        Some(libc::EMSGSIZE) => return Cause::Send,
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ENOPROTOOPT | libc::EINVAL) => {
            return Cause::Unsupported;
        }
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EHOSTDOWN | libc::ENONET) => {
            return Cause::Unreachable;
        }
        Some(libc::ECONNREFUSED) => return Cause::Refused,
        Some(libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED) => return Cause::Reset,
        Some(libc::ETIMEDOUT) => return Cause::Timeout,
        Some(libc::EPROTO) => return Cause::Protocol,
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Cause::Reset,
        io::ErrorKind::TimedOut => Cause::Timeout,
        io::ErrorKind::PermissionDenied => Cause::Permission,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Cause::Unreachable,
        io::ErrorKind::InvalidData => Cause::Protocol,
        io::ErrorKind::Unsupported => Cause::Unsupported,
        _ => Cause::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_told_apart_by_whose_fault_they_are() {
        for (errno, cause, outcome) in [
            (libc::ECONNREFUSED, Cause::Refused, Outcome::Failed),
            (libc::EHOSTUNREACH, Cause::Unreachable, Outcome::Failed),
            (libc::ENETUNREACH, Cause::Unreachable, Outcome::Failed),
            (libc::ECONNRESET, Cause::Reset, Outcome::Failed),
            (libc::ETIMEDOUT, Cause::Timeout, Outcome::Failed),
            (libc::EPERM, Cause::Permission, Outcome::Invalid),
            (libc::EMFILE, Cause::Send, Outcome::Invalid),
            (libc::ENOBUFS, Cause::Send, Outcome::Invalid),
            (libc::EADDRNOTAVAIL, Cause::Send, Outcome::Invalid),
            (libc::EAFNOSUPPORT, Cause::Unsupported, Outcome::Invalid),
        ] {
            let error = NetError::io("connect 192.0.2.1:80", &io::Error::from_raw_os_error(errno));
            assert_eq!((error.cause, error.outcome()), (cause, outcome), "{error}");
            assert!(error.to_string().starts_with("connect 192.0.2.1:80: "));
        }
    }
}
