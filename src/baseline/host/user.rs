//! Facts about accounts and groups, each line of passwd(5) and group(5) a row, and about their homes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::accounts::{self, GROUP, PASSWD, User};
use super::{Fact, Found, Host, Row, Unseen, columns, file};
use crate::config::expr::Type;
use crate::config::reader::{Item, Table};

#[derive(Debug)]
struct Users {
    /// The bits that a home may have at most.
    home_most: Option<u32>,
    /// Files that are looked for in homes.
    holds: Vec<String>,
}

/// `home_most` (the widest mode of homes, octal), `holds` (names of files in homes that are looked for).
pub(super) fn users(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let home_most = if table.has("home_most") { Some(file::mode(table, "home_most")?) } else { None };
    let holds = table.texts("holds").iter().filter_map(Item::text).map(str::to_owned).collect();
    Some(Arc::new(Users { home_most, holds }))
}

#[derive(Debug)]
struct Groups;

/// No settings.
pub(super) fn groups(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Groups))
}

impl Fact for Users {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("name", Type::Text),
            ("uid", Type::Number),
            ("gid", Type::Number),
            ("shell", Type::Text),
            ("login", Type::Bool),
            ("system", Type::Bool),
            ("password", Type::Text),
            ("same_name", Type::Bool),
            ("same_uid", Type::Bool),
            ("compat", Type::Bool),
            ("home", Type::Text),
            ("home_exists", Type::Bool),
            ("home_wider", Type::Bool),
            ("home_own", Type::Bool),
            ("held", Type::Text),
        ])
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(PASSWD.to_owned());
        let users = accounts::users(host);
        let (users, odd) = users.as_ref().as_ref().map_err(Clone::clone)?;
        odd_lines(host, PASSWD, odd, found)?;
        let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
        let first = accounts::first_uid(host);
        for user in users {
            let (same_name, same_uid) = (!names.insert(&user.name), !ids.insert(user.uid));
            let text = format!("{}:{}:{}:{}:{}", user.name, user.uid, user.gid, user.home, user.shell);
            let row = Row::at(PASSWD, user.line, text).about(user.name.as_str()).with("name", user.name.as_str());
            let row = row.with("uid", user.uid).with("gid", user.gid).with("shell", user.shell.as_str());
            let row = row.with("login", user.logs_in()).with("system", user.uid != 0 && user.uid < first);
            let row = row.with("password", user.kept()).with("same_name", same_name).with("same_uid", same_uid);
            let row = row.with("compat", false).with("home", user.home.as_str());
            // Of a home that could not be seen a row would say less than it has to, and be taken for a bad one.
            match self.home(host, user, row) {
                Ok(row) => found.rows.push(row),
                Err(why) => found.unseen.push(why),
            }
        }
        Ok(())
    }
}

impl Users {
    /// The same with what is asked of a home, if anything is.
    fn home(&self, host: &Host, user: &User, row: Row) -> Result<Row, Unseen> {
        if (self.home_most.is_none() && self.holds.is_empty()) || !user.home.starts_with('/') {
            return Ok(row.with("held", ""));
        }
        let meta = host.root.meta(&user.home)?;
        let mut row = row.with("home_exists", meta.is_some());
        if let (Some(meta), Some(most)) = (meta, self.home_most) {
            row = row.with("home_wider", meta.mode & !most != 0).with("home_own", meta.uid == user.uid);
            row.proof.text = format!("{} ({:04o})", row.proof.text, meta.mode);
        }
        let mut held: Vec<&str> = Vec::new();
        for name in &self.holds {
            if host.root.exists(&format!("{}/{name}", user.home.trim_end_matches('/')))? {
                held.push(name);
            }
        }
        let held = held.join(", ");
        if !held.is_empty() {
            row.proof.text = format!("{} {held}", row.proof.text);
        }
        Ok(row.with("held", held))
    }
}

impl Fact for Groups {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("name", Type::Text),
            ("gid", Type::Number),
            ("members", Type::List),
            ("same_name", Type::Bool),
            ("same_gid", Type::Bool),
            ("compat", Type::Bool),
        ])
    }

    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(GROUP.to_owned());
        let groups = accounts::groups(host);
        let (groups, odd) = groups.as_ref().as_ref().map_err(Clone::clone)?;
        odd_lines(host, GROUP, odd, found)?;
        let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for group in groups {
            let (same_name, same_gid) = (!names.insert(&group.name), !ids.insert(group.gid));
            let text = format!("{}:{}:{}", group.name, group.gid, group.members.join(","));
            let row = Row::at(GROUP, group.line, text).about(group.name.as_str()).with("name", group.name.as_str());
            let row = row.with("gid", group.gid).with("members", group.members.clone()).with("compat", false);
            found.rows.push(row.with("same_name", same_name).with("same_gid", same_gid));
        }
        Ok(())
    }
}

/// A line that begins with `+` or `-` takes in or leaves out what a directory service has, nsswitch.conf(5); any other
/// of another form cannot be judged.
fn odd_lines(host: &Host, path: &str, odd: &[usize], found: &mut Found) -> Result<(), Unseen> {
    let text = host.root.need(path)?;
    for number in odd {
        let line = text.lines().nth(number - 1).unwrap_or("");
        let name = line.split(':').next().unwrap_or("");
        if name.starts_with(['+', '-']) {
            found.rows.push(Row::at(path, *number, name).with("name", name).with("compat", true));
        } else {
            found.unseen.push(Unseen::Garbled(path.to_owned(), *number));
        }
    }
    Ok(())
}
