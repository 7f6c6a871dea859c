//! Names of ports, and the shorter ways in which devices and people write them: `GE0/0/1` is `GigabitEthernet0/0/1`.

/// Kinds of ports, each with the words that vendors write for it (Huawei VRP, H3C Comware, Cisco IOS and NX-OS, Ruijie,
/// Juniper, ZTE), in small letters. A kind that only one word has needs no line. `xge`, `wge`, `fge`, `hge`, `mge`, `bagg`
/// and `ragg` are what Comware's `display interface brief` and `display link-aggregation` print (H3C S12500 and S6850;
/// HPE 5945; the interface map of napalm-h3c-comware), `m-ge` the same of older ones; `te`, `twe`, `fo`, `hu`, `po` what
/// Cisco's do (napalm's map of canonical names).
const KINDS: &[&[&str]] = &[
    &["ethernet", "eth", "et"],
    &["fastethernet", "fa"],
    &["gigabitethernet", "gi", "ge", "gei"],
    &["ten-gigabitethernet", "tengigabitethernet", "xgigabitethernet", "tengige", "xge", "te", "xgei"],
    &["twenty-fivegige", "twentyfivegige", "twe", "wge"],
    &["fortygige", "fortygigabitethernet", "fo", "fge"],
    &["hundredgige", "hu", "hge"],
    &["m-gigabitethernet", "m-ge", "mge"],
    &["bridge-aggregation", "bagg"],
    &["route-aggregation", "ragg"],
    &["port-channel", "po"],
    &["aggregateport", "ag"],
    &["eth-trunk"],
    &["vlan", "vl", "vlan-interface"],
    &["loopback", "lo"],
    &["mgmt", "mg"],
];
/// A word that is cut shorter than this could be anything.
const LEAST: usize = 2;

/// A name in its two parts: the word for the kind, and what follows from its first digit on. A word may begin with
/// digits (`100GE1/0/1`).
fn parts(name: &str) -> (&str, &str) {
    let name = name.trim();
    let letter = name.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(name.len());
    let digit = name.get(letter..).and_then(|rest| rest.find(|c: char| c.is_ascii_digit()));
    let (word, number) = name.split_at(digit.map_or(name.len(), |digit| letter + digit));
    (word.trim_end_matches([' ', '-', '_']), number)
}

fn kind(word: &str) -> Option<usize> {
    KINDS.iter().position(|words| words.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

/// Whether two names are of one port of a device: the same but for how their kind is written. Words that are known
/// must be of one kind; of others, one may be the beginning of the other.
pub fn same(one: &str, other: &str) -> bool {
    let ((word, number), (other_word, other_number)) = (parts(one), parts(other));
    if number != other_number || number.is_empty() {
        return one.eq_ignore_ascii_case(other);
    }
    if word.eq_ignore_ascii_case(other_word) {
        return true;
    }
    match (kind(word), kind(other_word)) {
        (Some(kind), Some(other)) => kind == other,
        _ => {
            let (short, long) = if word.len() < other_word.len() { (word, other_word) } else { (other_word, word) };
            let begins = long.get(..short.len()).is_some_and(|start| start.eq_ignore_ascii_case(short));
            begins && short.len() >= LEAST
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_one_however_their_kind_is_written_and_two_if_it_is_another() {
        for (one, other, wanted) in [
            ("GE0/0/1", "ge0/0/1", true),
            ("Gi0/1", "GigabitEthernet0/1", true),
            ("GigabitEthernet 0/1", "GigabitEthernet0/1", true),
            ("GE1/0/1", "GigabitEthernet1/0/1", true),
            ("ge-0/0/1", "GE0/0/1", true),
            ("XGE0/0/1", "XGigabitEthernet0/0/1", true),
            ("XGE1/0/25", "Ten-GigabitEthernet1/0/25", true),
            ("Te1/1/1", "TenGigE1/1/1", true),
            ("Ten-GigabitEthernet1/0/1", "Ten1/0/1", true),
            ("Fa0/1", "FastEthernet0/1", true),
            ("Eth1/1", "Ethernet1/1", true),
            ("FGE1/0/1", "FortyGigE1/0/1", true),
            ("BAGG1", "Bridge-Aggregation1", true),
            ("RAGG1", "BAGG1", false),
            ("Po10", "port-channel10", true),
            ("Ag1", "AggregatePort 1", true),
            ("Vlan10", "Vlan-interface10", true),
            ("Vlan10", "Vlanif10", true),
            ("100GE1/0/1", "100ge1/0/1", true),
            ("100GE1/0/1", "10GE1/0/1", false),
            ("10GE1/0/1", "GE1/0/1", false),
            ("Eth-Trunk1", "Eth1", false),
            ("XGE0/0/1", "GE0/0/1", false),
            ("Gi0/1", "GigabitEthernet0/10", false),
            ("Te0/1", "GigabitEthernet0/1", false),
            ("0/1", "Gi0/1", false),
            ("G1", "GigabitEthernet1", false),
            ("eth", "ethernet", false),
            ("eth", "eth", true),
            ("接口1", "接口2", false),
            ("", "", true),
        ] {
            assert_eq!((same(one, other), same(other, one)), (wanted, wanted), "{one} {other}");
        }
    }
}
