//! Accounts, sign-in, tokens.
//!
//! `http` calls `app`, `app` calls `store`, and `domain` knows none of them. [`Auth`] puts them together.

mod app;
mod background;
pub mod config;
mod domain;
mod http;
mod passwords;
mod signing;
mod store;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use kit::Service;
use kit::access::Access;
use kit::auth::Snapshot;
use kit::database::Migrator;
use kit::openapi::Summary;
use kit::service::Start;
use kit::watch::{Following, follow};
use tokio::sync::Notify;
use utoipa_axum::router::OpenApiRouter;

use crate::app::Metrics;
pub use crate::config::Config;
use crate::http::{HttpState, PublicKeys};
use crate::passwords::{HashMetrics, Hasher, HashingPool};
use crate::signing::Signer;

/// The auth service.
#[derive(Debug)]
pub struct Auth;

static MIGRATIONS: Migrator = sqlx::migrate!();

impl Service for Auth {
    const NAME: &'static str = "auth";
    const SUMMARY: Summary = Summary { title: "ShopFlow auth", description: "Accounts, sign-in, tokens" };
    type Config = Config;
    type State = HttpState;

    fn migrations() -> Option<&'static Migrator> {
        Some(&MIGRATIONS)
    }

    fn routes() -> OpenApiRouter<HttpState> {
        http::routes()
    }

    fn undescribed() -> Router<HttpState> {
        http::undescribed()
    }

    fn access() -> Access {
        http::access()
    }

    fn start(start: &mut Start, config: Config) -> anyhow::Result<HttpState> {
        let auth = use_cases(start, &config)?;
        let public_keys = PublicKeys::default();
        let following = [
            follow_keyring(&config.signing_keys, auth.signer.clone()),
            follow_public_keys(&start.config.verification_keys, public_keys.clone()),
        ];
        let signer = auth.signer.clone();
        start.check("signing key", move || std::future::ready(signer.key_id().is_some()));
        start.records_revocations(recorded_revocations(&auth));
        background::start(start, &auth, config.admin_dir);
        Ok(HttpState { auth, public_keys, _following: Arc::new(following) })
    }
}

fn use_cases(context: &Start, config: &Config) -> anyhow::Result<app::Auth> {
    let hash_metrics = HashMetrics::new(&context.metrics);
    let hasher = Hasher::new(config.password_hash, hash_metrics.clone())
        .context("password_hash in the configuration cannot be used")?;
    let passwords =
        HashingPool::new(hasher, hash_metrics).context("cannot start the threads that hash passwords")?;
    Ok(app::Auth {
        database: context.database()?,
        clock: context.clock.clone(),
        verifier: context.verifier.clone(),
        passwords,
        signer: Signer::default(),
        settings: Arc::new(config::settings(&context.config.issuer, config)),
        metrics: Metrics::new(&context.metrics),
        revoked: Arc::new(Notify::new()),
    })
}

/// Other services ask auth while the bucket cannot be read; auth itself asks its database.
fn recorded_revocations(auth: &app::Auth) -> Snapshot {
    let auth = auth.clone();
    Snapshot::new(move |_| {
        let auth = auth.clone();
        async move { Ok(auth.enforce_recorded().await?) }
    })
}

fn follow_keyring(path: &Path, signer: Signer) -> Following {
    let shown = path.display().to_string();
    follow(path, move |content| {
        if let Err(error) = signer.load(content) {
            tracing::error!(path = %shown, %error, "keyring refused, the signing key before stays in use");
        }
    })
}

fn follow_public_keys(path: &Path, public_keys: PublicKeys) -> Following {
    follow(path, move |content| public_keys.load(content))
}
