//! Judgement: pure functions of (state, input, now) to effects. No sockets, files, clocks, randomness or
//! async in here, so every behaviour is a table of values, and virtual time tests it.

pub mod availability; // what the runs of a period come to, and who was responsible
pub mod calendar; // what is open when, by a working calendar
pub mod confirm; // down, or one packet lost: patience and bursts
pub mod detect; // judgements that no expression can make
pub mod detour; // whether an answer came over the line or by another road
pub mod directions; // what a two-way session says of each direction
pub mod ends; // what both ends of a link say of it
pub mod expose; // the newest value of every series, as Prometheus text
pub mod flap; // Icinga's flapping formula
pub mod heard; // what devices say unasked: alerts by patterns
pub mod incident; // what alerts of all agents make: incidents
pub mod maintenance; // when a window is open, and what it covers
pub mod reflector; // whom a reflector answers, and with which number
pub mod rule; // what observations make: alerts
pub mod schedule; // when which task runs
pub mod sight; // whether the agent itself sees anything at all
pub mod streak; // how many losses in a row are no chance
pub mod summarise; // what leaves the agent of all observations: summaries and facts
pub mod topology; // what devices say of their neighbours against the declared links
pub mod twins; // assets that answer with one SNMP engine id
pub mod window; // statistics over the last seconds
pub mod witness; // which of several probes says whether a link is there
