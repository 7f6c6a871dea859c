//! Ports at the ends of links: people name them in a shorter way than their devices do.

use std::collections::BTreeSet;

use crate::console::store::Newest;
use crate::model::inventory::LinkEnd;
use crate::model::{Object, port};

/// The port at an end of a link, if it is one of ours: as its device calls it, where that is known.
pub(in crate::console) fn known_port(newest: &Newest<'_>, end: &LinkEnd) -> Option<Object> {
    let LinkEnd::Port { asset, interface, .. } = end else { return None };
    let declared = declared_port(end)?;
    if newest.of(&declared).next().is_some() {
        return Some(declared);
    }
    let like = |object: &&Object| matches!(object, Object::Interface { name, .. } if port::same(name, interface));
    let alike: BTreeSet<&Object> = newest.ports(asset).map(|row| row.object()).filter(like).collect();
    Some(match alike.first() {
        Some(one) if alike.len() == 1 => (*one).clone(),
        _ => declared,
    })
}

/// The same as it is declared.
pub(super) fn declared_port(end: &LinkEnd) -> Option<Object> {
    match end {
        LinkEnd::Port { asset, interface, .. } => Object::interface(asset.clone(), interface).ok(),
        LinkEnd::Peer { .. } => None,
    }
}
