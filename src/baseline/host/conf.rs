//! What the configurations of nginx, Apache httpd and of programs that write XML set, in each block that inherits or
//! overrides it.

use std::rc::Rc;
use std::sync::Arc;

use super::include::{self, Files};
use super::root::Unseen;
use super::tree::{self, Node, Style, Tree};
use super::{Fact, Found, Host, Row, columns};
use crate::baseline::mask::mask_line;
use crate::config::expr::Type;
use crate::config::reader::Table;

/// Blocks of Apache httpd that only say when what they hold applies.
const GROUPING: [&str; 4] = ["IfModule", "IfDefine", "IfVersion", "IfFile"];

/// A program: where its configuration begins, from where its relative includes are, how it is read.
#[derive(Debug, Clone, Copy)]
enum Program {
    Nginx,
    Apache,
}

impl Program {
    /// Main file and the directory of relative includes: Debian's places, those of rpm systems, of a build from source.
    const fn places(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Nginx => &[
                ("/etc/nginx/nginx.conf", "/etc/nginx"),
                ("/usr/local/nginx/conf/nginx.conf", "/usr/local/nginx/conf"),
            ],
            Self::Apache => &[
                ("/etc/apache2/apache2.conf", "/etc/apache2"),
                ("/etc/httpd/conf/httpd.conf", "/etc/httpd"),
                ("/usr/local/apache2/conf/httpd.conf", "/usr/local/apache2"),
            ],
        }
    }

    /// The configurations that are there; read once a run.
    fn trees(self, host: &Host) -> Rc<(Vec<Tree>, Vec<Unseen>)> {
        host.once(&format!("{self:?}"), |host| {
            let (mut found, mut trees) = (Found::default(), Vec::new());
            for (path, base) in self.places() {
                let mut files = Files::of(&host.root, &mut found);
                let read = match self {
                    Self::Nginx => tree::braces(&mut files, path, base, Style::NGINX),
                    Self::Apache => tree::apache(&mut files, path, base),
                };
                match read {
                    Ok(tree) => trees.extend(tree),
                    Err(broken) => found.unseen.push(broken.unseen()),
                }
            }
            (trees, found.unseen)
        })
    }
}

#[derive(Debug)]
struct Directive {
    program: Program,
    name: String,
    within: Vec<String>,
    beside: Option<String>,
    default: Option<String>,
}

/// `directive`, `within` (a kind of block or a list of them; the top without), `default` (its value where nothing sets
/// it), `beside` (another directive, whose words in the same block are `beside`).
fn directive(program: Program, table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let within = if table.has("within") { include::texts(table, "within", "\"server\"")? } else { Vec::new() };
    let name = table.text("directive", "\"server_tokens\"")?.to_owned();
    let (beside, default) =
        (table.opt_text("beside").map(str::to_owned), table.opt_text("default").map(str::to_owned));
    Some(Arc::new(Directive { program, name, within, beside, default }))
}

/// A directive of nginx.
pub(super) fn nginx(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    directive(Program::Nginx, table)
}

/// A directive of Apache httpd.
pub(super) fn apache(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    directive(Program::Apache, table)
}

fn shown(node: &Node) -> String {
    mask_line(
        std::iter::once(&node.name).chain(&node.args).map(String::as_str).collect::<Vec<_>>().join(" ").as_str(),
    )
}

impl Fact for Directive {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("value", Type::Text),
            ("number", Type::Number),
            ("words", Type::List),
            ("set", Type::Bool),
            ("beside", Type::List),
        ])
    }

    /// A row for each block of those kinds, or one for the top. `value` is that of the last directive that decides,
    /// `words` are those of all of them; a directive that may stand several times is inherited whole or not at all.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let known = self.program.trees(host);
        found.looked.extend(self.program.places().iter().map(|(path, _)| (*path).to_owned()));
        found.unseen.extend(known.1.iter().cloned());
        for tree in &known.0 {
            let kinds: Vec<Option<&str>> = match self.within.as_slice() {
                [] => vec![None],
                some => some.iter().map(|kind| Some(kind.as_str())).collect(),
            };
            for within in kinds {
                let beside = self.beside.as_deref().map(|name| tree.effective(within, name, &GROUPING));
                for (at, place) in tree.effective(within, &self.name, &GROUPING).into_iter().enumerate() {
                    let words = |nodes: &[&Node]| nodes.iter().flat_map(|n| n.args.clone()).collect::<Vec<_>>();
                    let near = beside.as_ref().and_then(|all| all.get(at)).map(|f| words(&f.decide));
                    let (all, near) = (words(&place.decide), near.unwrap_or_default());
                    let row = |decide: Vec<&Node>| {
                        let place = tree::Found { path: place.path.clone(), decide };
                        self.row(tree, &place, all.clone()).with("beside", near.clone())
                    };
                    // httpd takes the last of several; nginx takes all of those that it lets stand twice.
                    let others = match (self.program, place.decide.split_last()) {
                        (Program::Apache, Some((_, others))) => others.iter().map(|node| row(vec![*node])).collect(),
                        _ => Vec::new(),
                    };
                    found.rows.push(row(place.decide.clone()).beside(others));
                }
            }
        }
        Ok(())
    }
}

impl Directive {
    fn row(&self, tree: &Tree, place: &tree::Found<'_>, words: Vec<String>) -> Row {
        let file = |node: &Node| tree.files.get(node.file).map_or("", String::as_str);
        let block = place.path.last().map(|node| shown(node)).unwrap_or_default();
        let row = match (place.decide.last(), place.path.last()) {
            (Some(node), _) => Row::at(file(node), node.line as usize, shown(node)).valued(&node.args.join(" ")),
            (None, Some(node)) => Row::at(file(node), node.line as usize, format!("- {}", self.name)),
            (None, None) => Row::at(tree.files.first().map_or("", String::as_str), 0, format!("- {}", self.name)),
        };
        let set = !place.decide.is_empty();
        let row = match &self.default {
            Some(default) if !set => row.valued(default).by_default(),
            _ => row,
        };
        row.about(block).with("words", words).with("set", set)
    }
}

#[derive(Debug)]
struct Element {
    files: Vec<String>,
    element: String,
    attribute: String,
    default: Option<String>,
}

/// `file` (paths or patterns), `element`, `attribute`, `default` (its value where an element does not set it).
pub(super) fn xml(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let files = super::paths(table, "file")?;
    let element = table.text("element", "\"Connector\"")?.to_owned();
    let attribute = table.text("attribute", "\"port\"")?.to_owned();
    Some(Arc::new(Element { files, element, attribute, default: table.opt_text("default").map(str::to_owned) }))
}

impl Fact for Element {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("value", Type::Text),
            ("number", Type::Number),
            ("words", Type::List),
            ("set", Type::Bool),
            ("within", Type::Text),
            ("inside", Type::List),
        ])
    }

    /// A row for each such element; `words` are its attributes as `NAME=VALUE`, `inside` those of the elements right
    /// in it, `within` is the element around it.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        for pattern in &self.files {
            found.looked.push(pattern.clone());
            let mut files = Files::of(&host.root, found);
            for path in files.glob(pattern) {
                let mut files = Files::of(&host.root, found);
                let Some(tree) = tree::xml(&mut files, &path).map_err(|b| b.unseen())? else { continue };
                for place in tree.named(&self.element) {
                    let Some(node) = place.decide.first() else { continue };
                    let value = node.attribute(&self.attribute);
                    let text =
                        value.map_or_else(|| node.name.clone(), |v| format!("{} {}={v}", node.name, self.attribute));
                    let row = Row::at(&path, node.line as usize, mask_line(&text)).about(node.name.as_str());
                    let row = match value.or(self.default.as_deref()) {
                        Some(value) => row.valued(value),
                        None => row,
                    };
                    let inside: Vec<String> = node.children.iter().flat_map(|n| n.args.clone()).collect();
                    let within = place.path.last().map_or("", |n| n.name.as_str());
                    found.rows.push(
                        row.with("set", value.is_some())
                            .with("words", node.args.clone())
                            .with("within", within)
                            .with("inside", inside),
                    );
                }
            }
        }
        Ok(())
    }
}

/// The files of certificates that nginx and Apache httpd are told to show.
pub(super) fn certificates(host: &Host, found: &mut Found) -> Vec<String> {
    let mut all = Vec::new();
    for (program, name) in [(Program::Nginx, "ssl_certificate"), (Program::Apache, "SSLCertificateFile")] {
        let known = program.trees(host);
        found.looked.extend(program.places().iter().map(|(path, _)| (*path).to_owned()));
        found.unseen.extend(known.1.iter().cloned());
        for (tree, (_, base)) in known.0.iter().zip(program.places()) {
            let named = tree.named(name).into_iter().flat_map(|f| f.decide);
            all.extend(named.filter_map(|n| n.args.first()).map(|path| include::from(base, path)));
        }
    }
    all
}
