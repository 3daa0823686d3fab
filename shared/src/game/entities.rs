//! Where a game's replicated things live: generational slots, iterated in id order.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    bits::{BitReader, BitWriter, BitsError},
    id::EntityId,
};

/// Things by id. An id is never given twice (until a slot's generation wraps, after 65,536 tenants), and the lowest vacant slot
/// is taken first, so ids stay small on the wire.
///
/// Ids are seen by whoever sees the thing, and those that are given in turn tell how many were given in between. Where that is a
/// secret, the first slots can be [reserved](Self::with_reserved): their tenants come with an id that the game names itself.
#[derive(Clone, Debug)]
pub struct Entities<E> {
    slots: Vec<Slot<E>>,
    /// How many of the first slots are never given in turn.
    reserved: u16,
    /// Slots without a tenant that are given in turn, the lowest on top.
    vacant: BinaryHeap<Reverse<u16>>,
    /// How many tenants there are.
    alive: usize,
}

#[derive(Clone, Debug)]
struct Slot<E> {
    /// The tenant's generation, or the next tenant's when there is none.
    generation: u16,
    tenant: Option<E>,
}

impl<E> Entities<E> {
    /// The most things that can be alive at once.
    pub const MAX: usize = u16::MAX as usize;

    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new(), reserved: 0, vacant: BinaryHeap::new(), alive: 0 }
    }

    /// None yet, and the first `count` slots are for [`Self::insert_at`] alone.
    #[must_use]
    pub fn with_reserved(count: u16) -> Self {
        let slots = (0..count).map(|_| Slot { generation: 0, tenant: None }).collect();
        Self { slots, reserved: count, ..Self::new() }
    }

    /// Gives `thing` an id; gives it back when [`Self::MAX`] are alive.
    ///
    /// # Errors
    /// The thing itself, when there is no room for it.
    pub fn insert(&mut self, thing: E) -> Result<EntityId, E> {
        if let Some(Reverse(slot)) = self.vacant.pop() {
            let place = &mut self.slots[usize::from(slot)];
            place.tenant = Some(thing);
            self.alive += 1;
            return Ok(EntityId { slot, generation: place.generation });
        }
        if self.slots.len() >= Self::MAX {
            return Err(thing);
        }
        let slot = self.slots.len() as u16;
        self.slots.push(Slot { generation: 0, tenant: Some(thing) });
        self.alive += 1;
        Ok(EntityId { slot, generation: 0 })
    }

    /// Gives `thing` this very id, of a reserved slot. Whoever names ids sees to it that none means two things to anybody.
    ///
    /// # Errors
    /// The thing itself, when the slot is not reserved or has a tenant.
    pub fn insert_at(&mut self, id: EntityId, thing: E) -> Result<(), E> {
        let reserved = &mut self.slots[..usize::from(self.reserved)];
        let Some(place) = reserved.get_mut(usize::from(id.slot)).filter(|place| place.tenant.is_none())
        else {
            return Err(thing);
        };
        *place = Slot { generation: id.generation, tenant: Some(thing) };
        self.alive += 1;
        Ok(())
    }

    /// Takes a thing out; `None` when it is gone already.
    pub fn remove(&mut self, id: EntityId) -> Option<E> {
        let place =
            self.slots.get_mut(usize::from(id.slot)).filter(|place| place.generation == id.generation)?;
        let thing = place.tenant.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.alive -= 1;
        if id.slot >= self.reserved {
            self.vacant.push(Reverse(id.slot));
        }
        Some(thing)
    }

    /// The thing of this id, unless it is gone.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&E> {
        let place = self.slots.get(usize::from(id.slot))?;
        place.tenant.as_ref().filter(|_| place.generation == id.generation)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, id: EntityId) -> Option<&mut E> {
        let place = self.slots.get_mut(usize::from(id.slot))?;
        place.tenant.as_mut().filter(|_| place.generation == id.generation)
    }

    /// Everything, in id order.
    pub fn iter(&self) -> impl Iterator<Item = (EntityId, &E)> + '_ {
        self.slots.iter().enumerate().filter_map(|(slot, place)| {
            let id = EntityId { slot: slot as u16, generation: place.generation };
            Some((id, place.tenant.as_ref()?))
        })
    }

    /// Everything, in id order, to change it.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (EntityId, &mut E)> + '_ {
        self.slots.iter_mut().enumerate().filter_map(|(slot, place)| {
            let id = EntityId { slot: slot as u16, generation: place.generation };
            Some((id, place.tenant.as_mut()?))
        })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.alive
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes ids and things exactly, each thing by `encode`.
    pub fn save(&self, out: &mut BitWriter, mut encode: impl FnMut(&E, &mut BitWriter)) {
        out.write_var(self.slots.len() as u32, 8);
        out.write_var(u32::from(self.reserved), 0);
        for place in &self.slots {
            out.write_var(u32::from(place.generation), 3);
            out.write_bool(place.tenant.is_some());
            if let Some(thing) = &place.tenant {
                encode(thing, out);
            }
        }
    }

    /// Reads what [`Self::save`] wrote, each thing by `decode`.
    ///
    /// # Errors
    /// When the bits are no such container.
    pub fn load(
        from: &mut BitReader<'_>,
        mut decode: impl FnMut(&mut BitReader<'_>) -> Result<E, BitsError>,
    ) -> Result<Self, BitsError> {
        let count = from.read_var(8)?;
        let reserved = from.read_var(0)?;
        if count as usize > Self::MAX || reserved > count {
            return Err(BitsError::OutOfRange);
        }
        let mut all = Self { reserved: reserved as u16, ..Self::new() };
        for slot in 0..count as u16 {
            let generation = u16::try_from(from.read_var(3)?).map_err(|_| BitsError::OutOfRange)?;
            let tenant = if from.read_bool()? { Some(decode(from)?) } else { None };
            if tenant.is_some() {
                all.alive += 1;
            } else if slot >= all.reserved {
                all.vacant.push(Reverse(slot));
            }
            all.slots.push(Slot { generation, tenant });
        }
        Ok(all)
    }
}

impl<E> Default for Entities<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_taken_again_has_another_id() {
        let mut all = Entities::new();
        let first = all.insert('a').unwrap();
        all.insert('b').unwrap();
        assert_eq!(all.remove(first), Some('a'));
        let second = all.insert('c').unwrap();
        assert_eq!(second.slot, first.slot, "the lowest vacant slot is taken first");
        assert_eq!(all.get(first), None, "an id outlives its thing without meaning another");
        assert_eq!(all.get(second), Some(&'c'));
        assert_eq!(all.remove(first), None);
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn a_reserved_slot_is_taken_by_name_and_changes_no_other_id() {
        let (mut all, mut plain) = (Entities::with_reserved(4), Entities::with_reserved(4));
        let id = |slot, generation| EntityId { slot, generation };
        for round in 0..10 {
            assert_eq!(all.insert_at(id(2, round * 5), 'a'), Ok(()));
            assert_eq!(all.insert_at(id(2, round * 5 + 1), 'b'), Err('b'), "the slot has a tenant");
            assert_eq!(all.get(id(2, round * 5)), Some(&'a'));
            let given = all.insert('c');
            assert_eq!(given, plain.insert('c'));
            assert!(given.is_ok_and(|id| id.slot >= 4));
            assert_eq!(all.len(), plain.len() + 1);
            assert_eq!(all.remove(id(2, round * 5)), Some('a'));
        }
        assert_eq!(all.insert_at(id(4, 9), 'd'), Err('d'), "the slot is given in turn");
        assert_eq!(all.len(), 10);
    }

    #[test]
    fn a_container_that_was_saved_gives_the_same_ids_next() {
        let mut all = Entities::with_reserved(3);
        all.insert_at(EntityId { slot: 1, generation: 77 }, 100u32).unwrap();
        let ids: Vec<_> = (0..10u32).map(|n| all.insert(n).unwrap()).collect();
        all.remove(ids[7]);
        all.remove(ids[3]);
        let mut out = BitWriter::new();
        all.save(&mut out, |n, out| out.write_bits(*n, 8));
        let mut copy = Entities::load(&mut BitReader::new(out.finish()), |from| from.read_bits(8)).unwrap();
        assert!(all.iter().eq(copy.iter()));
        assert_eq!(all.len(), copy.len());
        for n in 20..25 {
            assert_eq!(all.insert(n), copy.insert(n));
        }
        for slot in 0..4 {
            let id = EntityId { slot, generation: 5 };
            assert_eq!(all.insert_at(id, 30), copy.insert_at(id, 30));
        }
    }
}
