//! Delta encoding of a view against a baseline. Invariant:
//! `apply(base, diff(base, view)) == view`.
//!
//! For each entity of the baseline, in id order, a delta contains one of the codes `0`: the entity equals its extrapolation
//! ([`Entity::extrapolate`]); `10`: it differs, and its delta follows; `11`: it is not in the view. Then follow the number of new
//! entities, which the baseline does not have, and for each its id (as the gap to the id before) and its complete state. A keyframe is
//! a delta against an empty view.

use super::view::View;
use crate::{
    bits::{BitReader, BitWriter, BitsError},
    game::Entity,
    id::EntityId,
    limits::MAX_VIEW_ENTITIES,
    tick::Tick,
};

/// Appends the delta from `base` to `view` to `out`. Without a `base` the baseline is an empty view.
pub fn diff<E: Entity>(base: Option<&View<E>>, view: &View<E>, out: &mut BitWriter) {
    let known = base.map_or(&[][..], |base| &base.entities);
    let elapsed = base.map_or(0, |base| view.tick.since(base.tick));
    let mut seen = view.entities.iter().peekable();
    let mut kept = 0;
    for (id, old) in known {
        while seen.next_if(|(next, _)| next < id).is_some() {}
        match seen.next_if(|(next, _)| next == id) {
            None => out.write_bits(GONE.0, GONE.1),
            Some((_, new)) => {
                kept += 1;
                write_kept(&old.extrapolate(elapsed), new, out);
            }
        }
    }
    write_new_count(view.entities.len() - kept, out);
    let mut known = known.iter().peekable();
    let mut ids = IdGaps::default();
    for (id, new) in &view.entities {
        while known.next_if(|(next, _)| next < id).is_some() {}
        if known.next_if(|(next, _)| next == id).is_none() {
            ids.write(*id, out);
            new.encode(out);
        }
    }
}

/// Overwrites `view` with the view of `tick` that was passed to [`diff`] with the same `base`.
///
/// # Errors
/// When the bits are not a delta against this baseline; the content of `view` is then unspecified.
pub fn apply<E: Entity>(
    base: Option<&View<E>>,
    tick: Tick,
    from: &mut BitReader<'_>,
    view: &mut View<E>,
) -> Result<(), BitsError> {
    view.tick = tick;
    view.entities.clear();
    if let Some(base) = base {
        let elapsed = tick.since(base.tick);
        for (id, old) in &base.entities {
            if let Some(entity) = read_kept(old, elapsed, from)? {
                view.entities.push((*id, entity));
            }
        }
    }
    let kept = view.entities.len();
    let new = from.read_var(NEW_COUNT_ORDER)? as usize;
    if kept + new > MAX_VIEW_ENTITIES {
        return Err(BitsError::OutOfRange);
    }
    let mut ids = IdGaps::default();
    for _ in 0..new {
        let id = ids.read(from)?;
        view.entities.push((id, E::decode(from)?));
    }
    if kept > 0 && new > 0 {
        view.entities.sort_by_key(|(id, _)| *id);
        if view.entities.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(BitsError::OutOfRange);
        }
    }
    Ok(())
}

/// A code symbol: its bits, the first one lowest, and the number of bits.
type Symbol = (u32, u32);

pub(super) const AS_EXPECTED: Symbol = (0b0, 1);
const DIFFERS: Symbol = (0b01, 2);
pub(super) const GONE: Symbol = (0b11, 2);

/// The code order of the number of new entities: most snapshots have at most two.
const NEW_COUNT_ORDER: u32 = 1;

/// Writes the code of an entity that is in both views, and its delta from `expected`, its extrapolation, if it differs.
pub(super) fn write_kept<E: Entity>(expected: &E, new: &E, out: &mut BitWriter) {
    if expected == new {
        out.write_bits(AS_EXPECTED.0, AS_EXPECTED.1);
    } else {
        out.write_bits(DIFFERS.0, DIFFERS.1);
        new.encode_delta(expected, out);
    }
}

pub(super) fn write_new_count(new: usize, out: &mut BitWriter) {
    out.write_var(new as u32, NEW_COUNT_ORDER);
}

/// Writes a new entity with its id as the gap from slot 0, which is never shorter than the gap from the entity before.
pub(super) fn write_new_upper_bound<E: Entity>(id: EntityId, new: &E, out: &mut BitWriter) {
    IdGaps::default().write(id, out);
    new.encode(out);
}

/// Decodes the state in the view of an entity of the baseline; `None` if the entity is not in the view.
fn read_kept<E: Entity>(old: &E, elapsed: u32, from: &mut BitReader<'_>) -> Result<Option<E>, BitsError> {
    if !from.read_bool()? {
        return Ok(Some(old.extrapolate(elapsed)));
    }
    if from.read_bool()? {
        return Ok(None);
    }
    E::decode_delta(&old.extrapolate(elapsed), from).map(Some)
}

/// A codec of ids in ascending order of slots, each as the gap to the slot before: adjacent slots take few bits.
#[derive(Default)]
struct IdGaps {
    /// The lowest possible slot of the next id.
    next: u32,
}

impl IdGaps {
    const SLOT_ORDER: u32 = 4;
    const GENERATION_ORDER: u32 = 2;

    fn write(&mut self, id: EntityId, out: &mut BitWriter) {
        let slot = u32::from(id.slot);
        out.write_var(slot - self.next, Self::SLOT_ORDER);
        out.write_var(u32::from(id.generation), Self::GENERATION_ORDER);
        self.next = slot + 1;
    }

    fn read(&mut self, from: &mut BitReader<'_>) -> Result<EntityId, BitsError> {
        let slot = from.read_var(Self::SLOT_ORDER)?.checked_add(self.next).ok_or(BitsError::OutOfRange)?;
        let generation = from.read_var(Self::GENERATION_ORDER)?;
        self.next = slot.saturating_add(1);
        Ok(EntityId {
            slot: u16::try_from(slot).map_err(|_| BitsError::OutOfRange)?,
            generation: u16::try_from(generation).map_err(|_| BitsError::OutOfRange)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::mover::Mover;

    fn view(tick: u32) -> impl Strategy<Value = View<Mover>> {
        proptest::collection::btree_map(0..60u16, (0..3u16, -500..500i32), 0..40).prop_map(move |entities| {
            View {
                tick: Tick(tick),
                entities: entities
                    .into_iter()
                    .map(|(slot, (generation, at))| (EntityId { slot, generation }, Mover(at)))
                    .collect(),
            }
        })
    }

    fn through_the_wire(base: Option<&View<Mover>>, view: &View<Mover>) -> View<Mover> {
        let mut out = BitWriter::new();
        diff(base, view, &mut out);
        let mut from = BitReader::new(out.finish());
        let mut got = View::default();
        apply(base, view.tick, &mut from, &mut got).unwrap();
        from.finish().unwrap();
        got
    }

    proptest! {
        #[test]
        fn a_delta_turns_its_baseline_into_the_view(base in proptest::option::of(view(100)), view in view(104)) {
            prop_assert_eq!(through_the_wire(base.as_ref(), &view), view);
        }

        #[test]
        fn any_bytes_decode_to_a_view_or_an_error(base in view(100), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut got = View::default();
            let _ = apply(Some(&base), Tick(104), &mut BitReader::new(&bytes), &mut got);
            prop_assert!(got.entities.len() <= MAX_VIEW_ENTITIES);
        }
    }

    #[test]
    fn an_entity_that_moves_as_extrapolated_takes_one_bit() {
        let at = |tick: u32| View {
            tick: Tick(tick),
            entities: (0..64).map(|slot| (EntityId { slot, generation: 0 }, Mover(tick as i32))).collect(),
        };
        let mut out = BitWriter::new();
        diff(Some(&at(100)), &at(103), &mut out);
        assert!(out.len_bits() <= 64 + 2, "{} bits", out.len_bits());
    }

    #[test]
    fn a_delta_that_contains_an_entity_twice_is_rejected() {
        let base = View { tick: Tick(1), entities: vec![(EntityId { slot: 0, generation: 0 }, Mover(5))] };
        let mut out = BitWriter::new();
        out.write_bits(AS_EXPECTED.0, AS_EXPECTED.1);
        out.write_var(1, NEW_COUNT_ORDER);
        IdGaps::default().write(EntityId { slot: 0, generation: 0 }, &mut out);
        Mover(6).encode(&mut out);
        let got = apply(Some(&base), Tick(2), &mut BitReader::new(out.finish()), &mut View::default());
        assert_eq!(got, Err(BitsError::OutOfRange));
    }
}
