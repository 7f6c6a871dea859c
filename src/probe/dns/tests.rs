//! Against name servers of the tests' own that answer by a script, by UDP and by TCP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::probe::tests::{host, run_once, told, value};

use super::*;

const LONG: Duration = Duration::from_secs(10);
const ALL: &str = "resolve query total answers_count ttl rcode authoritative answers";

/// What a server does with a question.
#[derive(Debug, Clone, Copy)]
enum Script {
    /// Answers with these flags and code, and addresses 10.65.0.N for N below the last number.
    Say(u16, u8),
    /// Says by UDP that the answer does not fit, and by TCP what fits.
    Cut(u8),
    /// Says nothing.
    Hang,
    /// Sends what is no DNS.
    Noise,
    /// Answers another question first, with the right number; then with another number; then as it should.
    Confuse,
}

/// The answer to a question: flags and code as given, so many addresses.
fn answer(question: &[u8], flags: u16, addresses: u8) -> Vec<u8> {
    let mut out = question.to_vec();
    out[2..4].copy_from_slice(&flags.to_be_bytes());
    out[6..8].copy_from_slice(&u16::from(addresses).to_be_bytes());
    for n in 1..=addresses {
        out.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00");
        out.extend([60 + n, 0, 4, 10, 65, 0, n]);
    }
    out
}

const GOOD: u16 = 0x8580;

/// A server on loopback, both transports on one port.
async fn server(script: Script) -> u16 {
    #[expect(clippy::disallowed_types, reason = "the test plays the server")]
    let (udp, tcp) = loop {
        let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        match tokio::net::TcpListener::bind(udp.local_addr().unwrap()).await {
            Ok(tcp) => break (udp, tcp),
            Err(_) => continue,
        }
    };
    let port = udp.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buffer = [0; 600];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            let question = &buffer[..length];
            let answers = match script {
                Script::Say(flags, n) => vec![answer(question, flags, n)],
                Script::Cut(_) => vec![answer(question, GOOD | 0x0200, 0)],
                Script::Hang => Vec::new(),
                Script::Noise => vec![b"what is this".to_vec()],
                Script::Confuse => {
                    let (mut other, mut number) = (answer(question, GOOD, 3), answer(question, GOOD, 4));
                    other[13] ^= 1;
                    number[0] ^= 1;
                    vec![other, number, answer(question, GOOD, 1)]
                }
            };
            for answer in answers {
                udp.send_to(&answer, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let Ok(length) = stream.read_u16().await else { continue };
            let mut question = vec![0; usize::from(length)];
            stream.read_exact(&mut question).await.unwrap();
            let (Script::Say(_, n) | Script::Cut(n)) = script else { continue };
            let answer = answer(&question, GOOD, n);
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    port
}

async fn check(script: Script, set: &[&str], wanted: &str, why: &str) {
    let port = server(script).await;
    let within = if wanted.contains("timeout") { Duration::from_millis(300) } else { LONG };
    let set: Vec<&str> = ["name=www.aks.test"].iter().chain(set).copied().collect();
    let run = run_once("dns", host("127.0.0.1", port), &set, within).await.unwrap();
    assert_eq!(told("dns", &run), wanted, "{script:?} {set:?}: {:?}", run.detail);
    assert!(run.detail.clone().unwrap_or_default().contains(why), "{script:?} {set:?}: {:?}", run.detail);
}

#[tokio::test]
async fn what_a_server_says_becomes_an_outcome() {
    let ok = format!("ok: {ALL}");
    let content = format!("failed content: {ALL}");
    let status = format!("failed status: {ALL}");
    check(Script::Say(GOOD, 2), &[], &ok, "").await;
    check(Script::Say(GOOD, 2), &["answers=['10.65.0.2']"], &ok, "").await;
    check(Script::Say(GOOD, 2), &["answers=['10.65.0.2', '10.65.0.1']", "exact=true"], &ok, "").await;
    check(Script::Say(GOOD, 2), &["answers=['10.65.0.9']"], &content, "`10.65.0.9` is not among the 2").await;
    check(Script::Say(GOOD, 2), &["answers=['10.65.0.2']", "exact=true"], &content, "nobody expects").await;
    check(Script::Say(GOOD, 2), &["min_answers=3"], &content, "2 answers, wanted 3").await;
    let few = ALL.replace(" ttl", "");
    check(Script::Say(GOOD, 0), &[], &format!("failed content: {few}"), "0 answers").await;
    check(Script::Say(0x8183, 0), &[], &status.replace(" ttl", ""), "nxdomain, wanted noerror").await;
    check(Script::Say(0x8183, 0), &["rcode=nxdomain"], &format!("ok: {few}"), "").await;
    check(Script::Say(0x8182, 0), &["rcode=any"], &format!("ok: {few}"), "").await;
    check(Script::Hang, &[], "failed timeout: resolve", "no answer in time").await;
    check(Script::Noise, &[], "failed protocol: resolve", "no DNS answer").await;
    check(Script::Confuse, &["min_answers=1", "answers=['10.65.0.1']", "exact=true"], &ok, "").await;
    let tcp = ALL.replace("query", "connect query");
    check(Script::Cut(2), &["min_answers=2"], &format!("ok: {tcp}"), "").await;
    check(Script::Cut(2), &["transport=tcp"], &format!("ok: {tcp}"), "").await;
    check(Script::Cut(2), &["transport=udp", "min_answers=0"], &format!("ok: {few}"), "").await;
}

#[tokio::test]
async fn nobody_there_is_a_refusal_and_what_was_measured_stands_in_the_fields() {
    let run = run_once("dns", host("127.0.0.77", 1), &["name=a.test"], LONG).await.unwrap();
    assert_eq!(told("dns", &run), "failed refused: resolve", "{:?}", run.detail);
    let port = server(Script::Say(GOOD, 2)).await;
    let (server, set_port) = ("server=127.0.0.1", format!("server_port={port}"));
    let run = run_once("dns", host("www.aks.test", 443), &[server, &set_port], LONG).await.unwrap();
    assert_eq!(told("dns", &run), format!("ok: {ALL}"), "{:?}", run.detail);
    assert_eq!(value("dns", &run, "answers"), Value::Text("10.65.0.1, 10.65.0.2".into()));
    assert_eq!(value("dns", &run, "ttl_seconds"), Value::F64(61.0));
    assert_eq!(
        (value("dns", &run, "rcode"), value("dns", &run, "authoritative")),
        (Value::State(0), Value::State(1))
    );
}

#[tokio::test]
async fn a_question_that_is_none_is_told_before_any_run() {
    for (set, why) in
        [(vec![], "set `name`"), (vec!["name=a b"], "letters, digits"), (vec!["name=x..y"], "empty label")]
    {
        let error = run_once("dns", host("127.0.0.1", 53), &set, LONG).await.unwrap_err();
        assert!(error.contains(why), "{set:?}: {error}");
    }
    let port = server(Script::Say(GOOD, 0)).await;
    let set = ["name=192.0.2.7", "type=ptr", "min_answers=0"];
    let run = run_once("dns", host("127.0.0.1", port), &set, LONG).await.unwrap();
    assert_eq!(run.outcome.as_str(), "ok", "{:?}", run.detail);
}
