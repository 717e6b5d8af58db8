//! Roles, databases and grants on a real PostgreSQL.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use shopflow_operator::api::DeletionPolicy;
use shopflow_operator::postgres::{
    DatabaseSpec, Desired, Endpoint, Logins, Server, Statement, apply, deletion, logins, observe, owned, plan,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use testbed::Postgres;

/// A server of its own: roles belong to the whole server.
struct World {
    postgres: Postgres,
    server: Server,
    endpoint: Endpoint,
    desired: Desired,
}

impl World {
    async fn start() -> Self {
        let postgres = Postgres::start().await.unwrap();
        let server = Server::new(&postgres.admin_url().into()).unwrap();
        let endpoint = Endpoint {
            host: postgres.host().to_owned(),
            port: postgres.port(),
            sslmode: "disable".to_owned(),
        };
        let desired = Desired {
            mark: "shopflow default/shop".to_owned(),
            databases: ["order", "auth"].map(spec).to_vec(),
            existed: BTreeSet::new(),
        };
        Self { postgres, server, endpoint, desired }
    }

    async fn provisioned() -> Self {
        let world = Self::start().await;
        world.reconcile().await;
        world
    }

    /// Observes, plans, applies; the statements are returned as they are shown.
    async fn reconcile(&self) -> Vec<String> {
        let statements = self.statements().await;
        apply(&self.server, &statements).await.unwrap();
        statements.iter().map(ToString::to_string).collect()
    }

    async fn statements(&self) -> Vec<Statement> {
        let observed = observe(&self.server, &self.desired).await.unwrap();
        let plan = plan(&self.desired, &observed);
        assert_eq!(plan.conflicts, []);
        plan.statements
    }

    fn order(&self) -> &DatabaseSpec {
        &self.desired.databases[0]
    }

    async fn owner(&self) -> PgConnection {
        let url = self.endpoint.url("order", "order_owner", &self.order().owner_password);
        connect(&url).await.unwrap()
    }

    async fn app(&self) -> PgConnection {
        connect(&self.app_url()).await.unwrap()
    }

    fn app_url(&self) -> SecretString {
        let order = self.order();
        self.endpoint.url("order", &order.login(), &order.logins.password)
    }

    async fn admin(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.postgres.url(database)).await.unwrap()
    }
}

fn spec(service: &str) -> DatabaseSpec {
    DatabaseSpec {
        service: service.to_owned(),
        owner_password: logins::new_password().unwrap(),
        logins: Logins::first(Timestamp::now()).unwrap(),
    }
}

async fn connect(url: &SecretString) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect(url.expose_secret()).await
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(sql)).await.map(drop)
}

/// The SQLSTATE with which a statement is refused.
async fn refused(connection: &mut PgConnection, sql: &str) -> String {
    let error = run(connection, sql).await.expect_err(sql);
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.unwrap_or_default().into_owned()
}

const DENIED: &str = "42501";
const TABLES: &str = "CREATE TABLE orders (id bigserial PRIMARY KEY, note text);
    CREATE TABLE ledger (id integer PRIMARY KEY); COMMENT ON TABLE ledger IS 'append-only: money moves, it never changes';
    CREATE TABLE _sqlx_migrations (version bigint); CREATE VIEW notes AS SELECT note FROM orders";

#[tokio::test]
async fn a_converged_server_gets_no_statement() {
    let world = World::start().await;
    assert!(!world.reconcile().await.is_empty());
    assert_eq!(world.reconcile().await, Vec::<String>::new());
    // New tables have the right privileges from their birth, except for those that say otherwise.
    run(&mut world.owner().await, TABLES).await.unwrap();
    world.reconcile().await;
    assert_eq!(world.reconcile().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_running_service_reads_and_writes_and_changes_no_structure() {
    let world = World::provisioned().await;
    run(&mut world.owner().await, TABLES).await.unwrap();
    let mut app = world.app().await;
    // Before the operator looks again: default privileges.
    run(&mut app, "INSERT INTO orders (note) VALUES ('x')").await.unwrap();
    world.reconcile().await;

    for allowed in [
        "INSERT INTO orders (note) VALUES ('y')",
        "UPDATE orders SET note = 'z'",
        "SELECT * FROM notes",
        "DELETE FROM orders",
        "INSERT INTO ledger VALUES (1)",
        "SELECT * FROM ledger",
        "SELECT * FROM _sqlx_migrations",
    ] {
        run(&mut app, allowed).await.expect(allowed);
    }
    for denied in [
        "CREATE TABLE mine (id integer)",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine (id integer)",
        "ALTER TABLE orders ADD COLUMN mine text",
        "DROP TABLE orders",
        "TRUNCATE orders",
        "UPDATE ledger SET id = 2",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
        "INSERT INTO _sqlx_migrations VALUES (1)",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "SET ROLE order_owner",
        "SET SESSION AUTHORIZATION postgres",
        "COPY orders TO PROGRAM 'true'",
    ] {
        assert_eq!(refused(&mut app, denied).await, DENIED, "{denied}");
    }
}

#[tokio::test]
async fn no_service_enters_the_database_of_another() {
    let world = World::provisioned().await;
    let order = world.order();
    let elsewhere = world.endpoint.url("auth", &order.login(), &order.logins.password);
    let error = connect(&elsewhere).await.unwrap_err();
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    assert_eq!(code.as_deref(), Some(DENIED));
    let owner = world.endpoint.url("auth", "order_owner", &order.owner_password);
    assert!(connect(&owner).await.is_err());
}

#[tokio::test]
async fn every_drift_is_repaired() {
    let world = World::provisioned().await;
    run(&mut world.owner().await, TABLES).await.unwrap();
    world.reconcile().await;
    let drifts = [
        ("postgres", "ALTER ROLE order_a SUPERUSER"),
        ("postgres", "ALTER ROLE order_a CREATEDB CREATEROLE"),
        ("postgres", "ALTER ROLE order_owner VALID UNTIL '2001-01-01'"),
        ("postgres", "ALTER ROLE order_a CONNECTION LIMIT 1"),
        ("postgres", "ALTER ROLE order_a PASSWORD 'other'"),
        ("postgres", "ALTER ROLE order_a PASSWORD NULL"),
        ("postgres", "ALTER ROLE order_a NOLOGIN"),
        ("postgres", "ALTER ROLE order_b LOGIN PASSWORD 'backdoor'"),
        ("postgres", "ALTER ROLE order_app LOGIN PASSWORD 'backdoor'"),
        ("postgres", "ALTER ROLE order_app PASSWORD 'sleeping'"),
        ("postgres", "GRANT order_owner TO order_a"),
        ("postgres", "GRANT pg_read_all_data TO order_app"),
        ("postgres", "REVOKE order_app FROM order_a"),
        ("postgres", "ALTER DATABASE \"order\" OWNER TO postgres"),
        ("postgres", "GRANT CONNECT ON DATABASE \"order\" TO PUBLIC"),
        ("postgres", "GRANT CREATE ON DATABASE \"order\" TO order_app"),
        ("postgres", "GRANT CONNECT ON DATABASE \"order\" TO auth_app"),
        ("postgres", "REVOKE CONNECT ON DATABASE \"order\" FROM order_app"),
        ("order", "GRANT CREATE ON SCHEMA public TO PUBLIC"),
        ("order", "GRANT CREATE ON SCHEMA public TO order_b"),
        ("order", "REVOKE USAGE ON SCHEMA public FROM order_app"),
        ("order", "REVOKE INSERT ON orders FROM order_app"),
        ("order", "GRANT TRUNCATE ON orders TO order_app"),
        ("order", "GRANT UPDATE ON ledger TO order_app"),
        ("order", "GRANT SELECT ON orders TO PUBLIC"),
        ("order", "GRANT ALL ON orders TO order_b"),
        ("order", "REVOKE USAGE ON SEQUENCE orders_id_seq FROM order_app"),
        (
            "order",
            "ALTER DEFAULT PRIVILEGES FOR ROLE order_owner IN SCHEMA public REVOKE INSERT ON TABLES FROM order_app",
        ),
        (
            "order",
            "ALTER DEFAULT PRIVILEGES FOR ROLE order_owner IN SCHEMA public GRANT TRUNCATE ON TABLES TO order_app",
        ),
        ("postgres", "DROP DATABASE auth WITH (FORCE)"),
        ("postgres", "DROP ROLE order_b"),
    ];
    for (database, drift) in drifts {
        run(&mut world.admin(database).await, drift).await.expect(drift);
        let repair = world.reconcile().await;
        assert!(!repair.is_empty(), "not noticed: {drift}");
        assert_eq!(world.reconcile().await, Vec::<String>::new(), "not repaired: {drift}");
    }
    run(&mut world.app().await, "INSERT INTO orders (note) VALUES ('x')").await.unwrap();
}

#[tokio::test]
async fn what_other_people_add_stays() {
    let world = World::provisioned().await;
    run(&mut world.owner().await, TABLES).await.unwrap();
    world.reconcile().await;
    run(
        &mut world.admin("order").await,
        "CREATE ROLE reporting; GRANT CONNECT ON DATABASE \"order\" TO reporting;
         GRANT USAGE ON SCHEMA public TO reporting; GRANT SELECT ON orders TO reporting; CREATE TABLE by_hand (id integer)",
    )
    .await
    .unwrap();
    assert_eq!(world.reconcile().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_rotation_breaks_no_connection() {
    let mut world = World::provisioned().await;
    let before = world.app_url();
    let mut connection = world.app().await;
    let now = Timestamp::now();
    let rotated = world.order().logins.rotated(Duration::from_hours(1), now);
    world.desired.databases[0].logins = rotated.unwrap();
    let statements = world.reconcile().await;
    assert_eq!(statements.len(), 1, "{statements:?}");
    assert_eq!(world.reconcile().await, Vec::<String>::new());

    // Both work; pods move over one by one.
    assert_eq!(world.order().login(), "order_b");
    run(&mut world.app().await, "SELECT 1").await.unwrap();
    connect(&before).await.unwrap();

    world.desired.databases[0].logins = world.order().logins.locked();
    world.reconcile().await;
    assert!(connect(&before).await.is_err());
    run(&mut connection, "SELECT 1").await.unwrap();
    run(&mut world.app().await, "SELECT 1").await.unwrap();
    assert_eq!(world.reconcile().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_administrator_without_superuser_rights_converges_too() {
    let mut world = World::start().await;
    let password = logins::new_password().unwrap();
    run(
        &mut world.admin("postgres").await,
        &format!("CREATE ROLE provider LOGIN CREATEDB CREATEROLE PASSWORD '{}'", password.expose_secret()),
    )
    .await
    .unwrap();
    let url = world.endpoint.url("postgres", "provider", &password);
    world.server = Server::new(&url).unwrap();
    world.reconcile().await;
    assert_eq!(world.reconcile().await, Vec::<String>::new());
    run(&mut world.owner().await, TABLES).await.unwrap();
    world.reconcile().await;
    run(&mut world.app().await, "INSERT INTO orders (note) VALUES ('x')").await.unwrap();
    // It may not read verifiers, and still notices.
    run(&mut world.admin("postgres").await, "ALTER ROLE order_a PASSWORD 'other'").await.unwrap();
    assert_eq!(world.reconcile().await.len(), 1);
    assert_eq!(world.reconcile().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_interrupted_run_is_finished_by_the_next_one() {
    let world = World::start().await;
    let all = world.statements().await.len();
    for _ in 0..all {
        let statements = world.statements().await;
        apply(&world.server, &statements[..1]).await.unwrap();
        if world.statements().await.is_empty() {
            break;
        }
    }
    assert_eq!(world.reconcile().await, Vec::<String>::new());
    run(&mut world.app().await, "SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_no_empty_server() {
    let world = World::provisioned().await;
    world.postgres.stop().await.unwrap();
    assert!(observe(&world.server, &world.desired).await.is_err());
}

#[tokio::test]
async fn errors_name_the_statement_and_not_the_password() {
    let world = World::start().await;
    let statements = world.statements().await;
    run(&mut world.admin("postgres").await, "CREATE ROLE order_owner").await.unwrap();
    let error = apply(&world.server, &statements).await.unwrap_err();
    let shown = format!("{error:?} {error}");
    assert!(shown.contains("CREATE ROLE \"order_owner\""), "{shown}");
    assert!(!shown.contains("SCRAM"), "{shown}");
}

#[tokio::test]
async fn deletion_drops_everything_of_this_platform_and_nothing_else() {
    let world = World::provisioned().await;
    run(&mut world.admin("postgres").await, "CREATE DATABASE other").await.unwrap();
    run(&mut world.owner().await, TABLES).await.unwrap();
    let connected = world.app().await;

    let owned = owned(&world.server, &world.desired.mark).await.unwrap();
    let kept = deletion(DeletionPolicy::Retain, &owned);
    assert!(kept.is_empty());
    let statements = deletion(DeletionPolicy::Delete, &owned);
    apply(&world.server, &statements).await.unwrap();
    drop(connected);

    let mut admin = world.admin("postgres").await;
    let databases: Vec<String> =
        sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE NOT datistemplate ORDER BY 1")
            .fetch_all(&mut admin)
            .await
            .unwrap();
    assert_eq!(databases, ["other", "postgres"]);
    let roles: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'order%' OR rolname LIKE 'auth%'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(roles, 0);
}
