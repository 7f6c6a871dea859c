//! A raw walk that somebody asked for: everything that a device has below an OID, asked as its tasks ask it, with their
//! secret. It is no probe kind: nothing is judged by it. What is secret does not come out of it, even where a device tells
//! it: the communities of its own table, and any value that holds a secret that this agent has.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::mpsc;

use super::snmp::asking;
use crate::model::Secret;
use crate::model::device::Asking;
use crate::model::plan::Task;
use crate::model::walk::{MAX_BYTES, MAX_ROWS, MAX_VALUE, Row, WITHIN, dotted};
use crate::net::clock::Clock;
use crate::net::resolver::{self, Family};
use crate::net::snmp::{self, Manner, Oid, Session, SnmpError, Value};

/// Rows of a GETBULK: small enough for devices that are slow.
const REPETITIONS: u32 = 20;
/// Where agents listen.
const PORT: u16 = 161;
/// One try waits no longer and no shorter.
const TRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));
/// snmpCommunityTable (SNMP-COMMUNITY-MIB, RFC 3584): communities as values, and often as index.
const COMMUNITIES: &[u32] = &[1, 3, 6, 1, 6, 3, 18, 1, 1];
/// A secret that is shorter would blot out what is none.
const MIN_HIDDEN: usize = 4;
/// What stands for a value that is secret.
const HIDDEN: &str = "***";

/// A walk that can be begun.
pub struct Walk {
    host: String,
    port: u16,
    family: Family,
    manner: Manner,
    asking: Asking,
    secret: Secret,
    hidden: Vec<String>,
    root: Vec<u32>,
}

/// A walk under way.
#[derive(Debug)]
pub struct Walking {
    /// Rows as they come; closed when it is over.
    pub rows: mpsc::Receiver<Row>,
    /// How it ended, in words: an error if it was an error that ended it.
    pub end: tokio::task::JoinHandle<Result<String, String>>,
}

impl Drop for Walking {
    fn drop(&mut self) {
        self.end.abort();
    }
}

impl Walk {
    /// Of a task's target, as the task asks it. `held` is every secret that must not come out.
    pub fn of<'a>(
        task: &Task,
        secret: &Secret,
        held: impl Iterator<Item = &'a Secret>,
        root: Vec<u32>,
    ) -> Result<Self, String> {
        let host = task.target.host.clone().filter(|host| !host.is_empty()).ok_or("the task names no host")?;
        let retries = task.settings.int("retries").and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let timeout = (task.timeout() / (retries + 1)).clamp(TRY.0, TRY.1);
        Ok(Self {
            host,
            port: task.target.port.unwrap_or(PORT),
            family: Family::of_setting(task.settings.text("family")),
            manner: Manner { timeout, retries, strict_source: task.settings.bool("strict_source") },
            asking: asking(task),
            hidden: held.flat_map(Secret::texts).filter(|text| text.len() >= MIN_HIDDEN).map(str::to_owned).collect(),
            secret: secret.clone(),
            root,
        })
    }

    /// Begins; it ends when the answer is dropped.
    pub fn begin(self, clock: Clock) -> Walking {
        // All rows have room, so that telling one never waits.
        let (out, rows) = mpsc::channel(MAX_ROWS);
        Walking { rows, end: tokio::spawn(async move { self.run(&clock, &out).await }) }
    }

    async fn run(self, clock: &Clock, out: &mpsc::Sender<Row>) -> Result<String, String> {
        let end = clock.mono().plus(WITHIN);
        let found = resolver::resolve_by(&self.host, self.port, self.family, end, clock).await;
        let found = found.map_err(|error| error.to_string())?;
        let peer = found.first().copied().ok_or_else(|| resolver::no_address(&self.host).to_string())?;
        let mut session = Session::open(peer, &self.secret, self.manner).await.map_err(|error| error.to_string())?;
        session.ask_as(self.asking);
        let root = Oid::from_slice(&self.root);
        let (mut rows, mut bytes, mut left_out, mut full) = (0, 0, 0, false);
        let mut told = |oid: &Oid, value: &Value| {
            let Some(row) = self.row(oid, value) else {
                left_out += 1;
                return ControlFlow::Continue(());
            };
            full = rows >= MAX_ROWS || bytes + row.bytes() > MAX_BYTES;
            if full {
                return ControlFlow::Break(());
            }
            (rows, bytes) = (rows + 1, bytes + row.bytes());
            match out.try_send(row) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()), // nobody listens any more
            }
        };
        let walked = Box::pin(clock.until(end, session.walk(&root, REPETITIONS, &mut told))).await;
        let own = if walked == Some(Ok(())) && rows == 0 && left_out == 0 {
            // A whole variable has nothing below it.
            let found = clock.until(end, session.get(std::slice::from_ref(&root))).await;
            found.and_then(Result::ok).and_then(|found| self.row(&root, found.get(&root)?))
        } else {
            None
        };
        if let Some(row) = own {
            let _ = out.try_send(row); // as above
            rows = 1;
        }
        let shown = match walked {
            None => return Err(format!("variables before the time was over: {rows}; ask for a smaller subtree")),
            Some(Err(SnmpError::Timeout { .. })) if rows == 0 && snmp::refuses(peer, clock).await => {
                return Err(SnmpError::Refused { peer }.to_string());
            }
            Some(Err(error)) => return Err(error.to_string()),
            Some(Ok(())) if full => format!("the first {rows} variables; ask for a smaller subtree to see the rest"),
            Some(Ok(())) if rows == 0 && left_out == 0 => {
                format!("the device has nothing below {}", dotted(&self.root))
            }
            Some(Ok(())) => format!("all variables that there are: {rows}"),
        };
        Ok(if left_out > 0 { format!("{shown}; {left_out} of communities are not shown") } else { shown })
    }

    /// A variable as it may be shown; nothing of those that are secret down to their names.
    fn row(&self, oid: &Oid, value: &Value) -> Option<Row> {
        // Tables of access control are indexed by names, which on some devices are communities.
        if oid.arcs().starts_with(COMMUNITIES) || self.spelt_in(oid) {
            return None;
        }
        let (kind, _, mut text) = snmp::shown(value);
        let raw = value.as_bytes().map(String::from_utf8_lossy).unwrap_or_default();
        let spelt = matches!(value, Value::ObjectIdentifier(oid) if self.spelt_in(oid));
        if spelt || self.hidden.iter().any(|secret| text.contains(secret.as_str()) || raw.contains(secret.as_str())) {
            HIDDEN.clone_into(&mut text);
        }
        if text.len() > MAX_VALUE {
            text.truncate(text.floor_char_boundary(MAX_VALUE));
            text.push('…');
        }
        Some(Row { oid: oid.to_string(), kind: kind.to_owned(), value: text })
    }

    /// Whether an OID spells a secret, as an index does that is a text.
    fn spelt_in(&self, oid: &Oid) -> bool {
        let spells = |secret: &str, run: &[u32]| run.iter().copied().eq(secret.bytes().map(u32::from));
        self.hidden.iter().any(|secret| oid.arcs().windows(secret.len()).any(|run| spells(secret, run)))
    }
}
