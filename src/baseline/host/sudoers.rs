//! Who may do what as somebody else, sudoers(5): grants with their aliases resolved, and `Defaults`. Of several grants that fit
//! the last one counts, so one that a later one covers wholly is left out.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::{Fact, Found, Host, Row, Unseen, columns, last_counts};
use crate::baseline::host::lines::joined;
use crate::baseline::mask::mask_line;
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The file that is read first.
const MAIN: &str = "/etc/sudoers";
/// The deepest inclusion; sudo itself has 128, people have two.
const MAX_DEPTH: usize = 16;
/// The most entries, and the most names behind an alias. Each grant is held against those after it.
const MAX_ENTRIES: usize = 10_000;

#[derive(Debug)]
struct Sudoers {
    option: Option<String>,
}

/// `option`: the rows are the `Defaults` with it; without, they are the grants.
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Sudoers { option: table.opt_text("option").map(str::to_owned) }))
}

/// A line with its place.
#[derive(Debug, Clone)]
struct Place {
    file: Rc<str>,
    line: usize,
    text: String,
}

/// One command that somebody may run.
#[derive(Debug)]
struct Grant {
    who: String,
    hosts: String,
    runas: String,
    command: String,
    nopasswd: bool,
    noexec: bool,
    place: Place,
}

/// One setting of `Defaults`.
#[derive(Debug)]
struct Setting {
    name: String,
    /// `yes` and `no` for one without a value.
    value: String,
    /// For whom; empty for all.
    scope: String,
    place: Place,
}

#[derive(Debug, Default)]
struct Config {
    grants: Vec<Grant>,
    settings: Vec<Setting>,
    aliases: HashMap<String, Vec<String>>,
    /// Lines that grant something, read after all aliases are known: they may be defined below.
    specs: Vec<Place>,
    unseen: Vec<Unseen>,
    read: Vec<String>,
}

impl Config {
    fn of(host: &Host) -> Result<Self, Unseen> {
        let mut config = Self::default();
        let text = host.root.need(MAIN)?;
        config.file(host, MAIN, &text, 0);
        for place in std::mem::take(&mut config.specs) {
            config.spec(&place);
        }
        Ok(config)
    }

    fn file(&mut self, host: &Host, path: &str, text: &str, depth: usize) {
        self.read.push(path.to_owned());
        if depth > MAX_DEPTH {
            self.unseen.push(Unseen::Links(path.to_owned()));
            return;
        }
        let file: Rc<str> = path.into();
        for (line, text) in lines(text) {
            if self.full(path) {
                return;
            }
            let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
            let place = || Place { file: Rc::clone(&file), line, text: mask_line(&text) };
            match word {
                "@include" | "#include" => self.include(host, path, rest, depth + 1),
                "@includedir" | "#includedir" => self.directory(host, path, rest, depth + 1),
                "User_Alias" | "Runas_Alias" | "Host_Alias" | "Cmnd_Alias" | "Cmd_Alias" => self.alias(rest),
                _ if text.starts_with('#') && !uid(word) => {}
                _ if word.starts_with("Defaults") => self.defaults(&text, &place()),
                _ => self.specs.push(Place { text: text.clone(), ..place() }),
            }
        }
    }

    /// Whether there is too much of it, which is noted once.
    fn full(&mut self, path: &str) -> bool {
        let much = [self.read.len(), self.specs.len(), self.grants.len(), self.unseen.len()];
        if much.iter().all(|count| *count < MAX_ENTRIES) {
            return false;
        }
        if !self.unseen.iter().any(|why| matches!(why, Unseen::TooLarge(_))) {
            self.unseen.push(Unseen::TooLarge(path.to_owned()));
        }
        true
    }

    fn include(&mut self, host: &Host, from: &str, name: &str, depth: usize) {
        let path = beside(from, name, host);
        match host.root.need(&path) {
            Ok(text) => self.file(host, &path, &text, depth),
            Err(why) => self.unseen.push(why),
        }
    }

    /// Files in a directory, sorted, but for those with a dot in their names or a tilde at their end.
    fn directory(&mut self, host: &Host, from: &str, name: &str, depth: usize) {
        let dir = beside(from, name, host);
        let names = match host.root.list(&dir) {
            Ok(names) => names.unwrap_or_default(),
            Err(why) => return self.unseen.push(why),
        };
        for name in names.iter().filter(|n| !n.contains('.') && !n.ends_with('~')) {
            let path = format!("{dir}/{name}");
            match host.root.text(&path) {
                Ok(Some(text)) => self.file(host, &path, &text, depth),
                Ok(None) | Err(Unseen::Shape(_)) => {}
                Err(why) => self.unseen.push(why),
            }
        }
    }

    fn alias(&mut self, text: &str) {
        for one in parts(text, ':') {
            if let Some((name, members)) = one.split_once('=') {
                let members = parts(members, ',').iter().map(|m| m.trim().to_owned()).collect();
                self.aliases.insert(name.trim().to_owned(), members);
            }
        }
    }

    fn defaults(&mut self, text: &str, place: &Place) {
        let rest = text.strip_prefix("Defaults").unwrap_or("");
        let (scope, rest) = if rest.starts_with(char::is_whitespace) {
            ("", rest)
        } else {
            rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest, ""))
        };
        for part in parts(rest, ',') {
            let part = part.trim();
            let denied = part.starts_with('!');
            let (name, value) = match part.trim_start_matches('!').split_once('=') {
                Some((name, value)) => (name.trim_end_matches(['+', '-']).trim(), value.trim().trim_matches('"')),
                None => (part.trim_start_matches('!').trim(), if denied { "no" } else { "yes" }),
            };
            if !name.is_empty() {
                let (name, value, scope) = (name.to_owned(), value.to_owned(), scope.to_owned());
                self.settings.push(Setting { name, value, scope, place: place.clone() });
            }
        }
    }

    /// `users hosts = commands : hosts = commands`.
    fn spec(&mut self, place: &Place) {
        let Some(at) = place.text.find('=') else { return };
        let (left, _) = place.text.split_at_checked(at).unwrap_or((&place.text, ""));
        let left = left.trim();
        // Names in a list are parted by commas, the lists by a blank.
        let at = left.rfind(|c: char| c.is_whitespace()).unwrap_or(left.len());
        let at = list_start(left, at);
        let (users, _) = left.split_at_checked(at).unwrap_or((left, ""));
        let rest = place.text.get(users.len()..).unwrap_or("").trim_start();
        let shown = Place { text: mask_line(&place.text), ..place.clone() };
        for group in parts(rest, ':').into_iter().fold(Vec::new(), together) {
            let Some((hosts, commands)) = group.split_once('=') else { continue };
            self.commands(users, hosts.trim(), commands, &shown);
        }
    }

    fn commands(&mut self, users: &str, hosts: &str, commands: &str, place: &Place) {
        let (mut runas, mut nopasswd, mut noexec) = ("root".to_owned(), false, false);
        for part in parts(commands, ',') {
            let mut part = part.trim();
            if let Some((as_whom, rest)) = part.strip_prefix('(').and_then(|p| p.split_once(')')) {
                as_whom.trim().clone_into(&mut runas);
                part = rest.trim_start();
            }
            while let Some((tag, rest)) = tag(part) {
                match tag {
                    "NOPASSWD" => nopasswd = true,
                    "PASSWD" => nopasswd = false,
                    "NOEXEC" => noexec = true,
                    "EXEC" => noexec = false,
                    _ => {}
                }
                part = rest.trim_start();
            }
            for command in self.members(part) {
                for who in parts(users, ',').iter().flat_map(|user| self.members(user.trim())).collect::<Vec<_>>() {
                    if self.full(&place.file) {
                        return;
                    }
                    let (hosts, runas, command) = (hosts.to_owned(), runas.clone(), command.clone());
                    self.grants.push(Grant { who, hosts, runas, command, nopasswd, noexec, place: place.clone() });
                }
            }
        }
    }

    /// The names behind a name: itself unless it is an alias.
    fn members(&self, name: &str) -> Vec<String> {
        let (mut left, mut all, mut seen) = (vec![name.to_owned()], Vec::new(), Vec::new());
        while let Some(name) = left.pop() {
            match self.aliases.get(name.trim_start_matches('!')) {
                Some(members) if !seen.contains(&name) && all.len() < MAX_ENTRIES => {
                    let denied = name.starts_with('!');
                    left.extend(members.iter().rev().map(|m| if denied { format!("!{m}") } else { m.clone() }));
                    seen.push(name);
                }
                _ => all.push(name),
            }
        }
        all
    }

    /// The last grant that decides wherever this one would; none if nothing later does.
    fn covering(&self, at: usize) -> Option<usize> {
        let own = self.grants.get(at)?;
        let wide = |theirs: &str, own: &str| theirs == "ALL" || theirs == own;
        let covers = |g: &Grant| {
            (g.place.line != own.place.line || g.place.file != own.place.file)
                && wide(&g.who, &own.who)
                && wide(&g.hosts, &own.hosts)
                && wide(&g.command, &own.command)
                && (g.runas == own.runas || g.runas == "ALL" || g.runas.starts_with("ALL:"))
        };
        let later = self.grants.get(at + 1..)?;
        later.iter().rposition(covers).map(|found| at + 1 + found)
    }
}

/// `#1000` names a user by number; any other `#` begins a comment.
fn uid(word: &str) -> bool {
    word.strip_prefix('#').is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
}

/// A path beside the file that names it; `%h` is the host's name.
fn beside(from: &str, name: &str, host: &Host) -> String {
    let name = name.trim().trim_matches('"').replace("%h", host.name().split('.').next().unwrap_or(""));
    let name = name.trim_end_matches('/');
    match from.rsplit_once('/') {
        Some((dir, _)) if !name.starts_with('/') => format!("{dir}/{name}"),
        _ => name.to_owned(),
    }
}

/// A tag before a command, and what follows.
fn tag(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(':')?;
    let word = word.trim_end();
    (!word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')).then_some((word, rest))
}

/// Where the last list of names begins: blanks after a comma belong to a list.
fn list_start(text: &str, mut at: usize) -> usize {
    loop {
        let before = text.get(..at).unwrap_or("").trim_end();
        if !before.ends_with(',') {
            return before.len();
        }
        at = before.rfind(char::is_whitespace).unwrap_or(0);
        if at == 0 {
            return before.len();
        }
    }
}

/// Joins again what a colon of a tag or of `(user:group)` has parted: a group begins with `hosts =`.
fn together(mut all: Vec<String>, part: String) -> Vec<String> {
    let begins = part.split_once('=').is_some_and(|(hosts, _)| {
        let hosts = hosts.trim();
        !hosts.is_empty() && !hosts.contains(['/', '(', ' ']) && !hosts.ends_with('\\')
    });
    match all.last_mut() {
        Some(last) if !begins => {
            last.push(':');
            last.push_str(&part);
        }
        _ => all.push(part),
    }
    all
}

/// The parts of a text between a mark that is not quoted, escaped or in parentheses.
fn parts(text: &str, mark: char) -> Vec<String> {
    let (mut all, mut part, mut quoted, mut escaped, mut depth) = (Vec::new(), String::new(), false, false, 0_usize);
    for c in text.chars() {
        let plain = !quoted && !escaped && depth == 0;
        escaped = c == '\\' && !escaped;
        match c {
            '"' => quoted = !quoted,
            '(' if plain => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if c == mark && plain => {
                all.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    all.push(part);
    all
}

/// Lines with those that they are continued on, with the number of the first; comments at their end are cut.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut all = joined(text, str::trim_start, "");
    for (_, line) in &mut all {
        let comment = line.match_indices('#').find(|(at, _)| *at > 0 && line.get(at - 1..*at) == Some(" "));
        if let Some((at, _)) =
            comment.filter(|(at, _)| !uid(line.get(*at..).unwrap_or("").split([' ', ',']).next().unwrap_or("")))
        {
            line.truncate(at);
        }
        line.truncate(line.trim_end().len());
    }
    all.retain(|(_, line)| !line.is_empty());
    all
}

impl Fact for Sudoers {
    fn columns(&self) -> Vec<(String, Type)> {
        if self.option.is_some() {
            return columns(&[("value", Type::Text), ("number", Type::Number), ("scope", Type::Text)]);
        }
        columns(&[
            ("who", Type::Text),
            ("hosts", Type::Text),
            ("runas", Type::Text),
            ("command", Type::Text),
            ("nopasswd", Type::Bool),
            ("noexec", Type::Bool),
            ("bare", Type::Bool),
        ])
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let config = host.once("sudoers", Config::of);
        let config = config.as_ref().as_ref().map_err(Clone::clone)?;
        found.looked.extend(config.read.iter().cloned());
        found.unseen.extend(config.unseen.iter().cloned());
        let at = |place: &Place| Row::at(&place.file, place.line, place.text.clone());
        if let Some(option) = &self.option {
            let mut all: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
            for setting in config.settings.iter().filter(|s| s.name == *option) {
                let scope = setting.scope.as_str();
                let row = at(&setting.place).about(scope).with("scope", scope).valued(&setting.value);
                all.entry(scope).or_default().push(row);
            }
            found.rows.extend(all.into_values().filter_map(last_counts));
            return Ok(());
        }
        // A grant that a later one covers stands beside that one.
        let mut all: BTreeMap<usize, (Option<Row>, Vec<Row>)> = BTreeMap::new();
        for (index, grant) in config.grants.iter().enumerate() {
            let row = at(&grant.place).about(grant.who.as_str()).with("who", grant.who.as_str());
            let row = row.with("hosts", grant.hosts.as_str()).with("runas", grant.runas.as_str());
            let row = row.with("command", grant.command.as_str()).with("nopasswd", grant.nopasswd);
            let bare = grant.command.starts_with('/') && !grant.command.contains(char::is_whitespace);
            let row = row.with("noexec", grant.noexec).with("bare", bare);
            match config.covering(index) {
                Some(covering) => all.entry(covering).or_default().1.push(row),
                None => all.entry(index).or_default().0 = Some(row),
            }
        }
        let rows = all.into_values().filter_map(|(row, covered)| Some(row?.beside(covered)));
        found.rows.extend(rows);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Datum;
    use super::super::root::{Memory, Root};
    use super::*;

    fn rows(option: Option<&str>, files: Memory) -> String {
        let mut found = Found::default();
        let fact = Sudoers { option: option.map(str::to_owned) };
        let done = fact.gather(&Host::new(Root::memory(files), 0), &mut found);
        let one = |row: &Row| {
            let get = |name: &str| match row.values.iter().find(|(n, _)| n == name) {
                Some((_, Datum::Text(text))) => text.clone(),
                Some((_, Datum::Bool(true))) => format!("+{name}"),
                _ => String::new(),
            };
            let values = ["who", "hosts", "runas", "command", "nopasswd", "scope", "value"].map(get);
            let values: Vec<String> = values.into_iter().filter(|v| !v.is_empty()).collect();
            format!("{}@{}:{}; ", values.join(" "), row.proof.file.replace("/etc/", ""), row.proof.line_from)
        };
        let unseen = found.unseen.iter().chain(done.as_ref().err()).map(|u| format!("!{u}; "));
        found.rows.iter().map(one).chain(unseen).collect::<String>().trim_end_matches("; ").to_owned()
    }

    #[test]
    fn grants_are_resolved_and_the_last_one_counts() {
        let main = |text: &str| Memory::default().file(MAIN, text);
        assert_eq!(
            rows(None, main("# x\nroot ALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) NOPASSWD: ALL # y\n")),
            "root ALL ALL:ALL ALL@sudoers:2; %sudo ALL ALL:ALL ALL +nopasswd@sudoers:3"
        );
        let alias = "User_Alias ADMINS = a, \\\n  b\nCmnd_Alias CMDS = /bin/x, /bin/y z : OTHER = /bin/q\nADMINS ALL = (root) NOPASSWD: CMDS, PASSWD: OTHER\n";
        assert_eq!(
            rows(None, main(alias)),
            "a ALL root /bin/x +nopasswd@sudoers:4; b ALL root /bin/x +nopasswd@sudoers:4; a ALL root /bin/y z +nopasswd@sudoers:4; \
             b ALL root /bin/y z +nopasswd@sudoers:4; a ALL root /bin/q@sudoers:4; b ALL root /bin/q@sudoers:4"
        );
        let later = "@includedir /etc/sudoers.d\nu ALL=(ALL) ALL\n";
        let dir = |text: &str| {
            main(text)
                .file("/etc/sudoers.d/a", "u ALL=(ALL) NOPASSWD: ALL\n")
                .file("/etc/sudoers.d/a.bak", "v ALL=(ALL) ALL\n")
        };
        assert_eq!(rows(None, dir(later)), "u ALL ALL ALL@sudoers:2");
        assert_eq!(
            rows(None, dir("u ALL=(ALL) ALL\n#includedir sudoers.d\n")),
            "u ALL ALL ALL +nopasswd@sudoers.d/a:1"
        );
        assert_eq!(
            rows(None, main("a, b h1, h2 = /bin/x : h3 = /bin/y\n")),
            "a h1, h2 root /bin/x@sudoers:1; b h1, h2 root /bin/x@sudoers:1; a h3 root /bin/y@sudoers:1; b h3 root /bin/y@sudoers:1"
        );
        assert_eq!(rows(None, main("#1000 ALL=/bin/x\n#no ALL=/bin/y\n")), "#1000 ALL root /bin/x@sudoers:1");
    }

    #[test]
    fn settings_are_the_last_of_each_scope() {
        let text = "Defaults use_pty, logfile=\"/var/log/sudo.log\"\nDefaults:bob !use_pty\nDefaults !use_pty\nDefaults use_pty\n";
        let main = || Memory::default().file(MAIN, text);
        assert_eq!(rows(Some("use_pty"), main()), "yes@sudoers:4; :bob no@sudoers:2");
        assert_eq!(rows(Some("logfile"), main()), "/var/log/sudo.log@sudoers:1");
        assert_eq!(rows(Some("timestamp_timeout"), main()), "");
        assert!(rows(None, Memory::default().file(MAIN, "@include sudoers\n")).contains("too many links"));
        assert!(rows(None, Memory::default()).contains("there is no"));
    }
}
