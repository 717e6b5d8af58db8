//! What a service is made of, and what every service has besides.

use std::ops::Deref;
use std::path::Path;

use anyhow::{Context as _, ensure};
use axum::Router;
use futures::future::BoxFuture;
use ipnet::IpNet;
use serde::de::DeserializeOwned;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::access::Access;
use crate::auth::Snapshot;
use crate::config::{self, ConfigError};
use crate::database::{Database, Migrator};
use crate::http::{Routers, StandardRoutes};
use crate::lifecycle::{App, Shutdown, Task};
use crate::openapi::{self, Summary};
use crate::outbox::Relay;
use crate::readiness::Readiness;
use crate::{Context, http};

/// Makes the descriptions of all other services, by name; asked for only by the one that leads to them.
pub type Behind = fn() -> Vec<(&'static str, OpenApi)>;

/// A service: what only it knows. The rest, from standard routes to the relay of its events, is [`assemble`]d.
pub trait Service: Sized + 'static {
    /// Name in `topology`.
    const NAME: &'static str;
    /// What the description of its API says of it.
    const SUMMARY: Summary;
    /// Its section of the configuration.
    type Config: DeserializeOwned + Default + Send + 'static;
    /// What its handlers share.
    type State: Clone + Send + Sync + 'static;

    /// The schema of its database, beside kit's own tables; none without a database.
    fn migrations() -> Option<&'static Migrator> {
        None
    }

    /// Every route with its description.
    fn routes() -> OpenApiRouter<Self::State>;

    /// Routes that the description leaves out: names that older clients use for described ones, and what services tell
    /// each other below `/internal`.
    fn undescribed() -> Router<Self::State> {
        Router::new()
    }

    /// Who may use which route. Each described route has a rule, and each rule that is not of an internal route is of
    /// a described one.
    fn access() -> Access;

    /// Makes what its handlers share, and adds its background tasks to `start`. An error names the key of the
    /// configuration to correct.
    fn start(start: &mut Start, config: Self::Config) -> anyhow::Result<Self::State>;

    /// The description of its API.
    fn openapi(behind: Behind) -> OpenApi {
        let _ = behind;
        openapi::complete(Self::routes().into_openapi(), Self::SUMMARY, &Self::access())
    }

    /// Its routes with the standard ones.
    fn routers(router: Router, standard: StandardRoutes) -> Routers {
        http::standard(router, standard)
    }
}

/// What a service gets at start, and where it adds its part.
pub struct Start {
    context: Context,
    readiness: Readiness,
    tasks: Vec<Task>,
    recorded: Option<Snapshot>,
    trusted: Vec<IpNet>,
    around: Option<Box<dyn FnOnce(Router) -> Router>>,
}

impl Deref for Start {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl Start {
    /// The service's database.
    pub fn database(&self) -> anyhow::Result<Database> {
        self.context.database.clone().context("the service needs a database: set service.database_dir")
    }

    /// Adds a background task, which is started again after a pause when it fails.
    pub fn task<F, Fut>(&mut self, name: &'static str, start: F)
    where
        F: Fn(Shutdown) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.add(Task::new(name, start));
    }

    /// Adds a background task that is made already.
    pub fn add(&mut self, task: Task) {
        self.tasks.push(task);
    }

    /// The connection to NATS.
    pub fn jetstream(&self) -> anyhow::Result<async_nats::jetstream::Context> {
        self.context.jetstream.clone().context("the service needs NATS")
    }

    /// Adds background tasks.
    pub fn tasks(&mut self, tasks: Vec<Task>) {
        self.tasks.extend(tasks);
    }

    /// Reads revocations from there, for the service that records them itself.
    pub fn records_revocations(&mut self, recorded: Snapshot) {
        self.recorded = Some(recorded);
    }

    /// Does not limit how many connections one address in these networks makes.
    pub fn trust(&mut self, proxies: Vec<IpNet>) {
        self.trusted = proxies;
    }

    /// Adds a layer around everything that clients reach, answers of the standard layers included.
    pub fn around_public(&mut self, layer: impl FnOnce(Router) -> Router + 'static) {
        self.around = Some(Box::new(layer));
    }

    /// Adds a check to `/ready`.
    pub fn check<F, Fut>(&mut self, name: &'static str, passes: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.readiness = std::mem::take(&mut self.readiness).check(name, passes);
    }
}

/// The service, ready to be served: its routes behind their rules, the standard routes and tasks, and, where it
/// publishes events, the relay of its outbox.
pub fn assemble<S: Service>(context: Context, config: S::Config, behind: Behind) -> anyhow::Result<App> {
    let service = topology::service(S::NAME).with_context(|| format!("topology has no `{}`", S::NAME))?;
    let mut start = Start {
        readiness: context.readiness(),
        context,
        tasks: Vec::new(),
        recorded: None,
        trusted: Vec::new(),
        around: None,
    };
    let state = S::start(&mut start, config)?;
    if start.recorded.is_some() && start.jetstream.is_none() {
        // The others know nothing without messaging; this one has its database.
        let revocations = start.verifier.revocations().clone();
        start.readiness = std::mem::take(&mut start.readiness).revocations(revocations);
    }
    let described = S::routes();
    ensure_ruled(described.get_openapi(), &S::access())?;
    let router = Router::from(described).merge(S::undescribed());
    let router = S::access().protect(router, start.verifier.clone()).with_state(state);
    let standard = StandardRoutes {
        name: S::NAME,
        readiness: std::mem::take(&mut start.readiness),
        openapi: S::openapi(behind),
        metrics: start.metrics.clone(),
    };
    let mut routers = S::routers(router, standard);
    if let Some(layer) = start.around.take() {
        routers = routers.map_public(layer);
    }
    let mut app = App::new(S::NAME, routers).trusting(std::mem::take(&mut start.trusted));
    app.background = std::mem::take(&mut start.tasks);
    if let (Some(database), Some(jetstream), false) =
        (&start.database, &start.jetstream, service.publishes.is_empty())
    {
        let relay = Relay::new(database.clone(), jetstream.clone(), start.clock.clone(), &start.metrics);
        app = app.task("outbox relay", move |shutdown| relay.clone().run(shutdown));
    }
    Ok(match start.recorded {
        Some(recorded) => start.context.standard_tasks_with_revocations(app, recorded),
        None => start.context.standard_tasks(app),
    })
}

/// A route without a rule would answer nobody, and a rule without a route protects nothing.
fn ensure_ruled(document: &OpenApi, access: &Access) -> anyhow::Result<()> {
    let mut described = openapi::routes_of(document);
    let public = access.rules().filter(|rule| !rule.is_internal());
    let mut ruled: Vec<String> = public.map(|rule| rule.route().to_owned()).collect();
    described.sort_unstable();
    ruled.sort_unstable();
    ensure!(described == ruled, "access rules and routes differ: {ruled:?}, but {described:?}");
    Ok(())
}

/// How the binary sees a service.
pub struct Registered {
    /// Name, as in `topology`.
    pub name: &'static str,
    /// Its database's migrations; none without a database.
    pub migrations: fn() -> Option<&'static Migrator>,
    /// See [`Service::openapi`].
    pub openapi: fn(Behind) -> OpenApi,
    /// Reads its configuration and makes it.
    pub assemble: for<'a> fn(&'a Path, Shutdown, Behind) -> BoxFuture<'a, Assembled>,
    /// Reads its configuration alone.
    pub settings: fn(&Path) -> Result<config::Service, ConfigError>,
}

/// A service's settings and the service itself.
pub type Assembled = anyhow::Result<(config::Service, App)>;

impl Registered {
    /// The entry of `S`.
    pub const fn of<S: Service>() -> Self {
        Self {
            name: S::NAME,
            migrations: S::migrations,
            openapi: S::openapi,
            assemble: |file, shutdown, behind| Box::pin(from_file::<S>(file, shutdown, behind)),
            settings: |file| config::load_section::<S::Config>(S::NAME, file).map(|(settings, _)| settings),
        }
    }
}

async fn from_file<S: Service>(file: &Path, shutdown: Shutdown, behind: Behind) -> Assembled {
    let (settings, section) = config::load_section::<S::Config>(S::NAME, file)?;
    let context = Context::start(S::NAME, settings.clone(), shutdown).await?;
    Ok((settings, assemble::<S>(context, section, behind)?))
}

/// Every service of a binary, each once: `kit::services![Gateway, Auth, Order]`.
#[macro_export]
macro_rules! services {
    ($($service:ty),+ $(,)?) => {
        &[$($crate::service::Registered::of::<$service>()),+]
    };
}
