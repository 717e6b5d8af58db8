//! Signing keys: what is published, and how they change.

use http::StatusCode;
use jsonwebtoken::Algorithm;
use rstest::rstest;
use serde_json::json;
use testing::ISSUER;

use crate::service::{
    EMAIL, PASSWORD, SOON, Service, TestKey, Tokens, problem, write_keyring, write_verification_keys,
};

#[tokio::test]
async fn the_public_keys_are_published() {
    let service = Service::start().await;
    let answer = service.client.get("/.well-known/jwks.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({ "keys": [service.key.jwk()] }));
    assert!(answer.header("cache-control").unwrap().starts_with("public"));
}

#[tokio::test]
async fn the_issuer_is_described() {
    let service = Service::start().await;
    let body = service.client.get("/.well-known/openid-configuration").await.json();
    assert_eq!(body["issuer"], ISSUER);
    assert_eq!(body["jwks_uri"], format!("{ISSUER}/.well-known/jwks.json"));
    assert_eq!(body["token_endpoint"], format!("{ISSUER}/auth/token"));
    assert_eq!(body["id_token_signing_alg_values_supported"], json!(["EdDSA"]));
    assert_eq!(body["grant_types_supported"], json!(["password", "refresh_token"]));
}

fn key_of(tokens: &Tokens) -> String {
    jsonwebtoken::decode_header(&tokens.access).unwrap().kid.unwrap()
}

#[tokio::test]
async fn the_active_key_signs_and_tokens_of_the_retiring_one_stay_valid() {
    let service = Service::start().await;
    let (_, old) = service.customer(EMAIL).await;
    let next = TestKey::generate();
    write_verification_keys(service.directory(), &[&service.key, &next]);
    write_keyring(service.directory(), &[(&service.key, "Active"), (&next, "Pending")]);
    testbed::until(SOON, "the pending key is published", async || {
        service.client.get("/.well-known/jwks.json").await.text.contains(&next.kid).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(key_of(&service.login(EMAIL).await), service.key.kid, "a pending key does not sign");

    write_keyring(service.directory(), &[(&service.key, "Retiring"), (&next, "Active")]);
    let new = testbed::until(SOON, "the new key signs", async || {
        let tokens = service.login(EMAIL).await;
        (key_of(&tokens) == next.kid).then_some(tokens)
    })
    .await
    .unwrap();
    for tokens in [&old, &new] {
        assert_eq!(service.validate(&tokens.access).await.status, StatusCode::OK);
    }

    write_verification_keys(service.directory(), &[&next]);
    testbed::until(SOON, "tokens of the removed key are refused", async || {
        (service.validate(&old.access).await.status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(service.validate(&new.access).await.status, StatusCode::OK);
}

#[rstest]
#[case(Algorithm::EdDSA)]
#[case(Algorithm::ES256)]
#[case(Algorithm::HS256)]
#[tokio::test]
async fn every_algorithm_signs_and_a_shared_secret_is_not_published(#[case] algorithm: Algorithm) {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let key = TestKey::generate_for(algorithm);
    key.write(service.directory());
    testbed::until(SOON, "a token of the new key is valid", async || {
        let tokens = service.login(EMAIL).await;
        let valid = service.validate(&tokens.access).await.status == StatusCode::OK;
        (valid && key_of(&tokens) == key.kid).then_some(())
    })
    .await
    .unwrap();
    let published = testbed::until(SOON, "the published keys changed", async || {
        let text = service.client.get("/.well-known/jwks.json").await.text;
        (!text.contains(&service.key.kid)).then_some(text)
    })
    .await
    .unwrap();
    assert_eq!(published.contains(&key.kid), algorithm != Algorithm::HS256, "{published}");
}

#[tokio::test]
async fn an_unusable_keyring_changes_nothing() {
    let service = Service::start().await;
    service.register(EMAIL).await;
    let (one, other) = (TestKey::generate(), TestKey::generate());
    let next = TestKey::generate();
    std::fs::write(service.directory().join("keyring.json"), "{").unwrap();
    assert_eq!(key_of(&service.login(EMAIL).await), service.key.kid);
    write_keyring(service.directory(), &[(&one, "Active"), (&other, "Active")]);
    assert_eq!(key_of(&service.login(EMAIL).await), service.key.kid);
    // A good one afterwards shows that the bad ones had been read.
    write_keyring(service.directory(), &[(&next, "Active")]);
    testbed::until(SOON, "the good keyring is used", async || {
        let kid = key_of(&service.login(EMAIL).await);
        assert!(kid == service.key.kid || kid == next.kid, "neither of two active keys signs");
        (kid == next.kid).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn without_a_keyring_sign_in_is_unavailable_until_it_comes() {
    let directory = tempfile::tempdir().unwrap();
    let late = directory.path().join("keyring.json");
    let mut service = Service::start_with(|config| config.signing_keys.clone_from(&late), None).await;
    service.run_background();
    service.register(EMAIL).await;
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = service.client.post("/auth/login", &login).await;
    problem(&answer, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert!(answer.header("retry-after").is_some());
    testbed::until(SOON, "everything else is ready", async || {
        let ready = service.probe("/ready").await;
        problem(&ready, StatusCode::SERVICE_UNAVAILABLE, "not_ready")["detail"]
            .as_str()
            .unwrap()
            .contains("signing key")
            .then_some(())
    })
    .await
    .unwrap();
    assert_eq!(service.client.get("/health").await.json(), json!({ "status": "ok" }));

    write_keyring(directory.path(), &[(&service.key, "Active")]);
    testbed::until(SOON, "sign-in works", async || {
        (service.client.post("/auth/login", &login).await.status == StatusCode::OK).then_some(())
    })
    .await
    .unwrap();
    service.ready().await;
}
