//! The context that the bots of one worker share: the plan, the servers, the run's clock, and the recorder of the bots' counts.
//!
//! Each worker creates a context and passes it to its bots. The context is a module of its own, so that bots do not depend on workers.

use std::{
    ops::DerefMut,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quarrel_shared::{id::RoomId, protocol::JoinTarget};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    measure::{Batch, CountRecorder},
    plan::{Plan, ServerTarget},
};

/// The parts of a run that its bots use, and the recorder of one worker.
pub(crate) struct WorkerContext {
    pub(crate) plan: Arc<Plan>,
    /// The server of each group of the plan, by the group's index.
    pub(crate) targets: Arc<[ServerTarget]>,
    /// The time at which the run starts.
    pub(crate) start: Instant,
    /// Cancelled when the run ends, by the plan or early.
    pub(crate) stop: CancellationToken,
    recorder: Mutex<CountRecorder>,
}

impl WorkerContext {
    pub(crate) fn new(
        plan: Arc<Plan>,
        targets: Arc<[ServerTarget]>,
        start: Instant,
        stop: CancellationToken,
    ) -> Self {
        Self { plan, targets, start, stop, recorder: Mutex::default() }
    }

    /// Returns the time since the run's start; zero before the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns the time at which the plan's last stage ends.
    pub(crate) fn end(&self) -> Instant {
        self.start + self.plan.stages.length()
    }

    /// Locks the worker's recorder. All bots of a worker run on one thread, so the lock is contended only while a batch is taken.
    pub(crate) fn recorder(&self) -> impl DerefMut<Target = CountRecorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the counts since the last call.
    pub(crate) fn take(&self) -> Batch {
        self.recorder().take()
    }

    /// Returns the room that a group joins: the one that the plan names, or any with a free seat.
    pub(crate) fn join_target(&self, group: u16) -> JoinTarget {
        let room = self.plan.bots.get(usize::from(group)).and_then(|group| group.room);
        room.map_or(JoinTarget::Quick, |id| JoinTarget::Room(RoomId(id)))
    }

    /// Returns the brain that the plan names for a group; `None` for the game's default brain.
    pub(crate) fn brain(&self, group: u16) -> Option<&str> {
        self.plan.bots.get(usize::from(group))?.brain.as_deref()
    }

    /// Returns the group whose server a hostile bot attacks, from the bot's number. Hostile bots are spread evenly over the distinct
    /// servers, not over groups; of several groups on one server, the first is returned.
    pub(crate) fn hostile_group(&self, number: u32) -> u16 {
        let servers: Vec<_> = self.targets.iter().map(|target| target.connect.server).collect();
        nth_distinct(&servers, number)
    }
}

/// Returns the index at which the distinct value with this number first occurs. Numbers start at 0 and wrap around at the number of
/// distinct values. Returns 0 for an empty slice.
fn nth_distinct<T: PartialEq>(all: &[T], number: u32) -> u16 {
    let is_first = |index: &usize| !all[..*index].contains(&all[*index]);
    let distinct: Vec<_> = (0..all.len()).filter(is_first).collect();
    let turn = (number as usize).checked_rem(distinct.len());
    turn.map_or(0, |turn| distinct[turn] as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bots_are_spread_over_servers_and_not_over_groups() {
        let groups = ["here", "here", "there", "here", "far"];
        assert_eq!([0, 1, 2, 3, 4].map(|number| nth_distinct(&groups, number)), [0, 2, 4, 0, 2]);
        assert_eq!(nth_distinct::<u8>(&[], 3), 0);
    }
}
