//! Where a service is probed, and how long it may take to stop.
//!
//! The services keep these times and the operator declares their sum, so that Kubernetes never ends a pod that
//! is still within them.

use std::time::Duration;

/// Port of every pod for probes and Prometheus. Nothing of the public API is served there.
pub const INTERNAL_PORT: u16 = 9090;

/// First step of stopping: `/ready` fails for this long while requests are still accepted. Longer than two
/// readiness probes, so that load balancers have stopped sending before connections are refused.
pub const DRAIN: Duration = Duration::from_secs(5);

/// Second step: connections are refused, and requests in flight may take this long to end.
pub const REQUESTS_END: Duration = Duration::from_secs(30);

/// Third step: background tasks may take this long to finish what they hold.
pub const TASKS_END: Duration = Duration::from_secs(10);

/// For what no step counts: the signal's way to the process, the last log lines, a busy machine.
const RESERVE: Duration = Duration::from_secs(5);

/// After this Kubernetes kills the process (`terminationGracePeriodSeconds`).
pub const GRACE_PERIOD: Duration =
    DRAIN.saturating_add(REQUESTS_END).saturating_add(TASKS_END).saturating_add(RESERVE);

/// Largest request body, in bytes, unless the platform declares another.
pub const MAX_BODY: usize = 1024 * 1024;

/// Open connections of clients to one process, unless its settings say otherwise.
pub const MAX_CLIENT_CONNECTIONS: usize = 8192;

/// Of them, those of one client.
pub const MAX_CONNECTIONS_PER_CLIENT: usize = 512;
