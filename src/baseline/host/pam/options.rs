//! The value of a module's option: on its line, else in its own file, else its default.

use super::super::root::Unseen;
use super::super::{Host, lines};

/// A value, and where it comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// The line that names the module.
    Line(String),
    /// The module's file.
    File { file: String, line: usize, text: String, value: String },
    /// The module itself.
    Default(String),
}

/// A module with a file of its own.
struct Known {
    module: &'static str,
    /// Read in this order, the last value counts.
    files: &'static [&'static str],
    defaults: &'static [(&'static str, &'static str)],
}

const KNOWN: &[Known] = &[
    // faillock.conf(5) of Linux-PAM 1.5.2.
    Known {
        module: "pam_faillock",
        files: &["/etc/security/faillock.conf"],
        defaults: &[("deny", "3"), ("fail_interval", "900"), ("unlock_time", "600")],
    },
    // pwquality.conf(5) of libpwquality 1.4.5: the directory first, so the file has the last word.
    Known {
        module: "pam_pwquality",
        files: &["/etc/security/pwquality.conf.d/*.conf", "/etc/security/pwquality.conf"],
        defaults: &[
            ("difok", "1"),
            ("minlen", "8"),
            ("retry", "1"),
            ("enforcing", "1"),
            ("dictcheck", "1"),
            ("usercheck", "1"),
        ],
    },
    // pam_cracklib(8) of Linux-PAM 1.3.1: everything stands on the line.
    Known {
        module: "pam_cracklib",
        files: &[],
        defaults: &[
            ("minlen", "9"),
            ("dcredit", "1"),
            ("ucredit", "1"),
            ("lcredit", "1"),
            ("ocredit", "1"),
            ("difok", "5"),
            ("retry", "1"),
        ],
    },
    // pwhistory.conf(5) of Linux-PAM 1.5.3; older ones have no file, and the same default.
    Known {
        module: "pam_pwhistory",
        files: &["/etc/security/pwhistory.conf"],
        defaults: &[("remember", "10"), ("retry", "1")],
    },
];

/// The value of an option, and the values written in files that do not count beside it; a word that stands alone is 1,
/// one that is nowhere 0.
pub(super) fn value(host: &Host, module: &str, args: &[String], option: &str) -> Result<(Value, Vec<Value>), Unseen> {
    let line = args.iter().rev().find_map(|arg| own(arg, option));
    let Some(known) = KNOWN.iter().find(|k| k.module == module) else {
        return Ok((line.map_or_else(|| Value::Default("0".to_owned()), Value::Line), Vec::new()));
    };
    let files = written(host, known, args, option);
    if let Some(line) = line {
        return Ok((Value::Line(line), files.unwrap_or_default()));
    }
    let mut files = files?;
    let default = || known.defaults.iter().find(|(name, _)| *name == option).map_or("0", |(_, value)| value);
    Ok((files.pop().unwrap_or_else(|| Value::Default(default().to_owned())), files))
}

/// The value of a word if it is of that option.
fn own(text: &str, option: &str) -> Option<String> {
    let (name, value) = text.split_once('=').map_or((text, "1"), |(n, v)| (n.trim(), v.trim()));
    (name.trim() == option).then(|| value.to_owned())
}

/// Every line of a module's files that sets an option; the last one counts.
fn written(host: &Host, known: &Known, args: &[String], option: &str) -> Result<Vec<Value>, Unseen> {
    let named = args.iter().find_map(|arg| arg.strip_prefix("conf="));
    let files: Vec<&str> = named.map_or_else(|| known.files.to_vec(), |file| vec![file]);
    let mut found = Vec::new();
    for pattern in files {
        for file in host.root.glob(pattern)? {
            let Some(text) = host.root.text(&file)? else { continue };
            for (line, text) in lines(&text, "#") {
                let plain = text.split('#').next().unwrap_or("");
                if let Some(value) = own(plain, option) {
                    found.push(Value::File { file: file.clone(), line, text: text.to_owned(), value });
                }
            }
        }
    }
    Ok(found)
}
