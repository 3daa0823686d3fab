//! One direction of a link: computes the delivery of each packet. Has no clock and no I/O: the time and the random number generator are
//! arguments.

use std::time::Duration;

use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::{Link, Loss};

#[cfg(test)]
mod tests;

/// The size of an IPv4 and a UDP header in bytes, which count towards the bottleneck's rate.
const HEADER_BYTES: usize = 28;

/// The delivery of a packet, with its times of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The packet never arrives.
    Lost,
    /// The packet arrives once.
    Arrives(Duration),
    /// The packet arrives twice; the second time is not before the first.
    Twice(Duration, Duration),
}

/// The state of one direction of a link.
#[derive(Clone, Debug)]
pub struct Direction {
    link: Link,
    loss: LossState,
    /// The time of the first black-out, as a share of 0..1 of the period of black-outs.
    phase: f64,
    /// The time at which the bottleneck will have sent all accepted packets.
    idle_at_ms: f64,
    /// The latest arrival of a packet without a detour.
    last_arrival_ms: f64,
}

/// The state of the Gilbert-Elliott loss model: good or bad, until a time.
#[derive(Clone, Copy, Debug)]
struct LossState {
    is_bad: bool,
    until_ms: f64,
}

impl Direction {
    /// Creates a direction without packets. `phase` is the time of the first black-out as a share of 0..1 of the period of black-outs; it
    /// is the same for both directions of a player.
    #[must_use]
    pub fn new(link: Link, phase: f64, now: Duration, rng: &mut Pcg64) -> Self {
        Self {
            loss: LossState::new(link.loss, ms(now), rng),
            link,
            phase,
            idle_at_ms: 0.0,
            last_arrival_ms: 0.0,
        }
    }

    /// Replaces the link's numbers from `now` on. Packets on the way are not affected.
    pub fn set_link(&mut self, link: Link, now: Duration, rng: &mut Pcg64) {
        self.loss = LossState::new(link.loss, ms(now), rng);
        self.link = link;
    }

    /// Sends a packet with this number of payload bytes. Returns its delivery.
    pub fn send(&mut self, now: Duration, bytes: usize, rng: &mut Pcg64) -> Delivery {
        let now = ms(now);
        let Some(departure) = self.pass_bottleneck(now, bytes) else { return Delivery::Lost };
        if self.is_blacked_out(now) || self.loss.is_lost(self.link.loss, now, rng) {
            return Delivery::Lost;
        }
        let first = self.arrival(departure, rng);
        if chance(self.link.duplicate, rng) {
            return Delivery::Twice(from_ms(first), from_ms(first + self.detour(rng)));
        }
        Delivery::Arrives(from_ms(first))
    }

    /// Returns the time in ms at which the packet leaves the bottleneck; `None` if the packet would wait too long in the queue.
    fn pass_bottleneck(&mut self, now: f64, bytes: usize) -> Option<f64> {
        let Some(rate) = self.link.rate else { return Some(now) };
        let start = self.idle_at_ms.max(now);
        if start - now > rate.queue_ms {
            return None;
        }
        self.idle_at_ms = start + (bytes + HEADER_BYTES) as f64 * 1000.0 / rate.bytes_s;
        Some(self.idle_at_ms)
    }

    fn is_blacked_out(&self, now: f64) -> bool {
        self.link.blackout.is_some_and(|blackout| {
            let first = blackout.every_ms * self.phase;
            now >= first && (now - first) % blackout.every_ms < blackout.for_ms
        })
    }

    /// Returns the time in ms at which a packet arrives that leaves the bottleneck at `departure`.
    fn arrival(&mut self, departure: f64, rng: &mut Pcg64) -> f64 {
        let random: f64 = rng.random();
        let in_order = (departure + self.link.delay_ms + self.link.jitter_ms * random * random)
            .max(self.last_arrival_ms);
        if chance(self.link.reorder, rng) {
            // Later packets do not wait for this one.
            return in_order + self.detour(rng);
        }
        self.last_arrival_ms = in_order;
        in_order
    }

    /// Draws the duration of a detour, in ms.
    fn detour(&self, rng: &mut Pcg64) -> f64 {
        self.link.jitter_ms.max(Link::MIN_DETOUR_MS) * rng.random::<f64>()
    }
}

impl LossState {
    /// Draws a state from the long-term distribution.
    fn new(loss: Loss, now: f64, rng: &mut Pcg64) -> Self {
        let is_bad = chance(bad_share(loss), rng);
        Self { is_bad, until_ms: now }.with_end(loss, rng)
    }

    /// Returns true if a packet that is sent now is lost.
    fn is_lost(&mut self, loss: Loss, now: f64, rng: &mut Pcg64) -> bool {
        if loss.burst_ms <= 0.0 {
            return chance(loss.mean, rng);
        }
        while self.until_ms <= now {
            *self = Self { is_bad: !self.is_bad, ..*self }.with_end(loss, rng);
        }
        self.is_bad && chance(Link::BAD_LOSS, rng)
    }

    /// Returns this state with a drawn end. The durations of both states are exponentially distributed, so the model has no memory beyond
    /// the state.
    fn with_end(self, loss: Loss, rng: &mut Pcg64) -> Self {
        let bad = bad_share(loss);
        let mean_ms = match (self.is_bad, bad) {
            (true, _) => loss.burst_ms,
            (false, 0.0) => f64::INFINITY,
            (false, bad) => loss.burst_ms * (1.0 - bad) / bad,
        };
        let random: f64 = rng.random();
        Self { until_ms: self.until_ms - mean_ms * (1.0 - random).ln(), ..self }
    }
}

/// Returns the long-term share of time in the bad state: the mean loss divided by the loss in the bad state.
fn bad_share(loss: Loss) -> f64 {
    (loss.mean / Link::BAD_LOSS).min(1.0)
}

/// Returns true with the probability `share`. Draws a random number even if the result is certain, so that later draws do not depend on
/// `share`.
fn chance(share: f64, rng: &mut Pcg64) -> bool {
    rng.random::<f64>() < share
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn from_ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1000.0)
}
