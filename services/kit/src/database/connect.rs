//! How a connection is made: the URL, its protection, and what each session is told.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::DatabaseError;

/// How long a request waits for a connection, made or given back, before it is answered 503.
pub(super) const ACQUIRE: Duration = Duration::from_millis(2_500);
/// How long making one connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// Told to every session (PostgreSQL manual, section 20.11): a statement, a wait for a lock, and an open
/// transaction that does nothing, end after this many milliseconds.
const SESSION: &str =
    "-c statement_timeout=10000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=15000";
/// The kernel gives a connection up when sent bytes stay unacknowledged for this long: the other machine
/// is gone, and nobody will send a reset.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

/// How connections of one login are made.
#[derive(Clone)]
pub(super) struct Connector {
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// Reads `postgres://role:password@host:port/database?sslmode=…`. `sslmode` is `disable`, `prefer`,
    /// `require` (encrypted, the server is not checked), `verify-ca` or `verify-full` (checked against
    /// public authorities, or those in the PEM file `sslrootcert`).
    pub(super) fn from_url(url: &str, application: &str) -> Result<Self, DatabaseError> {
        let mut url = Url::parse(url.trim()).map_err(|_| DatabaseError::InvalidUrl)?;
        let mut parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mode = take(&mut parameters, "sslmode").unwrap_or_else(|| "prefer".to_owned());
        let authorities = take(&mut parameters, "sslrootcert");
        url.set_query(None);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let mut config =
            tokio_postgres::Config::from_str(url.as_str()).map_err(|_| DatabaseError::InvalidUrl)?;
        config
            .application_name(application)
            .options(SESSION)
            .connect_timeout(CONNECT)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives_idle(UNACKNOWLEDGED)
            .keepalives_interval(Duration::from_secs(1))
            .keepalives_retries(3)
            .ssl_mode(match mode.as_str() {
                "disable" => SslMode::Disable,
                "prefer" | "allow" => SslMode::Prefer,
                "require" | "verify-ca" | "verify-full" => SslMode::Require,
                _ => return Err(DatabaseError::InvalidUrl),
            });
        let checked = mode.starts_with("verify-");
        Ok(Self { config, tls: MakeRustlsConnect::new(protection(checked, authorities.as_deref())?) })
    }

    /// A pool of at most `size` connections, which connects when first used.
    pub(super) fn pool(&self, size: u32) -> Pool {
        // A connection that broke shows in its first statement; asking before each use costs an exchange.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), recycling);
        Pool::builder(manager)
            .max_size(usize::try_from(size).unwrap_or(1).max(1))
            .wait_timeout(Some(ACQUIRE))
            .create_timeout(Some(CONNECT))
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a pool with time-outs is given its runtime")
    }

    /// A connection outside the pool, closed when it is dropped. Each notification calls `notified`.
    pub(super) async fn connect(
        &self,
        mut notified: impl FnMut() + Send + 'static,
    ) -> Result<ClientWrapper, tokio_postgres::Error> {
        let (client, mut connection) = self.config.connect(self.tls.clone()).await?;
        let driver = tokio::spawn(async move {
            while let Some(Ok(message)) =
                std::future::poll_fn(|context| connection.poll_message(context)).await
            {
                if matches!(message, tokio_postgres::AsyncMessage::Notification(_)) {
                    notified();
                }
            }
        });
        Ok(ClientWrapper::new(client, driver))
    }
}

fn take(parameters: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let index = parameters.iter().position(|(key, _)| key == name)?;
    Some(parameters.swap_remove(index).1)
}

fn protection(checked: bool, authorities: Option<&str>) -> Result<ClientConfig, DatabaseError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(DatabaseError::Tls)?;
    if !checked {
        let unchecked = Arc::new(Unchecked(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(unchecked).with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    match authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let refused = |error: &dyn std::fmt::Display| DatabaseError::Authorities {
                path: path.to_owned(),
                message: error.to_string(),
            };
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(&error))? {
                let certificate = certificate.map_err(|error| refused(&error))?;
                roots.add(certificate).map_err(|error| refused(&error))?;
            }
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What `sslmode=require` means to PostgreSQL's own clients: encryption, whoever the server is.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Option<SslMode> {
        Connector::from_url(url, "order").ok().map(|connector| connector.config.get_ssl_mode())
    }

    #[test]
    fn every_sslmode_of_the_resource_is_read() {
        let url = |mode: &str| format!("postgres://order_a:p-_1@shop-postgres:5432/order?sslmode={mode}");
        assert_eq!(mode(&url("disable")), Some(SslMode::Disable));
        assert_eq!(mode(&url("require")), Some(SslMode::Require));
        assert_eq!(mode(&url("verify-full")), Some(SslMode::Require));
        assert_eq!(mode("postgres://a:b@[::1]:5432/order"), Some(SslMode::Prefer));
        assert_eq!(mode(&url("sometimes")), None);
        assert_eq!(mode("no url"), None);
    }

    #[test]
    fn authorities_that_cannot_be_read_are_named() {
        let url = "postgres://a:b@host/order?sslmode=verify-full&sslrootcert=/nowhere/ca.crt";
        let error = Connector::from_url(url, "order").err().unwrap();
        assert!(error.to_string().contains("/nowhere/ca.crt"), "{error}");
    }

    #[test]
    fn a_session_is_told_its_limits_and_its_service() {
        let connector = Connector::from_url("postgres://a:b@host/order", "order/pod-1").unwrap();
        assert_eq!(connector.config.get_application_name(), Some("order/pod-1"));
        assert!(connector.config.get_options().unwrap().contains("lock_timeout=3000"));
    }
}
