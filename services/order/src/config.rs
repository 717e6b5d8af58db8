//! The order service's own settings.

use serde::{Deserialize, Serialize};

/// Section `order` of the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Config {
    /// Whether order lines are checked against the catalog.
    pub catalog: CatalogMode,
}

/// Whether order lines are checked against the catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogMode {
    /// The catalog's name and price win; a line needs neither.
    Required,
    /// Each line carries its own name and price, as in document 003.
    #[default]
    Optional,
}

/// Settings that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no catalog to require.
    #[error(
        "order.catalog is `required`, but this platform has no catalog service to ask for prices: \
         set order.catalog to `optional`, and each order line carries its own product_name and unit_price"
    )]
    NoCatalog,
}

impl Config {
    /// Refuses what this release cannot do, before any request meets it.
    pub(crate) fn check(self) -> Result<(), ConfigError> {
        match self.catalog {
            CatalogMode::Required => Err(ConfigError::NoCatalog),
            CatalogMode::Optional => Ok(()),
        }
    }
}
