//! Who asks.

use kit::auth::Role;
use kit::testing::Keys;
use uuid::Uuid;

/// Somebody with a token, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A customer.
    User(Uuid),
    /// A vendor.
    Vendor(Uuid),
    /// The administrator of every test, [`admin`].
    Admin,
    /// Another service, by name.
    Service(&'static str),
    /// Somebody without a token.
    Nobody,
}

impl Caller {
    /// Their token for `service`.
    pub fn token(self, keys: &Keys, service: &str) -> Option<String> {
        match self {
            Self::User(id) => Some(keys.access_token(id, Role::Customer)),
            Self::Vendor(id) => Some(keys.access_token(id, Role::Vendor)),
            Self::Admin => Some(keys.access_token(admin(), Role::Admin)),
            Self::Service(name) => Some(keys.service_token(name, service)),
            Self::Nobody => None,
        }
    }
}

/// The administrator of every test.
pub fn admin() -> Uuid {
    Uuid::from_u128(0xad)
}

/// The customer of the examples.
pub fn jane() -> Uuid {
    Uuid::from_u128(0xa1b2_c3d4_e5f6_7890_abcd_ef12_3456_7890)
}

/// Another customer.
pub fn john() -> Uuid {
    Uuid::from_u128(0x70)
}
