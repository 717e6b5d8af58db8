//! What a release brought to a platform, remembered beside it: another release of the operator restarts nothing
//! by itself, and never puts another PostgreSQL under the data of the former one.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::{
    gather::Live,
    kind::Kind,
    resolve::{Release, object_name},
};

/// Part of the name of the ConfigMap.
pub(crate) const PART: &str = "pin";

const VERSION: &str = "version";
const REPOSITORY: &str = "repository";
const POSTGRES_IMAGE: &str = "postgresImage";
const NATS_IMAGE: &str = "natsImage";

/// What a platform keeps of the release that it was made or upgraded with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pin {
    /// Release of the services that served last, or that a platform begins with.
    pub version: Option<String>,
    /// Image of the services, without a tag.
    pub repository: Option<String>,
    /// Image of managed PostgreSQL.
    pub postgres_image: Option<String>,
    /// Image of managed NATS.
    pub nats_image: Option<String>,
}

impl Pin {
    /// The pin of a platform; where its ConfigMap is gone, what the servers run with.
    pub fn read(live: &Live, platform: &str) -> Self {
        let map: Option<ConfigMap> = live.get(&object_name(platform, PART));
        let mut data = map.and_then(|map| map.data).unwrap_or_default();
        let image = |server: &str| {
            let set = live.raw(Kind::StatefulSet, &object_name(platform, server))?;
            set.pointer("/spec/template/spec/containers/0/image")?.as_str().map(str::to_owned)
        };
        Self {
            version: data.remove(VERSION),
            repository: data.remove(REPOSITORY),
            postgres_image: data.remove(POSTGRES_IMAGE).or_else(|| image("postgres")),
            nats_image: data.remove(NATS_IMAGE).or_else(|| image("nats")),
        }
    }

    /// What the ConfigMap holds.
    pub(crate) fn data(&self) -> BTreeMap<String, String> {
        let values = [
            (VERSION, &self.version),
            (REPOSITORY, &self.repository),
            (POSTGRES_IMAGE, &self.postgres_image),
            (NATS_IMAGE, &self.nats_image),
        ];
        values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))).collect()
    }

    /// What another release brings, but for what is pinned.
    pub fn over(&self, release: &Release) -> Release {
        let pinned = |pinned: &Option<String>, brought: &String| pinned.as_ref().unwrap_or(brought).clone();
        Release {
            running: self.version.clone(),
            repository: pinned(&self.repository, &release.repository),
            version: release.version.clone(),
            postgres_image: pinned(&self.postgres_image, &release.postgres_image),
            nats_image: pinned(&self.nats_image, &release.nats_image),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::resolve::{self, PostgresServer, tests::resource};

    #[test]
    fn another_release_of_the_operator_changes_no_image_of_a_platform_that_runs() {
        let first = resolve::resolve(&resource("{}"), &Release::default()).unwrap();
        let mut live = Live::default();
        let name = object_name("shop", PART);
        live.insert(Kind::ConfigMap, json!({"metadata": {"name": name}, "data": first.pin.data()}));
        let newer = Release {
            repository: "example.org/shopflow".to_owned(),
            version: "9.9.9".to_owned(),
            postgres_image: "postgres:16".to_owned(),
            nats_image: "nats:3".to_owned(),
            running: None,
        };
        let mut served = resource("{}");
        let status =
            crate::api::PlatformStatus { version: Some(first.version.clone()), ..Default::default() };
        served.status = Some(status);
        let second = resolve::resolve(&served, &Pin::read(&live, "shop").over(&newer)).unwrap();
        assert_eq!((&second.postgres, &second.nats), (&first.postgres, &first.nats));
        assert_eq!(second.services, first.services);
        assert_eq!(second.upgrade.as_deref(), Some("9.9.9"));
        // The status may be lost, by a backup that leaves it out, say.
        live.insert(Kind::ConfigMap, json!({"metadata": {"name": name}, "data": second.pin.data()}));
        let restored = resolve::resolve(&resource("{}"), &Pin::read(&live, "shop").over(&newer)).unwrap();
        assert_eq!(restored.services, first.services);
    }

    #[test]
    fn without_a_pin_the_servers_keep_what_they_run_with() {
        let mut live = Live::default();
        let containers = json!([{"image": "postgres:15"}]);
        let template = json!({"spec": {"containers": containers}});
        live.insert(
            Kind::StatefulSet,
            json!({"metadata": {"name": "shop-postgres"}, "spec": {"template": template}}),
        );
        let release = Pin::read(&live, "shop").over(&Release::default());
        let platform = resolve::resolve(&resource("{}"), &release).unwrap();
        assert!(matches!(platform.postgres, PostgresServer::Managed { image, .. } if image == "postgres:15"));
    }
}
