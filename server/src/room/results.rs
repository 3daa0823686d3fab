//! Keeps the match results of one room until the storage has accepted them. A tick submits results without waiting: while the queue of the
//! storage is full, they are kept here and submitted at a later tick, or when the room ends.

use std::collections::VecDeque;

use quarrel_shared::{
    game::{Game, Outcome},
    id::{RoomId, RoomUid},
    journal::Holder,
    tick::{Tick, TickRate},
};
use tracing::error;

use crate::storage::{MatchId, MatchRecord, RecordQueue, SeatRecord};

/// The maximum number of results that a room keeps, in addition to the thousand in the queue of the storage. With 16 seats a result takes
/// 1.5 kB, so 64 rooms keep at most 64 x 1024 x 1.5 kB = 98 MB. A room whose matches last three minutes loses nothing while the database is
/// locked for 1024 x 3 min = two days. Above the maximum, the oldest result is dropped, with a log line. The room's journal still has it,
/// unless the journal could not be written either.
const MAX_KEPT_RESULTS: usize = 1024;

/// The match results of one room.
pub(super) struct MatchResults {
    room: RoomId,
    rate: TickRate,
    journal: Option<String>,
    past: PastMatches,
    /// The results that the storage has not accepted yet, oldest first.
    kept: VecDeque<MatchRecord>,
    records: RecordQueue,
}

/// The matches that a room has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PastMatches {
    /// The last match; number 0 before the end of the first.
    pub(super) last: MatchId,
    /// The tick at which it ended; 0 before the end of the first.
    pub(super) last_end: Tick,
}

impl PastMatches {
    /// Creates the matches of a room that has finished none.
    pub(super) const fn none(room: RoomUid) -> Self {
        Self { last: MatchId { room, number: 0 }, last_end: Tick(0) }
    }
}

impl MatchResults {
    /// Creates the results of a room with this journal.
    pub(super) const fn new(
        room: RoomId,
        rate: TickRate,
        journal: Option<String>,
        past: PastMatches,
        records: RecordQueue,
    ) -> Self {
        Self { room, rate, journal, past, kept: VecDeque::new(), records }
    }

    /// Returns the result of the match that ended at this tick, which the caller passes to [`Self::push`]. The next match starts at this
    /// tick.
    pub(super) fn record<G: Game>(
        &mut self,
        tick: Tick,
        holders: &[Option<Holder>],
        outcome: &Outcome,
        ended_at_ms: u64,
    ) -> MatchRecord {
        let previous_end = std::mem::replace(&mut self.past.last_end, tick);
        self.past.last.number += 1;
        let finished = FinishedMatch {
            id: self.past.last,
            room: self.room,
            journal: self.journal.clone(),
            rate: self.rate,
            previous_end,
            ended: tick,
            holders,
            outcome,
            ended_at_ms,
        };
        finished.into_record::<G>()
    }

    /// Keeps a result for [`Self::submit`]. Above [`MAX_KEPT_RESULTS`], drops the oldest result.
    pub(super) fn push(&mut self, record: MatchRecord) {
        let counts = self.records.counts();
        counts.waiting.inc();
        self.kept.push_back(record);
        if self.kept.len() > MAX_KEPT_RESULTS
            && let Some(lost) = self.kept.pop_front()
        {
            counts.waiting.dec();
            counts.lost.inc();
            error!(?lost, "match result lost, storage accepted none for too long");
        }
    }

    /// Submits as many results as the queue of the storage accepts, oldest first.
    pub(super) fn submit(&mut self) {
        while let Some(oldest) = self.kept.pop_front() {
            if let Err(oldest) = self.records.try_push(oldest) {
                self.kept.push_front(oldest);
                break;
            }
            self.records.counts().waiting.dec();
        }
    }

    /// Submits all results, and waits until the queue of the storage has accepted them. To be called after the room's last tick.
    pub(super) async fn finish(mut self) {
        while let Some(oldest) = self.kept.pop_front() {
            let submitted = self.records.push(oldest).await;
            let counts = self.records.counts();
            counts.waiting.dec();
            if let Err(lost) = submitted {
                counts.lost.inc();
                error!(?lost, "match result lost, storage has stopped");
            }
        }
    }
}

/// A match that has ended.
pub(super) struct FinishedMatch<'a> {
    pub(super) id: MatchId,
    pub(super) room: RoomId,
    /// The file name of the room's journal.
    pub(super) journal: Option<String>,
    pub(super) rate: TickRate,
    /// The tick at which the previous match ended; 0 for the first match.
    pub(super) previous_end: Tick,
    /// The last tick of the match.
    pub(super) ended: Tick,
    /// The occupants of the seats at the end of the match, indexed by seat.
    pub(super) holders: &'a [Option<Holder>],
    pub(super) outcome: &'a Outcome,
    /// The time of the end, in milliseconds since 1970.
    pub(super) ended_at_ms: u64,
}

impl FinishedMatch<'_> {
    /// Returns the result in the form in which it is stored.
    pub(super) fn into_record<G: Game>(self) -> MatchRecord {
        MatchRecord {
            id: Some(self.id),
            room: self.room.0,
            game: G::NAME.to_owned(),
            seed: self.outcome.seed,
            tick: self.ended.0,
            journal: self.journal,
            duration_ms: u64::from(self.ended.since(self.previous_end)) * 1000 / u64::from(self.rate.hz()),
            ended_at_ms: self.ended_at_ms,
            seats: seats(self.holders, self.outcome),
        }
    }
}

/// Returns the results of all seats that have a score in the outcome.
fn seats(holders: &[Option<Holder>], outcome: &Outcome) -> Vec<SeatRecord> {
    let seats = outcome.scores.iter().map(|(seat, score)| {
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
    seats.collect()
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

    fn queue(sink: impl RecordSink) -> (RecordQueue, impl Future<Output = ()>) {
        storage::start(sink, Vec::new(), Metrics::new().results.clone())
    }

    fn results(records: &RecordQueue) -> MatchResults {
        let rate = TickRate::new(20).unwrap();
        let past = PastMatches::none(RoomUid(5));
        MatchResults::new(RoomId(3), rate, Some("room-3".to_owned()), past, records.clone())
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

    fn record(results: &mut MatchResults, room: &RoomState<Crowd>, ended_at_ms: u64) -> MatchRecord {
        results.record::<Crowd>(room.tick(), &room.holders(), &outcome(), ended_at_ms)
    }

    #[test]
    fn a_result_has_the_duration_of_its_match_and_the_result_of_each_seat() {
        let (records, _task) = queue(MemorySink::default());
        let (mut results, mut room) = (results(&records), room());
        (0..30).for_each(|_| room.step());
        let first = record(&mut results, &room, 1_234);
        (0..5).for_each(|_| room.step());
        let second = record(&mut results, &room, 1_484);
        assert_eq!((first.tick, first.duration_ms, second.tick, second.duration_ms), (30, 1500, 35, 250));
        assert_eq!((first.room, first.game.as_str(), first.seed), (3, "crowd", 9));
        let ids = [first.id, second.id].map(|id| id.map(|id| (id.room, id.number)));
        assert_eq!(ids, [Some((RoomUid(5), 1)), Some((RoomUid(5), 2))]);
        assert_eq!((first.journal.as_deref(), first.ended_at_ms), (Some("room-3"), 1_234));
        let seats: Vec<_> =
            first.seats.iter().map(|seat| (seat.player, seat.bot, seat.score, seat.won)).collect();
        assert_eq!(seats, [(Some(77), false, 4, true), (None, true, 2, false), (None, false, -1, false)]);
        assert_eq!(
            (first.seats[0].name.as_str(), first.seats[2].name.as_str()),
            ("Ada", ""),
            "an empty seat has no name"
        );
    }

    #[tokio::test]
    async fn refused_results_are_submitted_later_and_the_oldest_is_dropped_above_the_maximum() {
        let sink = MemorySink::default();
        let (records, task) = queue(sink.clone());
        let other = |tick| storage::records::test_record(tick);
        let queued = (0..).take_while(|tick| records.try_push(other(*tick)).is_ok()).count();
        let mut results = results(&records);
        for tick in 0..=MAX_KEPT_RESULTS as u32 {
            results.push(other(1_000_000 + tick));
            results.submit();
        }
        let counts = records.counts().clone();
        assert_eq!(
            (results.kept.len(), counts.lost.get()),
            (MAX_KEPT_RESULTS, 1),
            "the oldest result is dropped"
        );
        assert_eq!(
            counts.waiting.get(),
            (queued + MAX_KEPT_RESULTS) as i64,
            "the room's own results count as waiting"
        );
        drop(records);
        tokio::join!(results.finish(), task);
        let kept = sink.records();
        assert_eq!(kept.len(), queued + MAX_KEPT_RESULTS);
        assert_eq!(kept[queued].tick, 1_000_001, "results are stored in the order of their ends");
        assert_eq!((counts.waiting.get(), counts.written.get()), (0, kept.len() as u64));
    }

    #[tokio::test]
    async fn finish_returns_and_counts_lost_results_when_the_storage_has_stopped() {
        let (records, task) = queue(MemorySink::default());
        drop(task);
        let mut results = results(&records);
        results.push(storage::records::test_record(1));
        results.submit();
        results.finish().await;
        assert_eq!((records.counts().waiting.get(), records.counts().lost.get()), (0, 1));
    }
}
