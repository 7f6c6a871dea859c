//! Trees of every dialect, what a capture hides, and texts that mean harm.

use super::*;

fn read(text: &str) -> Snapshot {
    Snapshot::read("t", text.as_bytes(), None).unwrap().remove(0)
}

/// The tree as text: line, depth by dots, `!` for the opposite.
fn shape(snapshot: &Snapshot) -> String {
    let tree = &snapshot.tree;
    let depth = |at| std::iter::successors(tree.parent(at), |p| tree.parent(*p)).count();
    let one = |at: usize| {
        let not = if tree.node(at).negated { "!" } else { "" };
        format!("{}{}{not}{}", tree.node(at).line, ".".repeat(depth(at) + 1), tree.body(at))
    };
    (0..tree.len()).map(one).collect::<Vec<_>>().join("|")
}

#[test]
fn blocks_follow_the_indentation_that_is_there() {
    let s = read(
        "#\n version 7.1.064, Release 0707P05\n#\n sysname rt1\n#\nbgp 1\n peer a\n #\n address-family ipv4\n  peer b\n#\n ip http enable\n#\nline vty 0 63\n user-role x\n#\nreturn\n",
    );
    assert_eq!(
        shape(&s),
        "2.version 7.1.064, Release 0707P05|4.sysname rt1|6.bgp 1|7..peer a|9..address-family ipv4|10...peer b|12.ip http enable|14.line vty 0 63|15..user-role x"
    );
    assert_eq!((s.dialect, s.name.as_str(), s.complete()), (Dialect::Comware, "rt1", true));
    assert_eq!(s.version, Version::parse("7.1.64"));
}

#[test]
fn an_archive_that_is_indented_as_a_whole_reads_the_same() {
    let plain = "#\nsysname a\n#\naaa\n local-user a service-type http\n#\nuser-interface vty 0 4\n idle-timeout 0 0\n#\nreturn\n";
    let moved: String = plain.lines().map(|l| format!("  {l}\n")).collect::<String>().replace("  return", "return");
    assert_eq!(shape(&read(plain)), shape(&read(&moved)));
}

#[test]
fn a_console_capture_gives_its_devices() {
    let text = "<SW1>dis cu\r\n#\r\nsysname SW1\r\n#\r\nundo info-center enable\r\n#\r\nuser-interface vty 0 4\r\n#\r\n<SW2>display current-configuration\r\n\
        #\r\nsysname SW2\r\n  ---- More ----\u{1b}[42D                                          \u{1b}[42D#\r\n\
        user-interface vty 0 4\r\n idle-timeout 0 0\r\n%Jun 16 15:50:09:812 2023 rt15 SHELL/5/SHELL_LOGIN: x\r\n#\r\nreturn\r\n<SW2>\r\n";
    let all = Snapshot::read("t", text.as_bytes(), None).unwrap();
    let names: Vec<(&str, bool)> = all.iter().map(|s| (s.name.as_str(), s.complete())).collect();
    assert_eq!(names, [("SW1", false), ("SW2", true)]);
    assert_eq!(shape(&all[0]), "3.sysname SW1|5.!info-center enable|7.user-interface vty 0 4");
    assert_eq!(shape(&all[1]), "11.sysname SW2|13.user-interface vty 0 4|14..idle-timeout 0 0");
}

#[test]
fn banners_and_keys_are_no_commands() {
    let s = read(
        "hostname a\nversion 15.2\n!\nbanner login ^C\n no login\nline vty 0 4\n^C\n!\ncrypto pki certificate chain x\n certificate ca 01\n  30820330 no\n  \tquit\n!\nline vty 0 4\n login local\n!\nend\n",
    );
    assert_eq!(
        shape(&s),
        "1.hostname a|2.version 15.2|4.banner login ^C|9.crypto pki certificate chain x|10..certificate ca 01|14.line vty 0 4|15..login local"
    );
    assert_eq!((s.tree.node(2).last, s.complete()), (7, true));
}

#[test]
fn what_is_missing_is_said() {
    let gaps = |text: &str| read(text).gaps.iter().map(Gap::en).collect::<Vec<_>>().join("|");
    let whole = "hostname a\nline vty 0 4\n login local\nend\n";
    assert_eq!(gaps(whole), "");
    assert!(gaps("hostname a\nline vty 0 4\n").contains("end marker `end`"));
    assert!(gaps("hostname a\n --More-- \nline vty 0 4\nend\n").contains("pager's prompt is left at line 2"));
    assert!(
        gaps("hostname a\n% Invalid input detected\nline vty 0 4\nend\n").contains("refused the command at line 2")
    );
    assert!(
        gaps("hostname a\nline vty 0 4\nbanner motd ^C\nx\nend\n").contains("that begins at line 3 does not end")
    );
    assert!(gaps("a>show run\nhostname a\nline vty 0 4\nend\n").contains("without enough privilege"));
    assert!(gaps("hostname a\nline vty 0 4\nzzz 1\nyyy 2\nend\n").contains("only 50% of its commands"));
    assert!(gaps("line vty 0 4\nusername a\nip cef\nend\n").contains("head is missing"));
}

#[test]
fn a_script_of_typed_commands_has_blocks_too() {
    let s = read(
        "hostname W\nno password policy strong\nenable service ssh-server\nline vty 0 4\nlogin local\nexit\ninterface loopback 0\nip address 11.1.0.21 32\nexit\n",
    );
    assert_eq!(s.dialect, Dialect::Rgos);
    assert!(
        shape(&s).contains("4.line vty 0 4|5..login local|7.interface loopback 0|8..ip address"),
        "{}",
        shape(&s)
    );
}

#[test]
fn a_description_in_gb18030_is_read() {
    let text = encoding_rs::GB18030.encode("sysname 核心\n#\ninterface Vlanif1\n description 到县局\n#\nreturn\n").0;
    let s = Snapshot::read("t", &text, None).unwrap().remove(0);
    assert_eq!((s.name.as_str(), s.tree.body(2)), ("核心", "description 到县局"));
}

#[test]
fn hostile_texts_end_in_bounds() {
    let refused = |bytes: &[u8]| Snapshot::read("t", bytes, None).err();
    assert_eq!(refused(&vec![b'x'; MAX_BYTES + 1]), Some(Unread::Bytes));
    assert_eq!(refused(&vec![b'\n'; MAX_LINES + 1]), Some(Unread::Lines));
    assert_eq!(refused(format!("sysname a\n{}", "y".repeat(10 << 20)).as_bytes()), Some(Unread::Line(2)));
    assert_eq!(refused(&[0xff, 0xfe, 1, 2, 3]), Some(Unread::Dialect));
    assert_eq!(refused(b""), Some(Unread::Dialect));
    let mut deep = String::from("sysname a\n#\nuser-interface vty 0 4\n");
    (0..2_000).for_each(|n| deep.push_str(&format!("{}x\n", " ".repeat(n))));
    assert_eq!(read(&deep).tree.len(), 2_002);
    let many = format!("user-interface vty 0 4\n{}", "banner x\n".repeat(200_000));
    assert_eq!(read(&many).tree.len(), 200_001);
}

#[test]
fn versions_compare_by_their_numbers() {
    let v = |t: &str| Version::parse(t);
    assert!(v("V200R003C00") < v("V200R006C10SPC500") && v("7.1.064") > v("5.20"));
    let before = Constraint::parse("<V200R006").unwrap();
    assert_eq!([before.holds(v("V200R003C00").as_ref()), before.holds(None)], [Some(true), None]);
    assert_eq!(Constraint::parse("V200"), None);
}

/// As Oxidized writes them: what the device said of itself as comments, then the configuration without prompts, some secrets
/// replaced by words.
#[test]
fn outputs_of_oxidized_are_whole() {
    let s = read(
        "# Huawei Versatile Routing Platform Software\n# VRP (R) software, Version 5.170 (S5720 V200R011C10SPC600)\n# \n\
         # S5720-28X-SI-AC's Device status:\n# Slot Sub Type       Online   Power    Register\n# -----------\n#\nsysname SW1\n#\naaa\n \
         local-user a password irreversible-cipher <secret hidden>\n#\nuser-interface vty 0 4\n authentication-mode aaa\n#\nreturn\n",
    );
    assert_eq!((s.dialect, s.name.as_str(), s.gaps.as_slice()), (Dialect::Vrp, "SW1", &[][..]));
    assert!(!shape(&s).contains("Slot") && !shape(&s).contains("Version"), "{}", shape(&s));
    let s = read(
        "! Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 15.0(2)SE11\n! \n! Chassis type: WS-C2960-24TT-L\n\
         ! Memory: main 65536K\n! \n! NAME: \"1\", DESCR: \"WS-C2960-24TT-L\"\n! \n!\n! Last configuration change at 10:01:22 CST Fri Nov 20 2026 by wang\n!\n\
         version 15.0\nhostname SW2\n!\nenable secret 5 <secret hidden>\nsnmp-server community <configuration removed>\n!\nline vty 0 4\n login local\n!\nend\n",
    );
    assert_eq!((s.dialect, s.name.as_str(), s.gaps.as_slice()), (Dialect::Ios, "SW2", &[][..]));
    assert_eq!(s.changed.as_ref().map(|c| c.by.as_str()), Some("wang"));
    assert!(!shape(&s).contains("Chassis"), "{}", shape(&s));
    let s = read(
        "# H3C Comware Software, Version 7.1.070, Release 6328\n# Slot Type  State\n# 1    S5560 Master\n#\n version 7.1.070, Release 6328\n#\n \
         sysname SW3\n#\nlocal-user ops class manage\n password hash <configuration removed>\n#\nline vty 0 63\n authentication-mode scheme\n#\nreturn\n",
    );
    assert_eq!((s.dialect, s.name.as_str(), s.gaps.as_slice()), (Dialect::Comware, "SW3", &[][..]));
}

/// As RANCID writes them: a line with its type, comments in groups, the configuration, `<removed>` for secrets.
#[test]
fn outputs_of_rancid_are_whole() {
    let s = read(
        "!RANCID-CONTENT-TYPE: cisco\n!\n!Chassis type: 2911 - a 2900 router\n!CPU: CISCO2911/K9, Cisco IOS\n!\n!Memory: main 483328K/40960K\n!\n\
         !Flash: flash0: Directory listing\n!\n!\nconfig-register 0x2102\nversion 15.2\nservice timestamps log datetime msec\n!\nhostname R1\n!\n\
         !enable secret 5 <removed>\n!\n!username ops privilege 15 secret 5 <removed>\n!\nline vty 0 4\n transport input ssh\n!\nend\n",
    );
    assert_eq!((s.dialect, s.name.as_str(), s.gaps.as_slice()), (Dialect::Ios, "R1", &[][..]));
    let s = read(
        "#RANCID-CONTENT-TYPE: h3c\n#\n#H3C Comware Software, Version 7.1.070\n#\n version 7.1.070, Release 6328\n#\n sysname SW3\n#\nline vty 0 63\n \
         authentication-mode scheme\n#\nreturn\n",
    );
    assert_eq!((s.dialect, s.name.as_str(), s.gaps.as_slice()), (Dialect::Comware, "SW3", &[][..]));
}
