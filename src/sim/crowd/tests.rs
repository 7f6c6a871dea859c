//! The load target as our own client meets it, over sockets.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::model::device::Asking;
use crate::model::{Cause, Secret, SecretText};
use crate::net::serve::{self, Service};
use crate::net::snmp::{Columns, Manner, Session, SnmpError, Value as Kept};
use crate::sim::recording;

const LINES: &str = "1.3.6.1.2.1.1.3.0|67:counter|100,100\n1.3.6.1.2.1.1.5.0|4|one of many\n\
    1.3.9.1.1|2|11\n1.3.9.1.2|2|12\n1.3.9.1.300|2|13\n1.3.9.2.1|70|21\n1.3.9.2.300|70|23\n1.3.9.9.1|2|0\n";

/// Ten devices from 127.78.0.1 on, with one fault.
async fn target(fault: Option<(Fault, f64)>, delay: Duration) -> Service {
    let mut vices = Vices::new(3, 1472);
    if let Some((fault, share)) = fault {
        vices.set(fault, share);
    }
    serve_lines(LINES, vices, delay).await
}

async fn serve_lines(text: &str, vices: Vices, delay: Duration) -> Service {
    let lines = recording::lines("lines", text.as_bytes()).unwrap();
    let template = Template::new(lines, "public", Ipv4Addr::new(127, 78, 0, 1), 10, vices, Clock::system());
    serve::crowd(0, true, delay, Box::new(template)).await.unwrap()
}

fn community(v1: bool) -> Secret {
    Secret::SnmpCommunity { v1, community: SecretText::new("public") }
}

/// The device of that number, from 1.
async fn session(target: &Service, number: u8, v1: bool, strict_source: bool) -> Session {
    let peer = SocketAddr::new(Ipv4Addr::new(127, 78, 0, number).into(), target.address().port());
    Session::open(peer, &community(v1), Manner { timeout: Duration::from_millis(150), retries: 0, strict_source })
        .await
        .unwrap()
}

fn name() -> Oid {
    Oid::from_slice(&[1, 3, 6, 1, 2, 1, 1, 5, 0])
}

async fn ask(session: &Session) -> Result<usize, SnmpError> {
    session.get(&[name(), Oid::from_slice(&[1, 3, 9, 1, 7])]).await.map(|found| found.len())
}

async fn table(session: &Session, repetitions: u32) -> Columns {
    let clock = Clock::system();
    let mut table = Columns::new(repetitions);
    let columns = [Oid::from_slice(&[1, 3, 9, 1]), Oid::from_slice(&[1, 3, 9, 2])];
    session.walk_columns(&columns, &mut table, &clock, clock.mono().plus(Duration::from_secs(30))).await;
    table
}

#[tokio::test]
async fn every_address_answers_from_the_recording_and_no_other_does() {
    let target = target(None, Duration::ZERO).await;
    for number in [1, 10] {
        let session = session(&target, number, false, true).await;
        assert_eq!(ask(&session).await, Ok(1), "what is there, without what is not");
        let table = table(&session, 25).await;
        assert!(table.whole(), "{table:?}");
        let rows: Vec<_> = table.rows.into_iter().collect();
        let cells = |first, second: Option<u64>| vec![Some(Kept::Integer(first)), second.map(Kept::Counter64)];
        assert_eq!(rows[0], (vec![1], cells(11, Some(21))));
        assert_eq!(rows[1], (vec![2], cells(12, None)));
        assert_eq!(rows[2], (vec![300], cells(13, Some(23))));
        let mut all = 0;
        let mut told = |_: &_, _: &_| {
            all += 1;
            std::ops::ControlFlow::Continue(())
        };
        session.walk(&Oid::from_slice(&[1, 3]), 3, &mut told).await.unwrap();
        assert_eq!(all, 8);
        let up = session.get_bulk(&[Oid::from_slice(&[1, 3, 6, 1, 2, 1, 1, 3])], 1).await.unwrap();
        assert!(matches!(up[0].1, Kept::TimeTicks(100..2000)), "it moves: {up:?}");
    }
    let beyond = ask(&session(&target, 11, false, true).await).await;
    assert_eq!(beyond.unwrap_err().cause(), Cause::Timeout);
}

#[tokio::test]
async fn version_1_sees_no_64_bit_counters_and_is_told_what_is_missing() {
    let target = target(None, Duration::ZERO).await;
    let session = session(&target, 2, true, true).await;
    assert_eq!(ask(&session).await, Ok(1));
    let table = table(&session, 25).await;
    assert!(table.whole() && table.rows.len() == 3, "{table:?}");
    assert!(table.rows.values().all(|row| row.get(1).is_none_or(Option::is_none)));
}

#[tokio::test]
async fn each_fault_is_what_it_says() {
    let timeout = Err(Cause::Timeout);
    for (fault, strict, want) in [
        (Fault::Loss, true, timeout),
        (Fault::Dead, true, timeout),
        (Fault::WrongSource, true, timeout),
        (Fault::WrongSource, false, Ok(1)),
        (Fault::GenErr, true, Err(Cause::Protocol)),
        (Fault::Duplicate, true, Ok(1)),
        (Fault::NonIncreasing, true, Ok(1)), // a GET names nothing else
    ] {
        let target = target(Some((fault, 1.0)), Duration::ZERO).await;
        let mut session = session(&target, 1, false, strict).await;
        assert_eq!(ask(&session).await.map_err(|error| error.cause()), want, "{fault:?}");
        if let Fault::NonIncreasing | Fault::GenErr = fault {
            let why = if fault == Fault::GenErr { "the agent answered genErr" } else { "do not grow" };
            for nonincreasing in [None, Some(true)] {
                session.ask_as(Asking { nonincreasing, ..Asking::default() });
                let table = table(&session, 25).await;
                assert!(table.rows.is_empty() && table.shortfalls.len() == 2, "{table:?}");
                assert!(table.shortfalls.iter().all(|said| said.contains(why)), "{table:?}");
            }
        }
    }
    // What is left of the answer says whose it is, or not even that.
    let target = target(Some((Fault::Truncate, 1.0)), Duration::ZERO).await;
    let session = session(&target, 1, false, true).await;
    let mut undecoded = 0;
    for _ in 0..10 {
        match ask(&session).await {
            Err(SnmpError::Malformed { .. }) => undecoded += 1,
            other => assert!(matches!(other, Err(SnmpError::Timeout { .. })), "{other:?}"),
        }
    }
    assert!(undecoded > 0 && session.traffic().is_some_and(|traffic| traffic.malformed == undecoded));
    for (fault, word) in Fault::ALL {
        assert_eq!(Fault::parse(word), Some(*fault));
    }
}

#[tokio::test]
async fn a_walk_bears_every_fault_that_can_be_borne_and_names_the_others() {
    // Of answers that grow from one row a request on, so that there are enough of them to go wrong.
    let rows = |column: u32| (1..=60).map(move |row| format!("1.3.9.{column}.{row}|2|{row}\n"));
    let text: String = rows(1).chain(rows(2)).collect();
    let walked = async |fault: Option<(Fault, f64)>, repetitions, strict_source| {
        let mut vices = Vices::new(3, 1472);
        fault.iter().for_each(|(fault, share)| vices.set(*fault, *share));
        let target = serve_lines(&text, vices, Duration::from_millis(5)).await;
        let peer = SocketAddr::new(Ipv4Addr::new(127, 78, 0, 1).into(), target.address().port());
        let manner = Manner { timeout: Duration::from_millis(100), retries: 12, strict_source };
        let session = Session::open(peer, &community(false), manner).await.unwrap();
        (table(&session, repetitions).await, session.exchanged())
    };
    let (whole, _) = walked(None, 1, true).await;
    assert!(whole.whole() && whole.rows.len() == 60, "{whole:?}");
    // Sent again, halved, told from the first: what comes of it is the same.
    for (fault, share, repetitions, strict) in [
        (Fault::Loss, 0.5, 1, true),
        (Fault::Truncate, 0.5, 1, true),
        (Fault::WrongSource, 0.5, 1, true),
        (Fault::WrongSource, 1.0, 1, false),
        (Fault::Duplicate, 1.0, 1, true),
        (Fault::GenErr, 0.2, 25, true),
    ] {
        let (table, exchanged) = walked(Some((fault, share)), repetitions, strict).await;
        assert_eq!(
            (&table.rows, &table.shortfalls, &table.error),
            (&whole.rows, &vec![], &None),
            "{fault:?} {exchanged:?}"
        );
        assert!(share != 0.5 || exchanged.again > 0, "{fault:?} {exchanged:?}");
    }
    for (fault, why) in [
        (Fault::GenErr, "1.3.9.1: snmp 127.78.0.1"),
        (Fault::NonIncreasing, "1.3.9.1: the agent's OIDs do not grow at 1.3.9.1"),
    ] {
        let (table, _) = walked(Some((fault, 1.0)), 1, true).await;
        assert!(
            table.rows.is_empty() && table.shortfalls.len() == 2 && table.shortfalls[0].starts_with(why),
            "{table:?}"
        );
    }
    for fault in [Fault::Dead, Fault::Truncate, Fault::WrongSource] {
        let (table, exchanged) = walked(Some((fault, 1.0)), 1, true).await;
        let undecoded = fault == Fault::Truncate && matches!(table.error, Some(SnmpError::Malformed { .. }));
        assert!(undecoded || matches!(table.error, Some(SnmpError::Timeout { .. })), "{fault:?} {table:?}");
        assert!(exchanged.requests > 8, "it was tried: {exchanged:?}");
    }
}

#[tokio::test]
async fn lines_out_of_order_are_answered_as_they_stand_and_a_walk_ends_by_name() {
    // The second column goes on behind its second row with the third of the first, as a device that does not sort does.
    let text = "1.3.9.1.1|2|11\n1.3.9.1.2|2|12\n1.3.9.2.1|2|21\n1.3.9.2.2|2|22\n1.3.9.1.3|2|13\n1.3.9.1.3|2|14\n1.3.9.2.3|2|23\n";
    let target = serve_lines(text, Vices::new(3, 1472), Duration::ZERO).await;
    let session = session(&target, 1, false, true).await;
    let oid = |text: &str| recording::parse_oid(text).unwrap();
    let mut walked = Vec::new();
    let mut told = |oid: &Oid, _: &Kept| {
        walked.push(oid.to_string());
        std::ops::ControlFlow::Continue(())
    };
    let ended = session.walk(&oid("1.3.9"), 2, &mut told).await.unwrap_err();
    assert_eq!(walked, ["1.3.9.1.1", "1.3.9.1.2", "1.3.9.2.1", "1.3.9.2.2"]);
    assert!(ended.to_string().ends_with("the agent's OIDs do not grow at 1.3.9.1.3"), "{ended}");
    let table = table(&session, 25).await;
    assert_eq!(table.shortfalls, ["1.3.9.2: the agent's OIDs do not grow at 1.3.9.1.3"]);
    assert!(table.error.is_none() && table.rows.len() == 2, "{table:?}");
    let found = session.get(&[oid("1.3.9.1.3"), oid("1.3.9.2.3")]).await.unwrap();
    assert_eq!(found[&oid("1.3.9.1.3")], Kept::Integer(13), "of two lines the first");
    let next = session.get_bulk(&[oid("1.3.9.1.3"), oid("1.3.9.2.3"), oid("1.3.9.1.20")], 1).await.unwrap();
    let next: Vec<String> = next.iter().map(|(oid, value)| format!("{oid} {value:?}")).collect();
    assert_eq!(next, ["1.3.9.1.3 Integer(14)", "1.3.9.2.3 EndOfMibView", "1.3.9.2.1 Integer(21)"]);
}

#[tokio::test]
async fn answers_are_held_back_as_long_as_told() {
    let target = target(None, Duration::from_millis(60)).await;
    let clock = Clock::system();
    let began = clock.mono();
    assert_eq!(ask(&session(&target, 1, false, true).await).await, Ok(1));
    assert!(clock.mono().since(began) >= Duration::from_millis(60));
}
