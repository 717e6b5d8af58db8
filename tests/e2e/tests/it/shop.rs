//! A shop's customer and admin, over HTTP.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::eventually::eventually;

/// The password of every customer made here.
const PASSWORD: &str = "S3cur3P@ssw0rd!";

/// The public address of one platform.
#[derive(Clone)]
pub(crate) struct Shop {
    url: String,
    client: Client,
}

/// Somebody signed in.
pub(crate) struct Session {
    shop: Shop,
    token: String,
    /// E-mail address.
    pub(crate) email: String,
}

impl Shop {
    pub(crate) fn at(url: &str) -> Result<Self> {
        let client = Client::builder().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), client })
    }

    /// Sends one request below `/api/v1`; answers status and body (null when there is none).
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? };
        Ok((status, body))
    }

    /// Signs in; waits while the platform is not serving (503 and broken connections), not while it refuses.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Result<Session> {
        let body = json!({"email": email, "password": password});
        let answer = eventually("a sign-in that is answered", Duration::from_mins(1), async || {
            let (status, body) = self.send(Method::POST, "/auth/login", None, Some(&body)).await?;
            Ok((!status.is_server_error()).then_some((status, body)))
        })
        .await?;
        ensure!(answer.0 == StatusCode::OK, "sign-in of {email}: {answer:?}");
        let token = answer.1["access_token"].as_str().context("no access_token")?.to_owned();
        Ok(Session { shop: self.clone(), token, email: email.to_owned() })
    }

    /// Registers somebody new and signs them in.
    pub(crate) async fn new_customer(&self) -> Result<Session> {
        let email = format!("{}@example.com", Uuid::now_v7().simple());
        let body = json!({
            "email": email, "password": PASSWORD, "first_name": "Jane", "last_name": "Doe",
            "phone": "+15551234567",
        });
        let (status, answer) = eventually("a registration", Duration::from_mins(1), async || {
            let (status, body) = self.send(Method::POST, "/auth/register", None, Some(&body)).await?;
            Ok((!status.is_server_error()).then_some((status, body)))
        })
        .await?;
        ensure!(status == StatusCode::CREATED, "registration: {status} {answer}");
        self.sign_in(&email, PASSWORD).await
    }
}

impl Session {
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        self.shop.send(method, path, Some(&self.token), body).await
    }

    /// Places the example order.
    pub(crate) async fn order(&self) -> Result<Value> {
        let (status, order) = self.send(Method::POST, "/orders", Some(&example_order())).await?;
        ensure!(status == StatusCode::CREATED, "order: {status} {order}");
        Ok(order)
    }

    /// Moves an order one step, as an admin does.
    pub(crate) async fn set_status(&self, order: &str, status: &str) -> Result<(StatusCode, Value)> {
        let path = format!("/orders/{order}/status");
        self.send(Method::PATCH, &path, Some(&json!({"status": status}))).await
    }
}

/// The example of an order.
pub(crate) fn example_order() -> Value {
    json!({
        "items": [
            {"product_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "product_name": "Wireless Headphones",
             "quantity": 2, "unit_price": 49.99},
            {"product_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "product_name": "USB-C Cable",
             "quantity": 1, "unit_price": 12.99}
        ],
        "shipping_address": {"street": "742 Evergreen Terrace", "city": "Springfield", "state": "IL",
                             "zip_code": "62704", "country": "US"},
        "currency": "USD",
        "notes": "Please leave at the front door."
    })
}
