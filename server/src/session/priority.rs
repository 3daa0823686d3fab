//! The priority accumulator: chooses which entity updates go into a datagram. Pure.
//!
//! A snapshot is one datagram of at most the path's limit. Usually everything fits, and nothing here runs. Otherwise every entity with
//! an update (it is new, or differs from its extrapolation from the baseline) gets a rank, and the updates are sent in the order of
//! rank until the datagram is full. The others are deferred: the client keeps extrapolating such an entity, or does not show it yet
//! when it is new. Removals are always sent.
//!
//! The ranks, first to last:
//! 1. The seat's own entities and those that the game put in focus: never deferred.
//! 2. Updates that were deferred in [`MAX_DEFERRED_SENDS`] sends in a row: not deferred any longer.
//! 3. Entities at the seat's eye: most likely the player's own body.
//! 4. Updates that were sent already and are not in the baseline yet, new entities before others: to defer them now would make an
//!    entity vanish, or jump back, until the acknowledgement arrives.
//! 5. All others by a priority that grows with each deferral: faster near the eye, and faster with the deviation from the
//!    extrapolation. An eighth of the datagram is reserved for the ranks above, because deltas against an aging baseline grow.
//!
//! When the first two ranks do not fit, datagrams cannot keep the bound, and the whole view must be sent on a stream.

use quarrel_shared::{
    bits::BitWriter,
    game::{Entity, Place, Point, UNIT, Viewpoint},
    id::{EntityId, SeatId},
    snapshot::{
        View,
        updates::{EntityUpdate, defer_updates, measure},
    },
    tick::Tick,
};

/// The maximum number of consecutive sends in which an update may be deferred: about half a second at 30 Hz. On a link with 200 ms an
/// update is repeated for some six sends until it is acknowledged, so this is enough for three datagrams' worth of updates to take
/// turns.
pub const MAX_DEFERRED_SENDS: u32 = 16;

/// The priority that each deferral adds. With [`MAX_BONUS`] twice, the fastest priority grows three times as fast as the slowest and no
/// faster, so that updates which could take turns within the bound nearly do.
const GAIN: u32 = 8;

/// The maximum that nearness to the eye adds to that, and the maximum that deviation adds.
const MAX_BONUS: u32 = 8;

/// The deviation from the extrapolation for one point of priority, in 1/256 unit.
const DEVIATION_PER_POINT: u32 = UNIT as u32 / 8;

/// The part of a datagram, as a divisor, that is reserved for ranks above the last.
const RESERVE_DIVISOR: usize = 8;

/// The deferred updates of one client. Empty, without heap memory, while everything fits.
#[derive(Debug, Default)]
pub struct PriorityAccumulator {
    /// The entities with updates at the last send, by ascending id; empty if all were sent.
    records: Vec<Record>,
    /// The tick since which every snapshot was whole; `None` when the last one was not.
    whole_since: Option<Tick>,
    // Scratch space, so that no send allocates.
    updates: Vec<EntityUpdate>,
    bits: BitWriter,
    distances: Vec<u32>,
    /// The priority of each update.
    priorities: Vec<u32>,
    ranks: Vec<Rank>,
    /// Whether the entity at this index of the view is deferred.
    deferred: Vec<bool>,
    next: Vec<Record>,
}

/// The state of an entity's update at the last send.
#[derive(Clone, Copy, Debug)]
struct Record {
    id: EntityId,
    state: SendState,
}

#[derive(Clone, Copy, Debug)]
enum SendState {
    /// Sent in every snapshot since this tick.
    Sent { since: Tick },
    /// Deferred in this many sends in a row.
    Deferred { sends: u32, priority: u32 },
}

/// The rank of an update; the lowest is sent first.
#[derive(Clone, Copy, Debug)]
struct Rank {
    class: Class,
    /// The complement of the priority: higher priorities are lower.
    inverse_priority: u32,
    /// The index of the update.
    update: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Own,
    Due,
    Eye,
    SentNew,
    Sent,
    Other,
}

impl Rank {
    /// The rank as one number, for a single comparison. A view has far fewer updates than 2^16.
    const fn key(&self) -> u64 {
        (self.class as u64) << 48 | (self.inverse_priority as u64) << 16 | (self.update & 0xffff) as u64
    }
}

impl PriorityAccumulator {
    /// An accumulator without deferred updates.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that the snapshot of this tick contained all updates.
    pub fn record_whole(&mut self, tick: Tick) {
        self.whole_since.get_or_insert(tick);
        self.records.clear();
    }

    /// Removes deferred updates from `view`, so that its delta against `base` takes at most `limit` bits, and returns their number.
    /// Returns `None` and leaves the view unchanged when the bound cannot be kept, and the view must be sent whole.
    pub fn fit<E: Entity>(
        &mut self,
        base: &View<E>,
        view: &mut View<E>,
        seat: SeatId,
        viewpoint: &Viewpoint,
        limit: usize,
    ) -> Option<u32> {
        let fixed = measure(base, view, &mut self.bits, &mut self.updates);
        let remaining = limit.checked_sub(fixed)?;
        self.rank(base.tick, view, seat, viewpoint);
        self.ranks.sort_unstable_by_key(Rank::key);
        let deferred = self.choose(remaining, limit / RESERVE_DIVISOR)?;
        self.record(view);
        let is_deferred = &self.deferred;
        defer_updates(base, view, |at| is_deferred.get(at).copied().unwrap_or(false));
        Some(deferred)
    }

    fn rank<E: Entity>(&mut self, base: Tick, view: &View<E>, seat: SeatId, viewpoint: &Viewpoint) {
        let Self { records, whole_since, updates, distances, priorities, ranks, .. } = self;
        let place = |update: &EntityUpdate| view.entities[update.index as usize].1.place();
        distances.clear();
        distances.extend(updates.iter().map(|update| distance(place(update), viewpoint.eye)));
        let max_distance = distances.iter().copied().max().unwrap_or(0);
        let mut records = records.iter().peekable();
        ranks.clear();
        priorities.clear();
        for (index, (update, distance)) in (0u32..).zip(updates.iter().zip(&*distances)) {
            let id = view.entities[update.index as usize].0;
            while records.next_if(|record| record.id < id).is_some() {}
            let record = records.next_if(|record| record.id == id).map(|record| record.state);
            let state = record.or_else(|| whole_since.map(|since| SendState::Sent { since }));
            let place = place(update);
            let is_own = place == Place::Only(seat) || viewpoint.focus.binary_search(&id).is_ok();
            let class = match state {
                _ if is_own => Class::Own,
                Some(SendState::Deferred { sends, .. }) if sends >= MAX_DEFERRED_SENDS => Class::Due,
                _ if place == Place::At(viewpoint.eye) => Class::Eye,
                Some(SendState::Sent { since }) if since > base && update.deviation.is_none() => {
                    Class::SentNew
                }
                Some(SendState::Sent { since }) if since > base => Class::Sent,
                _ => Class::Other,
            };
            let accumulated = match state {
                Some(SendState::Deferred { priority, .. }) => priority,
                _ => 0,
            };
            let priority = accumulated.saturating_add(gain(*distance, max_distance, update.deviation));
            priorities.push(priority);
            ranks.push(Rank { class, inverse_priority: !priority, update: index });
        }
    }

    /// Marks the updates that do not fit into `remaining` bits as deferred, and returns their number. `None` when one of them must not be
    /// deferred.
    fn choose(&mut self, mut remaining: usize, reserve: usize) -> Option<u32> {
        let Self { updates, ranks, deferred, .. } = self;
        let entities = updates.last().map_or(0, |last| last.index as usize + 1);
        deferred.clear();
        deferred.resize(entities, false);
        let mut count = 0;
        for rank in &*ranks {
            let update = updates[rank.update as usize];
            let bits = update.bits as usize;
            let reserved = if rank.class == Class::Other { reserve } else { 0 };
            if bits + reserved <= remaining {
                remaining -= bits;
            } else if rank.class <= Class::Due {
                return None;
            } else {
                deferred[update.index as usize] = true;
                count += 1;
            }
        }
        Some(count)
    }

    /// Records which updates were sent and which were deferred, for the next send.
    fn record<E: Entity>(&mut self, view: &View<E>) {
        let Self { records, whole_since, updates, priorities, deferred, next, .. } = self;
        let mut known = records.iter().peekable();
        next.clear();
        for (update, priority) in updates.iter().zip(&*priorities) {
            let id = view.entities[update.index as usize].0;
            while known.next_if(|record| record.id < id).is_some() {}
            let before = known.next_if(|record| record.id == id).map(|record| record.state);
            let state = match before {
                _ if deferred[update.index as usize] => {
                    let sends = if let Some(SendState::Deferred { sends, .. }) = before { sends } else { 0 };
                    SendState::Deferred { sends: sends + 1, priority: *priority }
                }
                Some(SendState::Sent { since }) => SendState::Sent { since },
                Some(SendState::Deferred { .. }) => SendState::Sent { since: view.tick },
                None => SendState::Sent { since: whole_since.unwrap_or(view.tick) },
            };
            next.push(Record { id, state });
        }
        *whole_since = None;
        std::mem::swap(records, next);
    }
}

/// The priority that an update gains with each send.
fn gain(distance: u32, max_distance: u32, deviation: Option<u32>) -> u32 {
    let nearness = u64::from(max_distance - distance) * u64::from(MAX_BONUS) / u64::from(max_distance.max(1));
    let deviation = deviation.map_or(MAX_BONUS, |deviation| (deviation / DEVIATION_PER_POINT).min(MAX_BONUS));
    GAIN + nearness as u32 + deviation
}

/// The distance from the eye; 0 for an entity without a place.
const fn distance(place: Place, eye: Point) -> u32 {
    match place {
        Place::At(point) => point.distance(eye),
        Place::Everywhere | Place::Only(_) => 0,
    }
}

#[cfg(test)]
mod tests;
