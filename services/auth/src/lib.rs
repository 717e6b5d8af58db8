//! Accounts, sign-in, tokens.
//!
//! `http` calls `app`, `app` calls `store`, and `domain` knows none of them. [`service`] puts them together.

mod app;
mod background;
pub mod config;
mod domain;
mod http;
mod passwords;
mod signing;
mod store;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use kit::Context;
use kit::auth::Snapshot;
use kit::http::StandardRoutes;
use kit::lifecycle::App;
use kit::outbox::Relay;
use kit::watch::{Following, follow};
use tokio::sync::Notify;

use crate::app::{Auth, Metrics};
use crate::background::RevocationRelay;
pub use crate::config::Config;
use crate::http::{HttpState, PublicKeys};
use crate::passwords::{HashMetrics, Hasher, HashingPool};
use crate::signing::Signer;

/// Name of the service in `topology`.
pub const NAME: &str = "auth";

/// The schema of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Who may use which of the described routes.
pub fn access() -> kit::access::Access {
    http::access()
}

/// The description of the service's API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::openapi()
}

/// The service: its routes and its background tasks. Needs a Tokio runtime.
#[expect(clippy::needless_pass_by_value, reason = "every service is started by such a function")]
pub fn service(context: Context, config: Config) -> anyhow::Result<App> {
    let auth = use_cases(&context, &config)?;
    let public_keys = PublicKeys::default();
    let following = [
        follow_keyring(&config.signing_keys, auth.signer.clone()),
        follow_public_keys(&context.config.verification_keys, public_keys.clone()),
    ];
    let signer = auth.signer.clone();
    let readiness = context
        .readiness()
        .revocations(context.verifier.revocations().clone())
        .check("signing key", move || std::future::ready(signer.key_id().is_some()));
    let standard =
        StandardRoutes { name: NAME, readiness, openapi: openapi(), metrics: context.metrics.clone() };
    let state = HttpState { auth: auth.clone(), public_keys, _following: Arc::new(following) };
    let app = App::new(NAME, kit::http::standard(http::router(state), standard));
    Ok(tasks(&context, app, &auth, config.admin_dir))
}

fn use_cases(context: &Context, config: &Config) -> anyhow::Result<Auth> {
    let hash_metrics = HashMetrics::new(&context.metrics);
    let hasher = Hasher::new(config.password_hash, hash_metrics.clone())
        .context("password_hash in the configuration cannot be used")?;
    let passwords =
        HashingPool::new(hasher, hash_metrics).context("cannot start the threads that hash passwords")?;
    Ok(Auth {
        database: context.database.clone().context("auth needs its database")?,
        clock: context.clock.clone(),
        verifier: context.verifier.clone(),
        passwords,
        signer: Signer::default(),
        settings: Arc::new(config::settings(&context.config.issuer, config)),
        metrics: Metrics::new(&context.metrics),
        revoked: Arc::new(Notify::new()),
    })
}

fn tasks(context: &Context, app: App, auth: &Auth, admin_dir: PathBuf) -> App {
    let mut app = context.standard_tasks_with_revocations(app, recorded_revocations(auth));
    if let Some(jetstream) = &context.jetstream {
        let database = auth.database.clone();
        let outbox = Relay::new(database, jetstream.clone(), context.clock.clone(), &context.metrics);
        app = app.task("outbox", move |shutdown| outbox.clone().run(shutdown));
        let relay = RevocationRelay::new(auth.clone(), jetstream.clone());
        app = app.task("revocation relay", move |shutdown| relay.clone().run(shutdown));
    }
    app.background.push(background::retention(auth));
    let (bootstrap, schemes) = (auth.clone(), auth.clone());
    app.task("bootstrap admin", move |_| {
        background::open_bootstrap_admin(bootstrap.clone(), admin_dir.clone())
    })
    .task("password schemes", move |shutdown| background::follow_schemes(schemes.clone(), shutdown))
}

/// Other services ask auth while the bucket cannot be read; auth itself asks its database.
fn recorded_revocations(auth: &Auth) -> Snapshot {
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
