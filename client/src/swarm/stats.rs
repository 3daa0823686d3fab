//! What was counted: by one bot while it played, and by all of them together.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hdrhistogram::Histogram;
use quarrel_shared::{game::Deed, id::RoomId, tick::Tick};

use crate::session::LinkCounts;

/// Times in microseconds, to three digits. Counters of 32 bits: a bot's histogram then takes some 30 kB.
pub type Times = Histogram<u32>;

/// An empty histogram that grows as it must.
#[must_use]
pub fn times() -> Times {
    Times::new(3).expect("three digits are within what a histogram takes")
}

/// Notes a time. An hour and more counts as an hour: nothing here lasts that long.
pub fn record(times: &mut Times, time: Duration) {
    let micros = time.as_micros().min(3_600_000_000) as u64;
    let recorded = times.record(micros);
    debug_assert!(recorded.is_ok(), "a histogram that grows refused a time: {recorded:?}");
}

/// What one bot did and met.
#[derive(Debug)]
pub struct BotRecord {
    /// From when it should have come to its seat; `None` when it never got one.
    pub join: Option<Duration>,
    /// How long it had its seat.
    pub played: Duration,
    /// Whether its seat was lost before the run ended.
    pub disconnected: bool,
    /// Why it ended, by its name in reports.
    pub close: &'static str,
    /// What went wrong, for a person to read.
    pub trouble: Option<String>,
    /// From the intended sending of an input to the first snapshot that says it was used.
    pub input_ack: Times,
    /// What became of what the server sent.
    pub counts: LinkCounts,
    /// UDP payload received on the seat, in bytes.
    pub bytes_down: u64,
    /// UDP payload sent on the seat, in bytes.
    pub bytes_up: u64,
    /// What it did in the game.
    pub deeds: Deeds,
}

impl BotRecord {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            join: None,
            played: Duration::ZERO,
            disconnected: false,
            close: "left",
            trouble: None,
            input_ack: times(),
            counts: LinkCounts::default(),
            bytes_down: 0,
            bytes_up: 0,
            deeds: Deeds::default(),
        }
    }
}

impl Default for BotRecord {
    fn default() -> Self {
        Self::new()
    }
}

/// What was done in the game.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Weapons used.
    pub shots: u64,
    /// Strikes that met somebody.
    pub hits: u64,
    /// Strikes that somebody fell to.
    pub eliminations: u64,
    /// Ends of matches, by room and tick: everybody in the room sees the same one.
    pub finishes: BTreeSet<(RoomId, Tick)>,
}

impl Deeds {
    /// Counts a deed that was seen in this room at this tick.
    pub fn push(&mut self, deed: Deed, room: RoomId, tick: Tick) {
        match deed {
            Deed::Shot => self.shots += 1,
            Deed::Hit => self.hits += 1,
            Deed::Elimination => self.eliminations += 1,
            Deed::MatchFinished => {
                self.finishes.insert((room, tick));
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.shots += other.shots;
        self.hits += other.hits;
        self.eliminations += other.eliminations;
        self.finishes.extend(other.finishes);
    }
}

/// What all bots did and met.
#[derive(Debug)]
pub struct Tally {
    /// Bots that got a seat.
    pub joined: u64,
    /// Bots that got none.
    pub refused: u64,
    /// Bots that lost theirs.
    pub disconnected: u64,
    /// How long all of them together had their seats.
    pub played: Duration,
    /// See [`BotRecord::input_ack`].
    pub input_ack: Times,
    /// See [`BotRecord::join`].
    pub join: Times,
    /// What became of what the server sent.
    pub counts: LinkCounts,
    /// UDP payload received on seats, in bytes.
    pub bytes_down: u64,
    /// UDP payload sent on seats, in bytes.
    pub bytes_up: u64,
    /// What they did in the game.
    pub deeds: Deeds,
    /// How connections ended, by reason.
    pub closes: BTreeMap<&'static str, u64>,
    /// The first thing that went wrong, for a person to read.
    pub trouble: Option<String>,
}

impl Tally {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            joined: 0,
            refused: 0,
            disconnected: 0,
            played: Duration::ZERO,
            input_ack: times(),
            join: times(),
            counts: LinkCounts::default(),
            bytes_down: 0,
            bytes_up: 0,
            deeds: Deeds::default(),
            closes: BTreeMap::new(),
            trouble: None,
        }
    }

    /// Adds one bot.
    pub fn push(&mut self, bot: BotRecord) {
        match bot.join {
            Some(join) => {
                self.joined += 1;
                record(&mut self.join, join);
            }
            None => self.refused += 1,
        }
        self.disconnected += u64::from(bot.disconnected);
        self.played += bot.played;
        add(&mut self.input_ack, &bot.input_ack);
        self.counts += bot.counts;
        self.bytes_down += bot.bytes_down;
        self.bytes_up += bot.bytes_up;
        self.deeds.merge(bot.deeds);
        *self.closes.entry(bot.close).or_default() += 1;
        self.trouble = self.trouble.take().or(bot.trouble);
    }

    /// Adds what another thread counted.
    pub fn merge(&mut self, other: Self) {
        self.joined += other.joined;
        self.refused += other.refused;
        self.disconnected += other.disconnected;
        self.played += other.played;
        add(&mut self.input_ack, &other.input_ack);
        add(&mut self.join, &other.join);
        self.counts += other.counts;
        self.bytes_down += other.bytes_down;
        self.bytes_up += other.bytes_up;
        self.deeds.merge(other.deeds);
        for (reason, count) in other.closes {
            *self.closes.entry(reason).or_default() += count;
        }
        self.trouble = self.trouble.take().or(other.trouble);
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

/// Both grow as they must, so the one always fits into the other.
fn add(times: &mut Times, more: &Times) {
    let added = times.add(more);
    debug_assert!(added.is_ok(), "a histogram that grows refused another: {added:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_match_is_counted_once_however_many_saw_it() {
        let mut tally = Tally::new();
        for _ in 0..3 {
            let mut bot = BotRecord::new();
            bot.deeds.push(Deed::MatchFinished, RoomId(1), Tick(900));
            bot.deeds.push(Deed::Shot, RoomId(1), Tick(3));
            tally.push(bot);
        }
        let mut elsewhere = Tally::new();
        let mut bot = BotRecord::new();
        bot.deeds.push(Deed::MatchFinished, RoomId(2), Tick(900));
        elsewhere.push(bot);
        tally.merge(elsewhere);
        assert_eq!((tally.deeds.shots, tally.deeds.finishes.len()), (3, 2));
    }

    #[test]
    fn times_of_two_threads_make_one_histogram() {
        let (mut one, mut other) = (Tally::new(), Tally::new());
        for (tally, ms) in [(&mut one, 10), (&mut other, 400)] {
            let mut bot = BotRecord::new();
            record(&mut bot.input_ack, Duration::from_millis(ms));
            tally.push(bot);
        }
        one.merge(other);
        assert_eq!(one.input_ack.len(), 2);
        assert!((399_000..401_000).contains(&one.input_ack.max()));
    }
}
