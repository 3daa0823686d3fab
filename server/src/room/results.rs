//! A room's finished matches, until the storage has them. A tick hands them in and never waits: what the storage has no room for is
//! kept here and handed in at a later tick, or while the room ends.

use std::collections::VecDeque;

use quarrel_shared::{
    game::{Game, Outcome},
    id::RoomId,
    tick::{Tick, TickRate},
};
use tracing::error;

use super::state::RoomState;
use crate::storage::{MatchRecord, Records, SeatRecord};

/// How many results a room keeps that the storage has no room for, on top of the thousand in its queue. Of 16 seats each a result is
/// 1.5 kB, so 64 rooms keep at most 1.5 MB, and a room whose matches last three minutes is good for a disk that stands still for 48.
/// Full: the oldest is lost, and said.
const RESULTS_KEPT: usize = 16;

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
        state: &RoomState<G>,
        outcome: &Outcome,
        ended_at_ms: u64,
    ) -> MatchRecord {
        let tick = state.tick();
        let ticks = tick.since(std::mem::replace(&mut self.last, tick));
        MatchRecord {
            room: self.room.0,
            game: G::NAME.to_owned(),
            seed: outcome.seed,
            tick: tick.0,
            journal: self.journal.clone(),
            duration_ms: u64::from(ticks) * 1000 / u64::from(self.rate.hz()),
            ended_at_ms,
            seats: seats(state, outcome),
        }
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

/// How everybody fared who had a score.
fn seats<G: Game>(state: &RoomState<G>, outcome: &Outcome) -> Vec<SeatRecord> {
    let fared = outcome.scores.iter().map(|(seat, score)| {
        let holder = state.name_of(*seat);
        let player = holder.and_then(|(_, player)| player);
        SeatRecord {
            seat: seat.0,
            player: player.map(|player| player.0),
            name: holder.map(|(name, _)| name.to_string()).unwrap_or_default(),
            bot: holder.is_some() && player.is_none(),
            score: *score,
            won: outcome.winners.contains(seat),
        }
    });
    fared.collect()
}
