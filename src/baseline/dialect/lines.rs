//! From bytes to the lines that are configuration: encoding, terminal redraws, prompts, echoed commands, several
//! devices in one capture. Every step is linear in the bytes.

use std::borrow::Cow;

use super::{Dialect, MAX_LINE, MAX_LINES, Unread};

/// The longest prompt: device names have at most 246 characters, real ones 64 with their view.
const MAX_PROMPT: usize = 80;
/// How many lines are looked at to recognise a dialect.
const LOOKED_AT: usize = 20_000;

/// One device's lines.
#[derive(Debug, Default)]
pub(super) struct Section<'a> {
    /// Line number and text, trailing blanks cut.
    pub(super) lines: Vec<(u32, Cow<'a, str>)>,
    /// Line of a prompt that shows missing privilege.
    pub(super) unprivileged: Option<u32>,
    /// What the prompt says of the command language.
    vrp8: bool,
}

/// UTF-8, else GB18030, without byte-order mark and NULs (flash images end in them).
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::GB18030.decode_without_bom_handling(bytes).0,
    };
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { text }
}

/// The devices of a text. Without a prompt that asks for a configuration the whole text is one.
pub(super) fn sections(text: &str) -> Result<Vec<Section<'_>>, Unread> {
    let mut whole = Section::default();
    let mut asked: Vec<Section<'_>> = Vec::new();
    let mut open = false;
    for (at, raw) in text.split('\n').enumerate() {
        if at >= MAX_LINES {
            return Err(Unread::Lines);
        }
        if raw.len() > MAX_LINE {
            return Err(Unread::Line(at + 1));
        }
        let number = at as u32 + 1;
        let line = redraw(raw);
        if line.is_empty() {
            continue;
        }
        match prompt(&line) {
            Some(prompt) if shows_configuration(prompt.command) => {
                let unprivileged = prompt.unprivileged.then_some(number);
                asked.push(Section { lines: Vec::new(), unprivileged, vrp8: prompt.vrp8 });
                open = true;
            }
            Some(_) => open = false,
            None => {
                let section = if open { asked.last_mut() } else { None };
                section.unwrap_or(&mut whole).lines.push((number, line));
            }
        }
    }
    asked.retain(|section| !section.lines.is_empty());
    Ok(if asked.is_empty() { vec![whole] } else { asked })
}

/// A line as the terminal showed it in the end: carriage returns, backspaces and cursor movements carried out.
pub(in crate::baseline) fn redraw(raw: &str) -> Cow<'_, str> {
    let line = raw.trim_end();
    if !line.bytes().any(|b| matches!(b, b'\r' | 8 | 27)) {
        return Cow::Borrowed(line);
    }
    let mut shown: Vec<char> = Vec::new();
    let mut cursor = 0usize;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => cursor = 0,
            '\u{8}' => cursor = cursor.saturating_sub(1),
            '\u{1b}' => {
                chars.next_if_eq(&'[');
                let mut count = 0usize;
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    count = (count * 10 + digit as usize).min(MAX_LINE);
                    chars.next();
                }
                match chars.next() {
                    Some('D') => cursor = cursor.saturating_sub(count.max(1)),
                    Some('K') if count == 2 => shown.clear(),
                    Some('K') => shown.truncate(cursor),
                    _ => {}
                }
            }
            c => {
                if cursor > shown.len() {
                    shown.resize(cursor, ' ');
                }
                match shown.get_mut(cursor) {
                    Some(place) => *place = c,
                    None => shown.push(c),
                }
                cursor += 1;
            }
        }
    }
    Cow::Owned(shown.iter().collect::<String>().trim_end().to_owned())
}

/// A prompt with what was typed after it.
struct Prompt<'a> {
    command: &'a str,
    unprivileged: bool,
    vrp8: bool,
}

fn prompt(line: &str) -> Option<Prompt<'_>> {
    let plain = |command| Prompt { command, unprivileged: false, vrp8: false };
    let named = |name: &str| !name.is_empty() && name.len() <= MAX_PROMPT && !name.contains(char::is_whitespace);
    if let Some(rest) = line.strip_prefix('<') {
        let (name, command) = rest.split_once('>')?;
        return named(name).then_some(plain(command.trim()));
    }
    if let Some(rest) = line.strip_prefix('[') {
        let (name, command) = rest.split_once(']')?;
        // `[V200R003C00]` is the version that a saved configuration begins with.
        let version = name.starts_with('V') && name.contains('R') && name.len() > 5 && command.trim().is_empty();
        let vrp8 = name.starts_with(['~', '*']);
        return (named(name) && !version).then_some(Prompt { vrp8, ..plain(command.trim()) });
    }
    let end = line.find(['#', '>'])?;
    let (name, rest) = line.split_at(end);
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')' | '/' | ':');
    if !named(name) || !name.chars().all(good) {
        return None;
    }
    let command = rest.get(1..)?.trim();
    Some(Prompt { unprivileged: rest.starts_with('>'), ..plain(command) })
}

/// Whether a command prints a configuration: `dis cu`, `display current-configuration`, `sh run`.
pub(super) fn shows_configuration(command: &str) -> bool {
    let mut words = command.split_ascii_whitespace();
    let (Some(verb), Some(what)) = (words.next(), words.next()) else { return false };
    let short_of = |word: &str, least: usize, whole: &str| word.len() >= least && whole.starts_with(word);
    let display = short_of(verb, 3, "display")
        && (short_of(what, 2, "current-configuration") || short_of(what, 2, "saved-configuration"));
    let show = short_of(verb, 2, "show")
        && (short_of(what, 2, "running-config") || short_of(what, 3, "startup-config") || what == "configuration");
    display || show
}

/// What a text tells about its dialect: (how a line begins, dialect, weight).
const SIGNS: &[(&str, Dialect, u32)] = &[
    ("user-interface ", Dialect::Vrp, 3),
    ("[V", Dialect::Vrp, 5),
    ("!Software Version V", Dialect::Vrp, 5),
    ("info-center ", Dialect::Vrp, 1),
    ("interface Vlanif", Dialect::Vrp, 3),
    ("interface MEth", Dialect::Vrp, 3),
    ("authentication-scheme ", Dialect::Vrp, 2),
    ("port default vlan ", Dialect::Vrp, 2),
    ("port trunk allow-pass ", Dialect::Vrp, 2),
    ("stelnet ", Dialect::Vrp, 3),
    ("local-aaa-user ", Dialect::Vrp, 3),
    ("acl number ", Dialect::Vrp, 1),
    ("undo ", Dialect::Vrp, 1),
    ("undo ", Dialect::Comware, 1),
    ("sysname ", Dialect::Vrp, 1),
    ("sysname ", Dialect::Comware, 1),
    ("version 7.1", Dialect::Comware, 6),
    ("version 5.", Dialect::Comware, 3),
    ("line class ", Dialect::Comware, 5),
    ("interface Vlan-interface", Dialect::Comware, 3),
    ("interface Bridge-Aggregation", Dialect::Comware, 3),
    ("port link-mode ", Dialect::Comware, 3),
    ("port access vlan ", Dialect::Comware, 2),
    ("port trunk permit vlan ", Dialect::Comware, 2),
    ("password-recovery enable", Dialect::Comware, 3),
    ("password-control ", Dialect::Comware, 3),
    ("user-group system", Dialect::Comware, 3),
    ("domain default enable ", Dialect::Comware, 3),
    ("acl basic ", Dialect::Comware, 3),
    ("acl advanced ", Dialect::Comware, 3),
    ("public-key-code ", Dialect::Comware, 1),
    ("rsa peer-public-key ", Dialect::Comware, 1),
    ("authorization-attribute ", Dialect::Comware, 3),
    ("dhcp server ip-pool ", Dialect::Comware, 2),
    ("hostname ", Dialect::Ios, 2),
    ("hostname ", Dialect::Rgos, 2),
    ("no ", Dialect::Ios, 1),
    ("no ", Dialect::Rgos, 1),
    ("ip access-list ", Dialect::Ios, 2),
    ("ip access-list ", Dialect::Rgos, 2),
    ("line vty ", Dialect::Ios, 2),
    ("line vty ", Dialect::Rgos, 2),
    ("line vty ", Dialect::Comware, 2),
    ("service timestamps ", Dialect::Ios, 2),
    ("boot-start-marker", Dialect::Ios, 5),
    ("Building configuration", Dialect::Ios, 2),
    ("Building configuration", Dialect::Rgos, 2),
    ("ip cef", Dialect::Ios, 3),
    ("ip classless", Dialect::Ios, 3),
    ("aaa new-model", Dialect::Ios, 1),
    ("aaa new-model", Dialect::Rgos, 1),
    ("snmp-server ", Dialect::Ios, 1),
    ("snmp-server ", Dialect::Rgos, 1),
    ("interface FastEthernet", Dialect::Ios, 1),
    ("enable service ", Dialect::Rgos, 6),
    ("password policy ", Dialect::Rgos, 6),
    ("nfpp", Dialect::Rgos, 6),
    ("webmaster ", Dialect::Rgos, 6),
    ("wlan-config ", Dialect::Rgos, 3),
    ("interface GigabitEthernet 0", Dialect::Rgos, 4),
    ("interface gigabitEthernet 0", Dialect::Rgos, 4),
    ("ip access-group ", Dialect::Ios, 1),
    ("switchport ", Dialect::Ios, 1),
    ("switchport ", Dialect::Rgos, 1),
];

/// The least weight of signs that decides.
const ENOUGH: u32 = 3;

/// The dialect that the lines look like.
pub(super) fn recognise(section: &Section<'_>) -> Option<Dialect> {
    let mut weights = [0u32; Dialect::ALL.len()];
    let (mut vrp8, mut version5, mut rgos) = (section.vrp8, false, false);
    for (_, line) in section.lines.iter().take(LOOKED_AT) {
        let body = line.trim_start();
        let body = body.strip_prefix("undo ").filter(|b| !b.is_empty()).unwrap_or(body);
        for (sign, dialect, weight) in SIGNS {
            let hit = if sign.ends_with(' ') && matches!(*sign, "undo ") { line.trim_start() } else { body };
            if hit.starts_with(sign) {
                weights[*dialect as usize] += weight;
            }
        }
        vrp8 |=
            ["stelnet ipv4 server", "ntp unicast-server", "interface 10GE", "interface 100GE", "ntp server disable"]
                .iter()
                .any(|sign| body.starts_with(sign));
        version5 |= body.starts_with("version 5.");
        rgos |= body.starts_with("version ")
            && (body.contains("RGOS") || body.contains("(4)B") || body.contains("RGNOS"));
    }
    if rgos {
        weights[Dialect::Rgos as usize] += 20;
    }
    // Of equals the first: what both Ruijie and Cisco write is Cisco's.
    let best = Dialect::ALL.into_iter().rev().max_by_key(|d| weights[*d as usize])?;
    (weights[best as usize] >= ENOUGH).then_some(match best {
        Dialect::Vrp if vrp8 => Dialect::Vrp8,
        Dialect::Comware if version5 => Dialect::Comware5,
        other => other,
    })
}
