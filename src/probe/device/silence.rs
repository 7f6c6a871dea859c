//! A device that says nothing, run after run: it is knocked at, one short question a run, until it answers, and then read
//! as usual in the same run. What kinds `snmp` and `device` share of that; each keeps its own count.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::secret::Secret;
use crate::model::time::Mono;
use crate::net::clock::Clock;
use crate::net::snmp::{self, SnmpError};

/// Runs without any answer before a device counts as dead: fewer, and one lost burst would change how it is asked.
const DEAD: u32 = 3;
/// How long a knock is waited for: the farthest line here answers within a tenth of it.
const KNOCK: Duration = Duration::from_millis(1_500);

/// Runs in a row without any answer.
#[derive(Debug, Default)]
pub(in crate::probe) struct Silence(u32);

impl Silence {
    /// Whether the run before had no answer.
    pub(in crate::probe) const fn lasts(&self) -> bool {
        self.0 > 0
    }

    /// Asks a dead device whether it is back, by one datagram; goes on at once with any other.
    pub(in crate::probe) async fn knock(
        &mut self,
        peer: SocketAddr,
        secret: &Secret,
        strict_source: bool,
        clock: &Clock,
        end: Mono,
    ) -> Result<(), SnmpError> {
        if self.0 >= DEAD {
            snmp::knock(peer, secret, strict_source, clock, end.min(clock.mono().plus(KNOCK))).await?;
            self.0 = 0;
        }
        Ok(())
    }

    /// Notes how a run ended. An error of this host, or of the resolver, tells nothing of the device.
    pub(in crate::probe) const fn note<T>(&mut self, looked: &Result<T, SnmpError>) {
        match looked {
            Err(SnmpError::Timeout { .. } | SnmpError::Refused { .. }) => self.0 = self.0.saturating_add(1),
            Err(SnmpError::Net(_)) => {}
            Ok(_) | Err(_) => self.0 = 0,
        }
    }
}
