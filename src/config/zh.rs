//! Chinese for what the layers say in English: diagnostics, refusals, errors of the network, limits of agents,
//! notes of plans. They are known by their pattern; what is not known stays as it is, so nothing is ever lost.
//! It stands this low because both the command line and the pages read it; it knows neither.

mod checks; // those of baseline checks
mod snmp; // those of asking devices
mod table; // the patterns
mod walk; // those of raw walks

/// A text, in Chinese as far as its patterns are known.
pub fn text(english: &str) -> String {
    known(english).unwrap_or_else(|| english.to_owned())
}

/// A line of several parts: `file:line: what; hint`.
pub fn line(english: &str) -> String {
    match english.split_once(": ") {
        Some((place, rest)) if exact(english).is_none() && !place.contains(' ') => format!("{place}: {}", line(rest)),
        _ => text(english),
    }
}

fn known(english: &str) -> Option<String> {
    if let Some(rest) = english.strip_prefix("warning: ") {
        return Some(format!("警告：{}", text(rest)));
    }
    if let Some(found) = exact(english) {
        return Some(found);
    }
    // `what; hint`: each by itself, if one of them is known.
    let at = english.rfind("; ")?;
    let (what, hint) = (english.get(..at)?, english.get(at + 2..)?);
    match (known(what), known(hint)) {
        (None, None) => None,
        (zh_what, zh_hint) => Some(format!(
            "{}；{}",
            zh_what.unwrap_or_else(|| what.to_owned()),
            zh_hint.unwrap_or_else(|| hint.to_owned())
        )),
    }
}

fn exact(english: &str) -> Option<String> {
    table::SYSTEM
        .iter()
        .chain(snmp::TEXTS)
        .chain(table::TEXTS)
        .chain(checks::TEXTS)
        .chain(walk::TEXTS)
        .find_map(|pattern| apply(pattern, english))
}

/// `{}` in the English stands for any text; `{0}`, `{1}` in the Chinese are those, themselves in Chinese.
pub fn apply((english, chinese): &(&str, &str), given: &str) -> Option<String> {
    let mut parts = english.split("{}");
    let mut before = parts.next()?;
    let mut rest = given.strip_prefix(before)?;
    let mut found = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let (hole, after) = match (parts.peek(), part) {
            (None, "") => (rest, ""),
            (None, last) => (rest.strip_suffix(last)?, ""),
            (Some(_), next) => rest.split_once(next)?,
        };
        // Nothing reaches over the end of a clause or of a quotation.
        let quoted = before.ends_with('`') && part.starts_with('`');
        if hole.is_empty() || hole.contains("; ") || (quoted && hole.contains('`')) {
            return None;
        }
        before = part;
        found.push(text(hole));
        rest = after;
    }
    if !rest.is_empty() {
        return None;
    }
    let mut out = (*chinese).to_owned();
    for (n, hole) in found.iter().enumerate() {
        out = out.replace(&format!("{{{n}}}"), hole);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_layers_say_is_said_in_chinese() {
        for (english, chinese) in [
            (
                "bad.toml:8: unknown key `adress` in asset `a`; did you mean `address`?",
                "bad.toml:8: 资产 `a` 中有未知的键 `adress`；是否为 `address`？",
            ),
            (
                "listen on 127.0.0.1:80: Address already in use (os error 98); nginx (pid 7) holds the port: stop it or choose another",
                "监听 127.0.0.1:80：地址已被占用；端口由 nginx（进程 7）占用，请停止它或换一个端口",
            ),
            (
                "icmp-v4: no CAP_NET_RAW: echoes go through an unprivileged ping socket (one identifier, at most 65,536 outstanding); setcap cap_net_raw+ep gives the raw socket",
                "icmp-v4: 没有 CAP_NET_RAW：改用非特权 ping 套接字（只有一个标识符，未应答的最多 65,536 个）；执行 setcap cap_net_raw+ep 可用原始套接字",
            ),
            (
                "probe `asset-tcp` leaves out asset:a: it has no tcp ports",
                "监测项 `asset-tcp` 不监测 asset:a：没有 TCP 端口",
            ),
            ("nobody knows this", "nobody knows this"),
            ("资产 `a` 不存在", "资产 `a` 不存在"),
        ] {
            assert_eq!(line(english), chinese);
        }
    }

    /// All sources below these without tests and the patterns themselves; a text that is broken over lines is one line here.
    fn sources(below: &[&str]) -> String {
        let mut sources = String::new();
        let top = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
        let mut dirs: Vec<std::path::PathBuf> = below.iter().map(|dir| top.join(dir)).collect();
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if !["zh/table.rs", "zh/snmp.rs"].iter().any(|texts| path.ends_with(texts))
                    && !path.ends_with("tests.rs")
                    && path.extension().is_some_and(|e| e == "rs")
                {
                    let text = std::fs::read_to_string(path).unwrap();
                    sources.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
                }
            }
        }
        sources.replace("\\\"", "\"").split("\\\n").enumerate().fold(String::new(), |mut all, (n, part)| {
            all.push_str(if n == 0 { part } else { part.trim_start() });
            all
        })
    }

    /// Whether English words are left, beside names of settings.
    fn is_english(said: &str) -> bool {
        let chinese = line(said);
        let word = |word: &str| word.len() > 4 && word.bytes().all(|b| b.is_ascii_lowercase()) && word != "source";
        chinese == said || chinese.split(|c: char| !c.is_ascii_alphabetic()).any(word)
    }

    /// With something in place of its holes, `{to}: {lost} of {} lost`; nothing if it is nothing but holes.
    fn filled(literal: &str) -> Option<String> {
        let (mut text, mut rest) = (String::new(), literal);
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            text.push('7');
            rest = after.split_once('}')?.1;
        }
        text.push_str(rest);
        text.chars().any(char::is_alphabetic).then_some(text)
    }

    /// What errors and runs of probes say stands on pages.
    #[test]
    fn whatever_a_run_says_is_said_in_chinese() {
        let sources = sources(&["probe", "net"]);
        let mut unknown = Vec::new();
        for made in ["NetError::new(", "Run::invalid("] {
            for (at, _) in sources.match_indices(made) {
                let call: String = sources.get(at..).unwrap_or_default().chars().take(300).collect();
                let statement = call.split(";\n").next().unwrap_or_default();
                let said = statement.split('"').nth(1).and_then(filled);
                unknown.extend(said.filter(|said| is_english(said)));
            }
        }
        for said in [
            "10.0.0.1: 3 of 20 lost",
            "[2001:db8::1]:862: 3 of 20 answered after 900 ms",
            "10.0.0.1: 9 packets within 812 ms, none answered",
            "core-1.test: answers from 4 hops away, usually 1: not over this line",
            "10.0.0.1: host unreachable, says 10.0.0.254",
            "10.0.0.1: administratively prohibited",
            "10.0.0.1: nothing was sent",
            "10.0.0.1: no answer within 900 ms",
            "resolve core-1.test: no answer in time",
            "echo 10.0.0.1: the send buffer is full",
            "echo 10.0.0.1: Network is unreachable (os error 101)",
            "dns 10.0.0.1:53 by TCP: no answer in time",
            "snmp 10.0.0.1:161: wrong digest: check the authentication password and protocol",
            "tls www.test: the certificate is for another name",
        ] {
            unknown.extend(is_english(said).then(|| said.to_owned()));
        }
        assert!(unknown.is_empty(), "{unknown:#?}");
    }

    /// A pattern whose English was changed at its source would silently stop to match.
    #[test]
    fn every_pattern_still_stands_in_the_sources() {
        let sources = sources(&[""]);
        let gone: Vec<&str> = table::TEXTS
            .iter()
            .chain(snmp::TEXTS)
            .map(|(english, _)| english.split("{}").max_by_key(|part| part.len()).unwrap_or_default())
            .map(|part| part.trim_start_matches(": ")) // what it stands behind is put before it elsewhere
            .filter(|part| !sources.contains(*part))
            .collect();
        assert!(gone.is_empty(), "{gone:#?}");
    }
}
