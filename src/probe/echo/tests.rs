//! Against real peers: honest, mute, lying, lossy, absent.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::net::serve::{self, Answer};
use crate::probe::tests::{host, run_once, told, value};

use super::*;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

async fn against(answer: Answer, set: &[&str], within: Duration) -> Run {
    let service = serve::udp("127.0.0.1:0".parse().unwrap(), answer).await.unwrap();
    run_once("echo", host("127.0.0.1", service.address().port()), set, within).await.unwrap()
}

#[tokio::test]
async fn an_echo_gives_its_time_and_no_loss() {
    let run = against(Arc::new(|bytes| Some(bytes.to_vec())), &["count=3", "spacing=5ms", "size=1400"], LONG).await;
    assert_eq!(told("echo", &run), "ok: rtt loss_ratio variation", "{:?}", run.detail);
    assert_eq!(run.tally, Tally { sent: 3, ..Tally::default() });
    assert_eq!(value("echo", &run, "loss_ratio"), Value::F64(0.0));
    let Value::Many(rtts) = value("echo", &run, "rtt_seconds") else { panic!("no times") };
    assert!(rtts.len() == 3 && rtts.iter().all(|rtt| (0.0..5.0).contains(rtt)), "{rtts:?}");
}

#[tokio::test]
async fn nothing_comes_back_and_nothing_is_measured() {
    let run = against(Arc::new(|_| None), &[], SHORT).await;
    assert_eq!(told("echo", &run), "failed timeout: loss_ratio");
    assert_eq!(run.tally, Tally { sent: 1, lost: 1, ..Tally::default() });
    // Nobody listens there: the kernel says so, and no time is lost.
    let run = run_once("echo", host("127.0.0.77", 9), &[], LONG).await.unwrap();
    assert_eq!(told("echo", &run), "failed refused: loss_ratio", "{:?}", run.detail);
    assert!(run.took < LONG);
    let run = run_once("echo", host("no name at all", 7), &[], LONG).await.unwrap();
    assert_eq!(told("echo", &run), "failed resolve: -");
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_sent_is_none() {
    type Liar = fn(&[u8]) -> Vec<u8>;
    let table: [Liar; 4] = [
        |_| b"hello".to_vec(),
        |bytes| bytes.iter().map(|b| !b).collect(),
        |bytes| bytes[..bytes.len() - 1].to_vec(),
        |bytes| [bytes, b"more"].concat(),
    ];
    for liar in table {
        let run = against(Arc::new(move |bytes| Some(liar(bytes))), &[], SHORT).await;
        assert_eq!(told("echo", &run), "failed content: loss_ratio", "{:?}", run.detail);
        assert_eq!(value("echo", &run, "loss_ratio"), Value::F64(1.0));
    }
}

#[tokio::test]
async fn part_of_them_lost_is_degraded() {
    let seen = AtomicU32::new(0);
    let every_other =
        move |bytes: &[u8]| seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(2).then(|| bytes.to_vec());
    let run = against(Arc::new(every_other), &["count=4", "spacing=1ms"], SHORT).await;
    assert_eq!(told("echo", &run), "degraded partial: rtt loss_ratio variation");
    assert_eq!((run.tally.sent, run.tally.lost), (4, 2));
    assert_eq!(value("echo", &run, "loss_ratio"), Value::F64(0.5));
}
