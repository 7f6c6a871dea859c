//! The repository as text, for the tests that read it: which files there are, and Rust sources cut into
//! code, string literals and comments, so that a word in a comment is never taken for an import.

use std::path::{Path, PathBuf};

/// Folders that are not ours: build output, version control, installed packages.
const NOT_OURS: &[&str] = &["target", ".git", "node_modules"];

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file with its path from the top, `/`-separated.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every text file under `dir` (from the top; `""` is all of it) whose name ends with one of `ends`, sorted.
pub(crate) fn files(dir: &str, ends: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root().join(dir), ends, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(dir: &Path, ends: &[&str], found: &mut Vec<File>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            walk(&path, ends, found);
        } else if ends.iter().any(|e| name.ends_with(e))
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(File { path, text });
        }
    }
}

/// One line of a Rust source.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Line {
    /// The line with comments and the contents of literals blanked out.
    pub(crate) code: String,
    /// What the string literals on this line contain.
    pub(crate) strings: String,
    /// Whether it stands in an item under `#[cfg(test)]`.
    pub(crate) test: bool,
    /// How many inline modules (`mod x { ... }`) it stands in.
    pub(crate) nested: usize,
}

/// Cuts a Rust source into lines of code and literals.
pub(crate) fn lines(source: &str) -> Vec<Line> {
    let mut lines = split(source);
    mark(&mut lines);
    lines
}

/// Where the cutter stands.
enum In {
    Code,
    LineComment,
    BlockComment(usize),
    Text { hashes: Option<usize> },
}

fn split(source: &str) -> Vec<Line> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut lines, mut line, mut state, mut i) = (Vec::new(), Line::default(), In::Code, 0);
    while i < chars.len() {
        let c = at(i);
        if c == '\n' {
            if matches!(state, In::LineComment) {
                state = In::Code;
            }
            lines.push(std::mem::take(&mut line));
            i += 1;
            continue;
        }
        let mut step = 1;
        match state {
            In::LineComment => {}
            In::BlockComment(depth) if c == '*' && at(i + 1) == '/' => {
                step = 2;
                state = if depth == 1 { In::Code } else { In::BlockComment(depth - 1) };
            }
            In::BlockComment(depth) if c == '/' && at(i + 1) == '*' => {
                step = 2;
                state = In::BlockComment(depth + 1);
            }
            In::BlockComment(_) => {}
            In::Text { hashes: None } if c == '\\' => {
                step = if at(i + 1) == '\n' { 1 } else { 2 };
                line.strings.push(' ');
            }
            In::Text { hashes } if c == '"' && (1..=hashes.unwrap_or(0)).all(|n| at(i + n) == '#') => {
                step = 1 + hashes.unwrap_or(0);
                line.code.push('"');
                line.strings.push(' ');
                state = In::Code;
            }
            In::Text { .. } => line.strings.push(c),
            In::Code if c == '/' && at(i + 1) == '/' => state = In::LineComment,
            In::Code if c == '/' && at(i + 1) == '*' => {
                step = 2;
                state = In::BlockComment(1);
            }
            In::Code if c == '"' => {
                line.code.push('"');
                state = In::Text { hashes: None };
            }
            In::Code if c == 'r' && (i == 0 || !word(at(i - 1)) || at(i - 1) == 'b') => {
                let hashes = (1..).take_while(|n| at(i + n) == '#').count();
                if at(i + 1 + hashes) == '"' {
                    step = 2 + hashes;
                    line.code.push('"');
                    state = In::Text { hashes: Some(hashes) };
                } else {
                    line.code.push(c);
                }
            }
            // A character literal, not a lifetime: 'x', '\n', '\u{1F525}'.
            In::Code if c == '\'' && at(i + 1) == '\\' => {
                step = 3 + (i + 3..chars.len()).take_while(|&n| at(n) != '\'' && at(n) != '\n').count() + 1;
                line.code.push_str("' '");
            }
            In::Code if c == '\'' && at(i + 2) == '\'' => {
                step = 3;
                line.code.push_str("' '");
            }
            In::Code => line.code.push(c),
        }
        i += step;
    }
    lines.push(line);
    lines
}

/// Marks test items and inline modules by their braces.
fn mark(lines: &mut [Line]) {
    struct Brace {
        test: bool,
        module: bool,
    }
    let (mut open, mut head, mut pending_test): (Vec<Brace>, String, bool) = (Vec::new(), String::new(), false);
    for line in lines {
        let inside = |open: &[Brace]| (open.iter().any(|b| b.test), open.iter().filter(|b| b.module).count());
        let (test_before, nested_before) = inside(&open);
        let attribute = line.code.contains("#[cfg(test)]");
        pending_test |= attribute;
        line.test = test_before || pending_test;
        for c in line.code.clone().chars() {
            match c {
                '{' => {
                    let module = head.split_whitespace().rev().nth(1) == Some("mod");
                    open.push(Brace { test: std::mem::take(&mut pending_test), module });
                    head.clear();
                }
                '}' => {
                    open.pop();
                    head.clear();
                }
                ';' => {
                    pending_test = false;
                    head.clear();
                }
                c => head.push(c),
            }
        }
        head.push(' ');
        line.nested = nested_before.max(inside(&open).1);
    }
}

/// Whether `text` has `word` with no identifier character on either side of it.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let (first, last) = (word.chars().next(), word.chars().next_back());
        let joined = |a: Option<char>, b: Option<char>| a.is_some_and(is_word) && b.is_some_and(is_word);
        !joined(before, first) && !joined(last, after)
    })
}

#[test]
fn a_source_is_cut_into_code_literals_and_comments() {
    let cut = |s: &str| lines(s).into_iter().map(|l| (l.code, l.strings)).collect::<Vec<_>>();
    for (source, code, strings) in [
        ("let a = \"SELECT 1\"; // unsafe", "let a = \"\"; ", "SELECT 1 "),
        ("f(r#\"a \"b\" c\"#, 'x', '\"')", "f(\"\", ' ', ' ')", "a \"b\" c "),
        ("fn f<'a>(x: &'a str) /* unsafe /* nested */ */ {}", "fn f<'a>(x: &'a str)  {}", ""),
        ("let c = '\\''; let d = b\"\\\"x\";", "let c = ' '; let d = b\"\";", " x "),
        ("let c = '\\u{41}'; unsafe", "let c = ' '; unsafe", ""),
    ] {
        assert_eq!(cut(source), [(code.to_owned(), strings.to_owned())], "{source}");
    }
    assert_eq!(cut("a /* b\nc */ d")[1].0, " d");
}

#[test]
fn test_items_and_inline_modules_are_known() {
    let source = "use a;\n#[cfg(test)]\nuse b;\nfn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\nfn h() {}\nmod m {\n    x\n}";
    let marks: Vec<(bool, usize)> = lines(source).iter().map(|l| (l.test, l.nested)).collect();
    let want = [
        (false, 0),
        (true, 0),
        (true, 0),
        (false, 0),
        (true, 0),
        (true, 1),
        (true, 1),
        (true, 1),
        (false, 0),
        (false, 1),
        (false, 1),
        (false, 1),
    ];
    assert_eq!(marks, want);
}

#[test]
fn a_word_is_found_only_as_a_word() {
    assert!(has_word("unsafe {", "unsafe"));
    assert!(!has_word("unsafe_code", "unsafe"));
    assert!(has_word("x.unwrap()", ".unwrap()"));
    assert!(has_word("tokio::time", "tokio"));
    assert!(!has_word("my_tokio", "tokio"));
}
