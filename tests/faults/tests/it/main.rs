//! Real servers and processes, stopped, silenced, killed and brought back under load, for as long as is promised.
//!
//! Each test prints what it measured; [`figure::Figure`] says how far that may be from what is promised.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are for people")]

mod audit;
mod delivery;
mod figure;
mod kills;
mod peer;
mod pipeline;
mod refusals;
mod replica;
mod requests;
