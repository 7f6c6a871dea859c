//! XML without entities of its own and without anything from outside: elements with their attributes. `quick-xml` never
//! resolves what a document type declares.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Broken, Growing, Node, Tree};
use crate::baseline::host::include::Files;

/// Reads one file. `None` if it is not there.
pub(in crate::baseline::host) fn xml(files: &mut Files<'_>, path: &str) -> Result<Option<Tree>, Broken> {
    let Some(text) = files.text(path) else { return Ok(None) };
    let mut growing = Growing::default();
    let file = growing.file(path)?;
    let mut reader = Reader::from_str(&text);
    let (mut line, mut counted) = (1, 0);
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
        let event = reader.read_event();
        let skipped = text.as_bytes().get(counted..start).unwrap_or_default();
        line += u32::try_from(skipped.iter().filter(|b| **b == b'\n').count()).unwrap_or(u32::MAX);
        counted = start;
        match event {
            Ok(Event::Start(element)) => growing.begin(node(&element, file, line))?,
            Ok(Event::Empty(element)) => growing.leaf(node(&element, file, line))?,
            Ok(Event::End(_)) => growing.end().unwrap_or_default(),
            Ok(Event::Eof) if growing.open.is_empty() => return Ok(Some(growing.tree)),
            Ok(Event::Eof) => return Err(growing.broken(file, line, "an element is not closed")),
            Ok(_) => {}
            Err(_) => return Err(growing.broken(file, line, "not well-formed XML")),
        }
    }
}

fn node(element: &BytesStart<'_>, file: usize, line: u32) -> Node {
    let args = element.attributes().flatten().map(|a| {
        let value = quick_xml::escape::unescape(&a.value).unwrap_or_else(|_| a.value.clone());
        format!("{}={value}", a.key.as_ref())
    });
    Node { name: element.name().as_ref().to_owned(), args: args.collect(), children: Vec::new(), file, line }
}
