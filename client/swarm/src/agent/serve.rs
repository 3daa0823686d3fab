//! An agent: accepts coordinators and runs their assignments, one at a time.
//!
//! A peer that does not prove the key costs the agent a handshake, and occupies one of [`MAX_HANDSHAKES`] slots for at most six seconds
//! ([`HANDSHAKE_TIMEOUT`] and [`PENALTY`]). It learns only whether its key is wrong or missing, or the agent has none.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quinn::{Endpoint, Incoming};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    agent_run,
    channel::{Channel, ChannelError},
    event::{AgentEvent, EventListener},
    key::{self, KeyMismatch, Role, SwarmKey},
    message::{AgentMessage, CoordinatorMessage, SwarmHello},
    quic::{self, CloseCode},
    wire::{MAX_AGENT_FRAME_BYTES, MAX_COORDINATOR_FRAME_BYTES},
};
use crate::game::GameRegistry;

/// Time limit for connection, proof and hello together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of concurrent handshakes.
const MAX_HANDSHAKES: usize = 16;

/// The time for which a refused peer keeps its handshake slot. 16 slots / 1 s limit guesses at the key, and log lines about them, to 16 a
/// second.
const PENALTY: Duration = Duration::from_secs(1);

/// Time limit for a coordinator of another version to close the connection.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Time limit for the bots of a run to leave when the agent stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The error of an agent that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// There is no key, and other machines can reach this address: any of them could direct the agent's bots at any server.
    #[error(
        "{0} can be reached from other machines, so coordinators must prove a key: give --key-file FILE or QUARREL_SWARM_KEY; \
         without one an agent listens only on 127.0.0.1 or [::1]"
    )]
    Keyless(SocketAddr),
    /// The system does not provide this address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address of `--listen`.
        address: SocketAddr,
        /// The system's error.
        error: io::Error,
    },
}

/// A process that runs bots for any coordinator that has its key.
pub struct Agent {
    endpoint: Endpoint,
    address: SocketAddr,
    state: AgentState,
}

/// State shared by all connections of an agent.
#[derive(Clone)]
struct AgentState {
    games: GameRegistry,
    key: Option<SwarmKey>,
    hello: SwarmHello,
    handshakes: Arc<Semaphore>,
    /// One permit: two runs at a time would disturb each other's measurements.
    runs: Arc<Semaphore>,
}

impl Agent {
    /// Binds an agent to an address; port 0 takes any free port. Requires a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound, or other machines can reach it and there is no key.
    pub fn bind(listen: SocketAddr, key: Option<SwarmKey>, games: GameRegistry) -> Result<Self, AgentError> {
        if key.is_none() && !listen.ip().to_canonical().is_loopback() {
            return Err(AgentError::Keyless(listen));
        }
        let failed = |error| AgentError::Listen { address: listen, error };
        let endpoint = quic::listen(listen).map_err(failed)?;
        let address = endpoint.local_addr().map_err(failed)?;
        let state = AgentState {
            hello: SwarmHello::of_this_program(&games.catalog()),
            games,
            key,
            handshakes: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            runs: Arc::new(Semaphore::new(1)),
        };
        Ok(Self { endpoint, address, state })
    }

    /// Returns the bound address, with the port that the system chose for port 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves coordinators until `stop` is cancelled, and passes each event to `listener`. After that the agent's bots leave at once;
    /// returns when they have left, or after three seconds.
    pub async fn serve(self, stop: CancellationToken, listener: impl Fn(AgentEvent) + Send + Sync + 'static) {
        let Self { endpoint, address, state } = self;
        let listener: EventListener = Arc::new(listener);
        listener(AgentEvent::Listening { address, has_key: state.key.is_some() });
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => {}
                incoming = endpoint.accept() => {
                    let Some(incoming) = incoming else { break };
                    let Some((incoming, slot)) = state.admit(incoming) else { continue };
                    connections.spawn(state.clone().serve_connection(incoming, slot, Arc::clone(&listener)));
                }
            }
        }
        quic::close_endpoint(&endpoint, "the agent was stopped").await;
        // Each run stops its bots when its connection is closed.
        let _ = timeout(STOP_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
    }
}

impl AgentState {
    /// Returns a handshake slot for a peer with a validated address, if one is free. Requests a validation of other addresses (QUIC Retry),
    /// and refuses peers when no slot is free.
    fn admit(&self, incoming: Incoming) -> Option<(Incoming, OwnedSemaphorePermit)> {
        if !incoming.remote_address_validated() {
            // Retry costs a round trip, which a run can afford, and keeps forged source addresses from taking all slots.
            let _ = incoming.retry();
            return None;
        }
        match Arc::clone(&self.handshakes).try_acquire_owned() {
            Ok(slot) => Some((incoming, slot)),
            Err(_) => {
                incoming.refuse();
                None
            }
        }
    }

    /// Completes the handshake with a peer, and runs its assignment unless another run is in progress.
    async fn serve_connection(self, incoming: Incoming, slot: OwnedSemaphorePermit, listener: EventListener) {
        let coordinator = incoming.remote_address();
        let handshake = timeout(HANDSHAKE_TIMEOUT, self.handshake(incoming)).await;
        let handshake = handshake.unwrap_or_else(|_| Err(ChannelError::Late(HANDSHAKE_TIMEOUT).to_string()));
        let mut channel = match handshake {
            Ok(channel) => channel,
            Err(reason) => {
                listener(AgentEvent::Refused { coordinator, reason });
                return sleep(PENALTY).await;
            }
        };
        drop(slot);
        let Ok(_run) = self.runs.try_acquire() else {
            CloseCode::Other.close(&channel.connection, "the agent is busy with another run");
            return listener(AgentEvent::Refused {
                coordinator,
                reason: "this agent is busy with another run".to_owned(),
            });
        };
        agent_run::run(&mut channel, self.games.clone(), coordinator, &listener).await;
    }

    /// Completes the handshake with a coordinator that has the key and this version.
    ///
    /// # Errors
    /// A sentence for the agent's operator.
    async fn handshake(&self, incoming: Incoming) -> Result<Channel, String> {
        let lost = |error: ChannelError| error.to_string();
        let connection = incoming.await.map_err(|error| lost(error.into()))?;
        let stream = connection.accept_bi().await.map_err(|error| lost(error.into()))?;
        let mut channel = Channel::new(connection, stream.into(), MAX_COORDINATOR_FRAME_BYTES);
        let binding =
            key::binding(&channel.connection).ok_or("TLS exports no keying material for the proof")?;
        let proof = channel.receiver.receive_proof().await.map_err(lost)?;
        if !key::is_proven(self.key.as_ref(), Role::Coordinator, &binding, &proof) {
            let mismatch = KeyMismatch::of(self.key.as_ref(), &binding, &proof);
            CloseCode::WrongKey.close(&channel.connection, mismatch.reason());
            return Err(match mismatch {
                KeyMismatch::Different => "the coordinator's key is not this agent's",
                KeyMismatch::CoordinatorHasNone => "the coordinator has no key, and this agent has one",
                KeyMismatch::AgentHasNone => "the coordinator has a key, and this agent has none",
            }
            .to_owned());
        }
        let proof = key::prove(self.key.as_ref(), Role::Agent, &binding);
        channel.sender.send_proof(&proof).await.map_err(lost)?;
        let CoordinatorMessage::Hello(coordinator) = channel.receiver.receive().await.map_err(lost)? else {
            return Err(ChannelError::out_of_turn().to_string());
        };
        let own = AgentMessage::Hello(self.hello.clone());
        channel.sender.send(&own, MAX_AGENT_FRAME_BYTES).await.map_err(lost)?;
        if let Err(reason) = SwarmHello::check_versions(&coordinator, &self.hello) {
            // The coordinator makes the same comparison, and closes the connection.
            let _ = timeout(REFUSAL_TIMEOUT, channel.connection.closed()).await;
            return Err(reason);
        }
        Ok(channel)
    }
}

#[cfg(test)]
mod tests;
