//! What every service must do alike. [`standard_suite!`](crate::standard_suite) makes a test of each function here.

use std::time::Duration;

use http::Method;
use kit::Service;
use kit::access::{Rule, Who};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::caller::{Caller, jane, john};
use crate::service::{Setup, TestService};

/// The longest that anything may take that does not happen at once.
const SOON: Duration = Duration::from_secs(20);

/// How the routes of a service are asked so that they succeed.
pub trait Samples {
    /// The service.
    type Service: Service;

    /// Routes that do not read a JSON body as others do, because a standard or an older document says otherwise.
    const READS_BODIES_ITS_OWN_WAY: &'static [&'static str] = &[];

    /// Routes that succeed only with another service at hand: whoever may use them is not refused, and no more.
    const NEEDS_OTHERS: &'static [&'static str] = &[];

    /// How it is started.
    fn setup() -> impl Future<Output = Setup<Self::Service>> {
        std::future::ready(Setup::default())
    }

    /// A request to `route` (`GET /orders/{id}`) about what is [`jane`]'s, which whoever may use the route makes with
    /// success. Makes what it needs, anew each time.
    fn sample(service: &TestService, route: &'static str) -> impl Future<Output = Sample>;
}

/// A request that succeeds.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its path, with a query where one is needed.
    pub path: String,
    /// Its body, where the route takes one.
    pub body: Option<Value>,
}

impl Sample {
    /// A request without a body.
    pub fn get(path: impl Into<String>) -> Self {
        Self { path: path.into(), body: None }
    }

    /// A request with a JSON body.
    pub fn with(path: impl Into<String>, body: Value) -> Self {
        Self { path: path.into(), body: Some(body) }
    }
}

/// Makes a test of everything that each service must do: `testing::standard_suite!(crate::Samples)`.
#[macro_export]
macro_rules! standard_suite {
    ($samples:ty) => {
        $crate::standard_suite! {
            $samples:
            the_standard_routes_answer_without_a_token,
            what_is_not_there_is_a_problem_too,
            without_a_valid_token_there_is_nothing,
            every_route_answers_every_caller_as_its_rule_says,
            who_may_not_learns_nothing_about_the_request,
            bodies_that_cannot_be_read_are_refused,
            lists_refuse_what_they_cannot_continue,
            every_operation_has_a_name_of_its_own,
        }
    };
    ($samples:ty: $($test:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $test() {
                $crate::suite::$test::<$samples>().await;
            }
        )+
    };
}

/// Probes and Prometheus need no token, and `/openapi.json` is the description.
pub async fn the_standard_routes_answer_without_a_token<S: Samples>() {
    let mut service = start::<S>().await;
    service.run_tasks();
    for health in [service.get(Caller::Nobody, "/health").await, service.probe("/health").await] {
        assert_eq!(health.expect(200), json!({ "status": "ok" }));
    }
    for metrics in [service.get(Caller::Nobody, "/metrics").await, service.probe("/metrics").await] {
        assert_eq!(metrics.status, 200);
        assert!(metrics.text.contains("http_request_duration_seconds"), "{}", metrics.text);
    }
    let ready = testbed::until(SOON, "the service is ready", async || {
        (service.probe("/ready").await.status == 200).then_some(())
    });
    ready.await.expect("a service with its stores becomes ready");
    assert_eq!(service.probe("/openapi.json").await.expect(200), document::<S>());
}

/// An unknown path is 404 and an unknown method 405, both as problems.
pub async fn what_is_not_there_is_a_problem_too<S: Samples>() {
    let service = start::<S>().await;
    assert_eq!(service.get(Caller::Admin, "/nothing/here").await.problem(404).0, "not_found");
    for path in paths::<S>() {
        let known: Vec<&str> = rules::<S>().filter(|rule| rule.path() == path).map(Rule::method).collect();
        let unknown = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
            .into_iter()
            .find(|method| !known.contains(&method.as_str()))
            .expect("no path knows every method");
        let answer = service.as_(Caller::Admin).send(unknown, &filled(path), None).await;
        assert_eq!(answer.problem(405).0, "method_not_allowed", "{path}");
        let allow = answer.header("allow").unwrap_or_default();
        assert!(known.iter().all(|method| allow.contains(method)), "{path}: {allow}");
    }
}

/// No token, no token of ours and a token for another service are 401.
pub async fn without_a_valid_token_there_is_nothing<S: Samples>() {
    let service = start::<S>().await;
    let elsewhere = service.keys.service_token("order", "elsewhere");
    for rule in rules::<S>().filter(|rule| rule.needs_token()) {
        let nobody = service.client();
        for client in [nobody.clone(), nobody.with_token("x.y.z"), nobody.with_token(&elsewhere)] {
            let answer = client.send(method(rule), &filled(rule.path()), None).await;
            assert_eq!(answer.problem(401).0, "unauthorized", "{}", rule.route());
        }
    }
}

/// Every route × the owner, another user, a vendor, an admin, each service, nobody.
pub async fn every_route_answers_every_caller_as_its_rule_says<S: Samples>() {
    let service = start::<S>().await;
    for rule in rules::<S>() {
        for caller in callers() {
            let sample = S::sample(&service, rule.route()).await;
            let answer = send(&service, caller, rule, &sample).await;
            let place = format!("{} by {caller:?}: {}", rule.route(), answer.text);
            match refusal(rule, caller) {
                None if S::NEEDS_OTHERS.contains(&rule.route()) => {
                    assert!(![401, 403, 404].contains(&answer.status.as_u16()), "{} {place}", answer.status);
                }
                None => assert!(answer.status.is_success(), "{} {place}", answer.status),
                Some(status) => assert_eq!(answer.status.as_u16(), status, "{place}"),
            }
        }
    }
}

/// A refused caller gets the same refusal whatever the rest of the request says.
pub async fn who_may_not_learns_nothing_about_the_request<S: Samples>() {
    let service = start::<S>().await;
    for rule in rules::<S>() {
        for (caller, status) in
            callers().into_iter().filter_map(|caller| Some((caller, refusal(rule, caller)?)))
        {
            let sample = S::sample(&service, rule.route()).await;
            let path = format!(
                "{}{}surprise=1&page=0",
                sample.path,
                if sample.path.contains('?') { '&' } else { '?' }
            );
            let asking = service
                .as_(caller)
                .with_header("idempotency-key", "")
                .with_header("content-type", "application/json");
            for body in ["{", "{\"surprise\":1}"] {
                let answer = asking.send(method(rule), &path, Some(body.to_owned())).await;
                assert_eq!(answer.status.as_u16(), status, "{} by {caller:?}: {}", rule.route(), answer.text);
            }
        }
    }
}

/// Broken JSON, other media types, bodies over the limit and unknown fields are refused by every route with a body.
pub async fn bodies_that_cannot_be_read_are_refused<S: Samples>() {
    let service = start::<S>().await;
    let with_body = described::<S>().filter(|rule| operation::<S>(rule)["requestBody"].is_object());
    for rule in with_body.filter(|rule| !S::READS_BODIES_ITS_OWN_WAY.contains(&rule.route())) {
        let sample = S::sample(&service, rule.route()).await;
        let body = sample.body.clone().unwrap_or_else(|| json!({}));
        let mut with_more = body.clone();
        with_more["surprise"] = json!(1);
        let (json, plain) = ("application/json", "text/plain");
        let large = format!("\"{}\"", "x".repeat(kit::http::MAX_BODY));
        for (kind, body, status) in [
            (json, "{".to_owned(), 400),
            (json, String::new(), 400),
            (json, "[]".to_owned(), 400),
            (json, "null".to_owned(), 400),
            (json, with_more.to_string(), 400),
            (plain, body.to_string(), 415),
            (json, large, 413),
        ] {
            let asking = service.as_(allowed(rule)).with_header("content-type", kind);
            let answer = asking.send(method(rule), &sample.path, Some(body)).await;
            let (code, field) = answer.problem(status);
            if answer.text.contains("surprise") {
                assert_eq!((code.as_str(), field.as_deref()), ("validation", Some("surprise")));
            }
        }
    }
}

/// Every list has the same bounds, the same rule for `cursor` with `page`, and refuses what it does not know.
pub async fn lists_refuse_what_they_cannot_continue<S: Samples>() {
    let service = start::<S>().await;
    for rule in described::<S>().filter(|rule| is_list::<S>(rule)) {
        let path = S::sample(&service, rule.route()).await.path;
        for (query, field, code) in [
            ("page=0", "page", "out_of_range"),
            ("page=-1", "page", "out_of_range"),
            ("page=one", "page", "invalid"),
            ("limit=0", "limit", "out_of_range"),
            ("limit=101", "limit", "out_of_range"),
            ("limit=1e1", "limit", "invalid"),
            ("limit=1&limit=2", "limit", "repeated"),
            ("cursor=", "cursor", "invalid"),
            ("cursor=x", "cursor", "invalid"),
            ("cursor=e30", "cursor", "invalid"),
            ("cursor=WzEsMSwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIl0", "cursor", "invalid"),
            ("cursor=x&page=2", "cursor", "ambiguous"),
            ("surprise=1", "surprise", "unknown_field"),
        ] {
            let answer = service.get(allowed(rule), &format!("{path}?{query}")).await;
            assert_eq!(answer.problem(400).1.as_deref(), Some(field), "{} {query}", rule.route());
            assert_eq!(answer.json()["errors"][0]["code"], code, "{} {query}", rule.route());
        }
        let far = format!("{path}?page={}&limit=100", u32::MAX);
        assert_eq!(service.get(allowed(rule), &far).await.expect(200)["data"], json!([]), "{}", rule.route());
    }
}

/// A generated client names its functions by the operations' ids: a verb and what it is done with.
#[expect(clippy::unused_async, reason = "every check of the suite is run in the same way")]
pub async fn every_operation_has_a_name_of_its_own<S: Samples>() {
    let mut seen = std::collections::HashSet::new();
    for rule in described::<S>() {
        let operation = operation::<S>(rule);
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{} has no id", rule.route()));
        let words = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        assert!(id.contains('_') && id.bytes().all(words), "{id}");
        assert!(seen.insert(id.to_owned()), "{id} is used twice");
    }
}

async fn start<S: Samples>() -> TestService {
    TestService::start_with::<S::Service>(S::setup().await).await
}

fn rules<S: Samples>() -> impl Iterator<Item = &'static Rule> {
    S::Service::access().rules().collect::<Vec<_>>().into_iter()
}

fn described<S: Samples>() -> impl Iterator<Item = &'static Rule> {
    rules::<S>().filter(|rule| !rule.is_internal())
}

fn paths<S: Samples>() -> Vec<&'static str> {
    let mut paths: Vec<&str> = rules::<S>().map(Rule::path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn document<S: Samples>() -> Value {
    serde_json::to_value(S::Service::openapi(Vec::new)).expect("a description can be written")
}

fn operation<S: Samples>(rule: &Rule) -> Value {
    document::<S>()["paths"][rule.path()][rule.method().to_lowercase()].clone()
}

fn is_list<S: Samples>(rule: &Rule) -> bool {
    let operation = operation::<S>(rule);
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    parameters.iter().any(|parameter| parameter["name"] == "cursor")
}

fn method(rule: &Rule) -> Method {
    rule.method().parse().expect("a rule has a method")
}

/// The path with an id that nothing has.
fn filled(template: &str) -> String {
    let segment =
        |part: &str| if part.starts_with('{') { uuid::Uuid::nil().to_string() } else { part.to_owned() };
    template.split('/').map(segment).collect::<Vec<_>>().join("/")
}

async fn send(service: &TestService, caller: Caller, rule: &Rule, sample: &Sample) -> Answer {
    let asking = service.as_(caller);
    match &sample.body {
        Some(body) => asking.json(method(rule), &sample.path, body).await,
        None => asking.send(method(rule), &sample.path, None).await,
    }
}

fn callers() -> Vec<Caller> {
    let people =
        [Caller::Nobody, Caller::User(jane()), Caller::User(john()), Caller::Vendor(john()), Caller::Admin];
    let services = topology::SERVICES.iter().map(|service| Caller::Service(service.name));
    people.into_iter().chain(services).collect()
}

/// Somebody who may use the route, with what is [`jane`]'s.
fn allowed(rule: &Rule) -> Caller {
    match rule.who().first() {
        Some(Who::Owner) => Caller::User(jane()),
        Some(Who::Vendor) => Caller::Vendor(jane()),
        Some(Who::Admin) => Caller::Admin,
        Some(Who::Service) => Caller::Service("order"),
        Some(Who::Named(name)) => Caller::Service(name),
        Some(Who::Projecting(aggregate)) => {
            Caller::Service(aggregate.readers().next().expect("somebody reads it").name)
        }
        Some(Who::Anyone) | None => Caller::Nobody,
    }
}

/// What a caller is refused with; `None` for one who may.
fn refusal(rule: &Rule, caller: Caller) -> Option<u16> {
    let may = |who| rule.who().contains(&who);
    let foreign = || rule.path().contains('{').then_some(if rule.is_hidden() { 404 } else { 403 });
    match caller {
        _ if may(Who::Anyone) => None,
        Caller::Nobody => Some(401),
        Caller::Admin if may(Who::Admin) => None,
        Caller::Service(name) if rule.who().iter().any(|who| who.is_service(name)) => None,
        Caller::User(id) if may(Who::Owner) && id == jane() => None,
        Caller::User(_) | Caller::Admin if may(Who::Owner) => foreign(),
        Caller::Vendor(_) if may(Who::Owner) || may(Who::Vendor) => foreign(),
        Caller::User(_) | Caller::Vendor(_) | Caller::Admin | Caller::Service(_) => Some(403),
    }
}
