//! What users do with a platform. Each leaves the sample platform Ready.

mod deletion;
mod disturbance;
mod editing;
mod exposure;
mod ordering;
mod outage;
mod recovery;
mod rotation;
mod uninstall;
