//! What one measured player notes down, and the figures that follow from all of their notes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use quarrel_client::{ConnectionCounts, Drawn, Motion};
use quarrel_shared::{
    arena::{Event, Weapon},
    game::UNIT,
    id::SeatId,
    moment::Moment,
    protocol::datagram::SnapshotHeader,
    tick::{Tick, TickRate},
};

use super::Feel;
use crate::sim::Link;

/// One player's notes.
#[derive(Clone, Debug)]
pub struct Record {
    one_way_s: f64,
    warm_up: Duration,
    /// Since when there are notes; `None` before the seat.
    from: Option<Duration>,
    rate: TickRate,
    /// The least time between a tick, counted from tick 0, and its snapshot's arrival: the link's delay, and when tick 0 was.
    quickest_s: f64,
    snapshots: u64,
    on_tick: u64,
    corrections: Vec<u32>,
    looks: Vec<(Duration, Moment)>,
    extrapolated: u64,
    frozen: u64,
    /// Arrows that struck somebody on this player's screen, by the tick in which they were loosed.
    shown: BTreeMap<Tick, Shot>,
    /// Arrows that struck somebody on the server.
    hits: BTreeSet<(Tick, SeatId)>,
    /// Who fell when.
    falls: Vec<(Tick, SeatId)>,
    /// When matches ended: weapons rest then.
    ends: Vec<Tick>,
    counts: ConnectionCounts,
    bytes_down: u64,
    bytes_up: u64,
    seconds: f64,
}

/// An arrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shot {
    pub(super) by: SeatId,
    pub(super) victim: SeatId,
    /// Where the victim was seen in time.
    pub(super) seen: Moment,
}

impl Record {
    /// Empty, of a player on this link who plays for a while before anything is noted.
    #[must_use]
    pub fn new(link: &Link, warm_up: Duration) -> Self {
        Self {
            one_way_s: link.delay_ms / 1000.0,
            warm_up,
            from: None,
            rate: TickRate::DEFAULT,
            quickest_s: f64::MAX,
            snapshots: 0,
            on_tick: 0,
            corrections: Vec::new(),
            looks: Vec::new(),
            extrapolated: 0,
            frozen: 0,
            shown: BTreeMap::new(),
            hits: BTreeSet::new(),
            falls: Vec::new(),
            ends: Vec::new(),
            counts: ConnectionCounts::default(),
            bytes_down: 0,
            bytes_up: 0,
            seconds: 0.0,
        }
    }

    /// The same with what was counted from the seat to the end.
    pub(super) fn over(
        self,
        counts: ConnectionCounts,
        bytes_down: u64,
        bytes_up: u64,
        took: Duration,
    ) -> Self {
        Self { counts, bytes_down, bytes_up, seconds: took.as_secs_f64(), ..self }
    }

    pub(super) fn seated(&mut self, rate: TickRate, now: Duration) {
        self.rate = rate;
        self.from = Some(now + self.warm_up);
    }

    pub(super) fn snapshot(&mut self, header: &SnapshotHeader, now: Duration) {
        self.quickest_s = self.quickest_s.min(now.as_secs_f64() - self.seconds_of(Moment::of(header.tick)));
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

    pub(super) fn look<E>(&mut self, drawn: &Drawn<E>, now: Duration) {
        if self.is_measured(now) {
            self.looks.push((now, drawn.interpolated_at));
            self.extrapolated += u64::from(drawn.motion == Motion::Extrapolated);
            self.frozen += u64::from(drawn.motion == Motion::Frozen);
        }
    }

    pub(super) fn shot(&mut self, tick: Tick, shot: Shot, now: Duration) {
        if self.is_measured(now) {
            self.shown.insert(tick, shot);
        }
    }

    pub(super) fn event(&mut self, tick: Tick, event: Event, seat: SeatId) {
        match event {
            Event::Hit { by, victim, weapon: Weapon::Longbow, .. } if by == seat => {
                self.hits.insert((tick, victim));
            }
            Event::Eliminated { victim, .. } => self.falls.push((tick, victim)),
            Event::MatchEnded { .. } => self.ends.push(tick),
            _ => {}
        }
    }

    /// Shots that struck on the screen: how many, and how many of them on the server. A shot at somebody who had fallen by then, or
    /// by somebody who had, or after the match had ended, is nobody's fault and counts nowhere.
    fn shots(&self) -> (u64, u64) {
        let last = self.shown.keys().next_back().copied().unwrap_or_default();
        let is_race = |tick: Tick, shot: &Shot| {
            let fell = |who: SeatId, since: Tick| {
                self.falls.iter().any(|(at, fallen)| *fallen == who && *at >= since && *at <= tick)
            };
            let is_over = self.ends.iter().any(|at| *at >= shot.seen.tick() && *at <= tick);
            is_over
                || fell(shot.victim, shot.seen.tick())
                || fell(shot.by, tick.before(self.rate.hz().into()))
        };
        // The answers to the last shots may be on their way when the player leaves.
        let settled = last.before(2 * u32::from(self.rate.hz()));
        let fair = self.shown.iter().filter(|(tick, shot)| **tick <= settled && !is_race(**tick, shot));
        let mut counts = (0, 0);
        for (tick, shot) in fair {
            counts.0 += 1;
            counts.1 += u64::from(self.hits.contains(&(*tick, shot.victim)));
        }
        counts
    }

    fn ages_ms(&self) -> impl Iterator<Item = f64> {
        // When tick 0 was, by this player's clock.
        let begin_s = self.quickest_s - self.one_way_s;
        self.looks
            .iter()
            .map(move |(now, moment)| (now.as_secs_f64() - begin_s - self.seconds_of(*moment)) * 1000.0)
    }

    fn seconds_of(&self, moment: Moment) -> f64 {
        moment.sixteenths() as f64 / f64::from(Moment::PARTS) / f64::from(self.rate.hz())
    }

    fn is_measured(&self, now: Duration) -> bool {
        self.from.is_some_and(|from| now >= from)
    }
}

/// All players' notes together.
#[derive(Debug, Default)]
pub(super) struct Figures {
    records: Vec<Record>,
}

impl Figures {
    pub(super) fn add(&mut self, record: Record) {
        self.records.push(record);
    }

    pub(super) fn feel(&self, link: &str) -> Feel {
        let sum = |of: fn(&Record) -> f64| self.records.iter().map(of).sum::<f64>();
        let looks = sum(|record| record.looks.len() as f64).max(1.0);
        let seconds = sum(|record| record.seconds).max(1.0);
        let minutes = sum(|record| (record.seconds - record.warm_up.as_secs_f64()).max(0.0)).max(1.0) / 60.0;
        let mut corrections: Vec<f64> =
            self.records.iter().flat_map(|one| &one.corrections).map(units).collect();
        let mut ages: Vec<f64> = self.records.iter().flat_map(Record::ages_ms).collect();
        corrections.sort_by(f64::total_cmp);
        ages.sort_by(f64::total_cmp);
        let shots = self.records.iter().map(Record::shots);
        let (shown, confirmed) = shots.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        Feel {
            link: link.to_owned(),
            inputs_on_tick: sum(|record| record.on_tick as f64)
                / sum(|record| record.snapshots as f64).max(1.0),
            corrections_per_min: corrections.len() as f64 / minutes,
            correction_units_p99: quantile(&corrections, 0.99),
            drawn_age_ms_p50: quantile(&ages, 0.5),
            drawn_age_ms_p99: quantile(&ages, 0.99),
            extrapolated_share: sum(|record| record.extrapolated as f64) / looks,
            frozen_share: sum(|record| record.frozen as f64) / looks,
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

/// The value that so large a share is at most.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(0.0)
}
