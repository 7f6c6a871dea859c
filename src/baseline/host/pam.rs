//! What PAM does for a service, pam.d(5): the stack with `include`, `substack` and `@include` resolved, and played through
//! with its jumps, since where a module stands decides whether it is ever reached.
//!
//! Two plays: the password is right, and it is wrong. A module that nobody knows counts as satisfied. Options come from the
//! line, else from the module's own file, else they are its defaults.

mod options;
mod play;

use std::rc::Rc;
use std::sync::Arc;

use options::Value;
use play::{Control, Item, Play};

use super::{Fact, Found, Host, Row, Unseen, columns};
use crate::baseline::host::lines::joined;
use crate::baseline::mask::mask_line;
use crate::config::expr::Type;
use crate::config::reader::{Item as Setting, Table};

/// Where services are.
const SERVICES: &str = "/etc/pam.d";
/// The deepest inclusion (Linux-PAM: PAM_SUBSTACK_MAX_LEVEL).
const MAX_DEPTH: usize = 16;
/// The most modules of a service.
const MAX_MODULES: usize = 2_000;
/// The most files that a service comes to, each as often as it is included.
const MAX_FILES: usize = 500;
/// The management groups, pam.d(5).
const TYPES: [&str; 4] = ["account", "auth", "password", "session"];

/// A line that names a module.
#[derive(Debug, Clone)]
struct Module {
    control: Control,
    /// Without directory and `.so`.
    name: String,
    args: Vec<String>,
    file: Rc<str>,
    line: usize,
    text: String,
}

#[derive(Debug)]
struct Pam {
    services: Vec<String>,
    kind: &'static str,
    modules: Vec<String>,
    arg: Option<String>,
    option: Option<String>,
}

/// `service`, `type`, `module` (each a name or a list of them but for the type), `arg` (only lines with it), `option` (whose value is asked).
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let names = |key: &'static str, example: &str| {
        let Some(item) = table.item(key) else {
            table.missing(key, example);
            return None;
        };
        let items = if item.is_text() { vec![item] } else { table.texts(key) };
        Some(items.iter().filter_map(Setting::text).map(str::to_owned).collect::<Vec<_>>())
    };
    let (services, modules) = (names("service", "\"sshd\""), names("module", "\"pam_faillock\""));
    let kind = table.word("type", &TYPES, |t| TYPES.into_iter().find(|k| *k == t));
    if !table.has("type") {
        table.missing("type", "\"auth\"");
    }
    let (arg, option) = (table.opt_text("arg").map(str::to_owned), table.opt_text("option").map(str::to_owned));
    Some(Arc::new(Pam { services: services?, kind: kind?, modules: modules?, arg, option }))
}

impl Fact for Pam {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("service", Type::Text),
            ("found", Type::Bool),
            ("module", Type::Text),
            ("args", Type::List),
            ("on_success", Type::Bool),
            ("on_failure", Type::Bool),
            ("fatal", Type::Bool),
            ("value", Type::Text),
            ("number", Type::Number),
        ])
    }

    /// For each service that is there a row a line that fits, or one that says that none does.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        for service in &self.services {
            let path = format!("{SERVICES}/{service}");
            found.looked.push(path.clone());
            if !host.root.exists(&path)? {
                continue;
            }
            let stack = host.once(&format!("pam {} {service}", self.kind), |host| stack(host, &path, self.kind));
            let stack = match stack.as_ref() {
                Ok(stack) => stack,
                Err(why) => {
                    found.unseen.push(why.clone());
                    continue;
                }
            };
            let all = play::modules(stack);
            let play = Play::of(stack);
            let mut any = false;
            for (at, module) in all.iter().enumerate().filter(|(_, m)| self.means(m)) {
                any = true;
                let fatal = play::fatal(stack, at);
                let said = |row: Row| {
                    let row = row.about(format!("{service} {}", self.kind));
                    let row = row.with("service", service.as_str()).with("found", true);
                    let row = row.with("module", module.name.as_str()).with("args", module.args.clone());
                    let row = row.with("on_success", play.good.contains(&at));
                    row.with("on_failure", play.bad.contains(&at)).with("fatal", fatal)
                };
                let (row, others) = self.row(host, module)?;
                found.rows.push(said(row).beside(others.into_iter().map(said).collect()));
            }
            if !any {
                let row = Row::at(&path, 0, format!("{}: no {}", self.kind, self.modules.join(", ")));
                found.rows.push(row.about(service.as_str()).with("service", service.as_str()).with("found", false));
            }
        }
        Ok(())
    }
}

impl Pam {
    fn means(&self, module: &Module) -> bool {
        self.modules.contains(&module.name) && self.arg.as_ref().is_none_or(|arg| module.args.contains(arg))
    }

    /// A row with the value of the option that is asked, proven by the line that sets it, and those of lines that do not count.
    fn row(&self, host: &Host, module: &Module) -> Result<(Row, Vec<Row>), Unseen> {
        let own = || Row::at(&module.file, module.line, module.text.clone());
        let Some(option) = &self.option else { return Ok((own(), Vec::new())) };
        let said = |value: Value| match value {
            Value::Line(value) => own().valued(&value),
            Value::Default(value) => own().valued(&value).by_default(),
            Value::File { file, line, text, value } => Row::at(&file, line, mask_line(&text)).valued(&value),
        };
        let (value, others) = options::value(host, &module.name, &module.args, option)?;
        Ok((said(value), others.into_iter().map(said).collect()))
    }
}

/// The lines of one type of a service.
fn stack(host: &Host, path: &str, kind: &'static str) -> Result<Vec<Item>, Unseen> {
    let mut reader = Reader { host, kind, modules: 0, files: 0 };
    let mut stack = Vec::new();
    reader.file(path, &mut stack, 0)?;
    Ok(stack)
}

struct Reader<'a> {
    host: &'a Host,
    kind: &'static str,
    modules: usize,
    files: usize,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, stack: &mut Vec<Item>, depth: usize) -> Result<(), Unseen> {
        if depth > MAX_DEPTH {
            return Err(Unseen::Links(path.to_owned()));
        }
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(Unseen::TooLarge(path.to_owned()));
        }
        let text = self.host.root.need(path)?;
        let file: Rc<str> = path.into();
        for (line, text) in joined(&text, plain, " ") {
            let words = words(&text);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let ["@include", name, ..] = words.as_slice() {
                self.file(&place(name), stack, depth + 1)?;
                continue;
            }
            let [kind, control, target, args @ ..] = words.as_slice() else { continue };
            if !kind.trim_start_matches('-').eq_ignore_ascii_case(self.kind) {
                continue;
            }
            match control.to_ascii_lowercase().as_str() {
                "include" => self.file(&place(target), stack, depth + 1)?,
                "substack" => {
                    let mut below = Vec::new();
                    self.file(&place(target), &mut below, depth + 1)?;
                    stack.push(Item::Sub(below));
                }
                control => {
                    self.modules += 1;
                    if self.modules > MAX_MODULES {
                        return Err(Unseen::TooLarge(path.to_owned()));
                    }
                    // The type may be `password`, which is no secret's name here.
                    let shown = format!("{kind} {}", mask_line(text.trim_start().get(kind.len()..).unwrap_or("")));
                    stack.push(Item::Module(Module {
                        control: Control::parse(control),
                        name: target.rsplit('/').next().unwrap_or(target).trim_end_matches(".so").to_owned(),
                        args: args.iter().map(|a| (*a).to_owned()).collect(),
                        file: Rc::clone(&file),
                        line,
                        text: shown,
                    }));
                }
            }
        }
        Ok(())
    }
}

fn place(name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("{SERVICES}/{name}") }
}

/// A line without comment and blanks at its end.
fn plain(line: &str) -> &str {
    line.split('#').next().unwrap_or("").trim_end()
}

/// Words, of which one in brackets may hold blanks.
fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut depth) = (Vec::new(), String::new(), 0_usize);
    for c in line.chars().chain([' ']) {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && depth == 0 => {
                if !word.is_empty() {
                    all.push(std::mem::take(&mut word));
                }
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    all
}

#[cfg(test)]
mod tests;
