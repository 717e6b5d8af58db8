//! Where a service finds what it is given: the same folders below `/etc/shopflow` in a pod and below a directory of
//! its own on a developer's machine.

use std::path::PathBuf;

/// The configuration file, in the folder itself.
pub const CONFIG_FILE: &str = "config.yaml";
/// How to reach the database, in [`Mount::Database`].
pub const URL_FILE: &str = "url";
/// The NATS user, in [`Mount::Nats`].
pub const CREDENTIALS_FILE: &str = "user.creds";
/// The JSON Web Key Set, in [`Mount::VerificationKeys`].
pub const JWKS_FILE: &str = "jwks.json";
/// The private keyring, in [`Mount::SigningKeys`].
pub const KEYRING_FILE: &str = "keyring.json";
/// Address of the first administrator, in [`Mount::Admin`].
pub const EMAIL_FILE: &str = "email";
/// Password of the first administrator, in [`Mount::Admin`].
pub const PASSWORD_FILE: &str = "password";

/// Where a pod finds everything.
const MOUNTED: &str = "/etc/shopflow";

/// A folder that a service is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mount {
    /// [`URL_FILE`].
    Database,
    /// [`CREDENTIALS_FILE`].
    Nats,
    /// [`JWKS_FILE`].
    VerificationKeys,
    /// One service token per callee, named like it.
    Tokens,
    /// [`KEYRING_FILE`], for auth alone.
    SigningKeys,
    /// [`EMAIL_FILE`] and [`PASSWORD_FILE`], for auth alone.
    Admin,
    /// `username` and `password` for the mail server, for notification alone.
    Smtp,
    /// `account_sid` and `auth_token` for Twilio, for notification alone.
    Twilio,
}

impl Mount {
    /// Name of the folder, and of the volume behind it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Nats => "nats",
            Self::VerificationKeys => "verification-keys",
            Self::Tokens => "tokens",
            Self::SigningKeys => "signing-keys",
            Self::Admin => "admin",
            Self::Smtp => "smtp",
            Self::Twilio => "twilio",
        }
    }
}

/// The folder of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths(PathBuf);

impl Paths {
    /// As mounted into a pod.
    pub fn mounted() -> Self {
        Self(MOUNTED.into())
    }

    /// Below a directory of this machine.
    pub fn below(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.0.join(CONFIG_FILE)
    }

    /// One of the folders.
    pub fn mount(&self, mount: Mount) -> PathBuf {
        self.0.join(mount.name())
    }

    /// A file in one of the folders.
    pub fn file(&self, mount: Mount, file: &str) -> PathBuf {
        self.mount(mount).join(file)
    }
}

/// Prefix of the subjects on which replies to this service arrive. Nobody else may subscribe to them.
pub fn inbox_prefix(service: &str) -> String {
    format!("_INBOX_{service}")
}
