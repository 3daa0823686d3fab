//! Tests of the clamp over simulated links: honest claims of a displayed tick pass unchanged, and forged ones gain little.

use std::collections::BTreeMap;

use quarrel_shared::{game::GameRng, id::SeatId, protocol::datagram::StampedInput};

use super::*;

/// Any small encoded type; the clamp does not look at the input itself.
type Input = SeatId;

/// A simulated link. Times are in 1/16 tick, the loss is in percent.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// The one-way delay.
    delay: i64,
    jitter: i64,
    loss: u32,
    /// The number of ticks between two snapshots.
    send_interval: u32,
    /// The maximum by which the client's clock drifts ahead, at the 5 % by which a client may change the length of its ticks.
    drift: i64,
}

/// A client's datagram of one tick, and the true displayed tick of its input.
struct Sent {
    ack: Option<SnapshotAck>,
    tick: Tick,
    displayed: SubTick,
}

/// An honest client. It displays the world two sends late, or one send and the 90th percentile of the snapshots' lateness if that is more,
/// and extrapolates at most [`MAX_EXTRAPOLATION_MS`] past its newest snapshot.
struct Client {
    link: Link,
    rng: GameRng,
    /// The snapshots on their way to the client, by the time of their arrival.
    in_flight: BTreeMap<(i64, u32), Tick>,
    received: Vec<Tick>,
    /// The time by which each snapshot arrived later than after the minimum delay.
    late: Vec<i64>,
    /// The time by which the displayed tick is before the server's present, in 1/16 tick; follows the jitter slowly.
    delay: i64,
    /// The client's offset within a tick, in 1/16 tick.
    phase: i64,
}

impl Client {
    fn new(link: Link, seed: u64) -> Self {
        let mut rng = GameRng::new(seed, 0);
        let phase = i64::from(rng.below(16));
        let send = i64::from(link.send_interval) * 16;
        let delay = link.delay + 2 * send;
        Self { link, rng, in_flight: BTreeMap::new(), received: Vec::new(), late: Vec::new(), delay, phase }
    }

    /// Draws the jitter of one snapshot.
    fn jitter(&mut self) -> i64 {
        i64::from(self.rng.below(self.link.jitter as u32 + 1))
    }

    /// Simulates the client at the server's `tick`; `is_sent` if the server sends a snapshot of it. Returns the client's datagram.
    fn tick(&mut self, tick: Tick, is_sent: bool) -> Sent {
        let now = i64::from(tick.0) * 16 + self.phase;
        if is_sent && self.rng.below(100) >= self.link.loss {
            let late = self.jitter();
            let at = i64::from(tick.0) * 16 + self.link.delay + late;
            self.in_flight.insert((at, tick.0), tick);
        }
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= now) {
            let (at, tick) = (entry.key().0, *entry.get());
            entry.remove();
            self.late.push(at - i64::from(tick.0) * 16 - self.link.delay);
            if self.received.last().is_none_or(|newest| *newest < tick) {
                self.received.push(tick);
            }
        }
        self.follow_jitter();
        let ack = self.received.last().map(|newest| {
            let applied = |age: &u32| self.received.binary_search(&newest.before(*age)).is_ok();
            let history = (1..=32).filter(applied).fold(0, |bits, age| bits | 1 << (age - 1));
            SnapshotAck { newest: *newest, history }
        });
        let limit = ack.map_or(i64::MAX, |ack| i64::from(ack.newest.0) * 16 + 48);
        let displayed = SubTick::from_sixteenths((now - self.delay).min(limit).max(0) as u64);
        // The client's input is for a tick ahead of the server's, by the one-way delay, the jitter and a margin of at least one tick.
        let drift = match i64::from(tick.0) % 200 {
            n @ 0..100 => n * 4 / 5,
            n => (200 - n) * 4 / 5,
        };
        let lead = self.link.delay + self.link.jitter + 16 + drift.min(self.link.drift);
        let lead = (lead as u32).div_ceil(16);
        Sent { ack, tick: tick.after(lead), displayed }
    }

    /// Moves the delay by 1/16 tick towards its target: two sends, or one send and the 90th percentile of the lateness if that is more.
    fn follow_jitter(&mut self) {
        let recent = self.late.len().saturating_sub(100);
        let mut late = self.late[recent..].to_vec();
        late.sort_unstable();
        let jitter = late.get(late.len() * 9 / 10).copied().unwrap_or(0);
        let send = i64::from(self.link.send_interval) * 16;
        let target = self.link.delay + (2 * send).max(send + jitter);
        self.delay += (target - self.delay).clamp(-1, 1);
    }
}

fn batch(tick: Tick, seen: SubTick) -> InputBatch<Input> {
    InputBatch::new(tick, StampedInput { input: SeatId(0), seen })
}

/// Clamps one claim of a displayed tick, and returns the result.
fn clamped(clamp: &mut RewindClamp, sent: &Sent, claim: SubTick) -> SubTick {
    let mut batch = batch(sent.tick, claim);
    clamp.clamp(sent.ack, &mut batch);
    batch.iter().next().unwrap().1.seen
}

/// Simulates a number of ticks over a link. `claim` chooses the displayed tick that the client claims and may change its datagram; `check`
/// receives the tick, the datagram and the clamped claim. Returns the clamp.
fn play(
    link: Link,
    seed: u64,
    ticks: u32,
    mut claim: impl FnMut(&mut Sent) -> SubTick,
    mut check: impl FnMut(u32, &Sent, SubTick),
) -> RewindClamp {
    let mut client = Client::new(link, seed);
    let mut clamp = RewindClamp::new(TickRate::DEFAULT, link.send_interval);
    for tick in 1..ticks {
        let is_sent = tick.is_multiple_of(link.send_interval);
        if is_sent {
            clamp.record_sent(Tick(tick));
        }
        let mut sent = client.tick(Tick(tick), is_sent);
        let claimed = claim(&mut sent);
        let seen = clamped(&mut clamp, &sent, claimed);
        check(tick, &sent, seen);
    }
    clamp
}

/// Converts milliseconds to 1/16 tick at 30 Hz.
const fn ms(ms: i64) -> i64 {
    ms * 30 * 16 / 1000
}

const CLEAN: Link = Link { delay: ms(3), jitter: 0, loss: 0, send_interval: 1, drift: 0 };

/// The maximum gain of a lying client, in 1/16 tick: the time by which a clamped claim is older than the true displayed tick, after the
/// first two seconds, in which the clamp still measures the link.
fn gained(link: Link, claim: impl FnMut(&mut Sent) -> SubTick) -> i64 {
    let mut max = 0;
    play(link, 5, 900, claim, |tick, sent, seen| {
        if tick > 60 {
            max = max.max(sent.displayed.since(seen));
        }
    });
    max
}

#[test]
fn honest_claims_pass_unchanged_on_any_link_with_a_round_trip_of_up_to_200_ms() {
    let mut rng = GameRng::new(77, 0);
    for seed in 0..120 {
        let link = Link {
            delay: ms(i64::from(rng.below(100))),
            jitter: ms(i64::from(rng.below(61))),
            loss: rng.below(11),
            send_interval: 1 + rng.below(2),
            drift: i64::from(rng.below(33)),
        };
        play(
            link,
            seed,
            900,
            |sent| sent.displayed,
            |tick, sent, seen| {
                // In the first two seconds both ends still measure the link.
                if tick > 60 {
                    assert_eq!(seen.since(sent.displayed), 0, "an honest claim at tick {tick} on {link:?}");
                }
            },
        );
    }
}

#[test]
fn a_player_with_a_short_lag_gains_at_most_two_ticks_by_any_lie() {
    let past = |sent: &mut Sent| SubTick::of(sent.tick).offset(-ms(250));
    assert!(gained(CLEAN, past) <= 32, "a claim of 250 ms ago gained {} sixteenths", gained(CLEAN, past));
    assert!(gained(CLEAN, |_| SubTick::default()) <= 32, "a claim of tick 0");
    let mut odd = false;
    let alternating = |sent: &mut Sent| {
        odd = !odd;
        if odd { SubTick::default() } else { sent.displayed }
    };
    assert!(gained(CLEAN, alternating) <= 32, "an alternating claim");
}

#[test]
fn a_claim_of_the_future_is_clamped_to_the_newest_tick_that_a_client_can_display() {
    for future in [SubTick::of(Tick(u32::MAX)), SubTick::from_sixteenths(u64::MAX)] {
        play(
            CLEAN,
            1,
            300,
            |_| future,
            |_, sent, seen| {
                let newest = sent.ack.map_or(sent.tick, |ack| ack.newest.after(3));
                assert_eq!(seen, SubTick::of(newest), "{future} was claimed");
            },
        );
    }
}

#[test]
fn old_acknowledgements_do_not_widen_the_clamp() {
    let mut n = 0;
    let sometimes_old = |sent: &mut Sent| {
        n += 1;
        // Every fourth datagram claims that no snapshot arrived for a quarter second.
        if let Some(ack) = sent.ack.as_mut().filter(|_| n % 4 == 0) {
            ack.newest = ack.newest.before(8);
        }
        SubTick::default()
    };
    let gained = gained(CLEAN, sometimes_old);
    assert!(gained <= 32, "acknowledgements that go back gained {gained} sixteenths");
}

#[test]
fn a_pretended_stall_of_eight_ticks_gains_at_most_half_of_its_length() {
    let mut n = 0;
    let mut kept = None;
    let stall = |sent: &mut Sent| {
        n += 1;
        // Eight ticks without an acknowledgement in four seconds. Stalls of more than a tenth of the time count as a bad link.
        if n % 120 < 112 {
            kept = sent.ack;
        }
        sent.ack = kept;
        SubTick::default()
    };
    let gained = gained(CLEAN, stall);
    assert!(gained <= 64, "eight ticks without an acknowledgement gained {gained} sixteenths");
}

#[test]
fn withholding_acknowledgements_gains_no_more_than_a_slow_link() {
    let slow = Link { delay: ms(50), ..CLEAN };
    let withholding = |sent: &mut Sent| {
        // On a link with a round trip of 6 ms, the client acknowledges as on one with 106 ms.
        sent.ack = sent.ack.map(|ack| SnapshotAck { newest: ack.newest.before(3), ..ack });
        SubTick::default()
    };
    let mut oldest = 0;
    play(CLEAN, 5, 900, withholding, |tick, sent, seen| {
        if tick > 300 {
            oldest = oldest.max(SubTick::of(sent.tick).since(seen));
        }
    });
    assert!(oldest <= worst_lag(slow) + 16, "{oldest} sixteenths, and {} on the slow link", worst_lag(slow));
}

/// The maximum time, in 1/16 tick, by which the clamped claim of a lying client of this link is before the tick of its input.
fn worst_lag(link: Link) -> i64 {
    let mut max = 0;
    play(
        link,
        5,
        900,
        |_| SubTick::default(),
        |tick, sent, seen| {
            if tick > 60 {
                max = max.max(SubTick::of(sent.tick).since(seen));
            }
        },
    );
    max
}

#[test]
fn lost_snapshots_are_counted() {
    let lossy = Link { loss: 10, ..CLEAN };
    let mut clamp = play(lossy, 3, 1000, |sent| sent.displayed, |_, _, _| {});
    let lost = clamp.take_lost();
    assert!((70..130).contains(&lost), "{lost} of a thousand snapshots were counted at a loss of 10 %");
    assert_eq!(clamp.take_lost(), 0);
    let mut clean = play(Link { send_interval: 2, ..CLEAN }, 3, 1000, |sent| sent.displayed, |_, _, _| {});
    assert_eq!(clean.take_lost(), 0, "a snapshot that was not sent is not lost");
}

#[test]
fn lost_snapshots_are_counted_over_a_gap_of_any_length() {
    for send_interval in [1, 2, 3] {
        let tick = |number: u32| Tick(number * send_interval);
        // The client has applied the snapshot before the acknowledged one.
        let ack = |clamp: &mut RewindClamp, number: u32| {
            let ack = SnapshotAck { newest: tick(number), history: 1 << (send_interval - 1) };
            clamp.clamp(Some(ack), &mut batch(tick(number), SubTick::of(tick(number))));
        };
        for gap in [2, 31, 32, 33, 34, 63, 64, 65, 66, 500] {
            let mut clamp = RewindClamp::new(TickRate::DEFAULT, send_interval);
            clamp.record_sent(tick(1));
            ack(&mut clamp, 1);
            // The last five are still on their way when the acknowledgement arrives.
            (2..gap + 7).for_each(|number| clamp.record_sent(tick(number)));
            ack(&mut clamp, gap + 1);
            let lost = u64::from(gap - 2);
            assert_eq!(
                clamp.take_lost(),
                lost,
                "with a gap of {gap} snapshots, one in {send_interval} ticks"
            );
            ack(&mut clamp, gap + 2);
            assert_eq!(clamp.take_lost(), 0, "the snapshot after a gap of {gap} has arrived");
        }
    }
}

#[test]
fn before_the_first_view_the_displayed_tick_is_the_tick_of_the_input() {
    let mut clamp = RewindClamp::new(TickRate::DEFAULT, 1);
    let mut batch = batch(Tick(9), SubTick::default());
    clamp.clamp(None, &mut batch);
    clamp.clamp(Some(SnapshotAck { newest: Tick(40), history: 0 }), &mut batch);
    assert!(
        batch.iter().all(|(tick, input)| input.seen == SubTick::of(tick)),
        "an acknowledgement of tick 40, which was never sent, is ignored"
    );
}

#[test]
fn inputs_sent_far_ahead_of_their_ticks_do_not_widen_the_clamp() {
    let mut clamp = RewindClamp::new(TickRate::DEFAULT, 1);
    let mut worst = 0;
    for tick in (100..2000).map(Tick) {
        clamp.record_sent(tick);
        // A client without lag, which acknowledges each snapshot at once.
        let ack = Some(SnapshotAck { newest: tick, history: u32::MAX });
        if tick.0.is_multiple_of(25) {
            clamp.clamp(ack, &mut batch(tick.after(29), SubTick::of(tick)));
        }
        let mut shot = batch(tick.next(), SubTick::of(tick).offset(-120));
        clamp.clamp(ack, &mut shot);
        let (_, input) = shot.iter().next().unwrap();
        worst = worst.max(SubTick::of(tick).since(input.seen));
    }
    assert!(worst <= 3 * 16, "a quarter second was claimed, and {worst}/16 tick was granted");
}
