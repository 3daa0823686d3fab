//! Deferring updates of a delta that does not fit a datagram: measures the size of each entity's update, and removes the deferred
//! updates from a view.
//!
//! An entity whose update is deferred is at its extrapolation, or not in the view if the baseline does not have it. The result is a view
//! like any other: [`diff`](super::diff) encodes it against the same baseline, so both ends have the same view.

use super::{delta, view::View};
use crate::{
    bits::BitWriter,
    game::{Entity, Place},
};

/// The update of one entity of a view: the entity is new, or it differs from its extrapolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityUpdate {
    /// The entity's index in the view.
    pub index: u32,
    /// The maximum number of bits that the update adds to the delta.
    pub bits: u32,
    /// The distance between the entity and its extrapolation, in 1/256 unit; `None` if the baseline does not have the entity.
    pub deviation: Option<u32>,
}

/// Overwrites `updates` with the updates in `view`, in the order of its entities. Returns the maximum number of bits of the delta
/// without any of these updates. `scratch` is overwritten.
pub fn measure<E: Entity>(
    base: &View<E>,
    view: &View<E>,
    scratch: &mut BitWriter,
    updates: &mut Vec<EntityUpdate>,
) -> usize {
    updates.clear();
    let elapsed = view.tick.since(base.tick);
    let mut known = base.entities.iter().peekable();
    // The bits of the delta besides the updates, and the number of new entities.
    let mut rest = 0;
    let mut new = 0;
    for (index, (id, entity)) in (0u32..).zip(&view.entities) {
        while known.next_if(|(old, _)| old < id).is_some() {
            rest += delta::GONE.1 as usize;
        }
        scratch.clear();
        let deviation = match known.next_if(|(old, _)| old == id) {
            None => {
                new += 1;
                delta::write_new_upper_bound(*id, entity, scratch);
                None
            }
            Some((_, old)) => {
                rest += delta::AS_EXPECTED.1 as usize;
                let expected = old.extrapolate(elapsed);
                if expected == *entity {
                    continue;
                }
                delta::write_kept(&expected, entity, scratch);
                Some(distance(&expected, entity))
            }
        };
        // An entity of the baseline takes one bit without an update, too, which `rest` includes.
        let bits = scratch.len_bits() as u32 - u32::from(deviation.is_some());
        updates.push(EntityUpdate { index, bits, deviation });
    }
    rest += known.count() * delta::GONE.1 as usize;
    scratch.clear();
    delta::write_new_count(new, scratch);
    rest + scratch.len_bits()
}

/// Removes from `view` the updates of the entities for whose index in the view `is_deferred` returns true.
pub fn defer_updates<E: Entity>(base: &View<E>, view: &mut View<E>, is_deferred: impl Fn(usize) -> bool) {
    let elapsed = view.tick.since(base.tick);
    let mut known = base.entities.iter().peekable();
    let mut indices = 0..;
    view.entities.retain_mut(|(id, entity)| {
        while known.next_if(|(old, _)| old < id).is_some() {}
        let old = known.next_if(|(old, _)| old == id);
        if !indices.next().is_some_and(&is_deferred) {
            return true;
        }
        if let Some((_, old)) = old {
            *entity = old.extrapolate(elapsed);
        }
        old.is_some()
    });
}

/// Returns the distance in 1/256 unit; 0 if either has no position.
fn distance<E: Entity>(expected: &E, entity: &E) -> u32 {
    match (expected.place(), entity.place()) {
        (Place::At(expected), Place::At(is)) => expected.distance(is),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        bits::BitReader,
        id::EntityId,
        snapshot::{apply, diff, mover::Mover},
        tick::Tick,
    };

    fn view(tick: u32) -> impl Strategy<Value = View<Mover>> {
        let entities = proptest::collection::btree_map(0..300u16, (0..2u16, -9..9i32), 0..60);
        entities.prop_map(move |entities| View {
            tick: Tick(tick),
            entities: entities
                .into_iter()
                .map(|(slot, (generation, at))| (EntityId { slot, generation }, Mover(at)))
                .collect(),
        })
    }

    proptest! {
        #[test]
        fn a_delta_with_deferred_updates_is_at_most_as_long_as_measured(
            base in view(100),
            view in view(104),
            deferred in proptest::collection::vec(any::<bool>(), 60),
        ) {
            let mut updates = Vec::new();
            let rest = measure(&base, &view, &mut BitWriter::new(), &mut updates);
            let is_deferred =
                |at: usize| deferred[at] && updates.iter().any(|update| update.index as usize == at);
            let sent_updates = updates.iter().filter(|update| !is_deferred(update.index as usize));
            let max = rest + sent_updates.map(|update| update.bits as usize).sum::<usize>();
            let mut sent = view.clone();
            defer_updates(&base, &mut sent, is_deferred);
            let mut out = BitWriter::new();
            diff(Some(&base), &sent, &mut out);
            prop_assert!(out.len_bits() <= max, "{} bits, and {max} measured", out.len_bits());
            let mut got = View::default();
            apply(Some(&base), view.tick, &mut BitReader::new(out.finish()), &mut got).unwrap();
            prop_assert_eq!(&got, &sent);
            for (at, (id, entity)) in view.entities.iter().enumerate() {
                let expected = base.get(*id).map(|old| old.extrapolate(4));
                let shown = if is_deferred(at) { expected } else { Some(entity.clone()) };
                prop_assert_eq!(got.get(*id), shown.as_ref());
            }
        }
    }
}
