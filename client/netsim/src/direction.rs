//! One way along a link: what becomes of each packet. Pure: it is told the time, and handed its luck.

use std::time::Duration;

use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::{Link, Loss};

#[cfg(test)]
mod tests;

/// What a packet weighs beyond its contents: IPv4 and UDP headers.
const HEADER_BYTES: usize = 28;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives at this time.
    Arrives(Duration),
    /// It arrives at these two times.
    Twice(Duration, Duration),
}

/// One way along a link, and what is going on there.
#[derive(Clone, Debug)]
pub struct Direction {
    link: Link,
    weather: Weather,
    /// When in its period this player's blackout comes, in 0..1.
    phase: f64,
    /// When the bottleneck will have sent all that was handed to it.
    free_ms: f64,
    /// When the last packet that kept its place in the row arrives.
    last_ms: f64,
}

/// Whether a link is bad just now.
#[derive(Clone, Copy, Debug)]
struct Weather {
    is_bad: bool,
    until_ms: f64,
}

impl Direction {
    /// A quiet one. `phase` in 0..1 says when in its period the blackout comes; both directions of a player have the same.
    #[must_use]
    pub fn new(link: Link, phase: f64, now: Duration, rng: &mut Pcg64) -> Self {
        Self { weather: Weather::new(link.loss, ms(now), rng), link, phase, free_ms: 0.0, last_ms: 0.0 }
    }

    /// From `now` on the path is like this. What flies already arrives as it would have.
    pub fn set_link(&mut self, link: Link, now: Duration, rng: &mut Pcg64) {
        self.weather = Weather::new(link.loss, ms(now), rng);
        self.link = link;
    }

    /// Sends a packet of so many bytes.
    pub fn send(&mut self, now: Duration, bytes: usize, rng: &mut Pcg64) -> Fate {
        let now = ms(now);
        let Some(departure) = self.pass_bottleneck(now, bytes) else { return Fate::Lost };
        if self.is_blacked_out(now) || self.weather.takes(self.link.loss, now, rng) {
            return Fate::Lost;
        }
        let first = self.arrival(departure, rng);
        if chance(self.link.duplicate, rng) {
            return Fate::Twice(moment(first), moment(first + self.detour(rng)));
        }
        Fate::Arrives(moment(first))
    }

    /// When the packet has left the bottleneck; `None` when the queue in front of it is full.
    fn pass_bottleneck(&mut self, now: f64, bytes: usize) -> Option<f64> {
        let Some(rate) = self.link.rate else { return Some(now) };
        let begins = self.free_ms.max(now);
        if begins - now > rate.queue_ms {
            return None;
        }
        self.free_ms = begins + (bytes + HEADER_BYTES) as f64 * 1000.0 / rate.bytes_s;
        Some(self.free_ms)
    }

    fn is_blacked_out(&self, now: f64) -> bool {
        self.link.blackout.is_some_and(|blackout| {
            let begins = blackout.every_ms * self.phase;
            now >= begins && (now - begins) % blackout.every_ms < blackout.for_ms
        })
    }

    fn arrival(&mut self, departure: f64, rng: &mut Pcg64) -> f64 {
        let luck: f64 = rng.random();
        let in_order = (departure + self.link.delay_ms + self.link.jitter_ms * luck * luck).max(self.last_ms);
        if chance(self.link.reorder, rng) {
            // Nobody behind it waits for it.
            return in_order + self.detour(rng);
        }
        self.last_ms = in_order;
        in_order
    }

    fn detour(&self, rng: &mut Pcg64) -> f64 {
        self.link.jitter_ms.max(Link::MIN_DETOUR_MS) * rng.random::<f64>()
    }
}

impl Weather {
    /// As likely bad as at any moment of a long time.
    fn new(loss: Loss, now: f64, rng: &mut Pcg64) -> Self {
        let is_bad = chance(bad_share(loss), rng);
        Self { is_bad, until_ms: now }.lasting(loss, rng)
    }

    /// Whether it takes a packet that is sent now.
    fn takes(&mut self, loss: Loss, now: f64, rng: &mut Pcg64) -> bool {
        if loss.burst_ms <= 0.0 {
            return chance(loss.mean, rng);
        }
        while self.until_ms <= now {
            *self = Self { is_bad: !self.is_bad, ..*self }.lasting(loss, rng);
        }
        self.is_bad && chance(Link::BAD_LOSS, rng)
    }

    /// The same with an end: times of either kind are exponential, which is to say that they do not know how long they last already.
    fn lasting(self, loss: Loss, rng: &mut Pcg64) -> Self {
        let bad = bad_share(loss);
        let mean_ms = match (self.is_bad, bad) {
            (true, _) => loss.burst_ms,
            (false, 0.0) => f64::INFINITY,
            (false, bad) => loss.burst_ms * (1.0 - bad) / bad,
        };
        let luck: f64 = rng.random();
        Self { until_ms: self.until_ms - mean_ms * (1.0 - luck).ln(), ..self }
    }
}

/// The share of time in which a link is bad.
fn bad_share(loss: Loss) -> f64 {
    (loss.mean / Link::BAD_LOSS).min(1.0)
}

/// Draws even when the answer is known, so that what else is drawn does not depend on it.
fn chance(share: f64, rng: &mut Pcg64) -> bool {
    rng.random::<f64>() < share
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn moment(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1000.0)
}
