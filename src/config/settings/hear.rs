//! `[syslog]` and `[trap]` of an agent: where it listens, whom it believes, who gets copies.

use std::net::SocketAddr;

use ipnet::IpNet;

use crate::config::reader::Table;
use crate::model::SecretText;

use super::{network, socket};

/// Most addresses to listen on, and most receivers of copies: every line goes to each.
const MAX_ENDS: usize = 8;
/// The highest rate of one source.
const MAX_RATE: i64 = 100_000;

/// The word of a copy that says whose it is, of traps.
pub(super) const TRAPS: &str = "relayed";

/// How an agent receives what is said unasked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HearSettings {
    /// Where it listens; ports that the service manager hands over prevail.
    pub listen: Vec<SocketAddr>,
    /// Lines or traps a second of one source; the program knows the default.
    pub rate: Option<u32>,
    /// Receivers that pass on what others said, and are believed when they say whose.
    pub relays: Vec<IpNet>,
    /// Who gets copies.
    pub copies: Vec<CopySettings>,
    /// Of traps: the community of what came in SNMP v3 and is copied on in v2c.
    pub opened: Option<SecretText>,
    /// Of traps: devices whose clock of SNMP v3 may be another than before the agent's start.
    pub new_clocks: Vec<IpNet>,
}

/// Another receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySettings {
    /// Its UDP port.
    pub to: SocketAddr,
    /// Byte by byte, without saying whose it is.
    pub original: bool,
}

/// Reads the table.
pub(super) fn read(t: &Table<'_>, (port, told): (u16, &'static str)) -> HearSettings {
    let listen: Vec<SocketAddr> = t
        .texts("listen")
        .iter()
        .filter_map(|item| {
            let address = item.text()?.parse().ok();
            if address.is_none() {
                item.fault("this is no address to listen on", "write ADDRESS:PORT; [::] is for both families");
            }
            address
        })
        .collect();
    if !t.has("listen") {
        t.missing("listen", &format!("[\"[::]:{port}\"]"));
    }
    let copies: Vec<CopySettings> = t.tables("copy").iter().filter_map(|t| copy(t, told)).collect();
    if listen.len().max(copies.len()) > MAX_ENDS {
        t.fault(format!("more than {MAX_ENDS} addresses"), "listen on [::] for all addresses; let a relay copy on");
    }
    let traps = told == TRAPS;
    let networks = |key| t.texts(key).iter().filter_map(network).collect::<Vec<IpNet>>();
    let settings = HearSettings {
        listen,
        rate: t.int("rate", 1, MAX_RATE).and_then(|v| u32::try_from(v).ok()),
        relays: networks("relays"),
        copies,
        opened: traps.then(|| t.opt_text("v3_community")).flatten().map(SecretText::new),
        new_clocks: if traps { networks("new_clocks") } else { Vec::new() },
    };
    t.finish();
    settings
}

fn copy(t: &Table<'_>, told: &'static str) -> Option<CopySettings> {
    if !t.has("to") {
        t.missing("to", "\"10.65.0.20:514\"");
    }
    let to = socket(t, "to");
    let form = t.word("form", &[told, "original"], |word| match word {
        "original" => Some(true),
        word => (word == told).then_some(false),
    });
    t.finish();
    Some(CopySettings { to: to?, original: form.unwrap_or(false) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::AgentSettings;

    #[test]
    fn an_agent_may_receive_syslog_and_copy_it_on() {
        let text = "id = 'tower'\ninventory = ['site.toml']\n[syslog]\nlisten = ['[::]:514']\nrate = 50\nrelays = ['10.65.0.20']\n[[syslog.copy]]\nto = '10.65.0.20:514'\n[[syslog.copy]]\nto = '10.65.0.21:1514'\nform = 'original'\n";
        let syslog = AgentSettings::parse("a.toml", text).unwrap().syslog.unwrap();
        assert_eq!((syslog.listen[0].port(), syslog.rate), (514, Some(50)));
        assert_eq!(syslog.relays[0].to_string(), "10.65.0.20/32");
        let forms: Vec<bool> = syslog.copies.iter().map(|copy| copy.original).collect();
        assert_eq!(forms, [false, true]);
    }

    #[test]
    fn mistakes_are_all_reported() {
        let text = "id = 'tower'\ninventory = ['site.toml']\n[syslog]\nrelays = ['x']\nport = 514\n[[syslog.copy]]\nform = 'cef'\n";
        let lines: Vec<String> =
            AgentSettings::parse("a.toml", text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "a.toml:3: `syslog` lacks `listen`; add listen = [\"[::]:514\"]",
                "a.toml:4: `x` is no network; write ADDRESS/LENGTH, such as \"10.65.0.0/16\", or an address",
                "a.toml:5: unknown key `port` in `syslog`; known: copy, listen, rate, relays",
                "a.toml:6: this copy lacks `to`; add to = \"10.65.0.20:514\"",
                "a.toml:7: `cef` is no value of `form`; known: original, rfc5424",
            ]
        );
    }

    #[test]
    fn traps_have_a_table_of_their_own_and_another_form() {
        let text = "id = 'tower'\ninventory = ['site.toml']\n[trap]\nlisten = ['[::]:162']\n[[trap.copy]]\nto = '10.65.0.20:162'\nform = 'relayed'\n";
        let more = text.replace("[[trap", "v3_community = 'eSight'\nnew_clocks = ['10.65.0.1']\n[[trap");
        let trap = AgentSettings::parse("a.toml", &more).unwrap().trap.unwrap();
        assert_eq!(
            (trap.opened.as_ref().map(SecretText::expose), trap.new_clocks[0].to_string().as_str()),
            (Some("eSight"), "10.65.0.1/32")
        );
        let trap = AgentSettings::parse("a.toml", text).unwrap().trap.unwrap();
        assert_eq!((trap.listen[0].port(), trap.copies[0].original), (162, false));
        let text = text.replace("'relayed'", "'rfc5424'").replace("listen = ['[::]:162']\n", "");
        let lines: Vec<String> =
            AgentSettings::parse("a.toml", &text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "a.toml:3: `trap` lacks `listen`; add listen = [\"[::]:162\"]",
                "a.toml:6: `rfc5424` is no value of `form`; known: original, relayed",
            ]
        );
    }
}
