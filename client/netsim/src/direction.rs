//! One direction of a link: the delivery of each packet. Pure: the time and the random number generator are arguments.

use std::time::Duration;

use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::{Link, Loss};

#[cfg(test)]
mod tests;

/// The size of IPv4 and UDP headers, which count towards the bottleneck's rate.
const HEADER_BYTES: usize = 28;

/// The delivery of a packet. Times are those of its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The packet never arrives.
    Lost,
    /// The packet arrives once.
    Arrives(Duration),
    /// The packet arrives twice.
    Twice(Duration, Duration),
}

/// The state of one direction of a link.
#[derive(Clone, Debug)]
pub struct Direction {
    link: Link,
    loss: LossState,
    /// The start of the player's black-out in its period, as a share of 0..1.
    phase: f64,
    /// The time at which the bottleneck will have sent all packets so far.
    idle_at_ms: f64,
    /// The arrival of the last packet that stayed in order.
    last_arrival_ms: f64,
}

/// The Gilbert-Elliott state of a link: good or bad, until a time.
#[derive(Clone, Copy, Debug)]
struct LossState {
    is_bad: bool,
    until_ms: f64,
}

impl Direction {
    /// A direction without packets. `phase`, a share of 0..1, is the start of the black-out in its period, the same for both directions of
    /// a player.
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

    /// Changes the link from `now` on. Packets on the way are not affected.
    pub fn set_link(&mut self, link: Link, now: Duration, rng: &mut Pcg64) {
        self.loss = LossState::new(link.loss, ms(now), rng);
        self.link = link;
    }

    /// Sends a packet of this size.
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

    /// The time at which the packet leaves the bottleneck; `None` if its queue is full.
    fn pass_bottleneck(&mut self, now: f64, bytes: usize) -> Option<f64> {
        let Some(rate) = self.link.rate else { return Some(now) };
        let begins = self.idle_at_ms.max(now);
        if begins - now > rate.queue_ms {
            return None;
        }
        self.idle_at_ms = begins + (bytes + HEADER_BYTES) as f64 * 1000.0 / rate.bytes_s;
        Some(self.idle_at_ms)
    }

    fn is_blacked_out(&self, now: f64) -> bool {
        self.link.blackout.is_some_and(|blackout| {
            let begins = blackout.every_ms * self.phase;
            now >= begins && (now - begins) % blackout.every_ms < blackout.for_ms
        })
    }

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

    fn detour(&self, rng: &mut Pcg64) -> f64 {
        self.link.jitter_ms.max(Link::MIN_DETOUR_MS) * rng.random::<f64>()
    }
}

impl LossState {
    /// A state drawn from the long-term distribution.
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

    /// This state with a drawn end. The durations of both states are exponentially distributed, so they are memoryless.
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

/// The share of time in the bad state.
fn bad_share(loss: Loss) -> f64 {
    (loss.mean / Link::BAD_LOSS).min(1.0)
}

/// Draws a random number even if the answer is certain, so that later draws do not depend on the share.
fn chance(share: f64, rng: &mut Pcg64) -> bool {
    rng.random::<f64>() < share
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn from_ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1000.0)
}
