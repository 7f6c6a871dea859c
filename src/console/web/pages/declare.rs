//! Declaring one thing of the inventory by a form. What a person wrote becomes the text of an inventory file, a
//! line a field, and is read by the same reader as a file is: so a form knows nothing that a file does not, and
//! a diagnostic finds its field by its line. It is applied onto the inventory as it now is; what others declared
//! stays, and a thing that somebody else changed meanwhile is not overwritten.

pub mod asset;
pub mod link;
pub mod lists;
pub mod remove;

use std::collections::BTreeMap;
use std::fmt::Debug;

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use crate::config::inventory;
use crate::config::{Diagnostic, zh};
use crate::console::api::problem::Problem;
use crate::console::command::{Command, Outcome};
use crate::console::secrets::hex;
use crate::console::web::cx::Cx;
use crate::console::web::lang::Lang;
use crate::console::web::text;
use crate::console::web::ui::form::Field;
use crate::console::web::ui::{self, Tone};
use crate::model::RegionId;
use crate::model::inventory::{Inventory, Region};

/// Name under which diagnostics speak of a form.
const FORM: &str = "form";
/// The hidden field that says how the thing looked when the form was shown.
pub const SEEN: &str = "seen";
/// Lines of the plan in an audit row.
const MAX_LINES: usize = 200;

/// What is wrong with what was written: by field, and what no field is to blame for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrong {
    /// By name of the field.
    pub fields: BTreeMap<&'static str, String>,
    /// The rest.
    pub top: Vec<String>,
}

impl Wrong {
    /// One field.
    pub fn field(name: &'static str, said: impl Into<String>) -> Self {
        Self { fields: BTreeMap::from([(name, said.into())]), top: Vec::new() }
    }
    /// The whole form.
    pub fn top(said: impl Into<String>) -> Self {
        Self { fields: BTreeMap::new(), top: vec![said.into()] }
    }
    /// A refusal that no field is to blame for.
    pub fn of(cx: &Cx, problem: &Problem) -> Self {
        Self::top(cx.problem(problem))
    }
    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.top.is_empty()
    }
    /// What no field is to blame for, above the form.
    pub fn note(&self, cx: &Cx) -> Markup {
        html! {
            @if !self.top.is_empty() { (ui::note(Tone::Bad, html! { @for line in &self.top { p { (line) } } })) }
            @else if !self.fields.is_empty() { (ui::note(Tone::Bad, html! { (text::declare_wrong(cx.lang, self.fields.len())) })) }
        }
    }
}

/// A form as it is shown: what stands in it and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Filled {
    /// By name of the field.
    pub values: BTreeMap<&'static str, String>,
    /// What is wrong.
    pub wrong: Wrong,
}

impl Filled {
    /// What was sent, for these fields.
    pub fn sent(cx: &Cx, names: &[&'static str]) -> Self {
        let values = names.iter().map(|name| (*name, cx.form.text(name).to_owned())).collect();
        Self { values, wrong: Wrong::default() }
    }
    /// What stands in a field.
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
    /// Puts something into a field.
    pub fn put(&mut self, name: &'static str, value: impl Into<String>) {
        self.values.insert(name, value.into());
    }
    /// A field with its value and error.
    pub fn field<'a>(&'a self, name: &'static str, label: &'a str, help: &'a str) -> Field<'a> {
        Field {
            name,
            label,
            help,
            value: self.get(name),
            error: self.wrong.fields.get(name).map(String::as_str),
            ..Field::default()
        }
    }
    /// The same, that must be given.
    pub fn must<'a>(&'a self, name: &'static str, label: &'a str, help: &'a str) -> Field<'a> {
        Field { required: true, ..self.field(name, label, help) }
    }
}

/// One thing as an inventory file writes it, a line a field.
#[derive(Debug, Clone)]
pub struct Draft {
    noun: &'static str,
    lines: Vec<(&'static str, String)>,
    /// To blame for what no line is to blame for; empty for none.
    whole: &'static str,
}

impl Draft {
    /// Of a noun of the inventory.
    pub const fn new(noun: &'static str) -> Self {
        Self { noun, lines: Vec::new(), whole: "" }
    }
    /// A key as it stands in a file.
    pub fn raw(mut self, field: &'static str, key: &str, value: &str) -> Self {
        self.lines.push((field, format!("{key} = {value}")));
        self
    }
    /// A text; left out when empty.
    pub fn text(self, field: &'static str, key: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.raw(field, key, &quoted(value)) }
    }
    /// A list of texts; left out when empty.
    pub fn list(self, field: &'static str, key: &str, values: &[&str]) -> Self {
        if values.is_empty() { self } else { self.raw(field, key, &listed(values)) }
    }
    /// A number; whatever else was written there is handed to the reader, which says that it is none.
    pub fn number(self, field: &'static str, key: &str, value: &str) -> Self {
        match value.parse::<u64>() {
            _ if value.is_empty() => self,
            Ok(n) => self.raw(field, key, &n.to_string()),
            Err(_) => self.raw(field, key, &quoted(value)),
        }
    }

    /// Blames one field for all of it: for a form that declares many things at once.
    pub fn all_of(mut self, field: &'static str) -> Self {
        for (blamed, _) in &mut self.lines {
            *blamed = field;
        }
        self.whole = field;
        self
    }

    fn toml(&self) -> String {
        let mut out = format!("[[{}]]\n", self.noun);
        for (_, line) in &self.lines {
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    /// The field that a diagnostic is about.
    fn blame(&self, diagnostic: &Diagnostic) -> Option<&'static str> {
        let by_line = diagnostic.line.checked_sub(2).and_then(|at| self.lines.get(at)).map(|(field, _)| *field);
        by_line.filter(|field| !field.is_empty()).or(Some(self.whole).filter(|field| !field.is_empty()))
    }
}

/// A TOML string on one line.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A TOML list of strings.
pub fn listed<T: AsRef<str>>(texts: &[T]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text.as_ref())).collect::<Vec<_>>().join(", "))
}

/// Words of a field that takes several, between commas or spaces.
pub fn several(text: &str) -> Vec<&str> {
    text.split([',', '，', '、', ';', '；', ' ', '\t', '\n', '\r', '\u{3000}'])
        .filter(|word| !word.is_empty())
        .collect()
}

/// Why something was not saved.
#[derive(Debug)]
pub enum Refused {
    /// What was written is wrong; the form is shown again.
    Wrong(Wrong),
    /// Anything else.
    Problem(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

/// Reads drafts onto the inventory and applies them in one transaction. Answers whether anything changed.
pub async fn save(cx: &Cx, drafts: &[Draft]) -> Result<bool, Refused> {
    let (rev, old) = cx.service.store.inventory();
    let texts: Vec<(String, String)> =
        drafts.iter().enumerate().map(|(n, draft)| (format!("{FORM}{n}"), draft.toml())).collect();
    let new = inventory::parse_onto(&old, &texts).map_err(|list| blamed(cx.lang, drafts, &list))?;
    apply(cx, rev, &old, &new, false).await
}

/// Brings the inventory from `old` to what `new` adds and changes; with `whole` also without what `new` lacks.
async fn apply(cx: &Cx, rev: u64, old: &Inventory, new: &Inventory, whole: bool) -> Result<bool, Refused> {
    let diff = inventory::diff(old, new, whole);
    if diff.changes.is_empty() {
        return Ok(false);
    }
    let mut summary: Vec<String> = diff.changes.iter().map(ToString::to_string).collect();
    let more = summary.len().saturating_sub(MAX_LINES);
    if more > 0 {
        summary.truncate(MAX_LINES);
        summary.push(format!("... and {more} more"));
    }
    let command = Command::InventoryApply { inventory: Box::new(diff.merged), summary, base_rev: rev };
    match cx.command(None, command).await {
        Ok(Outcome::Revision(_) | Outcome::Done) => Ok(true),
        Ok(_) => Ok(true),
        Err(problem) if problem.status == StatusCode::CONFLICT => {
            Err(Wrong::top(text::declare_conflict(cx.lang)).into())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Applies a whole inventory that lacks something; it must read back, so nothing points to what is gone.
pub async fn replace(cx: &Cx, rev: u64, old: &Inventory, new: &Inventory) -> Result<bool, Refused> {
    let text = inventory::export(new);
    if let Err(list) = inventory::parse(&[(FORM.to_owned(), text)]) {
        return Err(blamed(cx.lang, &[], &list).into());
    }
    apply(cx, rev, old, new, true).await
}

fn blamed(lang: Lang, drafts: &[Draft], list: &[Diagnostic]) -> Wrong {
    let mut wrong = Wrong::default();
    for diagnostic in list {
        let said = in_words(lang, diagnostic);
        let draft = drafts.iter().enumerate().find(|(n, _)| diagnostic.file == format!("{FORM}{n}"));
        match draft.and_then(|(_, draft)| draft.blame(diagnostic)) {
            Some(field) => drop(wrong.fields.entry(field).or_insert(said)),
            None => wrong.top.push(said),
        }
    }
    wrong
}

/// A diagnostic without its place, in the reader's language.
pub fn in_words(lang: Lang, diagnostic: &Diagnostic) -> String {
    let said = |text: &str| lang.pick(&zh::text(text), text).to_owned();
    let hint = diagnostic.hint.as_deref().map(|hint| format!("{}{}", lang.pick("；", "; "), said(hint)));
    format!("{}{}", said(&diagnostic.what), hint.unwrap_or_default())
}

/// The status of a form that is shown again.
pub fn wrong(mut answer: Response) -> Response {
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    answer
}

/// How a thing looks now, in a few digits; `new` if there is none.
pub fn seen<T: Debug>(thing: Option<&T>) -> String {
    let Some(thing) = thing else { return "new".to_owned() };
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{thing:?}").as_bytes());
    hex(digest.as_ref().get(..8).unwrap_or_default())
}

/// Refuses to save over what somebody else changed since the form was shown.
pub fn unchanged<T: Debug>(cx: &Cx, thing: Option<&T>) -> Result<(), Wrong> {
    if cx.form.text(SEEN) == seen(thing) { Ok(()) } else { Err(Wrong::top(text::declare_changed(cx.lang))) }
}

/// The hidden field for `unchanged`.
pub fn seen_field<T: Debug>(thing: Option<&T>) -> Markup {
    html! { input type="hidden" name=(SEEN) value=(seen(thing)); }
}

/// An id for what was given a name only: names in Chinese have no letters for one. The same name gives the same.
pub fn made_id(prefix: &str, name: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    format!("{prefix}-{}", hex(digest.as_ref().get(..4).unwrap_or_default()))
}

/// Options with an empty one first.
pub fn options(none: &str, all: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    std::iter::once((String::new(), none.to_owned())).chain(all).collect()
}

/// All regions in the order of the tree, those below set in.
pub fn regions(inventory: &Inventory) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let known = |id: &RegionId| inventory.regions.contains_key(id);
    let roots = inventory.regions.values().filter(|r| r.parent.as_ref().is_none_or(|p| !known(p)));
    let mut stack: Vec<(&Region, usize)> = roots.map(|r| (r, 0)).collect();
    stack.reverse();
    while let Some((region, depth)) = stack.pop() {
        let indent = "\u{3000}".repeat(depth);
        out.push((region.id.to_string(), format!("{indent}{} {}", region.name, region.id)));
        let below = inventory.regions.values().filter(|r| r.parent.as_ref() == Some(&region.id));
        let mut below: Vec<(&Region, usize)> = below.map(|r| (r, depth + 1)).collect();
        below.reverse();
        stack.extend(below);
        // Loops are refused by the reader; this only bounds the walk.
        if out.len() > inventory.regions.len() {
            break;
        }
    }
    out
}

/// All units by name.
pub fn units(inventory: &Inventory) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        inventory.organisations.values().map(|o| (o.id.to_string(), o.name.clone())).collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all
}

/// All persons with their unit.
pub fn persons(inventory: &Inventory) -> Vec<(String, String)> {
    let unit =
        |p: &crate::model::inventory::Person| inventory.organisations.get(&p.organisation).map(|o| o.name.clone());
    let mut all: Vec<(String, String)> = inventory
        .persons
        .values()
        .map(|p| {
            (p.id.to_string(), format!("{} · {}", p.name, unit(p).unwrap_or_else(|| p.organisation.to_string())))
        })
        .collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all
}

/// All zones.
pub fn zones(inventory: &Inventory) -> Vec<(String, String)> {
    inventory.zones.values().map(|z| (z.id.to_string(), z.name.clone())).collect()
}

#[cfg(test)]
mod tests;
