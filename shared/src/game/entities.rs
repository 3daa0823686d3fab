//! The container of a game's replicated entities: generational slots, iterated in id order.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    bits::{BitReader, BitWriter, BitsError},
    id::EntityId,
};

/// Entities by id. An id is never reused (until a slot's generation wraps, after 65,536 entities), and the lowest vacant slot
/// is used first, so ids stay small on the wire.
///
/// Every seat that sees an entity sees its id, and consecutive ids reveal how many were allocated in between. Where that is a
/// secret, the first slots can be [reserved](Self::with_reserved): the game chooses the ids of the entities in them.
#[derive(Clone, Debug)]
pub struct Entities<E> {
    slots: Vec<Slot<E>>,
    /// The number of slots at the start that [`Self::insert`] never uses.
    reserved: u16,
    /// Vacant slots that [`Self::insert`] may use, the lowest on top.
    vacant: BinaryHeap<Reverse<u16>>,
    /// The number of entities.
    alive: usize,
}

#[derive(Clone, Debug)]
struct Slot<E> {
    /// The entity's generation, or the next entity's if the slot is vacant.
    generation: u16,
    entity: Option<E>,
}

impl<E> Entities<E> {
    /// The maximum number of entities at once.
    pub const MAX: usize = u16::MAX as usize;

    /// Creates an empty container.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new(), reserved: 0, vacant: BinaryHeap::new(), alive: 0 }
    }

    /// Creates an empty container whose first `count` slots only [`Self::insert_at`] uses.
    #[must_use]
    pub fn with_reserved(count: u16) -> Self {
        let slots = (0..count).map(|_| Slot { generation: 0, entity: None }).collect();
        Self { slots, reserved: count, ..Self::new() }
    }

    /// Adds an entity in the lowest vacant slot and returns its id.
    ///
    /// # Errors
    /// The entity itself, when the container holds [`Self::MAX`] entities.
    pub fn insert(&mut self, entity: E) -> Result<EntityId, E> {
        if let Some(Reverse(slot)) = self.vacant.pop() {
            let place = &mut self.slots[usize::from(slot)];
            place.entity = Some(entity);
            self.alive += 1;
            return Ok(EntityId { slot, generation: place.generation });
        }
        if self.slots.len() >= Self::MAX {
            return Err(entity);
        }
        let slot = self.slots.len() as u16;
        self.slots.push(Slot { generation: 0, entity: Some(entity) });
        self.alive += 1;
        Ok(EntityId { slot, generation: 0 })
    }

    /// Adds an entity with this id, in a reserved slot. The caller makes sure that no client sees one id mean two entities.
    ///
    /// # Errors
    /// The entity itself, when the slot is not reserved or not vacant.
    pub fn insert_at(&mut self, id: EntityId, entity: E) -> Result<(), E> {
        let reserved = &mut self.slots[..usize::from(self.reserved)];
        let Some(place) = reserved.get_mut(usize::from(id.slot)).filter(|place| place.entity.is_none())
        else {
            return Err(entity);
        };
        *place = Slot { generation: id.generation, entity: Some(entity) };
        self.alive += 1;
        Ok(())
    }

    /// Removes and returns an entity; `None` if it was removed before.
    pub fn remove(&mut self, id: EntityId) -> Option<E> {
        let place =
            self.slots.get_mut(usize::from(id.slot)).filter(|place| place.generation == id.generation)?;
        let entity = place.entity.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.alive -= 1;
        if id.slot >= self.reserved {
            self.vacant.push(Reverse(id.slot));
        }
        Some(entity)
    }

    /// Returns the entity with this id, unless it was removed.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&E> {
        let place = self.slots.get(usize::from(id.slot))?;
        place.entity.as_ref().filter(|_| place.generation == id.generation)
    }

    /// Returns the entity with this id for modification, unless it was removed.
    pub fn get_mut(&mut self, id: EntityId) -> Option<&mut E> {
        let place = self.slots.get_mut(usize::from(id.slot))?;
        place.entity.as_mut().filter(|_| place.generation == id.generation)
    }

    /// Iterates over all entities in id order.
    pub fn iter(&self) -> impl Iterator<Item = (EntityId, &E)> + '_ {
        self.slots.iter().enumerate().filter_map(|(slot, place)| {
            let id = EntityId { slot: slot as u16, generation: place.generation };
            Some((id, place.entity.as_ref()?))
        })
    }

    /// Iterates over all entities in id order, for modification.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (EntityId, &mut E)> + '_ {
        self.slots.iter_mut().enumerate().filter_map(|(slot, place)| {
            let id = EntityId { slot: slot as u16, generation: place.generation };
            Some((id, place.entity.as_mut()?))
        })
    }

    /// The number of entities.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.alive
    }

    /// Whether the container has no entities.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes all ids and entities without loss, each entity by `encode`.
    pub fn save(&self, out: &mut BitWriter, mut encode: impl FnMut(&E, &mut BitWriter)) {
        out.write_var(self.slots.len() as u32, 8);
        out.write_var(u32::from(self.reserved), 0);
        for place in &self.slots {
            out.write_var(u32::from(place.generation), 3);
            out.write_bool(place.entity.is_some());
            if let Some(entity) = &place.entity {
                encode(entity, out);
            }
        }
    }

    /// Reads a container that [`Self::save`] wrote, each entity by `decode`.
    ///
    /// # Errors
    /// When the bits are not a saved container.
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
                all.alive += 1;
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
    fn a_reserved_slot_is_used_by_id_and_changes_no_other_id() {
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
