//! Settings of database servers: MySQL and MariaDB (option files in groups, where the last of several counts) and
//! PostgreSQL (one configuration a cluster, which its own `postgresql.auto.conf` overrides).

use std::sync::Arc;

use super::include::{self, Files};
use super::kv::unquoted;
use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns, last_counts, lines};
use crate::baseline::mask::mask_line;
use crate::config::expr::Type;
use crate::config::reader::Table;

/// How deep includes go; MySQL and PostgreSQL have the same bound.
const MAX_DEPTH: usize = 10;
/// The most settings of a configuration.
const MAX_SETTINGS: usize = 100_000;
/// Option files of MySQL and MariaDB, in the order in which they are read.
const MYSQL: [&str; 2] = ["/etc/my.cnf", "/etc/mysql/my.cnf"];
/// Groups that the server reads; those of a version, such as `mysqld-8.0`, too.
const GROUPS: [&str; 4] = ["mysqld", "server", "mariadb", "mariadbd"];
/// Configurations of clusters: Debian's place, and those of rpm systems.
const CLUSTERS: [&str; 3] = [
    "/etc/postgresql/*/*/postgresql.conf",
    "/var/lib/pgsql/data/postgresql.conf",
    "/var/lib/pgsql/*/data/postgresql.conf",
];

/// A setting where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    key: String,
    value: String,
    file: String,
    line: usize,
    text: String,
}

impl Setting {
    fn row(&self) -> Row {
        Row::at(&self.file, self.line, mask_line(&self.text)).valued(&self.value).with("set", true)
    }
}

/// What the files come to.
struct Reader<'a, 'f> {
    files: &'a mut Files<'f>,
    all: Vec<Setting>,
}

impl Reader<'_, '_> {
    /// The text of one more file; nothing below the depth at which the servers stop, too.
    fn text(&mut self, path: &str, depth: usize) -> Option<std::rc::Rc<str>> {
        if depth <= MAX_DEPTH { self.files.text(path) } else { None }
    }

    /// Whether it is enough, which has been noted then.
    fn done(&mut self, path: &str) -> bool {
        if self.all.len() >= MAX_SETTINGS {
            self.files.full(path);
        }
        self.files.spent()
    }

    fn push(&mut self, key: String, value: &str, file: &str, line: usize, text: &str) {
        let (value, file, text) = (unquoted(value).to_owned(), file.to_owned(), text.to_owned());
        self.all.push(Setting { key, value, file, line, text });
    }

    fn mysql(&mut self, path: &str, depth: usize) {
        let Some(text) = self.text(path, depth) else { return };
        let mut ours = false;
        for (number, line) in lines(&text, "#;") {
            if self.done(path) {
                return;
            }
            if let Some(group) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
                let name = group.split('-').next().unwrap_or(group);
                ours = GROUPS.contains(&group) || (group.contains('-') && GROUPS.contains(&name));
            } else if let Some(directory) = line.strip_prefix("!includedir") {
                let directory = directory.trim();
                for name in self.files.names(directory).unwrap_or_default().iter().filter(|n| n.ends_with(".cnf")) {
                    self.mysql(&include::from(directory, name), depth + 1);
                }
            } else if let Some(file) = line.strip_prefix("!include") {
                self.mysql(file.trim(), depth + 1);
            } else if ours {
                let (key, value) = line.split_once('=').map_or((line, None), |(k, v)| (k, Some(v)));
                let key = key.trim().to_ascii_lowercase().replace('-', "_");
                let key = key.strip_prefix("loose_").unwrap_or(&key);
                // A `#` after a blank begins a comment; `skip_x` is x turned off, a bare name is turned on.
                let value = value.map(|v| v.split(" #").next().unwrap_or(v).trim());
                match (key.strip_prefix("skip_"), value) {
                    (Some(name), None) => {
                        self.push(name.to_owned(), "OFF", path, number, line);
                        self.push(key.to_owned(), "ON", path, number, line);
                    }
                    (_, value) => self.push(key.to_owned(), value.unwrap_or("ON"), path, number, line),
                }
            }
        }
    }

    fn postgres(&mut self, path: &str, depth: usize) {
        let Some(text) = self.text(path, depth) else { return };
        let base = path.rsplit_once('/').map_or("", |(b, _)| b).to_owned();
        for (number, line) in lines(&text, "#") {
            if self.done(path) {
                return;
            }
            let body = uncommented(line);
            let at = body.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(body.len());
            let (key, rest) = body.split_at_checked(at).unwrap_or((body, ""));
            let value = unquoted(rest.trim_start().trim_start_matches('=').trim());
            match key.to_ascii_lowercase().as_str() {
                "include" | "include_if_exists" => self.postgres(&include::from(&base, value), depth + 1),
                "include_dir" => {
                    let directory = include::from(&base, value);
                    let names = self.files.names(&directory).unwrap_or_default();
                    for name in names.iter().filter(|n| n.ends_with(".conf") && !n.starts_with('.')) {
                        self.postgres(&format!("{directory}/{name}"), depth + 1);
                    }
                }
                _ => self.push(key.to_ascii_lowercase(), value, path, number, body),
            }
        }
    }
}

/// A line without the comment at its end; a `#` in quotes is none.
fn uncommented(line: &str) -> &str {
    let mut quoted = false;
    let end = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '\'';
        *c == '#' && !quoted
    });
    line.get(..end.map_or(line.len(), |(at, _)| at)).unwrap_or(line).trim_end()
}

#[derive(Debug)]
struct Mysql {
    key: String,
    default: Option<String>,
}

/// `key` (a variable of the server, with `_`), `default` (its value where nothing sets it).
pub(super) fn mysql(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let key = table.text("key", "\"local_infile\"")?.to_owned();
    Some(Arc::new(Mysql { key, default: table.opt_text("default").map(str::to_owned) }))
}

fn settings() -> Vec<(String, Type)> {
    columns(&[("value", Type::Text), ("number", Type::Number), ("set", Type::Bool)])
}

impl Fact for Mysql {
    fn columns(&self) -> Vec<(String, Type)> {
        settings()
    }

    /// One row: the last of several, or the default.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let known = host.once("mysql", |host| {
            let mut found = Found::default();
            let mut reader = Reader { files: &mut Files::of(&host.root, &mut found), all: Vec::new() };
            MYSQL.iter().for_each(|path| reader.mysql(path, 0));
            (reader.all, found.unseen)
        });
        found.looked.extend(MYSQL.map(str::to_owned));
        found.unseen.extend(known.1.iter().cloned());
        let all = known.0.iter().filter(|s| s.key == self.key).map(Setting::row).collect();
        let there = || MYSQL.iter().find(|path| host.root.exists(path) == Ok(true));
        match (last_counts(all), &self.default, there()) {
            (Some(last), ..) => found.rows.push(last),
            (None, Some(default), Some(file)) => {
                let row = Row::at(file, 0, format!("- {}", self.key)).valued(default).by_default();
                found.rows.push(row.with("set", false));
            }
            _ => {}
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Postgres {
    key: String,
    default: Option<String>,
}

/// `key` (a parameter), `default` (its value where nothing sets it).
pub(super) fn postgres(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let key = table.text("key", "\"log_connections\"")?.to_owned();
    Some(Arc::new(Postgres { key, default: table.opt_text("default").map(str::to_owned) }))
}

impl Fact for Postgres {
    fn columns(&self) -> Vec<(String, Type)> {
        settings()
    }

    /// A row for each cluster.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.extend(CLUSTERS.map(str::to_owned));
        let known = host.once("postgres", clusters);
        found.unseen.extend(known.1.iter().cloned());
        for (path, all) in &known.0 {
            let rows = all.iter().filter(|s| s.key == self.key).map(Setting::row).collect();
            let row = match (last_counts(rows), &self.default) {
                (Some(last), _) => last,
                (None, Some(default)) => {
                    Row::at(path, 0, format!("- {}", self.key)).valued(default).with("set", false).by_default()
                }
                (None, None) => Row::at(path, 0, format!("- {}", self.key)).with("set", false),
            };
            found.rows.push(row.about(path.as_str()));
        }
        Ok(())
    }
}

/// The settings of each cluster, and what could not be seen.
type Clusters = (Vec<(String, Vec<Setting>)>, Vec<Unseen>);

fn clusters(host: &Host) -> Clusters {
    let (mut found, mut all) = (Found::default(), Vec::new());
    for pattern in CLUSTERS {
        for path in Files::of(&host.root, &mut found).glob(pattern) {
            if host.root.exists(&path) != Ok(true) {
                continue;
            }
            let mut reader = Reader { files: &mut Files::of(&host.root, &mut found), all: Vec::new() };
            reader.postgres(&path, 0);
            let said = reader.all.iter().rev().find(|s| s.key == "data_directory").map(|s| s.value.clone());
            let beside = path.rsplit_once('/').map_or("", |(base, _)| base).to_owned();
            reader.postgres(&format!("{}/postgresql.auto.conf", said.unwrap_or(beside)), 0);
            all.push((path, reader.all));
        }
    }
    (all, found.unseen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::host::include::made;

    fn values(host: &Host, fact: &dyn Fact) -> Vec<(Option<String>, String, u32)> {
        let mut found = Found::default();
        fact.gather(host, &mut found).unwrap();
        assert!(found.unseen.is_empty(), "{:?}", found.unseen);
        let value = |row: &Row| {
            row.values.iter().find(|(n, _)| n == "value").map(|(_, v)| match v {
                crate::baseline::host::Datum::Text(t) => t.clone(),
                other => format!("{other:?}"),
            })
        };
        found.rows.iter().map(|r| (value(r), r.proof.file.clone(), r.proof.line_from)).collect()
    }

    #[test]
    fn the_last_setting_of_the_servers_groups_counts() {
        let root = made::root(&[
            (
                "/etc/mysql/my.cnf",
                "[client]\nlocal-infile=1\n[mysqld]\nlocal-infile = 1 # no\n!includedir /etc/mysql/conf.d/\n",
            ),
            (
                "/etc/mysql/conf.d/a.cnf",
                "[mysqld-8.0]\nlocal_infile=0\nloose-x='y z'\nskip-symbolic-links\n[mysqldump]\nlocal_infile=1\n",
            ),
            ("/etc/mysql/conf.d/b.txt", "[mysqld]\nlocal_infile=1\n"),
        ]);
        let host = Host::new(root, 20_000);
        let of = |key: &str, default: Option<&str>| {
            values(&host, &Mysql { key: key.to_owned(), default: default.map(str::to_owned) })
        };
        let file = || "/etc/mysql/conf.d/a.cnf".to_owned();
        assert_eq!(of("local_infile", None), [(Some("0".to_owned()), file(), 2)]);
        assert_eq!(of("x", None), [(Some("y z".to_owned()), file(), 3)]);
        assert_eq!(of("symbolic_links", None), [(Some("OFF".to_owned()), file(), 4)]);
        assert_eq!(of("other", Some("3")), [(Some("3".to_owned()), "/etc/mysql/my.cnf".to_owned(), 0)]);
        assert_eq!(of("other", None), []);
    }

    #[test]
    fn each_cluster_has_its_own_settings() {
        let root = made::root(&[
            (
                "/etc/postgresql/15/main/postgresql.conf",
                "data_directory = '/var/lib/postgresql/15/main'\t# x\nssl on\n#ssl = off\nlog_line_prefix = '%m # %u'\ninclude_dir 'conf.d'\n",
            ),
            ("/etc/postgresql/15/main/conf.d/1.conf", "SSL = off\ninclude = 'postgresql.conf'\ninclude '1.conf'\n"),
            ("/var/lib/postgresql/15/main/postgresql.auto.conf", "port = '5433'\n"),
            ("/var/lib/pgsql/data/postgresql.conf", "ssl = on\n"),
        ]);
        let host = Host::new(root, 20_000);
        let of = |key: &str| values(&host, &Postgres { key: key.to_owned(), default: Some("d".to_owned()) });
        let ssl = of("ssl");
        assert_eq!((ssl[0].0.as_deref(), ssl[1].0.as_deref()), (Some("off"), Some("on")));
        assert_eq!(of("log_line_prefix")[0].0.as_deref(), Some("%m # %u"));
        assert_eq!(of("port")[0].1, "/var/lib/postgresql/15/main/postgresql.auto.conf");
        assert_eq!(of("port")[1].0.as_deref(), Some("d"));
    }
}
