//! Accounts, sign-in, tokens.
//!
//! `http` calls `app`, `app` calls `store`, and `domain` knows none of them. [`service`] puts them together.

pub mod app;
mod background;
pub mod config;
pub mod domain;
pub mod http;
pub mod passwords;
pub mod signing;
pub mod store;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use kit::Context;
use kit::auth::Snapshot;
use kit::database::Database;
use kit::http::StandardRoutes;
use kit::lifecycle::App;
use kit::outbox::Relay;
use kit::watch::{Following, follow};
use tokio::sync::Notify;

use crate::app::Auth;
use crate::background::RevocationRelay;
pub use crate::config::Config;
use crate::http::{HttpState, PublicKeys};
use crate::passwords::{Hasher, HashingPool};
use crate::signing::Signer;

/// Name of the service in `topology`.
pub const NAME: &str = "auth";

/// The schema of the service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The description of the service's API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::openapi()
}

/// The service: its routes and its background tasks. Needs a Tokio runtime.
#[expect(clippy::needless_pass_by_value, reason = "every service is started by such a function")]
pub fn service(context: Context, config: Config) -> anyhow::Result<App> {
    let database = context.database.clone().context("auth needs its database")?;
    let hasher =
        Hasher::new(config.password_hash).context("password_hash in the configuration cannot be used")?;
    let settings = config::settings(&context.config.issuer, &config);
    let auth = Auth {
        database: database.clone(),
        clock: context.clock.clone(),
        verifier: context.verifier.clone(),
        passwords: HashingPool::new(hasher),
        signer: Signer::default(),
        settings: Arc::new(settings),
        revoked: Arc::new(Notify::new()),
    };
    let public_keys = PublicKeys::default();
    let following = [
        follow_keyring(&config.signing_keys, auth.signer.clone()),
        follow_public_keys(&context.config.verification_keys, public_keys.clone()),
    ];
    let signer = auth.signer.clone();
    let readiness =
        context.readiness().check("signing key", move || std::future::ready(signer.key_id().is_some()));
    let standard =
        StandardRoutes { name: NAME, readiness, openapi: openapi(), metrics: context.metrics.clone() };
    let state = HttpState { auth: auth.clone(), public_keys, following: Arc::new(following) };
    let app = App::new(NAME, kit::http::standard(http::router(state), standard));
    Ok(tasks(&context, app, &auth, database, config))
}

fn tasks(context: &Context, app: App, auth: &Auth, database: Database, config: Config) -> App {
    let recorded = auth.clone();
    let recorded = Snapshot::new(move |_| {
        let auth = recorded.clone();
        async move { Ok(auth.enforce_recorded().await?) }
    });
    let mut app = context.standard_tasks_with_revocations(app, recorded);
    if let Some(jetstream) = &context.jetstream {
        let outbox = Relay::new(database, jetstream.clone(), context.clock.clone(), &context.metrics);
        app = app.task("outbox", move |shutdown| outbox.clone().run(shutdown));
        let relay = RevocationRelay::new(auth.clone(), jetstream.clone());
        app = app.task("revocation relay", move |shutdown| relay.clone().run(shutdown));
    }
    let (administrator, house) = (auth.clone(), auth.clone());
    app.task("administrator", move |_| {
        background::ensure_administrator(administrator.clone(), config.admin_dir.clone())
    })
    .task("housekeeping", move |shutdown| background::keep_house(house.clone(), shutdown))
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
