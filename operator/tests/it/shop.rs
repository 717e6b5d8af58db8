//! A namespace with real servers behind it, and an operator that runs under the shipped permissions.

use std::{
    collections::BTreeMap,
    future::Future,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    discovery::pinned_kind,
};
use serde_json::{Value, json};
use shopflow_operator::{
    api::{ConditionType, ShopFlowPlatform},
    generated,
    metrics::Metrics,
    platform::{leadership::Leadership, reconcile},
    run,
};
use testbed::{Nats, NatsSettings, Postgres, until};
use tokio::sync::OnceCell;

use crate::{control_plane, kubelet::Kubelet};

/// Longest that a state is waited for; the machine may be busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

/// The column of a platform whose every service is ready.
pub(crate) fn all_ready() -> String {
    let all = topology::SERVICES.len();
    format!("{all}/{all}")
}

static INSTALLED: OnceCell<()> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);
static LOOKS: AtomicU32 = AtomicU32::new(1);

/// A namespace of one test.
pub(crate) struct Shop {
    pub(crate) namespace: String,
    pub(crate) client: Client,
    pub(crate) postgres: Postgres,
    pub(crate) nats: OnceCell<Nats>,
    nats_port: u16,
    pub(crate) kubelet: Kubelet,
}

/// An operator in this process.
pub(crate) struct Operator {
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    pub(crate) metrics: Metrics,
}

impl Operator {
    /// Ends it at once, wherever it is, as a kill would.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// How often each kind of object was written so far. A platform's status and the events about it are
    /// the operator's own words, not writes to what it keeps.
    pub(crate) fn object_writes(&self) -> BTreeMap<String, u64> {
        let text = self.metrics.text();
        let writes = text
            .lines()
            .filter_map(|line| line.strip_prefix("shopflow_operator_kubernetes_writes_total{resource=\""));
        let mut by_kind = BTreeMap::new();
        for line in writes {
            let (kind, rest) = line.split_once('"').unwrap();
            let count: u64 = rest.rsplit_once(' ').unwrap().1.parse().unwrap();
            if !["shopflowplatforms/status", "events"].contains(&kind) {
                *by_kind.entry(kind.to_owned()).or_default() += count;
            }
        }
        by_kind
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let config = control_plane::administrator().await;
        let client = Client::try_from(config).unwrap();
        INSTALLED.get_or_init(async || install(&client).await).await;
        let namespace = format!("shop-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let object = json!({"metadata": {"name": namespace, "labels": labels}});
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        let role = generated::rbac(
            &namespace,
            &["shop".to_owned(), "second".to_owned()],
            &["database-admin".to_owned()],
        )
        .unwrap();
        apply_yaml(&client, &role).await;
        Self {
            kubelet: Kubelet::start(client.clone(), &namespace),
            postgres: Postgres::start().await.unwrap(),
            nats: OnceCell::new(),
            nats_port: free_port(),
            namespace,
            client,
        }
    }

    pub(crate) fn platforms(&self) -> Api<ShopFlowPlatform> {
        self.api()
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates the platform `shop`.
    pub(crate) async fn create(&self, spec: Value) -> Result<DynamicObject, kube::Error> {
        self.create_named("shop", spec).await
    }

    /// Creates a platform. Its spec is sent as it is, so that the API server may refuse it.
    pub(crate) async fn create_named(&self, name: &str, spec: Value) -> Result<DynamicObject, kube::Error> {
        let resource = ApiResource::erase::<ShopFlowPlatform>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let object = DynamicObject::new(name, &resource).data(json!({"spec": spec}));
        api.create(&PostParams::default(), &object).await
    }

    pub(crate) async fn change(&self, patch: Value) -> Result<ShopFlowPlatform, kube::Error> {
        self.platforms().patch("shop", &PatchParams::default(), &Patch::Merge(patch)).await
    }

    /// Has the operator look now: Secrets are not watched, and the next look may be half a minute away.
    pub(crate) async fn look_again(&self) {
        let looks = LOOKS.fetch_add(1, Ordering::Relaxed).to_string();
        self.change(json!({"metadata": {"annotations": {"tests/look": looks}}})).await.unwrap();
    }

    fn arguments(&self) -> run::Arguments {
        let override_of = |part: &str, port: u16| format!("{}/shop-{part}=127.0.0.1:{port}", self.namespace);
        run::Arguments {
            namespaces: vec![self.namespace.clone()],
            namespace: "shopflow-system".to_owned(),
            identity: format!("test-{}", self.namespace),
            // One lease is shared by every test's operator, so only its own test takes part in elections.
            no_election: true,
            listen: "127.0.0.1:0".parse().unwrap(),
            log_level: "info".to_owned(),
            image: "localhost/shopflow".to_owned(),
            version: "0.1.0".to_owned(),
            postgres_image: "localhost/postgres:15".to_owned(),
            nats_image: "localhost/nats:2.15.2".to_owned(),
            endpoint_overrides: vec![
                override_of("postgres", self.postgres.port()),
                override_of("nats", self.nats_port),
            ],
        }
    }

    /// Starts an operator as the installed one would run.
    pub(crate) async fn operator(&self) -> Operator {
        let config = control_plane::operator().await;
        let metrics = Metrics::default();
        let running = run::run_with(self.arguments(), config, metrics.clone(), std::future::pending());
        Operator { task: tokio::spawn(running), metrics }
    }

    /// What a reconcile needs, to call it by hand.
    pub(crate) async fn context(&self) -> reconcile::Context {
        let config = control_plane::operator().await;
        run::context(&self.arguments(), config, &Metrics::default(), Leadership::Sole).unwrap()
    }

    /// Starts the real NATS with the configuration that the operator made, as its pod would.
    pub(crate) async fn start_nats(&self) -> &Nats {
        self.nats
            .get_or_init(async || {
                let maps: Api<ConfigMap> = self.api();
                let text = until(PATIENCE, "the configuration of NATS", async || {
                    maps.get_opt("shop-nats").await.unwrap()?.data?.remove("nats.conf")
                });
                let text = text.await.unwrap();
                let config: String = text
                    .lines()
                    .filter(|line| !line.starts_with("http_port") && !line.contains("store_dir"))
                    .fold(String::new(), |text, line| text + line + "\n");
                let settings = NatsSettings { port: Some(self.nats_port), config, ..NatsSettings::default() };
                Nats::start_settings(settings).await.unwrap()
            })
            .await
    }

    /// A platform that converged.
    pub(crate) async fn converged(spec: Value) -> (Self, Operator) {
        let shop = Self::open().await;
        shop.create(spec).await.unwrap();
        let operator = shop.operator().await;
        shop.start_nats().await;
        shop.ready().await;
        (shop, operator)
    }

    /// Waits until the newest generation is ready.
    pub(crate) async fn ready(&self) -> ShopFlowPlatform {
        self.until("Ready", async |platform| {
            let status = platform.status.as_ref()?;
            let ready = status.condition(ConditionType::Ready)?;
            let current = status.observed_generation == platform.metadata.generation;
            (current && ready.status == "True").then(|| platform.clone())
        })
        .await
    }

    /// Waits until a condition has this status and reason.
    pub(crate) async fn condition(&self, type_: ConditionType, status: &str, reason: &str) -> String {
        self.until(&format!("{} {status} {reason}", type_.name()), async |platform| {
            let condition = platform.status.as_ref()?.condition(type_)?;
            (condition.status == status && condition.reason == reason).then(|| condition.message.clone())
        })
        .await
    }

    /// Waits for something about the platform; the panic shows its conditions.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        probe: impl AsyncFn(&ShopFlowPlatform) -> Option<T>,
    ) -> T {
        let platforms = self.platforms();
        let mut last = None;
        let result = until(PATIENCE, what, async || {
            let platform = platforms.get("shop").await.ok()?;
            let answer = probe(&platform).await;
            last = Some(platform);
            answer
        })
        .await;
        match result {
            Ok(answer) => answer,
            Err(error) => panic!("{error}\n{}", describe(last.as_ref())),
        }
    }

    /// Waits until the operator has written nothing for a while, so that what is counted after is new.
    pub(crate) async fn quiet(&self, metrics: &Metrics) {
        let mut last = (metrics.kubernetes_writes(), tokio::time::Instant::now());
        until(PATIENCE, "no writes for two seconds", async || {
            let writes = metrics.kubernetes_writes();
            if writes != last.0 {
                last = (writes, tokio::time::Instant::now());
            }
            (last.1.elapsed() > Duration::from_secs(2)).then_some(())
        })
        .await
        .unwrap();
    }
}

fn describe(platform: Option<&ShopFlowPlatform>) -> String {
    let Some(status) = platform.and_then(|platform| platform.status.as_ref()) else {
        return "no status".to_owned();
    };
    let line = |condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        format!("{}={} {}: {}\n", condition.type_, condition.status, condition.reason, condition.message)
    };
    status.conditions.iter().map(line).collect()
}

/// What `crds` and `manifests/install` install, but for the operator's own pod.
async fn install(client: &Client) {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/install");
    apply_yaml(client, &generated::crds().unwrap()).await;
    for file in ["namespace.yaml", "service-account.yaml", "election.yaml"] {
        apply_yaml(client, &std::fs::read_to_string(manifests.join(file)).unwrap()).await;
    }
    let gvk = GroupVersionKind::gvk("shopflow.dev", "v1alpha1", "ShopFlowPlatform");
    until(PATIENCE, "the definition", async || pinned_kind(client, &gvk).await.ok()).await.unwrap();
    control_plane::start_controllers().await;
}

async fn apply_yaml(client: &Client, text: &str) {
    for document in serde_yaml::Deserializer::from_str(text) {
        let object: DynamicObject = serde::Deserialize::deserialize(document).unwrap();
        let types = object.types.clone().unwrap();
        let gvk = GroupVersionKind::try_from(&types).unwrap();
        let (resource, _) = pinned_kind(client, &gvk).await.unwrap();
        let api: Api<DynamicObject> = match object.namespace() {
            Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let parameters = PatchParams::apply("tests").force();
        api.patch(&object.name_any(), &parameters, &Patch::Apply(&object)).await.unwrap();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The message of a refused request.
pub(crate) async fn refusal<T: std::fmt::Debug>(
    request: impl Future<Output = Result<T, kube::Error>>,
) -> String {
    match request.await.unwrap_err() {
        kube::Error::Api(status) => status.message,
        error => panic!("{error}"),
    }
}
