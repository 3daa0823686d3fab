//! One connection, and whatever may come over it, as the player's task waits for it.
//!
//! Snapshots come thirty times a second and all else now and then, so all else dozes: what comes often must not pay for looks at
//! what does not.

use bytes::Bytes;
use quarrel_shared::protocol::{ClientMessage, ServerMessage};
use quinn::{Connection, ConnectionError, RecvStream};
use tokio_util::sync::ReusableBoxFuture;

use crate::{
    net::{
        connect::Link,
        keyframes::Keyframes,
        nudge::{Nudge, nudge},
    },
    session::controller::Welcome,
};
use quarrel_transport::{
    control::{ClientSide, ControlError, ControlStream},
    wake::WakeFlag,
};

/// A wait for one thing of a connection's, which it gives back for the next. It lives on while other things happen: quinn forgets
/// whom to wake when a wait for a datagram or a stream is dropped.
type Wait<T> = ReusableBoxFuture<'static, (Connection, Result<T, ConnectionError>)>;

/// A connection on which the server said welcome.
pub(crate) struct Line {
    connection: Connection,
    control: ControlStream<ClientSide>,
    datagram: Wait<Bytes>,
    opened: Wait<RecvStream>,
    keyframes: Keyframes,
    nudge: Nudge,
    /// Opened streams, keyframes and nudges.
    others: WakeFlag,
}

/// What comes over it.
pub(crate) enum Arrival {
    /// On the control stream.
    Said(Result<ServerMessage, ControlError>),
    /// A snapshot, however it came.
    Snapshot(Bytes),
    /// The connection is gone.
    Gone(ConnectionError),
}

/// What the kinds come to that are rare.
enum Other {
    Opened(Connection, Result<RecvStream, ConnectionError>),
    Keyframe(Vec<u8>),
    Nudge,
}

impl Line {
    /// A connection over this link, and the server's welcome.
    pub(crate) fn new(link: Link) -> (Self, Welcome) {
        let Link { connection, control, welcome, nudge } = link;
        let line = Self {
            control,
            datagram: ReusableBoxFuture::new(datagram(connection.clone())),
            opened: ReusableBoxFuture::new(opened(connection.clone())),
            keyframes: Keyframes::default(),
            nudge,
            others: WakeFlag::new(),
            connection,
        };
        (line, welcome)
    }

    /// The connection itself.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Says something on the control stream. It goes out while [`Self::next`] is awaited.
    pub(crate) fn say(&mut self, message: &ClientMessage) {
        self.control.push(message);
    }

    /// Whether somebody waits for a seat.
    pub(crate) fn want_nudges(&mut self, are_wanted: bool) {
        self.nudge.want(are_wanted);
        self.others.set();
    }

    /// What comes next: messages before snapshots, for they say whose those are. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Arrival {
        loop {
            tokio::select! {
                biased;
                said = self.control.next() => return Arrival::Said(said),
                // It is what wakes the task, so it need not doze.
                (connection, received) = &mut self.datagram => {
                    self.datagram.set(datagram(connection));
                    return received.map_or_else(Arrival::Gone, Arrival::Snapshot);
                }
                other = self.others.until(other(&mut self.opened, &mut self.keyframes, &mut self.nudge)) => {
                    if let Some(arrival) = self.apply(other) {
                        return arrival;
                    }
                }
            }
        }
    }

    fn apply(&mut self, other: Other) -> Option<Arrival> {
        match other {
            Other::Opened(connection, stream) => {
                self.opened.set(opened(connection));
                match stream {
                    Ok(stream) => self.keyframes.push(stream),
                    Err(error) => return Some(Arrival::Gone(error)),
                }
            }
            Other::Keyframe(bytes) => return Some(Arrival::Snapshot(bytes.into())),
            Other::Nudge => nudge(&self.connection),
        }
        None
    }
}

async fn other(stream: &mut Wait<RecvStream>, keyframes: &mut Keyframes, nudge: &mut Nudge) -> Other {
    tokio::select! {
        biased;
        (connection, stream) = stream => Other::Opened(connection, stream),
        keyframe = keyframes.next() => Other::Keyframe(keyframe),
        () = nudge.due() => Other::Nudge,
    }
}

async fn datagram(connection: Connection) -> (Connection, Result<Bytes, ConnectionError>) {
    let received = connection.read_datagram().await;
    (connection, received)
}

async fn opened(connection: Connection) -> (Connection, Result<RecvStream, ConnectionError>) {
    let opened = connection.accept_uni().await;
    (connection, opened)
}
