//! The one thread that writes. Jobs come through a bounded queue and are committed in groups; each runs in
//! a savepoint of its own, so one that fails takes nothing else with it, and is answered only after COMMIT.
//! Files commit in this order: logs, core.db, raw files from the oldest day to the newest. A watermark stands
//! in the last file that its batch touches, so a crash in between leaves rows that are sent and kept again
//! under the same key, never a watermark ahead of its rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use rusqlite::Connection;

use super::days::Days;
use super::db::sql;
use super::live::Shared;
use super::lock::Lock;
use super::own::Own;
use super::types::StoreError;
use crate::engine::incident::Book;
use crate::model::{AgentId, Wall};

/// Jobs that may wait; with batches of 1 MiB at most, and few in flight an agent, that bounds memory.
const QUEUE: usize = 256;
/// Rows after which a group is committed.
const GROUP_ROWS: usize = 1_000;
/// How long the writer waits for another job before it commits: a lone request is not held longer.
const GROUP_GAP: Duration = Duration::from_millis(2);
/// How many such waits a group may hold: 20 ms.
const GROUP_WAITS: usize = 10;

/// Runs after COMMIT.
type After = Box<dyn FnOnce(&Shared) + Send>;
/// Answers whoever asked: with what the job gave, or with why its group was not committed.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// A job, given the writer or why it cannot run: says whether it succeeded, and how to answer.
type Job = Box<dyn FnOnce(Result<&mut Writer, StoreError>) -> (bool, Reply) + Send>;

/// What stands in the queue.
enum Message {
    Job(Job),
    /// No more: whoever still has a handle is told that the store is closed.
    Stop,
}

/// A job that ran: how to answer, what went wrong around it, and whether it wrote to a raw file.
struct Ran {
    reply: Reply,
    ended: Result<(), StoreError>,
    raw: bool,
}

/// What the writer keeps in memory of what the tables say; rebuilt from them when a job fails.
pub(super) struct Memory {
    /// Incidents.
    pub(super) book: Book,
    /// Watermarks of the sample streams, by agent and epoch.
    pub(super) marks: HashMap<(AgentId, Arc<str>), u64>,
    /// Alerts of the console about its agents that are firing.
    pub(super) own: BTreeMap<(AgentId, &'static str), Own>,
    /// Which maintenance windows the book knows to be open.
    pub(super) told: super::maintenance::Told,
    /// Changed by the job that runs now; set by whoever changes something above.
    pub(super) dirty: bool,
}

/// Owned by the thread.
pub(super) struct Writer {
    /// core.db.
    pub(super) core: Connection,
    /// Raw and log files.
    pub(super) days: Days,
    /// See there.
    pub(super) memory: Memory,
    /// What readers see.
    pub(super) shared: Arc<Shared>,
    /// Rows written in this group.
    pub(super) rows: usize,
    ids: uuid::ContextV7,
    after: Vec<After>,
    _lock: Lock,
}

impl Writer {
    /// Puts it together; `memory` comes from the tables.
    pub(super) fn new(core: Connection, days: Days, memory: Memory, shared: Arc<Shared>, lock: Lock) -> Self {
        Self { core, days, memory, shared, rows: 0, ids: uuid::ContextV7::new(), after: Vec::new(), _lock: lock }
    }

    /// The time.
    pub(super) fn now(&self) -> Wall {
        self.shared.clock.wall()
    }

    /// A new UUIDv7, larger than the one before.
    pub(super) fn new_id(&self, now: Wall) -> Arc<str> {
        let ms = u64::try_from(now.millis()).unwrap_or(0);
        let nanos = u32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
        let at = uuid::Timestamp::from_unix(&self.ids, ms / 1_000, nanos);
        Arc::from(uuid::Uuid::new_v7(at).to_string())
    }

    /// Runs `then` once this job is committed.
    pub(super) fn after(&mut self, then: impl FnOnce(&Shared) + Send + 'static) {
        self.after.push(Box::new(then));
    }

    /// Runs `work` so that its writes to core.db are undone if it fails, and only those.
    pub(super) fn nested<R, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<R, E>,
    ) -> Result<R, E> {
        self.execute("SAVEPOINT nested", "begin")?;
        let mark = self.after.len();
        match work(self) {
            Ok(value) => {
                self.execute("RELEASE nested", "end a step")?;
                Ok(value)
            }
            Err(error) => {
                self.after.truncate(mark);
                self.execute("ROLLBACK TO nested; RELEASE nested", "undo a step")?;
                if self.memory.dirty {
                    self.recall();
                }
                Err(error)
            }
        }
    }

    fn execute(&self, text: &str, what: &'static str) -> Result<(), StoreError> {
        self.core.execute_batch(text).map_err(sql(what))
    }

    /// Rebuilds what is in memory from the tables.
    fn recall(&mut self) {
        match Memory::load(&self.core, &mut self.days, self.shared.clock.wall()) {
            Ok(memory) => self.memory = memory,
            Err(error) => tracing::error!(%error, "the store cannot read back its own tables"),
        }
        let policy = self.shared.policy.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        self.memory.book.set_policy(policy);
    }

    fn run(&mut self, job: Job) -> Ran {
        let mark = self.after.len();
        self.memory.dirty = false;
        self.days.begin_job();
        if let Err(error) = self.execute("SAVEPOINT job", "begin a change") {
            return Ran { reply: job(Err(error)).1, ended: Ok(()), raw: false };
        }
        let (fine, reply) = job(Ok(self));
        let raw = self.days.job_touched_raw();
        let ended = if fine {
            self.execute("RELEASE job", "end a change").and_then(|()| self.days.keep_job())
        } else {
            self.after.truncate(mark);
            let undone = self.execute("ROLLBACK TO job; RELEASE job", "undo a change");
            let undone = undone.and(self.days.undo_job());
            if self.memory.dirty {
                self.recall();
            }
            undone
        };
        Ran { reply, ended, raw }
    }

    /// Runs and commits a group; says whether there may be more.
    fn group(&mut self, first: Job, queue: &Receiver<Message>) -> bool {
        self.rows = 0;
        let mut more = true;
        if let Err(error) = self.execute("BEGIN IMMEDIATE", "begin a transaction") {
            first(Err(error)).1(Ok(()));
            return more;
        }
        let mut ran = vec![self.run(first)];
        let mut waits = 0;
        while self.rows < GROUP_ROWS && ran.len() < GROUP_ROWS {
            let message = match queue.try_recv() {
                Ok(message) => message,
                Err(_) if waits < GROUP_WAITS => match queue.recv_timeout(GROUP_GAP) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                },
                Err(_) => break,
            };
            let Message::Job(job) = message else {
                more = false;
                break;
            };
            waits += 1;
            ran.push(self.run(job));
        }
        let core = self.days.commit_logs().and_then(|()| self.execute("COMMIT", "commit"));
        let raw = core.clone().and_then(|()| self.days.commit_raw());
        if core.is_err() {
            let _ = self.execute("ROLLBACK", "undo a transaction");
            self.after.clear();
        }
        if raw.is_err() {
            self.days.rollback();
            self.recall();
        }
        for then in std::mem::take(&mut self.after) {
            then(&self.shared);
        }
        self.shared.count(|stats| stats.commits += 1);
        for Ran { reply, ended, raw: touched } in ran {
            reply(ended.and(if touched { raw.clone() } else { core.clone() }));
        }
        more
    }

    fn work(mut self, queue: &Receiver<Message>) {
        while let Ok(Message::Job(job)) = queue.recv() {
            if !self.group(job, queue) {
                break;
            }
        }
        let _ = self.execute("PRAGMA wal_checkpoint(TRUNCATE)", "checkpoint");
        self.days.close();
    }
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Queue(SyncSender<Message>);

impl Queue {
    /// Starts the thread.
    pub(super) fn start(writer: Writer) -> Result<(Self, std::thread::JoinHandle<()>), StoreError> {
        let (send, receive) = sync_channel::<Message>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.work(&receive))
            .map_err(|error| StoreError::Sql { what: "start the writer", detail: error.to_string() })?;
        Ok((Self(send), thread))
    }

    /// Runs `work` on the writer and answers after COMMIT. If it gives an error, nothing of it stays.
    pub(super) async fn ask<R, E>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (send, receive) = tokio::sync::oneshot::channel::<Result<R, E>>();
        self.send(Box::new(move |writer| {
            let result = writer.map_err(E::from).and_then(work);
            let fine = result.is_ok();
            let reply: Reply = Box::new(move |committed| {
                // Whoever asked may have gone; the change stands all the same.
                let _ = send.send(match committed {
                    Ok(()) => result,
                    Err(error) => Err(error.into()),
                });
            });
            (fine, reply)
        }))?;
        receive.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Runs `work` on the writer; nobody waits for it. An error is logged.
    pub(super) fn tell(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Writer) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.send(Box::new(move |writer| {
            let result = writer.and_then(work);
            let fine = result.is_ok();
            let reply: Reply = Box::new(move |committed| {
                if let Err(error) = committed.and(result) {
                    tracing::warn!(%error, "the store could not {what}");
                }
            });
            (fine, reply)
        }))
    }

    /// Ends the writer after what waits now; blocks while the queue is full.
    pub(super) fn stop(&self) {
        // An error says that it has ended already.
        let _ = self.0.send(Message::Stop);
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.0.try_send(Message::Job(job)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy(QUEUE),
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}
