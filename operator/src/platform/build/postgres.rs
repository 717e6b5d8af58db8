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

const PART: &str = "postgres";
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

const READY: &str = r#"for folder in /usr/lib/postgresql/*/bin; do PATH="$PATH:$folder"; done
exec pg_isready --quiet --host=127.0.0.1 --username=postgres --dbname=postgres"#;

fn settings(connections: u32) -> String {
    format!("max_connections = {connections}\n{SETTINGS}")
}

const SETTINGS: &str = "\
listen_addresses = '*'
unix_socket_directories = '/tmp'
hba_file = '/etc/shopflow/postgres/pg_hba.conf'
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

/// Everyone needs a password, whatever the address.
const RULES: &str = "host all all all scram-sha-256\n";

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
        ]),
        termination_grace_period_seconds: Some(120),
        ..pod::common(platform, USER)
    };
    pod::template(platform, PART, hash([settings(connections).as_str(), RULES]), spec)
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
        readiness_probe: Some(exec_probe(2, 3)),
        // Recovery after a crash may take long; it must not be cut short.
        startup_probe: Some(exec_probe(1, 600)),
        liveness_probe: Some(exec_probe(20, 6)),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler { exec: Some(exec(STOP)), ..LifecycleHandler::default() }),
            ..Lifecycle::default()
        }),
        volume_mounts: Some(vec![
            pod::writable(storage::DATA, DATA),
            pod::read_only("superuser", PASSWORD),
            pod::read_only("config", CONFIG),
            pod::writable("tmp", "/tmp"),
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

fn exec_probe(period: i32, failures: i32) -> Probe {
    Probe {
        exec: Some(exec(READY)),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}
