//! How many requests a caller may make: a token bucket for each address and each user.
//!
//! An address that may be many clients' gets [`CLIENTS_PER_UNDECLARED_ADDRESS`](SHARED) times as much: enough for a shop behind a proxy that nobody
//! declared, and still an end to a flood.
//!
//! Counts are kept by each gateway process for itself; with n replicas a caller spread evenly over them
//! gets at most n times the declared rate.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use topology::Budget;
use uuid::Uuid;

use crate::config::{CLIENTS_PER_UNDECLARED_ADDRESS as SHARED, RateLimits};

/// What requests are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Accounts, sign-in, tokens.
    Auth,
    /// Orders and carts.
    Orders,
    /// Paths that lead nowhere: whoever looks for what is not there is looking for a hole.
    Unknown,
}

impl Counted {
    /// `None` for a budget without an end.
    pub(crate) fn of(budget: Budget) -> Option<Self> {
        match budget {
            Budget::Auth => Some(Self::Auth),
            Budget::Orders => Some(Self::Orders),
            Budget::Unlimited => None,
        }
    }
}

/// Whom a request is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// A person whose token verified.
    User(Uuid),
    /// Anyone else, by network address.
    Address(IpAddr),
    /// Everyone whose requests come from this address, because nobody said whose it is.
    Shared(IpAddr),
    /// Another service of the platform: never counted.
    Service,
}

/// What is left after a request, for the `RateLimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Requests a minute.
    pub(crate) limit: u32,
    /// Requests that would still be let through at once.
    pub(crate) remaining: u32,
    /// Whole seconds until everything is available again.
    pub(crate) reset: u64,
    /// Whole seconds until the next request is let through; `None` when this one was.
    pub(crate) retry_after: Option<u64>,
}

type Buckets<C> = RateLimiter<Caller, DashMapStateStore<Caller>, C, StateInformationMiddleware>;

/// Buckets of one size.
struct Meter<C: Clock> {
    per_minute: NonZeroU32,
    buckets: Buckets<C>,
}

/// The buckets of single clients, and of addresses that may be many clients'.
struct Meters<C: Clock> {
    single: Meter<C>,
    shared: Meter<C>,
}

/// Everything that is counted. Generic only over the clock, so that tests decide what time it is.
pub(crate) struct Limiter<C: Clock = DefaultClock> {
    auth: Meters<C>,
    orders: Meters<C>,
    unknown: Meters<C>,
    clock: C,
}

impl<C: Clock + Clone> Limiter<C> {
    /// A limiter with full buckets.
    pub(crate) fn new(limits: &RateLimits, clock: C) -> Self {
        let meters = |per_minute: NonZeroU32| Meters {
            single: Meter::new(per_minute, clock.clone()),
            shared: Meter::new(per_minute.saturating_mul(SHARED), clock.clone()),
        };
        Self {
            auth: meters(limits.auth_per_minute_per_ip),
            orders: meters(limits.orders_per_minute_per_user),
            unknown: meters(limits.unknown_per_minute_per_ip),
            clock,
        }
    }

    /// Counts one request. `None` for a service, which is not counted.
    pub(crate) fn check(&self, counted: Counted, caller: Caller) -> Option<Allowance> {
        let Meters { single, shared } = match counted {
            Counted::Auth => &self.auth,
            Counted::Orders => &self.orders,
            Counted::Unknown => &self.unknown,
        };
        let (meter, key) = match caller {
            Caller::Service => return None,
            Caller::Shared(address) => (shared, Caller::Shared(network(address))),
            Caller::Address(address) => (single, Caller::Address(network(address))),
            Caller::User(_) => (single, caller),
        };
        Some(meter.check(&key, &self.clock))
    }

    /// Forgets callers whose buckets are full again. Without it memory grows with every address seen.
    pub(crate) fn sweep(&self) {
        for meter in self.meters() {
            meter.buckets.retain_recent();
            meter.buckets.shrink_to_fit();
        }
    }

    fn meters(&self) -> impl Iterator<Item = &Meter<C>> {
        let all = [&self.auth, &self.orders, &self.unknown];
        all.into_iter().flat_map(|meters| [&meters.single, &meters.shared])
    }

    /// Callers remembered at the moment.
    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.meters().map(|meter| meter.buckets.len()).sum()
    }
}

impl<C: Clock> Meter<C> {
    fn new(per_minute: NonZeroU32, clock: C) -> Self {
        let quota = Quota::per_minute(per_minute);
        let buckets = RateLimiter::dashmap_with_clock(quota, clock).with_middleware();
        Self { per_minute, buckets }
    }

    fn check(&self, key: &Caller, clock: &C) -> Allowance {
        match self.buckets.check_key(key) {
            Ok(state) => self.allowance(state.remaining_burst_capacity(), None),
            Err(refused) => {
                let wait = refused.wait_time_from(clock.now());
                self.allowance(0, Some(whole_seconds(wait).max(1)))
            }
        }
    }

    fn allowance(&self, remaining: u32, retry_after: Option<u64>) -> Allowance {
        let limit = self.per_minute.get();
        let missing = limit.saturating_sub(remaining);
        let reset = Duration::from_mins(1).saturating_mul(missing) / limit;
        Allowance { limit, remaining, reset: whole_seconds(reset), retry_after }
    }
}

/// Rounded up: a caller who waits that long is let through.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// One subscriber's network. A subscriber holds a /64 of IPv6 and could otherwise use a new address each time.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
    }
}

#[cfg(test)]
mod tests;
