//! Connections of clients, by listener.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Registry;

/// Why a connection was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There were as many as the process takes.
    Full,
    /// The client had as many as one may have.
    ClientFull,
    /// The system had no descriptor or memory for it; counted by attempt.
    System,
}

/// What a client let wait too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The head of its request.
    Head,
    /// The body of its request.
    Body,
    /// The answer, which it did not take.
    Answer,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Open {
    listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    listener: &'static str,
    reason: &'static str,
}

/// `http_connections_open`, `http_connections_refused_total`, `http_connections_cut_total`.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    open: Family<Open, Gauge>,
    refused: Family<Ended, Counter>,
    cut: Family<Ended, Counter>,
}

/// [`Connections`] of one listener.
#[derive(Debug, Clone)]
pub(crate) struct ListenerMetrics {
    connections: Connections,
    listener: &'static str,
}

impl Connections {
    pub(crate) fn new(registry: &Registry) -> Self {
        let (open, refused, cut) = (Family::default(), Family::default(), Family::default());
        Self {
            open: registry.register("http_connections_open", "Open connections", open),
            refused: registry.register(
                "http_connections_refused",
                "Connections that were not taken",
                refused,
            ),
            cut: registry.register("http_connections_cut", "Clients that let the service wait too long", cut),
        }
    }

    /// `listener` is `public` or `internal`.
    pub(crate) fn of(&self, listener: &'static str) -> ListenerMetrics {
        ListenerMetrics { connections: self.clone(), listener }
    }
}

impl ListenerMetrics {
    pub(crate) fn opened(&self) {
        self.connections.open.get_or_create(&Open { listener: self.listener }).inc();
    }

    pub(crate) fn closed(&self) {
        self.connections.open.get_or_create(&Open { listener: self.listener }).dec();
    }

    pub(crate) fn refused(&self, reason: Refused) {
        let reason = match reason {
            Refused::Full => "full",
            Refused::ClientFull => "client_full",
            Refused::System => "system",
        };
        self.connections.refused.get_or_create(&Ended { listener: self.listener, reason }).inc();
    }

    pub(crate) fn cut(&self, reason: Cut) {
        let reason = match reason {
            Cut::Head => "head",
            Cut::Body => "body",
            Cut::Answer => "answer",
        };
        self.connections.cut.get_or_create(&Ended { listener: self.listener, reason }).inc();
    }
}
