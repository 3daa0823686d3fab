//! Honest players over simulated links are believed to the sixteenth; forged moments gain nothing.

use std::collections::BTreeMap;

use quarrel_shared::{game::GameRng, id::SeatId, protocol::datagram::StampedInput};

use super::*;

/// Any small coded type serves as an input here.
type Input = SeatId;

/// A link, in sixteenths of a tick and percent.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// One way.
    delay: i64,
    jitter: i64,
    loss: u32,
    /// Ticks between two snapshots.
    send_interval: u32,
    /// By how much the client's margin wanders, at the 5 % by which it may stretch its ticks.
    wander: i64,
}

/// What a client says in one tick, and where its screen is.
struct Said {
    ack: Option<SnapshotAck>,
    tick: Tick,
    screen: SubTick,
}

/// An honest client: it plays behind the snapshots by two sends, or by as much as nine tenths of them need, and draws nothing more
/// than [`MAX_EXTRAPOLATION_MS`] past the newest.
struct Client {
    link: Link,
    rng: GameRng,
    /// When each snapshot arrives, by then; the last few are on their way.
    coming: BTreeMap<(i64, u32), Tick>,
    got: Vec<Tick>,
    /// How long each of the last snapshots took more than it had to.
    late: Vec<i64>,
    /// How far behind the server's present it draws, in sixteenths; follows the jitter with a little patience.
    behind: i64,
    phase: i64,
}

impl Client {
    fn new(link: Link, seed: u64) -> Self {
        let mut rng = GameRng::new(seed, 0);
        let phase = i64::from(rng.below(16));
        let send = i64::from(link.send_interval) * 16;
        let behind = link.delay + 2 * send;
        Self { link, rng, coming: BTreeMap::new(), got: Vec::new(), late: Vec::new(), behind, phase }
    }

    fn jitter(&mut self) -> i64 {
        i64::from(self.rng.below(self.link.jitter as u32 + 1))
    }

    /// The server makes `tick`.
    fn tick(&mut self, tick: Tick, is_sent: bool) -> Said {
        let now = i64::from(tick.0) * 16 + self.phase;
        if is_sent && self.rng.below(100) >= self.link.loss {
            let late = self.jitter();
            let at = i64::from(tick.0) * 16 + self.link.delay + late;
            self.coming.insert((at, tick.0), tick);
        }
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= now) {
            let (at, tick) = (entry.key().0, *entry.get());
            entry.remove();
            self.late.push(at - i64::from(tick.0) * 16 - self.link.delay);
            if self.got.last().is_none_or(|newest| *newest < tick) {
                self.got.push(tick);
            }
        }
        self.follow_jitter();
        let ack = self.got.last().map(|newest| {
            let applied = |age: &u32| self.got.binary_search(&newest.before(*age)).is_ok();
            let history = (1..=32).filter(applied).fold(0, |bits, age| bits | 1 << (age - 1));
            SnapshotAck { newest: *newest, history }
        });
        let limit = ack.map_or(i64::MAX, |ack| i64::from(ack.newest.0) * 16 + 48);
        let screen = SubTick::from_sixteenths((now - self.behind).min(limit).max(0) as u64);
        // Ahead of the server by the way up, its jitter and a margin of a tick or more.
        let wander = match i64::from(tick.0) % 200 {
            n @ 0..100 => n * 4 / 5,
            n => (200 - n) * 4 / 5,
        };
        let lead = self.link.delay + self.link.jitter + 16 + wander.min(self.link.wander);
        let lead = (lead as u32).div_ceil(16);
        Said { ack, tick: tick.after(lead), screen }
    }

    /// Two sends, or one and what nine tenths of the snapshots came late by, a sixteenth of the way a tick.
    fn follow_jitter(&mut self) {
        let recent = self.late.len().saturating_sub(100);
        let mut late = self.late[recent..].to_vec();
        late.sort_unstable();
        let jitter = late.get(late.len() * 9 / 10).copied().unwrap_or(0);
        let send = i64::from(self.link.send_interval) * 16;
        let wanted = self.link.delay + (2 * send).max(send + jitter);
        self.behind += (wanted - self.behind).clamp(-1, 1);
    }
}

fn run(tick: Tick, seen: SubTick) -> InputBatch<Input> {
    InputBatch::new(tick, StampedInput { input: SeatId(0), seen })
}

/// What becomes of one claim.
fn clamped(sight: &mut Sight, said: &Said, claim: SubTick) -> SubTick {
    let mut run = run(said.tick, claim);
    sight.clamp(said.ack, &mut run);
    run.iter().next().unwrap().1.seen
}

/// Plays `ticks` over a link; `judge` is given what the client says and what was made of its `claim`.
fn play(
    link: Link,
    seed: u64,
    ticks: u32,
    mut claim: impl FnMut(&mut Said) -> SubTick,
    mut judge: impl FnMut(u32, &Said, SubTick),
) -> Sight {
    let mut client = Client::new(link, seed);
    let mut sight = Sight::new(TickRate::DEFAULT, link.send_interval);
    for tick in 1..ticks {
        let is_sent = tick.is_multiple_of(link.send_interval);
        if is_sent {
            sight.sent(Tick(tick));
        }
        let mut said = client.tick(Tick(tick), is_sent);
        let claimed = claim(&mut said);
        let seen = clamped(&mut sight, &said, claimed);
        judge(tick, &said, seen);
    }
    sight
}

const fn ms(ms: i64) -> i64 {
    ms * 30 * 16 / 1000
}

const CLEAN: Link = Link { delay: ms(3), jitter: 0, loss: 0, send_interval: 1, wander: 0 };

/// By how many sixteenths a liar is judged in an older world than they saw, at worst, once their link is known.
fn gained(link: Link, claim: impl FnMut(&mut Said) -> SubTick) -> i64 {
    let mut most = 0;
    play(link, 5, 900, claim, |tick, said, seen| {
        if tick > 60 {
            most = most.max(said.screen.since(seen));
        }
    });
    most
}

#[test]
fn an_honest_player_is_believed_on_any_link_up_to_200_ms() {
    let mut rng = GameRng::new(77, 0);
    for seed in 0..120 {
        let link = Link {
            delay: ms(i64::from(rng.below(100))),
            jitter: ms(i64::from(rng.below(61))),
            loss: rng.below(11),
            send_interval: 1 + rng.below(2),
            wander: i64::from(rng.below(33)),
        };
        play(
            link,
            seed,
            900,
            |said| said.screen,
            |tick, said, seen| {
                // A link's first second is still being measured, on both ends.
                if tick > 60 {
                    assert_eq!(seen.since(said.screen), 0, "at {tick} on {link:?}");
                }
            },
        );
    }
}

#[test]
fn a_player_near_gains_a_tick_or_two_by_any_lie() {
    let past = |said: &mut Said| SubTick::of(said.tick).offset(-ms(250));
    assert!(gained(CLEAN, past) <= 32, "{} sixteenths", gained(CLEAN, past));
    assert!(gained(CLEAN, |_| SubTick::default()) <= 32, "since the world began");
    let mut odd = false;
    let alternating = |said: &mut Said| {
        odd = !odd;
        if odd { SubTick::default() } else { said.screen }
    };
    assert!(gained(CLEAN, alternating) <= 32, "now and then");
}

#[test]
fn a_moment_to_come_is_the_newest_that_a_screen_can_show() {
    for future in [SubTick::of(Tick(u32::MAX)), SubTick::from_sixteenths(u64::MAX)] {
        play(
            CLEAN,
            1,
            300,
            |_| future,
            |_, said, seen| {
                let newest = said.ack.map_or(said.tick, |ack| ack.newest.after(3));
                assert_eq!(seen, SubTick::of(newest), "{future} was claimed");
            },
        );
    }
}

#[test]
fn an_old_acknowledgement_does_not_make_an_old_screen() {
    let mut n = 0;
    let now_and_then = |said: &mut Said| {
        n += 1;
        // Every fourth datagram says that nothing came for a quarter second.
        if let Some(ack) = said.ack.as_mut().filter(|_| n % 4 == 0) {
            ack.newest = ack.newest.before(8);
        }
        SubTick::default()
    };
    let gained = gained(CLEAN, now_and_then);
    assert!(gained <= 32, "{gained} sixteenths, though acknowledgements do not go back");
}

#[test]
fn a_stall_made_up_for_one_shot_gains_half_of_it_at_most() {
    let mut n = 0;
    let mut kept = None;
    let stall = |said: &mut Said| {
        n += 1;
        // Eight ticks of silence in four seconds; a stall of more than a tenth of the time is a link that stalls.
        if n % 120 < 112 {
            kept = said.ack;
        }
        said.ack = kept;
        SubTick::default()
    };
    let gained = gained(CLEAN, stall);
    assert!(gained <= 64, "{gained} sixteenths for eight ticks without an acknowledgement");
}

#[test]
fn who_withholds_acknowledgements_has_what_a_slow_link_has() {
    let slow = Link { delay: ms(50), ..CLEAN };
    let withholding = |said: &mut Said| {
        // A link of 6 ms that says what one of 106 ms would.
        said.ack = said.ack.map(|ack| SnapshotAck { newest: ack.newest.before(3), ..ack });
        SubTick::default()
    };
    let mut oldest = 0;
    play(CLEAN, 5, 900, withholding, |tick, said, seen| {
        if tick > 300 {
            oldest = oldest.max(SubTick::of(said.tick).since(seen));
        }
    });
    assert!(oldest <= worst_lag(slow) + 16, "{oldest} sixteenths, and {} there", worst_lag(slow));
}

/// How far behind its input an all but honest player of this link can be judged.
fn worst_lag(link: Link) -> i64 {
    let mut most = 0;
    play(
        link,
        5,
        900,
        |_| SubTick::default(),
        |tick, said, seen| {
            if tick > 60 {
                most = most.max(SubTick::of(said.tick).since(seen));
            }
        },
    );
    most
}

#[test]
fn what_was_lost_on_the_way_is_counted() {
    let lossy = Link { loss: 10, ..CLEAN };
    let mut sight = play(lossy, 3, 1000, |said| said.screen, |_, _, _| {});
    let lost = sight.take_lost();
    assert!((70..130).contains(&lost), "{lost} of a thousand at ten in a hundred");
    assert_eq!(sight.take_lost(), 0);
    let mut clean = play(Link { send_interval: 2, ..CLEAN }, 3, 1000, |said| said.screen, |_, _, _| {});
    assert_eq!(clean.take_lost(), 0, "what was not sent was not lost");
}

#[test]
fn before_the_first_view_a_player_saw_the_present() {
    let mut sight = Sight::new(TickRate::DEFAULT, 1);
    let mut run = run(Tick(9), SubTick::default());
    sight.clamp(None, &mut run);
    sight.clamp(Some(SnapshotAck { newest: Tick(40), history: 0 }), &mut run);
    assert!(run.iter().all(|(tick, aimed)| aimed.seen == SubTick::of(tick)), "tick 40 was never sent");
}

#[test]
fn inputs_sent_far_ahead_of_their_ticks_buy_no_older_moment() {
    let mut sight = Sight::new(TickRate::DEFAULT, 1);
    let mut worst = 0;
    for tick in (100..2000).map(Tick) {
        sight.sent(tick);
        // A player next door, who acknowledges everything at once.
        let ack = Some(SnapshotAck { newest: tick, history: u32::MAX });
        if tick.0.is_multiple_of(25) {
            sight.clamp(ack, &mut run(tick.after(29), SubTick::of(tick)));
        }
        let mut shot = run(tick.next(), SubTick::of(tick).offset(-120));
        sight.clamp(ack, &mut shot);
        let (_, aimed) = shot.iter().next().unwrap();
        worst = worst.max(SubTick::of(tick).since(aimed.seen));
    }
    assert!(worst <= 3 * 16, "a quarter second was claimed, and {worst}/16 tick was believed");
}
