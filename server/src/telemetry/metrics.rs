//! Every metric of the server, and their rendering for Prometheus.
//!
//! Handles are created once and are atomics: counting costs nanoseconds, takes no lock and allocates nothing.
//! Labels come from closed sets, never from a peer: a peer that chose labels could fill the server's memory.

use std::fmt;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use quarrel_transport::settings::SocketBuffers;

use super::counters::{
    DirectionLabel, DroppedChatCounters, FreedSeatCounters, InputCounters, ReasonLabel, SnapshotCounters,
    TrafficDirection,
};
use super::journals::JournalMetrics;
use super::logs::DroppedLines;
use super::longest::{LongestTick, LongestTickCollector};
use super::process::ProcessCollector;
use super::registration::register;
use super::results::MatchResultMetrics;
use super::text_format::from_open_metrics;
use super::traffic::{SocketTraffic, TrafficCollector};
use super::udp_drops::{SocketInode, UdpDropsCollector};

/// Upper bounds of the buckets for tick durations, in seconds: 50 us to 1 s, which is 30 tick periods at 30 Hz.
///
/// Neighbouring bounds differ by at most 5:3, so a quantile between 50 us and 1 s that is read from the buckets is off by at most that
/// factor.
pub const TICK_BUCKETS_S: [f64; 29] = [
    50e-6, 75e-6, 100e-6, 150e-6, 200e-6, 300e-6, 400e-6, 600e-6, 800e-6, 1.2e-3, 1.6e-3, 2.4e-3, 3.2e-3,
    4.8e-3, 6.4e-3, 8e-3, 10e-3, 13e-3, 16.7e-3, 22e-3, 33.3e-3, 50e-3, 66.7e-3, 100e-3, 150e-3, 250e-3,
    400e-3, 650e-3, 1.0,
];

/// The number of slowest rooms whose step times are shown.
pub const RANKED_ROOMS: u32 = 5;

/// Handles of all metrics, and the registry that renders them.
pub struct Metrics {
    /// Live sessions.
    pub sessions: Gauge,
    /// Running rooms.
    pub rooms: Gauge,
    /// Seats occupied by players.
    pub players: Gauge,
    /// Seats occupied by bots.
    pub bots: Gauge,
    /// Seats held for disconnected players; [`Self::players`] includes them.
    pub seats_held: Gauge,
    /// Seats taken by players.
    pub joins: Counter,
    /// Ticks that took longer than their period.
    pub overruns: Counter,
    /// Ticks skipped because their room was too far behind.
    pub slips: Counter,
    /// Frames with more entities for one seat than a view can hold; see [`Frame::left_out`](quarrel_shared::snapshot::Frame::left_out).
    pub oversized_frames: Counter,
    /// Ticks for which a player's seat had no input, counted for each such seat.
    pub starved: Counter,
    /// Rooms closed or not opened because their game panicked.
    pub room_panics: Counter,
    /// Players removed from their room, which plays on, because the game panicked while encoding or decoding for them.
    pub seat_panics: Counter,
    /// Rooms closed because two steps from the same state differed.
    pub sync_mismatches: Counter,
    /// Duration of a tick: the time that the room works on it, without the wait for the next tick. Set by [`Self::observe_tick`].
    pub tick_duration: Histogram,
    /// Datagrams and bytes of the players' socket.
    pub traffic: Arc<SocketTraffic>,
    /// Player inputs, by outcome.
    pub inputs: InputCounters,
    /// Frames (states of a room after one tick) for one player each, by outcome.
    pub snapshots: SnapshotCounters,
    /// Entity updates deferred to a later snapshot, counted once per snapshot that they were deferred.
    pub entities_waited: Counter,
    /// Snapshots that players' acknowledgements skip: lost on the way, or overtaken by a newer one. An acknowledgement covers 32 ticks, so
    /// a snapshot that none of them covers counts as lost.
    pub snapshots_lost: Counter,
    /// Held seats freed before their hold ended, by reason.
    pub held_seats_freed: FreedSeatCounters,
    /// Chat lines that were dropped, by reason.
    pub chat_dropped: DroppedChatCounters,
    /// Metrics of the rooms' journals.
    pub journals: JournalMetrics,
    /// Metrics of match results on their way to the database.
    pub results: MatchResultMetrics,
    /// Panics in any thread: each is a defect of the server or of its game.
    pub panics: Counter,
    /// The end of the certificate's validity, in seconds since 1970. Set by [`Self::set_certificate_expiry`].
    certificate_expires: Gauge,
    /// Log lines that were not written, by reason.
    pub log_lines_dropped: DroppedLines,
    refusals: Family<ReasonLabel, Counter>,
    disconnects: Family<ReasonLabel, Counter>,
    resumes: Family<ResumeLabel, Counter>,
    tick_lateness: Histogram,
    slowest_rooms: Family<RankLabel, Gauge<f64, AtomicU64>>,
    longest_tick: Arc<LongestTick>,
    udp_buffers: Family<DirectionLabel, Gauge>,
    socket: SocketInode,
    registry: Registry,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabel {
    version: &'static str,
}

/// The rank of a room by its step time, and not its id, so that the number of label values is bounded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RankLabel {
    rank: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResumeLabel {
    result: ResumeResult,
}

/// Result of a resume attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values that Prometheus shows")]
pub enum ResumeResult {
    /// The player returned to the held seat, or to a held place in the lobby.
    resumed,
    /// Rejected: this server did not issue the ticket.
    unknown,
    /// Rejected: the ticket was used before.
    used,
    /// Rejected: the player's seat is no longer held.
    expired,
    /// Not resumed: the ticket is from an earlier run of the server and its seat was not restored, so the player was admitted as a new
    /// one.
    forgotten,
    /// Resumed, and replaced another session of the same player that was still connected.
    replaced,
}

impl Metrics {
    /// Creates all metrics, at zero, in a new registry.
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("quarrel");
        registry.register_collector(Box::new(ProcessCollector));
        let socket = SocketInode::default();
        registry.register_collector(Box::new(UdpDropsCollector(socket.clone())));
        let longest_tick = LongestTick::new();
        registry.register_collector(Box::new(LongestTickCollector(Arc::clone(&longest_tick))));
        let traffic = Arc::<SocketTraffic>::default();
        registry.register_collector(Box::new(TrafficCollector(Arc::clone(&traffic))));
        // A gauge and not an info metric, which tools for the older text format refuse to read.
        let build: Family<BuildLabel, Gauge> =
            register(&mut registry, "build_info", "Version of the server, always 1");
        build.get_or_create(&BuildLabel { version: env!("CARGO_PKG_VERSION") }).set(1);
        let r = &mut registry;
        Arc::new(Self {
            sessions: register(r, "sessions", "Live sessions"),
            rooms: register(r, "rooms", "Running rooms"),
            players: register(r, "players", "Seats occupied by players"),
            bots: register(r, "bots", "Seats occupied by bots"),
            seats_held: register(r, "seats_held", "Seats held for disconnected players"),
            joins: register(r, "joins", "Seats taken by players"),
            overruns: register(r, "overruns", "Ticks that took longer than their period"),
            slips: register(r, "slips", "Ticks skipped because their room was too far behind"),
            oversized_frames: register(
                r,
                "oversized_frames",
                "Frames with more entities for one seat than a view can hold, so that some are not sent",
            ),
            starved: register(r, "starved_ticks", "Ticks for which a seat had no input"),
            room_panics: register(r, "room_panics", "Rooms closed or not opened because their game panicked"),
            seat_panics: register(
                r,
                "seat_panics",
                "Players removed from their room because the game panicked while encoding or decoding for them",
            ),
            sync_mismatches: register(
                r,
                "sync_mismatches",
                "Rooms closed because their game is not deterministic",
            ),
            tick_duration: tick_duration(r),
            traffic,
            inputs: InputCounters::new(&register(r, "inputs", "Player inputs, by outcome")),
            snapshots: SnapshotCounters::new(&register(r, "snapshots", "Frames per player, by outcome")),
            entities_waited: register(
                r,
                "entities_waited",
                "Entity updates deferred to a later snapshot, counted once per snapshot",
            ),
            snapshots_lost: register(
                r,
                "snapshots_lost",
                "Snapshots lost or overtaken on their way to players",
            ),
            held_seats_freed: FreedSeatCounters::new(&register(
                r,
                "held_seats_freed",
                "Held seats freed before their hold ended, by reason",
            )),
            chat_dropped: DroppedChatCounters::new(&register(
                r,
                "chat_lines_dropped",
                "Chat lines dropped, by reason; with reason seat_queue_full, counted for each seat",
            )),
            journals: JournalMetrics::new(r),
            results: MatchResultMetrics::new(r),
            panics: register(r, "panics", "Panics in any thread"),
            certificate_expires: register(
                r,
                "certificate_expires_timestamp_seconds",
                "End of the certificate's validity, in seconds since 1970",
            ),
            log_lines_dropped: log_lines_dropped(&register(
                r,
                "log_lines_dropped",
                "Log lines that were not written, by reason",
            )),
            refusals: register(
                r,
                "refusals",
                "Peers that were not admitted and joins that were refused, by reason",
            ),
            disconnects: register(r, "disconnects", "Ended sessions, by reason"),
            resumes: register(r, "resumes", "Resume attempts, by result"),
            tick_lateness: tick_lateness(r),
            slowest_rooms: slowest_rooms(r),
            longest_tick,
            udp_buffers: register(r, "udp_buffer_bytes", "Size of the UDP buffers, by direction"),
            socket,
            // Last, because the handles above borrow the registry when they are created.
            registry,
        })
    }

    /// Counts a refused player; `reason` is the name of a close reason, so the set of labels is closed.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// Counts an ended session; `reason` is the name of a close reason, so the set of labels is closed.
    pub fn disconnected(&self, reason: &'static str) {
        self.disconnects.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// Counts a resume attempt.
    pub fn resumed(&self, result: ResumeResult) {
        self.resumes.get_or_create(&ResumeLabel { result }).inc();
    }

    /// Counts a snapshot sent as a datagram that left `deferred` entity updates for a later snapshot.
    pub fn datagram_sent(&self, deferred: u32) {
        if deferred == 0 {
            self.snapshots.datagram.inc();
        } else {
            self.snapshots.part.inc();
            self.entities_waited.inc_by(deferred.into());
        }
    }

    /// Sets the players' socket, of which the metrics report the buffers and the packets that the kernel dropped.
    pub fn set_socket(&self, socket: &UdpSocket, buffers: Option<SocketBuffers>) {
        self.socket.set(socket);
        if let Some(SocketBuffers { receive, send }) = buffers {
            for (direction, bytes) in [(TrafficDirection::received, receive), (TrafficDirection::sent, send)]
            {
                self.udp_buffers.get_or_create(&DirectionLabel { direction }).set(bytes as i64);
            }
        }
    }

    /// Records the duration of a tick.
    pub fn observe_tick(&self, duration: Duration) {
        // Before the histogram: a reader who sees the tick counted then also sees it in the maximum.
        self.longest_tick.push(duration);
        self.tick_duration.observe(duration.as_secs_f64());
    }

    /// Records the time between a tick's due time and its start.
    pub fn observe_lateness(&self, late: Duration) {
        self.tick_lateness.observe(late.as_secs_f64());
    }

    /// Sets the mean step times of the slowest rooms, of which the first [`RANKED_ROOMS`] are shown.
    pub fn set_slowest_rooms(&self, slowest_first: impl Iterator<Item = Duration>) {
        // Ranks without a room are zero, so that a room that has closed does not stay visible.
        let step_times = slowest_first.chain(std::iter::repeat(Duration::ZERO));
        for (rank, step_time) in (1..=RANKED_ROOMS).zip(step_times) {
            self.slowest_rooms.get_or_create(&RankLabel { rank }).set(step_time.as_secs_f64());
        }
    }

    /// Renders all metrics in the text format of Prometheus, for scrapers and tools that do not read OpenMetrics.
    ///
    /// # Errors
    /// As for [`Self::render`].
    pub fn render_text(&self) -> Result<String, fmt::Error> {
        self.render().map(|text| from_open_metrics(&text))
    }

    /// Records the end of the validity of the certificate in use.
    pub fn set_certificate_expiry(&self, valid_until: SystemTime) {
        let since = valid_until.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.certificate_expires.set(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    }

    /// Renders all metrics as OpenMetrics text.
    ///
    /// # Errors
    /// When the encoder fails, which no metric of this server causes.
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

fn log_lines_dropped(family: &Family<ReasonLabel, Counter>) -> DroppedLines {
    let handle = |reason| family.get_or_create_owned(&ReasonLabel { reason });
    DroppedLines {
        queue_full: handle("queue_full"),
        unwritable: handle("unwritable"),
        rate_limited: handle("rate_limited"),
    }
}

fn tick_lateness(registry: &mut Registry) -> Histogram {
    let histogram = Histogram::new(TICK_BUCKETS_S);
    let help = "Time between the due time of a tick and its start";
    registry.register_with_unit("tick_lateness", help, Unit::Seconds, histogram.clone());
    histogram
}

fn slowest_rooms(registry: &mut Registry) -> Family<RankLabel, Gauge<f64, AtomicU64>> {
    let family = Family::default();
    let help =
        "Mean step time of the slowest rooms, the slowest with rank 1; the list of rooms has their ids";
    registry.register_with_unit("room_step", help, Unit::Seconds, Family::clone(&family));
    family
}

fn tick_duration(registry: &mut Registry) -> Histogram {
    let histogram = Histogram::new(TICK_BUCKETS_S);
    registry.register_with_unit("tick_duration", "Duration of a tick", Unit::Seconds, histogram.clone());
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_events_are_rendered_with_the_prefix() {
        let metrics = Metrics::new();
        metrics.sessions.inc();
        metrics.traffic.sent.add(1, 1200);
        metrics.inputs.late.inc();
        metrics.refused("full");
        metrics.disconnected("left");
        metrics.resumed(ResumeResult::used);
        metrics.observe_tick(Duration::from_micros(60));
        let text = metrics.render().unwrap();
        for line in [
            "quarrel_sessions 1",
            "quarrel_bytes_total{direction=\"sent\"} 1200",
            "quarrel_datagrams_total{direction=\"sent\"} 1",
            "quarrel_datagrams_total{direction=\"received\"} 0",
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
    fn process_metrics_are_read_at_each_scrape() {
        let text = Metrics::new().render().unwrap();
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).expect(name);
            line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
        };
        assert!(value("quarrel_process_resident_memory_bytes ") > 1e6, "a process uses more than a megabyte");
        assert!(value("quarrel_process_cpu_seconds_total ") >= 0.0);
    }

    #[test]
    fn neighbouring_buckets_differ_by_a_factor_of_less_than_1_7() {
        for pair in TICK_BUCKETS_S.windows(2) {
            let growth = pair[1] / pair[0];
            assert!(growth > 1.0 && growth < 1.7, "{} to {}", pair[0], pair[1]);
        }
    }
}
