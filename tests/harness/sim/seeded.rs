//! Seeded randomness and a simulated clock for endpoints, in place of the system's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig, TimeSource};
use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;
use tokio::time::Instant;

/// The wall-clock time at which every simulation starts, since the Unix epoch.
const START_TIME: Duration = Duration::from_secs(1_800_000_000);

/// Derives 32 bytes from a seed and the number of their purpose.
#[must_use]
pub fn seed_bytes(seed: u64, purpose: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng(seed, purpose).fill_bytes(&mut bytes);
    bytes
}

/// Derives a random number generator from a seed and the number of its purpose.
#[must_use]
pub fn rng(seed: u64, purpose: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed ^ purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17))
}

/// The configuration of a client's endpoint, with a seeded generator and connection ids, so that traces are reproducible.
#[must_use]
pub fn client_endpoint_config(seed: u64, client: u64) -> EndpointConfig {
    let mut config = quarrel_client::net::transport::endpoint_config();
    config
        .rng_seed(Some(seed_bytes(seed, client)))
        .cid_generator(move || Box::new(SeededIds(rng(seed, !client))));
    config
}

/// Seeded connection ids of 16 bytes, as the client's own.
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

/// The wall clock of a simulation, which advances with tokio's paused clock.
#[derive(Debug)]
pub struct SimTime(Instant);

impl SimTime {
    /// Starts the clock at the start time of every simulation.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl TimeSource for SimTime {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + START_TIME + self.0.elapsed()
    }
}
