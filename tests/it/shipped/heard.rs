//! The shipped rules on syslog and traps against lines as devices write them: which raise, which clear, and what they tell.

use std::collections::BTreeSet;

use fengsui::codec::syslog::read;
use fengsui::config::{defs, inventory, plan};
use fengsui::engine::heard::Matcher;
use fengsui::model::AgentId;
use fengsui::model::wire::{Heard, LogSource};
use fengsui::probe;

const ASSET: &str =
    "[[asset]]\nid = \"a\"\nkind = \"switch\"\nzone = \"extranet\"\naddress = \"10.65.0.1\"\nimportance = 3\n";

fn matcher() -> Matcher {
    let loaded = defs::load(&[], probe::catalog());
    let inventory = inventory::parse(&[("i.toml".to_owned(), ASSET.to_owned())]).unwrap();
    let agent = AgentId::new("tower").unwrap();
    let none = BTreeSet::new();
    let built = plan::build(&inventory, &loaded.definitions, probe::catalog(), &agent, 1, &|_| None, &none);
    let (matcher, problems) = Matcher::new(&built.plan.rules, &built.plan.sources);
    assert_eq!(problems, Vec::<String>::new());
    matcher
}

/// Rules that a line fits, as `+rule part {groups}`.
fn fits(matcher: &Matcher, line: &str) -> Vec<String> {
    let line = read(line.as_bytes());
    shown(matcher, LogSource::Syslog, line.tag, line.text)
}

fn shown(matcher: &Matcher, source: LogSource, tag: String, text: String) -> Vec<String> {
    let from = "10.65.0.1".parse().unwrap();
    let heard = Heard {
        at: Default::default(),
        source,
        from,
        via: None,
        asset: matcher.asset(from).cloned(),
        host: String::new(),
        facility: 23,
        severity: 5,
        tag,
        text,
        count: 1,
    };
    let show = |hit: fengsui::engine::heard::Hit| {
        let groups: Vec<String> =
            hit.evidence.iter().skip(1).map(|(name, found)| format!("{name}={found}")).collect();
        let sign = if hit.raise { '+' } else { '-' };
        format!("{sign}{} {} {{{}}}", hit.rule, hit.part.unwrap_or_default(), groups.join(" "))
    };
    matcher.look(&heard).into_iter().map(show).collect()
}

#[test]
fn lines_of_devices_raise_and_clear_what_they_mean() {
    let matcher = matcher();
    for (line, want) in [
        (
            "%%01SSH/4/SSH_FAIL(l)[47]:Failed to login through SSH. (IP=10.3.0.5, UserName=qqq, Times=3, FailedReason=key)",
            "+syslog-login-failed 10.3.0.5 {peer=10.3.0.5 user=qqq}",
        ),
        (
            "Aug  2 2026 12:08:01 R1 %%01SHELL/4/TELNETFAILED(l): Login through telnet failed( ip=10.3.0.5 times=3).",
            "+syslog-login-failed 10.3.0.5 {peer=10.3.0.5}",
        ),
        (
            "Oct  5 15:05:41 2026 SW %%10SHELL/4/LOGINFAIL(l):  TELNET user wret failed to login from 10.3.0.5(c860-efbe-8bad) on VTY0.",
            "+syslog-login-failed 10.3.0.5 {user=wret peer=10.3.0.5}",
        ),
        (
            "%SSH-5-SSH2_USERAUTH: User 'admin' authentication for SSH2 Session from 10.3.0.5 (tty = 1) using crypto cipher 'aes256-cbc', hmac 'hmac-sha1' Failed",
            "+syslog-login-failed 10.3.0.5 {user=admin peer=10.3.0.5}",
        ),
        (
            "<38>Jul  3 21:44:07 web sshd[26279]: Failed password for invalid user sammy from 10.3.0.5 port 51676 ssh2",
            "+syslog-login-failed 10.3.0.5 {user=sammy peer=10.3.0.5}",
        ),
        ("%%01HWCM/4/EXIT(l)[1498]:Exit from configure mode.", "+syslog-config-changed  {}"),
        (
            "Feb 11 16:25:10 2026 Teh %%10CFGMAN/5/CFGMAN_EXIT(l): Exit from configuration mode.",
            "+syslog-config-changed  {}",
        ),
        (
            "%SYS-5-CONFIG_I: Configured from console by vty0 (172.17.1.51)",
            "+syslog-config-changed  {from=console user=vty0 peer=172.17.1.51}",
        ),
        (
            "%%01IFNET/4/IF_STATE(l)[1479]:Interface GigabitEthernet2/0/9 has turned into UP state.",
            "-syslog-port-down GigabitEthernet2/0/9 {}",
        ),
        (
            "%%01PHY/4/PHY_STATUS_UP2DOWN(l)[155]:Slot=1;GigabitEthernet1/1/8 change status to down.",
            "+syslog-port-down GigabitEthernet1/1/8 {}",
        ),
        (
            "Feb 11 12:39:18 2026 Teh %%10IFNET/3/LINK_UPDOWN(l): GigabitEthernet1/0/7 link status is DOWN.",
            "+syslog-port-down GigabitEthernet1/0/7 {}",
        ),
        (
            "%LINK-3-UPDOWN: Interface GigabitEthernet 0/45, changed state to down",
            "+syslog-port-down GigabitEthernet 0/45 {}",
        ),
        ("%LINK-3-UPDOWN: Interface Gi0/45, changed state to up", "-syslog-port-down Gi0/45 {}"),
        (
            "%IPS-4-SIGNATURE: Sig:3051 Subsig:1 Sev:4 TCP Connection Window Size DoS [10.3.0.5:51654 -> 10.10.10.10:4444]",
            "+syslog-attack  {peer=10.3.0.5}",
        ),
        ("%STORM_CONTROL-3-FILTERED: A Broadcast storm detected on Fa0/1.", "+syslog-attack  {}"),
        (
            "%%01SECE/4/ARPMISS(l)[3]:Attack occurred.(AttackType=Arp Miss Attack, SourceInterface=GE1/0/1, SourceIP=10.3.0.5, AttackPackets=60 packets per second)",
            "+syslog-attack  {peer=10.3.0.5}",
        ),
        (
            "%NFPP_ARP_GUARD-4-DOS_DETECTED: Host<IP=10.3.0.5,MAC=N/A,port=Gi0/2,VLAN=2312> was detected.",
            "+syslog-attack  {peer=10.3.0.5}",
        ),
        ("INFO: Ping of Death Attack is blocked from (IP: 10.3.0.5 Port: 1)", "+syslog-attack  {peer=10.3.0.5}"),
        (
            "%%01HWCM/5/TRAPLOG(l)[51]:OID 1.3.6.1.4.1.2011.6.10.2.1 configure changed. (EventIndex=7, CommandSource=1)",
            "+syslog-config-changed  {}",
        ),
        (
            "%%01CONFIGURATION/6/hwCfgConfigChangeLog(t):CID=0x80cb000c-OID=1.3.6.1.4.1.2011.6.10.2.1;The configuration file was changed.",
            "+syslog-config-changed  {}",
        ),
        (
            "%%01CONFIGURATION/6/NETCONF_CONFIG_CHANGE_EVENT:The configuration changed. (Internal change =0, User name =li, Session ID =4, Command source address =10.3.0.5, Storage type =1, Terminal type =0)",
            "+syslog-config-changed  {user=li peer=10.3.0.5}",
        ),
        (
            "%%10IFNET/3/PHY_UPDOWN: Physical state on the interface GigabitEthernet1/0/21 changed to down.",
            "+syslog-port-down GigabitEthernet1/0/21 {}",
        ),
    ] {
        assert_eq!(fits(&matcher, line), [want], "{line}");
    }
}

#[test]
fn what_is_ordinary_fits_nothing() {
    let matcher = matcher();
    for line in [
        "%%01SHELL/5/LOGIN(l)[410]:VTY login from 10.3.0.5.",
        "%LINK-5-CHANGED: Interface FastEthernet0/1, changed state to administratively down",
        "%SSH-5-SSH2_USERAUTH: User 'user' authentication for SSH2 Session from 10.3.0.5 (tty = 0) using crypto cipher 'aes', hmac 'sha1' Succeeded",
        "<38>Jul  3 21:44:07 web sshd[1]: Accepted password for li from 10.3.0.5 port 51676 ssh2",
        "<30>Jul  3 21:44:07 fw attack-defence: policy 3 enabled",
        "%%01CONFIGURATION/6/NETCONF_CONFIG_CHANGE_EVENT:The configuration changed. (Internal change =True, User name =-, Session ID =65535, Command source address =0.0.0.0, Storage type =running, Terminal type =65535)",
        "",
    ] {
        assert_eq!(fits(&matcher, line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn traps_of_devices_raise_and_clear_the_same_part() {
    let matcher = matcher();
    for (oid, text, want) in [
        (
            "1.3.6.1.6.3.1.1.5.3",
            "1.3.6.1.2.1.2.2.1.1.7=7 1.3.6.1.2.1.2.2.1.2.7=GigabitEthernet 0/7 1.3.6.1.2.1.2.2.1.8.7=2",
            "+trap-port-down GigabitEthernet 0/7 {}",
        ),
        ("1.3.6.1.6.3.1.1.5.4", "1.3.6.1.2.1.31.1.1.1.1.7=Gi0/7", "-trap-port-down Gi0/7 {}"),
        // RFC 2863: three numbers, and no name.
        ("1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7=7 1.3.6.1.2.1.2.2.1.7.7=1", "+trap-port-down  {}"),
        ("1.3.6.1.4.1.9.9.548.0.2", "1.3.6.1.4.1.9.9.548.1.3.1.1.2.10101.0=9", "+trap-port-down  {}"),
        ("1.3.6.1.4.1.2011.5.25.41.3.4", "1.3.6.1.4.1.2011.5.25.41.1.3.3.1.2.0=1", "+trap-redundancy  {}"),
        ("1.3.6.1.6.3.1.1.5.1", "", "+trap-restarted  {}"),
        ("1.3.6.1.2.1.17.0.1", "", "+trap-stp-root  {}"),
        ("1.3.6.1.2.1.47.2.0.1", "", "+trap-tables-changed  {}"),
        ("1.0.8802.1.1.2.0.0.1", "1.0.8802.1.1.2.1.2.2.0=3", "+trap-tables-changed  {}"),
        ("1.3.6.1.2.1.17.0.2", "1.3.6.1.2.1.2.2.1.1.7=7", "+trap-stp-changes  {}"),
        ("1.3.6.1.4.1.2011.5.25.219.2.6.3", "1.3.6.1.2.1.47.1.1.1.1.7.67371017=FAN 1", "+trap-fan 67371017 {}"),
        ("1.3.6.1.4.1.2011.5.25.219.2.6.4", "1.3.6.1.2.1.47.1.1.1.1.7.67371017=FAN 1", "-trap-fan 67371017 {}"),
        ("1.3.6.1.4.1.25506.2.6.2.0.4", "1.3.6.1.4.1.25506.2.6.1.1.1.1.6.9=95", "+trap-cpu 9 {}"),
        ("1.3.6.1.4.1.4881.1.1.10.2.1.2.6", "1.3.6.1.4.1.4881.1.1.10.2.36.1.1.1.0=5", "-trap-cpu 0 {}"),
        (
            "1.3.6.1.2.1.15.7.2",
            "1.3.6.1.2.1.15.3.1.14.10.2.2.2=04:00 1.3.6.1.2.1.15.3.1.2.10.2.2.2=1",
            "+trap-bgp bgp/10.2.2.2 {peer=10.2.2.2}",
        ),
        (
            "1.3.6.1.2.1.14.16.2.2",
            "1.3.6.1.2.1.14.1.1.0=10.0.0.1 1.3.6.1.2.1.14.10.1.1.10.3.3.3.0=10.3.3.3 1.3.6.1.2.1.14.10.1.2.10.3.3.3.0=0 1.3.6.1.2.1.14.10.1.3.10.3.3.3.0=3.3.3.3 1.3.6.1.2.1.14.10.1.6.10.3.3.3.0=8",
            "-trap-ospf ospf/10.3.3.3 {peer=10.3.3.3}",
        ),
    ] {
        assert_eq!(shown(&matcher, LogSource::Trap, oid.to_owned(), text.to_owned()), [want], "{oid}");
    }
    // A line that only quotes an OID is no trap.
    assert_eq!(fits(&matcher, "x: 1.3.6.1.6.3.1.1.5.1"), Vec::<String>::new());
}
