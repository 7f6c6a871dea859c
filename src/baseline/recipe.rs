//! How a configuration is read at a terminal: what may be typed, how the device is known to be done. Pure: whoever holds
//! the terminal hands in what it says and types what comes back.
//!
//! Nothing is ever typed but what stands in `RECIPES` and a few single keys; there is no way from a setting to a
//! command. It asks for no higher privilege: an account that may not see the configuration is told to the operator.

use super::dialect::{Dialect, MAX_BYTES, Version, redraw};

/// What is typed on devices of some dialects, in order; of the answers the last two are kept.
#[derive(Debug, PartialEq, Eq)]
struct Recipe {
    dialects: &'static [Dialect],
    /// Switches the pager off for this session; a device may refuse one that is not its own.
    paging: &'static [&'static str],
    /// What it is.
    version: &'static str,
    /// The configuration in force.
    show: &'static str,
    /// The one it starts with next.
    saved: &'static str,
    /// Ends the session.
    leave: &'static str,
}

/// All that is ever typed. As Oxidized's models of the four vendors do it.
const RECIPES: &[Recipe] = &[
    Recipe {
        dialects: &[Dialect::Vrp, Dialect::Vrp8],
        paging: &["screen-length 0 temporary"],
        version: "display version",
        show: "display current-configuration",
        saved: "display saved-configuration",
        leave: "quit",
    },
    Recipe {
        dialects: &[Dialect::Comware, Dialect::Comware5],
        paging: &["screen-length disable", "undo terminal monitor"],
        version: "display version",
        show: "display current-configuration",
        saved: "display saved-configuration",
        leave: "quit",
    },
    Recipe {
        dialects: &[Dialect::Ios, Dialect::Rgos],
        paging: &["terminal length 0"],
        version: "show version",
        show: "show running-config",
        saved: "show startup-config",
        leave: "exit",
    },
    // A prompt in angle brackets, of Huawei or H3C: the one refuses what is the other's.
    Recipe {
        dialects: &[],
        paging: &["screen-length 0 temporary", "screen-length disable"],
        version: "display version",
        show: "display current-configuration",
        saved: "display saved-configuration",
        leave: "quit",
    },
];

/// What a pager shows at the end of a page.
const PAGERS: &[&str] = &["---- More ----", "--More--", "-- More --"];
/// The longest line that is taken for a prompt, in bytes.
const MAX_PROMPT: usize = 128;
/// Pages that are turned at most: 32 MiB at 24 short lines each would be more, but no device is so slow and so large.
const MAX_PAGES: usize = 200_000;

/// Why a dialogue ended without a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The account sees no configuration.
    #[error(
        "the account may not see the configuration: the prompt ends in `>`; give it privilege 15, or a view with `show running-config`"
    )]
    Privilege,
    /// It asks for a name or a password again.
    #[error("the device asks for a name or a password in its terminal; it wants a login of its own")]
    Login,
    /// More than any configuration.
    #[error("the device says more than {} MiB; it is no configuration", MAX_BYTES >> 20)]
    TooMuch,
    /// It is at no prompt.
    #[error("no prompt that is known")]
    Prompt,
}

impl Refusal {
    /// The same in Chinese.
    pub fn zh(self) -> String {
        match self {
            Self::Privilege => {
                "采集账号权限不足（提示符以 > 结尾）；请授予 15 级或可执行 show running-config 的视图".into()
            }
            Self::Login => "设备在终端里再次要求用户名或口令".into(),
            Self::TooMuch => format!("设备输出超过 {} MiB，不是配置", MAX_BYTES >> 20),
            Self::Prompt => "没有认得的提示符".into(),
        }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// The configuration with the prompt and the command before it, as a console session shows it.
    pub text: Vec<u8>,
    /// The software version, where the device says it elsewhere than in its configuration.
    pub version: Option<Version>,
    /// What it starts with next, in the same form; nothing if it was not asked or does not tell.
    pub saved: Option<Vec<u8>>,
}

impl Capture {
    /// A text that somebody else has read.
    pub const fn of(text: Vec<u8>) -> Self {
        Self { text, version: None, saved: None }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Type this.
    Type(String),
    /// Listen.
    Listen,
    /// All is read; type this last.
    Done(Capture, String),
}

/// A dialogue with one device.
#[derive(Debug)]
pub struct Dialogue {
    dialect: Option<Dialect>,
    recipe: Option<&'static Recipe>,
    prompt: String,
    /// Which command is being answered; counts from 1 once there is a prompt.
    asked: usize,
    heard: Vec<u8>,
    total: usize,
    pages: usize,
    version: Option<Version>,
    running: Vec<u8>,
}

impl Dialogue {
    /// With a device whose dialect is known, or not.
    pub const fn new(dialect: Option<Dialect>) -> Self {
        Self {
            dialect,
            recipe: None,
            prompt: String::new(),
            asked: 0,
            heard: Vec::new(),
            total: 0,
            pages: 0,
            version: None,
            running: Vec::new(),
        }
    }

    /// What it is waiting for, in words for people.
    pub fn waits_for(&self) -> &'static str {
        self.command().unwrap_or("a prompt")
    }

    /// The device said something.
    pub fn heard(&mut self, bytes: &[u8]) -> Result<Next, Refusal> {
        self.total += bytes.len();
        if self.total > MAX_BYTES {
            return Err(Refusal::TooMuch);
        }
        self.heard.extend_from_slice(bytes);
        let pager = |tail: &str| PAGERS.iter().any(|sign| tail.trim_end().ends_with(sign));
        if self.asked > 0 && pager(&self.tail()) {
            self.pages += 1;
            return if self.pages > MAX_PAGES { Err(Refusal::TooMuch) } else { Ok(Next::Type(" ".into())) };
        }
        Ok(Next::Listen)
    }

    /// The device has been quiet for a moment: it may be done.
    pub fn quiet(&mut self) -> Result<Next, Refusal> {
        let tail = self.tail();
        let tail = tail.trim_end();
        if self.recipe.is_none() {
            return self.first(tail);
        }
        if tail != self.prompt {
            return Ok(Next::Listen);
        }
        let recipe = self.recipe.ok_or(Refusal::Prompt)?;
        let answer = std::mem::take(&mut self.heard);
        if self.command() == Some(recipe.version) {
            self.version = version_of(&String::from_utf8_lossy(&answer));
        }
        if self.command() == Some(recipe.show) {
            self.running = self.session(recipe.show, &answer);
        }
        if self.command() == Some(recipe.saved) {
            let (text, saved) = (std::mem::take(&mut self.running), self.session(recipe.saved, &answer));
            let capture = Capture { text, version: self.version.take(), saved: Some(saved) };
            return Ok(Next::Done(capture, line(recipe.leave)));
        }
        self.asked += 1;
        self.command().map(|command| Next::Type(line(command))).ok_or(Refusal::Prompt)
    }

    /// Looks for the first prompt.
    fn first(&mut self, tail: &str) -> Result<Next, Refusal> {
        let lower = tail.to_ascii_lowercase();
        if lower.ends_with("[y/n]:") || lower.ends_with("[y/n]") {
            // An offer to change the password now, or the like.
            self.heard.clear();
            return Ok(Next::Type("N\n".into()));
        }
        if ["password:", "username:", "login:"].iter().any(|ask| lower.ends_with(ask)) {
            return Err(Refusal::Login);
        }
        if tail.is_empty() || tail.len() > MAX_PROMPT || tail.contains(char::is_whitespace) {
            return Ok(Next::Listen);
        }
        let brackets = tail.starts_with('<') && tail.ends_with('>');
        if !brackets && tail.ends_with('>') {
            return Err(Refusal::Privilege);
        }
        if !brackets && !tail.ends_with('#') {
            return Ok(Next::Listen);
        }
        let fits = |recipe: &&Recipe| match self.dialect {
            Some(dialect) => recipe.dialects.contains(&dialect),
            None if brackets => recipe.dialects.is_empty(),
            None => recipe.dialects.contains(&Dialect::Ios),
        };
        self.recipe = RECIPES.iter().find(fits);
        tail.clone_into(&mut self.prompt);
        self.heard.clear();
        self.asked = 1;
        self.command().map(|command| Next::Type(line(command))).ok_or(Refusal::Prompt)
    }

    /// The command that is being answered.
    fn command(&self) -> Option<&'static str> {
        let recipe = self.recipe?;
        let at = self.asked.checked_sub(1)?;
        let last = recipe.paging.len();
        recipe.paging.get(at).copied().or_else(|| [recipe.version, recipe.show, recipe.saved].get(at - last).copied())
    }

    /// The last line, as the terminal shows it.
    fn tail(&self) -> String {
        let from = self.heard.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let line = self.heard.get(from..).unwrap_or_default();
        let end = line.get(line.len().saturating_sub(2 * MAX_PROMPT)..).unwrap_or_default();
        redraw(&String::from_utf8_lossy(end)).into_owned()
    }

    /// An answer as a console session: the echo of the command is put where it belongs, whether or not there was one.
    fn session(&self, command: &str, answer: &[u8]) -> Vec<u8> {
        let echo = answer.iter().position(|b| *b == b'\n').map_or(answer.len(), |at| at + 1);
        let (first, rest) = answer.split_at(echo);
        let echoed = redraw(&String::from_utf8_lossy(first)).trim() == command;
        let mut text = format!("{}{command}\n", self.prompt).into_bytes();
        text.extend_from_slice(if echoed { rest } else { answer });
        text.push(b'\n');
        text
    }
}

fn line(command: &str) -> String {
    format!("{command}\n")
}

/// `V200R011C10SPC600` in what Huawei says of a version; others say theirs in the configuration.
fn version_of(answer: &str) -> Option<Version> {
    let form = |word: &&str| {
        let digits = |c: char| c.is_ascii_digit();
        let rest = word.strip_prefix('V').map(|w| w.trim_start_matches(digits));
        rest.is_some_and(|w| w.starts_with('R') && w.trim_start_matches('R').starts_with(digits) && w.contains('C'))
    };
    answer.split(|c: char| !c.is_ascii_alphanumeric()).find(form).and_then(Version::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a device: each answer comes as given after something was typed; what was typed comes back.
    fn play(
        dialect: Option<Dialect>,
        greeting: &str,
        device: impl Fn(&str) -> String,
    ) -> (Vec<String>, Result<Capture, Refusal>) {
        let mut dialogue = Dialogue::new(dialect);
        let (mut typed, mut says) = (Vec::new(), greeting.to_owned());
        loop {
            let mut next = dialogue.heard(says.as_bytes());
            if next == Ok(Next::Listen) {
                next = dialogue.quiet();
            }
            match next {
                Err(refusal) => return (typed, Err(refusal)),
                Ok(Next::Done(capture, leave)) => {
                    typed.push(leave);
                    return (typed, Ok(capture));
                }
                Ok(Next::Type(text)) => {
                    says = device(&text);
                    typed.push(text);
                }
                Ok(Next::Listen) => return (typed, Err(Refusal::Prompt)),
            }
        }
    }

    #[test]
    fn a_switch_of_huawei_is_read_page_by_page() {
        let pages = std::cell::Cell::new(0);
        let (typed, capture) = play(None, "\r\nInfo: welcome\r\nChange now? [Y/N]:", |typed| match typed {
            "N\n" => "N\r\n<SW1>".into(),
            "display version\n" => {
                "display version\r\nVRP (R) software, Version 5.170 (S5720 V200R011C10SPC600)\r\n<SW1>".into()
            }
            "display current-configuration\n" => {
                "display current-configuration\r\n#\r\nsysname SW1\r\n  ---- More ----".into()
            }
            " " if pages.replace(1) == 0 => {
                "\u{1b}[42D          \u{1b}[42D#\r\ndescription <SW1>\r\n  ---- More ----".into()
            }
            " " => "\u{1b}[42D          \u{1b}[42Dreturn\r\n<SW1>".into(),
            "display saved-configuration\n" => {
                "display saved-configuration\r\n#\r\nsysname SW0\r\n#\r\nreturn\r\n<SW1>".into()
            }
            other => format!("{other}\r\nError: Unrecognized command\r\n<SW1>"),
        });
        let capture = capture.unwrap();
        assert_eq!(capture.version, Version::parse("V200R011C10SPC600"));
        assert_eq!(typed.first().map(String::as_str), Some("N\n"));
        assert_eq!(typed.last().map(String::as_str), Some("quit\n"));
        let text = String::from_utf8(capture.text).unwrap();
        assert!(text.starts_with("<SW1>display current-configuration\n#\r\nsysname SW1\r\n"), "{text}");
        assert!(text.ends_with("return\r\n<SW1>\n") && !text.contains("SW0"), "{text}");
        let saved = String::from_utf8(capture.saved.unwrap()).unwrap();
        assert!(saved.starts_with("<SW1>display saved-configuration\n#\r\nsysname SW0\r\n"), "{saved}");
    }

    #[test]
    fn an_account_that_sees_nothing_is_told_and_nothing_is_typed() {
        assert_eq!(play(None, "banner\r\nR1>", |_| String::new()), (Vec::new(), Err(Refusal::Privilege)));
        assert_eq!(play(None, "Username:", |_| String::new()).1, Err(Refusal::Login));
        assert_eq!(play(None, "what is this", |_| String::new()).1, Err(Refusal::Prompt));
    }

    #[test]
    fn nothing_but_reading_is_ever_typed() {
        for recipe in RECIPES {
            let all = recipe.paging.iter().chain([&recipe.version, &recipe.show, &recipe.saved, &recipe.leave]);
            for command in all {
                let harmless = ["display ", "show ", "screen-length ", "terminal length ", "undo terminal monitor"];
                let good =
                    matches!(*command, "quit" | "exit") || harmless.iter().any(|start| command.starts_with(start));
                assert!(good, "{command}");
            }
        }
    }

    #[test]
    fn a_device_that_never_ends_is_left() {
        let mut dialogue = Dialogue::new(None);
        let page = vec![b'x'; 1 << 20];
        let end = (0..=MAX_BYTES >> 20).find_map(|_| dialogue.heard(&page).err());
        assert_eq!(end, Some(Refusal::TooMuch));
    }
}
