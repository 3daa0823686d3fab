//! Cubic with a floor. A game sends little and steadily: its window never grows, since it is never the limit, and shrinks at
//! every loss and reordering. Unmended, datagrams then wait for seconds (at 200 ms and 1 % loss, p99 was 6.3 s); with the floor,
//! none waits.

use std::{any::Any, sync::Arc, time::Instant};

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig};

/// The least window, in bytes: a third of a second of the fullest snapshots in flight.
const FLOOR_BYTES: u64 = 32 * 1024;

/// Makes the controllers of new connections.
#[derive(Debug, Default)]
pub struct FlooredCubic(Arc<CubicConfig>);

impl ControllerFactory for FlooredCubic {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Floored(Arc::clone(&self.0).build(now, current_mtu)))
    }
}

/// Any controller, but its window is never under the floor.
struct Floored(Box<dyn Controller>);

impl Controller for Floored {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.0.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        rtt: &quinn_proto::RttEstimator,
    ) {
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
        self.0.window().max(FLOOR_BYTES)
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = self.0.metrics();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self(self.0.clone_box()))
    }

    fn initial_window(&self) -> u64 {
        self.0.initial_window().max(FLOOR_BYTES)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_never_take_the_window_under_the_floor() {
        let start = Instant::now();
        let mut controller = Arc::new(FlooredCubic::default()).build(start, 1200);
        for second in 1..100 {
            let now = start + std::time::Duration::from_secs(second);
            controller.on_congestion_event(now, now, true, 10_000);
        }
        assert_eq!(controller.window(), FLOOR_BYTES);
        assert_eq!(controller.clone_box().window(), FLOOR_BYTES, "a migrated path keeps its floor");
    }
}
