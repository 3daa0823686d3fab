//! From an address to a connection on which both ends know that they fit.
//!
//! The endpoint is handed in: a load tester shares one among many connections, a simulation brings one without a socket.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quarrel_shared::{
    game::Game,
    protocol::{
        ClientMessage, CloseReason, Hello, JoinTarget, PROTOCOL_VERSION, Resume, ServerMessage,
        bounded::Text, fingerprint,
    },
    tick::TickRate,
};
use quinn::{
    ClientConfig, ConnectError as QuinnConnectError, Connecting, Connection, ConnectionError, Endpoint,
    TransportConfig,
    crypto::rustls::{NoInitialCipherSuite, QuicClientConfig},
};
use tokio::time::timeout;

use crate::{
    net::{
        nudge::{Nudge, nudge},
        tls::{self, Trust, TrustError},
        transport::transport_config,
    },
    session::controller::{Ending, Welcome},
};
use quarrel_transport::{
    control::{ClientSide, ControlError, ControlStream},
    end::ConnectionEnd,
};

/// How long one attempt may take. A corrupt Retry makes quinn deaf to the good ones, so a new connection is the way out.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How many attempts there are.
const ATTEMPTS: u32 = 2;

/// How long a refused client waits for the server to close, which it does once it knows that the reason arrived.
const GOODBYE: Duration = Duration::from_secs(1);

/// Where to, and how to know that it is the right place.
#[derive(Clone, Debug)]
pub struct ConnectConfig {
    /// The server's address.
    pub server: SocketAddr,
    /// What the certificate must be for, where roots are trusted.
    pub server_name: String,
    /// Which certificates are good.
    pub trust: Trust,
    /// What the player wants to be called; cut to what a name may be.
    pub name: String,
}

impl ConnectConfig {
    /// For a server on this machine, whatever its certificate.
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

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No socket to speak from.
    #[error("no socket: {0}")]
    Socket(#[from] io::Error),
    /// Nobody can be trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Address or server name make no sense.
    #[error("cannot connect to that address: {0}")]
    Address(#[from] QuinnConnectError),
    /// Nobody answered in time.
    #[error("nobody answered at {0}: check the address, and that a server runs there")]
    Unreachable(SocketAddr),
    /// The server is not the one that it should be.
    #[error("the server's certificate is not trusted ({0}): check the hash or the roots")]
    Untrusted(String),
    /// Something went wrong below the protocol.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// The server does not want this client.
    #[error("{sentence}")]
    Refused {
        /// Why.
        reason: CloseReason,
        /// What the person can do about it.
        sentence: String,
    },
}

impl ConnectError {
    /// A name for reports: the close reason's, or `no_answer`, or `connect_failed`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused { reason, .. } => reason.name(),
            Self::Unreachable(_) => "no_answer",
            _ => "connect_failed",
        }
    }
}

/// Makes connections to one server. Cheap to clone: clones share the endpoint and its socket.
#[derive(Clone, Debug)]
pub struct Connector {
    endpoint: Endpoint,
    config: ClientConfig,
    server: SocketAddr,
    server_name: Arc<str>,
}

/// A connection on which the server said welcome.
pub struct Link {
    /// The QUIC connection.
    pub connection: Connection,
    /// The control stream, after the handshake.
    pub control: ControlStream<ClientSide>,
    /// The server's welcome.
    pub welcome: Welcome,
    /// Goes on while there is a seat to wait for.
    pub(crate) nudge: Nudge,
}

impl Connector {
    /// Connections from this endpoint to the server of `config`, whose name is not used here.
    ///
    /// # Errors
    /// When the trust does not do for that address.
    pub fn new(endpoint: Endpoint, config: &ConnectConfig) -> Result<Self, TrustError> {
        let tls = tls::client_config(&config.trust, config.server)?;
        let quic = QuicClientConfig::try_from(tls)
            .map_err(|error: NoInitialCipherSuite| TrustError::Tls(error.to_string()))?;
        let mut quinn_config = ClientConfig::new(Arc::new(quic));
        quinn_config.transport_config(Arc::new(transport_config()));
        let server_name = config.server_name.as_str().into();
        Ok(Self { endpoint, config: quinn_config, server: config.server, server_name })
    }

    /// The endpoint that the connections share.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Which server.
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// The same from another endpoint.
    pub fn with_endpoint(&self, endpoint: Endpoint) -> Self {
        Self { endpoint, ..self.clone() }
    }

    /// The same with other settings of QUIC's.
    pub fn with_transport(&self, transport: TransportConfig) -> Self {
        let mut connector = self.clone();
        connector.config.transport_config(Arc::new(transport));
        connector
    }

    /// Sends the first packet of a connection.
    pub fn begin(&self) -> Result<Connecting, ConnectError> {
        Ok(self.endpoint.connect_with(self.config.clone(), self.server, &self.server_name)?)
    }

    /// Connects, says hello and at once asks for a seat if there is a `target`, within 5 s or again on a new connection.
    pub async fn connect<G: Game>(
        &self,
        name: &str,
        target: Option<JoinTarget>,
    ) -> Result<Link, ConnectError> {
        for _ in 0..ATTEMPTS {
            match timeout(ATTEMPT, self.attempt(hello::<G>(name, None), target)).await {
                Ok(Err(ConnectError::Unreachable(_))) | Err(_) => {}
                Ok(result) => return result,
            }
        }
        Err(ConnectError::Unreachable(self.server))
    }

    /// Connects once more and asks for the seat that is held, within `patience`.
    pub(crate) async fn reconnect<G: Game>(
        &self,
        name: &str,
        resume: Resume,
        patience: Duration,
    ) -> Result<Link, ConnectError> {
        let attempt = self.attempt(hello::<G>(name, Some(resume)), None);
        timeout(patience, attempt).await.unwrap_or(Err(ConnectError::Unreachable(self.server)))
    }

    async fn attempt(&self, hello: Hello, target: Option<JoinTarget>) -> Result<Link, ConnectError> {
        let connection = self.begin()?.await.map_err(|error| self.failure(&error))?;
        // Whoever comes back for a seat and is too slow about it comes back once more: that is no goodbye.
        let reason = if hello.resume.is_some() { CloseReason::Replaced } else { CloseReason::Left };
        let attempt = Attempt { connection: Some(connection.clone()), reason };
        let (send, recv) = connection.open_bi().await.map_err(|error| self.failure(&error))?;
        let mut control = ControlStream::<ClientSide>::new(send, recv);
        control.push(&ClientMessage::Hello(hello));
        if let Some(target) = target {
            // A server that does not like the hello ignores what comes behind it.
            control.push(&ClientMessage::Join(target));
        }
        let mut nudge = Nudge::new();
        nudge.want(true);
        let said = answer(&connection, &mut control, &mut nudge).await;
        attempt.answered();
        match said {
            Ok(ServerMessage::Welcome { player, tick_rate, send_rate, ticket, hold_ms, resumed }) => {
                let tick_rate = TickRate::new(tick_rate).ok_or_else(out_of_order)?;
                let hold = Duration::from_millis(u64::from(hold_ms));
                let welcome = Welcome { player, tick_rate, send_rate, ticket, hold, resumed };
                nudge.want(target.is_some() || resumed);
                Ok(Link { connection, control, welcome, nudge })
            }
            Ok(ServerMessage::Closing { reason, sentence }) => {
                control.push(&ClientMessage::ClosingAck);
                // Nothing that comes now matters; waiting is what sends the message.
                let _ = timeout(GOODBYE, control.next()).await;
                Err(ConnectError::Refused { reason, sentence: sentence.to_string() })
            }
            Ok(_) => Err(out_of_order()),
            Err(error) => Err(self.control_failure(&connection, &error)),
        }
    }

    fn control_failure(&self, connection: &Connection, error: &ControlError) -> ConnectError {
        match connection.close_reason() {
            Some(reason) => self.failure(&reason),
            None => ConnectError::Failed(error.to_string()),
        }
    }

    fn failure(&self, error: &ConnectionError) -> ConnectError {
        if let ConnectionError::TransportError(error) = error
            && TLS_ALERTS.contains(&u64::from(error.code))
        {
            return ConnectError::Untrusted(error.reason.clone());
        }
        match Ending::of(error) {
            Ending::Closed { reason, sentence } => ConnectError::Refused { reason, sentence },
            Ending::Left => ConnectError::Failed("closed from this side".to_owned()),
            Ending::Lost(_) if *error == ConnectionError::TimedOut => ConnectError::Unreachable(self.server),
            Ending::Lost(sentence) => ConnectError::Failed(sentence),
        }
    }
}

/// A connection whose server has not answered yet. When it is dropped, nobody waits for that any more.
struct Attempt {
    connection: Option<Connection>,
    reason: CloseReason,
}

impl Attempt {
    fn answered(mut self) {
        self.connection = None;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.close(self.reason.code().into(), self.reason.name().as_bytes());
        }
    }
}

/// The next message; keeps the connection awake until it comes.
async fn answer(
    connection: &Connection,
    control: &mut ControlStream<ClientSide>,
    every: &mut Nudge,
) -> Result<ServerMessage, ControlError> {
    loop {
        tokio::select! {
            biased;
            said = control.next() => return said,
            () = every.due() => nudge(connection),
        }
    }
}

impl Ending {
    /// The ending that a QUIC error stands for.
    #[must_use]
    pub fn of(error: &ConnectionError) -> Self {
        let closed = |reason: CloseReason| Self::Closed { reason, sentence: reason.sentence().to_owned() };
        match ConnectionEnd::from(error) {
            ConnectionEnd::ClosedHere => Self::Left,
            ConnectionEnd::ClosedByPeer(reason) => closed(reason),
            ConnectionEnd::UnknownCode(code) => Self::Lost(format!("closed with the unknown code {code}")),
            ConnectionEnd::Refused => closed(CloseReason::ServerFull),
            ConnectionEnd::Lost(error) => Self::Lost(error.to_string()),
        }
    }
}

/// TLS alerts as QUIC error codes (RFC 9001, section 4.8). Raised on this side they mean that verifying failed.
const TLS_ALERTS: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;

fn out_of_order() -> ConnectError {
    ConnectError::Failed("the server did not welcome the client first".to_owned())
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
