//! A coordinator's connection to one agent, up to the start of the run.

use std::{net::SocketAddr, time::Duration};

use quinn::ConnectionError;
use tokio::{
    net::lookup_host,
    time::{Instant, timeout},
};

use super::{
    address::with_port,
    channel::{Channel, ChannelError},
    key::{self, Role, SwarmKey},
    message::{AgentMessage, CoordinatorMessage, Machine, RunAssignment, SwarmHello},
    peer_text::printable,
    quic::{CERTIFICATE_NAME, CloseCode, CoordinatorEndpoints, IDLE_TIMEOUT},
    wire::{FrameError, MAX_AGENT_FRAME_BYTES, MAX_COORDINATOR_FRAME_BYTES},
};

/// Time limit for the name look-up, and then for connection, proofs and hellos together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of addresses of a host name that are tried.
const MAX_ADDRESSES: usize = 4;

/// Time limit for an agent to resolve the server and compute its schedule.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// The number of clock requests; only the one with the shortest round trip is used.
const CLOCK_REQUESTS: usize = 8;

/// Time limit for one answer to a clock request.
const CLOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to an agent that has proved the key and has this version.
pub(super) struct AgentConnection {
    /// The agent's address as given on the command line.
    pub(super) agent: String,
    pub(super) channel: Channel,
    pub(super) hello: SwarmHello,
}

/// A comparison of this machine's clock with an agent's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockComparison {
    /// A time of this machine's clock.
    local: Instant,
    /// The estimated reading of the agent's clock at that time, in microseconds.
    agent_us: u64,
    pub(super) round_trip: Duration,
}

impl ClockComparison {
    /// Converts a time of this machine's clock, which must not be before the comparison, to the agent's clock in microseconds. The result
    /// is wrong by at most half the round trip.
    pub(super) fn agent_us(&self, local: Instant) -> u64 {
        self.agent_us + local.saturating_duration_since(self.local).as_micros() as u64
    }
}

impl AgentConnection {
    /// Connects to an agent. The addresses of its host name are tried in turn and share the time limit equally.
    ///
    /// # Errors
    /// A sentence about the host name, or about all addresses that were tried.
    pub(super) async fn open(
        agent: &str,
        endpoints: &CoordinatorEndpoints,
        key: Option<&SwarmKey>,
        own: &SwarmHello,
    ) -> Result<Self, String> {
        let addresses = timeout(CONNECT_TIMEOUT, lookup_host(with_port(agent))).await;
        let addresses =
            addresses.map_err(|_| "the agent's host name could not be resolved in time".to_owned())?;
        let addresses =
            addresses.map_err(|error| format!("the agent's host and port cannot be resolved: {error}"))?;
        let mut addresses: Vec<SocketAddr> = addresses.take(MAX_ADDRESSES).collect();
        // An agent without a key listens on one address, which is usually 127.0.0.1.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let share = CONNECT_TIMEOUT / addresses.len().max(1) as u32;
        let mut tried = Vec::new();
        for address in addresses {
            let error = match timeout(share, Self::connect(agent, address, endpoints, key, own)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => error,
                Err(_) => no_answer(address, share),
            };
            tried.push((address, error));
        }
        Err(failures(tried))
    }

    /// Connects to one address of an agent, and exchanges proofs and hellos.
    async fn connect(
        agent: &str,
        address: SocketAddr,
        endpoints: &CoordinatorEndpoints,
        key: Option<&SwarmKey>,
        own: &SwarmHello,
    ) -> Result<Self, String> {
        if key.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(
                "the agent is on another machine, so a key is needed: give --key-file FILE or QUARREL_SWARM_KEY"
                    .to_owned(),
            );
        }
        let lost = |error: ChannelError| error.to_string();
        let endpoint =
            endpoints.for_address(address).ok_or("this machine has no network of that address family")?;
        let connecting = endpoint.connect(address, CERTIFICATE_NAME).map_err(|error| error.to_string())?;
        let connection = connecting.await.map_err(|error| match error {
            ConnectionError::TimedOut => no_answer(address, IDLE_TIMEOUT),
            error => lost(error.into()),
        })?;
        let stream = connection.open_bi().await.map_err(|error| lost(error.into()))?;
        let mut channel = Channel::new(connection, stream.into(), MAX_AGENT_FRAME_BYTES);
        let binding =
            key::binding(&channel.connection).ok_or("TLS exports no keying material for the proof")?;
        channel.sender.send_proof(&key::prove(key, Role::Coordinator, &binding)).await.map_err(lost)?;
        let proof = channel.receiver.receive_proof().await.map_err(lost)?;
        if !key::is_proven(key, Role::Agent, &binding, &proof) {
            CloseCode::WrongKey.close(&channel.connection, "");
            return Err("the program at that address does not have this key".to_owned());
        }
        channel
            .sender
            .send(&CoordinatorMessage::Hello(own.clone()), MAX_COORDINATOR_FRAME_BYTES)
            .await
            .map_err(lost)?;
        let AgentMessage::Hello(hello) = channel.receiver.receive().await.map_err(lost)? else {
            return Err(ChannelError::out_of_turn().to_string());
        };
        SwarmHello::check_versions(own, &hello)
            .inspect_err(|reason| CloseCode::Other.close(&channel.connection, reason))?;
        Ok(Self { agent: agent.to_owned(), channel, hello })
    }

    /// Sends an assignment, and waits until the agent is ready to start. Returns the agent's machine.
    ///
    /// # Errors
    /// A sentence, when the agent lacks a game of the plan, refuses the assignment, or is lost.
    pub(super) async fn assign(&mut self, assignment: RunAssignment) -> Result<Machine, String> {
        self.hello.check_games(&assignment.plan)?;
        let sent = self
            .channel
            .sender
            .send(&CoordinatorMessage::Assign(Box::new(assignment)), MAX_COORDINATOR_FRAME_BYTES)
            .await;
        sent.map_err(|error| match error {
            ChannelError::Frame(FrameError::TooLong { bytes, max }) => {
                format!("the plan and its server's root certificates have {bytes} bytes, and at most {max} can be sent")
            }
            error => error.to_string(),
        })?;
        match self.channel.receiver.receive_within(READY_TIMEOUT).await.map_err(|error| error.to_string())? {
            AgentMessage::Ready(machine) => Ok(machine),
            AgentMessage::Refused { reason } => Err(printable(&reason)),
            _ => Err(ChannelError::out_of_turn().to_string()),
        }
    }

    /// Compares the two clocks [`CLOCK_REQUESTS`] times, and returns the comparison with the shortest round trip.
    pub(super) async fn compare_clocks(&mut self) -> Result<ClockComparison, ChannelError> {
        let mut comparisons = Vec::with_capacity(CLOCK_REQUESTS);
        for _ in 0..CLOCK_REQUESTS {
            let sent_at = Instant::now();
            self.channel.sender.send(&CoordinatorMessage::ClockRequest, MAX_COORDINATOR_FRAME_BYTES).await?;
            let AgentMessage::Clock { at_us } = self.channel.receiver.receive_within(CLOCK_TIMEOUT).await?
            else {
                return Err(ChannelError::out_of_turn());
            };
            let round_trip = sent_at.elapsed();
            comparisons.push(ClockComparison {
                local: sent_at + round_trip / 2,
                agent_us: at_us,
                round_trip,
            });
        }
        let quickest = comparisons.into_iter().min_by_key(|comparison| comparison.round_trip);
        quickest.ok_or_else(ChannelError::out_of_turn)
    }
}

/// Returns one sentence about all addresses that were tried.
fn failures(tried: Vec<(SocketAddr, String)>) -> String {
    match &tried[..] {
        [] => "the agent's host name has no address".to_owned(),
        [(_, error)] => error.clone(),
        all => {
            let entry = |(address, error): &(SocketAddr, String)| format!("at {address}: {error}");
            all.iter().map(entry).collect::<Vec<_>>().join("; ")
        }
    }
}

fn no_answer(address: SocketAddr, after: Duration) -> String {
    let seconds = after.as_secs_f64();
    format!(
        "no answer from {address} for {seconds:.1} s: check the address, and that `swarm agent` runs there"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_that_was_tried_is_in_the_error() {
        let tried = |texts: &[&str]| {
            failures(texts.iter().map(|text| (text.parse().unwrap(), "no answer".to_owned())).collect())
        };
        assert_eq!(tried(&["127.0.0.1:9"]), "no answer");
        assert_eq!(tried(&["127.0.0.1:9", "[::1]:9"]), "at 127.0.0.1:9: no answer; at [::1]:9: no answer");
    }

    #[test]
    fn a_local_time_converts_to_the_agents_clock() {
        let local = Instant::now();
        let clock = ClockComparison { local, agent_us: 5_000_000, round_trip: Duration::from_millis(80) };
        assert_eq!(clock.agent_us(local + Duration::from_millis(300)), 5_300_000);
    }
}
