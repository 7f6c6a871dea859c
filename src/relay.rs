//! From an agent to its console: the spool that outlives both, batches, enrolment, the uplink.
//! A console that has a parent uses the same parts. It does not know what a record means.

pub mod identity; // key, certificate and CA of an agent; enrolment and renewal
pub mod receive; // the console's side of the batch rule
pub mod spool; // what was appended stays until the console has committed it
pub mod uplink; // from the spool to the console, plans and jobs back

#[cfg(test)]
mod testing;
