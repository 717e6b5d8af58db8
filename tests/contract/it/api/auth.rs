//! *Auth*: the rules and errors of its routes.

use rstest::rstest;
use serde_json::{Value, json};

use crate::client::Entrance;
use crate::world::{PASSWORD, World, unknown_id};

fn registration() -> Value {
    json!({
        "email": "rules@example.com", "password": PASSWORD, "first_name": "Jane", "last_name": "Doe", "phone": "+15551234567",
    })
}

/// [`registration`] with another value in one field; null removes it.
fn registration_with(field: &str, value: Value) -> Value {
    let mut body = registration();
    if value.is_null() {
        body.as_object_mut().unwrap().remove(field);
    } else {
        body[field] = value;
    }
    body
}

#[rstest]
#[case::no_email("email", json!(null))]
#[case::no_at_sign("email", json!("jane.doe.example.com"))]
#[case::no_domain("email", json!("jane.doe@"))]
#[case::email_too_long("email", json!(format!("{}@example.com", "a".repeat(250))))]
#[case::no_password("password", json!(null))]
#[case::password_too_short("password", json!("S3cur3!"))]
#[case::password_without_upper_case("password", json!("s3cur3p@ssw0rd!"))]
#[case::password_without_lower_case("password", json!("S3CUR3P@SSW0RD!"))]
#[case::password_without_digit("password", json!("SecureP@ssword!"))]
#[case::password_without_special("password", json!("S3cur3Passw0rd"))]
#[case::no_first_name("first_name", json!(null))]
#[case::empty_first_name("first_name", json!(""))]
#[case::first_name_too_long("first_name", json!("a".repeat(101)))]
#[case::no_last_name("last_name", json!(null))]
#[case::empty_last_name("last_name", json!(""))]
#[case::last_name_too_long("last_name", json!("a".repeat(101)))]
#[case::phone_without_plus("phone", json!("15551234567"))]
#[case::phone_with_letters("phone", json!("+1555CALLNOW"))]
#[case::phone_too_long("phone", json!("+1555123456789012"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_breaks_a_rule_is_400_and_names_the_field(
    #[case] field: &str,
    #[case] value: Value,
) {
    let nobody = World::shared().nobody(Entrance::Direct);
    nobody.post("/auth/register", &registration_with(field, value)).await.refuses(&[field]);
}

#[rstest]
#[case::role("role", json!("admin"))]
#[case::is_active("is_active", json!(true))]
#[case::id("id", json!("019c6b1e-0000-7000-8000-000000000001"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_cannot_set_what_is_not_its_own(#[case] field: &str, #[case] value: Value) {
    let nobody = World::shared().nobody(Entrance::Direct);
    nobody.post("/auth/register", &registration_with(field, value)).await.problem(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_one_and_of_a_hundred_characters_and_no_phone_are_fine() {
    let nobody = World::shared().nobody(Entrance::Direct);
    let mut body = registration_with("phone", json!(null));
    body["email"] = json!("edges@example.com");
    body["first_name"] = json!("J");
    body["last_name"] = json!("Ü".repeat(100));
    let expected = json!({
        "id": "<uuid>", "email": "edges@example.com", "first_name": "J", "last_name": "Ü".repeat(100),
        "phone": null, "role": "customer", "created_at": "<time>",
    });
    nobody.post("/auth/register", &body).await.is(201, &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_is_registered_once_however_it_is_written() {
    let nobody = World::shared().nobody(Entrance::Direct);
    let mut body = registration_with("email", json!("once@example.com"));
    nobody.post("/auth/register", &body).await.ok(201);
    body["email"] = json!("Once@Example.com");
    nobody.post("/auth/register", &body).await.problem(409);
}

#[rstest]
#[case::no_password(json!({ "email": "jane.doe@example.com" }), &["password"])]
#[case::no_email(json!({ "password": PASSWORD }), &["email"])]
#[tokio::test(flavor = "multi_thread")]
async fn signing_in_without_a_field_is_400(#[case] body: Value, #[case] fields: &[&str]) {
    World::shared().nobody(Entrance::Direct).post("/auth/login", &body).await.refuses(fields);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_are_the_same_401() {
    let world = World::shared();
    let jane = world.customer().await;
    let nobody = world.nobody(Entrance::Direct);
    let wrong = json!({ "email": jane.email, "password": "Wr0ngP@ssw0rd!" });
    let unknown = json!({ "email": "unknown@example.com", "password": "Wr0ngP@ssw0rd!" });
    let mut first = nobody.post("/auth/login", &wrong).await.problem(401);
    let mut second = nobody.post("/auth/login", &unknown).await.problem(401);
    for body in [&mut first, &mut second] {
        body.as_object_mut().unwrap().remove("instance");
    }
    assert_eq!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_account_is_403() {
    let world = World::shared();
    let jane = world.customer().await;
    let active = format!("/auth/users/{}/active", jane.id);
    world.admin().await.patch(&active, &json!({ "is_active": false })).await.ok(200);
    let credentials = json!({ "email": jane.email, "password": PASSWORD });
    world.nobody(Entrance::Direct).post("/auth/login", &credentials).await.problem(403);
}

#[rstest]
#[case::unknown("not-a-token")]
#[case::empty("")]
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_refresh_token_is_401(#[case] token: &str) {
    let nobody = World::shared().nobody(Entrance::Direct);
    nobody.post("/auth/refresh", &json!({ "refresh_token": token })).await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_is_no_refresh_token_and_the_reverse() {
    let world = World::shared();
    let jane = world.customer().await;
    let nobody = world.nobody(Entrance::Direct);
    let credentials = json!({ "email": jane.email, "password": PASSWORD });
    let pair = nobody.post("/auth/login", &credentials).await.ok(200);
    nobody.post("/auth/refresh", &json!({ "refresh_token": pair["access_token"] })).await.problem(401);
    let refresh = pair["refresh_token"].as_str().unwrap();
    nobody.with_token(refresh).post_empty("/auth/validate").await.problem(401);
}

#[rstest]
#[case::malformed("not-a-token")]
#[case::unsigned("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhMWIyYzNkNCJ9.")]
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_is_401_everywhere(#[case] token: &str) {
    let world = World::shared();
    let id = unknown_id();
    for entrance in [Entrance::Direct, Entrance::Bare] {
        let client = world.nobody(entrance).with_token(token);
        client.post_empty("/auth/validate").await.problem(401);
        client.get(&format!("/auth/users/{id}")).await.problem(401);
        client.post("/orders", &crate::world::example_order()).await.problem(401);
        client.get("/orders").await.problem(401);
        client.get(&format!("/orders/{id}")).await.problem(401);
        client.patch(&format!("/orders/{id}/status"), &json!({ "status": "confirmed" })).await.problem(401);
        client.get("/notifications").await.problem(401);
        client.get(&format!("/notifications/{id}")).await.problem(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_401_everywhere() {
    let world = World::shared();
    let id = unknown_id();
    for entrance in [Entrance::Direct, Entrance::Versioned] {
        let nobody = world.nobody(entrance);
        nobody.post_empty("/auth/validate").await.problem(401);
        nobody.get(&format!("/auth/users/{id}")).await.problem(401);
        nobody.post("/orders", &crate::world::example_order()).await.problem(401);
        nobody.get("/orders").await.problem(401);
        nobody.get(&format!("/orders/{id}")).await.problem(401);
        nobody.patch(&format!("/orders/{id}/status"), &json!({ "status": "confirmed" })).await.problem(401);
        nobody.get("/notifications").await.problem(401);
        nobody.get(&format!("/notifications/{id}")).await.problem(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_shown_to_its_owner_and_to_admins_only() {
    let world = World::shared();
    let (jane, john) = (world.customer().await, world.customer().await);
    let admin = world.admin().await;
    let path = format!("/auth/users/{}", jane.id);
    let own = jane.client.get(&path).await.ok(200);
    admin.get(&path).await.is(200, &own);
    john.client.get(&path).await.problem(403);
    admin.get(&format!("/auth/users/{}", unknown_id())).await.problem(404);
}
