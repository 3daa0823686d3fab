//! What goes first when a view's news do not fit a datagram. Pure.
//!
//! A snapshot is one datagram of at most the path's limit. Usually everything fits, and then nothing here runs. When it does not,
//! every entity with news (it is new, or not as the baseline lets expect) has a rank, and they go in its order until the datagram
//! is full. What is left waits: it is shown as both ends expect it, or not yet when it is new. What is no longer seen always goes.
//!
//! The ranks, first to last:
//! 1. The seat's own things and what its game put in focus: they never wait.
//! 2. What has waited in [`WAIT_MOST`] sends: it waits no longer.
//! 3. What stands where the seat's eye is: most likely its own body.
//! 4. What was shown already and the baseline does not have yet, new things before others: to hold it back now would make it
//!    vanish, or jump back, until the acknowledgement is here.
//! 5. Everything else by a priority that grows with each send it waits: faster near the eye, faster when far off its expected
//!    path. An eighth of the datagram is kept free of these, since deltas against an aging baseline grow.
//!
//! When the first two do not fit, the bound cannot be kept by datagrams, and the whole view has to go on a stream of its own.

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

/// In how many sends in a row the news of anything visible may wait: about half a second at 30 Hz. Over a link of 200 ms what was
/// shown is repeated for some six sends until it is acknowledged, so this lets three times a datagram's worth of news take turns.
pub const WAIT_MOST: u32 = 16;

/// What each send adds to the priority of whatever waits. With [`FAVOUR`] the fastest rank rises three times as fast as the
/// slowest, no more: so whatever all of a view's news could do in turns within the bound, they nearly do.
const GAIN: u32 = 8;

/// The most that nearness to the eye adds to that, and the most that straying adds.
const FAVOUR: u32 = 8;

/// How far something strays from its expected path for one point of priority, in 1/256 unit.
const STRAYED_PER_POINT: u32 = UNIT as u32 / 8;

/// What part of a datagram is kept free of what has not been shown yet.
const RESERVE: usize = 8;

/// Who waits at one client. Empty, without a heap, while everything fits.
#[derive(Debug, Default)]
pub struct Budget {
    /// In ascending order of ids: those who had news at the last send, if that did not hold them all.
    records: Vec<Record>,
    /// Since when every snapshot was whole; `None` when the last one was not.
    whole_since: Option<Tick>,
    // Scratch space, so that nothing is allocated for an entity.
    pieces: Vec<EntityUpdate>,
    bits: BitWriter,
    distances: Vec<u32>,
    /// Of each piece.
    priorities: Vec<u32>,
    ranks: Vec<Rank>,
    waits: Vec<bool>,
    next: Vec<Record>,
}

/// What became of an entity's news at the last send.
#[derive(Clone, Copy, Debug)]
struct Record {
    id: EntityId,
    standing: Standing,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    Shown { since: Tick },
    Waits { sends: u32, priority: u32 },
}

/// Which piece goes when: the lowest first.
#[derive(Clone, Copy, Debug)]
struct Rank {
    class: Class,
    /// The higher the priority, the lower.
    behind: u32,
    /// Which of the pieces.
    piece: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Own,
    Due,
    Eye,
    ShownNew,
    Shown,
    Rest,
}

impl Rank {
    /// In one number, which is compared at once. A view has far fewer pieces than 16 bits count.
    const fn key(&self) -> u64 {
        (self.class as u64) << 48 | (self.behind as u64) << 16 | (self.piece & 0xffff) as u64
    }
}

impl Budget {
    /// Nothing waits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The snapshot of this tick holds everything.
    pub fn whole(&mut self, tick: Tick) {
        self.whole_since.get_or_insert(tick);
        self.records.clear();
    }

    /// Takes out of `view` what is to wait, so that its delta against `base` takes at most `limit` bits. Says how many entities wait.
    /// `None`, and the view as it was: the bound cannot be kept, and the view must go whole.
    pub fn fit<E: Entity>(
        &mut self,
        base: &View<E>,
        view: &mut View<E>,
        seat: SeatId,
        viewpoint: &Viewpoint,
        limit: usize,
    ) -> Option<u32> {
        let rest = measure(base, view, &mut self.bits, &mut self.pieces);
        let left = limit.checked_sub(rest)?;
        self.rank(base.tick, view, seat, viewpoint);
        self.ranks.sort_unstable_by_key(Rank::key);
        let waiting = self.choose(left, limit / RESERVE)?;
        self.remember(view);
        let waits = &self.waits;
        defer_updates(base, view, |at| waits.get(at).copied().unwrap_or(false));
        Some(waiting)
    }

    fn rank<E: Entity>(&mut self, base: Tick, view: &View<E>, seat: SeatId, viewpoint: &Viewpoint) {
        let Self { records, whole_since, pieces, distances, priorities, ranks, .. } = self;
        let place = |piece: &EntityUpdate| view.entities[piece.index as usize].1.place();
        distances.clear();
        distances.extend(pieces.iter().map(|piece| distance(place(piece), viewpoint.eye)));
        let far = distances.iter().copied().max().unwrap_or(0);
        let mut records = records.iter().peekable();
        ranks.clear();
        priorities.clear();
        for (at, (piece, distance)) in (0u32..).zip(pieces.iter().zip(&*distances)) {
            let id = view.entities[piece.index as usize].0;
            while records.next_if(|record| record.id < id).is_some() {}
            let record = records.next_if(|record| record.id == id).map(|record| record.standing);
            let standing = record.or_else(|| whole_since.map(|since| Standing::Shown { since }));
            let place = place(piece);
            let is_own = place == Place::Only(seat) || viewpoint.focus.binary_search(&id).is_ok();
            let class = match standing {
                _ if is_own => Class::Own,
                Some(Standing::Waits { sends, .. }) if sends >= WAIT_MOST => Class::Due,
                _ if place == Place::At(viewpoint.eye) => Class::Eye,
                Some(Standing::Shown { since }) if since > base && piece.deviation.is_none() => {
                    Class::ShownNew
                }
                Some(Standing::Shown { since }) if since > base => Class::Shown,
                _ => Class::Rest,
            };
            let waited = match standing {
                Some(Standing::Waits { priority, .. }) => priority,
                _ => 0,
            };
            let priority = waited.saturating_add(gain(*distance, far, piece.deviation));
            priorities.push(priority);
            ranks.push(Rank { class, behind: !priority, piece: at });
        }
    }

    /// Marks who waits, when `left` bits may be filled, and says how many they are. `None` when some must not.
    fn choose(&mut self, mut left: usize, reserve: usize) -> Option<u32> {
        let Self { pieces, ranks, waits, .. } = self;
        let entities = pieces.last().map_or(0, |last| last.index as usize + 1);
        waits.clear();
        waits.resize(entities, false);
        let mut waiting = 0;
        for rank in &*ranks {
            let piece = pieces[rank.piece as usize];
            let bits = piece.bits as usize;
            let kept_free = if rank.class == Class::Rest { reserve } else { 0 };
            if bits + kept_free <= left {
                left -= bits;
            } else if rank.class <= Class::Due {
                return None;
            } else {
                waits[piece.index as usize] = true;
                waiting += 1;
            }
        }
        Some(waiting)
    }

    /// Writes down who was shown and who waits, for the next send.
    fn remember<E: Entity>(&mut self, view: &View<E>) {
        let Self { records, whole_since, pieces, priorities, waits, next, .. } = self;
        let mut known = records.iter().peekable();
        next.clear();
        for (piece, priority) in pieces.iter().zip(&*priorities) {
            let id = view.entities[piece.index as usize].0;
            while known.next_if(|record| record.id < id).is_some() {}
            let before = known.next_if(|record| record.id == id).map(|record| record.standing);
            let standing = match before {
                _ if waits[piece.index as usize] => {
                    let sends = if let Some(Standing::Waits { sends, .. }) = before { sends } else { 0 };
                    Standing::Waits { sends: sends + 1, priority: *priority }
                }
                Some(Standing::Shown { since }) => Standing::Shown { since },
                Some(Standing::Waits { .. }) => Standing::Shown { since: view.tick },
                None => Standing::Shown { since: whole_since.unwrap_or(view.tick) },
            };
            next.push(Record { id, standing });
        }
        *whole_since = None;
        std::mem::swap(records, next);
    }
}

/// How much more something matters with each send that it waits.
fn gain(distance: u32, far: u32, strayed: Option<u32>) -> u32 {
    let near = u64::from(far - distance) * u64::from(FAVOUR) / u64::from(far.max(1));
    let strayed = strayed.map_or(FAVOUR, |strayed| (strayed / STRAYED_PER_POINT).min(FAVOUR));
    GAIN + near as u32 + strayed
}

/// How far from the eye; what has no place is as near as can be.
const fn distance(place: Place, eye: Point) -> u32 {
    match place {
        Place::At(point) => point.distance(eye),
        Place::Everywhere | Place::Only(_) => 0,
    }
}

#[cfg(test)]
mod tests;
