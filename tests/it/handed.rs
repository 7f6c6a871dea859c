//! Ports that the service manager binds and hands over, as systemd itself does it (`systemd-socket-activate`): the agent
//! hears on them, by their names, and binds none of its own. Where that tool is not installed the test says so, and fails
//! only where CI is set.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fengsui::codec::snmp::{Head, Kind, Message, Oid, Value, Version, Writer, write};

use crate::rig::wait_for;
use crate::trap::kept;

/// linkDown as an inform, so that it is known when it was heard.
fn inform(id: i32) -> Vec<u8> {
    let head = Head { version: Version::V2c, community: b"public", kind: Kind::Inform, id, status: 0, index: 0 };
    let (what, down) = ([1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0], write::name(&[1, 3, 6, 1, 6, 3, 1, 1, 5, 3]));
    let mut out = Vec::new();
    let mut writer = Writer::begin(&head, &mut out);
    writer.variable(&write::name(&what), &Value::Oid(Oid::read(&down).unwrap()));
    let (port, index) = (format!("port {id}"), u32::try_from(id).unwrap());
    writer.variable(&write::name(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 2, index]), &Value::Octets(port.as_bytes()));
    assert!(writer.finish());
    out
}

#[tokio::test]
async fn ports_of_the_service_manager_of_datagrams_and_streams_are_taken_by_their_names_and_no_others_bound() {
    let activate = Path::new("/usr/bin/systemd-socket-activate");
    if !activate.exists() {
        println!("not run: systemd-socket-activate is not installed");
        assert!(
            std::env::var_os("CI").is_none(),
            "CI needs systemd-socket-activate: install the Debian package systemd"
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let site = "[[asset]]\nid = \"core-1\"\nkind = \"switch\"\nzone = \"extranet\"\naddress = \"127.0.0.1\"\n";
    std::fs::write(dir.path().join("site.toml"), site).unwrap();
    // Free again at once, and nobody else's by then. The third is what the settings say, which is not bound.
    let free = || UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let [traps, lines, own] = [free(), free(), free()];
    let streams = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let copied = UdpSocket::bind("127.0.0.1:0").unwrap();
    copied.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let settings = format!(
        "id = \"tower\"\ninventory = [{:?}]\n[trap]\nlisten = [\"{own}\"]\n[syslog]\nlisten = [\"{own}\"]\n[[syslog.copy]]\nto = \"{}\"\nform = \"original\"\n",
        dir.path().join("site.toml"),
        copied.local_addr().unwrap()
    );
    std::fs::write(dir.path().join("agent.toml"), settings).unwrap();
    let log = dir.path().join("log");
    let out = std::fs::File::create(&log).unwrap();
    // It makes sockets of one sort only, and passes on what it was handed itself: so the ports of datagrams behind that of
    // streams, as the units do it together.
    let mut agent = Command::new(activate)
        .arg(format!("--listen={streams}"))
        .arg(activate)
        .args([
            "--datagram",
            &format!("--listen={traps}"),
            &format!("--listen={lines}"),
            "--fdname=syslog:trap:syslog",
        ])
        .arg(env!("CARGO_BIN_EXE_fengsui"))
        .args(["agent", "--config"])
        .arg(dir.path().join("agent.toml"))
        .arg("--data")
        .arg(dir.path().join("data"))
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .env("FENGSUI_LOG", "info")
        .spawn()
        .unwrap();
    // What comes first starts the agent, and waits for it in the port.
    let mut stream = wait_for("the port of streams", Duration::from_secs(10), || TcpStream::connect(streams).ok());
    stream.write_all(b"<13>first of a stream\n").unwrap();
    let device = UdpSocket::bind("127.0.0.1:0").unwrap();
    device.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut id = 0;
    wait_for("an inform to be acknowledged", Duration::from_secs(30), || {
        id += 1;
        device.send_to(&inform(id), traps).ok()?;
        let mut answer = [0; 512];
        let (len, from) = device.recv_from(&mut answer).ok()?;
        (from == traps && Message::read(&answer[..len]).is_ok()).then_some(())
    });
    // It hears before it knows whose that is, and before it ends as it is told to.
    wait_for("the agent to be ready", Duration::from_secs(30), || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        (log.contains("ready") && log.contains("plan in use")).then_some(())
    });
    device
        .send_to(
            b"<187>Jan 01 2026 00:00:00 core-1 %%01IFNET/4/IF_STATE(l): Interface GE0/0/1 has turned into DOWN",
            lines,
        )
        .unwrap();
    stream.write_all(b"<188>%%01SSH/4/SSH_FAIL(l): by the same connection\n").unwrap();
    drop(stream);
    assert!(
        UdpSocket::bind(own).is_ok() && TcpListener::bind(own).is_ok(),
        "the agent bound a port of its own beside those that it was given"
    );
    // A line is not acknowledged. Those of the stream are copied on when they are heard; the next inform is taken in after
    // the datagram.
    wait_for("the line of the stream to be copied", Duration::from_secs(10), || {
        let mut line = [0; 512];
        let (len, _) = copied.recv_from(&mut line).ok()?;
        line[..len].ends_with(b"by the same connection").then_some(())
    });
    wait_for("the last inform to be acknowledged", Duration::from_secs(10), || {
        device.send_to(&inform(1_000), traps).ok()?;
        let mut answer = [0; 512];
        let (len, _) = device.recv_from(&mut answer).ok()?;
        Message::read(&answer[..len]).is_ok().then_some(())
    });
    let told = Command::new("kill").args(["-TERM", &agent.id().to_string()]).status().unwrap();
    assert!(told.success() && agent.wait().is_ok());
    let kept = kept(&dir.path().join("data")).await;
    let last = |row: &String| row.starts_with("core-1 1.3.6.1.6.3.1.1.5.3") && row.ends_with("port 1000");
    assert!(kept.iter().any(last), "{kept:?}");
    assert!(kept.iter().any(|row| row.contains("IF_STATE") && row.contains("GE0/0/1")), "{kept:?}");
    assert!(kept.iter().any(|row| row.ends_with("first of a stream")), "{kept:?}");
    assert!(
        kept.iter().any(|row| row.starts_with("core-1 SSH/SSH_FAIL") && row.ends_with("by the same connection")),
        "{kept:?}"
    );
}
