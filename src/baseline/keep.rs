//! What may be kept of a configuration: its text with every secret replaced, and of each secret a keyed hash.
//!
//! The hash (HMAC-SHA256 under a key of the installation) says that a secret was changed, and that two devices share
//! one, without saying which it is: without the key nobody can try words. The text has as many lines as the file up to
//! the last command, so that the lines of a finding are found in it; banners, keys and certificates are not in it.

use ring::hmac;

use super::dialect::Snapshot;
use super::mask::{HIDDEN, hide};
use crate::model::finding::{MAX_NAME, Mark, cut};

/// Bytes of a hash that are kept: enough that no two secrets of an installation have the same.
const HASH_BYTES: usize = 16;

/// A configuration without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The commands, each on the line where it stands in the file; `***` for what is hidden.
    pub text: String,
    /// The secrets, in the order of their lines. The same place in two texts of a device is the same secret.
    pub secrets: Vec<Mark>,
}

/// Takes what may be kept. Equal secrets have equal hashes under the same key, wherever they stand.
pub fn keep(snapshot: &Snapshot, key: &hmac::Key) -> Kept {
    let mut kept = Kept { text: String::new(), secrets: Vec::new() };
    let mut line = 1;
    let mut blocks: Vec<String> = Vec::new();
    for at in 0..snapshot.tree.len() {
        let node = snapshot.tree.node(at);
        let depth = std::iter::successors(snapshot.tree.parent(at), |up| snapshot.tree.parent(*up)).count();
        blocks.truncate(depth);
        while line < node.line {
            kept.text.push('\n');
            line += 1;
        }
        let word = if node.negated { format!("{} ", snapshot.dialect.negation()) } else { String::new() };
        let shown = hide(snapshot.tree.body(at), snapshot.dialect, |before, secret| {
            let within = blocks.iter().map(String::as_str);
            let own = format!("{word}{before}");
            let place: Vec<&str> = within.chain([own.as_str()]).filter(|part| !part.is_empty()).collect();
            let hash = hmac::sign(key, secret.as_bytes());
            let hash = hash.as_ref().iter().take(HASH_BYTES).map(|b| format!("{b:02x}")).collect();
            kept.secrets.push(Mark { place: cut(&place.join(" / "), MAX_NAME), line: node.line, hash });
        });
        kept.text.extend(std::iter::repeat_n(' ', depth));
        kept.text.push_str(&word);
        kept.text.push_str(&shown);
        for _ in node.line..node.last {
            kept.text.push('\n');
            kept.text.push_str(HIDDEN);
            line += 1;
        }
        blocks.push(format!("{word}{shown}"));
    }
    kept.text.push('\n');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::dialect::Dialect;

    fn kept(text: &str, key: &[u8]) -> Kept {
        let snapshot = Snapshot::read("t", text.as_bytes(), Some(Dialect::Vrp)).unwrap().remove(0);
        keep(&snapshot, &hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    const TEXT: &str = "#\nsysname A\n#\naaa\n local-user a password cipher Abc privilege level 15\n \
                        local-user b password cipher Abc\n#\nheader login information \"\nPassword is Abc\n\"\n#\nreturn\n";

    #[test]
    fn lines_stay_where_they_are_and_secrets_do_not() {
        let kept = kept(TEXT, b"k");
        let lines: Vec<&str> = kept.text.lines().collect();
        assert_eq!((lines[1], lines[3]), ("sysname A", "aaa"));
        assert_eq!(lines[4], " local-user a password cipher *** privilege level 15");
        assert_eq!((lines[7], lines[8], lines[9]), ("header login information \"", "***", "***"));
        assert!(!kept.text.contains("Abc"), "{}", kept.text);
    }

    #[test]
    fn a_hash_tells_change_and_reuse_and_nothing_without_the_key() {
        let (one, other) =
            (kept(TEXT, b"k"), kept(&TEXT.replace("a password cipher Abc", "a password cipher Xyz"), b"k"));
        let places: Vec<&str> = one.secrets.iter().map(|s| s.place.as_str()).collect();
        assert_eq!(places, ["aaa / local-user a password cipher", "aaa / local-user b password cipher"]);
        assert_eq!((one.secrets[0].line, one.secrets[0].hash.len()), (5, 2 * HASH_BYTES));
        assert_eq!(one.secrets[0].hash, one.secrets[1].hash, "the same secret twice");
        assert_ne!(one.secrets[0].hash, other.secrets[0].hash, "it was changed");
        assert_eq!(one.secrets[1], other.secrets[1]);
        assert_ne!(one.secrets[0].hash, kept(TEXT, b"another").secrets[0].hash);
    }
}
