use std::collections::HashSet;

use governor::clock::FakeRelativeClock;

use super::*;

fn limiter(auth: u32, orders: u32) -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let limits = RateLimits {
        auth_per_minute_per_ip: NonZeroU32::new(auth).unwrap(),
        orders_per_minute_per_user: NonZeroU32::new(orders).unwrap(),
        unknown_per_minute_per_ip: NonZeroU32::MIN,
    };
    (Limiter::new(&limits, clock.clone()), clock)
}

fn address(text: &str) -> Caller {
    Caller::Address(text.parse().unwrap())
}

fn is_refused(allowance: Option<Allowance>) -> bool {
    allowance.unwrap().retry_after.is_some()
}

#[test]
fn the_documented_rates_are_the_default() {
    let limits = RateLimits::default();
    assert_eq!(limits.auth_per_minute_per_ip.get(), 100);
    assert_eq!(limits.orders_per_minute_per_user.get(), 1000);
}

#[test]
fn the_request_after_the_last_allowed_one_is_refused_until_a_share_of_the_minute_has_passed() {
    let (limiter, clock) = limiter(100, 1000);
    for left in (0..100).rev() {
        let allowance = limiter.check(Counted::Auth, address("192.0.2.1")).unwrap();
        assert_eq!((allowance.limit, allowance.remaining, allowance.retry_after), (100, left, None));
    }
    let refused = limiter.check(Counted::Auth, address("192.0.2.1")).unwrap();
    assert_eq!(refused, Allowance { limit: 100, remaining: 0, reset: 60, retry_after: Some(1) });

    clock.advance(Duration::from_millis(600));
    assert!(!is_refused(limiter.check(Counted::Auth, address("192.0.2.1"))));
    assert!(is_refused(limiter.check(Counted::Auth, address("192.0.2.1"))));
}

#[test]
fn waiting_for_retry_after_is_enough() {
    let (limiter, clock) = limiter(7, 7);
    while !is_refused(limiter.check(Counted::Auth, address("192.0.2.1"))) {}
    let wait = limiter.check(Counted::Auth, address("192.0.2.1")).unwrap().retry_after.unwrap();
    assert_eq!(wait, 9);
    clock.advance(Duration::from_secs(wait));
    assert!(!is_refused(limiter.check(Counted::Auth, address("192.0.2.1"))));
}

#[test]
fn callers_and_budgets_are_counted_apart() {
    let (limiter, _) = limiter(1, 1);
    let jane = Caller::User(Uuid::from_u128(1));
    let john = Caller::User(Uuid::from_u128(2));
    let mut refused = HashSet::new();
    for (name, budget, caller) in [
        ("jane", Counted::Orders, jane),
        ("john", Counted::Orders, john),
        ("address", Counted::Orders, address("192.0.2.1")),
        ("sign-in", Counted::Auth, address("192.0.2.1")),
        ("unknown", Counted::Unknown, address("192.0.2.1")),
    ] {
        assert!(!is_refused(limiter.check(budget, caller)), "{name}");
        if is_refused(limiter.check(budget, caller)) {
            refused.insert(name);
        }
    }
    assert_eq!(refused.len(), 5);
}

#[test]
fn services_and_unlimited_routes_are_not_counted() {
    let (limiter, _) = limiter(1, 1);
    for _ in 0..10 {
        assert_eq!(limiter.check(Counted::Orders, Caller::Service), None);
    }
    assert_eq!(limiter.remembered(), 0);
    assert_eq!(Counted::of(Budget::Unlimited), None);
}

#[test]
fn an_address_of_many_clients_counts_as_many_and_not_against_a_single_one() {
    let (limiter, clock) = limiter(3, 1);
    let gate: IpAddr = "10.42.0.1".parse().unwrap();
    for _ in 0..3 * SHARED.get() {
        assert!(!is_refused(limiter.check(Counted::Auth, Caller::Shared(gate))));
    }
    assert!(is_refused(limiter.check(Counted::Auth, Caller::Shared(gate))));
    assert!(!is_refused(limiter.check(Counted::Auth, Caller::Address(gate))), "another bucket");
    clock.advance(Duration::from_mins(2));
    limiter.sweep();
    assert_eq!(limiter.remembered(), 0);
}

#[test]
fn an_ipv6_subscriber_and_a_mapped_ipv4_address_each_count_as_one() {
    let (limiter, _) = limiter(1, 1);
    assert!(!is_refused(limiter.check(Counted::Auth, address("2001:db8::1"))));
    assert!(is_refused(limiter.check(Counted::Auth, address("2001:db8::ffff:1"))));
    assert!(!is_refused(limiter.check(Counted::Auth, address("2001:db8:0:1::1"))));
    assert!(!is_refused(limiter.check(Counted::Auth, address("192.0.2.1"))));
    assert!(is_refused(limiter.check(Counted::Auth, address("::ffff:192.0.2.1"))));
}

#[test]
fn sweeping_forgets_those_who_have_recovered_and_only_those() {
    let (limiter, clock) = limiter(60, 60);
    limiter.check(Counted::Auth, address("192.0.2.1"));
    clock.advance(Duration::from_secs(61));
    for _ in 0..60 {
        limiter.check(Counted::Auth, address("192.0.2.2"));
    }
    limiter.sweep();
    assert_eq!(limiter.remembered(), 1);
    assert!(is_refused(limiter.check(Counted::Auth, address("192.0.2.2"))));
}
