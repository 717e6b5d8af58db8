//! A server with the platform's streams, and its users.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::{Client, ConnectOptions, Event, ServerError};
use jiff::Timestamp;
use protocol::paths::inbox_prefix;
use secrecy::{ExposeSecret as _, SecretString};
use shopflow_operator::messaging::{
    Action, Desired, Identity, Limits, Permissions, Seeds, ServerSettings, apply, observe, plan,
    server_config,
};
use testbed::Nats;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub(super) const LIMIT: Duration = Duration::from_secs(5);

pub(super) struct World {
    pub(super) nats: Nats,
    pub(super) identity: Identity,
    pub(super) admin: jetstream::Context,
    pub(super) desired: Desired,
}

impl World {
    /// A server that knows the platform's account, with everything of the topology.
    pub(super) async fn start() -> Self {
        let identity = Identity::new(&Seeds::generate(Timestamp::now()).unwrap()).unwrap();
        let settings = ServerSettings { port: 4222, monitor_port: None, store_dir: None, cluster: None };
        let nats = Nats::start_with(server_config(&identity, &settings).unwrap()).await.unwrap();
        let credentials = identity.issuer().credentials(&Permissions::admin(), Timestamp::now()).unwrap();
        let admin = connect(&nats, &credentials, ConnectOptions::new()).await.unwrap();
        let world = Self {
            nats,
            identity,
            admin: jetstream::new(admin),
            desired: Desired::from_topology(Limits::default()),
        };
        world.reconcile().await;
        world
    }

    pub(super) async fn reconcile(&self) -> Vec<Action> {
        let observed = observe(&self.admin, &self.desired).await.unwrap();
        let plan = plan(&self.desired, &observed);
        assert_eq!(plan.conflicts, []);
        apply(&self.admin, &plan.actions).await.unwrap();
        plan.actions
    }

    pub(super) async fn user(&self, service: &str) -> User {
        let permissions = Permissions::service(topology::service(service).unwrap());
        let credentials = self.identity.issuer().credentials(&permissions, Timestamp::now()).unwrap();
        let (sender, refusals) = mpsc::unbounded_channel();
        let options = ConnectOptions::new()
            .custom_inbox_prefix(inbox_prefix(service))
            .request_timeout(Some(LIMIT))
            .event_callback(move |event| {
                if let Event::ServerError(ServerError::Other(text)) = event {
                    let _ = sender.send(text);
                }
                async {}
            });
        let client = connect(&self.nats, &credentials, options).await.unwrap();
        User { client, refusals }
    }
}

pub(super) async fn connect(
    nats: &Nats,
    credentials: &SecretString,
    options: ConnectOptions,
) -> Result<Client, async_nats::ConnectError> {
    options.credentials(credentials.expose_secret()).unwrap().connect(nats.url()).await
}

pub(super) struct User {
    pub(super) client: Client,
    pub(super) refusals: mpsc::UnboundedReceiver<String>,
}

impl User {
    pub(super) fn jetstream(&self) -> jetstream::Context {
        jetstream::new(self.client.clone())
    }

    /// The server says so; silence would fail the test.
    pub(super) async fn is_refused(&mut self, verb: &str, subject: &str) {
        let text = timeout(LIMIT, self.refusals.recv())
            .await
            .unwrap_or_else(|_| panic!("{verb} {subject} was not refused"))
            .unwrap();
        let expected = format!("{verb} to \"{subject}\"").to_lowercase();
        assert!(text.to_lowercase().contains(&expected), "{text}");
    }

    pub(super) async fn cannot_publish(&mut self, subject: &str) {
        self.client.publish(subject.to_owned(), "{}".into()).await.unwrap();
        self.is_refused("publish", subject).await;
    }

    pub(super) async fn cannot_subscribe(&mut self, subject: &str) {
        let _subscription = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.is_refused("subscription", subject).await;
    }

    /// Everything sent so far was accepted: the server refuses in order, and the first refusal is of what is sent now.
    pub(super) async fn was_never_refused(&mut self) {
        self.cannot_publish("forbidden.to.everyone").await;
    }
}
