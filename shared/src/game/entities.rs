//! The container of a game's replicated entities: a slot map (slots with generations) that is iterated in id order.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    bits::{BitReader, BitWriter, BitsError},
    id::EntityId,
};

/// Entities by id. An id is a slot and the slot's generation, which counts the entities that were in the slot before. So an id is not
/// used again until the generation of its slot wraps, after 65,536 entities. The lowest vacant slot is used first, so ids stay small on
/// the wire.
///
/// A seat that receives an entity knows its id, and can compare ids to learn how many entities were added in between. Where that number
/// is a secret, the game can [reserve](Self::with_reserved) the first slots, and choose the ids of the entities in them itself.
#[derive(Clone, Debug)]
pub struct Entities<E> {
    slots: Vec<Slot<E>>,
    /// The number of reserved slots, which are the first ones: [`Self::insert`] never uses them.
    reserved: u16,
    /// The vacant slots that are not reserved, the lowest on top.
    vacant: BinaryHeap<Reverse<u16>>,
    /// The number of entities.
    len: usize,
}

#[derive(Clone, Debug)]
struct Slot<E> {
    /// The generation of the entity; in a vacant slot, of the next entity that [`Entities::insert`] adds.
    generation: u16,
    entity: Option<E>,
}

impl<E> Entities<E> {
    /// The maximum number of slots, vacant reserved ones included.
    pub const MAX: usize = u16::MAX as usize;

    /// Creates an empty container.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new(), reserved: 0, vacant: BinaryHeap::new(), len: 0 }
    }

    /// Creates an empty container whose first `count` slots are reserved for [`Self::insert_at`].
    #[must_use]
    pub fn with_reserved(count: u16) -> Self {
        let slots = (0..count).map(|_| Slot { generation: 0, entity: None }).collect();
        Self { slots, reserved: count, ..Self::new() }
    }

    /// Adds an entity in the lowest vacant slot that is not reserved, and returns its id.
    ///
    /// # Errors
    /// The entity itself, when all [`Self::MAX`] slots are taken or reserved.
    pub fn insert(&mut self, entity: E) -> Result<EntityId, E> {
        if let Some(Reverse(index)) = self.vacant.pop() {
            let slot = &mut self.slots[usize::from(index)];
            slot.entity = Some(entity);
            self.len += 1;
            return Ok(EntityId { slot: index, generation: slot.generation });
        }
        if self.slots.len() >= Self::MAX {
            return Err(entity);
        }
        let slot = self.slots.len() as u16;
        self.slots.push(Slot { generation: 0, entity: Some(entity) });
        self.len += 1;
        Ok(EntityId { slot, generation: 0 })
    }

    /// Adds an entity with this id, in a reserved slot. The caller must choose generations such that no client takes the entity for an
    /// earlier one in the same slot: an id may be used again only when no baseline can contain its earlier entity any more.
    ///
    /// # Errors
    /// The entity itself, when the slot is not reserved or not vacant.
    pub fn insert_at(&mut self, id: EntityId, entity: E) -> Result<(), E> {
        let reserved = &mut self.slots[..usize::from(self.reserved)];
        let Some(slot) = reserved.get_mut(usize::from(id.slot)).filter(|slot| slot.entity.is_none()) else {
            return Err(entity);
        };
        *slot = Slot { generation: id.generation, entity: Some(entity) };
        self.len += 1;
        Ok(())
    }

    /// Removes and returns the entity with this id; `None` if the id is unknown or was removed.
    pub fn remove(&mut self, id: EntityId) -> Option<E> {
        let slot =
            self.slots.get_mut(usize::from(id.slot)).filter(|slot| slot.generation == id.generation)?;
        let entity = slot.entity.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.len -= 1;
        if id.slot >= self.reserved {
            self.vacant.push(Reverse(id.slot));
        }
        Some(entity)
    }

    /// Returns the entity with this id; `None` if the id is unknown or was removed.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&E> {
        let slot = self.slots.get(usize::from(id.slot))?;
        slot.entity.as_ref().filter(|_| slot.generation == id.generation)
    }

    /// Returns the entity with this id for modification; `None` if the id is unknown or was removed.
    pub fn get_mut(&mut self, id: EntityId) -> Option<&mut E> {
        let slot = self.slots.get_mut(usize::from(id.slot))?;
        slot.entity.as_mut().filter(|_| slot.generation == id.generation)
    }

    /// Iterates over all entities in id order.
    pub fn iter(&self) -> impl Iterator<Item = (EntityId, &E)> + '_ {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = EntityId { slot: index as u16, generation: slot.generation };
            Some((id, slot.entity.as_ref()?))
        })
    }

    /// Iterates over all entities in id order, for modification.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (EntityId, &mut E)> + '_ {
        self.slots.iter_mut().enumerate().filter_map(|(index, slot)| {
            let id = EntityId { slot: index as u16, generation: slot.generation };
            Some((id, slot.entity.as_mut()?))
        })
    }

    /// Returns the number of entities.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns true if the container has no entities.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends all ids and entities to `out`, each entity by `encode`, and the generations of vacant slots: a loaded container gives
    /// new entities the same ids as this one.
    pub fn save(&self, out: &mut BitWriter, mut encode: impl FnMut(&E, &mut BitWriter)) {
        out.write_var(self.slots.len() as u32, 8);
        out.write_var(u32::from(self.reserved), 0);
        for slot in &self.slots {
            out.write_var(u32::from(slot.generation), 3);
            out.write_bool(slot.entity.is_some());
            if let Some(entity) = &slot.entity {
                encode(entity, out);
            }
        }
    }

    /// Reads a container that [`Self::save`] wrote, each entity by `decode`.
    ///
    /// # Errors
    /// When the bits are not a saved container, or `decode` fails.
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
            let entity = if from.read_bool()? { Some(decode(from)?) } else { None };
            if entity.is_some() {
                all.len += 1;
            } else if slot >= all.reserved {
                all.vacant.push(Reverse(slot));
            }
            all.slots.push(Slot { generation, entity });
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
    fn a_reused_slot_has_a_new_id() {
        let mut all = Entities::new();
        let first = all.insert('a').unwrap();
        all.insert('b').unwrap();
        assert_eq!(all.remove(first), Some('a'));
        let second = all.insert('c').unwrap();
        assert_eq!(second.slot, first.slot, "the lowest vacant slot is used first");
        assert_eq!(all.get(first), None, "an id never refers to a later entity");
        assert_eq!(all.get(second), Some(&'c'));
        assert_eq!(all.remove(first), None);
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn insert_at_uses_reserved_slots_only_and_does_not_change_the_ids_of_insert() {
        let (mut all, mut plain) = (Entities::with_reserved(4), Entities::with_reserved(4));
        let id = |slot, generation| EntityId { slot, generation };
        for round in 0..10 {
            assert_eq!(all.insert_at(id(2, round * 5), 'a'), Ok(()));
            assert_eq!(all.insert_at(id(2, round * 5 + 1), 'b'), Err('b'), "the slot is not vacant");
            assert_eq!(all.get(id(2, round * 5)), Some(&'a'));
            let given = all.insert('c');
            assert_eq!(given, plain.insert('c'));
            assert!(given.is_ok_and(|id| id.slot >= 4));
            assert_eq!(all.len(), plain.len() + 1);
            assert_eq!(all.remove(id(2, round * 5)), Some('a'));
        }
        assert_eq!(all.insert_at(id(4, 9), 'd'), Err('d'), "the slot is not reserved");
        assert_eq!(all.len(), 10);
    }

    #[test]
    fn a_loaded_container_allocates_the_same_ids_as_the_saved_one() {
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
