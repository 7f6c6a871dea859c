//! Before the compiler runs: bundles `web/` with npm into OUT_DIR and embeds it, and turns the catalogues in
//! `web/texts/` into functions, so that a text that is missing in one language does not compile.
//!
//! `FENGSUI_WEB_DIST=DIR` takes a directory that `node web/build.mjs DIR` made elsewhere: no node is needed then.
#![allow(clippy::disallowed_methods)] // a build script talks to cargo through the environment, and npm is a process

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=web/texts");
    println!("cargo:rerun-if-env-changed=FENGSUI_WEB_DIST");
    if let Err(why) = texts(&out).and_then(|()| assets(&out)) {
        eprintln!("{why}");
        exit(1);
    }
}

// -- scripts and styles ----------------------------------------------------------------------------

/// What the bundle is made of; anything else in `web/` does not matter to it.
const SOURCES: &[&str] = &["package.json", "package-lock.json", "build.mjs", "style.css", "src", "static"];

fn assets(out: &Path) -> Result<(), String> {
    let dist = match std::env::var_os("FENGSUI_WEB_DIST") {
        Some(dir) => PathBuf::from(dir),
        None => bundle(out)?,
    };
    let manifest = dist.join("manifest.json");
    let text = fs::read_to_string(&manifest)
        .map_err(|e| format!("{}: {e}; make it with `node web/build.mjs {}`", manifest.display(), dist.display()))?;
    let files: Vec<BTreeMap<String, serde_json::Value>> =
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", manifest.display()))?;
    let mut code = String::from("/// Everything that is embedded.\npub const ASSETS: &[Asset] = &[\n");
    for file in &files {
        let part = |key: &str| file.get(key).and_then(|v| v.as_str()).unwrap_or_default();
        let path = dist.join(part("file"));
        let path = path.canonicalize().map_err(|e| format!("{}: {e}", path.display()))?;
        writeln!(
            code,
            "    Asset {{ name: {:?}, file: {:?}, kind: {:?}, bytes: include_bytes!({path:?}), packed: include_bytes!({:?}) }},",
            part("name"),
            part("file"),
            part("type"),
            format!("{}.gz", path.display()),
        )
        .expect("a string takes all");
    }
    code.push_str("];\n");
    write_if_new(&out.join("assets.rs"), &code)
}

/// Copies the sources to OUT_DIR, installs what the lock file says and runs the bundler there.
fn bundle(out: &Path) -> Result<PathBuf, String> {
    const MISSING: &str = "node and npm build the pages: apt-get install nodejs npm (or FENGSUI_WEB_DIST=DIR with a bundle made elsewhere)";
    let web = out.join("web");
    for source in SOURCES {
        println!("cargo:rerun-if-changed=web/{source}");
        copy(&Path::new("web").join(source), &web.join(source))?;
    }
    let lock = fs::read_to_string("web/package-lock.json").map_err(|e| format!("web/package-lock.json: {e}"))?;
    let stamp = web.join("installed");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&lock) {
        let npm = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--loglevel=error"];
        run(Command::new("npm").args(npm).current_dir(&web), MISSING)?;
        fs::write(&stamp, &lock).map_err(|e| format!("{}: {e}", stamp.display()))?;
    }
    let dist = web.join("dist");
    run(Command::new("node").arg("build.mjs").arg(&dist).current_dir(&web), MISSING)?;
    Ok(dist)
}

fn run(command: &mut Command, missing: &str) -> Result<(), String> {
    let done = command.output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => missing.to_owned(),
        _ => format!("{command:?}: {e}"),
    })?;
    if done.status.success() {
        return Ok(());
    }
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{command:?} failed:\n{}{}", said(&done.stdout), said(&done.stderr)))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("copy {} to {}: {e}", from.display(), to.display());
    if from.is_dir() {
        // What was removed from the sources goes from the copy too.
        let _ = fs::remove_dir_all(to);
        fs::create_dir_all(to).map_err(failed)?;
        for entry in fs::read_dir(from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::copy(from, to).map(drop).map_err(failed)
}

/// A file that did not change is not touched, so that nothing is compiled again.
fn write_if_new(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).ok().as_deref() == Some(text) {
        return Ok(());
    }
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

// -- texts -----------------------------------------------------------------------------------------

/// A message of one catalogue.
struct Message {
    /// `file:id`, for what is wrong with it.
    place: String,
    /// Its text, where it has no variables.
    plain: Option<String>,
    /// Variables, in the order in which they first stand there.
    variables: Vec<String>,
}

/// Messages by id, and all files as one resource.
type Catalogue = (BTreeMap<String, Message>, String);

fn texts(out: &Path) -> Result<(), String> {
    let (zh, zh_text) = catalogue("zh-CN")?;
    let (en, en_text) = catalogue("en")?;
    let mut wrong = Vec::new();
    for (one, other, name) in [(&zh, &en, "en"), (&en, &zh, "zh-CN")] {
        for (id, message) in one.iter().filter(|(id, _)| !other.contains_key(*id)) {
            wrong.push(format!("{}: `{id}` is missing in web/texts/{name}", message.place));
        }
    }
    let mut code = String::new();
    for (id, message) in &zh {
        let Some(english) = en.get(id) else { continue };
        let sorted = |m: &Message| {
            let mut all = m.variables.clone();
            all.sort();
            all
        };
        if sorted(message) != sorted(english) {
            let (a, b) = (message.variables.join(", "), english.variables.join(", "));
            wrong.push(format!("{}: `{id}` has the variables [{a}] in zh-CN and [{b}] in en", english.place));
            continue;
        }
        function(&mut code, id, message, english);
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    writeln!(code, "/// All of zh-CN.\npub(super) const ZH: &str = {zh_text:?};").expect("a string takes all");
    writeln!(code, "/// All of en.\npub(super) const EN: &str = {en_text:?};").expect("a string takes all");
    let ids: Vec<&String> = zh.keys().collect();
    writeln!(code, "/// Ids of all messages.\n#[cfg(test)]\npub(super) const IDS: &[&str] = &{ids:?};")
        .expect("a string takes all");
    write_if_new(&out.join("texts.rs"), &code)
}

fn function(code: &mut String, id: &str, zh: &Message, en: &Message) {
    let name = id.replace('-', "_");
    let doc = zh.plain.clone().unwrap_or_else(|| format!("`{id}`")).replace(['\n', '[', ']', '<', '>'], " ");
    writeln!(code, "/// {doc}").expect("a string takes all");
    let done = match (&zh.plain, &en.plain) {
        (Some(zh), Some(en)) => writeln!(
            code,
            "pub const fn {name}(lang: Lang) -> &'static str {{ match lang {{ Lang::Zh => {zh:?}, Lang::En => {en:?} }} }}"
        ),
        _ => {
            let arguments: Vec<String> =
                zh.variables.iter().map(|v| format!("{v}: impl Into<FluentValue<'a>>")).collect();
            let pairs: Vec<String> = zh.variables.iter().map(|v| format!("({v:?}, {v}.into())")).collect();
            writeln!(
                code,
                "pub fn {name}<'a>(lang: Lang, {}) -> String {{ format(lang, {id:?}, [{}]) }}",
                arguments.join(", "),
                pairs.join(", ")
            )
        }
    };
    done.expect("a string takes all");
}

fn catalogue(lang: &str) -> Result<Catalogue, String> {
    let dir = Path::new("web/texts").join(lang);
    let entries = fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    files.sort();
    let (mut messages, mut all) = (BTreeMap::new(), String::new());
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "ftl")) {
        let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let place = file.display();
        let resource = fluent_syntax::parser::parse(text.as_str()).map_err(|(_, errors)| {
            let lines = errors.iter().map(|e| {
                let line = text.get(..e.pos.start).unwrap_or_default().matches('\n').count() + 1;
                format!("{place}:{line}: {e}")
            });
            lines.collect::<Vec<_>>().join("\n")
        })?;
        for entry in resource.body {
            let Entry::Message(message) = entry else {
                if matches!(entry, Entry::Term(_)) {
                    return Err(format!("{place}: terms are not used here: write the word out"));
                }
                continue;
            };
            let id = message.id.name.to_owned();
            let Some(value) = message.value else {
                return Err(format!("{place}: `{id}` has no text"));
            };
            let (mut plain, mut variables) = (Some(String::new()), Vec::new());
            walk(&value, &mut plain, &mut variables).map_err(|what| format!("{place}: `{id}`: {what}"))?;
            let message = Message { place: place.to_string(), plain, variables };
            if let Some(twice) = messages.insert(id.clone(), message) {
                return Err(format!("{place}: `{id}` stands in {} too", twice.place));
            }
        }
        all.push_str(&text);
        all.push('\n');
    }
    Ok((messages, all))
}

/// Collects the variables of a pattern; `plain` becomes `None` where it is more than text.
fn walk(pattern: &Pattern<&str>, plain: &mut Option<String>, variables: &mut Vec<String>) -> Result<(), String> {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => {
                if let Some(plain) = plain {
                    plain.push_str(value);
                }
            }
            PatternElement::Placeable { expression } => match expression {
                Expression::Inline(InlineExpression::StringLiteral { value }) => {
                    if let Some(plain) = plain {
                        plain.push_str(value);
                    }
                }
                Expression::Inline(inline) => {
                    *plain = None;
                    variable(inline, variables)?;
                }
                Expression::Select { selector, variants } => {
                    *plain = None;
                    variable(selector, variables)?;
                    for variant in variants {
                        walk(&variant.value, &mut None, variables)?;
                    }
                }
            },
        }
    }
    Ok(())
}

fn variable(inline: &InlineExpression<&str>, variables: &mut Vec<String>) -> Result<(), String> {
    match inline {
        InlineExpression::VariableReference { id } => {
            if !variables.iter().any(|v| v == id.name) {
                variables.push(id.name.to_owned());
            }
            Ok(())
        }
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => Ok(()),
        _ => Err("only variables, text and choices are used here".to_owned()),
    }
}
