//! `sim tick`: the time of the parts of a tick in large rooms, in which costs that grow with the square of the room would show.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use quarrel_server::room::RoomState;
use quarrel_shared::{
    arena::Arena,
    bits::{BitReader, BitWriter, BitsError},
    crowd::Crowd,
    game::{Entities, Entity, Game, Occupant, Place, Point, Setup, Viewpoint},
    id::SeatId,
    snapshot::{Frame, Interest, SeatFrame, View},
    tick::{Tick, TickRate},
};
use serde_json::json;

/// The parameters of `sim tick`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Number of entities for the selection of views.
    #[arg(long, default_value_t = 10_000)]
    entities: u32,
    /// Number of measurements, of which the shortest is printed.
    #[arg(long, default_value_t = 20)]
    repeat: u32,
}

/// Prints one JSON line for each measurement.
pub(crate) fn run(arguments: &Arguments) {
    let (n, repeat) = (arguments.entities, arguments.repeat);
    for (name, places) in distributions(n) {
        let (frame_us, view_us) = views(&places, repeat);
        println!("{}", json!({"views": name, "entities": n, "frame_us": frame_us, "view_us": view_us}));
    }
    for bots in [64, 256, 512] {
        println!("{}", bots_line::<Arena>(bots, "skirmish", repeat));
    }
    println!("{}", bots_line::<Crowd>(10_000, "stroll", repeat));
    println!("{}", joins_line::<Arena>(256, repeat));
    println!("{}", joins_line::<Crowd>(10_000, repeat));
}

/// An entity that is only a place.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct Dot(Place);

impl Entity for Dot {
    fn place(&self) -> Place {
        self.0
    }

    fn encode(&self, _: &mut BitWriter) {}

    fn decode(_: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Err(BitsError::OutOfRange)
    }
}

/// Places of entities, among them distributions that a plain grid handles badly.
fn distributions(n: u32) -> [(&'static str, Vec<Place>); 5] {
    let even = |k: u32| Point::new((k % 100 * 512) as i32, (k / 100 * 512) as i32);
    let far = Point::new(i32::MAX, i32::MIN);
    let at = |position: &dyn Fn(u32) -> Point| (0..n).map(|k| Place::At(position(k))).collect();
    [
        ("even", at(&even)),
        ("one outlier", at(&|k| if k == n / 2 { far } else { even(k) })),
        ("two clusters", at(&|k| if k % 2 == 0 { far - even(k).scaled(1, 1000) } else { even(k) })),
        ("one position", at(&|_| Point::new(7, 7))),
        ("private", (0..n).map(|k| Place::Only(SeatId(k as u16))).collect()),
    ]
}

/// Measures the creation of a frame with these entities and 64 seats, and the selection of one seat's view, in microseconds.
fn views(places: &[Place], repeat: u32) -> (f64, f64) {
    let mut entities = Entities::new();
    places.iter().for_each(|place| drop(entities.insert(Dot(*place))));
    let seats: Vec<_> = (0..64).map(|seat| Some(seat_frame(places[seat * places.len() / 64]))).collect();
    let frame_time = shortest(repeat, || {
        black_box(Frame::new(Tick(1), &entities, seats.clone()));
    });
    let frame = Frame::new(Tick(1), &entities, seats.clone());
    let (mut interest, mut view) = (Interest::new(), View::default());
    let view_time = shortest(repeat, || {
        for seat in 0..64 {
            interest.pick(&frame, SeatId(seat), &mut view);
            black_box(&view);
        }
    });
    (us(frame_time), round(us(view_time) / 64.0))
}

fn seat_frame(place: Place) -> SeatFrame {
    let Place::At(eye) = place else { return SeatFrame::default() };
    let viewpoint = Viewpoint { eye, range: u32::MAX, max_entities: 64, ..Viewpoint::default() };
    SeatFrame { viewpoint, ..SeatFrame::default() }
}

/// Measures the steps and the frames of a room with a bot on every seat, in milliseconds.
fn bots_line<G: Game>(seats: u16, skill: &str, repeat: u32) -> serde_json::Value {
    let mut room: RoomState<G> = RoomState::new(&setup::<G>(seats), seats, skill);
    room.settle_bots(&mut Vec::new());
    // Until bots have met, a tick costs less.
    for _ in 0..60 {
        room.step();
        room.publish();
        room.drain_events().for_each(drop);
    }
    let (mut step, mut frame) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..repeat {
        step += time(|| room.step());
        frame += time(|| {
            room.publish();
        });
        room.drain_events().for_each(drop);
    }
    let ms = |sum: Duration| round(sum.as_secs_f64() * 1000.0 / f64::from(repeat));
    json!({"bots": seats, "game": G::NAME, "step_ms": ms(step), "frame_ms": ms(frame)})
}

/// Measures the time to fill a room's game, in microseconds per seat.
fn joins_line<G: Game>(seats: u16, repeat: u32) -> serde_json::Value {
    let setup = setup::<G>(seats);
    let fill = shortest(repeat.min(5), || {
        let mut game = G::new(&setup);
        (0..seats).for_each(|seat| game.seat_taken(SeatId(seat), Occupant::Player));
        black_box(game.entities().len());
    });
    json!({"joins": seats, "game": G::NAME, "seat_us": round(us(fill) / f64::from(seats))})
}

fn setup<G: Game>(seats: u16) -> Setup<G::Settings> {
    Setup { settings: G::Settings::default(), seed: 5, seats, tick_rate: TickRate::DEFAULT }
}

fn shortest(repeat: u32, mut work: impl FnMut()) -> Duration {
    (0..repeat).map(|_| time(&mut work)).min().unwrap_or_default()
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn us(time: Duration) -> f64 {
    round(time.as_secs_f64() * 1e6)
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
