//! Every number that the server counts, and its rendering for Prometheus.
//!
//! Handles are made once and are atomics: counting costs nanoseconds, takes no lock and allocates nothing.
//! Labels come from closed sets, never from a peer: a metric whose labels a stranger chooses is a memory leak that
//! the stranger holds the tap of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::journals::JournalMetrics;
use super::longest::{LongestTick, LongestTickCollector};
use super::process::ProcessCollector;
use super::results::ResultCounts;

/// Upper ends of the tick duration's buckets, in seconds: 50 us to 30 ticks at 30 Hz.
///
/// Neighbours differ by at most 5:3, so a quantile read from them is off by no more than that.
pub const TICK_BUCKETS_S: [f64; 29] = [
    50e-6, 75e-6, 100e-6, 150e-6, 200e-6, 300e-6, 400e-6, 600e-6, 800e-6, 1.2e-3, 1.6e-3, 2.4e-3, 3.2e-3,
    4.8e-3, 6.4e-3, 8e-3, 10e-3, 13e-3, 16.7e-3, 22e-3, 33.3e-3, 50e-3, 66.7e-3, 100e-3, 150e-3, 250e-3,
    400e-3, 650e-3, 1.0,
];

/// The server's numbers.
pub struct Metrics {
    /// Sessions that live.
    pub sessions: Gauge,
    /// Rooms that tick.
    pub rooms: Gauge,
    /// Seats held by people.
    pub players: Gauge,
    /// Seats held by bots.
    pub bots: Gauge,
    /// Seats held for people whose connection was lost; they are among [`Self::players`].
    pub seats_held: Gauge,
    /// Seats taken by people.
    pub joins: Counter,
    /// Ticks that took longer than their period.
    pub overruns: Counter,
    /// Ticks that were let go because a room had fallen too far behind.
    pub slips: Counter,
    /// Ticks for which a seat had no input.
    pub starved: Counter,
    /// Rooms that ended because their game panicked.
    pub room_panics: Counter,
    /// Rooms that ended because their game did not do the same twice.
    pub sync_mismatches: Counter,
    /// How long a tick took, from its first input to its frame; see [`Self::tick_took`].
    pub tick_duration: Histogram,
    /// UDP payload bytes.
    pub bytes: EachWay,
    /// UDP datagrams.
    pub datagrams: EachWay,
    /// What became of inputs.
    pub inputs: InputFates,
    /// What became of frames on their way to a player.
    pub snapshots: SnapshotFates,
    /// Entities whose news waited for a later snapshot, once for each that they waited for.
    pub entities_waited: Counter,
    /// Snapshots that players' acknowledgements say they never saw: lost on the way, or overtaken.
    pub snapshots_lost: Counter,
    /// What becomes of rooms' journals.
    pub journals: JournalMetrics,
    /// Match results on their way to the disk.
    pub results: ResultCounts,
    refusals: Family<Reason, Counter>,
    disconnects: Family<Reason, Counter>,
    resumes: Family<ResumeLabel, Counter>,
    longest_tick: Arc<LongestTick>,
    registry: Registry,
}

/// A counter for each direction.
pub struct EachWay {
    /// From players to us.
    pub received: Counter,
    /// From us to players.
    pub sent: Counter,
}

/// A counter for each thing that can become of a seat's input.
pub struct InputFates {
    /// It was there when its tick ran: one of those that were early.
    pub used: Counter,
    /// Its tick had run already.
    pub late: Counter,
    /// It came before its tick and was kept for it.
    pub early: Counter,
    /// Its tick was too far ahead to keep it.
    pub future: Counter,
    /// It was there already.
    pub duplicate: Counter,
    /// The room's inbox was full.
    pub dropped: Counter,
}

/// A counter for each thing that can become of a frame on its way to one player.
pub struct SnapshotFates {
    /// Sent whole, as a datagram.
    pub datagram: Counter,
    /// Sent as a datagram that held part of what was new; the rest waits.
    pub part: Counter,
    /// Sent on a stream of its own.
    pub stream: Counter,
    /// Not sent: the player has acknowledged nothing to build on yet, or the last large one is still on its way.
    pub held: Counter,
    /// Never looked at: the session came too late to it, and a newer one was there.
    pub skipped: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabel {
    direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values that Prometheus shows")]
enum Direction {
    received,
    sent,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FateLabel {
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values that Prometheus shows")]
enum Fate {
    used,
    late,
    early,
    future,
    duplicate,
    dropped,
    datagram,
    part,
    stream,
    held,
    skipped,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResumeLabel {
    result: ResumeResult,
}

/// What a resume ticket was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values that Prometheus shows")]
pub enum ResumeResult {
    /// What was held for its player, a seat or only a place in the lobby.
    resumed,
    /// Nothing: it is none of ours.
    unknown,
    /// Nothing: it was shown before.
    used,
    /// Nothing: its player is held no longer.
    expired,
    /// Nothing: it is of an earlier run of the server, which brought no seat of its player's back. They were let in as somebody new.
    forgotten,
    /// What another session of its player had.
    replaced,
}

impl Metrics {
    /// All of them at zero, in a registry of their own.
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("quarrel");
        registry.register_collector(Box::new(ProcessCollector));
        let longest_tick = LongestTick::new();
        registry.register_collector(Box::new(LongestTickCollector(Arc::clone(&longest_tick))));
        registry.register(
            "build",
            "What is running",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        let r = &mut registry;
        Arc::new(Self {
            sessions: register(r, "sessions", "Sessions that live"),
            rooms: register(r, "rooms", "Rooms that tick"),
            players: register(r, "players", "Seats held by people"),
            bots: register(r, "bots", "Seats held by bots"),
            seats_held: register(r, "seats_held", "Seats held for people whose connection was lost"),
            joins: register(r, "joins", "Seats taken by people"),
            overruns: register(r, "overruns", "Ticks that took longer than their period"),
            slips: register(r, "slips", "Ticks let go because their room was too far behind"),
            starved: register(r, "starved_ticks", "Ticks for which a seat had no input"),
            room_panics: register(r, "room_panics", "Rooms that ended because their game panicked"),
            sync_mismatches: register(
                r,
                "sync_mismatches",
                "Rooms that ended because their game did not do the same twice",
            ),
            tick_duration: tick_duration(r),
            bytes: EachWay::of(&register(r, "bytes", "UDP payload bytes")),
            datagrams: EachWay::of(&register(r, "datagrams", "UDP datagrams")),
            inputs: InputFates::of(&register(r, "inputs", "Inputs by what became of them")),
            snapshots: SnapshotFates::of(&register(
                r,
                "snapshots",
                "Frames by what became of them for one player",
            )),
            entities_waited: register(
                r,
                "entities_waited",
                "Entities whose news waited for a later snapshot, once for each that they waited for",
            ),
            snapshots_lost: register(r, "snapshots_lost", "Snapshots that were sent and never seen"),
            journals: JournalMetrics::new(r),
            results: ResultCounts::of(r),
            refusals: register(r, "refusals", "Players refused, by reason"),
            disconnects: register(r, "disconnects", "Sessions ended, by reason"),
            resumes: register(
                r,
                "resumes",
                "Tickets shown by players who came back, by what they were good for",
            ),
            longest_tick,
            // Last, for the handles above are made in it.
            registry,
        })
    }

    /// A player was refused; the reason is a close reason's name, one of a closed set.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&Reason { reason }).inc();
    }

    /// A session ended; the reason is a close reason's name, one of a closed set.
    pub fn disconnected(&self, reason: &'static str) {
        self.disconnects.get_or_create(&Reason { reason }).inc();
    }

    /// Somebody showed a resume ticket.
    pub fn resumed(&self, result: ResumeResult) {
        self.resumes.get_or_create(&ResumeLabel { result }).inc();
    }

    /// A snapshot went as a datagram, and the news of so many entities wait for a later one.
    pub fn datagram_sent(&self, waiting: u32) {
        if waiting == 0 {
            self.snapshots.datagram.inc();
        } else {
            self.snapshots.part.inc();
            self.entities_waited.inc_by(waiting.into());
        }
    }

    /// A tick took this long.
    pub fn tick_took(&self, duration: Duration) {
        // Before it is counted: whoever reads that there was a tick finds how long it took.
        self.longest_tick.push(duration);
        self.tick_duration.observe(duration.as_secs_f64());
    }

    /// Every number as OpenMetrics text.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut out = String::with_capacity(8 * 1024);
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl EachWay {
    fn of(family: &Family<DirectionLabel, Counter>) -> Self {
        let handle = |direction| family.get_or_create_owned(&DirectionLabel { direction });
        Self { received: handle(Direction::received), sent: handle(Direction::sent) }
    }
}

impl InputFates {
    fn of(family: &Family<FateLabel, Counter>) -> Self {
        let handle = |fate| family.get_or_create_owned(&FateLabel { fate });
        Self {
            used: handle(Fate::used),
            late: handle(Fate::late),
            early: handle(Fate::early),
            future: handle(Fate::future),
            duplicate: handle(Fate::duplicate),
            dropped: handle(Fate::dropped),
        }
    }
}

impl SnapshotFates {
    fn of(family: &Family<FateLabel, Counter>) -> Self {
        let handle = |fate| family.get_or_create_owned(&FateLabel { fate });
        Self {
            datagram: handle(Fate::datagram),
            part: handle(Fate::part),
            stream: handle(Fate::stream),
            held: handle(Fate::held),
            skipped: handle(Fate::skipped),
        }
    }
}

pub(super) fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn tick_duration(registry: &mut Registry) -> Histogram {
    let histogram = Histogram::new(TICK_BUCKETS_S);
    registry.register_with_unit("tick_duration", "How long a tick took", Unit::Seconds, histogram.clone());
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered_under_our_prefix() {
        let metrics = Metrics::new();
        metrics.sessions.inc();
        metrics.bytes.sent.inc_by(1200);
        metrics.inputs.late.inc();
        metrics.refused("full");
        metrics.disconnected("left");
        metrics.resumed(ResumeResult::used);
        metrics.tick_took(Duration::from_micros(60));
        let text = metrics.render().unwrap();
        for line in [
            "quarrel_sessions 1",
            "quarrel_bytes_total{direction=\"sent\"} 1200",
            "quarrel_inputs_total{fate=\"late\"} 1",
            "quarrel_inputs_total{fate=\"used\"} 0",
            "quarrel_refusals_total{reason=\"full\"} 1",
            "quarrel_disconnects_total{reason=\"left\"} 1",
            "quarrel_resumes_total{result=\"used\"} 1",
            "quarrel_seats_held 0",
            "quarrel_match_results_waiting 0",
            "quarrel_tick_duration_seconds_bucket{le=\"0.000075\"} 1",
            "quarrel_tick_duration_seconds_count 1",
            "quarrel_tick_longest_seconds 0.00006",
        ] {
            assert!(text.lines().any(|rendered| rendered == line), "`{line}` must be in\n{text}");
        }
    }

    #[test]
    fn every_name_has_the_prefix() {
        let text = Metrics::new().render().unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("quarrel_"), "{line}");
        }
    }

    #[test]
    fn the_process_is_measured_when_asked() {
        let text = Metrics::new().render().unwrap();
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).expect(name);
            line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
        };
        assert!(value("quarrel_process_resident_memory_bytes ") > 1e6, "a process has a megabyte at least");
        assert!(value("quarrel_process_cpu_seconds_total ") >= 0.0);
    }

    #[test]
    fn neighbouring_buckets_are_close() {
        for pair in TICK_BUCKETS_S.windows(2) {
            let growth = pair[1] / pair[0];
            assert!(growth > 1.0 && growth < 1.7, "{} to {}", pair[0], pair[1]);
        }
    }
}
