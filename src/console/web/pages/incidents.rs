//! The incident pages: the inbox, one incident with what can be done, its notice, the runbooks.

pub mod act;
pub mod affected;
pub mod charts;
pub mod forms;
pub mod inbox;
pub mod notice;
pub mod one;
pub mod runbook;
pub mod words;

pub use act::{act, bulk, views};
pub use inbox::page as list;
pub use notice::page as notice;
pub use one::page as one;
pub use runbook::page as runbook;

#[cfg(test)]
mod tests;
