//! Connections to PostgreSQL and NATS, kept from one reconcile to the next.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::jetstream;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

use super::{
    endpoints::Endpoints,
    error_text::chain,
    identities::Identities,
    memory::{Administrator, Memory},
    resolve::{Platform, PostgresServer},
};
use crate::{
    messaging::Permissions,
    postgres::{Endpoint, Server},
};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Connections of every platform.
pub struct Connections {
    endpoints: Arc<dyn Endpoints>,
    platforms: Mutex<HashMap<(String, String), Arc<Cached>>>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").finish_non_exhaustive()
    }
}

/// Connections of one platform, for as long as addresses and passwords stay the same.
struct Cached {
    revision: String,
    postgres: Result<Arc<Server>, String>,
    nats_url: String,
    credentials: Result<SecretString, String>,
    nats: OnceCell<async_nats::Client>,
}

/// The servers of one platform.
#[derive(Clone)]
pub struct Peers(Arc<Cached>);

impl Connections {
    /// No connection yet.
    pub fn new(endpoints: Arc<dyn Endpoints>) -> Self {
        Self { endpoints, platforms: Mutex::default() }
    }

    /// The servers of a platform. Nothing connects before it is used.
    pub fn peers(&self, platform: &Platform, memory: &Memory) -> Peers {
        let key = (platform.namespace.clone(), platform.name.clone());
        let url = memory.administrator.as_ref().map(|administrator| self.admin_url(platform, administrator));
        let nats_url = self.endpoints.nats(platform);
        let issuer = memory.identities.as_ref().map(Identities::issuer);
        // An issuer's Debug form is its public key.
        let public_key = format!("{issuer:?}");
        let known_url = url.as_ref().map_or("", |url| url.expose_secret());
        let revision = super::build::hash([known_url, &nats_url, &public_key]);
        let mut platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = platforms.get(&key).filter(|cached| cached.revision == revision) {
            return Peers(cached.clone());
        }
        let postgres = match &url {
            Some(url) => Server::new(url).map(Arc::new).map_err(|error| chain(&error)),
            None => Err("the administrator's password is not known".to_owned()),
        };
        let credentials = match issuer {
            Some(issuer) => {
                issuer.credentials(&Permissions::admin(), Timestamp::now()).map_err(|error| chain(&error))
            }
            None => Err("the keys that sign its users are not known".to_owned()),
        };
        let cached = Arc::new(Cached { revision, postgres, nats_url, credentials, nats: OnceCell::new() });
        platforms.insert(key, cached.clone());
        Peers(cached)
    }

    /// Closes what a deleted platform had open.
    pub fn forget(&self, namespace: &str, name: &str) {
        let mut platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
        platforms.remove(&(namespace.to_owned(), name.to_owned()));
    }

    fn admin_url(&self, platform: &Platform, administrator: &Administrator) -> SecretString {
        let (host, port) = self.endpoints.postgres(platform);
        let sslmode = match &platform.postgres {
            PostgresServer::Managed { .. } => "disable",
            PostgresServer::External { tls, .. } => tls.sslmode(),
        };
        admin_url(&Endpoint { host, port, sslmode: sslmode.to_owned() }, administrator)
    }
}

/// The URL of a server, as its administrator.
pub(super) fn admin_url(endpoint: &Endpoint, administrator: &Administrator) -> SecretString {
    let password: SecretString = escape(administrator.password.expose_secret()).into();
    endpoint.url("postgres", &escape(&administrator.username), &password)
}

impl Peers {
    /// PostgreSQL, as its administrator.
    pub fn postgres(&self) -> Result<Arc<Server>, String> {
        self.0.postgres.clone()
    }

    /// JetStream, as the operator's own user.
    pub async fn jetstream(&self) -> Result<jetstream::Context, String> {
        let credentials = self.0.credentials.as_ref().map_err(Clone::clone)?;
        let connect = || async {
            let options = async_nats::ConnectOptions::with_credentials(credentials.expose_secret())
                .map_err(|error| chain(&error))?
                .name("shopflow-operator")
                .connection_timeout(CONNECT_LIMIT);
            options.connect(&self.0.nats_url).await.map_err(|error| chain(&error))
        };
        let client = self.0.nats.get_or_try_init(connect).await?;
        Ok(jetstream::new(client.clone()))
    }
}

/// Somebody else's password may hold any character.
fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            use fmt::Write as _;
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn passwords_are_escaped_for_a_url() {
        assert_eq!(super::escape("a/b@c:ä"), "a%2Fb%40c%3A%C3%A4");
    }
}
