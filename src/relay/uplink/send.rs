//! One stream of the spool to the console: one request in flight, in order, until it is acknowledged.

use std::time::Duration;

use crate::model::Wall;
use crate::model::wire::{Batch, BatchAnswer, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, Stream};
use crate::net::error::NetError;
use crate::net::http::{Client, Response};
use crate::relay::spool::SpoolError;

use super::backoff::Backoff;
use super::line::{Connection, Line};

/// Room in a batch for what stands around its records.
const BATCH_ROOM: usize = 1 << 10;
/// How long samples and bulk may wait for company; events go at once.
const GATHER: Duration = Duration::from_secs(1);
/// Longest wait for the console to commit a batch.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request in flight may go on after the stop.
const LAST_WORD: Duration = Duration::from_secs(2);
/// Largest answer: a thousand refused sequences.
const MAX_ANSWER: usize = 64 << 10;
/// Same level as zstd's own default: 12 to 1 on events, a third of a millisecond for a full batch.
const ZSTD_LEVEL: i32 = 3;
/// A single record that the console calls malformed so often in a row is given up.
const MAX_STUBBORN: u32 = 8;
/// Rewinds in a row that are answered at once; more look like a quarrel, and wait.
const MAX_REWINDS: u32 = 3;

struct Sender {
    line: Line,
    stream: Stream,
    backoff: Backoff,
    max_records: usize,
    rewinds: u32,
}

/// Sends the stream until the stop.
pub(super) async fn send(line: Line, stream: Stream) {
    let mut appended = line.spool.appended(stream);
    let mut connection = line.connection(MAX_ANSWER);
    let stop = line.stop.clone();
    let mut sender = Sender { line, stream, backoff: Backoff::default(), max_records: MAX_BATCH_RECORDS, rewinds: 0 };
    while !stop.is_stopped() {
        appended.borrow_and_update();
        let batch = sender.line.spool.next_batch(stream, sender.max_records, MAX_BATCH_BYTES - BATCH_ROOM).await;
        let batch = match batch {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                tokio::select! {
                    changed = appended.changed() => if changed.is_err() { return },
                    () = stop.stopped() => return,
                }
                if stream != Stream::Event {
                    sender.line.pause_fully(GATHER).await;
                }
                continue;
            }
            Err(_) => return, // closed: the program ends
        };
        let client = match connection.client(&sender.line.clock) {
            Ok(client) => client,
            Err(why) => {
                sender.fail(&why).await;
                continue;
            }
        };
        let answer = {
            let mut post = std::pin::pin!(post(&client, &batch));
            tokio::select! {
                answer = &mut post => answer,
                () = stop.stopped() => match tokio::time::timeout(LAST_WORD, post).await {
                    Ok(answer) => answer,
                    Err(_) => return,
                },
            }
        };
        let settled = match answer {
            Ok(answer) => sender.settle(&batch, &answer, &connection).await,
            Err(error) => {
                sender.fail(&error.to_string()).await;
                Ok(())
            }
        };
        if settled.is_err() {
            return;
        }
    }
}

async fn post(client: &Client, batch: &Batch) -> Result<Response, NetError> {
    let internal = |what: String| NetError::new(crate::model::Cause::Internal, what);
    let json = serde_json::to_vec(batch).map_err(|e| internal(format!("write a batch: {e}")))?;
    let body = zstd::bulk::compress(&json, ZSTD_LEVEL).map_err(|e| internal(format!("compress a batch: {e}")))?;
    let headers = [("content-type", "application/json"), ("content-encoding", "zstd"), ("accept-language", "en")];
    client.request("POST", "/ingest/v1/batches", &headers, body, COMMIT_TIMEOUT).await
}

impl Sender {
    async fn fail(&mut self, why: &str) {
        self.line.failed(why);
        self.line.pause(self.backoff.next(fastrand::f64())).await;
    }

    /// The console answered with something that ends no batch.
    async fn complain(&mut self, why: &str) {
        self.line.complained(why);
        self.line.pause_fully(self.backoff.next(fastrand::f64())).await;
    }

    async fn settle(&mut self, batch: &Batch, answer: &Response, connection: &Connection) -> Result<(), SpoolError> {
        match (answer.status, serde_json::from_slice::<BatchAnswer>(&answer.body)) {
            (200, Ok(said)) if said.acked >= batch.first_seq => {
                self.accepted(batch.sent_at, &said);
                self.line.spool.acked(self.stream, &batch.epoch, said.acked).await
            }
            (409, Ok(BatchAnswer { expected: Some(expected), now, .. })) => {
                self.line.succeeded(Some((now, batch.sent_at)));
                tracing::info!(
                    stream = self.stream.as_str(),
                    first = batch.first_seq,
                    expected,
                    "the console asks to resend"
                );
                self.line.spool.rewind(self.stream, &batch.epoch, expected).await?;
                self.rewinds += 1;
                if self.rewinds > MAX_REWINDS {
                    self.line.pause_fully(self.backoff.next(fastrand::f64())).await;
                }
                Ok(())
            }
            (422, Ok(said)) if !said.refused.is_empty() || said.acked >= batch.first_seq => {
                tracing::error!(stream = self.stream.as_str(), refused = ?said.refused, "the console cannot read some records; they are put aside");
                self.line.spool.refused(self.stream, &batch.epoch, said.refused.clone()).await?;
                self.accepted(batch.sent_at, &said);
                if said.acked >= batch.first_seq {
                    self.line.spool.acked(self.stream, &batch.epoch, said.acked).await?;
                }
                Ok(())
            }
            (400 | 413 | 422, _) => self.malformed(batch, answer).await,
            (200 | 409, _) => {
                self.complain(&format!("the console's answer makes no sense: {} {}", answer.status, answer.reason()))
                    .await;
                Ok(())
            }
            _ => {
                self.line.unexpected(answer, &mut self.backoff, connection).await;
                Ok(())
            }
        }
    }

    fn accepted(&mut self, sent: Wall, said: &BatchAnswer) {
        self.line.succeeded(Some((said.now, sent)));
        self.backoff.reset();
        self.rewinds = 0;
        self.max_records = MAX_BATCH_RECORDS;
    }

    /// The console will not have this batch and does not say which record is at fault: halve it until one is
    /// left, and give that one up when it was refused again and again.
    async fn malformed(&mut self, batch: &Batch, answer: &Response) -> Result<(), SpoolError> {
        if batch.records.len() > 1 {
            self.max_records = batch.records.len() / 2;
            return Ok(());
        }
        if self.backoff.failures() < MAX_STUBBORN {
            self.complain(&format!("the console answered {}: {}", answer.status, answer.reason())).await;
            return Ok(());
        }
        tracing::error!(
            stream = self.stream.as_str(),
            seq = batch.last_seq,
            "the console will not have a record; it is put aside"
        );
        self.backoff.reset();
        self.line.spool.refused(self.stream, &batch.epoch, vec![batch.last_seq]).await
    }
}
