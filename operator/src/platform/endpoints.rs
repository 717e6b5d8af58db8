//! Where the platform's servers answer.

use super::{
    build::{NATS_PORT, POSTGRES_PORT},
    resolve::{NatsServer, Platform, PostgresServer},
};

/// Host and port as pods of the cluster reach PostgreSQL.
pub fn postgres(platform: &Platform) -> (String, u16) {
    match &platform.postgres {
        PostgresServer::Managed { .. } => {
            (format!("{}.{}.svc", platform.object_name("postgres"), platform.namespace), POSTGRES_PORT)
        }
        PostgresServer::External { host, port, .. } => (host.clone(), *port),
    }
}

/// URL under which pods of the cluster reach NATS.
pub fn nats_url(platform: &Platform) -> String {
    match &platform.nats {
        NatsServer::Managed { .. } => {
            format!("nats://{}.{}.svc:{NATS_PORT}", platform.object_name("nats"), platform.namespace)
        }
        NatsServer::External { url, .. } => url.clone(),
    }
}

/// Where the operator itself reaches the servers: the same as pods, unless it runs outside the cluster.
pub trait Endpoints: Send + Sync {
    /// Host and port of PostgreSQL.
    fn postgres(&self, platform: &Platform) -> (String, u16);
    /// URL of NATS.
    fn nats(&self, platform: &Platform) -> String;
}

/// An operator inside the cluster.
#[derive(Debug, Clone, Copy, Default)]
pub struct InCluster;

impl Endpoints for InCluster {
    fn postgres(&self, platform: &Platform) -> (String, u16) {
        postgres(platform)
    }

    fn nats(&self, platform: &Platform) -> String {
        nats_url(platform)
    }
}

/// An operator outside the cluster: `namespace/name=host:port`, by the name of the managed server's Service.
#[derive(Debug, Clone, Default)]
pub struct Overridden(Vec<(String, String, u16)>);

/// The text is not an override.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an endpoint: write it like shop/shop-postgres=127.0.0.1:5432")]
pub struct NotAnEndpoint(String);

impl Overridden {
    /// Reads the command line's overrides.
    pub fn parse(texts: &[String]) -> Result<Self, NotAnEndpoint> {
        let one = |text: &String| {
            let (service, address) = text.split_once('=')?;
            let (host, port) = address.rsplit_once(':')?;
            service.split_once('/')?;
            Some((service.to_owned(), host.to_owned(), port.parse().ok()?))
        };
        let read = texts.iter().map(|text| one(text).ok_or_else(|| NotAnEndpoint(text.clone())));
        read.collect::<Result<_, _>>().map(Self)
    }

    fn find(&self, platform: &Platform, part: &str) -> Option<(&str, u16)> {
        let service = format!("{}/{}", platform.namespace, platform.object_name(part));
        self.0.iter().find(|(name, ..)| *name == service).map(|(_, host, port)| (host.as_str(), *port))
    }
}

impl Endpoints for Overridden {
    fn postgres(&self, platform: &Platform) -> (String, u16) {
        match self.find(platform, "postgres") {
            Some((host, port)) => (host.to_owned(), port),
            None => postgres(platform),
        }
    }

    fn nats(&self, platform: &Platform) -> String {
        match self.find(platform, "nats") {
            Some((host, port)) => format!("nats://{host}:{port}"),
            None => nats_url(platform),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_or_refused() {
        assert!(Overridden::parse(&["shop/shop-nats=127.0.0.1:4222".to_owned()]).is_ok());
        for text in ["shop-nats=127.0.0.1:4222", "shop/shop-nats", "shop/shop-nats=host", "shop/x=h:port"] {
            assert!(Overridden::parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
