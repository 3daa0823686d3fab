//! One session of a hostile bot: it takes a seat as a player does, then sends the output of its attack.

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

/// The player name of hostile bots, as the server's logs and rosters show it.
const NAME: &str = "mallory";

/// Time limit for the answer to a join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The lead of inputs over the room's tick: the jitter of most links, and well within a room's input buffer.
pub(super) const LEAD_MS: u32 = 100;

/// The maximum of unsent bytes on the control stream; above it, messages are dropped until the server reads again.
const MAX_UNSENT_BYTES: usize = 8 * MAX_CLIENT_MESSAGE_BYTES;

/// An attack from a seat.
pub(super) trait Attack: Send {
    /// Whether it reads the server's messages.
    const READS: bool = true;

    /// The attack of one session, counted from 0.
    fn new(session: u64, rng: Pcg64) -> Self;

    /// The time between two calls of [`Self::send`].
    fn period(rate: TickRate) -> Duration {
        Duration::from_nanos(rate.period_ns())
    }

    /// Sends a portion of the attack; returns the number of datagrams or messages that were sent.
    fn send<G: Game>(&mut self, seat: &mut HostileSeat) -> u64;
}

/// A seat, and the connection that it belongs to.
pub(super) struct HostileSeat {
    connection: Connection,
    control: ControlStream<ClientSide>,
    /// Whether the control stream has ended.
    control_ended: bool,
    /// The reason of the server's announced close.
    closing: Option<CloseReason>,
    seat_epoch: SeatEpoch,
    rate: TickRate,
    joined: (Tick, Instant),
}

/// Connects, takes a seat and attacks until the server ends the session; returns the name of the end.
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
    // Missed ticks of a busy machine are not made up for: the rate is bounded.
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
    /// Waits for the answer to the join that was sent with the hello.
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
                Err(_) => return Err(connection.close_reason().map_or("lost", |error| name(&error))),
            }
        }
    }

    /// The room's tick rate.
    pub(super) const fn rate(&self) -> TickRate {
        self.rate
    }

    /// The tick for which an input is in time, estimated from the time of the join: not every attack reads the room's tick.
    pub(super) fn tick(&self) -> Tick {
        let (tick, since) = self.joined;
        let passed = since.elapsed().as_nanos() / u128::from(self.rate.period_ns());
        tick.after(passed as u32 + self.rate.ticks(LEAD_MS))
    }

    /// Sends inputs with this acknowledgement; returns the number of datagrams that were sent.
    pub(super) fn send_inputs<I>(&self, run: InputBatch<I>, ack: Option<SnapshotAck>) -> u64
    where
        I: Bits + Default + Clone + PartialEq,
    {
        let mut out = BitWriter::new();
        InputDatagram { seat_epoch: self.seat_epoch, ack, batch: run }.encode(&mut out);
        self.datagram(out.finish())
    }

    /// Sends any datagram; returns the number of datagrams that were sent.
    pub(super) fn datagram(&self, bytes: &[u8]) -> u64 {
        u64::from(self.connection.send_datagram(Bytes::copy_from_slice(bytes)).is_ok())
    }

    /// Sends a message; returns 0 when too many bytes are unsent.
    pub(super) fn send_message(&mut self, message: &ClientMessage) -> u64 {
        let has_room = self.has_room();
        if has_room {
            self.control.push(message);
        }
        u64::from(has_room)
    }

    /// Writes any bytes on the control stream; returns 0 when too many bytes are unsent.
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

    /// Waits for the session's end; meanwhile reads and discards the server's messages, or does not read them. Cancel-safe.
    async fn end(&mut self, reads: bool) -> &'static str {
        if !reads {
            return name(&self.connection.closed().await);
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
                return self.closing.map_or_else(|| name(&error), CloseReason::name);
            }
        }
    }
}

fn name(error: &quinn::ConnectionError) -> &'static str {
    Ending::from(error).name()
}
