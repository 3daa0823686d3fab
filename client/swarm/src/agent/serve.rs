//! An agent: it lets coordinators in, and runs for one after the other.
//!
//! Until somebody has proven the key they cost a handshake, a place of few, and five seconds at most; what they are told is that their
//! key is wrong.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quinn::{Endpoint, Incoming};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    channel::{Channel, ChannelError},
    errand,
    key::{self, Key, Role},
    message::{Answer, Hello, Request},
    news::{Listener, News},
    quic::{self, Close},
    wire::{COUNTS_BYTES, ORDER_BYTES},
};
use crate::game::Games;

/// How long anybody may take to prove the key and say hello.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How many may be about it at once.
const HALF_OPEN: usize = 16;

/// How long somebody who was refused keeps their place: 16 guesses a second are few, and so are lines about them.
const PENALTY: Duration = Duration::from_secs(1);

/// How long a refusal may take to be heard.
const HEARD: Duration = Duration::from_secs(1);

/// How long the bots of a run may take to leave when the agent ends.
const LEAVING: Duration = Duration::from_secs(3);

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Anybody could send its bots anywhere.
    #[error(
        "{0} can be reached from other machines, so coordinators must prove a key: give --key-file FILE or QUARREL_SWARM_KEY; \
         without one an agent listens on 127.0.0.1 or [::1] alone"
    )]
    Keyless(SocketAddr),
    /// The system does not give this address.
    #[error("{address} cannot be listened on: {error}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
}

/// Something that runs bots for whoever has its key.
pub struct Agent {
    endpoint: Endpoint,
    address: SocketAddr,
    desk: Desk,
}

/// What every visitor meets.
#[derive(Clone)]
struct Desk {
    games: Games,
    key: Option<Key>,
    hello: Hello,
    half_open: Arc<Semaphore>,
    /// One run at a time: two would disturb each other's figures.
    errands: Arc<Semaphore>,
}

impl Agent {
    /// Listens on this address; port 0 is any. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the address cannot be had, or is not this machine's alone and there is no key.
    pub fn bind(listen: SocketAddr, key: Option<Key>, games: Games) -> Result<Self, AgentError> {
        if key.is_none() && !listen.ip().to_canonical().is_loopback() {
            return Err(AgentError::Keyless(listen));
        }
        let failed = |error| AgentError::Listen { address: listen, error };
        let endpoint = quic::listen(listen).map_err(failed)?;
        let address = endpoint.local_addr().map_err(failed)?;
        let desk = Desk {
            hello: Hello::ours(&games),
            games,
            key,
            half_open: Arc::new(Semaphore::new(HALF_OPEN)),
            errands: Arc::new(Semaphore::new(1)),
        };
        Ok(Self { endpoint, address, desk })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets coordinators in until it is told to stop; then its bots leave at once.
    pub async fn serve(self, stop: CancellationToken, hear: impl Fn(News) + Send + Sync + 'static) {
        let Self { endpoint, address, desk } = self;
        let hear: Listener = Arc::new(hear);
        hear(News::Listens { address, has_key: desk.key.is_some() });
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = visits.join_next() => {}
                incoming = endpoint.accept() => {
                    let Some(incoming) = incoming else { break };
                    let Some((incoming, place)) = desk.admit(incoming) else { continue };
                    visits.spawn(desk.clone().visit(incoming, place, Arc::clone(&hear)));
                }
            }
        }
        quic::goodbye(&endpoint, "the agent was ended").await;
        // Bots leave by themselves once the connection is gone.
        let _ = timeout(LEAVING, async { while visits.join_next().await.is_some() {} }).await;
    }
}

impl Desk {
    /// A place for somebody who shows that they are where they say, while there is one.
    fn admit(&self, incoming: Incoming) -> Option<(Incoming, OwnedSemaphorePermit)> {
        if !incoming.remote_address_validated() {
            // A round trip more: a run has the time, and nobody can take all places in other people's names.
            let _ = incoming.retry();
            return None;
        }
        match Arc::clone(&self.half_open).try_acquire_owned() {
            Ok(place) => Some((incoming, place)),
            Err(_) => {
                incoming.refuse();
                None
            }
        }
    }

    async fn visit(self, incoming: Incoming, place: OwnedSemaphorePermit, hear: Listener) {
        let coordinator = incoming.remote_address();
        let greeted = timeout(HANDSHAKE, self.greet(incoming)).await;
        let greeted = greeted.unwrap_or_else(|_| Err(ChannelError::Late(HANDSHAKE).to_string()));
        let mut channel = match greeted {
            Ok(channel) => channel,
            Err(why) => {
                hear(News::Refused { coordinator, why });
                return sleep(PENALTY).await;
            }
        };
        drop(place);
        let Ok(_turn) = self.errands.try_acquire() else {
            Close::Because.close(&channel.connection, "it is busy with another run");
            return hear(News::Refused {
                coordinator,
                why: "this agent is busy with another run".to_owned(),
            });
        };
        errand::run(&mut channel, self.games.clone(), coordinator, &hear).await;
    }

    /// From the first packet to somebody who may give orders.
    async fn greet(&self, incoming: Incoming) -> Result<Channel, String> {
        let lost = |error: ChannelError| error.to_string();
        let connection = incoming.await.map_err(|error| lost(error.into()))?;
        let stream = connection.accept_bi().await.map_err(|error| lost(error.into()))?;
        let mut channel = Channel::new(connection, stream, ORDER_BYTES);
        let binding = key::binding(&channel.connection).ok_or("TLS gave nothing to bind a proof to")?;
        let proof = channel.receiver.receive_proof().await.map_err(lost)?;
        if !key::is_proven(self.key.as_ref(), Role::Coordinator, &binding, &proof) {
            let mismatch = key::Mismatch::of(self.key.as_ref(), &binding, &proof);
            Close::WrongKey.close(&channel.connection, mismatch.reason());
            return Err(match mismatch {
                key::Mismatch::Other => "its key is not this agent's",
                key::Mismatch::NoneHere => "it has no key, and this agent has one",
                key::Mismatch::NoneThere => "it has a key, and this agent has none",
            }
            .to_owned());
        }
        let proof = key::prove(self.key.as_ref(), Role::Agent, &binding);
        channel.sender.send_proof(&proof).await.map_err(lost)?;
        let Request::Hello(theirs) = channel.receiver.receive().await.map_err(lost)? else {
            return Err(ChannelError::out_of_turn().to_string());
        };
        let ours = Answer::Hello(self.hello.clone());
        channel.sender.send(&ours, COUNTS_BYTES).await.map_err(lost)?;
        if let Err(why) = Hello::agree(&theirs, &self.hello) {
            // They come to the same conclusion, and go.
            let _ = timeout(HEARD, channel.connection.closed()).await;
            return Err(why);
        }
        Ok(channel)
    }
}

#[cfg(test)]
mod tests;
