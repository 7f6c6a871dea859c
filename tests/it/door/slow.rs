//! Peers that take their time or take up room: a head in drips, a body that stops, a thousand that say nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Door;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_drips_is_cut_off() {
    let door = Door::open().await;
    let mut stream = TcpStream::connect(door.handle.addresses.pages).await.unwrap();
    let began = door.clock.mono();
    let (mut read, mut write) = stream.split();
    let drip = async {
        loop {
            if write.write_all(b"G").await.is_err() {
                return;
            }
            door.clock.sleep(Duration::from_millis(500)).await;
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = drip => {}
        ended = tokio::time::timeout(LONG, read.read_to_end(&mut answer)) => assert!(ended.is_ok(), "it was not cut off"),
    }
    assert!(door.clock.mono().since(began) < Duration::from_secs(30));
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_stop_in_the_middle_of_a_body_keep_nobody_else_out() {
    let door = Door::open().await;
    let (tower, mill) = (door.enrolled("tower").await, door.enrolled("mill").await);
    let pair =
        fengsui::relay::identity::Identity::load(&door.dir.path().join("mill"), &door.clock).unwrap().unwrap().pair;
    let tls = fengsui::net::tls::client_pinned_ca(&door.ca(), Some(&pair), &door.clock).unwrap();
    let mut held = Vec::new();
    for _ in 0..12 {
        let stream = TcpStream::connect(door.handle.addresses.agents).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("console.fengsui").unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(tls.clone()).connect(name, stream).await.unwrap();
        let head = "POST /ingest/v1/batches HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        held.push(stream);
    }
    let permits = &door.handle.service.receiving;
    door.until("twelve bodies under way", async || permits.available_permits() <= 64 - 12).await;
    let batch = tower.batch("event", 1, &[tower.status(1)]);
    assert_eq!(tower.send(&batch).await.0, 200);
    assert_eq!(mill.send(&mill.batch("event", 1, &[mill.status(1)])).await.0, 200);
    // And they do not hold their places for ever.
    let mut answer = vec![0; 12];
    let first = held.first_mut().unwrap();
    assert!(tokio::time::timeout(LONG, first.read_exact(&mut answer)).await.is_ok(), "it was not cut off");
    assert!(answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    drop(held);
    door.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_say_nothing_keep_nobody_out() {
    let door = Door::open().await;
    let tower = door.enrolled("tower").await;
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(TcpStream::connect(door.handle.addresses.agents).await.unwrap());
        idle.push(TcpStream::connect(door.handle.addresses.pages).await.unwrap());
    }
    assert_eq!(tower.send(&tower.batch("event", 1, &[tower.status(1)])).await.0, 200);
    assert_eq!(door.ask(None, "GET", "/healthz", Vec::new()).await.status, 200);
    // All are shown out after the time of a head or a handshake.
    for mut stream in idle {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a silent connection stays open");
    }
    door.handle.stop().await;
}
