//! One session of a hostile bot: takes a seat as a player does, then runs the attack.

use std::time::Duration;

use bytes::Bytes;
use quarrel_shared::{
    bits::{BitWriter, Bits},
    game::Game,
    limits::MAX_CLIENT_MESSAGE_BYTES,
    protocol::{
        ClientMessage, CloseReason, JoinTarget, SeatEpoch, ServerMessage,
        datagram::{InputBatch, InputDatagram, SnapshotAck},
    },
    tick::{Tick, TickRate},
};
use quinn::Connection;
use rand_pcg::Pcg64;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use quarrel_client::{Connector, Ending, net::connect::WelcomedConnection};
use quarrel_transport::control::{ClientSide, ControlStream};

/// The player name of hostile bots in the server's logs and player lists.
const NAME: &str = "mallory";

/// Time limit for the answer to a join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The lead of inputs over the room's tick: as long as the jitter of most links, and well within the limit of a room's input buffer.
pub(super) const LEAD_MS: u32 = 100;

/// The number of unsent bytes on the control stream from which messages are dropped until the server reads again.
const MAX_UNSENT_BYTES: usize = 8 * MAX_CLIENT_MESSAGE_BYTES;

/// An attack by a bot that has a seat.
pub(super) trait Attack: Send {
    /// Whether the bot reads the server's messages.
    const READS: bool = true;

    /// Creates the attack of one session; sessions are numbered from 0.
    fn new(session: u64, rng: Pcg64) -> Self;

    /// Returns the time between two calls of [`Self::send`]; by default one tick.
    fn period(rate: TickRate) -> Duration {
        Duration::from_nanos(rate.period_ns())
    }

    /// Sends the next datagrams or messages of the attack, and returns their number.
    fn send<G: Game>(&mut self, seat: &mut HostileSeat) -> u64;
}

/// A seat and the connection to which it belongs.
pub(super) struct HostileSeat {
    connection: Connection,
    control: ControlStream<ClientSide>,
    /// Whether the control stream has ended.
    control_ended: bool,
    /// The reason of the close that the server has announced.
    closing: Option<CloseReason>,
    seat_epoch: SeatEpoch,
    rate: TickRate,
    /// The room's tick in the answer to the join, and the time at which the answer arrived.
    joined: (Tick, Instant),
}

/// Connects, takes a seat and attacks until the server ends the session. Adds the datagrams or messages to `sent`, and returns the name of
/// the end, as in [`super::HostileRecord::closes`].
pub(super) async fn run_session<G: Game, A: Attack>(
    connector: &Connector,
    target: JoinTarget,
    attack: &mut A,
    sent: &mut u64,
) -> &'static str {
    let welcomed = match connector.connect::<G>(NAME, Some(target)).await {
        Ok(welcomed) => welcomed,
        Err(error) => return error.name(),
    };
    let mut seat = match timeout(JOIN_TIMEOUT, HostileSeat::take(welcomed)).await {
        Ok(Ok(seat)) => seat,
        Ok(Err(end)) => return end,
        Err(_) => return "no_answer",
    };
    let mut every = interval(A::period(seat.rate));
    // Calls that a busy machine missed are not made up for, so that the rate is bounded.
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            end = seat.end(A::READS) => return end,
            _ = every.tick() => *sent += attack.send::<G>(&mut seat),
        }
    }
}

impl HostileSeat {
    /// Waits for the answer to the join that was sent with the hello. An error is the name of the session's end.
    async fn take(welcomed: WelcomedConnection) -> Result<Self, &'static str> {
        let WelcomedConnection { connection, mut control, welcome, .. } = welcomed;
        loop {
            match control.next().await {
                Ok(ServerMessage::Joined { tick, seat_epoch, .. }) => {
                    let joined = (tick, Instant::now());
                    let (rate, control_ended, closing) = (welcome.tick_rate, false, None);
                    return Ok(Self {
                        connection,
                        control,
                        control_ended,
                        closing,
                        seat_epoch,
                        rate,
                        joined,
                    });
                }
                Ok(ServerMessage::JoinRefused { reason, .. } | ServerMessage::Closing { reason, .. }) => {
                    return Err(reason.name());
                }
                Ok(_) => {}
                Err(_) => return Err(connection.close_reason().map_or("lost", |error| end_name(&error))),
            }
        }
    }

    /// Returns the room's tick rate.
    pub(super) const fn rate(&self) -> TickRate {
        self.rate
    }

    /// Returns a tick for which an input arrives in time. It is estimated from the time since the join, because not every attack reads the
    /// server's messages.
    pub(super) fn tick(&self) -> Tick {
        let (tick, since) = self.joined;
        let ticks = since.elapsed().as_nanos() / u128::from(self.rate.period_ns());
        tick.after(ticks as u32 + self.rate.ticks(LEAD_MS))
    }

    /// Sends inputs with this acknowledgement; returns the number of datagrams that were sent.
    pub(super) fn send_inputs<I>(&self, batch: InputBatch<I>, ack: Option<SnapshotAck>) -> u64
    where
        I: Bits + Default + Clone + PartialEq,
    {
        let mut out = BitWriter::new();
        InputDatagram { seat_epoch: self.seat_epoch, ack, batch }.encode(&mut out);
        self.datagram(out.finish())
    }

    /// Sends any bytes as a datagram; returns the number of datagrams that were sent.
    pub(super) fn datagram(&self, bytes: &[u8]) -> u64 {
        u64::from(self.connection.send_datagram(Bytes::copy_from_slice(bytes)).is_ok())
    }

    /// Sends a message on the control stream and returns 1, or drops it and returns 0 when too many bytes are unsent.
    pub(super) fn send_message(&mut self, message: &ClientMessage) -> u64 {
        let has_room = self.has_room();
        if has_room {
            self.control.push(message);
        }
        u64::from(has_room)
    }

    /// Writes any bytes on the control stream and returns 1, or drops them and returns 0 when too many bytes are unsent.
    pub(super) fn write(&mut self, bytes: &[u8]) -> u64 {
        let has_room = self.has_room();
        if has_room {
            self.control.push_bytes(bytes);
        }
        u64::from(has_room)
    }

    fn has_room(&self) -> bool {
        self.control.waiting_bytes() < MAX_UNSENT_BYTES
    }

    /// Waits for the end of the session, and returns its name. Until then, reads and discards the server's messages if `reads` is set.
    /// Cancel-safe.
    async fn end(&mut self, reads: bool) -> &'static str {
        if !reads {
            return end_name(&self.connection.closed().await);
        }
        loop {
            let failed = tokio::select! {
                biased;
                message = self.control.next(), if !self.control_ended => {
                    match message {
                        Ok(ServerMessage::RoomClosed { reason, .. }) => return reason.name(),
                        Ok(ServerMessage::Closing { reason, .. }) => {
                            self.closing = Some(reason);
                            self.control.push(&ClientMessage::ClosingAck);
                        }
                        Ok(_) => {}
                        Err(_) => self.control_ended = true,
                    }
                    None
                }
                datagram = self.connection.read_datagram() => datagram.err(),
                keyframe = self.connection.accept_uni() => keyframe.err(),
            };
            if let Some(error) = failed {
                return self.closing.map_or_else(|| end_name(&error), CloseReason::name);
            }
        }
    }
}

/// Returns the name of the end of a session whose connection was lost.
fn end_name(error: &quinn::ConnectionError) -> &'static str {
    Ending::from(error).name()
}
