//! A sound reveals the weapon and a rounded position only.

use super::rig::Rig;
use crate::{
    arena::{Event, Fighter, Settings, Weapon},
    game::{Audience, Point, UNIT},
    id::SeatId,
};

const SEATS: u16 = 10;
/// The range of earshot, in 1/256 unit.
const EARSHOT: u32 = 24 * UNIT as u32;

/// A shot, the seats that see it, and its sound with the seats in earshot.
struct Shot {
    seat: SeatId,
    weapon: Weapon,
    from: Point,
    seeing: Audience,
    sound: Option<(Audience, Event)>,
}

/// Calls `judge` for every shot of half a minute, with the room at that time.
fn shots(mut judge: impl FnMut(&Rig, &Shot)) {
    let mut rig = Rig::new(&["skirmish"; SEATS as usize], Settings::default(), 30, 8);
    for _ in 0..900 {
        let events = rig.step();
        for (n, (seeing, event)) in events.iter().enumerate() {
            let &Event::Fired { seat, weapon, .. } = event else { continue };
            let before = n.checked_sub(1).map(|index| events[index].clone());
            let sound = before.filter(|(_, event)| matches!(event, Event::Sound { .. }));
            let from = rig.fighters().find(|one| one.seat == seat).unwrap().body.at;
            judge(&rig, &Shot { seat, weapon, from, seeing: seeing.clone(), sound });
        }
    }
}

fn gets_sound(shot: &Shot, seat: SeatId) -> bool {
    shot.sound.as_ref().is_some_and(|(audience, _)| audience.includes(seat))
}

#[test]
fn seats_in_earshot_that_do_not_see_a_shot_get_its_sound() {
    let (mut in_earshot, mut too_far) = (0, 0);
    shots(|rig, shot| {
        assert!(shot.seeing.includes(shot.seat) && !gets_sound(shot, shot.seat));
        for Fighter { seat, body, .. } in rig.fighters() {
            let is_near = body.at.distance(shot.from) <= EARSHOT;
            assert_eq!(gets_sound(shot, *seat), is_near && !shot.seeing.includes(*seat), "{seat}");
            in_earshot += u32::from(gets_sound(shot, *seat));
            too_far += u32::from(!is_near);
        }
    });
    assert!(in_earshot > 100 && too_far > 100, "{in_earshot} in earshot, {too_far} too far away");
}

#[test]
fn a_sound_reveals_the_weapon_and_a_cell_of_eight_units_only() {
    let mut sounds = 0;
    shots(|_, shot| {
        let Some((_, sound)) = &shot.sound else { return };
        let side = Event::SOUND_CELL;
        let middle = |at: i32| at.div_euclid(side) * side + side / 2;
        let near = Point::new(middle(shot.from.x), middle(shot.from.y));
        assert_eq!(*sound, Event::Sound { weapon: shot.weapon, near });
        sounds += 1;
    });
    assert!(sounds > 50, "{sounds} shots had a sound");
}
