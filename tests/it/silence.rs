//! Devices that die and come back, and those that answer GETBULK wrongly: what they are asked, counted by the device.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fengsui::codec::snmp::{Body, Head, Kind, Message, Value, Writer, write};
use fengsui::model::device::Asking;
use fengsui::model::observation::{Cause, Outcome};
use fengsui::model::plan::SettingValue;
use fengsui::net::clock::Clock;
use fengsui::net::serve::{self, Service};
use fengsui::net::snmp::{Columns, Manner, Oid, Session};
use fengsui::probe::Run;
use fengsui::sim::{Action, Step};

use crate::snmp::{AUTH, PRIVACY, community, cx, once, prober, recording, user, world};
use crate::{device, snmp};

/// sysUpTime.0, encoded.
fn up_time() -> Vec<u8> {
    write::name(&[1, 3, 6, 1, 2, 1, 1, 3, 0])
}

/// A datagram that came: its kind and how many variables it names; none of one that is no question.
type Question = Option<(Kind, usize)>;

/// A device without a table, and what it was asked.
struct Agent {
    service: Service,
    dead: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Question>>>,
}

impl Agent {
    async fn start() -> Self {
        let (dead, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (is_dead, log) = (dead.clone(), asked.clone());
        let answer = move |request: &[u8]| {
            let message = Message::read(request).ok();
            let pdu = message.as_ref().and_then(|message| match message.body {
                Body::Pdu(pdu) => Some(pdu),
                Body::TrapV1(_) => None,
            });
            log.lock().unwrap().push(pdu.map(|pdu| (pdu.kind, pdu.variables.count())));
            let (message, pdu) = (message?, pdu?);
            let head = Head {
                version: message.version,
                community: message.community,
                kind: Kind::Response,
                id: pdu.id,
                status: 0,
                index: 0,
            };
            let mut out = Vec::new();
            let mut writer = Writer::begin(&head, &mut out);
            for variable in pdu.variables.flatten() {
                let name = variable.name.as_bytes();
                match pdu.kind {
                    Kind::Get if name == up_time() => writer.variable(name, &Value::Ticks(100)),
                    Kind::Get => writer.variable(name, &Value::NoSuchObject),
                    _ => writer.variable(name, &Value::EndOfMibView),
                }
            }
            (writer.finish() && !is_dead.load(Ordering::Relaxed)).then_some(out)
        };
        let service = serve::udp("127.0.0.1:0".parse().unwrap(), Arc::new(answer)).await.unwrap();
        Self { service, dead, asked }
    }

    fn at(&self) -> SocketAddr {
        self.service.address()
    }

    fn die(&self, dead: bool) {
        self.dead.store(dead, Ordering::Relaxed);
    }

    fn asked(&self) -> Vec<Question> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn failed(run: &Run) -> bool {
    (run.outcome, run.cause) == (Outcome::Failed, Some(Cause::Timeout)) && run.rows.is_empty()
}

#[tokio::test]
async fn a_dead_device_is_asked_for_one_variable_a_run_and_read_in_the_run_in_which_it_answers() {
    let one = || [Some((Kind::Get, 1))];
    let counters = async {
        let (agent, cx) = (Agent::start().await, cx());
        // Every run of it asks the same.
        let settings = [("interfaces", SettingValue::Bool(false)), ("neighbours", SettingValue::Bool(true))];
        let mut prober = prober(&cx, agent.at(), Some(&community("public")), &settings);
        assert_eq!(once(&cx, &mut prober).await.outcome, Outcome::Ok);
        let whole = agent.asked();
        assert!(
            whole.len() == 2 && whole[0].is_some_and(|(kind, names)| kind == Kind::Get && names > 1),
            "{whole:?}"
        );
        agent.die(true);
        for run in 1..=3 {
            assert!(failed(&once(&cx, &mut prober).await), "run {run}");
            assert_eq!(agent.asked()[0], whole[0], "run {run}: not dead yet");
        }
        for run in 4..=5 {
            assert!(failed(&once(&cx, &mut prober).await), "run {run}");
            assert_eq!(agent.asked(), one(), "run {run}");
        }
        agent.die(false);
        assert_eq!(once(&cx, &mut prober).await.outcome, Outcome::Ok);
        assert_eq!(agent.asked(), [&one()[..], &whole].concat(), "the same run reads all of it");
        assert_eq!(once(&cx, &mut prober).await.outcome, Outcome::Ok);
        assert_eq!(agent.asked(), whole, "and is not knocked at any more");
    };
    let all = async {
        let (agent, cx) = (Agent::start().await, cx());
        let mut prober = device::prober(&cx, agent.at());
        assert_eq!(device::once(&cx, &mut prober).await.0.outcome, Outcome::Ok);
        let whole = agent.asked();
        agent.die(true);
        for run in 1..=3 {
            assert!(failed(&device::once(&cx, &mut prober).await.0), "run {run}");
            assert_eq!(agent.asked()[0], whole[0], "run {run}: not dead yet");
        }
        assert!(failed(&device::once(&cx, &mut prober).await.0));
        assert_eq!(agent.asked(), one());
        agent.die(false);
        assert_eq!(device::once(&cx, &mut prober).await.0.outcome, Outcome::Ok);
        assert_eq!(agent.asked(), [&one()[..], &whole].concat());
    };
    tokio::join!(counters, all);
}

#[tokio::test]
async fn a_dead_device_of_v3_is_read_in_the_run_in_which_it_answers_and_one_that_refuses_says_so() {
    let secret = user(AUTH, PRIVACY);
    let (mut world, at) = world(recording("switch.snmprec"), vec![secret.clone()]).await;
    let cx = cx();
    let mut prober = prober(&cx, at, Some(&secret), &[]);
    assert_eq!(once(&cx, &mut prober).await.outcome, Outcome::Ok);
    let step = |action| Step { device: "d".into(), service: None, action };
    world.apply(&step(Action::Silence)).await.unwrap();
    for run in 1..=4 {
        assert!(failed(&once(&cx, &mut prober).await), "run {run}");
    }
    world.apply(&step(Action::Stop)).await.unwrap();
    let refused = once(&cx, &mut prober).await;
    assert_eq!((refused.outcome, refused.cause), (Outcome::Failed, Some(Cause::Refused)));
    world.apply(&step(Action::Start)).await.unwrap();
    let back = once(&cx, &mut prober).await;
    assert_eq!((back.outcome, &back.detail), (Outcome::Ok, &None));
    assert_eq!(snmp::field(&back, None, "name"), snmp::text("sim-switch-1"));
    world.stop().await;
}

#[tokio::test]
async fn a_device_that_answers_getbulk_wrongly_is_sent_none_whoever_says_so() {
    let (agent, cx) = (Agent::start().await, cx());
    let asks_bulk = |asked: Vec<Question>| {
        assert!(asked.len() > 2, "{asked:?}");
        asked.iter().flatten().any(|(kind, _)| *kind == Kind::GetBulk)
    };
    for (setting, by_profile, bulk) in [(true, None, true), (false, None, false), (true, Some(false), false)] {
        let mut profiles = cx.profiles.now().profiles().to_vec();
        profiles.iter_mut().for_each(|profile| profile.asking.bulk = by_profile);
        cx.profiles.set(profiles);
        let settings = [("bulk", SettingValue::Bool(setting)), ("health", SettingValue::Bool(true))];
        let run = once(&cx, &mut prober(&cx, agent.at(), Some(&community("public")), &settings)).await;
        assert_eq!((run.outcome, &run.detail), (Outcome::Ok, &None));
        assert_eq!(asks_bulk(agent.asked()), bulk, "setting {setting}, profile {by_profile:?}");
    }
    assert_eq!(device::once(&cx, &mut device::prober(&cx, agent.at())).await.0.outcome, Outcome::Ok);
    assert!(!asks_bulk(agent.asked()), "by its profile");
}

#[tokio::test]
async fn what_v3_reads_row_by_row_is_what_it_reads_at_once() {
    let secret = user(AUTH, PRIVACY);
    let (world, at) = world(recording("switch.snmprec"), vec![secret.clone()]).await;
    let clock = Clock::system();
    let manner = Manner { timeout: Duration::from_secs(2), retries: 1, strict_source: true };
    let mut session = Session::open(at, &secret, manner).await.unwrap();
    let mut read = Vec::new();
    for bulk in [None, Some(false)] {
        session.ask_as(Asking { bulk, ..Asking::default() });
        let mut columns = Columns::new(25);
        let oids = [7, 8, 2].map(|column| Oid::from_slice(&[1, 3, 6, 1, 2, 1, 2, 2, 1, column]));
        session.walk_columns(&oids, &mut columns, &clock, clock.mono().plus(Duration::from_secs(20))).await;
        assert!(columns.whole(), "{columns:?}");
        read.push((columns.rows, columns.packets));
    }
    assert_eq!((read[0].0.len(), &read[0].0), (9, &read[1].0));
    assert!(read[1].1 >= 9 && read[0].1 < 9, "{} and {} requests", read[0].1, read[1].1);
    drop(world);
}
