//! A coordinator's connection to one agent, until that is ready to start.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use quinn::ConnectionError;
use tokio::{
    net::lookup_host,
    time::{Instant, timeout},
};

use super::{
    DEFAULT_PORT,
    channel::{Channel, ChannelError},
    key::{self, Key, Role},
    message::{Answer, Brief, Hello, Machine, Request, sentence},
    quic::{Close, NAME, Outlet, SILENCE},
    wire::{COUNTS_BYTES, FrameError, ORDER_BYTES},
};

/// How long it may take until an agent is known to be one of ours.
const GREETING: Duration = Duration::from_secs(5);

/// A name may have many addresses; whoever has more than these has another problem.
const ADDRESSES: usize = 4;

/// How long an agent may take to look up the server and make its schedule.
const READY: Duration = Duration::from_secs(30);

/// How often an agent's clock is asked; the quickest answer counts.
const ASKS: usize = 8;

/// How long one answer may take.
const ASKED: Duration = Duration::from_secs(5);

/// An agent that answers.
pub(super) struct Call {
    /// As it was named.
    pub(super) agent: String,
    pub(super) channel: Channel,
    pub(super) hello: Hello,
}

/// A moment here and there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    here: Instant,
    there_us: u64,
    pub(super) round_trip: Duration,
}

impl Clock {
    /// What their clock says at a moment of ours, not before the two were compared; wrong by half the round trip at most.
    pub(super) fn there_us(&self, moment: Instant) -> u64 {
        self.there_us + moment.saturating_duration_since(self.here).as_micros() as u64
    }
}

impl Call {
    /// Calls an agent; each of its addresses has its share of the time.
    pub(super) async fn open(
        agent: &str,
        outlet: &Outlet,
        key: Option<&Key>,
        ours: &Hello,
    ) -> Result<Self, String> {
        let found = timeout(GREETING, lookup_host(with_port(agent))).await;
        let found = found.map_err(|_| "its name could not be looked up in time".to_owned())?;
        let found = found.map_err(|error| format!("there is no such host and port: {error}"))?;
        let mut addresses: Vec<SocketAddr> = found.take(ADDRESSES).collect();
        // An agent without a key listens on one of them, and most people write 127.0.0.1 there.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let share = GREETING / addresses.len().max(1) as u32;
        let mut why = "there is no such host".to_owned();
        for address in addresses {
            match timeout(share, Self::greet(agent, address, outlet, key, ours)).await {
                Ok(Ok(call)) => return Ok(call),
                Ok(Err(error)) => why = error,
                Err(_) => why = nobody(address, share),
            }
        }
        Err(why)
    }

    async fn greet(
        agent: &str,
        address: SocketAddr,
        outlet: &Outlet,
        key: Option<&Key>,
        ours: &Hello,
    ) -> Result<Self, String> {
        if key.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(
                "it is on another machine, so a key is needed: give --key-file FILE or QUARREL_SWARM_KEY"
                    .to_owned(),
            );
        }
        let lost = |error: ChannelError| error.to_string();
        let endpoint = outlet.towards(address).ok_or("this machine has no addresses of that kind")?;
        let connecting = endpoint.connect(address, NAME).map_err(|error| error.to_string())?;
        let connection = connecting.await.map_err(|error| match error {
            ConnectionError::TimedOut => nobody(address, SILENCE),
            error => lost(error.into()),
        })?;
        let stream = connection.open_bi().await.map_err(|error| lost(error.into()))?;
        let mut channel = Channel::new(connection, stream, COUNTS_BYTES);
        let binding = key::binding(&channel.connection).ok_or("TLS gave nothing to bind a proof to")?;
        channel.sender.send_proof(&key::prove(key, Role::Coordinator, &binding)).await.map_err(lost)?;
        let proof = channel.receiver.receive_proof().await.map_err(lost)?;
        if !key::is_proven(key, Role::Agent, &binding, &proof) {
            Close::WrongKey.close(&channel.connection, "");
            return Err("whoever answers there does not have our key".to_owned());
        }
        channel.sender.send(&Request::Hello(ours.clone()), ORDER_BYTES).await.map_err(lost)?;
        let Answer::Hello(hello) = channel.receiver.receive().await.map_err(lost)? else {
            return Err(ChannelError::out_of_turn().to_string());
        };
        Hello::agree(ours, &hello).inspect_err(|why| Close::Because.close(&channel.connection, why))?;
        Ok(Self { agent: agent.to_owned(), channel, hello })
    }

    /// Says what is to be played, and waits until the agent could start.
    pub(super) async fn brief(&mut self, brief: Brief) -> Result<Machine, String> {
        self.hello.plays(&brief.plan)?;
        let sent = self.channel.sender.send(&Request::Brief(Box::new(brief)), ORDER_BYTES).await;
        sent.map_err(|error| match error {
            ChannelError::Frame(FrameError::TooLong { bytes, most }) => {
                format!("the plan and the roots of its server are {bytes} bytes, and {most} are the most")
            }
            error => error.to_string(),
        })?;
        match self.channel.receiver.receive_within(READY).await.map_err(|error| error.to_string())? {
            Answer::Ready(machine) => Ok(machine),
            Answer::Refused { why } => Err(sentence(&why)),
            _ => Err(ChannelError::out_of_turn().to_string()),
        }
    }

    /// Compares clocks.
    pub(super) async fn compare_clocks(&mut self) -> Result<Clock, ChannelError> {
        let mut clocks = Vec::with_capacity(ASKS);
        for _ in 0..ASKS {
            let asked = Instant::now();
            self.channel.sender.send(&Request::Ask, ORDER_BYTES).await?;
            let Answer::Clock { at_us } = self.channel.receiver.receive_within(ASKED).await? else {
                return Err(ChannelError::out_of_turn());
            };
            let round_trip = asked.elapsed();
            clocks.push(Clock { here: asked + round_trip / 2, there_us: at_us, round_trip });
        }
        let quickest = clocks.into_iter().min_by_key(|clock| clock.round_trip);
        quickest.ok_or_else(ChannelError::out_of_turn)
    }
}

fn nobody(address: SocketAddr, after: Duration) -> String {
    let seconds = after.as_secs_f64();
    format!(
        "nobody answered at {address} for {seconds:.1} s: check the address, and that `swarm agent` runs there"
    )
}

/// An agent's address as somebody wrote it, with our port where they named none.
fn with_port(agent: &str) -> String {
    match agent.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, DEFAULT_PORT).to_string(),
        Err(_) if agent.ends_with(']') || !agent.contains(':') => format!("{agent}:{DEFAULT_PORT}"),
        Err(_) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_without_a_port_is_at_ours() {
        for (written, meant) in [
            ("loads-1", "loads-1:7790"),
            ("loads-1:9", "loads-1:9"),
            ("10.0.0.2", "10.0.0.2:7790"),
            ("::1", "[::1]:7790"),
            ("[::1]", "[::1]:7790"),
            ("[::1]:9", "[::1]:9"),
        ] {
            assert_eq!(with_port(written), meant);
        }
    }

    #[test]
    fn a_moment_here_is_one_there() {
        let here = Instant::now();
        let clock = Clock { here, there_us: 5_000_000, round_trip: Duration::from_millis(80) };
        assert_eq!(clock.there_us(here + Duration::from_millis(300)), 5_300_000);
    }
}
