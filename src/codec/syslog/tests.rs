//! Lines as devices write them, damaged ones, and streams in pieces.

use std::collections::BTreeSet;

use super::*;

/// Priority, dialect, host, tag and text of a line, as one text.
fn said(line: &str) -> String {
    let l = read(line.as_bytes());
    format!("{}.{} {} [{}] [{}] {}", l.facility, l.severity, l.dialect.as_str(), l.host, l.tag, l.text)
}

#[test]
fn lines_of_devices_are_read_as_they_write_them() {
    for (line, want) in [
        (
            "<188>Jul 20 2026 11:37:35 AKS-CORE-1 %%01SSH/4/SSH_FAIL(l)[47]:Failed to login through SSH. (IP=10.65.3.9, UserName=admin, Times=3)",
            "23.4 huawei [AKS-CORE-1] [SSH/SSH_FAIL] Failed to login through SSH. (IP=10.65.3.9, UserName=admin, Times=3)",
        ),
        (
            "<189>2026-11-28 09:30:00+08:00 DST S5735 %%01IFNET/4/IF_STATE(l):CID=0x807a0403;Interface GE0/0/2 has turned into DOWN state.",
            "23.5 huawei [S5735] [IFNET/IF_STATE] Interface GE0/0/2 has turned into DOWN state.",
        ),
        (
            "IFNET/6/IF_PVCUP:OID 1.3.6.1.6.3.1.1.5.4 Interface 56 turned into UP state.",
            "1.5 huawei [] [IFNET/IF_PVCUP] OID 1.3.6.1.6.3.1.1.5.4 Interface 56 turned into UP state.",
        ),
        (
            "<187>Nov 28 12:39:18 2026 3Com Baseline Switch %%10IFNET/3/LINK_UPDOWN(l): GigabitEthernet1/0/7 link status is DOWN.",
            "23.3 comware [3Com Baseline Switch] [IFNET/LINK_UPDOWN] GigabitEthernet1/0/7 link status is DOWN.",
        ),
        (
            "<190>Oct  2 19:08:00 2026 sw %%10IFNET/4/LINK UPDOWN(l):   GE1/0/2: link status is UP",
            "23.6 comware [sw] [IFNET/LINK_UPDOWN] GE1/0/2: link status is UP",
        ),
        (
            "<187>74: Mar  3 19:59:46.152: %LINK-3-UPDOWN: Interface GigabitEthernet0/2, changed state to up",
            "23.3 cisco [] [LINK/UPDOWN] Interface GigabitEthernet0/2, changed state to up",
        ),
        (
            "<189>1347642: 1347640: *Aug 15 15:29:07.706 MSK: %SYS-5-CONFIG_I: Configured from console by vty0",
            "23.5 cisco [] [SYS/CONFIG_I] Configured from console by vty0",
        ),
        (
            "00:00:46: %LINK-3-UPDOWN: Interface Port-channel1, changed state to up",
            "1.5 cisco [] [LINK/UPDOWN] Interface Port-channel1, changed state to up",
        ),
        (
            "<189>: 2026 Dec 11 11:50:02 CST: %ETHPORT-5-IF_DOWN_LINK_FAILURE: Interface Ethernet1/8 is down",
            "23.5 cisco [] [ETHPORT/IF_DOWN_LINK_FAILURE] Interface Ethernet1/8 is down",
        ),
        (
            "%PKT_INFRA-LINK-3-UPDOWN : Interface TenGigE0/2/1/0, changed state to Down",
            "1.5 cisco [] [PKT_INFRA-LINK/UPDOWN] Interface TenGigE0/2/1/0, changed state to Down",
        ),
        (
            "<189>*Nov 28 09:30:00: S2910 %SYS-5-CONFIG_I: Configured from console by console",
            "23.5 cisco [S2910] [SYS/CONFIG_I] Configured from console by console",
        ),
        (
            "<38>Nov 28 09:30:00 web1 sshd[812]: Failed password for root from 10.1.1.9 port 4022 ssh2",
            "4.6 plain [web1] [sshd] Failed password for root from 10.1.1.9 port 4022 ssh2",
        ),
        ("<38>Nov 28 09:30:00 sshd[812]: bye", "4.6 plain [] [sshd] bye"),
        ("<13>su: 'su root' failed", "1.5 plain [] [su] 'su root' failed"),
        ("", "1.5 plain [] [] "),
        ("<999>x", "1.5 plain [] [] <999>x"),
    ] {
        assert_eq!(said(line), want, "{line}");
    }
}

#[test]
fn the_modern_form_is_read_and_a_header_of_a_device_within_it() {
    let line = read("<165>1 2026-11-28T09:30:00.003Z host.example app 12 ID [x y=\"a\\]\\\"b\"][origin ip=\"10.2.3.4\"] \u{feff}登录成功".as_bytes());
    assert_eq!((line.facility, line.severity), (20, 5));
    assert_eq!((line.host.as_str(), line.tag.as_str(), line.text.as_str()), ("host.example", "app", "登录成功"));
    assert_eq!(line.origin, Some("10.2.3.4".parse().unwrap()));
    assert_eq!(
        said("<190>1 - r1 - - - - %%01SHELL/5/LOGIN(s)[1]:VTY login"),
        "23.6 huawei [r1] [SHELL/LOGIN] VTY login"
    );
    assert_eq!(said("<190>1 - r1 - - - ["), "23.6 plain [] [] 1 - r1 - - - [");
}

#[test]
fn an_address_that_a_relay_left_is_found() {
    let line = read(
        b"<188>Apr 16 15:15:09 10.64.117.106 Apr 16 2026 12:15:09 asw-010 IFNET/1/CRCERRORRESUME:OID 1.3.6 The CRC",
    );
    assert_eq!((line.host.as_str(), line.origin), ("asw-010", Some("10.64.117.106".parse().unwrap())));
    let line = read(b"<38>Apr 16 15:15:09 10.64.1.1 sshd[1]: hi");
    assert_eq!((line.host.as_str(), line.origin), ("10.64.1.1", Some("10.64.1.1".parse().unwrap())));
}

#[test]
fn what_is_relayed_reads_back_with_its_source() {
    let from: IpAddr = "2001:db8::7".parse().unwrap();
    for (line, tag) in
        [("<188>Jul 20 2026 11:37:35 R1 %%01SSH/4/SSH_FAIL(l)[47]:Failed", "SSH/SSH_FAIL"), ("hello: x", "")]
    {
        let read = read(&relayed(line.as_bytes(), from, "2026-11-28T01:30:00.000Z"));
        assert_eq!((read.origin, read.tag.as_str()), (Some(from), tag), "{line}");
        assert!(read.text.contains(if tag.is_empty() { "hello" } else { "Failed" }));
    }
}

#[test]
fn chinese_is_read_in_both_encodings_and_when_it_is_cut() {
    let text = "<188>接口 GE0/0/1 状态变为 DOWN，用户登录失败";
    assert_eq!(decode(text.as_bytes()), text);
    let (gb, _, _) = encoding_rs::GB18030.encode(text);
    assert_eq!(decode(&gb), text);
    let whole: String = text.chars().take(text.chars().count() - 1).collect();
    assert_eq!(decode(&text.as_bytes()[..text.len() - 1]), whole);
    assert_eq!(decode(&gb[..gb.len() - 1]), whole);
    assert_eq!(decode(b"a\x01b\tc\r\n"), "a b c");
}

/// All lines of a stream that comes in pieces of so many bytes.
fn framed(stream: &[u8], piece: usize) -> Vec<String> {
    let (mut frames, mut lines) = (Frames::default(), Vec::new());
    let mut take = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
    for piece in stream.chunks(piece) {
        frames.push(piece, &mut take);
    }
    frames.finish(take);
    lines
}

#[test]
fn both_framings_are_told_apart_line_by_line_however_the_bytes_come() {
    let stream = b"7 <13>a\nb10 <13>12 3 4<13>c\r\n<13>d\0<13>2 e\n<13>f";
    for piece in [1, 2, 7, 100] {
        let want = ["<13>a\nb", "<13>12 3 4", "<13>c", "<13>d", "<13>2 e", "<13>f"];
        assert_eq!(framed(stream, piece), want, "{piece}");
    }
}

#[test]
fn a_line_without_an_end_is_cut_and_the_next_one_whole() {
    for count in [false, true] {
        let long = "x".repeat(40_000);
        let stream = if count { format!("40003 <1>{long}7 <13>end") } else { format!("<1>{long}\n<13>end\n") };
        for piece in [1_000, 100_000] {
            let lines = framed(stream.as_bytes(), piece);
            assert_eq!(lines.len(), 2, "{count} {piece}");
            assert!(lines[0].len() >= MAX_LINE && lines[0].len() <= 2 * MAX_LINE);
            assert_eq!(lines[1], "<13>end");
        }
    }
    assert_eq!(framed(&[b'9'; 50_000], 999).len(), 1);
}

/// Damages `line` in one place, again and again, from one seed.
fn mutations(line: &str, n: u32, mut each: impl FnMut(&[u8])) {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap_or(0) % most.max(1)
    };
    for _ in 0..n {
        let mut bytes = line.as_bytes().to_vec();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, u8::try_from(next(256)).unwrap_or(0)),
                2 => drop(bytes.drain(at..(at + next(9)).min(bytes.len()))),
                _ => bytes.get_mut(at).into_iter().for_each(|b| *b = u8::try_from(next(256)).unwrap_or(0)),
            }
        }
        each(&bytes);
    }
}

#[test]
fn damaged_lines_are_lines_and_stay_within_their_bounds() {
    let mut tags = BTreeSet::new();
    for line in [
        "<188>Jul 20 2026 11:37:35 登录 %%01SSH/4/SSH_FAIL(l)[47]:CID=0x1;Failed 失败",
        "<187>74: *Mar  3 19:59:46.152 CST: %LINK-3-UPDOWN: Interface GE0/2, changed state to up",
        "<165>1 2026-11-28T09:30:00.003Z h app 12 ID [x y=\"a\\]\"][origin ip=\"10.2.3.4\"] text",
        "<38>Nov 28 09:30:00 web1 sshd[812]: Failed password",
        "IFNET/6/IF_PVCUP:OID 1.3.6",
    ] {
        mutations(line, 5_000, |bytes| {
            let line = read(bytes);
            assert!(line.text.len() <= MAX_TEXT && line.tag.len() <= MAX_WORD && line.host.len() <= MAX_WORD);
            assert!(line.facility <= 23 && line.severity <= 7);
            tags.insert(line.tag);
            let mut frames = Frames::default();
            frames.push(bytes, |line| assert!(line.len() <= bytes.len()));
            frames.finish(|_| ());
        });
    }
    assert!(tags.contains("SSH/SSH_FAIL") && tags.contains("LINK/UPDOWN"));
}
