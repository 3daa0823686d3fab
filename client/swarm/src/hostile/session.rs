//! One stay of a hostile bot, from the handshake to the end: it takes a seat as everybody does, and from there on speaks by hand.

use std::time::Duration;

use bytes::Bytes;
use quarrel_shared::{
    bits::{BitWriter, Bits},
    game::Game,
    limits::MAX_CLIENT_MESSAGE_BYTES,
    protocol::{
        ClientMessage, CloseReason, JoinTarget, SeatEpoch, ServerMessage,
        datagram::{SnapshotAck, InputDatagram, InputBatch},
    },
    tick::{Tick, TickRate},
};
use quinn::Connection;
use rand_pcg::Pcg64;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use quarrel_client::{Connector, Ending, net::connect::WelcomedConnection};
use quarrel_transport::control::{ClientSide, ControlStream};

/// What a hostile bot is called, for those who look at the server meanwhile.
const NAME: &str = "mallory";

/// How long the answer to a join may take.
const SEAT: Duration = Duration::from_secs(5);

/// How far ahead of the room inputs are: the jitter of most links, and well within what a room keeps.
pub(super) const LEAD_MS: u32 = 100;

/// Bytes of the control stream that wait to be sent, at most: past that the server takes no more for now.
const WAITING_BYTES: usize = 8 * MAX_CLIENT_MESSAGE_BYTES;

/// What is done with a seat.
pub(super) trait Weapon: Send {
    /// Whether it reads what it is told.
    const READS: bool = true;

    /// The one for this life, counted from 0.
    fn forge(life: u64, rng: Pcg64) -> Self;

    /// How much time lies between two strikes.
    fn period(rate: TickRate) -> Duration {
        Duration::from_nanos(rate.period_ns())
    }

    /// Strikes; says how many datagrams or messages that took.
    fn strike<G: Game>(&mut self, seat: &mut HostileSeat) -> u64;
}

/// A seat, and how to speak from it.
pub(super) struct HostileSeat {
    connection: Connection,
    control: ControlStream<ClientSide>,
    /// Nothing more comes on the control stream.
    is_silent: bool,
    /// Why the server will close, if it said so.
    closing: Option<CloseReason>,
    seat_epoch: SeatEpoch,
    rate: TickRate,
    joined: (Tick, Instant),
}

/// Comes, takes a seat and strikes until the server has enough; says how it ended.
pub(super) async fn live<G: Game, W: Weapon>(
    connector: &Connector,
    target: JoinTarget,
    weapon: &mut W,
    sent: &mut u64,
) -> &'static str {
    let link = match connector.connect::<G>(NAME, Some(target)).await {
        Ok(link) => link,
        Err(error) => return error.name(),
    };
    let mut seat = match timeout(SEAT, HostileSeat::take(link)).await {
        Ok(Ok(seat)) => seat,
        Ok(Err(end)) => return end,
        Err(_) => return "no_answer",
    };
    let mut every = interval(W::period(seat.rate));
    // What a busy machine held back is not made up for: the rate is what is meant.
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            end = seat.end(W::READS) => return end,
            _ = every.tick() => *sent += weapon.strike::<G>(&mut seat),
        }
    }
}

impl HostileSeat {
    /// Waits for the answer to the join that went out with the hello.
    async fn take(link: WelcomedConnection) -> Result<Self, &'static str> {
        let WelcomedConnection { connection, mut control, welcome, .. } = link;
        loop {
            match control.next().await {
                Ok(ServerMessage::Joined { tick, seat_epoch, .. }) => {
                    let joined = (tick, Instant::now());
                    let (rate, is_silent, closing) = (welcome.tick_rate, false, None);
                    return Ok(Self { connection, control, is_silent, closing, seat_epoch, rate, joined });
                }
                Ok(ServerMessage::JoinRefused { reason, .. } | ServerMessage::Closing { reason, .. }) => {
                    return Err(reason.name());
                }
                Ok(_) => {}
                Err(_) => return Err(connection.close_reason().map_or("lost", |error| name(&error))),
            }
        }
    }

    /// Steps a second in the room.
    pub(super) const fn rate(&self) -> TickRate {
        self.rate
    }

    /// For which tick an input is in time, as reckoned from when the seat was given: not all who sit here read where the room is.
    pub(super) fn tick(&self) -> Tick {
        let (tick, since) = self.joined;
        let passed = since.elapsed().as_nanos() / u128::from(self.rate.period_ns());
        tick.after(passed as u32 + self.rate.ticks(LEAD_MS))
    }

    /// Sends inputs with this acknowledgement; says how many datagrams that took.
    pub(super) fn send<I>(&self, run: InputBatch<I>, ack: Option<SnapshotAck>) -> u64
    where
        I: Bits + Default + Clone + PartialEq,
    {
        let mut out = BitWriter::new();
        InputDatagram { seat_epoch: self.seat_epoch, ack, batch: run }.encode(&mut out);
        self.datagram(out.finish())
    }

    /// Sends any datagram; says how many that took.
    pub(super) fn datagram(&self, bytes: &[u8]) -> u64 {
        u64::from(self.connection.send_datagram(Bytes::copy_from_slice(bytes)).is_ok())
    }

    /// Says something; 0 when the server takes no more for now.
    pub(super) fn say(&mut self, message: &ClientMessage) -> u64 {
        let has_room = self.has_room();
        if has_room {
            self.control.push(message);
        }
        u64::from(has_room)
    }

    /// Writes anything on the control stream; 0 when the server takes no more for now.
    pub(super) fn write(&mut self, bytes: &[u8]) -> u64 {
        let has_room = self.has_room();
        if has_room {
            self.control.push_bytes(bytes);
        }
        u64::from(has_room)
    }

    fn has_room(&self) -> bool {
        self.control.waiting_bytes() < WAITING_BYTES
    }

    /// Waits for the end, and meanwhile reads what it is told and forgets it, or does not even read it. Cancel-safe.
    async fn end(&mut self, reads: bool) -> &'static str {
        if !reads {
            return name(&self.connection.closed().await);
        }
        loop {
            let failed = tokio::select! {
                biased;
                said = self.control.next(), if !self.is_silent => {
                    match said {
                        Ok(ServerMessage::RoomClosed { reason, .. }) => return reason.name(),
                        Ok(ServerMessage::Closing { reason, .. }) => {
                            self.closing = Some(reason);
                            self.control.push(&ClientMessage::ClosingAck);
                        }
                        Ok(_) => {}
                        Err(_) => self.is_silent = true,
                    }
                    None
                }
                datagram = self.connection.read_datagram() => datagram.err(),
                keyframe = self.connection.accept_uni() => keyframe.err(),
            };
            if let Some(error) = failed {
                return self.closing.map_or_else(|| name(&error), CloseReason::name);
            }
        }
    }
}

fn name(error: &quinn::ConnectionError) -> &'static str {
    Ending::from(error).name()
}
