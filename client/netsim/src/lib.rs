//! Models of network links with delay, jitter, loss, bottlenecks and black-outs (regular interruptions), and a table of typical links,
//! [`LINKS`].
//!
//! Both directions of a link have the same numbers, and each draws its own random numbers. The delay in a link's description is the round
//! trip time of an idle link; [`Link::delay_ms`] is one way.
//!
//! - [`direction`]: the delivery of each packet in one direction. [`seeded_direction`]: a direction with its own seeded random numbers.
//! - [`socket`]: a UDP socket with a link in front of it, for the load tester's bots. `in_flight`: the packets on the way in one
//!   direction of that link.

pub mod direction;
mod in_flight;
pub mod seeded_direction;
pub mod socket;

use serde::Serialize;

/// A network path between a player and the server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Link {
    /// The link's name in the table.
    pub name: &'static str,
    /// The minimum delay of a packet, one way.
    pub delay_ms: f64,
    /// The maximum additional delay of a packet, one way, besides the wait in the bottleneck's queue. The delay of each packet is this
    /// maximum times the square of a uniform random number: half of the packets wait less than a quarter of the maximum, one in ten more
    /// than four fifths.
    pub jitter_ms: f64,
    /// Packet loss.
    pub loss: Loss,
    /// The share of packets that arrive twice.
    pub duplicate: f64,
    /// The share of packets that take a detour, so that others overtake them. A detour takes up to [`Self::jitter_ms`] or
    /// [`Self::MIN_DETOUR_MS`], the longer of the two. All other packets stay in order despite different delays, because a real link is a
    /// queue.
    pub reorder: f64,
    /// The bottleneck; `None` for unlimited bandwidth.
    pub rate: Option<Rate>,
    /// Regular black-outs; `None` for a link without black-outs.
    pub blackout: Option<Blackout>,
}

/// Burst loss: a Gilbert-Elliott model in time, with a good state without loss and a bad state in which nearly all packets are lost,
/// whether one packet is sent or fifty. In a model that counts packets instead, a burst would last for seconds for a slow sender.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Loss {
    /// The long-term share of lost packets.
    pub mean: f64,
    /// The mean duration of the bad state; 0 for independent losses.
    pub burst_ms: f64,
}

/// A bottleneck with a bounded queue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Bytes a second, including IP and UDP headers.
    pub bytes_s: f64,
    /// The maximum wait in the queue. A packet that would wait longer is lost.
    pub queue_ms: f64,
}

/// A regular black-out: all packets sent in it are lost, in both directions, as in tunnels and at changes of radio cells. The black-outs
/// of different players start at different times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Blackout {
    /// The time from the start of one black-out to the next.
    pub every_ms: f64,
    /// The duration of one black-out.
    pub for_ms: f64,
}

impl Link {
    /// The maximum detour on a link with less jitter than this.
    pub const MIN_DETOUR_MS: f64 = 5.0;

    /// The share of packets that are lost in the bad state.
    pub const BAD_LOSS: f64 = 0.9;

    /// Creates a link with only a delay, to which the table's links add further properties. Tests of one property start with it, too.
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

    /// Returns this link with jitter.
    #[must_use]
    pub const fn jitter(self, jitter_ms: f64) -> Self {
        Self { jitter_ms, ..self }
    }

    /// Returns this link with a share of `mean` packets lost, in bursts of `burst_ms` on average, or independently if `burst_ms` is 0.
    #[must_use]
    pub const fn loss(self, mean: f64, burst_ms: f64) -> Self {
        Self { loss: Loss { mean, burst_ms }, ..self }
    }

    /// Returns this link with a bottleneck of `mbit_s` megabits a second and a queue of `queue_ms`.
    #[must_use]
    pub const fn rate(self, mbit_s: f64, queue_ms: f64) -> Self {
        Self { rate: Some(Rate { bytes_s: mbit_s * 125_000.0, queue_ms }), ..self }
    }

    /// Returns the link with this name from the table, if any. For names that users enter.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        LINKS.iter().find(|link| link.name == name).copied()
    }

    /// Returns the link with this name from the table. For names in code.
    ///
    /// # Panics
    /// When no link has this name; the message lists all names.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let names = || LINKS.iter().map(|link| link.name).collect::<Vec<_>>().join(", ");
        Self::find(name).unwrap_or_else(|| panic!("no link is called {name}; the names are {}", names()))
    }
}

/// Typical links of players, from good to bad.
pub const LINKS: &[Link] = &[
    // A player in the server's local network: 1 ms, no loss.
    Link::round_trip("lan", 1.0),
    // Fibre to the home: 18 ms, hardly any jitter or loss.
    Link::round_trip("fibre", 18.0).jitter(1.0).loss(0.0002, 10.0).rate(100.0, 20.0),
    // One room away from the access point: the radio retransmits frames, which shows as jitter instead of loss.
    Link::round_trip("wifi", 25.0).jitter(8.0).loss(0.003, 20.0).rate(40.0, 60.0),
    // Wi-Fi on a channel that many networks use: 40 ms, 20 ms jitter, 2 % lost.
    Link::round_trip("busy_wifi", 40.0).jitter(20.0).loss(0.02, 30.0).rate(15.0, 120.0),
    // A phone that does not move: the cell's scheduler causes the jitter, and the cell's queues are long.
    Link::round_trip("lte", 60.0).jitter(25.0).loss(0.005, 60.0).rate(10.0, 300.0),
    // A phone on a train: 120 ms, 60 ms jitter, 5 % lost in bursts, and each minute a tunnel or a change of cells of 2 s.
    Link {
        blackout: Some(Blackout { every_ms: 60_000.0, for_ms: 2_000.0 }),
        ..Link::round_trip("train", 120.0).jitter(60.0).loss(0.05, 80.0).rate(4.0, 400.0)
    },
    // Satellite: low orbits have 40 ms and the geostationary one 600; 280 ms is a medium orbit, or a low one whose ground station is on
    // another continent. Changes of satellites cause the bursts.
    Link::round_trip("satellite", 280.0).jitter(30.0).loss(0.01, 100.0).rate(10.0, 200.0),
    // Worse than any playable link: 200 ms, 100 ms jitter, 20 % lost, 2 % duplicated and 5 % reordered.
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
