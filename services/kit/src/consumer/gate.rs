//! Pausing a consumer while something that every message needs is unavailable.

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Mutex, MutexGuard, watch};

use super::rules;

/// A message that is refused this often although others succeeded in between has a trouble of its own.
const OWN_TROUBLE: u32 = 3;

/// Open, each message is handled when it comes. The first one that hears "not now" closes the gate: then
/// messages are tried one at a time, each in its turn, with growing pauses, until one is answered.
pub(super) struct Gate {
    state: watch::Sender<State>,
    /// Held by the message that is tried while the gate is closed. Fair, so that they take turns.
    probe: Mutex<()>,
    paused: Gauge,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    closed: bool,
    /// Probes that found nothing available, in a row.
    refusals: u32,
    /// How often the gate was opened again.
    openings: u64,
}

/// One message at the gate.
pub(super) struct Turn<'gate> {
    gate: &'gate Gate,
    probe: Option<MutexGuard<'gate, ()>>,
    /// The openings seen when this message was refused last.
    refused_at: Option<u64>,
    /// Refusals although another message had opened the gate since the one before.
    own: u32,
}

impl Gate {
    /// An open gate; `paused` shows 1 while it is closed.
    pub(super) fn new(paused: Gauge) -> Self {
        paused.set(0);
        Self { state: watch::Sender::default(), probe: Mutex::new(()), paused }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.borrow().closed
    }

    /// Waits until the gate is open.
    pub(super) async fn opened(&self) {
        // The sender is ours, so it cannot have gone.
        let _ = self.state.subscribe().wait_for(|state| !state.closed).await;
    }

    /// A message that arrives.
    pub(super) fn arrive(&self) -> Turn<'_> {
        Turn { gate: self, probe: None, refused_at: None, own: 0 }
    }
}

impl Turn<'_> {
    /// Waits until the message may be tried: at once while the gate is open, else when it is its turn to probe.
    pub(super) async fn comes(&mut self) {
        if !self.gate.is_closed() {
            return;
        }
        let probe = tokio::select! {
            biased;
            () = self.gate.opened() => return,
            probe = self.gate.probe.lock() => probe,
        };
        let refusals = self.gate.state.borrow().refusals;
        tokio::select! {
            biased;
            () = self.gate.opened() => return,
            () = tokio::time::sleep(rules::probe_pause(refusals)) => {}
        }
        self.probe = Some(probe);
    }

    /// The message was answered, however; a probe opens the gate.
    pub(super) fn answered(&mut self) {
        if self.probe.take().is_some() {
            self.open();
        }
    }

    /// The message heard "not now". True when that is its own trouble, because others succeed meanwhile; then
    /// the gate is open, and waiting here would only hold them up.
    pub(super) fn refused(&mut self) -> bool {
        let openings = self.gate.state.borrow().openings;
        self.own += u32::from(self.refused_at.is_some_and(|last| last != openings));
        self.refused_at = Some(openings);
        let probing = self.probe.take().is_some();
        if self.own >= OWN_TROUBLE {
            if probing {
                self.open();
            }
            return true;
        }
        self.gate.state.send_modify(|state| {
            state.refusals = if state.closed { state.refusals + u32::from(probing) } else { 0 };
            state.closed = true;
        });
        self.gate.paused.set(1);
        false
    }

    fn open(&self) {
        self.gate.state.send_modify(|state| {
            *state = State { closed: false, refusals: 0, openings: state.openings + 1 };
        });
        self.gate.paused.set(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn gate() -> Arc<Gate> {
        Arc::new(Gate::new(Gauge::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_gate_holds_nobody_up() {
        let started = Instant::now();
        gate().arrive().comes().await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn while_closed_one_message_is_tried_at_a_time_and_its_success_frees_all() {
        let gate = gate();
        let (available, tries) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let message = |gate: Arc<Gate>, available: Arc<AtomicBool>, tries: Arc<AtomicU32>| async move {
            let mut turn = gate.arrive();
            loop {
                turn.comes().await;
                tries.fetch_add(1, Ordering::SeqCst);
                if available.load(Ordering::SeqCst) {
                    return turn.answered();
                }
                assert!(!turn.refused(), "nobody else succeeded");
            }
        };
        let messages: Vec<_> =
            (0..10).map(|_| tokio::spawn(message(gate.clone(), available.clone(), tries.clone()))).collect();
        tokio::time::sleep(Duration::from_mins(1)).await;
        // The first one closes the gate; then after 250 ms, 500 ms, 1 s, 2 s and every 3 s.
        let probes = tries.load(Ordering::SeqCst);
        assert!((15..=30).contains(&probes), "{probes} probes in a minute");
        assert!(gate.is_closed());

        available.store(true, Ordering::SeqCst);
        let before = Instant::now();
        for message in messages {
            message.await.unwrap();
        }
        assert!(before.elapsed() <= Duration::from_secs(3), "all went on with the first success");
        assert!(!gate.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_alone_hears_not_now_does_not_hold_up_the_others() {
        let gate = gate();
        let mut odd = gate.arrive();
        let mut given_back = false;
        for _ in 0..=OWN_TROUBLE {
            odd.comes().await;
            given_back = odd.refused();
            if given_back {
                break;
            }
            let mut other = gate.arrive();
            other.comes().await;
            other.answered();
            assert!(!gate.is_closed());
        }
        assert!(given_back);
        assert!(!gate.is_closed());
    }
}
