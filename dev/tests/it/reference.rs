//! The reference of the API in a browser.

use dev::{Options, Platform, Ports};
use serde_json::json;
use tokio::sync::Mutex;

use crate::page::Page;
use crate::sign_in;

const LOGIN: &str = "#operations-auth-sign_in";
const ORDERS: &str = "#operations-order-list_orders";

/// One test at a time: a browser beside a platform keeps a machine busy, and busy services answer 503.
static TURN: Mutex<()> = Mutex::const_new(());

async fn start() -> Platform {
    Platform::start(Options { ports: Ports::Ephemeral, ..Options::default() }).await.unwrap()
}

async fn open(platform: &Platform) -> Page {
    Page::open(&format!("{}/docs", platform.url)).await
}

async fn unfold(page: &Page, operation: &str) {
    page.click(&format!("{operation} .opblock-summary-control")).await;
}

/// Sends the request of an operation that is unfolded, and returns the status of its answer.
async fn execute(page: &Page, operation: &str) -> String {
    page.click(&format!("{operation} .execute")).await;
    page.text(&format!("{operation} .live-responses-table tbody td.response-col_status")).await
}

/// Whoever has signed in lists orders, and then all ends.
async fn orders_are_listed(page: Page, platform: Platform) {
    unfold(&page, ORDERS).await;
    assert_eq!(execute(&page, ORDERS).await, "200");
    assert_eq!(page.console().await, Vec::<String>::new(), "nothing failed, and nothing was refused");
    page.close().await;
    platform.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_on_the_reference_tries_the_api_out_as_themselves() {
    let _turn = TURN.lock().await;
    let platform = start().await;
    let page = open(&platform).await;
    unfold(&page, LOGIN).await;
    let credentials = json!({ "email": platform.admin_email, "password": platform.admin_password });
    page.fill(&format!("{LOGIN} textarea"), &credentials.to_string()).await;
    assert_eq!(execute(&page, LOGIN).await, "200");
    orders_are_listed(page, platform).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_takes_a_token_that_somebody_has() {
    let _turn = TURN.lock().await;
    let platform = start().await;
    let pair = sign_in(&platform.url, &platform.admin_email, &platform.admin_password).await;
    let page = open(&platform).await;
    page.click("button.authorize").await;
    page.fill(".auth-container input", pair["access_token"].as_str().unwrap()).await;
    page.click(".auth-container button.authorize").await;
    page.click(".auth-container button.btn-done").await;
    orders_are_listed(page, platform).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_gets_into_the_reference_does_not_run() {
    let _turn = TURN.lock().await;
    let platform = start().await;
    let page = open(&platform).await;
    page.text(LOGIN).await;
    let ran = page
        .run(
            "const script = document.createElement('script'); script.textContent = 'window.ran = true'; \
             document.head.append(script); return window.ran === true;",
        )
        .await;
    assert_eq!(ran, false);
    let console = page.console().await;
    assert!(matches!(&console[..], [line] if line.contains("Content Security Policy")), "{console:?}");
    page.close().await;
    platform.stop().await.unwrap();
}
