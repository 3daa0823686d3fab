//! What a network path is like: a model in numbers, and a table of paths that players have.
//!
//! A link is the same in both directions, and each direction has its own luck. What a name says of delays is the round trip that
//! somebody would measure at a quiet moment; what is stored is one way.
//!
//! - [`direction`]: what becomes of each packet, one way. [`lane`]: the same with luck of its own, from a seed.
//! - [`socket`]: a link laid over a real socket, so that a bot of the load tester plays on it. `pipe` is one way of it with what flies there.

pub mod direction;
pub mod lane;

mod pipe;
pub mod socket;

use serde::Serialize;

/// A network path between a player and the server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Link {
    /// What it is called.
    pub name: &'static str,
    /// The least time that a packet takes, one way.
    pub delay_ms: f64,
    /// The most that a packet takes beyond that, queues aside. Each packet draws a square: half of them wait less than a quarter of
    /// it, one in ten more than four fifths.
    pub jitter_ms: f64,
    /// How packets get lost.
    pub loss: Loss,
    /// The share of packets that arrive twice.
    pub duplicate: f64,
    /// The share of packets that take a detour of up to the jitter (or [`Self::MIN_DETOUR_MS`]), and are overtaken. All others
    /// stay in order however their delays differ, since a real link is a queue.
    pub reorder: f64,
    /// The bottleneck; `None`: wider than anything here.
    pub rate: Option<Rate>,
    /// When nothing gets through; `None`: never.
    pub blackout: Option<Blackout>,
}

/// Losses in bursts, after Gilbert and Elliott, in time: while a link is bad it loses nearly everything that is sent then, be it one
/// packet or fifty. A model that counts packets would let a slow sender sit in one burst for seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Loss {
    /// The share of packets that get lost, over a long time.
    pub mean: f64,
    /// How long a link stays bad, on average; 0: each packet is lost by itself.
    pub burst_ms: f64,
}

/// A bottleneck: packets leave one after the other, and the queue in front of it ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Bytes a second, IP and UDP headers counted.
    pub bytes_s: f64,
    /// How long a packet may have to wait; whatever would wait longer is dropped.
    pub queue_ms: f64,
}

/// A regular silence, both ways: tunnels, and changes of cells. When it begins differs from player to player.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Blackout {
    /// From one's begin to the next one's.
    pub every_ms: f64,
    /// How long one takes.
    pub for_ms: f64,
}

impl Link {
    /// The longest detour where there is no jitter to take it from.
    pub const MIN_DETOUR_MS: f64 = 5.0;

    /// The share of packets that a bad moment costs.
    pub const BAD_LOSS: f64 = 0.9;

    /// Nothing but a delay: what the table's links begin with, and tests of one thing at a time.
    #[must_use]
    pub const fn round_trip(name: &'static str, round_trip_ms: f64) -> Self {
        Self {
            name,
            delay_ms: round_trip_ms / 2.0,
            jitter_ms: 0.0,
            loss: Loss { mean: 0.0, burst_ms: 0.0 },
            duplicate: 0.0,
            reorder: 0.0,
            rate: None,
            blackout: None,
        }
    }

    /// The same with so much jitter.
    #[must_use]
    pub const fn jitter(self, jitter_ms: f64) -> Self {
        Self { jitter_ms, ..self }
    }

    /// The same with this loss, in bursts of `burst_ms` on average or, with 0, packet by packet.
    #[must_use]
    pub const fn loss(self, mean: f64, burst_ms: f64) -> Self {
        Self { loss: Loss { mean, burst_ms }, ..self }
    }

    /// The same with a bottleneck of so many megabits a second.
    #[must_use]
    pub const fn rate(self, mbit_s: f64, queue_ms: f64) -> Self {
        Self { rate: Some(Rate { bytes_s: mbit_s * 125_000.0, queue_ms }), ..self }
    }

    /// The link of this name in the table, for a name that a person gave.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        LINKS.iter().find(|link| link.name == name).copied()
    }

    /// The link of this name, for a name that stands in the code.
    ///
    /// # Panics
    /// When there is none; the message says which there are.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let names = || LINKS.iter().map(|link| link.name).collect::<Vec<_>>().join(", ");
        Self::find(name).unwrap_or_else(|| panic!("no link is called {name}; there are {}", names()))
    }
}

/// The paths that players have, from good to bad.
pub const LINKS: &[Link] = &[
    // The next room: 1 ms, nothing lost.
    Link::round_trip("lan", 1.0),
    // A wire to the house: 18 ms, next to nothing else.
    Link::round_trip("fibre", 18.0).jitter(1.0).loss(0.0002, 10.0).rate(100.0, 20.0),
    // A room away from the access point: frames are sent again by the radio, which shows as jitter rather than as loss.
    Link::round_trip("wifi", 25.0).jitter(8.0).loss(0.003, 20.0).rate(40.0, 60.0),
    // A house full of neighbours: 40 ms, 20 ms jitter, 2 % lost, in the moments when somebody else has the air.
    Link::round_trip("busy_wifi", 40.0).jitter(20.0).loss(0.02, 30.0).rate(15.0, 120.0),
    // A telephone that stands still: the scheduler's grants are the jitter, and its queues are deep.
    Link::round_trip("lte", 60.0).jitter(25.0).loss(0.005, 60.0).rate(10.0, 300.0),
    // A telephone on a train: 120 ms, 60 ms jitter, 5 % lost in bursts, and a tunnel or a change of cells of 2 s each minute.
    Link {
        blackout: Some(Blackout { every_ms: 60_000.0, for_ms: 2_000.0 }),
        ..Link::round_trip("train", 120.0).jitter(60.0).loss(0.05, 80.0).rate(4.0, 400.0)
    },
    // By way of the sky: low orbits are at 40 ms and the geostationary one at 600; 280 ms is a constellation of middle height, or a
    // low one that lands on another continent. A change of satellites is the bursts.
    Link::round_trip("satellite", 280.0).jitter(30.0).loss(0.01, 100.0).rate(10.0, 200.0),
    // Worse than what anybody would play on: 200 ms, 100 ms jitter, 20 % lost, packets that come twice and in any order.
    Link {
        duplicate: 0.02,
        reorder: 0.05,
        ..Link::round_trip("hostile", 200.0).jitter(100.0).loss(0.2, 60.0).rate(2.0, 300.0)
    },
];

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:<12}{:>4.0} ms, {:>3.0} ms jitter, {:>5.2} % lost",
            self.name,
            self.delay_ms * 2.0,
            self.jitter_ms,
            self.loss.mean * 100.0
        )?;
        if self.loss.burst_ms > 0.0 {
            write!(f, " in bursts of {:.0} ms", self.loss.burst_ms)?;
        }
        if let Some(rate) = self.rate {
            write!(f, ", {:.0} Mbit/s", rate.bytes_s / 125_000.0)?;
        }
        if let Some(blackout) = self.blackout {
            write!(
                f,
                ", dark for {:.0} s every {:.0} s",
                blackout.for_ms / 1000.0,
                blackout.every_ms / 1000.0
            )?;
        }
        Ok(())
    }
}
