//! Against real listeners.

use crate::model::observation::Tally;
use crate::probe::tests::{Script, host, peer, run_once, told};

use super::*;

const LONG: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_open_port_and_a_closed_one() {
    let open = peer(Script::Say(""), None).await;
    for name in ["127.0.0.1", "localhost"] {
        let run = run_once("tcp", host(name, open.port()), &["family=ipv4"], LONG).await.unwrap();
        assert_eq!(told("tcp", &run), "ok: connect");
        assert_eq!(run.tally, Tally { sent: 1, ..Tally::default() });
    }
    // Port 1 of an address that nobody listens on.
    let run = run_once("tcp", host("127.0.0.77", 1), &[], LONG).await.unwrap();
    assert_eq!(told("tcp", &run), "failed refused: -");
    assert_eq!(run.detail.unwrap(), "connect 127.0.0.77:1: Connection refused (os error 111)");
}

#[tokio::test]
async fn a_name_that_is_none_and_a_task_without_port() {
    let run = run_once("tcp", host("no name at all", 1), &[], LONG).await.unwrap();
    assert_eq!(told("tcp", &run), "failed resolve: -");
    let target = crate::model::plan::Target { host: Some("127.0.0.1".to_owned()), port: None, url: None };
    let why = run_once("tcp", target, &[], LONG).await.unwrap_err();
    assert!(why.contains("it has no port"), "{why}");
}

#[tokio::test]
async fn a_listener_that_does_not_accept_is_a_timeout_at_the_deadline() {
    // A backlog of one that is full: the kernel drops further requests silently.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut held = Vec::new();
    let clock = crate::net::clock::Clock::system();
    while held.len() < 16 {
        let within = clock.mono().plus(Duration::from_millis(50));
        match crate::net::tcp::connect(address, within, &clock).await {
            Ok(stream) => held.push(stream),
            Err(_) => break,
        }
    }
    let within = Duration::from_millis(200);
    let run = run_once("tcp", host("127.0.0.1", address.port()), &[], within).await.unwrap();
    assert_eq!(told("tcp", &run), "failed timeout: -");
    assert!(run.took >= within && run.took < LONG, "{:?}", run.took);
    assert_eq!(run.tally.lost, 1);
}
