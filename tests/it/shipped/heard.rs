//! The shipped rules on syslog and traps against lines as devices write them: which raise, which clear, and what they tell.

use std::collections::BTreeSet;

use fengsui::codec::syslog::read;
use fengsui::codec::trap;
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
    matcher.look(&heard).0.into_iter().map(show).collect()
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
        // H3C of Comware 7: keys, then passwords.
        (
            "Oct 10 09:12:33 2026 SW %%10SSHS/6/SSHS_AUTH_FAIL: -DevIP=10.65.0.1; SSH user ubuntu (IP: 10.3.0.5) didn't pass public key authentication for wrong public key.",
            "+syslog-login-failed 10.3.0.5 {user=ubuntu peer=10.3.0.5}",
        ),
        (
            "Jan  2 05:58:58 2026 SW %%10SSHS/6/SSHS_LOG: Authentication failed for user li from 10.3.0.5 port 17601 because of invalid username or wrong password.",
            "+syslog-login-failed 10.3.0.5 {user=li peer=10.3.0.5}",
        ),
        (
            "%%10SSHS/6/SSHS_LOG: -DevIP=10.65.0.1; Authentication failed for oracle from 10.3.0.5 port 55578 ssh2.",
            "+syslog-login-failed 10.3.0.5 {user=oracle peer=10.3.0.5}",
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
        "%%10SSHS/6/SSHS_LOG: Accepted password for li from 10.3.0.5 port 64018.",
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
        // The name of the next variable is no part of the port's.
        (
            "1.3.6.1.6.3.1.1.5.3",
            "1.3.6.1.2.1.2.2.1.1.7=7 1.3.6.1.2.1.2.2.1.2.7=GigabitEthernet0/7 1.3.6.1.2.1.2.2.1.3.7=6",
            "+trap-port-down GigabitEthernet0/7 {}",
        ),
        ("1.3.6.1.6.3.1.1.5.4", "1.3.6.1.2.1.2.2.1.2.7=Ethernet 0/7", "-trap-port-down Ethernet 0/7 {}"),
        ("1.3.6.1.6.3.1.1.5.4", "1.3.6.1.2.1.31.1.1.1.1.7=Gi0/7", "-trap-port-down Gi0/7 {}"),
        // RFC 2863: three numbers, and no name.
        ("1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7=7 1.3.6.1.2.1.2.2.1.7.7=1", "+trap-port-down  {}"),
        ("1.3.6.1.4.1.9.9.548.0.2", "1.3.6.1.4.1.9.9.548.1.3.1.1.2.10101.0=9", "+trap-port-down  {}"),
        (
            "1.3.6.1.4.1.2011.5.25.41.3.4",
            "1.3.6.1.4.1.2011.5.25.41.1.3.3.1.2.1=1 1.3.6.1.2.1.31.1.1.1.1.57=Eth-Trunk1",
            "+trap-aggregate-short Eth-Trunk1 {}",
        ),
        (
            "1.3.6.1.4.1.2011.5.25.41.3.15",
            "1.3.6.1.4.1.2011.5.25.41.1.3.3.1.2.1=1 1.3.6.1.2.1.31.1.1.1.1.57=Eth-Trunk1",
            "-trap-aggregate-short Eth-Trunk1 {}",
        ),
        (
            "1.3.6.1.4.1.2011.5.25.257.2.2",
            "1.3.6.1.2.1.31.1.1.1.1.7=GE0/0/7 1.3.6.1.4.1.2011.5.25.257.1.1.0=bpdu-protection",
            "-trap-port-down GE0/0/7 {}",
        ),
        ("1.3.6.1.6.3.1.1.5.1", "", "+trap-restarted  {}"),
        ("1.3.6.1.2.1.17.0.1", "", "+trap-stp-root  {}"),
        ("1.3.6.1.2.1.47.2.0.1", "", "+trap-tables-changed  {}"),
        ("1.0.8802.1.1.2.0.0.1", "1.0.8802.1.1.2.1.2.2.0=3", "+trap-tables-changed  {}"),
        ("1.3.6.1.2.1.17.0.2", "1.3.6.1.2.1.2.2.1.1.7=7", "+trap-stp-changes  {}"),
        // HUAWEI-ENTITY-TRAP-MIB: hwEntityPhysicalIndex, a scalar, then entPhysicalName.
        ("1.3.6.1.4.1.2011.5.25.219.2.6.3", FAN, "+trap-fan 67371017 {}"),
        ("1.3.6.1.4.1.2011.5.25.219.2.6.4", FAN, "-trap-fan 67371017 {}"),
        ("1.3.6.1.4.1.2011.5.25.219.2.6.6", FAN, "-trap-fan 67371017 {}"),
        ("1.3.6.1.4.1.2011.5.25.219.2.6.2", FAN, "-trap-fan 67371017 {}"),
        ("1.3.6.1.4.1.2011.5.25.219.2.5.6", FAN, "-trap-power 67371017 {}"),
        ("1.3.6.1.4.1.2011.5.25.219.2.5.2", FAN, "-trap-power 67371017 {}"),
        ("1.3.6.1.4.1.2011.5.25.219.2.2.18", FAN, "-trap-board 67371017 {}"),
        // hwOpticalPowerAlarmResume: entPhysicalName first.
        (
            "1.3.6.1.4.1.2011.5.25.219.2.4.8",
            "1.3.6.1.2.1.47.1.1.1.1.7.67372046=GE0/0/9 1.3.6.1.4.1.2011.5.25.219.1.6.0=RxPower",
            "-trap-optics 67372046 {}",
        ),
        // HUAWEI-BASE-TRAP-MIB: three numbers of the alarm, then entPhysicalContainedIn.
        (
            "1.3.6.1.4.1.2011.5.25.129.2.1.1",
            "1.3.6.1.4.1.2011.5.25.129.1.1.0=3 1.3.6.1.4.1.2011.5.25.129.1.2.0=5 1.3.6.1.4.1.2011.5.25.129.1.3.0=2 1.3.6.1.2.1.47.1.1.1.1.4.67239945=1 1.3.6.1.2.1.47.1.1.1.1.7.67239945=LPU 2",
            "+trap-board 67239945 {}",
        ),
        ("1.3.6.1.4.1.2011.5.25.207.2.8", LOGINS, "+trap-ssh-logins  {}"),
        ("1.3.6.1.4.1.2011.5.25.207.2.10", LOGINS, "-trap-ssh-logins  {}"),
        ("1.3.6.1.4.1.2011.5.25.207.2.7", LOGINS, "+trap-telnet-logins  {}"),
        ("1.3.6.1.4.1.2011.5.25.207.2.9", LOGINS, "-trap-telnet-logins  {}"),
        (
            "1.3.6.1.4.1.2011.5.25.207.2.11",
            "1.3.6.1.4.1.2011.5.25.207.1.5.3.0=10.3.0.5 1.3.6.1.4.1.2011.5.25.207.1.5.4.0=_public_ 1.3.6.1.4.1.2011.5.25.207.1.5.2.0=5",
            "+trap-login-locked 10.3.0.5 {peer=10.3.0.5}",
        ),
        (
            "1.3.6.1.4.1.2011.5.25.207.2.12",
            "1.3.6.1.4.1.2011.5.25.207.1.5.3.0=10.3.0.5 1.3.6.1.4.1.2011.5.25.207.1.5.4.0=_public_",
            "-trap-login-locked 10.3.0.5 {peer=10.3.0.5}",
        ),
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

/// What hwFanFail and its like have (their reason left out).
const FAN: &str = "1.3.6.1.4.1.2011.5.25.219.1.1.0=67371017 1.3.6.1.2.1.47.1.1.1.1.7.67371017=FAN 1 1.3.6.1.4.1.2011.5.25.219.1.3.0=67371017";
/// What hwSSHLoginFailed and its like have: how often, in how many minutes.
const LOGINS: &str = "1.3.6.1.4.1.2011.5.25.207.1.5.1.0=30 1.3.6.1.4.1.2011.5.25.207.1.5.2.0=5";

#[test]
fn a_state_that_changed_raises_unless_it_is_good_and_clears_where_it_is() {
    let matcher = matcher();
    // Which state, good ones, some that are not, and the rule.
    for (oid, before, state, good, bad, rule) in [
        (
            "1.3.6.1.4.1.9.9.13.3.0.7",
            "1.3.6.1.4.1.9.9.13.1.3.1.2.1006=SW#1 1.3.6.1.4.1.9.9.13.1.3.1.3.1006=61 ",
            "1.3.6.1.4.1.9.9.13.1.3.1.6.1006",
            1,
            [2, 6],
            "trap-temperature",
        ),
        (
            "1.3.6.1.4.1.9.9.13.3.0.8",
            "1.3.6.1.4.1.9.9.13.1.4.1.2.1006=Fan 1 ",
            "1.3.6.1.4.1.9.9.13.1.4.1.3.1006",
            1,
            [3, 5],
            "trap-fan",
        ),
        (
            "1.3.6.1.4.1.9.9.13.3.0.9",
            "1.3.6.1.4.1.9.9.13.1.5.1.2.1006=PS 1 ",
            "1.3.6.1.4.1.9.9.13.1.5.1.3.1006",
            1,
            [3, 5],
            "trap-power",
        ),
        ("1.3.6.1.4.1.9.9.117.2.0.1", "", "1.3.6.1.4.1.9.9.117.1.2.1.1.2.1006", 2, [7, 20], "trap-board"),
        ("1.3.6.1.4.1.9.9.117.2.0.2", "", "1.3.6.1.4.1.9.9.117.1.1.2.1.2.1006", 2, [1, 12], "trap-power"),
        ("1.3.6.1.4.1.9.9.117.2.0.6", "", "1.3.6.1.4.1.9.9.117.1.4.1.1.1.1006", 2, [3, 4], "trap-fan"),
    ] {
        for (value, sign) in [(good, '-'), (bad[0], '+'), (bad[1], '+')] {
            let text = format!("{before}{state}={value} 1.3.6.1.4.1.9.9.1.1.1.0=2");
            let want = format!("{sign}{rule} 1006 {{}}");
            assert_eq!(shown(&matcher, LogSource::Trap, oid.to_owned(), text), [want], "{oid} {value}");
        }
    }
}

/// A value of BER, of less than 128 bytes.
fn ber(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[tag, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

/// RFC 3584 section 3.2: the next-to-last number of hwPortPhysicalDown, 1.3.6.1.4.1.2011.5.25.129.2.5.1, is no 0, so a sender of
/// v1 has all but the last as enterprise, and the last as what is specific.
#[test]
fn a_v1_trap_of_a_vendor_whose_oid_has_no_zero_is_the_one_of_its_mib() {
    const BASE: [u8; 10] = [0x2b, 6, 1, 4, 1, 0x8f, 0x5b, 5, 0x19, 0x81];
    let severity = ber(0x30, &[&ber(6, &[&BASE, &[1, 1, 1, 0]]), &ber(2, &[&[3]])]);
    let name = ber(6, &[&[0x2b, 6, 1, 2, 1, 0x2f, 1, 1, 1, 1, 7, 0xa0, 0x80, 0x80, 9]]);
    let name = ber(0x30, &[&name, &ber(4, &[b"GigabitEthernet0/0/1"])]);
    let pdu = ber(
        0xa4,
        &[
            &ber(6, &[&BASE, &[1, 2, 5]]),
            &ber(0x40, &[&[10, 65, 0, 1]]),
            &ber(2, &[&[6]]),
            &ber(2, &[&[1]]),
            &ber(0x43, &[&[5]]),
            &ber(0x30, &[&severity, &name]),
        ],
    );
    let bytes = ber(0x30, &[&ber(2, &[&[0]]), &ber(4, &[b"public"]), &pdu]);
    let notice = trap::read(&bytes).unwrap().unwrap();
    assert_eq!(notice.oid, "1.3.6.1.4.1.2011.5.25.129.2.5.0.1", "it is kept as RFC 3584 section 3.1 has it");
    assert_eq!(
        notice.text,
        "1.3.6.1.4.1.2011.5.25.129.1.1.0=3 1.3.6.1.2.1.47.1.1.1.1.7.67108873=GigabitEthernet0/0/1"
    );
    let matcher = matcher();
    let of = |oid: &str, text: &str| shown(&matcher, LogSource::Trap, oid.to_owned(), text.to_owned());
    assert_eq!(of(&notice.oid, &notice.text), ["+trap-port-down GigabitEthernet0/0/1 {}"]);
    // Of the standards as of vendors.
    assert_eq!(of("1.3.6.1.2.1.33.2.0.1", "1.3.6.1.2.1.33.1.2.3.0=30"), ["+trap-power 0 {}"]);
    assert_eq!(
        of("1.3.6.1.2.1.15.7.0.2", "1.3.6.1.2.1.15.3.1.14.10.2.2.2=04:00"),
        ["+trap-bgp bgp/10.2.2.2 {peer=10.2.2.2}"]
    );
}
