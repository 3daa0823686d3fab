//! The records of measured players, and the figures computed from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use quarrel_client::{ConnectionCounts, Drawn, Motion};
use quarrel_shared::{
    arena::{Event, Weapon},
    game::UNIT,
    id::SeatId,
    protocol::datagram::SnapshotHeader,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use super::row::Feel;
use crate::sim::Link;

/// The record of one measured player.
#[derive(Clone, Debug)]
pub struct PlayerRecord {
    one_way_s: f64,
    warm_up: Duration,
    /// The start of the measurement; `None` before the join.
    from: Option<Duration>,
    rate: TickRate,
    /// The minimum of a snapshot's time of arrival minus its tick's time since tick 0: the time of tick 0 plus the link's delay.
    min_arrival_s: f64,
    snapshots: u64,
    on_tick: u64,
    corrections: Vec<u32>,
    /// The time of each drawn frame, and the time in ticks that it drew other entities at.
    frames: Vec<(Duration, SubTick)>,
    extrapolated: u64,
    frozen: u64,
    /// The arrows that hit on this player's screen, by the tick of their release.
    shown: BTreeMap<Tick, LoggedShot>,
    /// The arrows that hit on the server, by tick and victim.
    hits: BTreeSet<(Tick, SeatId)>,
    /// The eliminations, by tick and victim.
    eliminations: Vec<(Tick, SeatId)>,
    /// The ends of matches, after which weapons do not work.
    match_ends: Vec<Tick>,
    counts: ConnectionCounts,
    bytes_down: u64,
    bytes_up: u64,
    seconds: f64,
}

/// An arrow that hit on the shooter's screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoggedShot {
    pub(super) by: SeatId,
    pub(super) victim: SeatId,
    /// The time at which the victim was drawn.
    pub(super) seen: SubTick,
}

impl PlayerRecord {
    /// An empty record of a player on this link, measured after a warm-up.
    #[must_use]
    pub fn new(link: &Link, warm_up: Duration) -> Self {
        Self {
            one_way_s: link.delay_ms / 1000.0,
            warm_up,
            from: None,
            rate: TickRate::DEFAULT,
            min_arrival_s: f64::MAX,
            snapshots: 0,
            on_tick: 0,
            corrections: Vec::new(),
            frames: Vec::new(),
            extrapolated: 0,
            frozen: 0,
            shown: BTreeMap::new(),
            hits: BTreeSet::new(),
            eliminations: Vec::new(),
            match_ends: Vec::new(),
            counts: ConnectionCounts::default(),
            bytes_down: 0,
            bytes_up: 0,
            seconds: 0.0,
        }
    }

    /// Adds the totals of the whole connection.
    pub(super) fn with_totals(
        self,
        counts: ConnectionCounts,
        bytes_down: u64,
        bytes_up: u64,
        duration: Duration,
    ) -> Self {
        Self { counts, bytes_down, bytes_up, seconds: duration.as_secs_f64(), ..self }
    }

    pub(super) fn joined(&mut self, rate: TickRate, now: Duration) {
        self.rate = rate;
        self.from = Some(now + self.warm_up);
    }

    pub(super) fn snapshot(&mut self, header: &SnapshotHeader, now: Duration) {
        self.min_arrival_s =
            self.min_arrival_s.min(now.as_secs_f64() - self.seconds_of(SubTick::of(header.tick)));
        if self.is_measured(now) {
            self.snapshots += 1;
            self.on_tick += u64::from(header.used == Some(header.tick));
        }
    }

    pub(super) fn correction(&mut self, by: u32, now: Duration) {
        if self.is_measured(now) {
            self.corrections.push(by);
        }
    }

    pub(super) fn drawn<E>(&mut self, drawn: &Drawn<E>, now: Duration) {
        if self.is_measured(now) {
            self.frames.push((now, drawn.interpolated_at));
            self.extrapolated += u64::from(drawn.motion == Motion::Extrapolated);
            self.frozen += u64::from(drawn.motion == Motion::Frozen);
        }
    }

    pub(super) fn shot(&mut self, tick: Tick, shot: LoggedShot, now: Duration) {
        if self.is_measured(now) {
            self.shown.insert(tick, shot);
        }
    }

    pub(super) fn event(&mut self, tick: Tick, event: Event, seat: SeatId) {
        match event {
            Event::Hit { by, victim, weapon: Weapon::Longbow, .. } if by == seat => {
                self.hits.insert((tick, victim));
            }
            Event::Eliminated { victim, .. } => self.eliminations.push((tick, victim)),
            Event::MatchEnded { .. } => self.match_ends.push(tick),
            _ => {}
        }
    }

    /// Returns the number of shots that hit on the screen, and how many of them hit on the server. Leaves out shots whose victim or
    /// shooter was eliminated before the shot, and shots after the end of a match, because the shooter could not see that yet.
    fn shots(&self) -> (u64, u64) {
        let last = self.shown.keys().next_back().copied().unwrap_or_default();
        let is_race = |tick: Tick, shot: &LoggedShot| {
            let was_eliminated = |seat: SeatId, since: Tick| {
                self.eliminations.iter().any(|(at, victim)| *victim == seat && *at >= since && *at <= tick)
            };
            let has_ended = self.match_ends.iter().any(|at| *at >= shot.seen.tick() && *at <= tick);
            has_ended
                || was_eliminated(shot.victim, shot.seen.tick())
                || was_eliminated(shot.by, tick.before(self.rate.hz().into()))
        };
        // The events of the last shots may still be in flight when the player leaves.
        let settled = last.before(2 * u32::from(self.rate.hz()));
        let counted = self.shown.iter().filter(|(tick, shot)| **tick <= settled && !is_race(**tick, shot));
        let mut counts = (0, 0);
        for (tick, shot) in counted {
            counts.0 += 1;
            counts.1 += u64::from(self.hits.contains(&(*tick, shot.victim)));
        }
        counts
    }

    /// The ages of the drawn state, one for each drawn frame.
    fn ages_ms(&self) -> impl Iterator<Item = f64> {
        // The time of tick 0 by this player's clock.
        let start_s = self.min_arrival_s - self.one_way_s;
        self.frames
            .iter()
            .map(move |(now, time)| (now.as_secs_f64() - start_s - self.seconds_of(*time)) * 1000.0)
    }

    fn seconds_of(&self, time: SubTick) -> f64 {
        time.sixteenths() as f64 / f64::from(SubTick::PER_TICK) / f64::from(self.rate.hz())
    }

    fn is_measured(&self, now: Duration) -> bool {
        self.from.is_some_and(|from| now >= from)
    }
}

/// The records of all measured players.
#[derive(Debug, Default)]
pub(super) struct Records {
    records: Vec<PlayerRecord>,
}

impl Records {
    pub(super) fn push(&mut self, record: PlayerRecord) {
        self.records.push(record);
    }

    /// Computes the figures over this link.
    pub(super) fn feel(&self, link: &str) -> Feel {
        let sum = |of: fn(&PlayerRecord) -> f64| self.records.iter().map(of).sum::<f64>();
        let frames = sum(|record| record.frames.len() as f64).max(1.0);
        let seconds = sum(|record| record.seconds).max(1.0);
        let minutes = sum(|record| (record.seconds - record.warm_up.as_secs_f64()).max(0.0)).max(1.0) / 60.0;
        let mut corrections: Vec<f64> =
            self.records.iter().flat_map(|one| &one.corrections).map(units).collect();
        let mut ages: Vec<f64> = self.records.iter().flat_map(PlayerRecord::ages_ms).collect();
        corrections.sort_by(f64::total_cmp);
        ages.sort_by(f64::total_cmp);
        let shots = self.records.iter().map(PlayerRecord::shots);
        let (shown, confirmed) = shots.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        Feel {
            link: link.to_owned(),
            inputs_on_tick: sum(|record| record.on_tick as f64)
                / sum(|record| record.snapshots as f64).max(1.0),
            corrections_per_min: corrections.len() as f64 / minutes,
            correction_units_p99: quantile(&corrections, 0.99),
            drawn_age_ms_p50: quantile(&ages, 0.5),
            drawn_age_ms_p99: quantile(&ages, 0.99),
            extrapolated_share: sum(|record| record.extrapolated as f64) / frames,
            frozen_share: sum(|record| record.frozen as f64) / frames,
            hits_confirmed: if shown == 0 { 1.0 } else { confirmed as f64 / shown as f64 },
            bytes_down_s: sum(|record| record.bytes_down as f64) / seconds,
            bytes_up_s: sum(|record| record.bytes_up as f64) / seconds,
            events_lost: self.records.iter().map(|record| record.counts.events_lost).sum(),
            events_doubled: self.records.iter().map(|record| record.counts.events_doubled).sum(),
            hits_shown: shown,
            matches: 0,
            lost: Vec::new(),
        }
    }
}

fn units(subunits: &u32) -> f64 {
    f64::from(*subunits) / f64::from(UNIT)
}

/// Returns the smallest value that at least this share of the values does not exceed; 0 of an empty list.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(0.0)
}
