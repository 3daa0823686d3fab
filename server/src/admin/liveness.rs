//! Detection of stuck rooms: rooms whose tick does not advance.
//!
//! A stuck room cannot report itself, so successive checks compare its tick. The room is stuck when its tick has not changed for its
//! stall timeout. Frequent checks do not report a room earlier or later; a stall shorter than the interval of checks may be missed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::dto::{RoomActivity, RoomListing};

/// The minimum stall timeout. Without it, three periods at 128 Hz would be 23 ms, which a healthy server exceeds under load.
const MIN_STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// The time for a room to create its world. Large worlds take seconds.
const OPENING_TIMEOUT: Duration = Duration::from_secs(60);

/// The stall timeout in tick periods: three seconds for a room at one tick per second.
const STALL_PERIODS: u32 = 3;

/// The observed ticks of all rooms, by room id.
#[derive(Debug, Default)]
pub struct Liveness {
    observed: BTreeMap<String, ObservedTick>,
}

/// The newest tick of a room at the last check.
#[derive(Clone, Copy, Debug)]
struct ObservedTick {
    tick: u32,
    /// The time of the first check that observed this tick.
    since: Instant,
}

impl Liveness {
    /// Compares the rooms with the last check and returns the ids of the stuck rooms. A stopping room does not tick and is never stuck;
    /// an opening room has a timeout of its own. The process has run without a pause since `running_since`: before that, no room could
    /// tick.
    pub fn check(&mut self, now: Instant, running_since: Instant, rooms: &[RoomListing]) -> Vec<String> {
        let before = std::mem::take(&mut self.observed);
        let mut stuck = Vec::new();
        for room in rooms.iter().filter(|room| room.state != RoomActivity::Stopping) {
            let observed = match before.get(&room.id) {
                Some(last) if last.tick == room.tick => {
                    ObservedTick { since: last.since.max(running_since), ..*last }
                }
                _ => ObservedTick { tick: room.tick, since: now },
            };
            let timeout = match room.state {
                RoomActivity::Opening => OPENING_TIMEOUT,
                _ => stall_timeout(room.tick_rate),
            };
            if now.duration_since(observed.since) >= timeout {
                stuck.push(room.id.clone());
            }
            self.observed.insert(room.id.clone(), observed);
        }
        stuck
    }
}

/// Returns the time without a new tick after which a room of this tick rate is stuck.
fn stall_timeout(tick_rate: u32) -> Duration {
    MIN_STALL_TIMEOUT.max(Duration::from_secs(1) * STALL_PERIODS / tick_rate.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn room(id: &str, tick: u32) -> RoomListing {
        RoomListing {
            id: id.into(),
            game: "arena",
            tick,
            seats: 16,
            players: 0,
            bots: 0,
            tick_rate: 30,
            state: RoomActivity::Playing,
            overruns: 0,
            slips: 0,
            step_ms: 0.0,
            age_s: 0,
            journal: None,
        }
    }

    #[test]
    fn a_room_is_stuck_when_its_tick_has_not_changed_for_a_second() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        assert!(
            liveness.check(start, start, &[room("a", 7)]).is_empty(),
            "one check cannot find a stuck room"
        );
        assert!(liveness.check(start + 999 * MS, start, &[room("a", 7)]).is_empty());
        assert_eq!(liveness.check(start + 1000 * MS, start, &[room("a", 7)]), ["a"]);
        assert!(liveness.check(start + 1001 * MS, start, &[room("a", 8)]).is_empty(), "the room ticks again");
    }

    #[test]
    fn a_pause_of_the_process_does_not_make_a_room_stuck() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        liveness.check(start, start, &[room("a", 7)]);
        let resumed = start + 9000 * MS;
        assert!(liveness.check(resumed, resumed, &[room("a", 7)]).is_empty());
        assert!(liveness.check(resumed + 999 * MS, resumed, &[room("a", 7)]).is_empty());
        assert_eq!(liveness.check(resumed + 1000 * MS, resumed, &[room("a", 7)]), ["a"]);
    }

    #[test]
    fn frequent_checks_do_not_hide_a_stuck_room() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let mut stuck = Vec::new();
        for check in 0..=10 {
            stuck = liveness.check(start + check * 100 * MS, start, &[room("a", 7), room("b", check)]);
        }
        assert_eq!(stuck, ["a"]);
    }

    #[test]
    fn a_slow_room_is_stuck_after_three_periods() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let slow = RoomListing { tick_rate: 1, ..room("a", 7) };
        liveness.check(start, start, std::slice::from_ref(&slow));
        assert!(liveness.check(start + 2999 * MS, start, std::slice::from_ref(&slow)).is_empty());
        assert_eq!(liveness.check(start + 3000 * MS, start, &[slow]), ["a"]);
    }

    #[test]
    fn an_opening_room_is_stuck_after_a_minute() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let opening = RoomListing { state: RoomActivity::Opening, ..room("a", 0) };
        liveness.check(start, start, std::slice::from_ref(&opening));
        assert!(liveness.check(start + 59_999 * MS, start, std::slice::from_ref(&opening)).is_empty());
        assert_eq!(liveness.check(start + 60_000 * MS, start, &[opening]), ["a"]);
    }

    #[test]
    fn stopping_and_closed_rooms_are_not_stuck_and_not_kept() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        liveness.check(start, start, &[room("a", 7), room("b", 7)]);
        let stopping = RoomListing { state: RoomActivity::Stopping, ..room("a", 7) };
        assert!(liveness.check(start + 5000 * MS, start, &[stopping]).is_empty());
        assert!(liveness.observed.is_empty());
    }
}
