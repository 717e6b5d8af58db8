//! Reading the file.

use std::path::{Path, PathBuf};

use protocol::settings::{SHARED_SECTION, Service};
use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

/// Why a configuration was refused. Says the file, the key and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {}: check that it exists and may be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no YAML, or a key is unknown or of the wrong type.
    #[error("{} is not a valid configuration at {key}: {message}; correct this key", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Path of the key, such as `service.listen`.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// An environment variable has a value that cannot be used.
    #[error("environment: {0}; correct or unset it")]
    Environment(String),
}

/// Reads the file of the service `name`: its `service` section over the defaults of `topology`, with the
/// environment applied, and the section named like the service (its default when absent).
pub fn load_section<T: DeserializeOwned + Default>(
    name: &str,
    path: &Path,
) -> Result<(Service, T), ConfigError> {
    load_section_with(name, path, |variable| std::env::var(variable).ok())
}

fn load_section_with<T: DeserializeOwned + Default>(
    name: &str,
    path: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(Service, T), ConfigError> {
    let mut sections: Mapping = match read(path)? {
        Value::Null => Mapping::new(),
        document => decode(path, "", document)?,
    };
    let shared = sections.remove(SHARED_SECTION).unwrap_or(Value::Null);
    let mut service: Service = decode(path, SHARED_SECTION, over_defaults(name, shared))?;
    apply_environment(&mut service, variable).map_err(ConfigError::Environment)?;
    let own = match sections.remove(name) {
        None | Some(Value::Null) => T::default(),
        Some(section) => decode(path, name, section)?,
    };
    match sections.keys().next() {
        None => Ok((service, own)),
        Some(unknown) => Err(ConfigError::Invalid {
            path: path.to_owned(),
            key: unknown.as_str().unwrap_or("?").to_owned(),
            message: format!("unknown section, expected `{SHARED_SECTION}` or `{name}`"),
        }),
    }
}

/// Applies the environment variables that people set when they run a service by hand.
fn apply_environment(service: &mut Service, variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    if let Some(port) = variable("PORT") {
        let port = port.parse().map_err(|_| format!("PORT is {port:?}, but must be a port number"))?;
        service.listen.set_port(port);
    }
    if let Some(level) = variable("LOG_LEVEL") {
        service.log_level = level;
    }
    if service.instance.is_empty() {
        service.instance = variable("HOSTNAME").unwrap_or_else(|| "local".to_owned());
    }
    Ok(())
}

/// The defaults of the service `name` with the keys of `section` in their place. Entries of `services`
/// are merged, so that a file may name just one address.
fn over_defaults(name: &str, section: Value) -> Value {
    let Ok(Value::Mapping(mut merged)) = serde_yaml::to_value(Service::of(name)) else {
        return section;
    };
    let section = match section {
        Value::Null => Mapping::new(),
        Value::Mapping(section) => section,
        other => return other,
    };
    for (key, value) in section {
        match (merged.get_mut(&key), value) {
            (Some(Value::Mapping(defaults)), Value::Mapping(values)) => defaults.extend(values),
            (_, value) => {
                merged.insert(key, value);
            }
        }
    }
    Value::Mapping(merged)
}

fn read(path: &Path) -> Result<Value, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    serde_yaml::from_str(&text).map_err(|error| ConfigError::Invalid {
        path: path.to_owned(),
        key: "its text".to_owned(),
        message: error.to_string(),
    })
}

fn decode<T: DeserializeOwned>(path: &Path, section: &str, value: Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let key = match (section, inner.as_str()) {
            ("", inner) => inner.to_owned(),
            (section, ".") => section.to_owned(),
            (section, inner) => format!("{section}.{inner}"),
        };
        ConfigError::Invalid { path: path.to_owned(), key, message: error.inner().to_string() }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Own {
        catalog: String,
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn an_empty_file_gives_the_defaults_of_the_topology() {
        let (service, own) = load_section_with::<Own>("order", file("").path(), nothing).unwrap();
        assert_eq!(service.listen.port(), 3002);
        assert_eq!(service.internal_listen.unwrap().port(), 9090);
        assert_eq!(service.nats_inbox_prefix, "_INBOX_order");
        assert_eq!(service.instance, "local");
        assert_eq!(service.url_of("auth").unwrap().as_str(), "http://auth:3001/");
        assert_eq!(own, Own::default());
    }

    #[test]
    fn the_file_wins_over_defaults_and_the_environment_over_the_file() {
        let text = "service: {log_level: debug, services: {auth: 'http://localhost:1'}}\norder: {catalog: required}\n";
        let environment = |name: &str| (name == "PORT").then(|| "8080".to_owned());
        let (service, own) = load_section_with::<Own>("order", file(text).path(), environment).unwrap();
        assert_eq!((service.listen.port(), service.log_level.as_str()), (8080, "debug"));
        assert_eq!(service.url_of("auth").unwrap().as_str(), "http://localhost:1/");
        assert!(service.url_of("order").is_some(), "other addresses keep their defaults");
        assert_eq!(own.catalog, "required");
    }

    #[test]
    fn probes_and_metrics_have_an_address_of_their_own_or_none() {
        for (text, expected) in
            [("{internal_listen: '127.0.0.1:1'}", Some(1)), ("{internal_listen: null}", None)]
        {
            let file = file(&format!("service: {text}"));
            let (service, _) = load_section_with::<Own>("order", file.path(), nothing).unwrap();
            assert_eq!(service.internal_listen.map(|address| address.port()), expected);
        }
    }

    #[test]
    fn errors_name_the_file_and_the_key() {
        for (text, key) in [
            ("service: {max_connections: many}", "service.max_connections"),
            ("service: {colour: blue}", "service"),
            ("order: {catalog: [1]}", "order.catalog"),
            ("payment: {}", "payment"),
        ] {
            let file = file(text);
            let error = load_section_with::<Own>("order", file.path(), nothing).unwrap_err().to_string();
            assert!(error.contains(&file.path().display().to_string()), "{error}");
            assert!(error.contains(&format!("at {key}")), "{error}");
        }
    }

    #[test]
    fn a_port_that_is_none_is_refused() {
        let environment = |name: &str| (name == "PORT").then(|| "http".to_owned());
        let error = load_section_with::<Own>("order", file("").path(), environment).unwrap_err();
        assert!(error.to_string().contains("PORT"));
    }
}
