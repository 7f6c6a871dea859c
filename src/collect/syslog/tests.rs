//! A collector on loopback, spoken to by plain sockets: whose lines are whose, copies, streams, and a busy port.
#![expect(clippy::disallowed_types, reason = "the test plays the devices")]

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::*;
use crate::collect::testing::{LONG, Stand, wires};
use crate::collect::{CopyTo, Form, Terms, run};
use crate::engine::heard::Matcher;

#[tokio::test]
async fn lines_come_by_datagram_and_by_stream_and_are_whose_address_they_came_from() {
    let mut stand = Stand::start(&KIND, |_| ());
    stand.say(&[b"<188>Jul 20 2026 11:37:35 R1 %%01SSH/4/SSH_FAIL(l)[47]:Failed\n"]);
    assert_eq!(stand.heard(1).await, ["core-1 127.0.0.1 [SSH/SSH_FAIL] Failed x1"]);
    let mut stream = TcpStream::connect(stand.udp).unwrap();
    stream.write_all(b"<13>one\n8 <13>t\nwo<13>three").unwrap();
    drop(stream);
    assert_eq!(
        stand.heard(3).await,
        ["core-1 127.0.0.1 [] one x1", "core-1 127.0.0.1 [] t wo x1", "core-1 127.0.0.1 [] three x1"]
    );
}

#[tokio::test]
async fn only_a_declared_relay_says_whose_a_line_is() {
    let line = "<13>1 - - - - - [origin ip=\"10.7.7.7\"] x";
    let mut stand = Stand::start(&KIND, |_| ());
    stand.say(&[line.as_bytes()]);
    assert_eq!(stand.heard(1).await, ["core-1 127.0.0.1 [] x x1"]);
    let mut stand = Stand::start(&KIND, |terms| terms.relays = vec!["127.0.0.0/8".parse().unwrap()]);
    stand.say(&[line.as_bytes(), b"<13>Jul 20 11:37:35 10.7.7.8 sshd[1]: y", b"<13>z"]);
    assert_eq!(
        stand.heard(3).await,
        ["- 10.7.7.7 via 127.0.0.1 [] x x1", "- 10.7.7.8 via 127.0.0.1 [sshd] y x1", "core-1 127.0.0.1 [] z x1",]
    );
}

#[tokio::test]
async fn a_copy_says_whose_it_is_or_is_the_very_line() {
    let (told, original) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    for socket in [&told, &original] {
        socket.set_read_timeout(Some(LONG)).unwrap();
    }
    let to = |socket: &UdpSocket, form| CopyTo { to: socket.local_addr().unwrap(), form };
    let copies = vec![to(&told, Form::Relayed), to(&original, Form::Original)];
    let mut stand = Stand::start(&KIND, |terms| terms.copies = copies);
    stand.say(&[b"<188>R1: x"]);
    stand.heard(1).await;
    let next = |socket: UdpSocket| {
        tokio::task::spawn_blocking(move || {
            let mut buffer = [0; 2048];
            let n = socket.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        })
    };
    assert_eq!(next(original).await.unwrap(), "<188>R1: x");
    let said = next(told).await.unwrap();
    assert!(
        said.starts_with("<188>1 20") && said.ends_with("Z 127.0.0.1 - - - [origin ip=\"127.0.0.1\"] R1: x"),
        "{said}"
    );
}

#[tokio::test]
async fn what_is_said_twice_is_kept_once_with_a_count_and_nothing_is_lost_at_the_end() {
    let stand = Stand::start(&KIND, |_| ());
    stand.say(&[b"<13>x", b"<13>x", b"<13>x", b"<13>y", b"\n"]);
    // What was sent waits in the socket's buffer: the end comes after it was read.
    let mut stand = stand;
    let first = stand.heard(2).await;
    assert_eq!(first, ["core-1 127.0.0.1 [] x x1", "core-1 127.0.0.1 [] y x1"]);
    assert_eq!(stand.end().await, ["core-1 127.0.0.1 [] x x2"]);
}

#[tokio::test]
async fn a_busy_port_is_named_with_its_holder_be_it_of_datagrams_or_of_streams() {
    let (udp, tcp) = (UdpSocket::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    for (what, address) in [("udp ", udp.local_addr().unwrap()), ("", tcp.local_addr().unwrap())] {
        let terms = Terms { listen: vec![address], rate: 1, ..Terms::default() };
        let said = Arc::new(Mutex::new(Vec::new()));
        let (mut wires, _parcels, trigger, _plan) = wires(Matcher::default());
        let (told, told_out) = (said.clone(), watch::channel(0));
        let tell = told_out.0;
        wires.trouble = Box::new(move |topic, text| {
            told.lock().unwrap().push((topic, text));
            tell.send_modify(|n| *n += 1);
        });
        let running = tokio::spawn(run(&KIND, terms, wires));
        let mut news = told_out.1;
        tokio::time::timeout(LONG, news.wait_for(|n| *n > 0)).await.unwrap().unwrap();
        let (topic, text) = said.lock().unwrap()[0].clone();
        let text = text.unwrap();
        let own = format!("(pid {}) holds the port", std::process::id());
        assert_eq!(topic, "syslog");
        assert!(text.starts_with(&format!("listen on {what}{address}")) && text.contains(&own), "{text}");
        drop(trigger);
        running.await.unwrap();
    }
}
