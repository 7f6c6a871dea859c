//! Configurations read over SSH from a real OpenSSH server, whose users are devices: recorded sessions played at a
//! terminal, with pagers, pauses, hang-ups and refusals; wrong passwords, strange and changed keys, old algorithms.
//!
//! The server runs in a mount namespace of its own with accounts of its own, so it needs root and nothing of the machine.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::{Site, fengsui, fengsui_in, text, wait_for};
use crate::shipped::{api, probe};
use crate::snmp::tool;

/// Long enough for a loaded machine.
const SOON: Duration = Duration::from_secs(90);

/// The password of every device, and its hash (`openssl passwd -6`).
const PASSWORD: &str = "Recorded-1";
const HASH: &str =
    "$6$fengsuitest$35QNjmtipeWO4TuFLphLmkP6/18NbAeUy.fKxevi2SqimJSk3a0SqiFOMQNywVN7upyXLAUUeHw3rhxUvZCoK/";

/// A device at a terminal: reads keys one by one, echoes them, answers commands from its recording.
const PLAYER: &str = r#"
import json, os, sys, time, tty
dev = json.load(open(sys.argv[1]))[sys.argv[2]]
typed = open(sys.argv[1] + "." + sys.argv[2], "a")
tty.setraw(0)
def say(text):
    for piece in text.split("<PAUSE>"):
        os.write(1, piece.encode("gb18030" if dev.get("gbk") else "utf-8"))
        if "<PAUSE>" in text:
            time.sleep(0.7)
def key():
    byte = os.read(0, 1)
    if not byte:
        sys.exit(0)
    return byte.decode()
def answer(text):
    lines, page = text.split("\n"), dev.get("page", 0)
    if not page or dev.get("paging_off"):
        return say(text.replace("\n", "\r\n"))
    for at, line in enumerate(lines):
        say(line + ("\r\n" if at + 1 < len(lines) else ""))
        if (at + 1) % page == 0 and at + 1 < len(lines):
            say(dev["pager"])
            while key() != " ":
                pass
            say(dev["wipe"])
say(dev["greeting"].replace("\n", "\r\n"))
line = ""
while True:
    c = key()
    if c not in "\r\n":
        line, _ = line + c, say(c)
        continue
    typed.write(line + "\n"); typed.flush()
    say("\r\n")
    if line in ("quit", "exit"):
        sys.exit(0)
    if line == dev.get("hang_up_at"):
        say(dev["answers"][line][:40]); sys.exit(0)
    if line == dev.get("paging_command"):
        dev["paging_off"] = True
    reply = dev["answers"].get(line, dev["unknown"] if line else "")
    answer(reply + ("\n" if reply else "") + dev["prompt"])
    line = ""
"#;

/// A configuration of 60 lines and more, with secrets in it.
fn huawei() -> String {
    let ports: String = (1..=12)
        .map(|n| format!("interface GigabitEthernet0/0/{n}\n port link-type access\n port default vlan 10\n#\n"))
        .collect();
    format!(
        "!Software Version V200R011C10SPC600\n#\nsysname SW1\n#\nvlan batch 10\n#\ntelnet server enable\n#\naaa\n \
         local-user admin password cipher %^%#MARKa%^%#\n local-user admin privilege level 15\n local-user admin service-type \
         ssh\n#\n{ports}snmp-agent\nsnmp-agent community read cipher %^%#MARKb%^%#\n#\nuser-interface vty 0 4\n \
         authentication-mode aaa\n protocol inbound ssh\n#\nreturn"
    )
}

const IOS: &str = "Building configuration...\n\nCurrent configuration : 412 bytes\n!\nversion 15.2\nhostname R1\n!\nenable secret 5 $1$MARKa\n!\n\
    username ops privilege 15 secret 5 $1$MARKb\n!\ninterface GigabitEthernet0/0\n description R1#\n ip address 10.0.0.1 255.255.255.0\n!\n\
    snmp-server community MARKc RO\n!\nline vty 0 4\n login local\n transport input telnet ssh\n!\nend\n";

const COMWARE: &str = "#\n version 7.1.064, Release 0707P05\n#\n sysname 核心\n#\n telnet server enable\n#\nvlan 10\n#\n\
    local-user ops class manage\n password hash $h$6$MARKa\n service-type ssh\n#\nline vty 0 63\n authentication-mode scheme\n#\nreturn";

/// All devices, by the user that one logs in as.
fn devices() -> Value {
    let vrp = |more: Value| {
        let mut device = json!({
            "greeting": "\nInfo: The max number of VTY users is 10\n<SW1>", "prompt": "<SW1>",
            "unknown": "                ^\nError: Unrecognized command found at '^' position.",
            "answers": {
                "screen-length 0 temporary": "Info: The configuration takes effect on the current user terminal interface only.",
                "display version": "Huawei Versatile Routing Platform Software\nVRP (R) software, Version 5.170 (S5720 V200R011C10SPC600)",
                "display current-configuration": huawei(),
                "display saved-configuration": huawei().replace("telnet server enable", "undo telnet server enable"),
            },
            "pager": "  ---- More ----", "wipe": "\u{1b}[42D                                          \u{1b}[42D",
            "paging_command": "screen-length 0 temporary",
        });
        device.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        device
    };
    let ios = |prompt: &str| {
        json!({
            "greeting": format!("\nUnauthorized use is forbidden\n\n{prompt}"), "prompt": prompt, "unknown": "% Invalid input detected at '^' marker.",
            "answers": { "terminal length 0": "", "show version": "Cisco IOS Software, Version 15.2(4)M", "show running-config": IOS },
        })
    };
    let slow = huawei().replace("#\naaa", "#\n<PAUSE>aaa").replace("snmp-agent\n", "snmp-agent\n<PAUSE>");
    let answer = |text: &str| json!({ "display version": "VRP", "display current-configuration": text });
    json!({
        "vrp": vrp(json!({ "page": 24 })),
        "vrppaged": vrp(json!({ "page": 24, "paging_command": "none" })),
        "vrpslow": vrp(json!({ "answers": answer(&slow) })),
        "vrpnew": vrp(json!({ "greeting": "\nThe password needs to be changed. Change now? [Y/N]:" })),
        "vrplow": vrp(json!({ "answers": answer("Error: Unrecognized command found at '^' position.") })),
        "vrpgone": vrp(json!({ "hang_up_at": "display current-configuration" })),
        "ios": ios("R1#"),
        "ioslow": ios("R1>"),
        "h3c": json!({
            "greeting": "\n******\n* Copyright *\n******\n\n<核心>", "prompt": "<核心>", "unknown": " % Unrecognized command found at '^' position.",
            "gbk": true, "page": 10, "pager": "---- More ----", "wipe": "\r              \r", "paging_command": "screen-length disable",
            "answers": { "screen-length disable": "", "display version": "H3C Comware Software", "display current-configuration": COMWARE },
        }),
    })
}

struct Sshd {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a real server that the test talks to")]
fn program(path: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(path)
}

impl Sshd {
    /// Starts one with more lines of settings; `None` (said on stdout) where that cannot be.
    fn start(settings: &str, host_key: &[&str]) -> Option<Self> {
        let (server, keygen) = (tool("sshd")?, tool("ssh-keygen")?);
        if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
            println!("not run: only root may give a server accounts of its own");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let made = program(&keygen).args(["-q", "-N", "", "-f", &at("host")]).args(host_key).status().unwrap();
        assert!(made.success());
        for name in ["user", "stranger"] {
            let made = program(&keygen).args(["-q", "-N", "", "-t", "ed25519", "-f", &at(name)]).status().unwrap();
            assert!(made.success());
        }
        let users = devices();
        std::fs::write(at("devices"), users.to_string()).unwrap();
        std::fs::write(at("player.py"), PLAYER).unwrap();
        let mut passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let mut shadow = String::from("root:*:19000:0:99999:7:::\nsshd:!:19000:0:99999:7:::\n");
        let mut forced = String::new();
        for (n, user) in users.as_object().unwrap().keys().enumerate() {
            passwd.push_str(&format!("{user}:x:{}:65534::/:/bin/sh\n", 60_000 + n));
            shadow.push_str(&format!("{user}:{HASH}:19000:0:99999:7:::\n"));
            let command = format!("python3 {} {} {user}", at("player.py"), at("devices"));
            forced.push_str(&format!("Match User {user}\n  ForceCommand {command}\n"));
            std::fs::write(at(&format!("devices.{user}")), "").unwrap();
        }
        std::fs::write(at("passwd"), passwd).unwrap();
        std::fs::write(at("shadow"), shadow).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nPidFile none\nUsePAM no\nPasswordAuthentication yes\nStrictModes no\n\
             AuthorizedKeysFile {}\n{settings}\n{forced}",
            at("host"),
            at("user.pub")
        );
        std::fs::write(at("config"), config).unwrap();
        // Whoever plays a device reads and writes here, and is not root.
        let open = program("chmod").args(["-R", "a+rwX", &at("")]).status().unwrap();
        let shut = program("chmod").args(["600", &at("host"), &at("user"), &at("stranger")]).status().unwrap();
        assert!(open.success() && shut.success());
        let script = format!(
            "mount --bind {} /etc/passwd && mount --bind {} /etc/shadow && mount -t tmpfs none /run && mkdir /run/sshd && \
             exec {} -D -E {} -f {}",
            at("passwd"),
            at("shadow"),
            server.display(),
            at("log"),
            at("config")
        );
        let child = program("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let sshd = Self { child, port, dir };
        wait_for("the server's log", Duration::from_secs(20), || {
            sshd.log().contains("Server listening").then_some(())
        });
        Some(sshd)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap_or_default()
    }

    /// What was typed at a device.
    fn typed(&self, user: &str) -> Vec<String> {
        std::fs::read_to_string(self.at(&format!("devices.{user}"))).unwrap().lines().map(str::to_owned).collect()
    }

    fn fingerprint(&self) -> String {
        let keygen = tool("ssh-keygen").unwrap();
        let told = program(keygen).args(["-l", "-f"]).arg(self.at("host.pub")).output().unwrap();
        text(&told.stdout).split(' ').nth(1).unwrap().to_owned()
    }

    /// Judges a device; exit code, standard output, errors.
    fn check(&self, user: &str, secret: &Path, more: &[&str]) -> (i32, String, String) {
        let host = format!("127.0.0.1:{}", self.port);
        let secret = secret.display().to_string();
        let args = ["baseline", "check", "--collect", &host, "--user", user, "--secret", &secret, "--format", "json"];
        let done = fengsui(&[&args[..], more].concat());
        (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
    }
}

/// The verdict of a check in what was printed.
fn verdict(printed: &str, check: &str) -> String {
    let lines = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found = lines.filter(|object| object["check"] == check);
    found.next().unwrap_or_else(|| panic!("no {check} in {printed}"))["result"].as_str().unwrap().to_owned()
}

#[test]
fn devices_are_read_over_ssh_and_judged_with_no_secret_said() {
    let Some(sshd) = Sshd::start("", &["-t", "ed25519"]) else { return };
    let (password, wrong) = (sshd.at("password"), sshd.at("wrong"));
    std::fs::write(&password, PASSWORD).unwrap();
    std::fs::write(&wrong, "Recorded-2").unwrap();
    let key = sshd.fingerprint();
    let known = ["--host-key", key.as_str()];

    // Nobody has accepted the key: it is told, and no name is said.
    let (code, _, said) = sshd.check("vrp", &password, &[]);
    assert!(code == 3 && said.contains(&key), "{code} {said}");
    // It is another than the accepted one.
    let other = format!("SHA256:{}", "A".repeat(43));
    let (code, _, said) = sshd.check("vrp", &password, &["--host-key", &other]);
    assert!(code == 3 && said.contains(&key) && said.contains(&other), "{code} {said}");
    assert!(!sshd.log().contains("vrp"), "a name was said to a stranger: {}", sshd.log());

    for (user, asset) in
        [("vrp", "SW1"), ("vrppaged", "SW1"), ("vrpslow", "SW1"), ("vrpnew", "SW1"), ("ios", "R1"), ("h3c", "核心")]
    {
        let (code, printed, said) = sshd.check(user, &password, &known);
        assert_eq!(code, 1, "{user}: {said}");
        assert!(
            !printed.contains("MARK") && !said.contains("MARK") && !printed.contains(PASSWORD),
            "{user}: {printed}"
        );
        assert_eq!(verdict(&printed, "D17"), "fail", "{user}: telnet is on");
        assert!(printed.contains(&format!("\"asset\":\"{asset}\"")), "{user}: {printed}");
        let unknown = printed.matches("\"result\":\"error\"").count();
        assert_eq!(unknown, 0, "{user}: the text counts as whole: {printed}");
    }
    assert_eq!(
        sshd.typed("ios"),
        ["terminal length 0", "show version", "show running-config", "show startup-config", "exit"]
    );
    assert_eq!(sshd.typed("vrpnew").first().map(String::as_str), Some("N"));
    // With the dialect known, nothing of other vendors is typed.
    let (code, ..) = sshd.check("vrp", &password, &[&known[..], &["--dialect", "huawei-vrp"]].concat());
    let last = [
        "screen-length 0 temporary",
        "display version",
        "display current-configuration",
        "display saved-configuration",
        "quit",
    ];
    assert_eq!((code, &sshd.typed("vrp")[6..]), (1, &last.map(str::to_owned)[..]));

    // A key instead of a password; another key.
    assert_eq!(sshd.check("ios", &sshd.at("user"), &known).0, 1);
    let (code, _, said) = sshd.check("ios", &sshd.at("stranger"), &known);
    assert!(code == 3 && said.contains("refused"), "{said}");
    let (code, _, said) = sshd.check("vrp", &wrong, &known);
    assert!(code == 3 && said.contains("refused") && !said.contains("Recorded"), "{said}");

    // An account that sees nothing, a command that is refused, a device that hangs up.
    let (code, _, said) = sshd.check("ioslow", &password, &known);
    assert!(code == 3 && said.contains("privilege 15"), "{said}");
    assert_eq!(sshd.typed("ioslow"), Vec::<String>::new());
    let (code, printed, said) = sshd.check("vrplow", &password, &known);
    assert_eq!(code, 3, "{said}{printed}");
    let (code, printed, said) = sshd.check("vrpgone", &password, &known);
    assert!(code == 3 && printed.is_empty() && said.contains("hung up"), "{said}");
    // One that is asked for longer than there is time.
    let (code, _, said) = sshd.check("vrpslow", &password, &[&known[..], &["--within", "1s"]].concat());
    assert!(code == 3 && said.contains("no answer in time"), "{said}");
}

#[test]
fn an_old_device_is_spoken_to_only_with_the_algorithms_that_are_named() {
    let old =
        "KexAlgorithms diffie-hellman-group14-sha1\nHostKeyAlgorithms ssh-rsa\nCiphers aes128-cbc\nMACs hmac-sha1";
    let Some(sshd) = Sshd::start(old, &["-t", "rsa", "-b", "2048"]) else { return };
    let password = sshd.at("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let key = sshd.fingerprint();
    let (code, _, said) = sshd.check("ios", &password, &["--host-key", &key]);
    assert!(code == 3 && said.contains("diffie-hellman-group14-sha1"), "{said}");
    let named =
        ["--old", "diffie-hellman-group14-sha1", "--old", "ssh-rsa", "--old", "aes128-cbc", "--old", "hmac-sha1"];
    let (code, _, said) = sshd.check("ios", &password, &[&["--host-key", key.as_str()], &named[..]].concat());
    assert_eq!(code, 1, "{said}");
    assert_eq!(sshd.check("ios", &password, &["--old", "rot13"]).0, 2);
}

/// Every file below a directory.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() { files(&entry.path(), found) } else { found.push(entry.path()) }
    }
}

#[test]
fn an_agent_reads_what_the_inventory_names_and_a_changed_key_is_an_incident() {
    let Some(sshd) = Sshd::start("", &["-t", "ed25519"]) else { return };
    let (port, key, other) = (sshd.port, sshd.fingerprint(), format!("SHA256:{}", "A".repeat(43)));
    let site = Site::new();
    site.write("saved/routers/r1.cfg", IOS);
    let asset = |id: &str, kind: &str, config: &str| {
        format!(
            "[[asset]]\nid = \"{id}\"\nkind = \"{kind}\"\nzone = \"extranet\"\naddress = \"127.0.0.1\"\nconfig = {{ {config} }}\n"
        )
    };
    let over_ssh = |key: &str| format!("port = {port}, secret = \"dev\", host_key = \"{key}\"");
    let saved = format!("path = \"{}\"", site.arg("saved"));
    let inventory = [
        asset("sw1", "switch", &over_ssh(&key)),
        asset("sw2", "switch", &over_ssh(&other)),
        asset("r1", "router", &saved),
    ];
    site.write("inventory.toml", &inventory.concat());
    // Only a change of its file makes the second one run within this test.
    let often = probe("asset-config", "5s", "").replace("asset.has_config", "asset.kind == \"switch\"");
    let rare = probe("asset-config", "7d", "")
        .replace("asset-config", "saved-config")
        .replace("asset.has_config", "asset.kind == \"router\"");
    site.write("definitions/probes/config.toml", &[often, rare].concat());
    let up = site.up();
    let data = site.arg("data");
    let set = ["secret", "set", "dev", "--type", "ssh", "--user", "vrp", "--data", &data];
    assert!(fengsui_in(&set, &format!("{PASSWORD}\n")).status.success());

    let failed = |asset: &str| {
        let (_, metrics) = up.get("/metrics/objects");
        let label = format!("asset=\"{asset}\"");
        let line = metrics.lines().find(|l| l.starts_with("fengsui_config_failed_count") && l.contains(&label))?;
        line.split(' ').nth(1)?.parse::<f64>().ok()
    };
    wait_for("sw1 to be judged", SOON, || failed("sw1").filter(|n| *n >= 1.0));
    // What it starts with is kept beside it, and is another.
    let snapshots = || api(&site, &up, "/api/v1/baseline/snapshots?asset=sw1").to_string();
    wait_for("what sw1 starts with", SOON, || snapshots().contains("\"part\":\"startup\"").then_some(()));
    wait_for("that to be compared", SOON, || {
        let (_, metrics) = up.get("/metrics/objects");
        let mut lines = metrics.lines().filter(|l| l.starts_with("fengsui_config_startup{") && l.contains("\"sw1\""));
        lines.any(|l| l.trim_end().ends_with(" 1")).then_some(())
    });
    // Whoever may read the plan of this machine's agent reads an asset as it does.
    let done = fengsui(&["baseline", "check", "--collect", "sw1", "--data", &data, "--format", "json"]);
    let printed = text(&done.stdout);
    assert_eq!(
        (done.status.code(), verdict(&printed, "D17")),
        (Some(1), "fail".to_owned()),
        "{}",
        text(&done.stderr)
    );
    assert!(!printed.contains("MARK"), "{printed}");
    let done = fengsui(&["baseline", "check", "--collect", "sw9", "--data", &data]);
    assert!(done.status.code() == Some(2) && text(&done.stderr).contains("no task"), "{}", text(&done.stderr));
    let incident = site.incident("ssh-key-changed", "open", SOON);
    assert_eq!((incident["object"].as_str(), incident["severity"].as_str()), (Some("asset:sw2"), Some("major")));
    assert!(failed("sw2").is_none());
    // Somebody looks at the device and accepts what it says: it is read at once, and the incident ends.
    let keys = || site.json(&["baseline", "keys", "list"]);
    let of = |asset: &str| keys().into_iter().find(|k| k["asset"] == asset).unwrap();
    assert_eq!((&of("sw2")["state"], &of("sw2")["seen"]), (&json!("changed"), &json!(key)));
    assert_eq!(site.run(&["baseline", "keys", "accept", "sw2", "SHA256:x"]).status.code(), Some(2));
    let done = site.run(&["baseline", "keys", "accept", "sw2", "--reason", "compared"]);
    assert!(done.status.success() && text(&done.stdout).contains(&key) | text(&done.stderr).contains(&key));
    wait_for("sw2 to be judged", SOON, || failed("sw2").filter(|n| *n >= 1.0));
    site.incident("ssh-key-changed", "resolved", SOON);
    assert_eq!(of("sw2")["state"], "accepted");
    let mut round = 0;
    wait_for("r1 to be judged after its file changed", SOON, || {
        round += 1;
        site.write("saved/routers/r1.cfg", &IOS.replace("description R1#", &format!("description R{round}#")));
        // Samples of a rare probe are as rare; what a device is called is told at once.
        api(&site, &up, "/api/v1/assets/r1").to_string().contains("\"R1\"").then_some(())
    });

    // The text of a device, and its secrets, are nowhere but where they came from.
    let mut all = Vec::new();
    ["data", "up.log"]
        .map(|name| site.path(name))
        .iter()
        .for_each(|path| if path.is_dir() { files(path, &mut all) } else { all.push(path.clone()) });
    assert!(all.len() > 5);
    for file in all {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let has = |word: &str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
        assert!(!has("MARK"), "{}", file.display());
        assert!(!has(PASSWORD) || file.ends_with("plan.json"), "{}", file.display());
    }
}
