//! The priority accumulator: chooses which entity updates go into a datagram when not all of them fit. Has no I/O.
//!
//! A snapshot should be one datagram, whose size the network path limits. Usually all updates fit, and no priorities are computed.
//! Otherwise each entity with an update (it is new, or it differs from its extrapolation from the baseline) gets a rank: a class, and
//! within the class a priority. The updates are placed into the datagram in the order of rank, as far as they fit. The others are
//! *deferred* to a later send: until then the client extrapolates the entity, or does not show it yet if it is new. Removals of entities
//! are always sent.
//!
//! The classes, first to last:
//! 1. `Own`: the seat's private entities and those that the game put in focus. Never deferred.
//! 2. `Due`: updates that were deferred in [`MAX_DEFERRED_SENDS`] sends in a row. Not deferred again.
//! 3. `Eye`: entities at the position of the seat's eye, most likely the player's own body.
//! 4. `SentNew` and `Sent`: updates that were sent before and are not in the baseline yet, new entities first. If one
//!    were deferred now, the client's entity would vanish or jump back until the earlier update is acknowledged.
//! 5. `Other`: all other updates, by a priority that grows with each deferral: faster for entities near the eye, and faster for a
//!    large deviation from the extrapolation. They leave an eighth of the datagram empty. Each update that is sent must be repeated until
//!    it is acknowledged and grows meanwhile, because the baseline ages, so a full datagram would not hold its own updates at the next
//!    send.
//!
//! When an update of the first two classes does not fit, no datagram can keep the bound of [`MAX_DEFERRED_SENDS`], and the complete view
//! must be sent on a stream.

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

/// The maximum number of consecutive sends in which an update may be deferred: about half a second at 30 sends a second. On a link with a
/// round trip of 200 ms an update is repeated for some six sends until it is acknowledged, so 16 sends / 6 sends = about three groups of
/// updates, each as large as a datagram, can take turns within the bound.
pub const MAX_DEFERRED_SENDS: u32 = 16;

/// The minimum priority that an update gains at each send. With a [`MAX_BONUS`] each for nearness and for deviation, the fastest priority
/// grows (8 + 8 + 8) / 8 = three times as fast as the slowest. A larger factor would let near entities keep far ones waiting up to the
/// bound, even where all of them could take turns within it.
const GAIN: u32 = 8;

/// The maximum that nearness to the eye adds to [`GAIN`], and the maximum that the deviation adds.
const MAX_BONUS: u32 = 8;

/// The deviation from the extrapolation for one point of priority, in 1/256 unit.
const DEVIATION_PER_POINT: u32 = UNIT as u32 / 8;

/// The part of a datagram, as a divisor, that updates of [`Class::Other`] leave empty.
const HEADROOM_DIVISOR: usize = 8;

/// The state of one client's updates: which were sent or deferred, and their priorities. Allocates nothing until a snapshot does not fit.
#[derive(Debug, Default)]
pub struct PriorityAccumulator {
    /// The entities that had updates at the last send, by ascending id; empty if that snapshot contained all updates.
    records: Vec<SendRecord>,
    /// The tick since which every snapshot contained all updates; `None` if the last one did not.
    complete_since: Option<Tick>,
    // Scratch space, so that repeated sends do not allocate.
    updates: Vec<EntityUpdate>,
    bits: BitWriter,
    distances: Vec<u32>,
    /// The priority of each update.
    priorities: Vec<u32>,
    ranks: Vec<Rank>,
    /// Whether the entity at this index of the view is deferred.
    deferred: Vec<bool>,
    /// The records of the current send, which replace `records`.
    next: Vec<SendRecord>,
}

/// An entity that had an update at the last send, and whether that update was sent.
#[derive(Clone, Copy, Debug)]
struct SendRecord {
    id: EntityId,
    state: SendState,
}

/// The history of an entity's updates in the last sends.
#[derive(Clone, Copy, Debug)]
enum SendState {
    /// The entity's updates were sent in every snapshot since this tick.
    Sent { since: Tick },
    /// The entity's updates were deferred in this many sends in a row, and have accumulated this priority.
    Deferred { sends: u32, priority: u32 },
}

/// The position of an update in the order of sending; the lowest rank is placed first.
#[derive(Clone, Copy, Debug)]
struct Rank {
    class: Class,
    /// The bitwise complement of the priority, so that a higher priority is a lower rank.
    inverse_priority: u32,
    /// The index of the update in [`PriorityAccumulator::updates`].
    update: u32,
}

/// The class of an update, in the order of sending; see the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// The seat's private entity, or one in focus.
    Own,
    /// Deferred as often as the bound allows.
    Due,
    /// At the position of the seat's eye.
    Eye,
    /// A new entity that was sent before and is not in the baseline yet.
    SentNew,
    /// A changed entity whose update was sent before and is not in the baseline yet.
    Sent,
    /// Any other update.
    Other,
}

impl Rank {
    /// The rank as one number, for a single comparison. The index takes 16 bits: a view has at most 2048 entities.
    const fn key(&self) -> u64 {
        (self.class as u64) << 48 | (self.inverse_priority as u64) << 16 | (self.update & 0xffff) as u64
    }
}

impl PriorityAccumulator {
    /// Creates an accumulator without deferred updates.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that the snapshot of this tick contained all updates of its view.
    pub fn record_complete(&mut self, tick: Tick) {
        self.complete_since.get_or_insert(tick);
        self.records.clear();
    }

    /// Removes updates from `view` until its delta against the baseline `base` takes at most `limit` bits, and returns the number of
    /// updates that are deferred. Returns `None` and leaves the view unchanged when an update that must not be deferred does not fit;
    /// then the complete view must be sent.
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
        let deferred = self.choose(remaining, limit / HEADROOM_DIVISOR)?;
        self.update_records(view);
        let is_deferred = &self.deferred;
        defer_updates(base, view, |at| is_deferred.get(at).copied().unwrap_or(false));
        Some(deferred)
    }

    /// Computes the rank and the priority of each update. `base` is the tick of the baseline.
    fn rank<E: Entity>(&mut self, base: Tick, view: &View<E>, seat: SeatId, viewpoint: &Viewpoint) {
        let Self { records, complete_since, updates, distances, priorities, ranks, .. } = self;
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
            let state = record.or_else(|| complete_since.map(|since| SendState::Sent { since }));
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

    /// Marks the updates that do not fit into `remaining` bits as deferred, and returns their number. Updates of [`Class::Other`] leave
    /// `headroom` bits empty. Returns `None` when an update that must not be deferred does not fit.
    fn choose(&mut self, mut remaining: usize, headroom: usize) -> Option<u32> {
        let Self { updates, ranks, deferred, .. } = self;
        let entities = updates.last().map_or(0, |last| last.index as usize + 1);
        deferred.clear();
        deferred.resize(entities, false);
        let mut count = 0;
        for rank in &*ranks {
            let update = updates[rank.update as usize];
            let bits = update.bits as usize;
            let headroom = if rank.class == Class::Other { headroom } else { 0 };
            if bits + headroom <= remaining {
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

    /// Records which updates are sent and which are deferred, for the next send.
    fn update_records<E: Entity>(&mut self, view: &View<E>) {
        let Self { records, complete_since, updates, priorities, deferred, next, .. } = self;
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
                None => SendState::Sent { since: complete_since.unwrap_or(view.tick) },
            };
            next.push(SendRecord { id, state });
        }
        *complete_since = None;
        std::mem::swap(records, next);
    }
}

/// The priority that an update gains at a send: [`GAIN`], and up to [`MAX_BONUS`] each for nearness and for deviation. A new entity
/// (`deviation` is `None`) gets the full bonus for deviation.
fn gain(distance: u32, max_distance: u32, deviation: Option<u32>) -> u32 {
    let nearness = u64::from(max_distance - distance) * u64::from(MAX_BONUS) / u64::from(max_distance.max(1));
    let deviation = deviation.map_or(MAX_BONUS, |deviation| (deviation / DEVIATION_PER_POINT).min(MAX_BONUS));
    GAIN + nearness as u32 + deviation
}

/// The distance of an entity's place from the eye, in 1/256 unit; 0 for a place that is not a point.
const fn distance(place: Place, eye: Point) -> u32 {
    match place {
        Place::At(point) => point.distance(eye),
        Place::Everywhere | Place::Only(_) => 0,
    }
}

#[cfg(test)]
mod tests;
