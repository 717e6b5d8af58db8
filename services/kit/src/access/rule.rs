//! One route and who may use it.

/// Somebody who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Everybody, with or without a token; the token is not even looked at.
    Anyone,
    /// A person, of whatever role, with what is their own.
    Owner,
    /// An administrator, with what is anyone's.
    Admin,
    /// A vendor, with what is their own.
    Vendor,
    /// Any service of the platform, with what is anyone's.
    Service,
    /// The service of that name alone.
    Named(&'static str),
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    route: &'static str,
    who: &'static [Who],
    owner_parameter: Option<&'static str>,
    hidden: bool,
    aliases: &'static [&'static str],
}

impl Rule {
    /// `route` is a method and the template of a path, such as `GET /orders/{id}`.
    pub const fn new(route: &'static str, who: &'static [Who]) -> Self {
        Self { route, who, owner_parameter: None, hidden: false, aliases: &[] }
    }

    /// The same, where a parameter of the path is the owner's id.
    #[must_use]
    pub const fn owned_by(self, parameter: &'static str) -> Self {
        Self { owner_parameter: Some(parameter), ..self }
    }

    /// The same, where what belongs to another user is 404, as if it did not exist, and not 403.
    #[must_use]
    pub const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// The same, for a route that older clients know under other paths too.
    #[must_use]
    pub const fn also_at(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Method and path.
    pub fn route(&self) -> &'static str {
        self.route
    }

    /// The method, in upper case.
    pub fn method(&self) -> &'static str {
        self.route.split_once(' ').map_or("", |(method, _)| method)
    }

    /// The template of the path that the description lists.
    pub fn path(&self) -> &'static str {
        self.route.split_once(' ').map_or("", |(_, path)| path)
    }

    /// Paths under which older clients know the route.
    pub fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }

    /// Every path: the described one, then its aliases.
    pub(super) fn paths(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.path()).chain(self.aliases.iter().copied())
    }

    /// Who may use it.
    pub fn who(&self) -> &'static [Who] {
        self.who
    }

    /// The parameter of the path that is the owner's id.
    pub fn owner_parameter(&self) -> Option<&'static str> {
        self.owner_parameter
    }

    /// Whether what belongs to another user looks as if it did not exist.
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// Whether it is for services alone, without a description and without a way through the gateway.
    pub fn is_internal(&self) -> bool {
        self.path().starts_with("/internal/")
    }

    /// Whether a token is needed.
    pub fn needs_token(&self) -> bool {
        !self.who.contains(&Who::Anyone)
    }

    /// Whether somebody with a valid token gets 403.
    pub(crate) fn forbids(&self) -> bool {
        let everyone = self.who.contains(&Who::Owner) && self.who.contains(&Who::Service);
        let of_others = self.who.contains(&Who::Owner) && self.path().contains('{') && !self.hidden;
        self.needs_token() && (!everyone || of_others)
    }

    /// Who may, as a sentence for the description.
    pub(crate) fn sentence(&self) -> String {
        let names: Vec<String> = self.who.iter().map(|who| who.plural()).collect();
        match names.as_slice() {
            [] => "For nobody.".to_owned(),
            [one] => format!("For {one}."),
            [first @ .., last] => format!("For {} and {last}.", first.join(", ")),
        }
    }
}

impl Who {
    /// As it stands in a description's `x-access`.
    pub fn name(self) -> String {
        match self {
            Self::Anyone => "anyone".to_owned(),
            Self::Owner => "owner".to_owned(),
            Self::Admin => "admin".to_owned(),
            Self::Vendor => "vendor".to_owned(),
            Self::Service => "service".to_owned(),
            Self::Named(name) => topology::service_subject(name),
        }
    }

    fn plural(self) -> String {
        match self {
            Self::Anyone => "anyone".to_owned(),
            Self::Owner => "the user concerned".to_owned(),
            Self::Admin => "admins".to_owned(),
            Self::Vendor => "vendors, with what is their own".to_owned(),
            Self::Service => "services".to_owned(),
            Self::Named(name) => format!("the service `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_who_may_in_words() {
        let rule = Rule::new("GET /orders/{id}", &[Who::Owner, Who::Admin, Who::Named("payment")]);
        assert_eq!((rule.method(), rule.path()), ("GET", "/orders/{id}"));
        assert_eq!(rule.sentence(), "For the user concerned, admins and the service `payment`.");
        assert_eq!(Rule::new("POST /login", &[Who::Anyone]).sentence(), "For anyone.");
    }

    #[test]
    fn it_is_known_whether_a_valid_token_can_be_refused() {
        let forbids = |route, who| Rule::new(route, who).forbids();
        assert!(!forbids("POST /login", &[Who::Anyone]));
        assert!(!forbids("POST /orders", &[Who::Owner, Who::Service]));
        assert!(forbids("GET /orders", &[Who::Owner, Who::Admin]), "a service");
        assert!(forbids("GET /orders/{id}", &[Who::Owner, Who::Service]), "another user");
        assert!(!Rule::new("GET /orders/{id}", &[Who::Owner, Who::Service]).hidden().forbids());
        assert!(forbids("GET /audit", &[Who::Admin]));
    }
}
