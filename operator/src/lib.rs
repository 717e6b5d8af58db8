//! Runs ShopFlow platforms on Kubernetes.

pub mod api;

pub mod keys;
pub mod messaging;
pub mod postgres;
pub mod provision;
pub mod telemetry;
