//! The schedule of a room's journal: when recorded ticks are submitted to the storage, and the intervals of checkpoints and retries. Has no
//! I/O; the caller passes the time.
//!
//! Time is divided into slots, which start at the same times for all rooms of a server, and each room submits at its first tick in a slot.
//! A wake-up of the storage task costs more than writing a few chunks, and this way the storage task wakes up no more often for many rooms
//! than for one.

use std::time::Duration;

use quarrel_shared::tick::TickRate;

/// The schedule of one room's journal.
#[derive(Clone, Debug)]
pub(super) struct JournalSchedule {
    /// The number of the slot of the newest submission, counted from the server's epoch; `None` before the first tick.
    slot: Option<u128>,
    /// The number of ticks between two checkpoints. A checkpoint is submitted with the first submission of ticks after it is due.
    pub(super) checkpoint_ticks: u32,
    /// The number of ticks between a refusal by the storage and the next attempt to restart the journal.
    pub(super) retry_ticks: u32,
}

/// The length of a slot, for which a room collects ticks before it submits them. A server that is killed loses these ticks and those that
/// the storage task collects. A tick must be in the file after a quarter second: 250 ms - 175 ms - 40 ms for which the storage task
/// collects = 35 ms remain for the lateness of ticks and for the write.
const SLOT: Duration = Duration::from_millis(175);

/// The time between a refusal by the storage and the next attempt to restart the journal, in milliseconds.
const RETRY_MS: u32 = 1000;

impl JournalSchedule {
    /// Creates the schedule of a room with this tick rate and this time between two checkpoints.
    pub(super) fn new(rate: TickRate, checkpoint: Duration) -> Self {
        let checkpoint_ticks = rate.ticks(checkpoint.as_millis().min(u128::from(u32::MAX)) as u32);
        Self { slot: None, checkpoint_ticks, retry_ticks: rate.ticks(RETRY_MS) }
    }

    /// Records a tick at `now`, a duration since the server's epoch. Returns true if the collected ticks must be submitted, because this
    /// tick is the first one of its slot. Any other tick is kept until the first tick of the next slot: for at most the length of a slot,
    /// plus the lateness of that tick.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        let slot = Some(now.as_nanos() / SLOT.as_nanos());
        std::mem::replace(&mut self.slot, slot) != slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates a room whose first tick is due at `offset` and whose ticks are up to `late` late. Returns the times of its submissions,
    /// and the longest time between a tick and its submission.
    fn play(hz: u16, offset: Duration, late: Duration) -> (Vec<Duration>, Duration) {
        let rate = TickRate::new(hz).unwrap();
        let mut schedule = JournalSchedule::new(rate, SLOT);
        let (mut submitted, mut longest) = (Vec::new(), Duration::ZERO);
        let mut collected = Vec::<Duration>::new();
        for tick in 0..u64::from(hz) * 20 {
            let due = offset + Duration::from_nanos(tick * rate.period_ns());
            let before = collected.last().or_else(|| submitted.last()).copied().unwrap_or_default();
            let now = before.max(due + late * (tick * 7 % 11) as u32 / 10);
            collected.push(now);
            if schedule.is_due(now) {
                collected.drain(..).for_each(|made| longest = longest.max(now - made));
                submitted.push(now);
            }
        }
        (submitted, longest)
    }

    #[test]
    fn each_tick_is_submitted_within_a_slot_and_the_lateness_of_a_tick_at_any_rate() {
        for hz in [1, 5, 7, 20, 24, 30, 60, 64, 128] {
            for (offset, late) in (0..250).flat_map(|offset| [(offset, 0), (offset, 3), (offset, 20)]) {
                let late = Duration::from_millis(late);
                let (_, longest) = play(hz, Duration::from_millis(offset), late);
                assert!(longest <= SLOT + late, "{hz} Hz, {offset} ms, {late:?} late: {longest:?}");
            }
        }
    }

    #[test]
    fn all_rooms_submit_within_a_tick_after_the_start_of_a_slot() {
        for offset in (0..250).map(Duration::from_millis) {
            let (submitted, _) = play(30, offset, Duration::ZERO);
            let slots = 20_000 / SLOT.as_millis() as usize;
            assert!(
                (slots..=slots + 2).contains(&submitted.len()),
                "{} submissions in {slots} slots",
                submitted.len()
            );
            // The first submission is at the room's first tick, which may be in the middle of a slot.
            for at in &submitted[1..] {
                let since_start = at.as_nanos() % SLOT.as_nanos();
                assert!(since_start < 33_400_000, "{offset:?}: {since_start} ns after the start of the slot");
            }
        }
    }

    #[test]
    fn ticks_that_are_caught_up_at_once_are_submitted_once() {
        let mut schedule = JournalSchedule::new(TickRate::DEFAULT, SLOT);
        let late = [1100, 1101, 1102, 1103].map(Duration::from_millis);
        assert_eq!(late.map(|now| schedule.is_due(now)), [true, false, false, false]);
    }
}
