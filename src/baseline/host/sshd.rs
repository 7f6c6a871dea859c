//! The SSH server's configuration as it takes effect, sshd_config(5): the first value of a keyword counts, `Include` reads in place,
//! every `Match` block is a context of its own which overrides the global one, and lists may add to the default.
//!
//! Which block applies depends on who connects, so each is a row and the worst decides. `Match` in an included file ends
//! with that file, `Include` in a block belongs to it (seen with OpenSSH 9.2).

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::root::{self, Unseen};
use super::{Fact, Family, Found, Host, Row, columns};
use crate::baseline::mask::mask_line;
use crate::config::diag::did_you_mean;
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The file that the server reads.
const MAIN: &str = "/etc/ssh/sshd_config";
/// What paths without a slash before them are below.
const BASE: &str = "/etc/ssh";
/// The deepest `Include` (OpenSSH: SERVCONF_MAX_DEPTH).
const MAX_DEPTH: usize = 16;
/// The most lines that say something, and the most blocks; nobody writes so many.
const MAX_SETTINGS: usize = 20_000;

/// What a keyword's arguments are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One value, whose letters' case does not count.
    Word,
    /// Seconds, as `90`, `2m` or `1h30m`.
    Time,
    /// Algorithms, separated by commas; a row each.
    Algorithms,
    /// Names on any number of lines, which add up; a row each.
    Names,
}

/// What holds without the keyword.
#[derive(Debug, Clone, Copy)]
enum Default {
    /// The same in all versions that are in use.
    Always(&'static str),
    /// With the packages of Debian; others change it.
    Deb(&'static str),
    /// With OpenSSH 9.2 of Debian 12; it changes with each version.
    Debian12(&'static str),
    /// Nothing.
    Unset,
}

const CIPHERS: &str =
    "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com";
const MACS: &str = "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,\
hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1";
const KEX: &str = "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,\
ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,\
diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256";

/// Keywords that checks may ask for, with their defaults: sshd_config(5) of OpenSSH 9.2.
const KEYS: &[(&str, Form, Default)] = &[
    ("AllowGroups", Form::Names, Default::Unset),
    ("AllowTcpForwarding", Form::Word, Default::Always("yes")),
    ("AllowUsers", Form::Names, Default::Unset),
    ("AuthenticationMethods", Form::Word, Default::Always("any")),
    ("Banner", Form::Word, Default::Always("none")),
    ("Ciphers", Form::Algorithms, Default::Debian12(CIPHERS)),
    ("ClientAliveCountMax", Form::Word, Default::Always("3")),
    ("ClientAliveInterval", Form::Time, Default::Always("0")),
    ("DisableForwarding", Form::Word, Default::Always("no")),
    ("GSSAPIAuthentication", Form::Word, Default::Always("no")),
    ("HostbasedAuthentication", Form::Word, Default::Always("no")),
    ("IgnoreRhosts", Form::Word, Default::Always("yes")),
    ("KexAlgorithms", Form::Algorithms, Default::Debian12(KEX)),
    ("LoginGraceTime", Form::Time, Default::Always("120")),
    ("LogLevel", Form::Word, Default::Always("info")),
    ("MACs", Form::Algorithms, Default::Debian12(MACS)),
    ("MaxAuthTries", Form::Word, Default::Always("6")),
    ("PermitEmptyPasswords", Form::Word, Default::Always("no")),
    ("PermitRootLogin", Form::Word, Default::Deb("prohibit-password")),
    ("PermitUserEnvironment", Form::Word, Default::Always("no")),
    ("Protocol", Form::Word, Default::Unset),
    ("StrictModes", Form::Word, Default::Always("yes")),
    ("X11Forwarding", Form::Word, Default::Always("no")),
];

#[derive(Debug)]
struct Ask {
    key: usize,
    beside: Option<usize>,
}

/// `key` and, where two belong together, `beside`: the other keyword, whose value in the same context is `other`.
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let find = |name: &'static str| {
        let item = table.item(name)?;
        let text = item.text()?;
        let found = KEYS.iter().position(|(key, ..)| *key == text);
        if found.is_none() {
            item.fault(format!("no keyword `{text}`"), did_you_mean(text, KEYS.iter().map(|(key, ..)| *key)));
        }
        found
    };
    if !table.has("key") {
        table.missing("key", "\"PermitRootLogin\"");
    }
    let (key, beside) = (find("key"), find("beside"));
    Some(Arc::new(Ask { key: key?, beside }))
}

/// A line that says something.
#[derive(Debug)]
struct Setting {
    /// Index into `KEYS`.
    key: usize,
    args: Vec<String>,
    file: Rc<str>,
    line: usize,
    text: String,
    context: usize,
}

/// The whole configuration.
#[derive(Debug)]
struct Config {
    settings: Vec<Setting>,
    /// Criteria of each context, and the one around it; the first is the global one.
    contexts: Vec<(String, usize)>,
    unseen: Vec<Unseen>,
    read: Vec<String>,
}

impl Config {
    fn of(host: &Host) -> Result<Self, Unseen> {
        let mut config =
            Self { settings: Vec::new(), contexts: vec![(String::new(), 0)], unseen: Vec::new(), read: Vec::new() };
        let text = host.root.need(MAIN)?;
        config.file(host, MAIN, &text, 0, 0);
        Ok(config)
    }

    fn file(&mut self, host: &Host, path: &str, text: &str, context: usize, depth: usize) {
        let around = context;
        let mut context = context;
        let file: Rc<str> = path.into();
        self.read.push(path.to_owned());
        for (line, text) in super::lines(text, "#") {
            let (keyword, args) = split(text);
            if self.settings.len() + self.contexts.len() + self.read.len() > MAX_SETTINGS {
                self.unseen.push(Unseen::TooLarge(path.to_owned()));
                return;
            }
            if keyword.eq_ignore_ascii_case("match") {
                context = self.contexts.len();
                self.contexts.push((mask_line(text), around));
            } else if keyword.eq_ignore_ascii_case("include") {
                for pattern in &args {
                    self.include(host, path, pattern, context, depth + 1);
                }
            } else if let Some(key) = KEYS.iter().position(|(name, ..)| name.eq_ignore_ascii_case(&keyword)) {
                self.settings.push(Setting {
                    key,
                    args,
                    file: Rc::clone(&file),
                    line,
                    text: mask_line(text),
                    context,
                });
            }
        }
    }

    fn include(&mut self, host: &Host, from: &str, pattern: &str, context: usize, depth: usize) {
        if depth > MAX_DEPTH {
            self.unseen.push(Unseen::Links(from.to_owned()));
            return;
        }
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{BASE}/{pattern}") };
        let paths = host.root.glob(&pattern).unwrap_or_else(|why| {
            self.unseen.push(why);
            Vec::new()
        });
        for path in paths {
            match host.root.text(&path) {
                Ok(Some(text)) => self.file(host, &path, &text, context, depth),
                Ok(None) | Err(Unseen::Shape(_)) => {}
                Err(why) => self.unseen.push(why),
            }
        }
    }

    /// The blocks around a context, itself first, without the global one.
    fn chain(&self, context: usize) -> BTreeSet<usize> {
        let mut chain = BTreeSet::new();
        let mut at = context;
        while at != 0 && chain.insert(at) {
            at = self.contexts.get(at).map_or(0, |(_, around)| *around);
        }
        chain
    }

    /// The lines of a keyword that hold in a context, those of its blocks, else the global ones; and those beside them
    /// that come too late to count.
    fn in_force(&self, key: usize, context: usize) -> (Vec<&Setting>, Vec<&Setting>) {
        let chain = self.chain(context);
        let own = |within: &dyn Fn(usize) -> bool| -> Vec<&Setting> {
            self.settings.iter().filter(|s| s.key == key && within(s.context)).collect()
        };
        let inner = own(&|c| chain.contains(&c));
        let mut lines = if inner.is_empty() { own(&|c| c == 0) } else { inner };
        let late = if form(key) == Form::Names { Vec::new() } else { lines.split_off(lines.len().min(1)) };
        (lines, late)
    }

    /// Whether a block, or one that it stands in, says something about a keyword.
    fn says(&self, key: usize, context: usize) -> bool {
        let chain = self.chain(context);
        self.settings.iter().any(|s| s.key == key && chain.contains(&s.context))
    }
}

fn form(key: usize) -> Form {
    KEYS.get(key).map_or(Form::Word, |(_, form, _)| *form)
}

/// Keyword and arguments: a `=` may stand after the keyword, quotes hold blanks, `#` begins a comment.
fn split(line: &str) -> (String, Vec<String>) {
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at_checked(end).unwrap_or((line, ""));
    let rest = rest.trim_start().strip_prefix('=').unwrap_or(rest);
    let (mut args, mut word, mut quoted) = (Vec::new(), String::new(), None);
    for c in rest.chars().chain([' ']) {
        match (c, quoted) {
            (c, Some(quote)) if c == quote => quoted = None,
            ('"' | '\'', None) => quoted = Some(c),
            ('#', None) if word.is_empty() => break,
            (c, None) if c.is_whitespace() => {
                if !word.is_empty() {
                    args.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
    }
    (keyword.to_owned(), args)
}

/// Seconds of `90`, `2m` or `1h30m`, TIME FORMATS in sshd_config(5).
fn seconds(text: &str) -> Option<i64> {
    let (mut total, mut number) = (0_i64, None::<i64>);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(digit))?);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    total.checked_add(number.unwrap_or(0))
}

/// The word that means the same today.
fn modern(value: &str) -> &str {
    if value == "without-password" { "prohibit-password" } else { value }
}

/// The value that holds without the keyword; nothing if there is none, an error if it cannot be known.
fn default(host: &Host, key: usize) -> Result<Option<&'static str>, Unseen> {
    let Some((name, _, default)) = KEYS.get(key) else { return Ok(None) };
    let os = &host.os;
    match default {
        Default::Always(value) => Ok(Some(value)),
        Default::Deb(value) if os.is(Family::Deb) => Ok(Some(value)),
        Default::Debian12(value) if os.id == "debian" && os.version == "12" => Ok(Some(value)),
        Default::Unset => Ok(None),
        Default::Deb(_) | Default::Debian12(_) => Err(Unseen::Default((*name).to_owned())),
    }
}

/// A list with its operation done: `+` adds to the default, `-` takes away, `^` puts before.
fn algorithms(value: &str, default: Result<Option<&'static str>, Unseen>) -> (Vec<String>, Option<Unseen>) {
    let names = |text: &str| text.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
    let Some(operation) = value.chars().next().filter(|c| ['+', '-', '^'].contains(c)) else {
        return (names(value), None);
    };
    let given: Vec<String> = names(value.get(1..).unwrap_or(""));
    let (base, unseen): (Vec<String>, _) = match default {
        Ok(base) => (names(base.unwrap_or("")), None),
        Err(why) => (Vec::new(), Some(why)),
    };
    if operation == '-' {
        let kept = base.into_iter().filter(|name| !given.iter().any(|g| root::fits(g, name)));
        return (kept.collect(), unseen);
    }
    (base.into_iter().chain(given).collect(), unseen)
}

impl Fact for Ask {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("value", Type::Text),
            ("number", Type::Number),
            ("other", Type::Text),
            ("other_number", Type::Number),
        ])
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let config = host.once("sshd", Config::of);
        let config = config.as_ref().as_ref().map_err(Clone::clone)?;
        found.looked.extend(config.read.iter().cloned());
        found.unseen.extend(config.unseen.iter().cloned());
        for context in 0..config.contexts.len() {
            let asked = |key: usize| config.says(key, context);
            if context == 0 || asked(self.key) || self.beside.is_some_and(asked) {
                self.context(host, config, context, found)?;
            }
        }
        Ok(())
    }
}

impl Ask {
    fn context(&self, host: &Host, config: &Config, context: usize, found: &mut Found) -> Result<(), Unseen> {
        let block = config.contexts.get(context).map_or("", |(criteria, _)| criteria);
        let name = KEYS.get(self.key).map_or("", |(name, ..)| name);
        let other = match self.beside {
            None => None,
            Some(key) => match config.in_force(key, context).0.first() {
                Some(setting) => setting.args.first().map(|a| a.to_ascii_lowercase()),
                None => default(host, key)?.map(str::to_owned),
            },
        };
        let row = |proof: Row, value: &str| {
            let mut row = proof.about(block).with("value", value);
            if let Some(number) = seconds(value).filter(|_| !value.is_empty()) {
                row = row.with("number", number);
            }
            if let Some(other) = &other {
                row = row.with("other", other.as_str());
                row = seconds(other).into_iter().fold(row, |row, n| row.with("other_number", n));
            }
            row
        };
        let mut unseen = None;
        let mut rows = |setting: &Setting| -> Vec<Row> {
            let proof = || Row::at(&setting.file, setting.line, setting.text.clone());
            let values = match form(self.key) {
                Form::Names => setting.args.clone(),
                Form::Word | Form::Time => vec![modern(&setting.args.join(" ").to_ascii_lowercase()).to_owned()],
                Form::Algorithms => {
                    let first = setting.args.first().map_or("", String::as_str);
                    let (names, why) = algorithms(first, default(host, self.key));
                    unseen = unseen.take().or(why);
                    names
                }
            };
            values.iter().map(|value| row(proof(), value)).collect()
        };
        let (lines, late) = config.in_force(self.key, context);
        let written = !lines.is_empty();
        let late: Vec<Row> = late.into_iter().flat_map(&mut rows).collect();
        let mut all: Vec<Row> = lines.into_iter().flat_map(&mut rows).collect();
        if let Some(last) = all.pop() {
            all.push(last.beside(late));
        }
        if !written && let Some(value) = default(host, self.key)? {
            let proof = || Row::at(MAIN, 0, format!("{name} {value} (default)")).by_default();
            match form(self.key) {
                Form::Algorithms => all.extend(value.split(',').map(|v| row(proof(), v))),
                Form::Word | Form::Time | Form::Names => all.push(row(proof(), value)),
            }
        }
        found.rows.extend(all);
        found.unseen.extend(unseen);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::{Memory, Root};
    use super::*;

    fn rows(key: &str, files: Memory) -> String {
        let host = Host::new(Root::memory(files.file("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")), 0);
        let at = |name: &str| KEYS.iter().position(|(key, ..)| *key == name).unwrap();
        let (key, beside) = key.split_once('+').map_or((key, None), |(key, beside)| (key, Some(at(beside))));
        let mut found = Found::default();
        let done = Ask { key: at(key), beside }.gather(&host, &mut found);
        let one = |row: &Row| {
            let value = |name: &str| match row.values.iter().find(|(n, _)| n == name) {
                Some((_, super::super::Datum::Text(text))) => text.clone(),
                Some((_, super::super::Datum::Number(number))) => number.to_string(),
                _ => "-".to_owned(),
            };
            let other = if beside.is_some() { format!("*{}", value("other")) } else { String::new() };
            format!("{}{}{other}@{}:{} ", row.block, value("value"), row.proof.file, row.proof.line_from)
        };
        let unseen = found.unseen.iter().chain(done.as_ref().err()).map(|u| format!("!{u} "));
        found.rows.iter().map(one).chain(unseen).collect::<String>().replace("/etc/ssh/", "").trim_end().to_owned()
    }

    #[test]
    fn the_first_value_counts_and_every_block_is_a_context() {
        let main = |text: &str| Memory::default().file(MAIN, text);
        assert_eq!(
            rows("PermitRootLogin", main("permitrootlogin=no # x\nPermitRootLogin yes\n")),
            "no@sshd_config:1"
        );
        assert_eq!(rows("PermitRootLogin", main("#PermitRootLogin no\n")), "prohibit-password@sshd_config:0");
        let dropin = main("Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin no\n")
            .file("/etc/ssh/sshd_config.d/50.conf", "Match User a\nPermitRootLogin yes\n")
            .file("/etc/ssh/sshd_config.d/60.conf", "PermitRootLogin without-password\n");
        assert_eq!(
            rows("PermitRootLogin", dropin),
            "prohibit-password@sshd_config.d/60.conf:1 Match User ayes@sshd_config.d/50.conf:2"
        );
        let inside = main("PermitRootLogin no\nMatch Group g\nInclude x.conf\nMatch all\nX11Forwarding yes\n")
            .file("/etc/ssh/x.conf", "Match Address 10.0.0.1\nPermitRootLogin yes\n");
        assert_eq!(rows("PermitRootLogin", inside), "no@sshd_config:1 Match Address 10.0.0.1yes@x.conf:2");
        let both = main("ClientAliveInterval 5m\nMatch User b\nClientAliveCountMax 0\n");
        assert_eq!(
            rows("ClientAliveInterval+ClientAliveCountMax", both),
            "5m*3@sshd_config:1 Match User b5m*0@sshd_config:1"
        );
    }

    #[test]
    fn lists_add_to_the_default_and_names_add_up() {
        let main = |text: &str| Memory::default().file(MAIN, text);
        assert_eq!(
            rows("Ciphers", main("Ciphers aes256-ctr,3des-cbc\n")),
            "aes256-ctr@sshd_config:1 3des-cbc@sshd_config:1"
        );
        assert!(
            rows("Ciphers", main("Ciphers +3des-cbc\n"))
                .ends_with("aes256-gcm@openssh.com@sshd_config:1 3des-cbc@sshd_config:1")
        );
        assert!(!rows("MACs", main("MACs -*sha1*\n")).contains("sha1"));
        assert!(rows("MACs", main("")).contains("hmac-sha1@sshd_config:0"));
        assert_eq!(
            rows("AllowUsers", main("AllowUsers a b@10.*\nAllowUsers c\n")),
            "a@sshd_config:1 b@10.*@sshd_config:1 c@sshd_config:2"
        );
        assert_eq!(rows("AllowUsers", main("AllowUsers\n")), "");
    }

    #[test]
    fn circles_end_and_times_are_seconds() {
        let circle = Memory::default().file(MAIN, "Include sshd_config\nMaxAuthTries 4\n");
        assert!(rows("MaxAuthTries", circle).contains("too many links"));
        assert!(rows("MaxAuthTries", Memory::default()).contains("there is no"));
        assert_eq!(
            ["90", "2m", "1h30m", "x", "0", "5y"].map(seconds),
            [Some(90), Some(120), Some(5400), None, Some(0), None]
        );
    }
}
