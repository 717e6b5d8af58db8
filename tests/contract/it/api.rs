//! Examples of every route, word for word, and every error, rule and event that docs/api.md names.

mod auth;
mod events;
mod examples;
mod notifications;
mod orders;
mod services;
mod state_machine;
