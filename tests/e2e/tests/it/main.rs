//! The platform in a real cluster, as its users see it: the HTTP API through the gateway's public
//! address, mail in a real SMTP server, and `kubectl`.
//!
//! Run by `make test` after `make up`, one test at a time (`--test-threads=1`): they share one platform.

mod cluster;
mod eventually;
mod helm;
mod mail;
mod page;
mod scenarios;
mod shop;
