//! What somebody types at a terminal and nobody beside them should read: passwords, secrets, tokens.

use std::io::{self, IsTerminal, Read, Stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Shows nothing of what is typed on a terminal while it lives; anything else than a terminal is left alone.
struct Hidden<'a>(&'a Stdin, Option<Termios>);

impl<'a> Hidden<'a> {
    fn new(stdin: &'a Stdin) -> Self {
        let before = stdin.is_terminal().then(|| tcgetattr(stdin).ok()).flatten();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(stdin, OptionalActions::Flush, &quiet); // then it shows, as it did before there was this
        }
        Self(stdin, before)
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        if let Some(before) = &self.1 {
            let _ = tcsetattr(self.0, OptionalActions::Now, before);
            eprintln!(); // the line end that was typed did not show either
        }
    }
}

/// All of standard input, at most `most` bytes; from a terminal until Ctrl-D, without showing it.
pub(super) fn read_all(most: u64) -> io::Result<String> {
    let stdin = io::stdin();
    let _hidden = Hidden::new(&stdin);
    let mut text = String::new();
    stdin.lock().take(most).read_to_string(&mut text)?;
    Ok(text)
}

/// The first line of standard input, at most `most` bytes, without showing it on a terminal.
pub(super) fn read_line(most: u64) -> io::Result<String> {
    let stdin = io::stdin();
    let _hidden = Hidden::new(&stdin);
    let mut line = String::new();
    io::BufRead::read_line(&mut stdin.lock().take(most), &mut line)?;
    Ok(line)
}
