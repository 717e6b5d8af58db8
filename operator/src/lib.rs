//! Runs ShopFlow platforms on Kubernetes.

pub mod api;

pub mod generated;
pub mod keys;
pub mod messaging;
pub mod metrics;
pub mod platform;
pub mod postgres;
pub mod provision;
pub mod run;
pub mod telemetry;
