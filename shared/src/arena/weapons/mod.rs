//! The three weapons: the effect of a trigger on the fighter's own state, and hit tests.
//!
//! Hit tests take the targets as an argument and never read the current world: lag compensation passes the positions that
//! the shooter saw, and a client passes those that it displays.

mod crossbow;
pub(super) mod longbow;
pub(super) mod sword;
mod target;

pub(super) use self::target::{Target, TickMotion};
use super::{fighter::Fighter, input::Input, kit::Kit, map::Map, weapon::Weapon};
use crate::{id::SeatId, tick::TickRate};

/// Steps a fighter's weapon by one tick: cooldown, weapon change, trigger. Returns true if the weapon fires.
pub(super) fn step(fighter: &mut Fighter, kit: &mut Kit, input: &Input, rate: TickRate) -> bool {
    kit.busy_ticks = kit.busy_ticks.saturating_sub(1);
    if fighter.weapon != input.weapon {
        fighter.weapon = input.weapon;
        kit.drawn_ticks = 0;
    }
    let has_fired = match fighter.weapon {
        Weapon::Crossbow => crossbow::update(kit, input),
        Weapon::Longbow => longbow::update(kit, input, rate),
        Weapon::Sword => sword::update(kit, input),
    };
    if has_fired {
        kit.busy_ticks = rate.ticks(fighter.weapon.recovery_ms()) as u16;
    }
    fighter.is_drawing = kit.drawn_ticks > 0;
    has_fired
}

/// Lowers the weapon without firing it, and ends its cooldown.
pub(super) const fn lower(fighter: &mut Fighter, kit: &mut Kit) {
    fighter.is_drawing = false;
    kit.drawn_ticks = 0;
    kit.busy_ticks = 0;
}

/// Whether this input releases an arrow in the coming tick, provided that the match is in play. A client can compute this,
/// because it knows its own fighter and kit.
#[must_use]
pub fn releases_arrow(fighter: &Fighter, kit: &Kit, input: &Input, rate: TickRate) -> bool {
    let has_fired = step(&mut fighter.clone(), &mut kit.clone(), input, rate);
    has_fired && input.weapon == Weapon::Longbow && fighter.is_alive()
}

/// The seat that an arrow of `shooter` hits, given the positions of the others. A client passes the
/// positions that it displays; the room runs the same hit test with the positions that the shooter saw.
#[must_use]
pub fn arrow_target<'a>(
    map: &Map,
    shooter: &Fighter,
    others: impl Iterator<Item = &'a Fighter>,
) -> Option<SeatId> {
    let targets = others
        .filter(|other| other.is_alive())
        .map(|other| Target { allegiance: other.allegiance(), at: other.body.at });
    let hit = longbow::first_target(map, targets, shooter.allegiance(), shooter.body.at, shooter.body.aim);
    hit.map(|victim| victim.seat)
}
