//! Which ports make series, and what kind of port each is.
//!
//! A device has ports that nobody asks about: NULL0, loopbacks, consoles, telephone lines, a thousand subscribers of a BRAS.
//! They are told apart by name, type and admin state when names are read, every ten minutes, so that leaving them out costs nothing.

use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use regex::Regex;

use crate::model::plan::Settings;

/// ifType of a loopback.
pub(super) const SOFTWARE_LOOPBACK: u16 = 24;

/// ifTypes that networks here have, by IANAifType-MIB; profiles have the same names.
pub(super) const TYPES: &[(u16, &str)] = &[
    (1, "other"),
    (6, "ethernetCsmacd"),
    (18, "ds1"),
    (22, "propPointToPointSerial"),
    (23, "ppp"),
    (24, "softwareLoopback"),
    (32, "frameRelay"),
    (33, "rs232"),
    (37, "atm"),
    (39, "sonet"),
    (49, "aal5"),
    (50, "sonetPath"),
    (53, "propVirtual"),
    (54, "propMultiplexor"),
    (62, "fastEther"),
    (71, "ieee80211"),
    (77, "lapd"),
    (81, "ds0"),
    (94, "adsl"),
    (97, "vdsl"),
    (100, "voiceEM"),
    (101, "voiceFXO"),
    (102, "voiceFXS"),
    (103, "voiceEncap"),
    (104, "voiceOverIp"),
    (108, "pppMultilinkBundle"),
    (117, "gigabitEthernet"),
    (118, "hdlc"),
    (131, "tunnel"),
    (135, "l2vlan"),
    (136, "l3ipvlan"),
    (142, "ipForward"),
    (150, "mplsTunnel"),
    (161, "ieee8023adLag"),
    (166, "mpls"),
    (171, "pos"),
    (209, "bridge"),
    (238, "adsl2plus"),
    (244, "wwanPP2"),
    (250, "gpon"),
    (251, "vdsl2"),
];

/// One copy of each name: a quarter of a million ports share them.
static NAMES: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| TYPES.iter().map(|(_, name)| Arc::from(*name)).collect());

/// What a type is called: its number where it has no name here. None of 0, which is none.
pub(super) fn kind(number: u16) -> Option<Arc<str>> {
    if number == 0 {
        return None;
    }
    let named = TYPES.binary_search_by_key(&number, |(number, _)| *number).ok().and_then(|at| NAMES.get(at));
    Some(named.cloned().unwrap_or_else(|| Arc::from(number.to_string())))
}

/// Small indexes as texts, one copy of each, too.
static INDEXES: LazyLock<Vec<Arc<str>>> =
    LazyLock::new(|| (0..1024).map(|n: u32| Arc::from(n.to_string())).collect());

/// ifIndex as a text.
pub(super) fn index(number: u32) -> Arc<str> {
    let common = usize::try_from(number).ok().and_then(|at| INDEXES.get(at));
    common.cloned().unwrap_or_else(|| Arc::from(number.to_string()))
}

/// Those that make series.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) only: Option<Regex>,
    pub(super) but: Option<Regex>,
    pub(super) types_left_out: Vec<u16>,
    /// Whether shut ones make no series but those of their state.
    pub(super) state_of_shut: bool,
}

/// Those in use: thousands of devices have the same few, and a compiled pattern takes tens of kilobytes.
static IN_USE: Mutex<Vec<Weak<Wanted>>> = Mutex::new(Vec::new());

impl Wanted {
    /// By the settings of a task; an error is about a pattern that is none.
    pub(super) fn of(settings: &Settings) -> Result<Arc<Self>, String> {
        let text = |key: &str| settings.text(key).filter(|pattern| !pattern.is_empty());
        let (only, but, state_of_shut) =
            (text("ports"), text("ports_left_out"), settings.bool("shut_ports_state_only"));
        let types = settings.ints("port_types_left_out").iter().filter_map(|kind| u16::try_from(*kind).ok());
        let types_left_out: Vec<u16> = types.collect();
        let mut all = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|wanted| wanted.strong_count() > 0);
        let same = |wanted: &Arc<Self>| {
            wanted.only.as_ref().map(Regex::as_str) == only
                && wanted.but.as_ref().map(Regex::as_str) == but
                && wanted.state_of_shut == state_of_shut
                && wanted.types_left_out == types_left_out
        };
        if let Some(wanted) = all.iter().filter_map(Weak::upgrade).find(same) {
            return Ok(wanted);
        }
        let compile = |pattern: Option<&str>| {
            pattern.map(|p| Regex::new(p).map_err(|_| format!("`{p}` is no regular expression"))).transpose()
        };
        let wanted = Arc::new(Self { only: compile(only)?, but: compile(but)?, types_left_out, state_of_shut });
        all.push(Arc::downgrade(&wanted));
        Ok(wanted)
    }

    /// Whether a port of that name and type makes series.
    pub(super) fn takes(&self, name: &str, kind: u16) -> bool {
        self.only.as_ref().is_none_or(|only| only.is_match(name))
            && self.but.as_ref().is_none_or(|but| !but.is_match(name))
            && !self.types_left_out.contains(&kind)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::kinds;

    fn wanted(given: &[&str]) -> Arc<Wanted> {
        Wanted::of(&kinds::parse_set(&super::super::SPEC, given).unwrap()).unwrap()
    }

    #[test]
    fn a_port_makes_series_unless_its_name_or_type_is_left_out() {
        for (given, name, kind, want) in [
            (&[][..], "GigabitEthernet0/0/1", 6, true),
            (&[], "NULL0", 1, false),
            (&[], "Nu0", 1, false),
            (&[], "InLoopBack0", 24, false),
            (&[], "Register-Tunnel0", 1, false),
            (&[], "Console9/0/0", 1, false),
            (&[], "bond1", 1, true),
            (&[], "LoopBack0", 24, false),
            (&[], "Console263", 33, false),
            (&["port_types_left_out=[]"], "LoopBack0", 24, true),
            (&["port_types_left_out=['l2vlan', '246']"], "eth0.7", 135, false),
            (&["port_types_left_out=['l2vlan', '246']"], "PW1", 246, false),
            (&["port_types_left_out=['l2vlan', '246']"], "eth0", 6, true),
            (&["ports=^XGE", "ports_left_out="], "XGE1/0/1", 6, true),
            (&["ports=^XGE", "ports_left_out="], "GE1/0/1", 6, false),
            (&["ports=^XGE", "ports_left_out=/0/9$"], "XGE1/0/9", 6, false),
        ] {
            assert_eq!(wanted(given).takes(name, kind), want, "{given:?} {name} {kind}");
        }
    }

    #[test]
    fn tasks_of_the_same_settings_share_one() {
        let (one, other) = (wanted(&["ports=^Te"]), wanted(&["ports=^Te"]));
        assert!(
            Arc::ptr_eq(&one, &other) && !Arc::ptr_eq(&one, &wanted(&["ports=^Te", "shut_ports_state_only=true"]))
        );
    }

    #[test]
    fn a_mistake_says_what_to_write() {
        let wrong = |given| kinds::parse_set(&super::super::SPEC, &[given]).unwrap_err().concat();
        assert!(wrong("port_types_left_out=['ethernetCsmcd']").ends_with("did you mean `ethernetCsmacd`?"));
        assert!(wrong("ports='(GE'").contains("is no regular expression"));
    }

    #[test]
    fn types_have_the_names_that_profiles_give_them() {
        let read: toml::Table = include_str!("../../../probes/snmp/generic.toml").parse().unwrap();
        let tables = read["profile"][0]["table"].as_array().unwrap();
        let ports = tables.iter().find(|table| table["into"].as_str() == Some("interfaces")).unwrap();
        let named = ports["type"][0]["states"].as_table().unwrap();
        let named: BTreeMap<u16, &str> =
            named.iter().map(|(number, name)| (number.parse().unwrap(), name.as_str().unwrap())).collect();
        assert_eq!(named, TYPES.iter().copied().collect());
        assert!(TYPES.is_sorted(), "they are searched by halves");
        assert_eq!(kind(6).as_deref(), Some("ethernetCsmacd"));
        assert_eq!((kind(246).as_deref(), kind(0)), (Some("246"), None));
    }
}
