//! Whether every room's tick advances.
//!
//! A room that is stuck says nothing by itself, so it is looked at twice: a tick that is the same after the
//! room's patience has run out stands still. However often somebody looks, the answer is the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::dto::{RoomListing, RoomState};

/// No room is called stuck sooner: a checker that asks twice at once must not kill a healthy server.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// A room may take this many periods for one tick; a room of one tick a second is given three seconds.
const PERIODS: u32 = 3;

/// What was seen of each room, and since when it has not changed.
#[derive(Debug, Default)]
pub struct Liveness {
    seen: BTreeMap<String, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    tick: u32,
    since: Instant,
}

impl Liveness {
    /// Looks at the rooms and names those that are stuck; a room that is stopping has no tick to advance.
    pub fn look(&mut self, now: Instant, rooms: &[RoomListing]) -> Vec<String> {
        let before = std::mem::take(&mut self.seen);
        let mut stuck = Vec::new();
        for room in rooms.iter().filter(|room| room.state == RoomState::Playing) {
            let seen = match before.get(&room.id) {
                Some(seen) if seen.tick == room.tick => *seen,
                _ => Seen { tick: room.tick, since: now },
            };
            if now.duration_since(seen.since) >= patience(room.tick_rate) {
                stuck.push(room.id.clone());
            }
            self.seen.insert(room.id.clone(), seen);
        }
        stuck
    }
}

fn patience(tick_rate: u32) -> Duration {
    LEAST_PATIENCE.max(Duration::from_secs(1) * PERIODS / tick_rate.max(1))
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
            state: RoomState::Playing,
            overruns: 0,
            age_s: 0,
            journal: None,
        }
    }

    #[test]
    fn a_room_is_stuck_once_its_tick_has_stood_for_a_second() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        assert!(liveness.look(start, &[room("a", 7)]).is_empty(), "one look tells nothing");
        assert!(liveness.look(start + 999 * MS, &[room("a", 7)]).is_empty());
        assert_eq!(liveness.look(start + 1000 * MS, &[room("a", 7)]), ["a"]);
        assert!(liveness.look(start + 1001 * MS, &[room("a", 8)]).is_empty(), "it has recovered");
    }

    #[test]
    fn looking_often_hides_no_stuck_room() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let mut stuck = Vec::new();
        for look in 0..=10 {
            stuck = liveness.look(start + look * 100 * MS, &[room("a", 7), room("b", look)]);
        }
        assert_eq!(stuck, ["a"]);
    }

    #[test]
    fn a_slow_room_is_given_three_periods() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let slow = RoomListing { tick_rate: 1, ..room("a", 7) };
        liveness.look(start, std::slice::from_ref(&slow));
        assert!(liveness.look(start + 2999 * MS, std::slice::from_ref(&slow)).is_empty());
        assert_eq!(liveness.look(start + 3000 * MS, &[slow]), ["a"]);
    }

    #[test]
    fn a_room_that_stops_or_is_gone_is_not_stuck_and_is_forgotten() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        liveness.look(start, &[room("a", 7), room("b", 7)]);
        let stopping = RoomListing { state: RoomState::Stopping, ..room("a", 7) };
        assert!(liveness.look(start + 5000 * MS, &[stopping]).is_empty());
        assert!(liveness.seen.is_empty());
    }
}
