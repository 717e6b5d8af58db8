//! The section `order`.

use serde::{Deserialize, Serialize};

/// Settings of the order service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// Whether order lines are checked against the catalog.
    pub catalog: CatalogMode,
}

/// Whether order lines are checked against the catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogMode {
    /// The catalog's name and price win; a line needs neither.
    Required,
    /// Each line carries its own name and price.
    #[default]
    Optional,
}
