//! Where everybody stood in the last few ticks: what a rewound shot is judged by.
//!
//! Only places are remembered, a quarter second of them. Whoever had fallen is not there, so nobody is struck across an
//! appearance; whoever leaves is forgotten, so nobody is struck where their seat's last holder stood.

use super::{Arena, coding, weapons::Standing};
use crate::{
    bits::{BitReader, BitWriter, BitsError},
    game::{Point, TickHistory},
    id::SeatId,
    limits::MAX_REWIND_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// One tick: a place for each seat that had somebody standing.
type Places = Vec<Option<Point>>;

/// The last ticks, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Past {
    trail: TickHistory<Places>,
}

/// One moment of the past.
#[derive(Clone, Copy, Debug)]
struct Glimpse<'a> {
    earlier: &'a Places,
    later: &'a Places,
    part: u32,
}

impl Arena {
    /// Remembers where everybody stands in this tick.
    pub(super) fn remember_places(&mut self) {
        let stands = |seat: &Option<super::Seated>| {
            let fighter = &seat.as_ref()?.fighter.state;
            fighter.is_alive().then_some(fighter.body.at)
        };
        let places = self.seats.iter().map(stands).collect();
        self.past.trail.push(self.tick, places);
    }

    /// Whoever stands now and stood at `moment`, each where they were then.
    pub(super) fn standing_at(&self, moment: SubTick) -> impl Iterator<Item = Standing> {
        let glimpse = self.past.at(moment);
        let standing = self.seated().map(|seated| &seated.fighter.state).filter(|fighter| fighter.is_alive());
        standing.filter_map(move |fighter| {
            let at = glimpse?.of(fighter.seat)?;
            Some(Standing { who: fighter.allegiance(), at })
        })
    }
}

impl Past {
    pub(super) const fn new(rate: TickRate) -> Self {
        Self { trail: TickHistory::new(rate) }
    }

    /// As if nobody had ever sat here.
    pub(super) fn forget_seat(&mut self, seat: SeatId) {
        for (_, places) in self.trail.iter_mut() {
            if let Some(place) = places.get_mut(seat.index()) {
                *place = None;
            }
        }
    }

    /// As if nobody had ever been here.
    pub(super) fn clear(&mut self) {
        self.trail.clear();
    }

    fn at(&self, moment: SubTick) -> Option<Glimpse<'_>> {
        let (earlier, later, part) = self.trail.around(moment)?;
        Some(Glimpse { earlier, later, part })
    }

    /// Ticks follow each other and the last one is the room's, so only places are written: each as what differs from going on
    /// as before, which is nothing while somebody runs straight.
    pub(super) fn save(&self, out: &mut BitWriter) {
        let ticks: Vec<&Places> = self.trail.iter().map(|(_, places)| places).collect();
        out.write_var(ticks.len() as u32, COUNT_ORDER);
        for (n, places) in ticks.iter().enumerate() {
            for (seat, place) in places.iter().enumerate() {
                out.write_bool(place.is_some());
                let Some(place) = place else { continue };
                match expected(&ticks[..n], seat) {
                    Some(expected) => coding::write_displacement(*place - expected, STRAYED_ORDER, out),
                    None => coding::write_place(*place, out),
                }
            }
        }
    }

    /// Reads what [`Self::save`] wrote at `now` in a room of so many seats.
    pub(super) fn load(
        rate: TickRate,
        now: Tick,
        seats: usize,
        from: &mut BitReader<'_>,
    ) -> Result<Self, BitsError> {
        let count = from.read_var(COUNT_ORDER)?;
        if count > rate.ticks(MAX_REWIND_MS) + 2 || count > now.0 {
            return Err(BitsError::OutOfRange);
        }
        let mut ticks: Vec<Places> = Vec::new();
        for _ in 0..count {
            let before: Vec<&Places> = ticks.iter().collect();
            let read = |seat| read_place(expected(&before, seat), from);
            let places = (0..seats).map(read).collect::<Result<_, _>>()?;
            ticks.push(places);
        }
        let mut past = Self::new(rate);
        let first = now.before(count.saturating_sub(1));
        ticks.into_iter().zip(0..).for_each(|(places, n)| past.trail.push(first.after(n), places));
        Ok(past)
    }
}

impl Glimpse<'_> {
    /// Where this seat's fighter was, by the rule that it was drawn by. Whoever was about to appear was not there yet, and
    /// whoever was about to fall, yet stands now, is there no more.
    fn of(&self, seat: SeatId) -> Option<Point> {
        let place = |places: &Places| places.get(seat.index()).copied().flatten();
        let (earlier, later) = (place(self.earlier)?, place(self.later)?);
        Some(earlier.towards(later, self.part, SubTick::PER_TICK))
    }
}

/// Where a seat's fighter is next if it goes on as it did.
fn expected(ticks: &[&Places], seat: usize) -> Option<Point> {
    let place =
        |back: usize| ticks.len().checked_sub(back).and_then(|n| ticks[n].get(seat).copied().flatten());
    let last = place(1)?;
    Some(place(2).map_or(last, |before| last + (last - before)))
}

fn read_place(expected: Option<Point>, from: &mut BitReader<'_>) -> Result<Option<Point>, BitsError> {
    if !from.read_bool()? {
        return Ok(None);
    }
    let place = match expected {
        Some(expected) => expected + coding::read_displacement(STRAYED_ORDER, from)?,
        None => coding::read_place(from)?,
    };
    Ok(Some(place))
}

/// A quarter second at 30 Hz is ten ticks with those around it.
const COUNT_ORDER: u32 = 4;
/// Most ways stray from the straight one by a few subunits a tick.
const STRAYED_ORDER: u32 = 2;
