//! A collector on loopback, for the tests of each kind.
#![expect(clippy::disallowed_types, reason = "the test plays the devices")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::{Kind, Parcel, Ports, Terms, Wires, serve};
use crate::engine::heard::Matcher;
use crate::model::plan::PlanSource;
use crate::model::wire::{Heard, HeardCounts};
use crate::net::clock::Clock;
use crate::net::stop::{self, StopTrigger};

pub(super) const LONG: Duration = Duration::from_secs(20);

pub(super) struct Stand {
    pub(super) udp: SocketAddr,
    parcels: mpsc::Receiver<Parcel>,
    rows: Vec<Heard>,
    counts: Option<HeardCounts>,
    stop: Option<StopTrigger>,
    _plan: watch::Sender<Arc<Matcher>>,
}

pub(super) fn wires(matcher: Matcher) -> (Wires, mpsc::Receiver<Parcel>, StopTrigger, watch::Sender<Arc<Matcher>>) {
    let (trigger, stop) = stop::pair();
    let (out, parcels) = mpsc::channel(64);
    let (plan, matcher) = watch::channel(Arc::new(matcher));
    let wires = Wires { clock: Clock::system(), matcher, out, trouble: Box::new(|_, _| ()), stop };
    (wires, parcels, trigger, plan)
}

impl Stand {
    pub(super) fn start(kind: &'static Kind, change: impl FnOnce(&mut Terms)) -> Self {
        let mut terms = Terms { listen: vec!["127.0.0.1:0".parse().unwrap()], rate: 100, ..Terms::default() };
        change(&mut terms);
        let ports = Ports::open(kind, &mut terms).unwrap();
        let udp = ports.addresses()[0];
        let source = PlanSource { address: "127.0.0.1".parse().unwrap(), asset: "core-1".parse().unwrap() };
        let (wires, parcels, trigger, plan) = wires(Matcher::new(&[], &[source]).0);
        tokio::spawn(serve(kind, ports, terms, wires));
        Self { udp, parcels, rows: Vec::new(), counts: None, stop: Some(trigger), _plan: plan }
    }

    pub(super) fn say(&self, lines: &[&[u8]]) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for line in lines {
            socket.send_to(line, self.udp).unwrap();
        }
    }

    /// Texts, tags and senders of the next so many rows.
    pub(super) async fn heard(&mut self, n: usize) -> Vec<String> {
        while self.rows.len() < n {
            let parcel = tokio::time::timeout(LONG, self.parcels.recv()).await.unwrap().unwrap();
            self.rows.extend(parcel.rows);
            self.counts = parcel.counts.or(self.counts.take());
        }
        let show = |h: Heard| {
            let whose = h.asset.map_or_else(|| "-".to_owned(), |asset| asset.to_string());
            let via = h.via.map(|via| format!(" via {via}")).unwrap_or_default();
            format!("{whose} {}{via} [{}] {} x{}", h.from, h.tag, h.text, h.count)
        };
        self.rows.drain(..n).map(show).collect()
    }

    /// How much it heard until it ended.
    pub(super) async fn counted(mut self) -> HeardCounts {
        drop(self.stop.take());
        while let Some(parcel) = self.parcels.recv().await {
            self.counts = parcel.counts.or(self.counts.take());
        }
        self.counts.unwrap()
    }

    /// All that comes until it has ended.
    pub(super) async fn end(mut self) -> Vec<String> {
        drop(self.stop.take());
        while let Some(parcel) = self.parcels.recv().await {
            self.rows.extend(parcel.rows);
        }
        let n = self.rows.len();
        self.heard(n).await
    }
}
