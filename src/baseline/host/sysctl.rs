//! Kernel settings: what is set now (`/proc/sys`) and what will be set at the next start (sysctl.d(5), sysctl.conf(5)).
//! Files apply in the order of their names whatever directory they stand in, the last assignment wins, and a file of
//! `/etc` masks one of the same name elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::include::{self, Files};
use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns, last_counts};
use crate::config::expr::Type;
use crate::config::reader::Table;

#[derive(Debug)]
struct Sysctl {
    keys: Vec<String>,
}

/// `key` (a name or a list of them).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let keys = include::texts(table, "key", "\"net.ipv4.ip_forward\"")?;
    for key in &keys {
        if live_path(key).is_none() {
            table.item("key")?.fault(format!("`{key}` is no setting"), "write \"net.ipv4.ip_forward\"");
            return None;
        }
    }
    Some(Arc::new(Sysctl { keys }))
}

impl Fact for Sysctl {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("key", Type::Text), ("value", Type::Text), ("number", Type::Number), ("live", Type::Bool)])
    }

    /// A row for what is set now, which a kernel that lacks the setting does not have, and one for what is kept.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let kept = host.once("sysctl", |host| {
            let mut found = Found::default();
            let all = kept(&mut Files::of(&host.root, &mut found));
            (all, found.unseen)
        });
        found.looked.extend(DIRECTORIES.iter().map(|d| format!("{d}/*.conf")));
        found.looked.push(LAST.to_owned());
        found.unseen.extend(kept.1.iter().cloned());
        for key in &self.keys {
            if host.root.live()
                && let Some(path) = live_path(key)
                && let Some(text) = host.root.text(&path)?
            {
                let value = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let row = Row::at(&path, 1, value.clone()).valued(&value).about(key.as_str());
                found.rows.push(row.with("key", key.as_str()).with("live", true));
            }
            // systemd-sysctl reads the last file by a link among the others or not at all, sysctl(8) reads it after them:
            // where they differ it is not known which counts, so both must be good.
            let (last, others): (Vec<_>, Vec<_>) = kept.0.iter().partition(|(path, _)| path == LAST);
            for group in [others, last] {
                let Some(setting) = decides(group.iter().flat_map(|(_, all)| all), key) else { continue };
                let row = |file: &str, s: &Setting| {
                    let value = s.value.as_deref()?;
                    let row = Row::at(file, s.line, format!("{} = {value}", s.key)).valued(value);
                    Some(row.about(key.as_str()).with("key", key.as_str()).with("live", false))
                };
                let own = group.iter().flat_map(|(file, all)| all.iter().map(move |s| (file, s)));
                let (last, others): (Vec<_>, Vec<_>) = own
                    .filter(|(_, s)| s.key == *key || std::ptr::eq(*s, setting))
                    .partition(|(_, s)| std::ptr::eq(*s, setting));
                let rows = others.into_iter().chain(last).filter_map(|(file, s)| row(file, s));
                found.rows.extend(last_counts(rows.collect()));
            }
        }
        Ok(())
    }
}

/// All files that count, in the order in which they apply.
fn kept(files: &mut Files<'_>) -> Vec<(String, Vec<Setting>)> {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for directory in DIRECTORIES {
        for name in files.names(directory).unwrap_or_default().into_iter().filter(|n| n.ends_with(".conf")) {
            named.entry(name.clone()).or_insert_with(|| format!("{directory}/{name}"));
        }
    }
    let order = named.into_values().chain([LAST.to_owned()]);
    order.filter_map(|path| files.text(&path).map(|text| (path, settings(&text).collect()))).collect()
}

/// One line of a file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    /// Name with dots, `*` in a pattern.
    key: String,
    /// Value; `None` on a line `-KEY` that only exempts KEY from patterns.
    value: Option<String>,
    /// Line, from 1.
    line: usize,
}

/// The settings of one file, in its order. A line that is none is skipped, as the programs that apply them do.
fn settings(text: &str) -> impl Iterator<Item = Setting> + '_ {
    text.lines().zip(1..).filter_map(|(raw, line)| {
        let body = raw.trim();
        if body.is_empty() || body.starts_with(['#', ';']) {
            return None;
        }
        let optional = body.strip_prefix('-');
        let body = optional.unwrap_or(body).trim_start();
        match body.split_once('=') {
            Some((key, value)) => {
                Some(Setting { key: dotted(key.trim()), value: Some(value.trim().to_owned()), line })
            }
            None => optional.map(|_| Setting { key: dotted(body), value: None, line }),
        }
    })
}

/// A name with dots: where the first separator is a slash, dots stand for slashes and slashes for dots.
fn dotted(key: &str) -> String {
    match key.find(['.', '/']) {
        Some(at) if key.as_bytes().get(at) == Some(&b'/') => key
            .chars()
            .map(|c| {
                if c == '/' {
                    '.'
                } else if c == '.' {
                    '/'
                } else {
                    c
                }
            })
            .collect(),
        _ => key.to_owned(),
    }
}

/// Where `/proc/sys` keeps a setting; `None` for a name that would lead elsewhere.
fn live_path(key: &str) -> Option<String> {
    let path: String = key
        .chars()
        .map(|c| {
            if c == '.' {
                '/'
            } else if c == '/' {
                '.'
            } else {
                c
            }
        })
        .collect();
    let sound = !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    sound.then(|| format!("/proc/sys/{path}"))
}

/// The directories of settings, most important first.
const DIRECTORIES: [&str; 5] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
/// The file that comes last whatever its name.
const LAST: &str = "/etc/sysctl.conf";

/// The assignment that decides a setting: the last of its own, else the last pattern that fits it unless exempted.
fn decides<'a>(all: impl Iterator<Item = &'a Setting>, key: &str) -> Option<&'a Setting> {
    let (mut own, mut pattern, mut exempt) = (None, None, false);
    for setting in all {
        if setting.key == key {
            match &setting.value {
                Some(_) => own = Some(setting),
                None => exempt = true,
            }
        } else if setting.value.is_some() && setting.key.contains('*') && fits(&setting.key, key) {
            pattern = Some(setting);
        }
    }
    own.or(pattern.filter(|_| !exempt))
}

/// Whether a pattern with `*` for one part, or a piece of it, fits a name.
fn fits(pattern: &str, key: &str) -> bool {
    let (mut wanted, mut parts) = (pattern.split('.'), key.split('.'));
    loop {
        match (wanted.next(), parts.next()) {
            (None, None) => return true,
            (Some(p), Some(k)) => {
                let good = match p.split_once('*') {
                    None => p == k,
                    Some((head, tail)) => {
                        k.len() >= head.len() + tail.len() && k.starts_with(head) && k.ends_with(tail)
                    }
                };
                if !good {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_assignment_decides_and_patterns_yield_to_names() {
        let text = "# net.ipv4.ip_forward = 1\nnet.ipv4.ip_forward=1\n; x\nnet/ipv4/ip_forward = 0\n\
                    net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\nkernel.x\n-kernel.y = 3";
        let all: Vec<_> = settings(text).collect();
        let of = |key| decides(all.iter(), key).map(|s| (s.value.as_deref(), s.line));
        assert_eq!(of("net.ipv4.ip_forward"), Some((Some("0"), 4)));
        assert_eq!(of("net.ipv4.conf.eth0.rp_filter"), Some((Some("2"), 5)));
        assert_eq!(of("net.ipv4.conf.all.rp_filter"), None);
        assert_eq!(of("kernel.y"), Some((Some("3"), 8)));
        assert_eq!(of("kernel.x"), None);
    }

    #[test]
    fn names_with_slashes_keep_the_dots_of_interfaces() {
        assert_eq!(dotted("net/ipv4/conf/eth0.1/rp_filter"), "net.ipv4.conf.eth0/1.rp_filter");
        assert_eq!(live_path("net.ipv4.conf.eth0/1.rp_filter").unwrap(), "/proc/sys/net/ipv4/conf/eth0.1/rp_filter");
        assert_eq!(live_path("../x"), None);
        assert_eq!(live_path("a..b"), None);
    }
}
