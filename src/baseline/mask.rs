//! Commands as they may be shown: every password, hash, community and key replaced by `***`, whatever its form.
//!
//! It errs on the safe side: all that follows a word which announces a secret is hidden, but for a few words that are
//! known to be harmless after one.

use super::dialect::Dialect;

/// What stands for a secret.
pub const HIDDEN: &str = "***";
/// The longest text that is shown, in characters.
const MAX_SHOWN: usize = 200;

/// Words after which a secret follows.
const ANNOUNCE: &[&str] = &[
    "password",
    "secret",
    "cipher",
    "simple",
    "plain",
    "irreversible-cipher",
    "hash",
    "community",
    "key",
    "key-string",
    "shared-key",
    "pre-shared-key",
    "authentication-key",
    "message-digest-key",
    "md5",
    "sha",
    "sha2-224",
    "sha2-256",
    "sha2-384",
    "sha2-512",
    "hmac-md5",
    "hmac-sha256",
    "hmac-sha-256",
    "hmac-sha1",
    "aes",
    "aes128",
    "aes192",
    "aes256",
    "aes-128",
    "des",
    "des56",
    "3des",
    "3desede",
    "priv",
    "securityname",
    "set-key",
    "passphrase",
    "pass-phrase",
    "psk",
    "esp",
    "encrypted",
    "trap-community",
];

/// Ends of words that announce one, too: `area-password`, `preshared-key`, `md5-password`, `wpa-psk`.
const ANNOUNCE_ENDS: &[&str] = &["-password", "-secret", "-key", "-psk", "-passphrase"];

/// Commands in which a word announces a secret that announces none elsewhere: how they begin, the word.
const ANNOUNCE_IN: &[(&str, &str)] = &[
    ("standby ", "authentication"),
    ("vrrp ", "authentication"),
    ("glbp ", "authentication"),
    ("ip nhrp ", "authentication"),
];

/// The command whose last words are a community without any announcement: `snmp-server host A version 2c NAME`.
const SNMP_HOST: &str = "snmp-server host ";

/// What is no community in it.
const SNMP_HOST_WORDS: &[&str] =
    &["traps", "trap", "informs", "version", "1", "2c", "3", "auth", "noauth", "priv", "udp-port", "vrf"];

/// Words that say in which form the secret is that follows at once.
const FORMS: &[&str] =
    &["cipher", "simple", "plain", "irreversible-cipher", "hash", "encrypted", "ascii", "hex", "clear"];

/// Other words that may stand between the announcement and the secret.
const BETWEEN: &[&str] =
    &["level", "role", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "15", "md5", "sha", "network-admin"];

/// Words that are shown after a secret; a number after one of them, too.
const HARMLESS: &[&str] = &[
    "privilege",
    "level",
    "acl",
    "ro",
    "rw",
    "view",
    "mib-view",
    "idle-timeout",
    "service-type",
    "access-limit",
    "version",
    "context",
    "ipv6",
    "udp-port",
    "port",
    "state",
    "active",
    "prefer",
    "mode",
    "inbound",
    "outbound",
];

/// Commands in which an announcing word announces nothing: (dialect is Huawei's or H3C's, how they begin).
const NOT_SECRET: &[(Option<bool>, &str)] = &[
    (None, "description "),
    (Some(true), "local-aaa-user password policy"),
    (Some(true), "password-control "),
    (Some(true), "user-password "),
    (Some(true), "snmp-agent community complexity-check"),
    (Some(true), "snmp-agent usm-user password complexity-check"),
    (Some(true), "ssh server cipher "),
    (Some(true), "ssh server hmac "),
    (Some(true), "ssh client cipher "),
    (Some(true), "ssh server key-exchange "),
    (Some(true), "ssh server dh-exchange "),
    (Some(true), "ssh server publickey "),
    (Some(true), "ssh2 algorithm "),
    (Some(true), "password min-length "),
    (Some(true), "password expire "),
    (Some(true), "password history "),
    (Some(true), "password alert "),
    (Some(false), "password policy "),
    (Some(false), "service password-"),
    (Some(false), "security passwords "),
    (Some(false), "ip ssh "),
];

/// A command as it may be shown.
pub fn mask(text: &str, dialect: Dialect) -> String {
    cut(hide(text, dialect, |_, _| {}))
}

/// A command with every secret replaced; `secret` is told each, and what stands before it.
pub(super) fn hide(text: &str, dialect: Dialect, mut secret: impl FnMut(&str, &str)) -> String {
    let mut line = String::with_capacity(text.len());
    let mut before_hidden = false;
    let mut reader = Reader::new(text, dialect);
    let mut words = text.split_ascii_whitespace().peekable();
    while let Some(word) = words.next() {
        let hidden = reader.hides(word, words.peek().is_some());
        if hidden {
            secret(&line, word);
        }
        if hidden && before_hidden {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        match (hidden, without_login(word)) {
            (true, _) => line.push_str(HIDDEN),
            (false, Some((scheme, login, rest))) => {
                secret(&line, login);
                line.extend([scheme, HIDDEN, rest]);
            }
            (false, None) => line.push_str(word),
        }
        before_hidden = hidden;
    }
    line
}

/// The parts of a URL around the login in it: `ftp://`, `user:password`, `@host/path`.
fn without_login(word: &str) -> Option<(&str, &str, &str)> {
    let from = word.find("://")? + 3;
    let authority = word.get(from..)?;
    let to = from + authority.get(..authority.find('/').unwrap_or(authority.len()))?.rfind('@')?;
    Some((word.get(..from)?, word.get(from..to)?, word.get(to..)?))
}

/// Reads a command word by word.
struct Reader<'a> {
    text: &'a str,
    /// Whether no word of it announces anything.
    bare: bool,
    /// How many words were read.
    read: usize,
    state: State,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, dialect: Dialect) -> Self {
        let harmless = |(hash, start): &(Option<bool>, &str)| {
            hash.is_none_or(|h| h == dialect.hash()) && starts_with(text, start)
        };
        Self { text, bare: NOT_SECRET.iter().any(harmless), read: 0, state: State::Open }
    }

    /// Whether the next word is hidden; moves on.
    fn hides(&mut self, word: &str, more: bool) -> bool {
        let lower = word.to_ascii_lowercase();
        let place = self.read;
        self.read += 1;
        if looks_secret(word) {
            self.state = self.state.after_secret();
            return true;
        }
        if self.bare {
            return false;
        }
        if starts_with(self.text, SNMP_HOST) && place > 2 {
            // A number is a port or a version, but for the last word, which may be the community.
            let number = word.parse::<u32>().is_ok() && more;
            return !(number || SNMP_HOST_WORDS.contains(&lower.as_str()) && more);
        }
        let hidden = self.state.hides(&lower, more);
        if !hidden && self.state == State::Open && self.announces(place, &lower) {
            self.state = if FORMS.contains(&lower.as_str()) { State::Next } else { State::Announced };
        }
        hidden
    }

    fn announces(&self, place: usize, word: &str) -> bool {
        let here = ANNOUNCE_IN.iter().any(|(start, own)| *own == word && starts_with(self.text, start));
        let known = ANNOUNCE.contains(&word) || ANNOUNCE_ENDS.iter().any(|end| word.ends_with(end));
        here || known && !first_is_no_announcement(place == 0, word)
    }
}

/// Endings of words after which a secret follows in a host's files.
const KEYS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "requirepass",
    "masterauth",
    "psk",
    "bindpw",
    "rootpw",
    "community",
    "password_pbkdf2",
];

/// A line of a host's file as it may be shown: whatever follows a word that announces a secret is hidden.
pub fn mask_line(text: &str) -> String {
    let mut shown = Vec::new();
    let mut words = text.split_ascii_whitespace().peekable();
    while let Some(word) = words.next() {
        let at = word.find(['=', ':']).unwrap_or(word.len());
        let (key, rest) = word.split_at_checked(at).unwrap_or((word, ""));
        let key = key.trim_matches(['"', '\'']).to_ascii_lowercase();
        let announces = !key.contains('/') && KEYS.iter().any(|k| key.ends_with(k));
        if announces && (rest.len() > 1 || words.peek().is_some()) {
            shown.push(format!("{}{}", word.get(..at).unwrap_or(""), rest.get(..1).unwrap_or("")));
            shown.push(HIDDEN.to_owned());
            break;
        }
        let inside_url = word.split_once("://").and_then(|(_, rest)| rest.split_once('@')).is_some();
        let secret = looks_secret(word) || word.contains("grub.pbkdf2") || word.contains("{SSHA") || inside_url;
        // Redis writes a user's password as `>PASSWORD`, its hash as `#HASH`.
        let secret =
            secret || (word.len() > 1 && word.starts_with(['>', '<'])) || (word.len() > 40 && word.starts_with('#'));
        shown.push(if secret { HIDDEN.to_owned() } else { word.to_owned() });
    }
    cut(shown.join(" "))
}

/// The beginning of a long line.
fn cut(line: String) -> String {
    if line.chars().count() > MAX_SHOWN { line.chars().take(MAX_SHOWN).chain(['…']).collect() } else { line }
}

/// `hash` and `simple` announce a secret only after another word; alone at the head they are no command.
fn first_is_no_announcement(first: bool, word: &str) -> bool {
    first
        && !matches!(word, "password" | "key-string" | "key" | "authentication-key" | "community")
        && !ANNOUNCE_ENDS.iter().any(|end| word.ends_with(end))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Where the reader of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before any announcement.
    Open,
    /// A secret is to come.
    Announced,
    /// A secret is to come, perhaps with its form before it.
    Scoped,
    /// The next word is one.
    Next,
    /// After one.
    Past,
    /// After one, and a harmless word stands before this one.
    Harmless,
}

impl State {
    fn after_secret(self) -> Self {
        if self == Self::Open { Self::Open } else { Self::Past }
    }

    /// Whether a word is hidden; moves on.
    fn hides(&mut self, word: &str, more: bool) -> bool {
        match *self {
            Self::Open => false,
            // The last word is the secret, even if it looks like a form: `password simple simple`.
            Self::Announced | Self::Scoped if more && FORMS.contains(&word) => {
                *self = Self::Next;
                false
            }
            Self::Announced if more && matches!(word, "read" | "write") => {
                *self = Self::Scoped;
                false
            }
            Self::Announced if more && BETWEEN.contains(&word) => false,
            Self::Announced | Self::Scoped | Self::Next => {
                *self = Self::Past;
                true
            }
            Self::Past | Self::Harmless if HARMLESS.contains(&word) => {
                *self = Self::Harmless;
                false
            }
            Self::Harmless if word.parse::<u32>().is_ok() => {
                *self = Self::Past;
                false
            }
            Self::Past | Self::Harmless => {
                *self = Self::Past;
                true
            }
        }
    }
}

/// Whether a word has the form of a ciphertext or a hash, wherever it stands.
fn looks_secret(word: &str) -> bool {
    let marks = [
        "%^%#", "%$%$", "%#%#", "%@%@", "%+%#", "$1$", "$5$", "$6$", "$8$", "$9$", "$h$", "$c$", "$1a$", "$1b$",
        "$1c$", "$1d$", "$14$", "$10$", "$y$",
    ];
    marks.iter().any(|mark| word.contains(mark)) || word.contains("-----BEGIN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_any_form_is_shown() {
        let hash = [
            "local-user U password simple SECRET",
            "local-user U password cipher SECRET privilege level 15",
            "local-user U password irreversible-cipher $1a$SECRET$ idle-timeout 60 0",
            "local-user U password irreversible-cipher $1c$SECRET$",
            "password hash $h$6$SECRET",
            "password simple SECRET",
            "password cipher %^%#SECRET%^%#",
            "set authentication password cipher %$%$SECRET%$%$",
            "set authentication password simple SECRET",
            "super password level 15 cipher SECRET",
            "super password level 3 simple SECRET",
            "super password role network-admin hash SECRET",
            "snmp-agent community read SECRET",
            "snmp-agent community write cipher %#%#SECRET%#%# acl 2000",
            "snmp-agent community read simple SECRET mib-view SECRET acl 2000",
            "snmp-agent usm-user v3 U authentication-mode sha2-256 cipher %+%##SECRET%+%#",
            "snmp-agent usm-user v3 U G simple authentication-mode sha SECRET privacy-mode aes128 SECRET",
            "snmp-agent usm-user v3 U G authentication-mode md5 SECRET privacy-mode des56 SECRET",
            "snmp-agent target-host trap address udp-domain 10.0.0.1 params securityname SECRET v2c",
            "snmp-agent target-host trap address udp-domain 10.0.0.1 params securityname cipher SECRET v2c",
            "ntp-service authentication-keyid 1 authentication-mode md5 cipher SECRET",
            "ntp-service authentication-keyid 1 authentication-mode hmac-sha256 SECRET",
            "radius-server shared-key cipher SECRET",
            "hwtacacs-server shared-key SECRET",
            "primary authentication 10.0.0.1 key cipher SECRET",
            "key authentication simple SECRET",
            "peer 10.0.0.1 password cipher SECRET",
            "authentication-mode md5 1 cipher SECRET",
            "ospf authentication-mode md5 1 plain SECRET",
            "vrrp vrid 1 authentication-mode md5 SECRET",
            "pre-shared-key cipher SECRET",
            "local-user U password cipher N`SECRET`MAF4<1!!",
            "ftp password %@%@SECRET%@%@",
            "md5-password cipher 10.0.0.2 SECRET",
            "security wpa2 psk pass-phrase SECRET aes",
            "preshared-key pass-phrase simple SECRET",
            "area-authentication-mode simple SECRET",
            "portal server a ip 10.0.0.1 key simple SECRET",
        ];
        let bang = [
            "enable password SECRET",
            "enable password 7 SECRET",
            "enable password level 15 7 SECRET",
            "enable secret 5 $1$SECRET",
            "enable secret 9 $9$SECRET",
            "username U password 0 SECRET",
            "username U privilege 15 password 7 SECRET",
            "username U secret 8 $8$SECRET",
            "username U privilege 1 password SECRET",
            "password SECRET",
            "password 7 SECRET",
            "snmp-server community SECRET RO 10",
            "snmp-server community SECRET view SECRET RW",
            "snmp-server user U G v3 auth sha SECRET priv aes 128 SECRET",
            "tacacs-server key 7 SECRET",
            "radius-server key SECRET",
            "radius-server host 10.0.0.1 key SECRET",
            "key-string SECRET",
            "ip ospf message-digest-key 1 md5 7 SECRET",
            "ip ospf authentication-key SECRET",
            "neighbor 10.0.0.1 password SECRET",
            "standby 1 authentication md5 key-string SECRET",
            "ntp authentication-key 1 md5 SECRET 7",
            "crypto isakmp key SECRET address 10.0.0.1",
            "pre-shared-key SECRET",
            "security rsn akm psk set-key ascii SECRET",
            "ppp chap password 0 SECRET",
            "snmp-server host 10.0.0.1 SECRET",
            "snmp-server host 10.0.0.1 traps version 2c SECRET",
            "snmp-server host 10.0.0.1 informs version 3 priv SECRET udp-port 1162",
            "standby 1 authentication SECRET",
            "standby 1 authentication text SECRET",
            "vrrp 1 authentication text SECRET",
            "ip nhrp authentication SECRET",
            "area-password SECRET",
            "domain-password SECRET authenticate snp validate",
            "path ftp://admin:SECRET@10.0.0.1/archive",
            "encryption ipsec spi 256 esp aes-cbc 128 SECRET md5 SECRET",
        ];
        for (dialects, lines) in [
            (vec![Dialect::Vrp, Dialect::Vrp8, Dialect::Comware, Dialect::Comware5], &hash[..]),
            (vec![Dialect::Ios, Dialect::Rgos], &bang[..]),
        ] {
            for (dialect, line) in dialects.iter().flat_map(|d| lines.iter().map(move |l| (*d, l))) {
                // The secret itself, and one that looks like a word of the language.
                for secret in ["SeCrEt-7f", "simple", "acl", "read", "0"] {
                    let shown = mask(&line.replace("SECRET", &format!("Q{secret}")), dialect);
                    assert!(!shown.contains(&format!("Q{secret}")), "{line} gave {shown}");
                }
            }
        }
        let shown = mask("local-user U password simple simple privilege level 15", Dialect::Vrp);
        assert_eq!(shown, "local-user U password simple *** privilege level 15");
        let shown = mask("snmp-agent community write read acl 2000", Dialect::Vrp);
        assert_eq!(shown, "snmp-agent community write *** acl 2000");
        assert_eq!(mask("enable password simple", Dialect::Ios), "enable password ***");
        assert_eq!(mask("password policy", Dialect::Ios), "password ***");
    }

    #[test]
    fn no_secret_of_a_hosts_file_is_shown() {
        for line in [
            "requirepass SECRET",
            "password = SECRET",
            "db_password=\"SECRET x SECRET\"",
            "spring.datasource.password: SECRET",
            "password_pbkdf2 root grub.pbkdf2.sha512.10000.SECRET",
            "url = http://u:SECRET@host/",
            "root:$6$SECRET:1::",
            "rocommunity SECRET 10.0.0.0/8",
        ] {
            assert!(!mask_line(line).contains("SECRET"), "{line} gave {}", mask_line(line));
        }
        for line in
            ["PASS_MAX_DAYS 90", "PasswordAuthentication no", "-w /etc/passwd -p wa -k identity", "Defaults use_pty"]
        {
            assert_eq!(mask_line(line), line);
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for (line, shown) in [
            (
                "local-user admin password simple Admin1 privilege level 15",
                "local-user admin password simple *** privilege level 15",
            ),
            ("snmp-agent community read cipher abc acl 2000", "snmp-agent community read cipher *** acl 2000"),
            ("authentication-mode password", "authentication-mode password"),
            ("local-aaa-user password policy administrator", "local-aaa-user password policy administrator"),
            ("password-control length 6", "password-control length 6"),
            ("ssh server cipher aes256_ctr 3des_cbc", "ssh server cipher aes256_ctr 3des_cbc"),
            ("info-center loghost 10.0.0.1", "info-center loghost 10.0.0.1"),
            ("password expire 90", "password expire 90"),
        ] {
            assert_eq!(mask(line, Dialect::Vrp), shown);
        }
        assert_eq!(mask("snmp-server community public RO 10", Dialect::Ios), "snmp-server community *** RO 10");
        assert!(mask(&"x".repeat(900), Dialect::Ios).chars().count() < 210);
    }
}
