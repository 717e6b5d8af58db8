//! How many requests a caller may make: a token bucket for each address and each user.
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
use uuid::Uuid;

use crate::config::RateLimits;
use crate::routes::Budget;

/// Whom a request is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// A person whose token verified.
    User(Uuid),
    /// Anyone else, by network address.
    Address(IpAddr),
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

/// One budget's buckets.
struct Meter<C: Clock> {
    per_minute: NonZeroU32,
    buckets: Buckets<C>,
}

/// All budgets. Generic only over the clock, so that tests decide what time it is.
pub(crate) struct Limiter<C: Clock = DefaultClock> {
    auth: Meter<C>,
    orders: Meter<C>,
    clock: C,
}

impl<C: Clock + Clone> Limiter<C> {
    /// A limiter with full buckets.
    pub(crate) fn new(limits: &RateLimits, clock: C) -> Self {
        Self {
            auth: Meter::new(limits.auth_per_minute_per_ip, clock.clone()),
            orders: Meter::new(limits.orders_per_minute_per_user, clock.clone()),
            clock,
        }
    }

    /// Counts one request. `None` when nothing is counted: an unlimited route, or a service.
    pub(crate) fn check(&self, budget: Budget, caller: Caller) -> Option<Allowance> {
        let meter = match budget {
            Budget::Auth => &self.auth,
            Budget::Orders => &self.orders,
            Budget::Unlimited => return None,
        };
        let key = match caller {
            Caller::Service => return None,
            Caller::Address(address) => Caller::Address(network(address)),
            Caller::User(_) => caller,
        };
        Some(meter.check(&key, &self.clock))
    }

    /// Forgets callers whose buckets are full again. Without it memory grows with every address seen.
    pub(crate) fn sweep(&self) {
        for meter in [&self.auth, &self.orders] {
            meter.buckets.retain_recent();
            meter.buckets.shrink_to_fit();
        }
    }

    /// Callers remembered at the moment.
    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.auth.buckets.len() + self.orders.buckets.len()
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
