//! One file a page, or a few that belong together. A page reads what it shows through the store's scope,
//! builds markup from `ui`, and changes things only by `Cx::command`.

pub mod account;
pub mod agents;
pub mod assets;
pub mod audit;
pub mod declare;
pub mod definitions;
pub mod discover;
pub mod events;
pub mod gallery;
pub mod graded;
pub mod import;
pub mod incidents;
pub mod links;
pub mod maintenance;
pub mod measured;
pub mod overview;
pub mod setup;
pub mod sign_in;
pub mod topology;
pub mod users;

#[cfg(test)]
mod tests;
