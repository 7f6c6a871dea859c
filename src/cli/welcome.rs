//! What a person is told once the console listens: where its pages are, a one-time link to come in for the
//! first time, and how to reach it from another machine. It prints nothing that opens something once there are
//! accounts, except in a demonstration, whose data are made up.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::say;
use super::text::{Lang, lang};
use crate::console::Handle;
use crate::console::command::{Actor, Role, Scope};

/// Addresses of this machine that are named; a router has dozens.
const MOST_ADDRESSES: usize = 4;
/// The port that is proposed for HTTPS from outside, and the one for when agents have it.
const OUTSIDE: u16 = 8443;
const BESIDE: u16 = 9443;
/// Interfaces that only this machine's own containers and guests see.
const INNER: &[&str] = &["docker", "br-", "veth", "virbr", "podman", "cni", "lxc"];

/// What is told.
struct Facts {
    pages: SocketAddr,
    tls: bool,
    agents: SocketAddr,
    /// Token of a one-time link, if there is one.
    token: Option<String>,
    /// Addresses under which others may reach this machine.
    outside: Vec<IpAddr>,
    /// SHA-256 of the console's certificate authority.
    fingerprint: String,
    /// How this program was called, without `--listen`.
    called: Vec<String>,
}

/// Says it all, in the reader's language.
pub(super) async fn tell(handle: &Handle) {
    let store = &handle.service.store;
    let wanted = !store.has_users() || handle.service.demo().is_some();
    let mut token = None;
    if wanted {
        match store.link_create(&actor()).await {
            Ok(made) => token = Some(made.expose().to_owned()),
            Err(error) => tracing::error!(%error, "no one-time sign-in link could be made; try `fengsui user link`"),
        }
    }
    let facts = Facts {
        pages: handle.addresses.pages,
        tls: handle.addresses.pages_tls,
        agents: handle.addresses.agents,
        token,
        outside: own_addresses(),
        fingerprint: store.authority().fingerprint().to_owned(),
        called: called(words()),
    };
    for line in facts.lines(lang()) {
        say(&line);
    }
}

/// The user who started this, as the audit trail names them.
pub(super) fn actor() -> Actor {
    let uid = std::fs::metadata("/proc/self").map_or(0, |own| own.uid());
    Actor { name: Arc::from(format!("local:{uid}")), role: Role::Admin, scope: Scope::All }
}

impl Facts {
    fn lines(&self, lang: Lang) -> Vec<String> {
        let pick = |zh: String, en: String| if lang == Lang::Zh { zh } else { en };
        let scheme = if self.tls { "https" } else { "http" };
        let mut lines = vec![pick(
            format!("管理中心 {scheme}://{}，探针接入 https://{}", self.pages, self.agents),
            format!("console {scheme}://{}, agents https://{}", self.pages, self.agents),
        )];
        let places = self.places();
        if let Some(token) = &self.token {
            lines.push(pick(
                "首次登录，在浏览器中打开（一次有效，30 分钟内）：".to_owned(),
                "to sign in, open this in a browser (works once, for 30 minutes):".to_owned(),
            ));
            lines.extend(places.iter().map(|place| format!("  {scheme}://{place}/welcome?token={token}")));
        } else if self.pages.ip().is_unspecified() {
            lines.extend(places.iter().map(|place| format!("  {scheme}://{place}/")));
        }
        if self.tls {
            lines.push(pick(
                format!(
                    "浏览器不认识管理中心自己的 CA；继续之前请核对其 SHA-256 指纹：{}",
                    colons(&self.fingerprint)
                ),
                format!(
                    "browsers do not know the console's own CA; compare its SHA-256 fingerprint before you go on: {}",
                    colons(&self.fingerprint)
                ),
            ));
            return lines;
        }
        let Some(first) = self.outside.first() else { return lines };
        let all: Vec<String> = self.outside.iter().map(ToString::to_string).collect();
        let command = self.command(*first);
        lines.push(pick(
            format!(
                "本机地址 {}；要从其他机器访问，请停止后改用（HTTPS，管理中心自己的 CA，SHA-256 指纹 {}）：",
                all.join("、"),
                colons(&self.fingerprint)
            ),
            format!(
                "this machine is {}; to reach the console from others, stop it and run (HTTPS with the console's own CA, SHA-256 {}):",
                all.join(", "),
                colons(&self.fingerprint)
            ),
        ));
        lines.push(format!("  {command}"));
        lines
    }

    /// Where a browser finds the pages; for one that listens everywhere, this machine's own addresses.
    fn places(&self) -> Vec<SocketAddr> {
        if !self.pages.ip().is_unspecified() {
            return vec![self.pages];
        }
        let v6 = self.pages.is_ipv6();
        let reached = self.outside.iter().filter(|ip| v6 || ip.is_ipv4());
        let mut all: Vec<SocketAddr> = reached.map(|ip| SocketAddr::new(*ip, self.pages.port())).collect();
        if all.is_empty() {
            all.push(SocketAddr::from(([127, 0, 0, 1], self.pages.port())));
        }
        all
    }

    /// The call of this program that listens on that address.
    fn command(&self, ip: IpAddr) -> String {
        let taken = self.agents.port() == OUTSIDE && (self.agents.ip().is_unspecified() || self.agents.ip() == ip);
        let listen = SocketAddr::new(ip, if taken { BESIDE } else { OUTSIDE });
        let words = self.called.iter().map(|word| quoted(word));
        words.chain(["--listen".to_owned(), listen.to_string()]).collect::<Vec<_>>().join(" ")
    }
}

/// A fingerprint as browsers show it.
fn colons(hex: &str) -> String {
    let hex = hex.to_ascii_uppercase();
    let pairs: Vec<&str> = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2)).collect();
    pairs.join(":")
}

/// How this program was called.
#[expect(clippy::disallowed_methods, reason = "what is told holds the command line as it was written")]
fn words() -> Vec<String> {
    std::env::args().collect()
}

/// The words of the command line without `--listen` and its address.
fn called(words: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--listen" {
            words.next();
        } else if !word.starts_with("--listen=") {
            kept.push(word);
        }
    }
    kept
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Addresses under which others may reach this machine, IPv4 first.
fn own_addresses() -> Vec<IpAddr> {
    let Ok(networks) = sysinfo::Networks::new_with_refreshed_list() else { return Vec::new() };
    let mut all: Vec<(bool, String, IpAddr)> = Vec::new();
    for (name, data) in &networks {
        let name = name.to_string_lossy().into_owned();
        if INNER.iter().any(|inner| name.starts_with(inner)) {
            continue;
        }
        all.extend(
            data.ip_networks().iter().map(|n| n.addr).filter(reachable).map(|ip| (ip.is_ipv6(), name.clone(), ip)),
        );
    }
    all.sort();
    all.into_iter().map(|(_, _, ip)| ip).take(MOST_ADDRESSES).collect()
}

fn reachable(ip: &IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            pages: "127.0.0.1:8080".parse().unwrap(),
            tls: false,
            agents: "127.0.0.1:8443".parse().unwrap(),
            token: Some("fsl_x".into()),
            outside: vec!["10.65.0.5".parse().unwrap(), "fd00::2".parse().unwrap()],
            fingerprint: "00ab1c".into(),
            called: called(
                ["fengsui", "up", "--listen", "127.0.0.1:8080", "--data", "/tmp/a b"].map(String::from).into(),
            ),
        }
    }

    #[test]
    fn a_fresh_console_tells_the_link_the_addresses_and_the_way_in_from_outside() {
        assert_eq!(
            facts().lines(Lang::En),
            [
                "console http://127.0.0.1:8080, agents https://127.0.0.1:8443",
                "to sign in, open this in a browser (works once, for 30 minutes):",
                "  http://127.0.0.1:8080/welcome?token=fsl_x",
                "this machine is 10.65.0.5, fd00::2; to reach the console from others, stop it and run (HTTPS with the console's own CA, SHA-256 00:AB:1C):",
                "  fengsui up --data '/tmp/a b' --listen 10.65.0.5:8443",
            ]
        );
        assert_eq!(
            facts().lines(Lang::Zh),
            [
                "管理中心 http://127.0.0.1:8080，探针接入 https://127.0.0.1:8443",
                "首次登录，在浏览器中打开（一次有效，30 分钟内）：",
                "  http://127.0.0.1:8080/welcome?token=fsl_x",
                "本机地址 10.65.0.5、fd00::2；要从其他机器访问，请停止后改用（HTTPS，管理中心自己的 CA，SHA-256 指纹 00:AB:1C）：",
                "  fengsui up --data '/tmp/a b' --listen 10.65.0.5:8443",
            ]
        );
    }

    #[test]
    fn with_accounts_only_the_plain_address_is_told() {
        let plain = Facts { token: None, outside: Vec::new(), ..facts() };
        assert_eq!(plain.lines(Lang::En), ["console http://127.0.0.1:8080, agents https://127.0.0.1:8443"]);
    }

    #[test]
    fn from_outside_the_fingerprint_is_told_and_no_command() {
        let outside = Facts { pages: "0.0.0.0:8443".parse().unwrap(), tls: true, ..facts() };
        assert_eq!(
            outside.lines(Lang::En),
            [
                "console https://0.0.0.0:8443, agents https://127.0.0.1:8443",
                "to sign in, open this in a browser (works once, for 30 minutes):",
                "  https://10.65.0.5:8443/welcome?token=fsl_x",
                "browsers do not know the console's own CA; compare its SHA-256 fingerprint before you go on: 00:AB:1C",
            ]
        );
    }

    #[test]
    fn the_port_that_is_proposed_is_not_the_agents() {
        let taken = Facts { agents: "0.0.0.0:8443".parse().unwrap(), ..facts() };
        assert_eq!(
            taken.command("10.65.0.5".parse().unwrap()),
            "fengsui up --data '/tmp/a b' --listen 10.65.0.5:9443"
        );
    }

    #[test]
    fn no_line_holds_the_word_that_says_it_is_ready() {
        for lang in [Lang::Zh, Lang::En] {
            assert!(
                facts().lines(lang).iter().all(|line| !line.contains("ready")),
                "whoever waits for it waits for less"
            );
        }
    }

    #[test]
    fn only_addresses_that_others_reach_are_told() {
        for (ip, told) in
            [("127.0.0.1", false), ("169.254.1.1", false), ("fe80::1", false), ("10.0.0.1", true), ("fd00::1", true)]
        {
            assert_eq!(reachable(&ip.parse().unwrap()), told, "{ip}");
        }
    }
}
