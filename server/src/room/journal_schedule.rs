//! The schedule of a room's journal: hand-ins to the storage, checkpoints and retries. Pure: the caller passes the time.
//!
//! All rooms of a server hand in at the same times. A wake-up of the storage task costs more than writing a few chunks, and this way it
//! wakes up no more often for many rooms than for one.

use std::time::Duration;

use quarrel_shared::tick::TickRate;

/// The schedule of one room's journal.
#[derive(Clone, Debug)]
pub(super) struct JournalSchedule {
    /// The [`SLOT`] since the server's epoch of the newest hand-in; `None` before the first tick.
    slot: Option<u128>,
    /// The distance of checkpoints, in ticks. A checkpoint is written with the next hand-in.
    pub(super) checkpoint_ticks: u32,
    /// The time between a refusal by the storage and the next attempt to resume the journal, in ticks.
    pub(super) retry_ticks: u32,
}

/// The time for which ticks are collected before a hand-in. A killed server loses these ticks and those that the storage collects. A
/// tick is to be in the file after a quarter second, and this leaves 35 ms of that for a late tick and for the writing.
const SLOT: Duration = Duration::from_millis(175);

const RETRY_MS: u32 = 1000;

impl JournalSchedule {
    /// The schedule of a room with this tick rate, and with this time between checkpoints.
    pub(super) fn new(rate: TickRate, checkpoint: Duration) -> Self {
        let checkpoint_ticks = rate.ticks(checkpoint.as_millis().min(u128::from(u32::MAX)) as u32);
        Self { slot: None, checkpoint_ticks, retry_ticks: rate.ticks(RETRY_MS) }
    }

    /// Whether the collected ticks are due for a hand-in at `now`, a duration since the server's epoch: at the first tick of each slot. A
    /// tick that is not the first of its slot waits for the first of the next one: for a slot at most, plus the lateness of that tick.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        let slot = Some(now.as_nanos() / SLOT.as_nanos());
        std::mem::replace(&mut self.slot, slot) != slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates a room whose first tick is due at `offset` and whose ticks are up to `late` late. Returns the times of its hand-ins, and
    /// the longest time that a tick waited for one.
    fn play(hz: u16, offset: Duration, late: Duration) -> (Vec<Duration>, Duration) {
        let rate = TickRate::new(hz).unwrap();
        let mut schedule = JournalSchedule::new(rate, SLOT);
        let (mut handed_in, mut longest) = (Vec::new(), Duration::ZERO);
        let mut waiting = Vec::<Duration>::new();
        for tick in 0..u64::from(hz) * 20 {
            let due = offset + Duration::from_nanos(tick * rate.period_ns());
            let before = waiting.last().or_else(|| handed_in.last()).copied().unwrap_or_default();
            let now = before.max(due + late * (tick * 7 % 11) as u32 / 10);
            waiting.push(now);
            if schedule.is_due(now) {
                waiting.drain(..).for_each(|made| longest = longest.max(now - made));
                handed_in.push(now);
            }
        }
        (handed_in, longest)
    }

    #[test]
    fn no_tick_waits_longer_than_a_slot_and_a_ticks_lateness_at_any_rate() {
        for hz in [1, 5, 7, 20, 24, 30, 60, 64, 128] {
            for (offset, late) in (0..250).flat_map(|offset| [(offset, 0), (offset, 3), (offset, 20)]) {
                let late = Duration::from_millis(late);
                let (_, longest) = play(hz, Duration::from_millis(offset), late);
                assert!(longest <= SLOT + late, "{hz} Hz, {offset} ms, {late:?} late: {longest:?}");
            }
        }
    }

    #[test]
    fn all_rooms_hand_in_within_a_tick_of_the_same_times() {
        for offset in (0..250).map(Duration::from_millis) {
            let (handed_in, _) = play(30, offset, Duration::ZERO);
            let slots = 20_000 / SLOT.as_millis() as usize;
            assert!((slots..=slots + 2).contains(&handed_in.len()), "once a slot: {}", handed_in.len());
            // The first hand-in may be at the room's first tick.
            for at in &handed_in[1..] {
                let behind = at.as_nanos() % SLOT.as_nanos();
                assert!(behind < 33_400_000, "{offset:?}: {behind} ns after the start of the slot");
            }
        }
    }

    #[test]
    fn ticks_that_are_caught_up_together_are_handed_in_together() {
        let mut schedule = JournalSchedule::new(TickRate::DEFAULT, SLOT);
        let late = [1100, 1101, 1102, 1103].map(Duration::from_millis);
        assert_eq!(late.map(|now| schedule.is_due(now)), [true, false, false, false]);
    }
}
