//! Blocks in braces: words, quoted where they hold blanks, up to `;` or a block. nginx and syslog-ng end a directive with
//! `;`, nft also with the line.

use super::{Broken, Growing, Node, Tree};
use crate::baseline::host::include::{self, Files};

/// What differs between the programs that write so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::baseline::host) struct Style {
    /// Whether a line's end is a directive's end, too.
    pub(in crate::baseline::host) lines: bool,
    /// Whether parentheses are words of their own.
    pub(in crate::baseline::host) parentheses: bool,
    /// The directive that includes files.
    pub(in crate::baseline::host) include: &'static str,
}

impl Style {
    /// nginx.
    pub(in crate::baseline::host) const NGINX: Self = Self { lines: false, parentheses: false, include: "include" };
    /// nft.
    pub(in crate::baseline::host) const NFT: Self = Self { lines: true, parentheses: false, include: "include" };
    /// syslog-ng; its `@include` stands on a line of its own.
    pub(in crate::baseline::host) const SYSLOG_NG: Self =
        Self { lines: false, parentheses: true, include: "@include" };
}

/// Reads a file and what it includes; relative includes are from `base`. `None` if the file is not there.
pub(in crate::baseline::host) fn braces(
    files: &mut Files<'_>,
    path: &str,
    base: &str,
    style: Style,
) -> Result<Option<Tree>, Broken> {
    let mut reader = Reader { files, base, style, growing: Growing::default() };
    if !reader.file(path, 0)? {
        return Ok(None);
    }
    Ok(Some(reader.growing.tree))
}

struct Reader<'a, 'f> {
    files: &'a mut Files<'f>,
    base: &'a str,
    style: Style,
    growing: Growing,
}

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

impl Reader<'_, '_> {
    fn file(&mut self, path: &str, depth: usize) -> Result<bool, Broken> {
        let Some(text) = self.files.text(path) else { return Ok(false) };
        let file = self.growing.file(path)?;
        let outside = self.growing.open.len();
        let mut words: Vec<String> = Vec::new();
        let (mut first, mut line) = (1, 1);
        let mut lexer = Lexer { rest: &text, line: &mut line, style: self.style };
        while let Some(token) = lexer.next() {
            let here = *lexer.line;
            match token {
                Token::Word(word) => {
                    if words.is_empty() {
                        first = here;
                    }
                    words.push(word);
                }
                Token::End if words.is_empty() => {}
                Token::End => {
                    let node = node(std::mem::take(&mut words), file, first);
                    if node.name == self.style.include {
                        self.include(&node, depth)?;
                    } else {
                        self.growing.leaf(node)?;
                    }
                }
                Token::Open => self.growing.begin(node(std::mem::take(&mut words), file, first))?,
                Token::Close => {
                    if !words.is_empty() {
                        self.growing.leaf(node(std::mem::take(&mut words), file, first))?;
                    }
                    if self.growing.open.len() <= outside || self.growing.end().is_none() {
                        return Err(self.growing.broken(file, here, "a `}` closes nothing"));
                    }
                }
            }
        }
        if self.growing.open.len() > outside {
            return Err(self.growing.broken(file, line, "a block is not closed"));
        }
        Ok(true)
    }

    fn include(&mut self, node: &Node, depth: usize) -> Result<(), Broken> {
        let Some(pattern) = self.growing.included(node, depth)? else { return Ok(()) };
        for path in self.files.glob(&include::from(self.base, pattern)) {
            self.file(&path, depth + 1)?;
        }
        Ok(())
    }
}

fn node(mut words: Vec<String>, file: usize, line: u32) -> Node {
    let name = if words.is_empty() { String::new() } else { words.remove(0) };
    Node { name, args: words, children: Vec::new(), file, line }
}

struct Lexer<'a, 'b> {
    rest: &'a str,
    line: &'b mut u32,
    style: Style,
}

impl Lexer<'_, '_> {
    fn take(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        *self.line += u32::from(c == '\n');
        Some(c)
    }

    fn next(&mut self) -> Option<Token> {
        loop {
            match self.rest.chars().next()? {
                '\n' if self.style.lines => {
                    // The line that ends is the one meant.
                    self.take();
                    return Some(Token::End);
                }
                c if c.is_whitespace() => {
                    self.take();
                }
                '#' => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.rest = &self.rest[end..];
                }
                ';' => {
                    self.take();
                    return Some(Token::End);
                }
                '{' => {
                    self.take();
                    return Some(Token::Open);
                }
                '}' => {
                    self.take();
                    return Some(Token::Close);
                }
                c @ ('(' | ')') if self.style.parentheses => {
                    self.take();
                    return Some(Token::Word(c.to_string()));
                }
                '\\' if self.style.lines && self.rest[1..].starts_with('\n') => {
                    self.take();
                    self.take();
                }
                _ => return Some(self.word()),
            }
        }
    }

    fn word(&mut self) -> Token {
        let (mut word, mut quote) = (String::new(), None);
        while let Some(c) = self.rest.chars().next() {
            match quote {
                Some(q) if c == q => quote = None,
                None if c == '"' || c == '\'' => quote = Some(c),
                None if c.is_whitespace() || matches!(c, ';' | '}') => break,
                // `${name}` of nginx is part of a word.
                None if c == '{' && !word.ends_with('$') => break,
                None if self.style.parentheses && matches!(c, '(' | ')') => break,
                None if c == '{' => {
                    let end = self.rest.find('}').map_or(self.rest.len(), |e| e + 1);
                    word.push_str(&self.rest[..end]);
                    self.rest = &self.rest[end..];
                    continue;
                }
                _ if c == '\\' => {
                    self.take();
                    word.push('\\');
                    word.extend(self.take());
                    continue;
                }
                _ => word.push(c),
            }
            self.take();
        }
        // syslog-ng's `@include "x"` and `@version: 4` end with their line.
        if self.style.parentheses && word.starts_with('@') && word != self.style.include {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
            return Token::End;
        }
        Token::Word(word)
    }
}
