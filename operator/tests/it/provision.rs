//! A platform without Kubernetes, on real servers.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shopflow_operator::provision::{Provision, ProvisionError, Provisioned};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use testbed::{Nats, Postgres};

struct World {
    directory: TempDir,
    postgres: Postgres,
    nats: Nats,
    provision: Provision,
    now: Timestamp,
}

impl World {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let provision = Provision::new(directory.path());
        let now = Timestamp::now();
        Self {
            postgres: Postgres::start().await.unwrap(),
            nats: Nats::start_with(provision.nats_config(now).unwrap()).await.unwrap(),
            provision,
            directory,
            now,
        }
    }

    async fn run(&self) -> Result<Provisioned, ProvisionError> {
        let url = self.postgres.admin_url().into();
        self.provision.run(&url, self.nats.url(), self.now).await
    }

    fn read(&self, path: &str) -> String {
        let path = self.directory.path().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.directory.path().join(path)).unwrap();
    }
}

#[tokio::test]
async fn every_service_finds_all_that_it_needs() {
    let world = World::start().await;
    let provisioned = world.run().await.unwrap();
    for service in topology::SERVICES {
        let name = service.name;
        let config: serde_json::Value =
            serde_yaml::from_str(&world.read(&format!("{name}/config.yaml"))).unwrap();
        let common = &config["service"];
        assert_eq!(common["listen"], format!("127.0.0.1:{}", service.port));
        assert_eq!(common["services"]["auth"], "http://127.0.0.1:3001/");
        assert!(Path::new(common["verification_keys"].as_str().unwrap()).is_file());
        let tokens = Path::new(common["tokens_dir"].as_str().unwrap());
        for callee in service.calls() {
            assert!(tokens.join(callee).is_file(), "{name} calls {callee}");
        }
        assert_eq!(std::fs::read_dir(tokens).unwrap().count(), service.calls().count());

        let credentials = common["nats_credentials"].as_str().unwrap();
        let options = async_nats::ConnectOptions::with_credentials_file(credentials).await.unwrap();
        assert!(options.connect(world.nats.url()).await.is_ok(), "{name}");

        assert_eq!(provisioned.migration_configs.contains_key(name), service.database);
        if service.database {
            let database = Path::new(common["database_dir"].as_str().unwrap());
            let mut app = connect(&database.join("url")).await;
            let mut owner =
                connect(&world.directory.path().join(format!("migrate/{name}/database/url"))).await;
            owner.execute("CREATE TABLE things (id integer)").await.unwrap();
            app.execute("INSERT INTO things VALUES (1)").await.unwrap();
            assert!(app.execute("DROP TABLE things").await.is_err());
        }
    }
    let keyring: serde_json::Value =
        serde_json::from_str(&world.read("auth/signing-keys/keyring.json")).unwrap();
    assert_eq!(keyring["issuer"], "https://shop.local");
    assert_eq!(world.read("auth/admin/email"), protocol::administrator::EMAIL);
    assert!(world.read("auth/admin/password").len() > 20);
    assert!(!world.directory.path().join("order/signing-keys").exists());
}

async fn connect(path: &Path) -> PgConnection {
    PgConnection::connect(&std::fs::read_to_string(path).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_second_run_writes_nothing() {
    let world = World::start().await;
    let first = world.run().await.unwrap();
    assert!(first.files_written > 0 && first.changes_applied > 0);
    let second = world.run().await.unwrap();
    assert_eq!((second.files_written, second.changes_applied), (0, 0));
}

#[tokio::test]
async fn what_was_removed_or_damaged_comes_back_and_the_rest_stays() {
    let world = World::start().await;
    world.run().await.unwrap();
    let keyring = world.read("auth/signing-keys/keyring.json");
    let password = world.read("auth/admin/password");
    world.remove("order/nats/user.creds");
    world.remove("order/tokens/auth");
    std::fs::write(world.directory.path().join("order/config.yaml"), "rubbish").unwrap();
    PgConnection::connect(&world.postgres.admin_url())
        .await
        .unwrap()
        .execute("ALTER ROLE order_a PASSWORD 'other'")
        .await
        .unwrap();

    let repaired = world.run().await.unwrap();
    assert_eq!((repaired.files_written, repaired.changes_applied), (3, 1));
    assert_eq!(world.read("auth/signing-keys/keyring.json"), keyring);
    assert_eq!(world.read("auth/admin/password"), password);
}

#[tokio::test]
async fn tokens_and_keys_are_renewed_when_they_are_due() {
    let mut world = World::start().await;
    world.run().await.unwrap();
    let token = world.read("order/tokens/auth");
    world.now += SignedDuration::from_hours(15);
    assert_eq!(world.run().await.unwrap().files_written, 0);
    world.now += SignedDuration::from_hours(2);
    world.run().await.unwrap();
    assert_ne!(world.read("order/tokens/auth"), token);

    let keys = |world: &World| {
        let set: serde_json::Value =
            serde_json::from_str(&world.read("gateway/verification-keys/jwks.json")).unwrap();
        set["keys"].as_array().unwrap().len()
    };
    world.provision.policy.rotate_every = Duration::from_hours(1);
    world.run().await.unwrap();
    assert_eq!(keys(&world), 2, "published before it signs");
}

#[tokio::test]
async fn secrets_are_for_their_owner_alone() {
    let world = World::start().await;
    world.run().await.unwrap();
    for secret in [
        "auth/signing-keys/keyring.json",
        "auth/admin/password",
        "order/database/url",
        "migrate/order/database/url",
        "order/nats/user.creds",
        "order/tokens/auth",
        "state/nats.json",
        "state/keyring.json",
        "state/logins-order.json",
        "state/owner-order",
    ] {
        let path = world.directory.path().join(secret);
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
}

#[tokio::test]
async fn damaged_state_is_told_and_never_made_anew() {
    let world = World::start().await;
    world.run().await.unwrap();
    let path = world.directory.path().join("state/logins-order.json");
    std::fs::write(&path, "rubbish").unwrap();
    let error = world.run().await.unwrap_err().to_string();
    assert!(error.contains("state/logins-order.json is damaged"), "{error}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "rubbish");
}
