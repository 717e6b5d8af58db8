//! How much a listener grants its clients.

use std::time::Duration;

/// What a listener grants its clients. The times are measured only while the client is the one that is waited for:
/// a slow handler is cut by [`crate::http::TIMEOUT`], a slow network never as long as something arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From a request's first byte to the end of its head; for a connection's first request, from the connection on.
    pub head: Duration,
    /// What the body must keep up with.
    pub body: BodyLimits,
    /// Longest time in which a client takes no byte of an answer that waits for it.
    pub answer: Duration,
    /// Longest rest between two requests of one connection. Longer than callers keep theirs
    /// ([`crate::client::KEPT_AT_REST`]), so that they do not send into one that is just being closed.
    pub idle: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Open connections.
    pub connections: usize,
    /// Open connections of one client: a public IPv4 address, or a public IPv6 network of 64 bits, which is what one
    /// subscriber has (RFC 6177). Not counted for private addresses, behind which proxies and nodes speak for
    /// many, nor for trusted proxies.
    pub connections_per_client: usize,
}

/// What the body of a request must keep up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Longest silence; also the head start that the rate is measured with.
    pub silence: Duration,
    /// Bytes a second that a client sends at least, measured over the time in which it was waited for.
    pub bytes_per_second: u32,
}

impl Default for Limits {
    /// For clients on the Internet: whoever stops sending or reading is gone within 15 s.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: BodyLimits { silence: Duration::from_secs(12), bytes_per_second: 1024 },
            answer: Duration::from_secs(12),
            idle: Duration::from_secs(75),
            head_bytes: 32 * 1024,
            connections: topology::MAX_CLIENT_CONNECTIONS,
            connections_per_client: topology::MAX_CONNECTIONS_PER_CLIENT,
        }
    }
}

impl Limits {
    /// For probes and Prometheus, which need few connections and must not depend on what clients leave of the others.
    pub(super) fn internal() -> Self {
        Self { connections: 256, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_stops_sending_or_reading_is_cut_within_15_seconds() {
        let limits = Limits::default();
        for limit in [limits.head, limits.body.silence, limits.answer] {
            // With 2 s for a busy machine.
            assert!(limit <= Duration::from_secs(13), "{limit:?}");
        }
    }

    #[test]
    fn a_caller_gives_up_a_resting_connection_before_the_service_does() {
        assert!(Limits::default().idle >= crate::client::KEPT_AT_REST + Duration::from_secs(10));
    }
}
