//! The controller of platforms, in six steps, a folder each: gather, resolve, secure, build, apply, report. Only
//! gather, apply and the writing of the report have a client; gather is asked three times, since what the spec names and
//! how a server is reached is known only after resolve.

pub mod apply;
pub mod build;
pub mod connections;
pub mod controller;
pub mod deletion;
pub mod endpoints;
mod error_text;
pub mod failure;
pub mod gather;
pub mod kind;
pub mod leadership;
pub mod pin;
mod pods;
mod quantity;
pub mod reconcile;
pub mod report;
pub mod resolve;
pub mod secure;
