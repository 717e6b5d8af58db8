//! Which connections are taken.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use super::Limits;
use crate::address::is_public;
use crate::metrics::Refused;

/// Counts the open connections of a service's public listeners, or of its internal one.
#[derive(Debug)]
pub(super) struct Admission {
    connections: usize,
    per_client: usize,
    trusted: Vec<IpNet>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// One open connection; dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Ticket {
    admission: Arc<Admission>,
    client: Option<IpAddr>,
}

impl Admission {
    /// `trusted` are networks of proxies, whose connections are not counted by client.
    pub(super) fn new(limits: &Limits, trusted: Vec<IpNet>) -> Self {
        Self {
            connections: limits.connections,
            per_client: limits.connections_per_client,
            trusted,
            open: Mutex::default(),
        }
    }

    /// Takes a connection from `peer`, if there is room for it.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Ticket, Refused> {
        let client = self.client(peer.to_canonical());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.connections {
            return Err(Refused::Full);
        }
        if let Some(client) = client {
            let count = open.by_client.entry(client).or_default();
            if *count >= self.per_client {
                return Err(Refused::ClientFull);
            }
            *count += 1;
        }
        open.total += 1;
        Ok(Ticket { admission: Arc::clone(self), client })
    }

    /// What a peer is counted as; `None` when many may stand behind it.
    fn client(&self, peer: IpAddr) -> Option<IpAddr> {
        if !is_public(peer) || self.trusted.iter().any(|network| network.contains(&peer)) {
            return None;
        }
        Some(match peer {
            IpAddr::V4(_) => peer,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }

    fn leave(&self, client: Option<IpAddr>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        if let Some(client) = client
            && let Some(count) = open.by_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                open.by_client.remove(&client);
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.leave(self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections: usize, per_client: usize) -> Arc<Admission> {
        let limits = Limits { connections, connections_per_client: per_client, ..Limits::default() };
        Arc::new(Admission::new(&limits, vec!["8.8.4.0/24".parse().unwrap()]))
    }

    /// Takes `count` connections from `peer` and says how many were taken.
    fn taken(admission: &Arc<Admission>, peer: &str, count: usize, kept: &mut Vec<Ticket>) -> usize {
        let before = kept.len();
        kept.extend((0..count).filter_map(|_| admission.admit(peer.parse().unwrap()).ok()));
        kept.len() - before
    }

    #[test]
    fn one_client_cannot_take_every_place() {
        let (admission, mut kept) = (admission(10, 3), Vec::new());
        assert_eq!(taken(&admission, "1.1.1.1", 5, &mut kept), 3);
        assert_eq!(admission.admit("1.1.1.1".parse().unwrap()).unwrap_err(), Refused::ClientFull);
        assert_eq!(taken(&admission, "::ffff:1.1.1.1", 1, &mut kept), 0, "the same client");
        assert_eq!(taken(&admission, "2a00:1::1", 2, &mut kept), 2);
        assert_eq!(taken(&admission, "2a00:1::2", 2, &mut kept), 1, "the same network");
        assert_eq!(taken(&admission, "2a00:1:0:1::1", 1, &mut kept), 1, "another network");
    }

    #[test]
    fn proxies_and_nodes_speak_for_many_clients() {
        for peer in ["10.0.0.1", "192.168.1.1", "127.0.0.1", "100.64.0.1", "fd00::1", "::1", "8.8.4.4"] {
            let (admission, mut kept) = (admission(10, 3), Vec::new());
            assert_eq!(taken(&admission, peer, 20, &mut kept), 10, "{peer}");
            assert_eq!(admission.admit(peer.parse().unwrap()).unwrap_err(), Refused::Full);
        }
    }

    #[test]
    fn a_closed_connection_makes_room_and_is_forgotten() {
        let (admission, mut kept) = (admission(2, 1), Vec::new());
        assert_eq!(taken(&admission, "1.1.1.1", 2, &mut kept), 1);
        kept.clear();
        assert_eq!(taken(&admission, "1.1.1.1", 2, &mut kept), 1);
        kept.clear();
        let open = admission.open.lock().unwrap();
        assert!(open.total == 0 && open.by_client.is_empty());
    }
}
