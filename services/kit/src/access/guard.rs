//! The layer that asks the table.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::{RequestExt as _, Router};
use http::request::Parts;
use uuid::Uuid;

use super::{Access, Rule, Who};
use crate::auth::{Identity, Role, Subject, TokenError, Verifier, bearer};
use crate::problem::Problem;

/// Whose things a caller may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only that user's.
    Own(Uuid),
    /// Everyone's.
    All,
}

/// A caller who may use the route. As an extractor it needs no state: the table has let the caller through.
#[derive(Debug, Clone)]
pub struct Caller {
    identity: Arc<Identity>,
    scope: Scope,
    route: &'static str,
}

impl Scope {
    /// The one user whose things are within reach; `None` when everyone's are.
    pub fn owner(self) -> Option<Uuid> {
        match self {
            Self::Own(user_id) => Some(user_id),
            Self::All => None,
        }
    }

    /// Whether what belongs to `owner` is within reach.
    pub fn covers(self, owner: Uuid) -> bool {
        self.owner().is_none_or(|user_id| user_id == owner)
    }
}

impl Caller {
    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Method and template of the route, as the table has it, also where it is called by another name.
    pub fn route(&self) -> &'static str {
        self.route
    }

    /// Whose things it may reach.
    pub fn scope(&self) -> Scope {
        self.scope
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| {
            tracing::error!("a handler asks for a caller on a route that is for anyone");
            Problem::internal()
        })
    }
}

struct Guard {
    access: Access,
    verifier: Verifier,
}

pub(super) fn protect<S>(router: Router<S>, access: Access, verifier: Verifier) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router.route_layer(from_fn_with_state(Arc::new(Guard { access, verifier }), ask))
}

async fn ask(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let Some(rule) = guard.access.rule(request.method(), path) else {
        return Err(without_rule(&guard.access, path));
    };
    if rule.needs_token() {
        let token = bearer(request.headers()).ok_or(TokenError::Malformed)?;
        let identity = guard.verifier.verify(token)?;
        let owner = match rule.owner_parameter() {
            Some(name) => Some(parameter(&mut request, name).await),
            None => None,
        };
        let scope = admit(rule, &identity, owner)?;
        let route = rule.route();
        request.extensions_mut().insert(Caller { identity: Arc::new(identity), scope, route });
    }
    Ok(next.run(request).await)
}

/// Nobody passes: where the path has rules for other methods, it does not know this one.
fn without_rule(access: &Access, path: &str) -> Problem {
    let methods = access.methods(path);
    if methods.is_empty() {
        tracing::error!(http.route = path, "a route has no access rule");
        return Problem::internal();
    }
    Problem::method_not_allowed(&methods)
}

/// The id in the path; `None` when it is none, which is nobody's.
async fn parameter(request: &mut Request, name: &str) -> Option<Uuid> {
    let parameters = request.extract_parts::<RawPathParams>().await.ok()?;
    parameters.iter().find(|(given, _)| *given == name)?.1.parse().ok()
}

/// How far the caller reaches; `owner` is the user in the path, where there is one.
#[expect(
    clippy::option_option,
    reason = "a route without an owner, and a path that names none, are two things"
)]
fn admit(rule: &Rule, identity: &Identity, owner: Option<Option<Uuid>>) -> Result<Scope, Problem> {
    let may = |who| rule.who().contains(&who);
    match (&identity.subject, identity.role) {
        (Subject::Service(name), _) => {
            let meant = rule.who().iter().any(|who| who.is_service(name));
            if meant { Ok(Scope::All) } else { Err(role_refused()) }
        }
        (Subject::User(_), Role::Admin) if may(Who::Admin) => Ok(Scope::All),
        (Subject::User(id), role) => {
            let sells = role == Role::Vendor && may(Who::Vendor);
            if !(may(Who::Owner) || sells) {
                return Err(role_refused());
            }
            match owner {
                Some(owner) if owner != Some(*id) => Err(owner_refused(rule)),
                _ => Ok(Scope::Own(*id)),
            }
        }
    }
}

fn role_refused() -> Problem {
    Problem::forbidden("Your role does not allow this.")
}

fn owner_refused(rule: &Rule) -> Problem {
    if rule.is_hidden() {
        Problem::not_found("There is nothing here that you may see.")
    } else {
        Problem::forbidden("This belongs to another user.")
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::{get, post};
    use chrono::Utc;
    use http::header::AUTHORIZATION;
    use tower::ServiceExt as _;

    use super::*;
    use crate::testing::Keys;

    static RULES: &[Rule] = &[
        Rule::new("GET /open", &[Who::Anyone]),
        Rule::new("POST /things", &[Who::Owner]).also_at(&["/api/things"]),
        Rule::new("GET /things/{user_id}", &[Who::Owner, Who::Admin]).owned_by("user_id").hidden(),
    ];

    fn person(id: Uuid, role: Role) -> Identity {
        let now = Utc::now();
        Identity {
            subject: Subject::User(id),
            role,
            email: None,
            session: None,
            issued_at: now,
            expires_at: now,
        }
    }

    fn service(name: &str) -> Identity {
        Identity { subject: Subject::Service(name.to_owned()), ..person(Uuid::nil(), Role::Service) }
    }

    #[test]
    fn each_caller_reaches_what_the_rule_says() {
        let id = Uuid::from_u128(1);
        let rule = |who| Rule::new("GET /x", who);
        let scope = |who, identity: &Identity| admit(&rule(who), identity, None).ok();
        for role in [Role::Customer, Role::Vendor, Role::Admin] {
            assert_eq!(scope(&[Who::Owner], &person(id, role)), Some(Scope::Own(id)), "{role}");
            let admins = (role == Role::Admin).then_some(Scope::All);
            assert_eq!(scope(&[Who::Admin], &person(id, role)), admins, "{role}");
            let vendors = (role == Role::Vendor).then_some(Scope::Own(id));
            assert_eq!(scope(&[Who::Vendor], &person(id, role)), vendors, "{role}");
            assert_eq!(scope(&[Who::Service, Who::Named("order")], &person(id, role)), None, "{role}");
        }
        assert_eq!(scope(&[Who::Owner, Who::Admin, Who::Vendor], &service("order")), None);
        assert_eq!(scope(&[Who::Service], &service("order")), Some(Scope::All));
        assert_eq!(scope(&[Who::Named("order")], &service("order")), Some(Scope::All));
        assert_eq!(scope(&[Who::Named("payment")], &service("order")), None);
        let projecting = &[Who::Projecting(topology::ORDERS)];
        for caller in topology::SERVICES {
            let all = caller.projects.contains(&topology::ORDERS).then_some(Scope::All);
            assert_eq!(scope(projecting, &service(caller.name)), all, "{}", caller.name);
        }
        assert_eq!(scope(projecting, &service("stranger")), None);
        assert_eq!(scope(projecting, &person(id, Role::Admin)), None);
    }

    #[test]
    fn what_belongs_to_another_user_is_403_or_hidden() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let rule = Rule::new("GET /x/{user_id}", &[Who::Owner, Who::Admin]).owned_by("user_id");
        let status = |rule: &Rule, role, owner| {
            admit(rule, &person(id, role), Some(owner)).map_err(|problem| problem.status().as_u16())
        };
        assert_eq!(status(&rule, Role::Customer, Some(id)), Ok(Scope::Own(id)));
        assert_eq!(status(&rule, Role::Customer, Some(other)), Err(403));
        assert_eq!(status(&rule, Role::Customer, None), Err(403));
        assert_eq!(status(&rule.hidden(), Role::Customer, Some(other)), Err(404));
        assert_eq!(status(&rule, Role::Admin, Some(other)), Ok(Scope::All));
    }

    #[tokio::test]
    async fn a_refused_caller_never_reaches_the_handler() {
        let keys = Keys::generate();
        let reached = async || -> &'static str { panic!("the handler ran") };
        let router = Router::<()>::new()
            .route("/open", get(async || "open"))
            .route("/things", post(async |caller: Caller| caller.scope().owner().unwrap().to_string()))
            .route("/api/things", post(async || "alias"))
            .route("/things/{user_id}", get(async |caller: Caller| format!("{:?}", caller.scope())))
            .route("/forgotten", get(reached));
        let router = Access::new(RULES).protect(router, keys.verifier("order"));
        let user = Uuid::now_v7();
        let (customer, admin) =
            (keys.access_token(user, Role::Customer), keys.access_token(user, Role::Admin));
        for (route, token, status) in [
            ("GET /open", Some("nonsense"), 200),
            ("POST /things", None, 401),
            ("POST /things", Some("nonsense"), 401),
            ("POST /things", Some(customer.as_str()), 200),
            ("POST /api/things", None, 401),
            ("POST /api/things", Some(&customer), 200),
            ("GET /things/7", Some(&customer), 404),
            ("HEAD /things/7", None, 401),
            ("GET /things/7", Some(&admin), 200),
            ("GET /forgotten", Some(&admin), 500),
            ("DELETE /things", None, 405),
            ("GET /nowhere", None, 404),
        ] {
            let (method, path) = route.split_once(' ').unwrap();
            let mut request = Request::builder().method(method).uri(path);
            if let Some(token) = token {
                request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            }
            let method_allowed = status != 405;
            let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{route}");
            assert_eq!(answer.headers().contains_key("allow"), !method_allowed, "{route}");
        }
    }
}
