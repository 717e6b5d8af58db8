//! Each service's tables for kit are those that kit works with.

use std::path::PathBuf;

/// Migrations of the services that have a database.
fn first_migrations() -> Vec<(&'static str, String)> {
    let services = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for service in topology::SERVICES.iter().filter(|service| service.database) {
        let Ok(entries) = std::fs::read_dir(services.join(service.name).join("migrations")) else {
            continue;
        };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        if let Some(first) = files.first() {
            found.push((service.name, std::fs::read_to_string(first).unwrap()));
        }
    }
    found
}

#[test]
fn every_first_migration_holds_kits_tables() {
    for (service, migration) in first_migrations() {
        assert!(migration.contains(kit::outbox::MIGRATION_SQL.trim()), "{service} has other tables for kit");
    }
}
