//! The managed PostgreSQL server.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{
        ConfigMap, Container, ContainerPort, EnvVar, ExecAction, Lifecycle, LifecycleHandler,
        PersistentVolumeClaim, PodSpec, PodTemplateSpec, Probe,
    },
};

use super::{
    meta::{Fate, hash, meta},
    pod,
    service::POSTGRES_PORT,
    stateful_set, storage,
};
use crate::{
    api::Resources,
    platform::{
        live::Live,
        resolve::{Platform, PostgresServer},
    },
};

/// Component label of the server, and part of its names.
pub(super) const PART: &str = "postgres";
/// User of the server in common images.
const USER: i64 = 999;
const DATA: &str = "/var/lib/postgresql/data";
const PASSWORD: &str = "/etc/shopflow/superuser";
const CONFIG: &str = "/etc/shopflow/postgres";

/// Makes the data directory and starts the server, whatever the image's own entry point does: images
/// differ, PostgreSQL's programs do not. The directory gets its name only when it is complete, so an
/// interrupted start leaves nothing half-made.
const START: &str = r#"set -eu
for folder in /usr/lib/postgresql/*/bin; do PATH="$PATH:$folder"; done
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --username=postgres --pwfile=/etc/shopflow/superuser/password \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums
  mv "$PGDATA.new" "$PGDATA"
fi
exec postgres -c config_file=/etc/shopflow/postgres/postgresql.conf
"#;

/// Ends sessions and writes a checkpoint; the default signal would wait for clients that never leave.
const STOP: &str = "kill -INT 1; while kill -0 1 2>/dev/null; do sleep 0.2; done";

const ALIVE: &str = r#"for folder in /usr/lib/postgresql/*/bin; do PATH="$PATH:$folder"; done
exec pg_isready --quiet --host=127.0.0.1 --username=postgres --dbname=postgres"#;

/// Ready means that the server has the password of the Secret, also after the Secret was recreated. Each version
/// of a mounted Secret lies in a folder of its own, so the password is set once for each.
const READY: &str = r#"for folder in /usr/lib/postgresql/*/bin; do PATH="$PATH:$folder"; done
pg_isready --quiet --host=127.0.0.1 --username=postgres --dbname=postgres || exit
version=$(readlink /etc/shopflow/superuser/..data)
[ "$(cat /tmp/superuser 2>/dev/null)" != "$version" ] || exit 0
password=$(sed "s/'/''/g" /etc/shopflow/superuser/password)
psql --quiet --no-psqlrc --host=/tmp --username=postgres --dbname=postgres --set=ON_ERROR_STOP=1 <<SQL || exit
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
ALTER ROLE postgres PASSWORD '$password';
SQL
printf %s "$version" >/tmp/superuser
"#;

/// Where `psql` looks for the server's socket when it is told nothing.
const SOCKETS: &str = "/var/run/postgresql";

fn settings(connections: u32) -> String {
    format!("max_connections = {connections}\n{SETTINGS}")
}

const SETTINGS: &str = "\
listen_addresses = '*'
unix_socket_directories = '/tmp, /var/run/postgresql'
hba_file = '/etc/shopflow/postgres/pg_hba.conf'
ident_file = '/etc/shopflow/postgres/pg_ident.conf'
data_directory = '/var/lib/postgresql/data/pgdata'
shared_buffers = 128MB
dynamic_shared_memory_type = posix
max_wal_size = 1GB
min_wal_size = 80MB
password_encryption = scram-sha-256
log_timezone = 'UTC'
timezone = 'UTC'
datestyle = 'iso, mdy'
lc_messages = 'C'
";

/// Everyone needs a password, whatever the address. Who is inside the pod, as the server itself, needs none for
/// its sockets: there is no password to lose on that way.
const RULES: &str = "local all postgres peer map=server\nhost all all all scram-sha-256\n";

/// Whatever the image calls the server's user, no other one is in the pod.
const USERS: &str = "server /^.*$ postgres\n";

/// The settings of the server, if there is one of our own.
pub(super) fn config_map(platform: &Platform) -> Option<ConfigMap> {
    let PostgresServer::Managed { connections, .. } = &platform.postgres else {
        return None;
    };
    Some(ConfigMap {
        metadata: meta(platform, platform.object_name(PART), PART, Fate::Goes),
        data: Some(BTreeMap::from([
            ("postgresql.conf".to_owned(), settings(*connections)),
            ("pg_hba.conf".to_owned(), RULES.to_owned()),
            ("pg_ident.conf".to_owned(), USERS.to_owned()),
        ])),
        ..ConfigMap::default()
    })
}

/// The server, if there is one of our own.
pub(super) fn stateful_set(platform: &Platform, live: &Live) -> Option<StatefulSet> {
    let PostgresServer::Managed { image, volume, resources, connections } = &platform.postgres else {
        return None;
    };
    let template = template(platform, image, resources, *connections);
    Some(stateful_set::with_volume(platform, PART, volume, template, live))
}

/// Volumes that shall grow.
pub(super) fn claims(platform: &Platform, live: &Live) -> Vec<PersistentVolumeClaim> {
    match &platform.postgres {
        PostgresServer::Managed { volume, .. } => storage::growth(platform, PART, volume, live),
        PostgresServer::External { .. } => Vec::new(),
    }
}

fn template(platform: &Platform, image: &str, resources: &Resources, connections: u32) -> PodTemplateSpec {
    let spec = PodSpec {
        containers: vec![container(platform, image, resources)],
        volumes: Some(vec![
            pod::secret_volume("superuser", platform.object_name(PART)),
            pod::config_volume("config", platform.object_name(PART)),
            pod::scratch_volume("tmp"),
            pod::scratch_volume("sockets"),
        ]),
        termination_grace_period_seconds: Some(120),
        ..pod::common(platform, USER)
    };
    pod::template(platform, PART, hash([settings(connections).as_str(), RULES, USERS]), spec)
}

fn container(platform: &Platform, image: &str, resources: &Resources) -> Container {
    Container {
        name: PART.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some(platform.pull_policy.name().to_owned()),
        command: Some(shell(START)),
        env: Some(vec![EnvVar {
            name: "PGDATA".to_owned(),
            value: Some(format!("{DATA}/pgdata")),
            ..EnvVar::default()
        }]),
        ports: Some(vec![ContainerPort {
            name: Some(PART.to_owned()),
            container_port: POSTGRES_PORT.into(),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        resources: Some(pod::resources(resources)),
        security_context: Some(pod::container_security()),
        readiness_probe: Some(exec_probe(READY, 2, 3)),
        // Recovery after a crash may take long; it must not be cut short.
        startup_probe: Some(exec_probe(ALIVE, 1, 600)),
        liveness_probe: Some(exec_probe(ALIVE, 20, 6)),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler { exec: Some(exec(STOP)), ..LifecycleHandler::default() }),
            ..Lifecycle::default()
        }),
        volume_mounts: Some(vec![
            pod::writable(storage::DATA, DATA),
            pod::read_only("superuser", PASSWORD),
            pod::read_only("config", CONFIG),
            pod::writable("tmp", "/tmp"),
            pod::writable("sockets", SOCKETS),
        ]),
        ..Container::default()
    }
}

fn shell(script: &str) -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()]
}

fn exec(script: &str) -> ExecAction {
    ExecAction { command: Some(shell(script)) }
}

fn exec_probe(script: &str, period: i32, failures: i32) -> Probe {
    Probe {
        exec: Some(exec(script)),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}
