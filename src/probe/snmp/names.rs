//! Names that many devices have in common, such as `GigabitEthernet0/0/1`: one copy of each.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Names that are shared; beyond them each port has its own. Chassis of the largest routers have some thousand ports.
const MAX_NAMES: usize = 16_384;

static NAMES: Mutex<Option<HashSet<Arc<str>>>> = Mutex::new(None);

/// The one copy of a name.
pub(super) fn one(name: Arc<str>) -> Arc<str> {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(&name) {
        return known.clone();
    }
    if names.len() >= MAX_NAMES {
        names.retain(|name| Arc::strong_count(name) > 1); // those of devices that are gone
    }
    if names.len() < MAX_NAMES {
        names.insert(name.clone());
    }
    name
}
