//! Stub.
use super::Store;
use crate::console::command::{Actor, Command, CommandError, Outcome};
pub(super) async fn run(_s: &Store, _a: Actor, _r: Option<String>, _c: Command) -> Result<Outcome, CommandError> {
    Ok(Outcome::Done)
}
