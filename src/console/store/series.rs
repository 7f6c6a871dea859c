//! Stub.
use super::{Point, SeriesKey, Store, StoreError, days::Layout, live::Shared};
use crate::model::{Now, Wall};
pub(super) fn warm(_s: &Shared, _now: Wall) {}
pub(super) fn read(_l: &Layout, _k: &SeriesKey, _f: Wall, _t: Wall, _m: usize) -> Result<Vec<Point>, StoreError> {
    Ok(Vec::new())
}
pub(super) async fn maintain(_s: &Store, _now: Now) {}
