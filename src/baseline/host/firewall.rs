//! What a host's own firewall does with what no rule names, as its saved configuration says: nftables, iptables-save,
//! firewalld, ufw. The rules in the kernel are not looked at: they are read over netlink only, and what was loaded by
//! hand is gone after the next start.

use std::sync::Arc;

use super::include::Files;
use super::root::Unseen;
use super::tree::{self, Broken, Style};
use super::{Fact, Found, Host, Row, columns, unit};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// What each program's unit is, which must be enabled for its files to count, and the files that some read.
const UNITS: [(&str, &str); 5] = [
    ("nftables", "nftables.service"),
    ("iptables", "iptables.service"),
    ("iptables", "netfilter-persistent.service"),
    ("firewalld", "firewalld.service"),
    ("ufw", "ufw.service"),
];
/// Rules of nftables: Debian's place, and that of rpm systems.
const NFTABLES: [&str; 2] = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];
/// Rules that iptables-save saved: those of netfilter-persistent, and of iptables-services.
const IPTABLES: [&str; 2] = ["/etc/iptables/rules.v4", "/etc/sysconfig/iptables"];

#[derive(Debug)]
struct Firewall;

/// No settings.
pub(super) fn read(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Firewall))
}

impl Fact for Firewall {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("program", Type::Text), ("action", Type::Text), ("chain", Type::Text)])
    }

    /// A row for each chain of what comes in, of the programs that start with the system.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let mut files = Files::of(&host.root, found);
        let mut programs: Vec<&str> = Vec::new();
        for (program, name) in UNITS {
            if unit::enabled(&mut files, name) && !programs.contains(&program) {
                programs.push(program);
            }
        }
        let mut all = Vec::new();
        for program in programs {
            match program {
                "nftables" => {
                    for path in NFTABLES {
                        all.extend(nftables(&mut files, path).map_err(|b| b.unseen())?);
                    }
                }
                "iptables" => {
                    for path in IPTABLES {
                        all.extend(files.text(path).map(|text| iptables(&text, path)).unwrap_or_default());
                    }
                }
                "firewalld" => all.extend(firewalld(&mut files).map_err(|b| b.unseen())?),
                _ => all.extend(ufw(&mut files)),
            }
        }
        for policy in all {
            let text = format!("{} {} {}", policy.program, policy.chain, policy.action);
            let row = Row::at(&policy.file, policy.line, text).about(policy.chain.as_str());
            found
                .rows
                .push(row.with("program", policy.program).with("action", policy.action).with("chain", policy.chain));
        }
        Ok(())
    }
}

/// What happens to a packet that no rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    /// The program: `nftables`, `iptables`, `firewalld`, `ufw`.
    program: &'static str,
    /// `drop`, `reject` or `accept`.
    action: String,
    /// The chain or zone that says so.
    chain: String,
    /// File.
    file: String,
    /// Line, from 1.
    line: usize,
}

/// Chains that hook into what comes in, with their policies; a chain whose last rule drops or rejects everything is as
/// good as one with that policy.
fn nftables(files: &mut Files<'_>, path: &str) -> Result<Vec<Policy>, Broken> {
    let base = path.rsplit_once('/').map_or("", |(b, _)| b);
    let Some(tree) = tree::braces(files, path, base, Style::NFT)? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for found in tree.named("chain") {
        let Some(chain) = found.decide.first() else { continue };
        let says = |words: &[&str]| {
            chain.children.iter().find(|n| {
                let own: Vec<&str> =
                    std::iter::once(n.name.as_str()).chain(n.args.iter().map(String::as_str)).collect();
                words.iter().all(|w| own.contains(w))
            })
        };
        if says(&["type", "hook", "input"]).is_none() {
            continue;
        }
        let policy = chain.children.iter().find(|n| n.name == "policy");
        let last = chain.children.iter().rev().find(|n| n.name != "policy");
        let last = last.filter(|n| matches!(n.name.as_str(), "drop" | "reject"));
        let (action, at) = match (last, policy.and_then(|p| Some((p.args.first()?, p)))) {
            (Some(last), _) => (last.name.clone(), last),
            (None, Some((action, at))) => (action.clone(), at),
            (None, None) => ("accept".to_owned(), *chain),
        };
        let name = chain.args.join(" ");
        let file = tree.files.get(at.file).cloned().unwrap_or_default();
        all.push(Policy { program: "nftables", action, chain: name, file, line: at.line as usize });
    }
    Ok(all)
}

/// The INPUT chain of the filter table of a file of iptables-save.
fn iptables(text: &str, path: &str) -> Vec<Policy> {
    let (mut table, mut all) = ("", Vec::<Policy>::new());
    for (raw, line) in text.lines().zip(1..) {
        let body = raw.trim();
        if let Some(name) = body.strip_prefix('*') {
            table = name;
        }
        if table != "filter" {
            continue;
        }
        let words: Vec<&str> = body.split_whitespace().collect();
        match words.as_slice() {
            [":INPUT", policy, ..] => all.push(Policy {
                program: "iptables",
                action: policy.to_ascii_lowercase(),
                chain: "INPUT".to_owned(),
                file: path.to_owned(),
                line,
            }),
            // A last rule without a condition stands for the policy.
            ["-A", "INPUT", "-j", target @ ("DROP" | "REJECT"), ..] => {
                if let Some(policy) = all.last_mut() {
                    (policy.action, policy.line) = (target.to_ascii_lowercase(), line);
                }
            }
            _ => {}
        }
    }
    all
}

/// What firewalld does in its default zone (firewalld.conf(5), firewalld.zone(5)): a zone without a target rejects.
fn firewalld(files: &mut Files<'_>) -> Result<Vec<Policy>, Broken> {
    const CONF: &str = "/etc/firewalld/firewalld.conf";
    let text = files.text(CONF).unwrap_or_default();
    let set =
        text.lines().zip(1..).filter_map(|(l, line)| Some((l.trim().strip_prefix("DefaultZone=")?, line))).last();
    let (zone, line) = set.unwrap_or(("public", 1));
    for base in ["/etc/firewalld/zones", "/usr/lib/firewalld/zones"] {
        let path = format!("{base}/{zone}.xml");
        let Some(tree) = tree::xml(files, &path)? else { continue };
        let found = tree.top.iter().find(|n| n.name == "zone");
        let action = match found.and_then(|z| z.attribute("target")) {
            Some("ACCEPT") => "accept",
            Some("DROP") => "drop",
            _ => "reject",
        };
        let line = found.map_or(1, |z| z.line as usize);
        return Ok(vec![Policy {
            program: "firewalld",
            action: action.into(),
            chain: zone.into(),
            file: path,
            line,
        }]);
    }
    let action = if zone == "trusted" { "accept" } else { "reject" };
    Ok(vec![Policy { program: "firewalld", action: action.into(), chain: zone.into(), file: CONF.into(), line }])
}

/// What ufw does with what comes in.
fn ufw(files: &mut Files<'_>) -> Option<Policy> {
    let enabled = files.text("/etc/ufw/ufw.conf")?.lines().any(|l| l.trim().eq_ignore_ascii_case("ENABLED=yes"));
    let path = "/etc/default/ufw";
    let text = files.text(path)?;
    let said =
        text.lines().zip(1..).filter_map(|(l, line)| Some((l.trim().strip_prefix("DEFAULT_INPUT_POLICY=")?, line)));
    let (action, line) = said.last().filter(|_| enabled)?;
    let action = action.trim_matches('"').to_ascii_lowercase();
    Some(Policy { program: "ufw", action, chain: "input".to_owned(), file: path.to_owned(), line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::host::include::made;

    #[test]
    fn nft_chains_say_what_they_do_by_default() {
        let text = "#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {\n\tchain input {\n\
            \t\ttype filter hook input priority filter; policy drop;\n\t\tct state established,related accept\n\
            \t\ttcp dport { 22, 80 } accept\n\t}\n\tchain forward {\n\t\ttype filter hook forward priority 0;\n\t}\n}\n\
            table ip6 x {\n chain in {\n type filter hook input priority 0;\n iif lo accept\n reject\n }\n}\n";
        let all = nftables(
            &mut Files::of(&made::root(&[("/etc/nftables.conf", text)]), &mut Found::default()),
            "/etc/nftables.conf",
        )
        .unwrap();
        let short: Vec<_> = all.iter().map(|p| (p.action.as_str(), p.chain.as_str(), p.line)).collect();
        assert_eq!(short, [("drop", "input", 5), ("reject", "in", 17)]);
    }

    #[test]
    fn saved_iptables_and_zones_and_ufw() {
        let text = "*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n";
        let all = iptables(text, "/x");
        assert_eq!((all.len(), all[0].action.as_str(), all[0].line), (1, "reject", 8));
        let root = made::root(&[
            ("/etc/firewalld/firewalld.conf", "# x\nDefaultZone=trusted\n"),
            (
                "/usr/lib/firewalld/zones/trusted.xml",
                "<?xml version=\"1.0\"?>\n<zone target=\"ACCEPT\">\n<short>T</short></zone>",
            ),
            ("/etc/ufw/ufw.conf", "ENABLED=yes\n"),
            ("/etc/default/ufw", "IPV6=yes\nDEFAULT_INPUT_POLICY=\"DROP\"\n"),
        ]);
        let mut found = Found::default();
        let mut files = Files::of(&root, &mut found);
        let zone = firewalld(&mut files).unwrap();
        assert_eq!((zone[0].action.as_str(), zone[0].line), ("accept", 2));
        assert_eq!(firewalld(&mut Files::of(&made::root(&[]), &mut Found::default())).unwrap()[0].action, "reject");
        assert_eq!(ufw(&mut files).unwrap().action, "drop");
    }
}
