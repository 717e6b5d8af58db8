//! Where a service's configuration file is.

use std::path::{Path, PathBuf};

/// Name of the file in a service's directory.
const FILE: &str = "config.yaml";

/// A configuration that cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// One file was given for several services.
    #[error(
        "{} is the configuration of one service; to serve several, give the directory that holds \
         <service>/{FILE} for each", path.display()
    )]
    OneFileForMany {
        /// What was given.
        path: PathBuf,
    },
    /// Nothing is where it should be.
    #[error("there is no configuration of `{service}`: neither {} nor {} exists", nested.display(), flat.display())]
    Missing {
        /// The service.
        service: String,
        /// Where it would be among several.
        nested: PathBuf,
        /// Where it would be alone.
        flat: PathBuf,
    },
    /// One database was given for several services.
    #[error(
        "DATABASE_URL is set, and would send {} to one database; unset it: each service reads the file `url` \
         in its own database_dir", services.join(", ")
    )]
    OneDatabaseForMany {
        /// The services that own a database.
        services: Vec<&'static str>,
    },
    /// The path itself does not exist.
    #[error("{} does not exist; give a configuration file, or the directory that holds it", path.display())]
    NoPath {
        /// What was given.
        path: PathBuf,
    },
}

/// The file of `service`: `path` itself, or `<service>/config.yaml` or `config.yaml` in it.
/// `alone` says whether no other service reads from the same path.
pub fn configuration(path: &Path, service: &str, alone: bool) -> Result<PathBuf, ConfigurationError> {
    if path.is_file() {
        let path = path.to_owned();
        return if alone { Ok(path) } else { Err(ConfigurationError::OneFileForMany { path }) };
    }
    if !path.is_dir() {
        return Err(ConfigurationError::NoPath { path: path.to_owned() });
    }
    let nested = path.join(service).join(FILE);
    let flat = path.join(FILE);
    match (nested.is_file(), alone && flat.is_file()) {
        (true, _) => Ok(nested),
        (false, true) => Ok(flat),
        (false, false) => Err(ConfigurationError::Missing { service: service.to_owned(), nested, flat }),
    }
}

/// Refuses a database URL of the environment (`url_is_set`) that several of `services` would share: it is meant for
/// one service that somebody runs by hand.
pub fn refuse_shared_database(services: &[&str], url_is_set: bool) -> Result<(), ConfigurationError> {
    let named = |service: &&topology::Service| service.database && services.contains(&service.name);
    let services: Vec<&str> = topology::SERVICES.iter().filter(named).map(|service| service.name).collect();
    if url_is_set && services.len() > 1 {
        Err(ConfigurationError::OneDatabaseForMany { services })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_of_the_environment_is_for_one_service_only() {
        refuse_shared_database(&["order"], true).unwrap();
        refuse_shared_database(&["gateway", "order"], true).unwrap();
        refuse_shared_database(&["auth", "order"], false).unwrap();
        let refused = refuse_shared_database(&["gateway", "order", "auth"], true).unwrap_err().to_string();
        assert!(refused.contains("DATABASE_URL") && refused.contains("auth, order"), "{refused}");
        assert!(refused.contains("unset it"), "{refused}");
    }

    #[test]
    fn a_file_serves_one_and_a_directory_serves_many() {
        let directory = tempfile::tempdir().unwrap();
        let nested = directory.path().join("order").join(FILE);
        let flat = directory.path().join(FILE);
        std::fs::create_dir(directory.path().join("order")).unwrap();
        for file in [&nested, &flat] {
            std::fs::write(file, "").unwrap();
        }
        assert_eq!(configuration(&flat, "order", true).unwrap(), flat);
        assert_eq!(configuration(directory.path(), "order", false).unwrap(), nested);
        assert_eq!(configuration(directory.path(), "auth", true).unwrap(), flat);
    }

    #[test]
    fn what_is_missing_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = configuration(directory.path(), "order", false).unwrap_err().to_string();
        assert!(missing.contains("order/config.yaml"), "{missing}");
        let absent = configuration(&directory.path().join("x"), "order", true).unwrap_err().to_string();
        assert!(absent.contains("/x does not exist"), "{absent}");
        let file = directory.path().join("one.yaml");
        std::fs::write(&file, "").unwrap();
        let many = configuration(&file, "order", false).unwrap_err().to_string();
        assert!(many.contains("one service"), "{many}");
    }
}
