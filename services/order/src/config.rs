//! The order service's own settings.

pub use protocol::settings::{CatalogMode, Order as Config};

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

/// Refuses what this release cannot do, before any request meets it.
pub(crate) fn check(config: Config) -> Result<(), ConfigError> {
    match config.catalog {
        CatalogMode::Required => Err(ConfigError::NoCatalog),
        CatalogMode::Optional => Ok(()),
    }
}
