//! Document 003, sections 4 to 7: its examples word for word, and every error, rule and event it names.

mod auth;
mod events;
mod examples;
mod notifications;
mod orders;
mod services;
mod state_machine;
