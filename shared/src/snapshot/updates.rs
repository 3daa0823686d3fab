//! A delta in pieces, for when not all of it fits: what each entity's news costs, and how to hold some of them back.
//!
//! What is held back is shown as both ends expect it, or not at all when the baseline has it not. That is a view like any other:
//! [`diff`](super::diff) against the same baseline brings it across, so what was sent is what the other end has.

use super::{delta, view::View};
use crate::{
    bits::BitWriter,
    game::{Entity, Place},
};

/// The news of one entity of a view: it is new, or it is not as the baseline lets expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityUpdate {
    /// Where it is in the view.
    pub index: u32,
    /// How many bits it adds to the delta, at most.
    pub bits: u32,
    /// How far it deviation from where it was expected, in 1/256 unit; `None` when the baseline has it not.
    pub deviation: Option<u32>,
}

/// Overwrites `pieces` with the news in `view`, in its order, and says how many bits the delta takes without any of them, at most.
/// `scratch` is overwritten.
pub fn measure<E: Entity>(
    base: &View<E>,
    view: &View<E>,
    scratch: &mut BitWriter,
    pieces: &mut Vec<EntityUpdate>,
) -> usize {
    pieces.clear();
    let elapsed = view.tick.since(base.tick);
    let mut known = base.entities.iter().peekable();
    let mut rest = 0;
    let mut new = 0;
    for (at, (id, entity)) in (0u32..).zip(&view.entities) {
        while known.next_if(|(old, _)| old < id).is_some() {
            rest += delta::GONE.1 as usize;
        }
        scratch.clear();
        let deviation = match known.next_if(|(old, _)| old == id) {
            None => {
                new += 1;
                delta::write_new_at_most(*id, entity, scratch);
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
        // One bit of what is kept is there in any case, and was counted with the rest.
        let bits = scratch.len_bits() as u32 - u32::from(deviation.is_some());
        pieces.push(EntityUpdate { index: at, bits, deviation });
    }
    rest += known.count() * delta::GONE.1 as usize;
    scratch.clear();
    delta::write_new_count(new, scratch);
    rest + scratch.len_bits()
}

/// Takes the news out of `view` for which `waits` says so, given each entity's place in it.
pub fn defer_updates<E: Entity>(base: &View<E>, view: &mut View<E>, waits: impl Fn(usize) -> bool) {
    let elapsed = view.tick.since(base.tick);
    let mut known = base.entities.iter().peekable();
    let mut at = 0..;
    view.entities.retain_mut(|(id, entity)| {
        while known.next_if(|(old, _)| old < id).is_some() {}
        let old = known.next_if(|(old, _)| old == id);
        if !at.next().is_some_and(&waits) {
            return true;
        }
        if let Some((_, old)) = old {
            *entity = old.extrapolate(elapsed);
        }
        old.is_some()
    });
}

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
        fn a_delta_is_never_longer_than_its_pieces_and_none_of_those_held_back(
            base in view(100),
            view in view(104),
            waiting in proptest::collection::vec(any::<bool>(), 60),
        ) {
            let mut pieces = Vec::new();
            let rest = measure(&base, &view, &mut BitWriter::new(), &mut pieces);
            let waits = |at: usize| waiting[at] && pieces.iter().any(|piece| piece.index as usize == at);
            let most = rest + pieces.iter().filter(|piece| !waits(piece.index as usize)).map(|piece| piece.bits as usize).sum::<usize>();
            let mut sent = view.clone();
            defer_updates(&base, &mut sent, waits);
            let mut out = BitWriter::new();
            diff(Some(&base), &sent, &mut out);
            prop_assert!(out.len_bits() <= most, "{} bits, and {most} measured", out.len_bits());
            let mut got = View::default();
            apply(Some(&base), view.tick, &mut BitReader::new(out.finish()), &mut got).unwrap();
            prop_assert_eq!(&got, &sent);
            for (at, (id, entity)) in view.entities.iter().enumerate() {
                let expected = base.get(*id).map(|old| old.extrapolate(4));
                let shown = if waits(at) { expected } else { Some(entity.clone()) };
                prop_assert_eq!(got.get(*id), shown.as_ref());
            }
        }
    }
}
