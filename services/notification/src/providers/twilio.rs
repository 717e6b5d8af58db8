//! SMS through Twilio's Messages resource: a form with basic authentication, answered by a message SID.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use super::credentials::CredentialsDir;
use super::{Message, Provider, SendError, Verdict, cause};
use crate::domain::Receipt;

const TIMEOUT: Duration = Duration::from_secs(10);
/// An answer is a small JSON object; anything longer is not Twilio.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How to reach Twilio.
#[derive(Debug, Clone)]
pub(crate) struct TwilioSettings {
    /// `https://api.twilio.com`, or a stand-in's address.
    pub(crate) base_url: Url,
    /// A phone number, or the SID of a messaging service (`MG…`).
    pub(crate) from: String,
    /// Directory with the files `account_sid` and `auth_token`.
    pub(crate) credentials_dir: PathBuf,
}

/// Sends SMS through Twilio. Its API has no idempotency key: a crash between Twilio's answer and our record
/// repeats the SMS, which is the one window in which a person gets a message twice.
#[derive(Debug, Clone)]
pub(crate) struct Twilio {
    client: reqwest::Client,
    base_url: Url,
    from: String,
    credentials: CredentialsDir,
}

#[derive(Deserialize)]
struct Accepted {
    sid: String,
}

#[derive(Deserialize)]
struct Failure {
    code: Option<u32>,
    message: Option<String>,
}

impl Twilio {
    /// A client that follows no redirects, since a redirect would carry the credentials elsewhere.
    pub(crate) fn new(settings: TwilioSettings) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            base_url: settings.base_url,
            from: settings.from,
            credentials: CredentialsDir::new(&settings.credentials_dir),
        })
    }

    fn messages_url(&self, account_sid: &str) -> Result<Url, SendError> {
        let mut url = self.base_url.clone();
        url.path_segments_mut()
            .map_err(|()| SendError::unavailable("the base_url of Twilio has no path"))?
            .pop_if_empty()
            .extend(["2010-04-01", "Accounts", account_sid, "Messages.json"]);
        Ok(url)
    }

    /// The path holds the account's SID, so only the host and port are shown.
    fn unreachable(&self, error: reqwest::Error) -> SendError {
        let host = self.base_url.host_str().unwrap_or_default();
        let port = self.base_url.port_or_known_default().unwrap_or_default();
        let error = error.without_url();
        let cause = if error.is_timeout() { "no answer in time".to_owned() } else { cause(&error) };
        SendError::unavailable(format!("Twilio {host}:{port}: {cause}"))
    }

    fn sender_field(&self) -> &'static str {
        if self.from.starts_with("MG") { "MessagingServiceSid" } else { "From" }
    }
}

#[async_trait]
impl Provider for Twilio {
    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let account_sid = self.credentials.read("account_sid").await?;
        let auth_token = self.credentials.read("auth_token").await?;
        let form = [
            ("To", message.recipient.as_str()),
            (self.sender_field(), &self.from),
            ("Body", message.body.as_str()),
        ];
        let response = self
            .client
            .post(self.messages_url(account_sid.expose_secret())?)
            .basic_auth(account_sid.expose_secret(), Some(auth_token.expose_secret()))
            .form(&form)
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let body = bounded_body(response).await;
        if status.is_success() { Ok(Receipt::Sent(accepted(&body))) } else { Err(failure(status, &body)) }
    }
}

/// What can be read of the answer. The status alone already tells whether Twilio took the message.
async fn bounded_body(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// The message's SID. A success that cannot be read was still a success: sending again would repeat the SMS.
fn accepted(body: &[u8]) -> String {
    serde_json::from_slice(body).map_or_else(|_| "unreadable".to_owned(), |Accepted { sid }| sid)
}

/// Twilio answers 400 for a message it will never send (bad number, unsubscribed), and 500 for one that it
/// stumbled over. Anything else concerns every message: credentials are replaced, limits end, outages end.
fn failure(status: StatusCode, body: &[u8]) -> SendError {
    let (summary, words) = match serde_json::from_slice::<Failure>(body) {
        Ok(Failure { code: Some(code), message }) => (format!("Twilio error {code}"), message),
        _ => (format!("Twilio answered {}", status.as_u16()), None),
    };
    let verdict = match status {
        StatusCode::BAD_REQUEST => Verdict::Refused,
        StatusCode::INTERNAL_SERVER_ERROR => Verdict::Delayed,
        _ => Verdict::Unavailable,
    };
    SendError { verdict, summary, words }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use serde_json::json;
    use tempfile::TempDir;
    use uuid::Uuid;
    use wiremock::matchers::{basic_auth, body_string_contains, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn message() -> Message {
        Message {
            id: Uuid::now_v7(),
            recipient: "+15551234567".into(),
            subject: None,
            body: "Total: 112.97 USD & thanks".into(),
            plain_text: None,
            composed_at: Utc::now(),
        }
    }

    fn credentials() -> TempDir {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("account_sid"), "AC123\n").unwrap();
        std::fs::write(directory.path().join("auth_token"), "first\n").unwrap();
        directory
    }

    fn twilio(base_url: &str, from: &str, credentials: &TempDir) -> Twilio {
        Twilio::new(TwilioSettings {
            base_url: base_url.parse().unwrap(),
            from: from.into(),
            credentials_dir: credentials.path().into(),
        })
        .unwrap()
    }

    async fn answering(status: u16, body: serde_json::Value) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&server)
            .await;
        server
    }

    #[tokio::test]
    async fn speaks_the_messages_api() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/2010-04-01/Accounts/AC123/Messages.json"))
            .and(basic_auth("AC123", "first"))
            .and(header("content-type", "application/x-www-form-urlencoded"))
            .and(body_string_contains("To=%2B15551234567"))
            .and(body_string_contains("From=%2B15550001234"))
            .and(body_string_contains("Body=Total%3A+112.97+USD+%26+thanks"))
            .respond_with(
                ResponseTemplate::new(201).set_body_json(json!({"sid": "SM42", "status": "queued"})),
            )
            .expect(1)
            .mount(&server)
            .await;
        let credentials = credentials();
        let twilio = twilio(&server.uri(), "+15550001234", &credentials);
        assert_eq!(twilio.send(&message()).await.unwrap(), Receipt::Sent("SM42".into()));
    }

    #[tokio::test]
    async fn a_messaging_service_is_named_as_such() {
        let server = MockServer::start().await;
        Mock::given(body_string_contains("MessagingServiceSid=MG9"))
            .respond_with(ResponseTemplate::new(201).set_body_json(json!({"sid": "SM1"})))
            .expect(1)
            .mount(&server)
            .await;
        twilio(&server.uri(), "MG9", &credentials()).send(&message()).await.unwrap();
    }

    #[tokio::test]
    async fn a_replaced_credential_is_used_for_the_next_message() {
        let server = MockServer::start().await;
        Mock::given(basic_auth("AC123", "second"))
            .respond_with(ResponseTemplate::new(201).set_body_json(json!({"sid": "SM2"})))
            .mount(&server)
            .await;
        let credentials = credentials();
        let twilio = twilio(&server.uri(), "+15550001234", &credentials);
        let error = twilio.send(&message()).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Unavailable);
        std::fs::write(credentials.path().join("auth_token"), "second").unwrap();
        assert_eq!(twilio.send(&message()).await.unwrap(), Receipt::Sent("SM2".into()));
    }

    #[tokio::test]
    async fn a_number_that_does_not_exist_is_refused_for_good() {
        let server =
            answering(400, json!({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}))
                .await;
        let error = twilio(&server.uri(), "+15550001234", &credentials()).send(&message()).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Refused);
        assert_eq!(error.summary, "Twilio error 21211");
        assert_eq!(error.words.as_deref(), Some("Invalid 'To' Phone Number"));
    }

    #[tokio::test]
    async fn limits_outages_and_bad_credentials_may_pass() {
        for status in [401, 403, 404, 429, 503] {
            let server = answering(status, json!({"code": 20003, "message": "Authenticate"})).await;
            let error =
                twilio(&server.uri(), "+15550001234", &credentials()).send(&message()).await.unwrap_err();
            assert_eq!(error.verdict, Verdict::Unavailable, "{status}");
        }
    }

    #[tokio::test]
    async fn an_internal_error_delays_its_own_message_alone() {
        let server = answering(500, json!({"code": 20500, "message": "Internal Server Error"})).await;
        let error = twilio(&server.uri(), "+15550001234", &credentials()).send(&message()).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Delayed);
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_still_a_success() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(201).set_body_string("x".repeat(100_000)))
            .mount(&server)
            .await;
        let credentials = credentials();
        let twilio = twilio(&server.uri(), "+15550001234", &credentials);
        assert_eq!(twilio.send(&message()).await.unwrap(), Receipt::Sent("unreadable".into()));
    }

    #[tokio::test]
    async fn credentials_do_not_follow_a_redirect() {
        let elsewhere = answering(201, json!({"sid": "SM6"})).await;
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(307).insert_header("location", elsewhere.uri().as_str()))
            .mount(&server)
            .await;
        let error = twilio(&server.uri(), "+15550001234", &credentials()).send(&message()).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Unavailable);
        assert!(elsewhere.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_error_shows_neither_credentials_nor_account() {
        let error =
            twilio("http://127.0.0.1:1", "+15550001234", &credentials()).send(&message()).await.unwrap_err();
        assert_eq!(error.to_string(), "Twilio 127.0.0.1:1: connection refused");
    }

    #[tokio::test]
    async fn a_missing_credential_names_its_file() {
        let credentials = credentials();
        std::fs::remove_file(credentials.path().join("auth_token")).unwrap();
        let error = twilio("http://127.0.0.1:1", "+1", &credentials).send(&message()).await.unwrap_err();
        assert!(error.to_string().contains("auth_token"), "{error}");
    }
}
