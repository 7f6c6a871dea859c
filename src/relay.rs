//! From an agent to its console: the spool that outlives both, batches, enrolment, the uplink.
//! A console that has a parent uses the same parts. It does not know what a record means.

pub mod receive; // the console's side of the batch rule
