//! The seeded and simulated things that an endpoint is handed, where a real one takes the system's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig, TimeSource};
use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;
use tokio::time::Instant;

/// What a simulation's day begins at.
const DAWN: Duration = Duration::from_secs(1_800_000_000);

/// 32 bytes that follow from a seed and what they are for.
#[must_use]
pub fn seed_bytes(seed: u64, purpose: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    stream(seed, purpose).fill_bytes(&mut bytes);
    bytes
}

/// A stream of randomness that follows from a seed and what it is for.
#[must_use]
pub fn stream(seed: u64, purpose: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed ^ purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17))
}

/// The settings of a client's endpoint, which draws nothing from the system that shows in a trace.
#[must_use]
pub fn client_endpoint(seed: u64, client: u64) -> EndpointConfig {
    let mut config = quarrel_client::net::transport::endpoint_config();
    config
        .rng_seed(Some(seed_bytes(seed, client)))
        .cid_generator(move || Box::new(SeededIds(stream(seed, !client))));
    config
}

/// Connection ids of the length that the client's own have.
struct SeededIds(Pcg64);

impl ConnectionIdGenerator for SeededIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; 16];
        self.0.fill_bytes(&mut id);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        16
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// The wall clock of a simulation, which only tokio's clock moves.
#[derive(Debug)]
pub struct SimTime(Instant);

impl SimTime {
    /// It is dawn now.
    #[must_use]
    pub fn begin() -> Self {
        Self(Instant::now())
    }
}

impl TimeSource for SimTime {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + DAWN + self.0.elapsed()
    }
}
