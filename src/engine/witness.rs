//! Who says whether a link is there. Several probes look at one, and not all of them look for that: the reflector that
//! STAMP asks may be stopped while the line carries, and the way of the packets or the largest of them is another
//! question. So one kind speaks for a link: in its strip, by the hour, in its availability, its smoke and its state.

use crate::model::Object;

/// Fields that hold a round-trip time, the best first: an echo says more than a connection.
pub const ROUND_TRIP: [&str; 3] = ["rtt_seconds", "total_seconds", "connect_seconds"];

/// How well a kind of probe says whether an object is there, the best 0; nothing if it does not say so at all. Of those
/// that look at a link the best alone is heard; of other objects all are.
pub fn rank(object: &Object, kind: &str) -> Option<u8> {
    if !matches!(object, Object::Link(_)) {
        return Some(0);
    }
    match kind {
        "icmp" => Some(0),
        "stamp" => Some(1),
        "echo" => Some(2),
        "tcp" => Some(3),
        "path" | "mtu" => None,
        _ => Some(4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_speaks_for_a_link_and_each_for_what_else_there_is() {
        let best = |on: &str, kinds: &[&str]| {
            let object: Object = on.parse().unwrap();
            kinds
                .iter()
                .filter_map(|kind| Some((rank(&object, kind)?, (*kind).to_owned())))
                .min()
                .map(|(_, kind)| kind)
        };
        for (kinds, speaks) in [
            (&["path", "stamp", "icmp"][..], Some("icmp")),
            (&["mtu", "echo", "stamp"], Some("stamp")),
            (&["tcp", "echo"], Some("echo")),
            (&["path", "mtu"], None),
        ] {
            assert_eq!(best("link:l", kinds).as_deref(), speaks, "{kinds:?}");
        }
        assert_eq!(rank(&"asset:a".parse().unwrap(), "path"), rank(&"asset:a".parse().unwrap(), "icmp"));
    }
}
