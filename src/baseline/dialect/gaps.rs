//! What is missing of a whole configuration. As long as anything is, no line counts as absent.

use std::collections::HashSet;

use super::{Dialect, Tree};

/// The least share of top commands, in percent, whose first word the dialect knows.
const RECOGNISED: usize = 90;

/// One reason not to trust an absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The line that ends a configuration is not there.
    End(Dialect),
    /// What every configuration begins with is not there.
    Head,
    /// The device refused the command or a part of it, at this line.
    Refused(u32),
    /// The pager stands in the text at this line: what it hid is not known.
    Pager(u32),
    /// It was read without the right to see everything.
    Privilege(u32),
    /// A banner or key that begins here does not end.
    Unclosed(u32),
    /// So many percent of the top commands are known; fewer than should be.
    Unknown(usize),
}

impl Gap {
    /// For people, in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::End(dialect) => format!("没有结束标记 {}，配置可能不完整", dialect.end()),
            Self::Head => "开头缺失（没有版本，也没有可代替它的设备名）".to_owned(),
            Self::Refused(line) => format!("第 {line} 行设备拒绝了命令"),
            Self::Pager(line) => format!("第 {line} 行留有分页提示，请先关闭分页再采集"),
            Self::Privilege(line) => format!("第 {line} 行显示采集账号权限不足"),
            Self::Unclosed(line) => format!("第 {line} 行开始的横幅或密钥没有结束"),
            Self::Unknown(percent) => format!("只认得 {percent}% 的命令，少于 {RECOGNISED}%"),
        }
    }
    /// For people, in English.
    pub fn en(&self) -> String {
        match self {
            Self::End(dialect) => format!("the end marker `{}` is missing, so part of it may be, too", dialect.end()),
            Self::Head => "its head is missing (no version, nor a name that could stand for it)".to_owned(),
            Self::Refused(line) => format!("the device refused the command at line {line}"),
            Self::Pager(line) => {
                format!("a pager's prompt is left at line {line}; switch paging off and collect again")
            }
            Self::Privilege(line) => format!("line {line} shows that it was read without enough privilege"),
            Self::Unclosed(line) => format!("the banner or key that begins at line {line} does not end"),
            Self::Unknown(percent) => format!("only {percent}% of its commands are known, fewer than {RECOGNISED}%"),
        }
    }
}

/// The gap that too many strange commands are, if they are.
pub(super) fn unknown(tree: &Tree, dialect: Dialect) -> Option<Gap> {
    let words = if dialect.hash() { HASH } else { BANG };
    let words: HashSet<&str> = words.split_ascii_whitespace().collect();
    let all = tree.tops().count();
    let seen: usize = tree.first_words().filter(|(word, _)| words.contains(word)).map(|(_, count)| count).sum();
    let percent = (seen * 100).checked_div(all).unwrap_or(0);
    (percent < RECOGNISED).then_some(Gap::Unknown(percent))
}

/// First words of top commands of Huawei and H3C.
const HASH: &str = "aaa access-context access-list access-user acl alarm anti-attack apply arp arp-miss arp-proxy arp-suppress \
    as-notation assign attack-defense authentication authentication-profile auto-config autodetect bandwidth banner \
    bfd bgp bootrom bpdu bpdu-tunnel bridge broadcast-suppression capwap cfd channel ci-profile clock cluster cmd \
    command-alias command-privilege configuration config context controller cpu-defend cpu-defend-policy cpu-usage \
    crypto customer cwmp dba-profile ddns defence delete device dfs-group dhcp dhcpv6 diffserv dns domain dot1x drop \
    drop-profile dsa dual-active ecc ecmp efm eft energy ethernet evpn fan fib firewall flow flow-interval \
    forwarding free-rule ftp gre header hgmp host hotfix hotkey hrp http hwtacacs hwtacacs-server icmp icmpv6 ike \
    import igmp igmp-snooping info-center interface ip ipsec ipv6 irf isis ipoe job key-chain keychain kwrc l2tp l2tp-group \
    l2vpn lacp ldp license lldp line link-aggregation lmp local-user local-aaa-user logfile loop-detect \
    loopback-detect loopback-detection lsw mac-address mac-authentication mac-forced mad management-port memory \
    mirroring-group mka mld mld-snooping monitor mpls mqc msdp mstp mtrace mtu multicast nat nas-ip nd ndp \
    netconf netstream nqa nhrp ntdp ntp ntp-service object-group object-policy observe-port oam ospf ospfv3 packet-filter \
    passive password password-control password-recovery patch pbr performance pim ping pki poe policy policy-based-route \
    pool port port-group port-mirroring port-security portal power pppoe pppoe-server private-group protocol \
    proxy public-key-local ptp qos qppb radius radius-server rate-limit rbac recording-scheme reset rip ripng rmon role route \
    route-policy router rrpp rsa rule sampler save scheduler scp scp-server security security-policy security-zone service \
    service-manage service-template session set sflow sftp slave sm smart smart-link smart-agent snmp snmp-agent sntp \
    soft-gre source speed ssh ssh2 ssl stack startup stelnet storm-control stp super sysname sys system system-working-mode \
    system-guard tacacs task telnet terminal tcp tftp tftp-server time-range timezone traffic traffic-filter traffic-limit traffic-policy \
    traffic-redirect transceiver trill tunnel tunnel-policy udp udp-helper undo unit url urpf user user-bind user-defined \
    user-group user-interface user-password user-profile user-security-policy usb version virtual-cable-test virtual-private-network vlan vlan-group voice \
    voice-vlan vpn vpn-instance vrbd vrrp vsi vxlan web web-auth-server web-manager wlan wlan-ac workstation xbar \
    tacacs-server undo-dhcp wmi warranty rip-ng security-enhanced dcb lldp-agent sip-server netmanager";

/// First words of top commands of Cisco and Ruijie.
const BANG: &str = "aaa ac-controller access-list access-session address-family advanced aggregate-address alias anti-arp-spoofing \
    ap-config ap-group application archive areas arp asymmetric authentication authorization auto autonomic banner bba-group bfd boot \
    boot-end-marker boot-start-marker bridge buffers call call-home cdp cef class-map clns clock class cns config \
    config-register control-plane controller cpu-protect crypto cts default define device-sensor device-tracking dhcp diagnostic dial-peer \
    dialer dialer-list domain dot11 dot1x dsl enable end environment eee epm errdisable ethernet event exception exit facility-alarm \
    fabric fhrp file firmware flow flowcontrol frame-relay ftp-server gateway global-config group hostname hw-module http id-manager interface \
    ip ipc ipv4 ipv6 isdn iox ivr key l2 l2-filter l2protocol-tunnel lacp ldap license line link lldp local logging login loop-detect mab mac \
    macro management map-class map-list memory memory-size mgcp mirror mls modemcap monitor mpls mst multicast multilink \
    mtu nas nat nd ndp netconf netconf-yang network-clock nfpp nhrp nls no ntp object-group parameter-map parser partition password \
    platform pki pnp policy-map port-channel power power-inline prefix priority-list private process profile ptp qos queue-list \
    radius radius-server random-detect rate-limit rcmd redundancy regexp remote-span resource restconf rldp rmon route-map \
    router rsrb rtr scheduler sccp secure security service session set sflow shell show-and-logging sip-ua snmp snmp-server sntp source \
    spanning-tree spd speed ssh stack stack-mac standby subscriber switch syslog system sysname tacacs tacacs-server tag-switching \
    telephony telnet template tftp-server time-range time-zone track traffic transceiver tunnel udld upgrade user username usb version vc-class \
    virtual-profile virtual-service virtual-template vlan vlan-access-map vlan-filter vlans voice voice-port vpdn vpdn-group vpc vpn vrf vrrp vsl vslp vtp \
    vty-async wacs web-server webmaster wids wireless wlan wlan-config wlansec web-auth x25 xconnect zone zone-pair zam";
