//! The agent's outbox: what was appended stays until the console has committed it, through crashes, power
//! cuts and weeks without a line.
//!
//! One SQLite file, written by a thread of its own, so that nothing asynchronous ever waits for a disk.
//! Records and the rule state they came from are one transaction. What a cap or a damaged disk takes is
//! counted, and a `gap` record says so. It never refuses to start, except beside another process that has
//! the file.

mod db;
mod row;
mod store;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::model::Wall;
use crate::model::wire::{Batch, Record, Stream};
use crate::net::clock::Clock;

use row::{Packer, Row};
use store::Store;

/// Requests that may wait for the spool's thread; then callers wait.
const MAX_WAITING: usize = 256;
/// Appends that share one transaction, and so one write to the platter.
const MAX_GROUP: usize = 64;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Most bytes.
    pub bytes: u64,
    /// Longest time.
    pub age: Duration,
}

impl Default for Caps {
    /// 256 MiB, which a thousand assets fill in about two weeks, and 30 days.
    fn default() -> Self {
        Self { bytes: 256 << 20, age: Duration::from_secs(30 * 86_400) }
    }
}

/// A record to keep.
#[derive(Debug, Clone)]
pub struct Append {
    /// The record.
    pub record: Record,
    /// When it was made.
    pub at: Wall,
}

/// Rule state to keep; `None` forgets the key.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedState {
    /// Key.
    pub key: String,
    /// State.
    pub body: Option<serde_json::Value>,
}

/// What opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Where a damaged or newer file went. What it held is lost to the console: a new epoch begins.
    pub corrupt_set_aside: Option<PathBuf>,
}

/// What is held, and what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Life of the sequences.
    pub epoch: Arc<str>,
    /// Records waiting.
    pub records: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Records waiting by stream, in the order of `Stream::ALL`.
    pub waiting: [u64; 3],
    /// Records given up since start: caps, refused ones.
    pub dropped: u64,
    /// Refused records kept for a person to look at.
    pub refused_kept: u64,
    /// Why records are in memory only, if they are; a text for `AgentStatus::limits`.
    pub trouble: Option<String>,
    /// The last damaged file that was set aside.
    pub set_aside: Option<PathBuf>,
}

impl Stats {
    /// Texts for `AgentStatus::limits`.
    pub fn limits(&self) -> Vec<String> {
        let aside = self.set_aside.as_ref().map(|path| {
            format!("a damaged spool was set aside as {}: what it held did not reach the console", path.display())
        });
        self.trouble.iter().cloned().chain(aside).collect()
    }
}

/// Why the spool did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// Another process has the file.
    #[error("the spool {} is in use by another process; stop the other agent or give this one its own directory", .0.display())]
    Held(PathBuf),
    /// Not even memory takes it.
    #[error("the spool cannot keep records even in memory: {0}")]
    Memory(String),
    /// It was closed.
    #[error("the spool is closed")]
    Closed,
}

enum Ask {
    Append { records: Vec<Append>, saved: Vec<SavedState>, done: oneshot::Sender<Result<(), SpoolError>> },
    Saved(oneshot::Sender<Vec<(String, serde_json::Value)>>),
    NextBatch { stream: Stream, max_records: usize, max_bytes: usize, done: oneshot::Sender<Option<Batch>> },
    Settle { stream: Stream, epoch: Arc<str>, what: Settle, done: oneshot::Sender<()> },
    Close(oneshot::Sender<()>),
}

enum Settle {
    Acked(u64),
    Rewind(u64),
    Refused(Vec<u64>),
}

struct Shared {
    stats: Mutex<Stats>,
    appended: [watch::Sender<u64>; 3],
}

/// A handle of the spool; clones share it. The thread ends with `close` or the last handle.
#[derive(Clone)]
pub struct Spool {
    asks: mpsc::Sender<Ask>,
    shared: Arc<Shared>,
}

impl Spool {
    /// Opens or creates the file and starts the thread. Blocks for as long as checking the file takes.
    pub fn open(path: &Path, caps: Caps, clock: Clock) -> Result<(Self, Opened), SpoolError> {
        let store = Store::open(path, caps, clock)?;
        let opened = Opened { corrupt_set_aside: store.set_aside().cloned() };
        let (asks, waiting) = mpsc::channel(MAX_WAITING);
        let shared = Arc::new(Shared {
            stats: Mutex::new(store.stats()),
            appended: std::array::from_fn(|_| watch::Sender::new(0)),
        });
        let seen = shared.clone();
        std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || work(store, waiting, &seen))
            .map_err(|e| SpoolError::Memory(e.to_string()))?;
        Ok((Self { asks, shared }, opened))
    }

    /// Keeps records and rule state in one transaction. When this returns, a killed process loses nothing of
    /// it, and a power cut nothing of the events.
    pub async fn append(&self, records: Vec<Append>, saved: Vec<SavedState>) -> Result<(), SpoolError> {
        let (done, answer) = oneshot::channel();
        self.ask(Ask::Append { records, saved, done }).await?;
        answer.await.map_err(|_| SpoolError::Closed)?
    }

    /// All rule state.
    pub async fn saved(&self) -> Result<Vec<(String, serde_json::Value)>, SpoolError> {
        let (done, answer) = oneshot::channel();
        self.ask(Ask::Saved(done)).await?;
        answer.await.map_err(|_| SpoolError::Closed)
    }

    /// The oldest records of a stream that were not delivered; the same ones until `acked`. At least one record
    /// however small the bounds.
    pub async fn next_batch(
        &self,
        stream: Stream,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Option<Batch>, SpoolError> {
        let (done, answer) = oneshot::channel();
        self.ask(Ask::NextBatch { stream, max_records, max_bytes, done }).await?;
        answer.await.map_err(|_| SpoolError::Closed)
    }

    /// The console has committed everything up to `seq` of that epoch.
    pub async fn acked(&self, stream: Stream, epoch: &Arc<str>, seq: u64) -> Result<(), SpoolError> {
        self.settle(stream, epoch, Settle::Acked(seq)).await
    }

    /// The console wants `expected` next: records that are gone become a gap.
    pub async fn rewind(&self, stream: Stream, epoch: &Arc<str>, expected: u64) -> Result<(), SpoolError> {
        self.settle(stream, epoch, Settle::Rewind(expected)).await
    }

    /// The console cannot read these: they are put aside, and a gap stands for each that is not acknowledged.
    pub async fn refused(&self, stream: Stream, epoch: &Arc<str>, seqs: Vec<u64>) -> Result<(), SpoolError> {
        self.settle(stream, epoch, Settle::Refused(seqs)).await
    }

    /// Changes whenever something was appended to the stream.
    pub fn appended(&self, stream: Stream) -> watch::Receiver<u64> {
        self.shared.appended[stream as usize].subscribe()
    }

    /// What is held, as of the last request.
    pub fn stats(&self) -> Stats {
        self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the thread when everything asked before is done, and closes the file.
    pub async fn close(&self) {
        let (done, answer) = oneshot::channel();
        if self.ask(Ask::Close(done)).await.is_ok() {
            let _ = answer.await;
        }
    }

    async fn settle(&self, stream: Stream, epoch: &Arc<str>, what: Settle) -> Result<(), SpoolError> {
        let (done, answer) = oneshot::channel();
        self.ask(Ask::Settle { stream, epoch: epoch.clone(), what, done }).await?;
        answer.await.map_err(|_| SpoolError::Closed)
    }

    async fn ask(&self, ask: Ask) -> Result<(), SpoolError> {
        self.asks.send(ask).await.map_err(|_| SpoolError::Closed)
    }
}

/// The thread: one request after another, waiting appends together.
fn work(mut store: Store, mut asks: mpsc::Receiver<Ask>, shared: &Shared) {
    let mut packer = Packer::new();
    let mut next = asks.blocking_recv();
    while let Some(ask) = next.take() {
        match ask {
            Ask::Append { records, saved, done } => {
                let mut group = vec![(records, saved, done)];
                while group.len() < MAX_GROUP {
                    match asks.try_recv() {
                        Ok(Ask::Append { records, saved, done }) => group.push((records, saved, done)),
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                append(&mut store, &mut packer, group, shared);
            }
            Ask::Saved(done) => {
                let _ = done.send(store.saved());
            }
            Ask::NextBatch { stream, max_records, max_bytes, done } => {
                let _ = done.send(store.next_batch(stream, max_records, max_bytes));
            }
            Ask::Settle { stream, epoch, what, done } => {
                match what {
                    Settle::Acked(seq) => store.acked(stream, &epoch, seq),
                    Settle::Rewind(expected) => store.rewind(stream, &epoch, expected),
                    Settle::Refused(seqs) => store.refuse(stream, &epoch, &seqs),
                }
                publish(&store, shared);
                let _ = done.send(());
            }
            Ask::Close(done) => {
                drop(store);
                let _ = done.send(());
                return;
            }
        }
        if next.is_none() {
            next = asks.blocking_recv();
        }
    }
}

type Waiting = (Vec<Append>, Vec<SavedState>, oneshot::Sender<Result<(), SpoolError>>);

fn append(store: &mut Store, packer: &mut Packer, group: Vec<Waiting>, shared: &Shared) {
    let (mut rows, mut saved, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for (records, states, done) in group {
        rows.extend(records.iter().map(|record| Row::of(record, packer)));
        saved.extend(states);
        waiting.push(done);
    }
    let outcome = store.append(&rows, &saved);
    publish(store, shared);
    for (stream, appended) in Stream::ALL.into_iter().zip(&shared.appended) {
        if rows.iter().any(|row| row.stream == stream) {
            appended.send_modify(|n| *n = n.wrapping_add(1));
        }
    }
    for done in waiting {
        let _ = done.send(outcome.clone());
    }
}

fn publish(store: &Store, shared: &Shared) {
    *shared.stats.lock().unwrap_or_else(PoisonError::into_inner) = store.stats();
}

#[cfg(test)]
mod tests;
