//! *Order states*: every row of the table, and every way to break it.

use rstest::rstest;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::world::{World, place_order, unknown_id};

const STATES: [&str; 4] = ["pending", "confirmed", "shipped", "delivered"];

/// A customer's order that an admin has taken to a state.
struct Order {
    id: String,
    customer: Client,
    admin: Client,
}

impl Order {
    async fn in_state(state: &str) -> Self {
        let world = World::shared();
        let customer = world.customer().await.client;
        let order = Self { id: place_order(&customer).await, customer, admin: world.admin().await };
        let reached = STATES.iter().position(|known| *known == state).unwrap();
        for step in &STATES[1..=reached] {
            order.step(step).await.ok(200);
        }
        order
    }

    async fn step(&self, status: &str) -> Answer {
        self.admin.patch(&format!("/orders/{}/status", self.id), &json!({ "status": status })).await
    }

    async fn now(&self) -> Value {
        self.customer.get(&format!("/orders/{}", self.id)).await.ok(200)
    }
}

#[rstest]
#[case("pending", "confirmed")]
#[case("confirmed", "shipped")]
#[case("shipped", "delivered")]
#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_step_is_made_and_stamped(#[case] from: &str, #[case] to: &str) {
    let order = Order::in_state(from).await;
    let before = order.now().await;
    let stamp = format!("{to}_at");
    let expected = json!({ "id": order.id, "status": to, stamp.clone(): "<time>", "updated_at": "<time>" });
    let step = order.step(to).await.is(200, &expected);
    assert_eq!(step[&stamp], step["updated_at"]);

    let mut expected = before;
    expected["status"] = json!(to);
    expected[&stamp] = step[&stamp].clone();
    expected["updated_at"] = step["updated_at"].clone();
    assert_eq!(order.now().await, expected, "nothing else changes");
}

#[rstest]
#[case::skipping("pending", "shipped")]
#[case::skipping_two("pending", "delivered")]
#[case::skipping_one("confirmed", "delivered")]
#[case::backward("confirmed", "pending")]
#[case::backward("shipped", "confirmed")]
#[case::backward("shipped", "pending")]
#[case::terminal("delivered", "pending")]
#[case::terminal("delivered", "confirmed")]
#[case::terminal("delivered", "shipped")]
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_the_table_does_not_have_is_400_and_changes_nothing(
    #[case] from: &str,
    #[case] to: &str,
) {
    let order = Order::in_state(from).await;
    let before = order.now().await;
    order.step(to).await.problem(400);
    assert_eq!(order.now().await, before);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_step_to_the_same_state_is_409_and_changes_nothing(
    #[values("pending", "confirmed", "shipped", "delivered")] state: &str,
) {
    let order = Order::in_state(state).await;
    let before = order.now().await;
    order.step(state).await.problem(409);
    assert_eq!(order.now().await, before);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_invariants_hold_in_every_state(#[values(0, 1, 2, 3)] reached: usize) {
    let order = Order::in_state(STATES[reached]).await.now().await;
    assert_eq!(order["status"], STATES[reached]);
    for (index, state) in STATES.iter().enumerate().skip(1) {
        let stamp = &order[format!("{state}_at")];
        assert_eq!(stamp.is_string(), index <= reached, "{state}_at is {stamp}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_may_take_a_step() {
    let order = Order::in_state("pending").await;
    let path = format!("/orders/{}/status", order.id);
    order.customer.patch(&path, &json!({ "status": "confirmed" })).await.problem(403);
    assert_eq!(order.now().await["status"], "pending");
}

#[rstest]
#[case::unknown(json!({ "status": "lost" }))]
#[case::missing(json!({}))]
#[case::no_text(json!({ "status": 1 }))]
#[case::more_fields(json!({ "status": "confirmed", "confirmed_at": "2026-02-17T14:00:00.000Z" }))]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_names_no_state_is_400(#[case] body: Value) {
    let order = Order::in_state("pending").await;
    order.admin.patch(&format!("/orders/{}/status", order.id), &body).await.problem(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_order_is_404() {
    let admin = World::shared().admin().await;
    let path = format!("/orders/{}/status", unknown_id());
    admin.patch(&path, &json!({ "status": "confirmed" })).await.problem(404);
}
