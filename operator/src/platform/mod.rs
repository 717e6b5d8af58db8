//! The controller of platforms, in six steps: gather, resolve, secure, build, apply, report. Only the outer two
//! and apply have a client.

pub mod apply;
pub mod build;
mod compare;
pub mod connections;
pub mod controller;
pub mod deletion;
pub mod endpoints;
mod error_text;
pub mod failure;
pub mod gather;
pub mod identities;
pub mod keys;
pub mod kind;
pub mod leadership;
pub mod live;
pub mod memory;
mod pods;
pub mod reconcile;
pub mod report;
pub mod resolve;
pub mod servers;
