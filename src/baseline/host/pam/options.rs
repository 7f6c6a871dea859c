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
    // pwhistory.conf(5) of Linux-PAM 1.5.3; older ones have no file, and the same default.
    Known {
        module: "pam_pwhistory",
        files: &["/etc/security/pwhistory.conf"],
        defaults: &[("remember", "10"), ("retry", "1")],
    },
];

/// The value of an option; a word that stands alone is 1, one that is nowhere 0.
pub(super) fn value(host: &Host, module: &str, args: &[String], option: &str) -> Result<Value, Unseen> {
    let own = |text: &str| -> Option<String> {
        let (name, value) = text.split_once('=').map_or((text, "1"), |(n, v)| (n.trim(), v.trim()));
        (name.trim() == option).then(|| value.to_owned())
    };
    if let Some(value) = args.iter().rev().find_map(|arg| own(arg)) {
        return Ok(Value::Line(value));
    }
    let Some(known) = KNOWN.iter().find(|k| k.module == module) else { return Ok(Value::Default("0".to_owned())) };
    let named = args.iter().find_map(|arg| arg.strip_prefix("conf="));
    let files: Vec<&str> = named.map_or_else(|| known.files.to_vec(), |file| vec![file]);
    let mut found = None;
    for pattern in files {
        for file in host.root.glob(pattern)? {
            let Some(text) = host.root.text(&file)? else { continue };
            for (line, text) in lines(&text, "#") {
                let plain = text.split('#').next().unwrap_or("");
                if let Some(value) = own(plain) {
                    found = Some(Value::File { file: file.clone(), line, text: text.to_owned(), value });
                }
            }
        }
    }
    let default = || known.defaults.iter().find(|(name, _)| *name == option).map_or("0", |(_, value)| value);
    Ok(found.unwrap_or_else(|| Value::Default(default().to_owned())))
}
