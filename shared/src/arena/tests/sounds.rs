//! What is heard: that something was done thereabouts, and no more.

use super::rig::Rig;
use crate::{
    arena::{Event, Fighter, Settings, Weapon},
    game::{Audience, Point, UNIT},
    id::SeatId,
};

const SEATS: u16 = 10;
const FAR: u32 = 24 * UNIT as u32;

/// A shot: whose, with what, where, and who was told of it in which way.
struct Shot {
    seat: SeatId,
    weapon: Weapon,
    from: Point,
    seeing: Audience,
    heard: Option<(Audience, Event)>,
}

/// All shots of half a minute, each with where everybody was.
fn shots(mut judge: impl FnMut(&Rig, &Shot)) {
    let mut rig = Rig::new(&["skirmish"; SEATS as usize], Settings::default(), 30, 8);
    for _ in 0..900 {
        let events = rig.step();
        for (n, (seeing, event)) in events.iter().enumerate() {
            let &Event::Fired { seat, weapon, .. } = event else { continue };
            let sound = n.checked_sub(1).map(|before| events[before].clone());
            let heard = sound.filter(|(_, event)| matches!(event, Event::Heard { .. }));
            let from = rig.fighters().find(|one| one.seat == seat).unwrap().body.at;
            judge(&rig, &Shot { seat, weapon, from, seeing: seeing.clone(), heard });
        }
    }
}

fn hears(shot: &Shot, seat: SeatId) -> bool {
    shot.heard.as_ref().is_some_and(|(audience, _)| audience.includes(seat))
}

#[test]
fn whoever_does_not_see_a_shot_but_is_near_hears_it_and_nobody_else() {
    let (mut heard, mut unheard) = (0, 0);
    shots(|rig, shot| {
        assert!(shot.seeing.includes(shot.seat) && !hears(shot, shot.seat));
        for Fighter { seat, body, .. } in rig.fighters() {
            let is_near = body.at.distance(shot.from) <= FAR;
            assert_eq!(hears(shot, *seat), is_near && !shot.seeing.includes(*seat), "{seat}");
            heard += u32::from(hears(shot, *seat));
            unheard += u32::from(!is_near);
        }
    });
    assert!(heard > 100 && unheard > 100, "{heard} heard, {unheard} too far away");
}

#[test]
fn a_sound_tells_the_weapon_and_a_square_of_eight_units_and_no_more() {
    let mut heard = 0;
    shots(|_, shot| {
        let Some((_, sound)) = &shot.heard else { return };
        let side = Event::HEARD_WITHIN;
        let middle = |at: i32| at.div_euclid(side) * side + side / 2;
        let near = Point::new(middle(shot.from.x), middle(shot.from.y));
        assert_eq!(*sound, Event::Heard { weapon: shot.weapon, near });
        heard += 1;
    });
    assert!(heard > 50, "{heard} shots were heard");
}
