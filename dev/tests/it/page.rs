//! A page in a browser, used as people use it: by WebDriver (<https://www.w3.org/TR/webdriver2/>).

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use testbed::Browser;

/// Longest time until the page shows what is waited for, on a machine that does much else.
const LIMIT: Duration = Duration::from_mins(1);
/// The standard's name for a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// The standard's characters for a key held down, and for the release of all keys.
const CONTROL: char = '\u{e009}';
const RELEASED: char = '\u{e000}';

/// An open page. Elements are named by CSS selectors.
pub(crate) struct Page {
    client: Client,
    session: String,
    _browser: Browser,
}

impl Page {
    pub(crate) async fn open(url: &str) -> Self {
        let browser = Browser::start().await.unwrap();
        let client = Client::new();
        let capabilities = json!({
            "goog:chromeOptions": { "binary": browser.program(), "args": browser.arguments() },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let sessions = format!("{}/session", browser.url());
        let opened = command(&client, Method::POST, &sessions, &wanted).await.unwrap();
        let session = format!("{sessions}/{}", opened["sessionId"].as_str().unwrap());
        let page = Self { client, session, _browser: browser };
        page.post("url", &json!({ "url": url })).await.unwrap();
        page
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.until(selector, async |element| self.post(&format!("{element}/click"), &json!({})).await).await;
    }

    /// Types in place of what a field holds.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let keys = json!({ "text": format!("{CONTROL}a{RELEASED}{text}") });
        self.until(selector, async |element| self.post(&format!("{element}/value"), &keys).await).await;
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
        let text = async |element: String| {
            command(&self.client, Method::GET, &format!("{}/{element}/text", self.session), &Value::Null)
                .await
        };
        self.until(selector, text).await.as_str().unwrap().to_owned()
    }

    /// Runs the body of a function in the page and returns what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] })).await.unwrap()
    }

    /// What the browser's console got since the last call. This command is chromedriver's own.
    pub(crate) async fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({ "type": "browser" })).await.unwrap();
        entries.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// Ends the browser, and waits until it has written the last of its profile, which then goes.
    pub(crate) async fn close(self) {
        command(&self.client, Method::DELETE, &self.session, &Value::Null).await.unwrap();
    }

    /// Does something with an element as soon as that succeeds.
    async fn until(&self, selector: &str, step: impl AsyncFn(String) -> Result<Value, String>) -> Value {
        let query = json!({ "using": "css selector", "value": selector });
        let mut failure = String::new();
        let done = testbed::until(LIMIT, selector, async || {
            let attempt = async {
                let found = self.post("element", &query).await?;
                step(format!("element/{}", found[ELEMENT].as_str().unwrap_or_default())).await
            };
            attempt.await.inspect_err(|error| failure.clone_from(error)).ok()
        });
        done.await.unwrap_or_else(|error| panic!("{error}: {failure}"))
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        command(&self.client, Method::POST, &format!("{}/{path}", self.session), body).await
    }
}

/// The value that a command answers, or what it complains of.
async fn command(client: &Client, method: Method, url: &str, body: &Value) -> Result<Value, String> {
    let mut request = client.request(method, url);
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    let succeeded = answer.status().is_success();
    let mut answer: Value = answer.json().await.unwrap();
    let value = answer["value"].take();
    if succeeded { Ok(value) } else { Err(value["message"].to_string()) }
}
