//! Traps on loopback: what a row of one says, informs acknowledged, relays, copies, and what is not taken.
#![expect(clippy::disallowed_types, reason = "the test plays the devices")]

use std::net::UdpSocket;

use super::*;
use crate::codec::snmp::{Head, Kind as Message, Oid, Value, Version, Writer, write};
use crate::collect::testing::{LONG, Stand};
use crate::collect::{CopyTo, Form};

fn message(kind: Message) -> Vec<u8> {
    let head = Head { version: Version::V2c, community: b"public", kind, id: 5, status: 0, index: 0 };
    let mut out = Vec::new();
    let mut writer = Writer::begin(&head, &mut out);
    let down = write::name(&[1, 3, 6, 1, 6, 3, 1, 1, 5, 3]);
    let what = write::name(&[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0]);
    writer.variable(&what, &Value::Oid(Oid::read(&down).unwrap()));
    writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 7]), &Value::Octets(b"GE0/0/7"));
    assert!(writer.finish());
    out
}

const ROW: &str = "[1.3.6.1.6.3.1.1.5.3] 1.3.6.1.2.1.2.2.1.2.7=GE0/0/7 x1";

async fn received(socket: UdpSocket) -> Vec<u8> {
    socket.set_read_timeout(Some(LONG)).unwrap();
    let read = move || {
        let mut buffer = [0; 2048];
        let n = socket.recv(&mut buffer).unwrap();
        buffer[..n].to_vec()
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[tokio::test]
async fn a_trap_is_a_row_and_an_inform_is_acknowledged_too() {
    let mut stand = Stand::start(&KIND, |_| ());
    stand.say(&[&message(Message::Trap)]);
    assert_eq!(stand.heard(1).await, [format!("core-1 127.0.0.1 {ROW}")]);
    let device = UdpSocket::bind("127.0.0.1:0").unwrap();
    device.send_to(&message(Message::Inform), stand.udp).unwrap();
    assert_eq!(received(device).await, message(Message::Response));
    // The same within seconds: kept once, and counted at the end.
    assert_eq!(stand.end().await, [format!("core-1 127.0.0.1 {ROW}")]);
}

#[tokio::test]
async fn what_comes_is_counted_and_what_no_rule_speaks_of_is_named() {
    let mut stand = Stand::start(&KIND, |terms| terms.rate = 1);
    let trap = message(Message::Trap);
    // Ten seconds of one a second may come at once; an answer is no trap, noise is nothing.
    let mut said: Vec<&[u8]> = vec![&trap; 4];
    let answer = message(Message::Response);
    said.extend([&answer[..], b"noise", b"noise"]);
    said.extend([&trap[..]; 40]);
    stand.say(&said);
    stand.heard(1).await;
    let counts = stand.counted().await;
    assert_eq!((counts.source.as_str(), counts.received, counts.unmapped), ("trap", 47, counts.kept));
    assert_eq!(counts.kept + counts.left_out + 3, 47, "{counts:?}");
    assert!(counts.kept >= 7 && counts.left_out >= 1, "{counts:?}");
    assert_eq!(counts.refused.values().sum::<u64>(), 3, "{counts:?}");
    assert_eq!(counts.unmapped_tags, [("1.3.6.1.6.3.1.1.5.3".to_owned(), counts.kept)]);
}

#[tokio::test]
async fn a_relay_says_whose_it_is_and_a_copy_says_it_to_the_next() {
    let (told, original) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let to = |socket: &UdpSocket, form| CopyTo { to: socket.local_addr().unwrap(), form };
    let copies = vec![to(&told, Form::Relayed), to(&original, Form::Original)];
    let stand = Stand::start(&KIND, |terms| terms.copies = copies);
    stand.say(&[&message(Message::Trap)]);
    assert_eq!(received(original).await, message(Message::Trap));
    let copy = received(told).await;
    let mut next = Stand::start(&KIND, |terms| terms.relays = vec!["127.0.0.1/32".parse().unwrap()]);
    next.say(&[&copy]);
    assert_eq!(next.heard(1).await, [format!("core-1 127.0.0.1 via 127.0.0.1 {ROW}")]);
}

#[tokio::test]
async fn what_is_no_trap_is_left_out_and_the_next_one_heard() {
    let mut stand = Stand::start(&KIND, |_| ());
    let v3 = b"\x30\x05\x02\x01\x03\x05\x00";
    stand.say(&[b"", b"hello", v3, &message(Message::Get), &message(Message::Trap)]);
    assert_eq!(stand.heard(1).await, [format!("core-1 127.0.0.1 {ROW}")]);
}
