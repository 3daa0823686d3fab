//! The Quarrel handshake: from an address to a connection on which the server has sent its welcome.
//!
//! The client's first message on the control stream is the hello (version, game, player's name); the server answers with its welcome
//! or a refusal. The QUIC endpoint is an argument, because a load tester shares one endpoint among many connections, and a
//! simulation uses an endpoint without a real socket.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quarrel_shared::{
    game::Game,
    id::PlayerId,
    limits::MAX_SENTENCE_BYTES,
    protocol::{
        ClientMessage, CloseReason, Hello, JoinTarget, PROTOCOL_VERSION, Resume, ServerMessage, Ticket,
        bounded::Text, fingerprint, shown_text::clean,
    },
    tick::TickRate,
};
use quinn::{
    ClientConfig, ConnectError as QuinnConnectError, Connecting, Connection, ConnectionError, Endpoint,
    TransportConfig,
    crypto::rustls::{NoInitialCipherSuite, QuicClientConfig},
};
use tokio::time::timeout;

use crate::net::{
    ending::Ending,
    nudge::{Nudge, send_nudge},
    tls::{self, Trust, TrustError},
    transport::transport_config,
};
use quarrel_transport::control::{ClientSide, ControlError, ControlStream};

/// The time limit of one attempt. Attempts are repeated because quinn ignores valid Retry packets after a corrupt one, so that only a
/// new connection succeeds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of attempts.
const MAX_ATTEMPTS: u32 = 2;

/// The time for which a refused client waits for the server to close the connection. The server closes once the client has
/// acknowledged the reason.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// A server's address, how to verify the server, and the player's name.
#[derive(Clone, Debug)]
pub struct ConnectConfig {
    /// The server's address. [`find_server`](crate::find_server) returns the configuration of a server that has a name.
    pub server: SocketAddr,
    /// The server's DNS name. The certificate must be valid for this name with [`Trust::Roots`]; otherwise the name is only sent in
    /// the TLS handshake.
    pub server_name: String,
    /// The certificates to accept.
    pub trust: Trust,
    /// The player's name. Characters that cannot be seen are removed, and a name that is too long is truncated.
    pub name: String,
}

impl ConnectConfig {
    /// Creates a configuration for a server on this machine: accepts any certificate from a loopback address. For another machine,
    /// also set [`Self::trust`].
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        Self {
            server,
            server_name: "localhost".to_owned(),
            trust: Trust::Loopback,
            name: "player".to_owned(),
        }
    }
}

/// Errors of connecting. Each text is a sentence for the player.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No UDP socket could be opened.
    #[error("cannot open a UDP socket: {0}")]
    Socket(#[from] io::Error),
    /// The trust settings cannot be used with this server.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The address or the server name is invalid.
    #[error("the server's address or name is invalid: {0}")]
    Address(#[from] QuinnConnectError),
    /// No answer from the server arrived in time.
    #[error("no server answered at {0}: check the address, and that a server is running there")]
    Unreachable(SocketAddr),
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted ({0}): check the hash or the roots")]
    Untrusted(String),
    /// QUIC or the control stream failed.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// The server refused this client.
    #[error("{sentence}")]
    Refused {
        /// The reason, for programs.
        reason: CloseReason,
        /// The reason and what to do about it, for people.
        sentence: String,
    },
}

impl ConnectError {
    /// The error's name in reports: the name of the close reason, `no_answer` or `connect_failed`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused { reason, .. } => reason.name(),
            Self::Unreachable(_) => "no_answer",
            _ => "connect_failed",
        }
    }
}

/// Opens connections to one server. Cheap to clone: clones share the endpoint and its socket.
#[derive(Clone, Debug)]
pub struct Connector {
    endpoint: Endpoint,
    config: ClientConfig,
    server: SocketAddr,
    server_name: Arc<str>,
}

/// The server's answer to the hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// This player's id on the server.
    pub player: PlayerId,
    /// The tick rate of the server's rooms.
    pub tick_rate: TickRate,
    /// The maximum number of snapshots a second that the server sends to this client.
    pub send_rate: u16,
    /// The ticket for resuming the seat after a broken connection.
    pub ticket: Ticket,
    /// The time for which the server holds the seat of a broken connection; zero if the server does not hold seats.
    pub hold: Duration,
    /// Whether this connection resumes a held seat.
    pub resumed: bool,
}

/// A connection on which the server has sent its welcome, for programs that implement the protocol themselves, such as a hostile
/// bot. Programs with one player use [`Client`](crate::Client).
pub struct WelcomedConnection {
    /// The QUIC connection.
    pub connection: Connection,
    /// The control stream, after the handshake.
    pub control: ControlStream<ClientSide>,
    /// The server's welcome.
    pub welcome: Welcome,
    /// The timer of nudges, active while this client waits for a seat.
    pub(crate) nudge: Nudge,
}

impl Connector {
    /// Creates a connector from this endpoint to the server of `config`. The player's name in `config` is not used.
    ///
    /// # Errors
    /// When the trust settings cannot be used with the server's address.
    pub fn new(endpoint: Endpoint, config: &ConnectConfig) -> Result<Self, TrustError> {
        let tls = tls::client_config(&config.trust, config.server)?;
        let quic = QuicClientConfig::try_from(tls)
            .map_err(|error: NoInitialCipherSuite| TrustError::Tls(error.to_string()))?;
        let mut quinn_config = ClientConfig::new(Arc::new(quic));
        quinn_config.transport_config(Arc::new(transport_config()));
        let server_name = config.server_name.as_str().into();
        Ok(Self { endpoint, config: quinn_config, server: config.server, server_name })
    }

    /// The endpoint that all connections share.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The server's address.
    #[must_use]
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Returns this connector with another endpoint.
    #[must_use]
    pub fn with_endpoint(&self, endpoint: Endpoint) -> Self {
        Self { endpoint, ..self.clone() }
    }

    /// Returns this connector with these QUIC settings instead of those of [`transport_config`].
    #[must_use]
    pub fn with_transport(&self, transport: TransportConfig) -> Self {
        let mut connector = self.clone();
        connector.config.transport_config(Arc::new(transport));
        connector
    }

    /// Starts a QUIC connection, without the Quarrel handshake.
    ///
    /// # Errors
    /// When the address or the server name is invalid.
    pub fn open_quic(&self) -> Result<Connecting, ConnectError> {
        Ok(self.endpoint.connect_with(self.config.clone(), self.server, &self.server_name)?)
    }

    /// Connects and completes the handshake. With a `target`, the request for a seat is sent along with the hello; its answer
    /// arrives on the control stream. An attempt without an answer within 5 s is repeated once, on a new connection.
    ///
    /// # Errors
    /// When no server answers, the server's certificate is not trusted, or the server refuses this client.
    pub async fn connect<G: Game>(
        &self,
        name: &str,
        target: Option<JoinTarget>,
    ) -> Result<WelcomedConnection, ConnectError> {
        for _ in 0..MAX_ATTEMPTS {
            match timeout(ATTEMPT_TIMEOUT, self.attempt(hello::<G>(name, None), target)).await {
                Ok(Err(ConnectError::Unreachable(_))) | Err(_) => {}
                Ok(result) => return result,
            }
        }
        Err(ConnectError::Unreachable(self.server))
    }

    /// Connects and requests the held seat, in a single attempt that takes at most `time_limit`.
    pub(crate) async fn reconnect<G: Game>(
        &self,
        name: &str,
        resume: Resume,
        time_limit: Duration,
    ) -> Result<WelcomedConnection, ConnectError> {
        let attempt = self.attempt(hello::<G>(name, Some(resume)), None);
        timeout(time_limit, attempt).await.unwrap_or(Err(ConnectError::Unreachable(self.server)))
    }

    async fn attempt(
        &self,
        hello: Hello,
        target: Option<JoinTarget>,
    ) -> Result<WelcomedConnection, ConnectError> {
        let connection = self.open_quic()?.await.map_err(|error| self.failure(&error))?;
        // After an attempt to resume that takes too long, the client makes another one, so the server must not take it for leaving.
        let reason = if hello.resume.is_some() { CloseReason::Replaced } else { CloseReason::Left };
        let attempt = UnansweredConnection { connection: Some(connection.clone()), reason };
        let (send, recv) = connection.open_bi().await.map_err(|error| self.failure(&error))?;
        let mut control = ControlStream::<ClientSide>::new(send, recv);
        control.push(&ClientMessage::Hello(hello));
        if let Some(target) = target {
            // A server that refuses the hello ignores this message.
            control.push(&ClientMessage::Join(target));
        }
        let mut nudge = Nudge::new();
        nudge.set_active(true);
        let answer = next_message(&connection, &mut control, &mut nudge).await;
        attempt.set_answered();
        match answer {
            Ok(ServerMessage::Welcome { player, tick_rate, send_rate, ticket, hold_ms, resumed }) => {
                let tick_rate = TickRate::new(tick_rate).ok_or_else(|| invalid_tick_rate(tick_rate))?;
                let hold = Duration::from_millis(u64::from(hold_ms));
                let welcome = Welcome { player, tick_rate, send_rate, ticket, hold, resumed };
                nudge.set_active(target.is_some() || resumed);
                Ok(WelcomedConnection { connection, control, welcome, nudge })
            }
            Ok(ServerMessage::Closing { reason, sentence }) => {
                control.push(&ClientMessage::ClosingAck);
                // Waiting for the next message also sends the queued one. A message that arrives is ignored.
                let _ = timeout(GOODBYE_TIMEOUT, control.next()).await;
                Err(ConnectError::Refused { reason, sentence: sentence.to_string() })
            }
            Ok(_) => Err(out_of_order()),
            Err(error) => Err(self.control_failure(&connection, &error)),
        }
    }

    fn control_failure(&self, connection: &Connection, error: &ControlError) -> ConnectError {
        match connection.close_reason() {
            Some(reason) => self.failure(&reason),
            None => ConnectError::Failed(clean(&error.to_string(), MAX_SENTENCE_BYTES)),
        }
    }

    pub(super) fn failure(&self, error: &ConnectionError) -> ConnectError {
        if let ConnectionError::TransportError(error) = error
            && TLS_ALERTS.contains(&u64::from(error.code))
        {
            return ConnectError::Untrusted(clean(&error.reason, MAX_SENTENCE_BYTES));
        }
        match Ending::from(error) {
            Ending::Closed { reason, sentence } => ConnectError::Refused { reason, sentence },
            Ending::Left => ConnectError::Failed("this side closed it".to_owned()),
            Ending::Lost(_) if *error == ConnectionError::TimedOut => ConnectError::Unreachable(self.server),
            Ending::Lost(sentence) => ConnectError::Failed(sentence),
        }
    }
}

/// Closes a connection when an attempt is cancelled (dropped) before the server has answered.
struct UnansweredConnection {
    connection: Option<Connection>,
    reason: CloseReason,
}

impl UnansweredConnection {
    fn set_answered(mut self) {
        self.connection = None;
    }
}

impl Drop for UnansweredConnection {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.close(self.reason.code().into(), self.reason.name().as_bytes());
        }
    }
}

/// Returns the next message; sends nudges until the message arrives.
async fn next_message(
    connection: &Connection,
    control: &mut ControlStream<ClientSide>,
    nudge: &mut Nudge,
) -> Result<ServerMessage, ControlError> {
    loop {
        tokio::select! {
            biased;
            message = control.next() => return message,
            () = nudge.due() => send_nudge(connection),
        }
    }
}

/// TLS alerts as QUIC error codes (RFC 9001, section 4.8). An alert raised on this side means that the certificate was rejected.
const TLS_ALERTS: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;

fn out_of_order() -> ConnectError {
    ConnectError::Failed("the server's first message is not its welcome".to_owned())
}

fn invalid_tick_rate(hz: u16) -> ConnectError {
    ConnectError::Failed(format!("the server's tick rate of {hz} Hz is not supported"))
}

fn hello<G: Game>(name: &str, resume: Option<Resume>) -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        game: Text::lossy(G::NAME),
        revision: G::REVISION,
        fingerprint: fingerprint::<G>(),
        name: Text::lossy(name),
        resume,
    }
}
