//! A room's finished matches, until the storage has them. A tick hands them in and never waits: what the storage has no room for is
//! kept here and handed in at a later tick, or while the room ends.

use std::collections::VecDeque;

use quarrel_shared::{
    game::{Game, Outcome},
    id::RoomId,
    journal::Holder,
    tick::{Tick, TickRate},
};
use tracing::error;

use crate::storage::{MatchRecord, Records, SeatRecord};

/// How many results a room keeps that the storage has no room for, on top of the thousand in its queue. Of 16 seats each a result is
/// 1.5 kB, so 64 rooms keep at most 98 MB, and a room whose matches last three minutes is good for a database that is locked for two
/// days. Full: the oldest is lost here, and said; the room's journal has it, unless it could not be written either.
const RESULTS_KEPT: usize = 1024;

/// What a room's matches came to.
pub(super) struct Results {
    room: RoomId,
    rate: TickRate,
    journal: Option<String>,
    /// The tick after which the running match began.
    last: Tick,
    kept: VecDeque<MatchRecord>,
    records: Records,
}

impl Results {
    /// Of a room with this journal, whose running match began after this tick: its last outcome, or 0.
    pub(super) const fn new(
        room: RoomId,
        rate: TickRate,
        journal: Option<String>,
        last: Tick,
        records: Records,
    ) -> Self {
        Self { room, rate, journal, last, kept: VecDeque::new(), records }
    }

    /// The match that ended at this tick, as it will be remembered; the next one begins. To be handed to [`Self::push`].
    pub(super) fn record<G: Game>(
        &mut self,
        tick: Tick,
        holders: &[Option<Holder>],
        outcome: &Outcome,
        ended_at_ms: u64,
    ) -> MatchRecord {
        let began = std::mem::replace(&mut self.last, tick);
        let place = (self.room, self.journal.clone());
        match_record::<G>(place, self.rate, (began, tick), (holders, outcome), ended_at_ms)
    }

    /// Keeps a result for [`Self::hand_in`].
    pub(super) fn push(&mut self, record: MatchRecord) {
        let counts = self.records.counts();
        counts.waiting.inc();
        self.kept.push_back(record);
        if self.kept.len() > RESULTS_KEPT
            && let Some(lost) = self.kept.pop_front()
        {
            counts.waiting.dec();
            counts.lost.inc();
            error!(?lost, "a match result is lost: the storage has taken none for too long");
        }
    }

    /// Hands in what the storage has room for, oldest first.
    pub(super) fn hand_in(&mut self) {
        while let Some(oldest) = self.kept.pop_front() {
            if let Err(oldest) = self.records.add(oldest) {
                self.kept.push_front(oldest);
                break;
            }
            self.records.counts().waiting.dec();
        }
    }

    /// Hands in all of it, waiting as long as that takes: for when there are no more ticks.
    pub(super) async fn finish(mut self) {
        while let Some(oldest) = self.kept.pop_front() {
            let handed_in = self.records.add_in_time(oldest).await;
            let counts = self.records.counts();
            counts.waiting.dec();
            if let Err(lost) = handed_in {
                counts.lost.inc();
                error!(?lost, "a match result is lost: the storage has ended");
            }
        }
    }
}

/// The match of this room and journal that began after one tick and ended at another.
pub(super) fn match_record<G: Game>(
    (room, journal): (RoomId, Option<String>),
    rate: TickRate,
    (began, tick): (Tick, Tick),
    (holders, outcome): (&[Option<Holder>], &Outcome),
    ended_at_ms: u64,
) -> MatchRecord {
    MatchRecord {
        room: room.0,
        game: G::NAME.to_owned(),
        seed: outcome.seed,
        tick: tick.0,
        journal,
        duration_ms: u64::from(tick.since(began)) * 1000 / u64::from(rate.hz()),
        ended_at_ms,
        seats: seats(holders, outcome),
    }
}

/// How everybody fared who had a score.
fn seats(holders: &[Option<Holder>], outcome: &Outcome) -> Vec<SeatRecord> {
    let fared = outcome.scores.iter().map(|(seat, score)| {
        let holder = holders.get(seat.index()).and_then(Option::as_ref);
        let player = holder.and_then(|holder| holder.player);
        SeatRecord {
            seat: seat.0,
            player: player.map(|(player, _)| player.0),
            name: holder.map(|holder| holder.name.to_string()).unwrap_or_default(),
            bot: holder.is_some() && player.is_none(),
            score: *score,
            won: outcome.winners.contains(seat),
        }
    });
    fared.collect()
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        game::Setup,
        id::{PlayerId, SeatId},
        protocol::{TicketNumber, messages::Name},
    };

    use super::*;
    use crate::{
        room::RoomState,
        storage::{self, MemorySink, RecordSink},
        telemetry::Metrics,
    };

    fn queue(sink: impl RecordSink) -> (Records, impl Future<Output = ()>) {
        storage::start(sink, Vec::new(), Metrics::new().results.clone())
    }

    fn results(records: &Records) -> Results {
        let rate = TickRate::new(20).unwrap();
        Results::new(RoomId(3), rate, Some("room-3".to_owned()), Tick(0), records.clone())
    }

    fn room() -> RoomState<Crowd> {
        let rate = TickRate::new(20).unwrap();
        let setup = Setup { settings: CrowdSettings {}, seed: 5, seats: 4, tick_rate: rate };
        let mut room = RoomState::new(&setup, 1, "stroll");
        room.take_seat(PlayerId(77), TicketNumber::default(), Name::lossy("Ada"), &mut Vec::new());
        room.settle_bots(&mut Vec::new());
        room
    }

    fn outcome() -> Outcome {
        let scores = vec![(SeatId(0), 4), (SeatId(1), 2), (SeatId(3), -1)];
        Outcome { winners: vec![SeatId(0)], scores, seed: 9 }
    }

    fn record(results: &mut Results, room: &RoomState<Crowd>, ended_at_ms: u64) -> MatchRecord {
        results.record::<Crowd>(room.tick(), &room.holders(), &outcome(), ended_at_ms)
    }

    #[test]
    fn a_result_says_how_long_the_match_ran_and_how_each_seat_fared() {
        let (records, _task) = queue(MemorySink::default());
        let (mut results, mut room) = (results(&records), room());
        (0..30).for_each(|_| room.step());
        let first = record(&mut results, &room, 1_234);
        (0..5).for_each(|_| room.step());
        let second = record(&mut results, &room, 1_484);
        assert_eq!((first.tick, first.duration_ms, second.tick, second.duration_ms), (30, 1500, 35, 250));
        assert_eq!((first.room, first.game.as_str(), first.seed), (3, "crowd", 9));
        assert_eq!((first.journal.as_deref(), first.ended_at_ms), (Some("room-3"), 1_234));
        let told: Vec<_> =
            first.seats.iter().map(|seat| (seat.player, seat.bot, seat.score, seat.won)).collect();
        assert_eq!(told, [(Some(77), false, 4, true), (None, true, 2, false), (None, false, -1, false)]);
        assert_eq!(
            (first.seats[0].name.as_str(), first.seats[2].name.as_str()),
            ("Ada", ""),
            "who left has no name"
        );
    }

    #[tokio::test]
    async fn what_the_storage_has_no_room_for_is_handed_in_later_and_the_oldest_is_lost_past_the_bound() {
        let sink = MemorySink::default();
        let (records, task) = queue(sink.clone());
        let other = |tick| storage::records::test_record(tick);
        let queued = (0..).take_while(|tick| records.add(other(*tick)).is_ok()).count();
        let mut results = results(&records);
        for tick in 0..=RESULTS_KEPT as u32 {
            results.push(other(1_000_000 + tick));
            results.hand_in();
        }
        let counts = records.counts().clone();
        assert_eq!((results.kept.len(), counts.lost.get()), (RESULTS_KEPT, 1), "the oldest made room");
        assert_eq!(
            counts.waiting.get(),
            (queued + RESULTS_KEPT) as i64,
            "a room's own count among the waiting"
        );
        drop(records);
        tokio::join!(results.finish(), task);
        let kept = sink.records();
        assert_eq!(kept.len(), queued + RESULTS_KEPT);
        assert_eq!(kept[queued].tick, 1_000_001, "in the order in which they ended");
        assert_eq!((counts.waiting.get(), counts.written.get()), (0, kept.len() as u64));
    }

    #[tokio::test]
    async fn a_room_ends_even_when_the_storage_has() {
        let (records, task) = queue(MemorySink::default());
        drop(task);
        let mut results = results(&records);
        results.push(storage::records::test_record(1));
        results.hand_in();
        results.finish().await;
        assert_eq!((records.counts().waiting.get(), records.counts().lost.get()), (0, 1));
    }
}
