//! A stack played through: which modules are reached, and whether the whole succeeds, pam.d(5).

use std::collections::BTreeSet;

use super::Module;

/// A module, or a stack of its own.
#[derive(Debug)]
pub(super) enum Item {
    Module(Module),
    Sub(Vec<Item>),
}

/// What a module says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Success,
    Failure,
}

/// What happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Ignore,
    Bad,
    Die,
    Ok,
    Done,
    Reset,
    Jump(usize),
}

/// What happens on success and on failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Control(Action, Action);

impl Control {
    /// A word or the pairs in brackets; what is not known is as bad as the library takes it.
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "required" => return Self(Action::Ok, Action::Bad),
            "requisite" => return Self(Action::Ok, Action::Die),
            "sufficient" => return Self(Action::Done, Action::Ignore),
            "optional" => return Self(Action::Ok, Action::Ignore),
            _ => {}
        }
        let pairs: Vec<(&str, &str)> =
            text.trim_matches(['[', ']']).split_whitespace().filter_map(|p| p.split_once('=')).collect();
        let of = |names: &[&str]| {
            let found = names.iter().find_map(|name| pairs.iter().find(|(n, _)| n == name));
            found.map_or(Action::Bad, |(_, action)| Action::parse(action))
        };
        Self(of(&["success", "default"]), of(&["auth_err", "default"]))
    }

    const fn on(self, answer: Answer) -> Action {
        match answer {
            Answer::Success => self.0,
            Answer::Failure => self.1,
        }
    }
}

impl Action {
    fn parse(text: &str) -> Self {
        match text {
            "ignore" | "0" => Self::Ignore,
            "die" => Self::Die,
            "ok" => Self::Ok,
            "done" => Self::Done,
            "reset" => Self::Reset,
            number => number.parse().map_or(Self::Bad, Self::Jump),
        }
    }
}

/// Modules that ask for the password itself, or something instead of it.
const CREDENTIALS: &[&str] = &["pam_unix", "pam_sss", "pam_ldap", "pam_krb5", "pam_winbind", "pam_fprintd"];

/// How a module answers, for a common user of this machine whose password is right or wrong.
fn answer(module: &Module, right: bool) -> Answer {
    let says = |good: bool| if good { Answer::Success } else { Answer::Failure };
    let has = |arg: &str| module.args.iter().any(|a| a == arg);
    match module.name.as_str() {
        "pam_unix" => says(right),
        name if CREDENTIALS.contains(&name) => Answer::Failure,
        "pam_deny" | "pam_rootok" => Answer::Failure,
        "pam_faillock" => says(!has("authfail")),
        "pam_succeed_if" => says(has("uid") && (has(">=") || has(">"))),
        _ => Answer::Success,
    }
}

/// What is reached.
#[derive(Debug)]
pub(super) struct Play {
    /// With the right password: indexes into `modules`.
    pub(super) good: BTreeSet<usize>,
    /// With a wrong one.
    pub(super) bad: BTreeSet<usize>,
}

impl Play {
    /// Plays a stack twice.
    pub(super) fn of(stack: &[Item]) -> Self {
        let reached = |right: bool| run(stack, right, None).reached;
        Self { good: reached(true), bad: reached(false) }
    }
}

/// All modules in order.
pub(super) fn modules(stack: &[Item]) -> Vec<&Module> {
    let mut all = Vec::new();
    for item in stack {
        match item {
            Item::Module(module) => all.push(module),
            Item::Sub(below) => all.extend(modules(below)),
        }
    }
    all
}

/// Whether the whole fails if this module does, all else being right.
pub(super) fn fatal(stack: &[Item], at: usize) -> bool {
    let run = run(stack, true, Some(at));
    run.reached.contains(&at) && run.failed
}

#[derive(Debug, Default)]
struct Run {
    right: bool,
    /// The module that fails whatever it would say.
    broken: Option<usize>,
    reached: BTreeSet<usize>,
    failed: bool,
}

fn run(stack: &[Item], right: bool, broken: Option<usize>) -> Run {
    let mut run = Run { right, broken, ..Run::default() };
    run.stack(stack, 0);
    run
}

fn count(stack: &[Item]) -> usize {
    stack.iter().map(|item| if let Item::Sub(below) = item { count(below) } else { 1 }).sum()
}

impl Run {
    /// Plays a stack whose first module has this index.
    fn stack(&mut self, stack: &[Item], first: usize) {
        let (mut index, mut skip, before) = (first, 0, self.failed);
        for item in stack {
            let here = index;
            index += if let Item::Sub(below) = item { count(below) } else { 1 };
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let module = match item {
                Item::Sub(below) => {
                    self.stack(below, here);
                    continue;
                }
                Item::Module(module) => module,
            };
            self.reached.insert(here);
            let said = if self.broken == Some(here) { Answer::Failure } else { answer(module, self.right) };
            match module.control.on(said) {
                Action::Ignore | Action::Ok => {}
                Action::Bad => self.failed = true,
                Action::Die => {
                    self.failed = true;
                    return;
                }
                Action::Done if self.failed => {}
                Action::Done => return,
                Action::Reset => self.failed = before,
                Action::Jump(modules) => skip = modules,
            }
        }
    }
}
