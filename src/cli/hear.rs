//! Listening by hand, for `fengsui syslog listen` and `fengsui trap listen`: what comes is printed and not kept. Also how
//! settings become the terms of a collector.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::json::line;
use super::simulate::wait_for_interrupt;
use super::text::{local_time, pick};
use super::{Answer, Exit, Failure, Format, print, say};
use crate::collect::{self, CopyTo, Form, KINDS, Kind, Ports, SOURCE_RATE, Terms, Wires};
use crate::config::settings::HearSettings;
use crate::console::api::events::heard;
use crate::model::wire::Heard;
use crate::net::clock::Clock;
use crate::net::{sock, stop};

/// Parcels that wait to be printed.
const WAITING: usize = 16;

/// Listens until Ctrl-C.
pub(super) async fn listen(kind: &'static Kind, mut terms: Terms, format: Format) -> Answer {
    let ports = Ports::open(kind, &mut terms).map_err(|error| Failure::unseen(error.to_string()))?;
    let (trigger, stop) = stop::pair();
    let (out, mut parcels) = mpsc::channel(WAITING);
    let trouble = Box::new(|topic: &'static str, text: Option<String>| {
        if let Some(text) = text {
            say(&format!("{topic}: {text}"));
        }
    });
    let (_plan, matcher) = watch::channel(Arc::default());
    let addresses: Vec<String> = ports.addresses().iter().map(ToString::to_string).collect();
    let wires = Wires { clock: Clock::system(), matcher, out, trouble, stop };
    match format {
        Format::Json => print(&line(json!({ "listen": addresses }))),
        Format::Table => print(&pick(
            format!("正在接收 udp、tcp {}", addresses.join("，")),
            format!("listening on udp and tcp {}", addresses.join(", ")),
        )),
    }
    say(pick("按 Ctrl-C 结束", "Ctrl-C ends it"));
    let serving = tokio::spawn(collect::serve(kind, ports, terms, wires));
    let mut interrupt = std::pin::pin!(wait_for_interrupt());
    let ended = loop {
        tokio::select! {
            ended = &mut interrupt => break ended,
            Some(parcel) = parcels.recv() => parcel.rows.iter().for_each(|row| tell(row, format)),
        }
    };
    trigger.stop();
    while let Some(parcel) = parcels.recv().await {
        parcel.rows.iter().for_each(|row| tell(row, format));
    }
    // It has ended: its end of the channel is gone.
    let _ = serving.await;
    ended.map(|_| Exit::Good)
}

fn tell(row: &Heard, format: Format) {
    match format {
        Format::Json => print(&line(heard(row))),
        Format::Table => {
            let host = if row.host.is_empty() { String::new() } else { format!(" {}", row.host) };
            let tag = if row.tag.is_empty() { String::new() } else { format!(" {}:", row.tag) };
            print(&format!("{} {}{host} {}{tag} {}", local_time(row.at), row.from, row.severity_word(), row.text));
        }
    }
}

/// How settings say to listen; ports that the service manager hands over prevail. To be called once: what it handed
/// over is ours from then on.
pub(super) fn collectors(settings: &[(&str, Option<&HearSettings>)]) -> Vec<(&'static Kind, Terms)> {
    let mut handed: Vec<(OwnedFd, String)> = handed();
    let form = |original| if original { Form::Original } else { Form::Relayed };
    let mut all = Vec::new();
    for (name, settings) in settings.iter().filter_map(|(name, settings)| Some((name, (*settings)?))) {
        let Some(kind) = KINDS.iter().find(|kind| kind.name == *name) else { continue };
        let terms = Terms {
            listen: settings.listen.clone(),
            handed: handed.extract_if(.., |(_, of)| of.as_str() == *name).map(|(fd, _)| fd).collect(),
            rate: settings.rate.unwrap_or(SOURCE_RATE),
            relays: settings.relays.clone(),
            copies: settings.copies.iter().map(|copy| CopyTo { to: copy.to, form: form(copy.original) }).collect(),
            opened: settings.opened.clone(),
            new_clocks: settings.new_clocks.clone(),
            engine: None, // the agent's own
        };
        all.push((*kind, terms));
    }
    all
}

/// Ports that the service manager has bound, by the name that its socket unit gives them.
fn handed() -> Vec<(OwnedFd, String)> {
    // An error says that there is no service manager, or that it handed over nothing.
    let all = sd_notify::listen_fds_with_names().into_iter().flatten();
    let ours = all.filter(|(_, name)| KINDS.iter().any(|kind| kind.name == name));
    ours.map(|(fd, name)| (sock::handed(fd), name)).collect()
}
