//! The binary as people call it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod process;

use std::process::{Command, Output};

fn shopflow(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shopflow"))
        .args(arguments)
        .env_remove("SHOPFLOW_CONFIG")
        .output()
        .unwrap()
}

/// What it says on standard error when it refuses.
fn refusal(arguments: &[&str]) -> String {
    let output = shopflow(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to standard output");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_service_prints_its_description() {
    for name in shopflow::names() {
        let output = shopflow(&["openapi", name]);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["openapi"], "3.1.0", "{name}");
        assert!(!document["paths"].as_object().unwrap().is_empty(), "{name}");
        assert!(output.stdout.ends_with(b"}\n"), "{name}");
    }
}

#[test]
fn what_cannot_be_served_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let choice = format!("choose from {}, or all", shopflow::names().join(", "));
    for (arguments, hint) in [
        (vec!["serve", "orders", "--config", path], choice.as_str()),
        (vec!["serve", "all", "--config", "/nowhere"], "/nowhere does not exist"),
        (vec!["migrate", "order", "--config", path], "there is no configuration of `order`"),
        (vec!["openapi", "orders"], "there is no service `orders`"),
        (vec!["serve"], "Usage"),
    ] {
        let said = refusal(&arguments);
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
}

#[test]
fn one_database_url_is_never_given_to_several_services() {
    for command in ["serve", "migrate"] {
        let output = Command::new(env!("CARGO_BIN_EXE_shopflow"))
            .args([command, "all", "--config", "/nowhere"])
            .env("DATABASE_URL", "postgres://localhost/order")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(said.contains("DATABASE_URL is set") && said.contains("unset it"), "{said}");
    }
}

#[test]
fn the_names_of_all_services_are_printed_for_scripts() {
    let output = shopflow(&["services"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.lines().collect::<Vec<_>>(), shopflow::names());
}

#[test]
fn every_event_is_described_for_whoever_subscribes() {
    let page = String::from_utf8(shopflow(&["events"]).stdout).unwrap();
    let names = String::from_utf8(shopflow(&["events", "--names"]).stdout).unwrap();
    assert!(names.lines().count() > 5, "{names}");
    for name in names.lines() {
        let schema: serde_json::Value = serde_json::from_slice(&shopflow(&["events", name]).stdout).unwrap();
        assert_eq!(schema["title"], name);
        assert!(page.contains(&format!("[{name}]({name}.json)")), "{page}");
    }
    assert!(refusal(&["events", "OrderLost"]).contains("there is no event `OrderLost`"));
}

#[test]
fn a_wrong_key_is_named_with_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, "service: {max_connection: 5}").unwrap();
    let said = refusal(&["serve", "order", "--config", file.to_str().unwrap()]);
    assert!(said.contains("config.yaml") && said.contains("max_connection"), "{said}");
}

#[test]
fn a_port_for_probes_that_is_taken_is_named_with_the_key_that_moves_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (directory, address) = (tempfile::tempdir().unwrap(), taken.local_addr().unwrap());
    let file = directory.path().join("config.yaml");
    let listen = format!("service: {{listen: '127.0.0.1:0', internal_listen: '{address}'}}");
    std::fs::write(&file, listen).unwrap();
    let output = shopflow(&["serve", "gateway", "--config", file.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains(&address.to_string()) && said.contains("service.internal_listen"), "{said}");
}

#[test]
fn a_database_without_a_url_is_refused_before_anything_is_tried() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, format!("service: {{database_dir: '{}'}}", directory.path().display())).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shopflow"))
        .args(["migrate", "order", "--config", file.to_str().unwrap()])
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("DATABASE_URL"), "{said}");
}

#[tokio::test]
async fn a_release_that_is_rolled_back_runs_with_the_migrations_of_the_newer_one() {
    let database = testbed::Postgres::shared().await.empty_database().await;
    let directory = tempfile::tempdir().unwrap();
    let (file, folder) = (directory.path().join("config.yaml"), directory.path().display());
    std::fs::write(&file, format!("service: {{database_dir: '{folder}'}}")).unwrap();
    std::fs::write(directory.path().join("url"), &database.url).unwrap();
    let migrate = || shopflow(&["migrate", "order", "--config", file.to_str().unwrap()]);
    assert!(migrate().status.success());
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of the newer release', true, '', 0)",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    let again = migrate();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
}
