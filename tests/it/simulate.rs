//! `fengsui simulate`, `replay` and `snmp` as a person uses them: the real binary, its words and exit codes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// A simulated world that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn fengsui(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("LANG", "C")
        .env_remove("LC_ALL")
        .stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = fengsui(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

#[test]
fn recordings_are_served_one_address_a_file_and_a_taken_port_is_named_with_a_remedy() {
    let args = ["simulate", "tests/recordings", "--listen", "127.77.1.1/24:0", "--community", "public"];
    let mut world = Running(fengsui(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let lines: Vec<String> =
        BufReader::new(world.0.stdout.take().unwrap()).lines().take(3).map(Result::unwrap).collect();
    let address = |file: &str| {
        let line = lines.iter().find(|l| l.ends_with(&format!("-> tests/recordings/{file}.snmprec"))).unwrap();
        line.strip_prefix("udp ").and_then(|l| l.split(' ').next()).unwrap().to_owned()
    };
    let (router, switch) = (address("router"), address("switch"));
    assert!(router.starts_with("127.77.1.2:") && switch.starts_with("127.77.1.3:"), "{lines:?}");

    let (code, out, _) = output(&["snmp", "get", &switch, "1.3.6.1.2.1.1.5.0", "--community", "public"]);
    assert_eq!((code, out.as_str()), (0, "1.3.6.1.2.1.1.5.0 = text: sim-switch-1\n"));
    let (code, out, _) =
        output(&["snmp", "walk", &switch, "1.3.6.1.2.1.31.1.1.1.1", "--community", "public", "--format", "json"]);
    assert_eq!((code, out.lines().count()), (0, 9));
    for line in out.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&json["v"], &json["type"]), (&1.into(), &"text".into()));
    }
    let (code, out, _) = output(&["snmp", "get", &switch, "1.3.9.9", "--community", "public"]);
    assert_eq!(
        (code, out.as_str()),
        (1, "1.3.9.9 = no_such_instance: the device has no such row (noSuchInstance)\n")
    );

    let (code, _, err) =
        output(&["simulate", "tests/recordings/switch.snmprec", "--listen", &switch, "--community", "public"]);
    assert_eq!(code, 3);
    assert!(err.contains(&format!("listening on udp {switch}")) && err.contains("another process holds it"), "{err}");
    drop(world);
    let (code, _, err) = output(&["snmp", "get", &switch, "1.3.6", "--community", "public", "--timeout", "100ms"]);
    assert_eq!(code, 1);
    assert!(err.contains("port unreachable"), "{err}");
}

#[test]
fn one_recording_answers_at_many_addresses() {
    let mut args = vec!["simulate", "tests/recordings/switch.snmprec", "--listen", "127.77.128.1/17:0"];
    args.extend(["--community", "public", "--devices", "3000", "--fault", "duplicate=1"]);
    let mut world = Running(fengsui(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let line = BufReader::new(world.0.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let last =
        line.strip_suffix(" -> tests/recordings/switch.snmprec").and_then(|line| line.rsplit(' ').next()).unwrap();
    assert!(last.starts_with("127.77.139.184:"), "{line}");
    let (code, out, _) = output(&["snmp", "get", last, "1.3.6.1.2.1.1.5.0", "--community", "public"]);
    assert_eq!((code, out.as_str()), (0, "1.3.6.1.2.1.1.5.0 = text: sim-switch-1\n"));
}

#[test]
fn wrong_use_ends_in_one_line_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let bad = dir.path().join("bad.snmprec");
    std::fs::write(&bad, "1.3.6.1.2.1.1.5.0|4|a\n1.3.6.1.2.1.1.5.0|400|a\n").unwrap();
    let bad = bad.to_str().unwrap();
    let empty = dir.path().to_str().unwrap().to_owned() + "/none";
    std::fs::create_dir(&empty).unwrap();
    let at = ["--listen", "127.77.2.1:0"];
    for (args, want) in [
        (
            vec!["simulate", bad, at[0], at[1], "--community", "c"],
            format!("error: {bad}:2: `400` is no tag; known are"),
        ),
        (vec!["simulate", bad, at[0], at[1]], "error: give --community NAME, or --v3-user USER".into()),
        (
            vec!["simulate", &empty, at[0], at[1], "--community", "c"],
            format!("error: {empty}: it has no .snmprec file"),
        ),
        (
            vec!["simulate", "tests/recordings", at[0], at[1], "--community", "c"],
            "error: --listen has 1 addresses for 3 recordings: give a wider network".into(),
        ),
        (
            vec!["simulate", "tests/recordings/switch.snmprec", at[0], at[1], "--community", "c", "--devices", "5"],
            "error: --listen has 1 addresses for 5 devices: give a wider network".into(),
        ),
        (
            vec!["simulate", bad, at[0], at[1], "--community", "c", "--devices", "1", "--fault", "loss=2"],
            "error: invalid value 'loss=2' for '--fault <FAULT=SHARE>': `loss=2` is no FAULT=SHARE".into(),
        ),
        (vec!["snmp", "get", "127.0.0.1", "sysName", "--community", "c"], "error: `sysName` is no OID".into()),
        (vec!["replay", "tests/none.toml"], "error: tests/none.toml: No such file".into()),
    ] {
        let (code, out, err) = output(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.starts_with(&want), "{args:?}: {err}");
    }
}

#[test]
fn a_scenario_is_played_to_its_end_and_tells_each_step() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.toml");
    let text = "[[device]]\nname = \"site\"\naddress = \"127.77.3.1\"\nhttp = { body = \"ok\" }\n\
                [[step]]\nat = \"2s\"\ndo = \"set\"\ndevice = \"site\"\nwhat = \"status\"\nto = 503\n\
                [[step]]\nat = \"1s\"\ndo = \"stop\"\ndevice = \"site\"\nservice = \"http\"\n";
    std::fs::write(&file, text).unwrap();
    let (code, out, err) = output(&["replay", file.to_str().unwrap(), "--speed", "50", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let lines: Vec<serde_json::Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["device"], &lines[0]["service"]), (&"site".into(), &"http".into()));
    assert_eq!((&lines[1]["do"], &lines[1]["offset_seconds"]), (&"stop".into(), &1.0.into()));
    assert_eq!(
        (&lines[2]["do"], &lines[2]["to"], &lines[2]["error"]),
        (&"set".into(), &"503".into(), &serde_json::Value::Null)
    );
}
