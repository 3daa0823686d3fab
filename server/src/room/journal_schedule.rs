//! When a room's journal does what: hands in, begins a segment, tries again. Pure: it is told the time.
//!
//! All rooms of a server hand in at the same moments. To wake the storage costs more than to write a few pieces, and so it wakes no
//! oftener for many rooms than for one.

use std::time::Duration;

use quarrel_shared::tick::TickRate;

/// When one room's journal does what.
#[derive(Clone, Debug)]
pub(super) struct JournalSchedule {
    /// In which [`SLOT`] since the server's epoch the newest pieces were handed in; none were before the first tick.
    slot: Option<u128>,
    /// How far apart checkpoints are, in ticks; each waits for the hand-in that is next.
    pub(super) checkpoint: u32,
    /// How many ticks after a refusal a journal tries to begin anew.
    pub(super) retry: u32,
}

/// How long ticks gather before they are handed in: that, and what the storage gathers, is what a killed server loses. A tick is to be
/// in the file after a quarter second, and this leaves 35 ms of that for a tick that comes late and for the writing.
const SLOT: Duration = Duration::from_millis(175);

const RETRY_MS: u32 = 1000;

impl JournalSchedule {
    /// Of a room that ticks like this, with checkpoints so far apart.
    pub(super) fn of(rate: TickRate, checkpoint: Duration) -> Self {
        let checkpoint = rate.ticks(checkpoint.as_millis().min(u128::from(u32::MAX)) as u32);
        Self { slot: None, checkpoint, retry: rate.ticks(RETRY_MS) }
    }

    /// Whether what has gathered is to be handed in `now`, a duration since the server's epoch: at the first tick of each slot. A tick
    /// that is not the first of its slot waits for the first of the next: for a slot at the most, and for as long as that is late.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        let slot = Some(now.as_nanos() / SLOT.as_nanos());
        std::mem::replace(&mut self.slot, slot) != slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ticks at which a room hands in whose first tick is due at `phase` and whose others are up to so late, by turns; and how long
    /// a tick waited for that at the most.
    fn play(hz: u16, phase: Duration, late: Duration) -> (Vec<Duration>, Duration) {
        let rate = TickRate::new(hz).unwrap();
        let mut pace = JournalSchedule::new(rate, SLOT);
        let (mut handed_in, mut longest) = (Vec::new(), Duration::ZERO);
        let mut waiting = Vec::<Duration>::new();
        for tick in 0..u64::from(hz) * 20 {
            let due = phase + Duration::from_nanos(tick * rate.period_ns());
            let before = waiting.last().or_else(|| handed_in.last()).copied().unwrap_or_default();
            let now = before.max(due + late * (tick * 7 % 11) as u32 / 10);
            waiting.push(now);
            if pace.is_due(now) {
                waiting.drain(..).for_each(|made| longest = longest.max(now - made));
                handed_in.push(now);
            }
        }
        (handed_in, longest)
    }

    #[test]
    fn no_tick_waits_for_longer_than_a_slot_and_a_ticks_lateness_at_any_rate() {
        for hz in [1, 5, 7, 20, 24, 30, 60, 64, 128] {
            for (phase, late) in (0..250).flat_map(|phase| [(phase, 0), (phase, 3), (phase, 20)]) {
                let late = Duration::from_millis(late);
                let (_, longest) = play(hz, Duration::from_millis(phase), late);
                assert!(longest <= SLOT + late, "{hz} Hz, {phase} ms, {late:?} late: {longest:?}");
            }
        }
    }

    #[test]
    fn all_rooms_hand_in_within_a_tick_of_the_same_moments() {
        for phase in (0..250).map(Duration::from_millis) {
            let (handed_in, _) = play(30, phase, Duration::ZERO);
            let slots = 20_000 / SLOT.as_millis() as usize;
            assert!((slots..=slots + 2).contains(&handed_in.len()), "once a slot: {}", handed_in.len());
            // The first may be the room's first tick.
            for at in &handed_in[1..] {
                let behind = at.as_nanos() % SLOT.as_nanos();
                assert!(behind < 33_400_000, "{phase:?}: {behind} ns behind the slot's begin");
            }
        }
    }

    #[test]
    fn ticks_that_are_caught_up_at_once_are_handed_in_once() {
        let mut pace = JournalSchedule::new(TickRate::DEFAULT, SLOT);
        let late = [1100, 1101, 1102, 1103].map(Duration::from_millis);
        assert_eq!(late.map(|now| pace.is_due(now)), [true, false, false, false]);
    }
}
