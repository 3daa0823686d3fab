//! The traffic of the players' socket. It is counted for each packet, on several threads, so its counters share a cache line with no
//! other metric, and one direction takes one line.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
};

/// UDP datagrams and payload bytes of the players' socket, refused and unknown packets included.
#[derive(Debug, Default)]
pub struct SocketTraffic {
    /// Traffic from players to the server.
    pub received: DirectionCount,
    /// Traffic from the server to players.
    pub sent: DirectionCount,
}

/// Datagrams and payload bytes of one direction, aligned to the size of a cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct DirectionCount {
    datagrams: AtomicU64,
    bytes: AtomicU64,
}

impl DirectionCount {
    /// Adds datagrams with this number of payload bytes in all.
    pub fn add(&self, datagrams: u64, bytes: u64) {
        self.datagrams.fetch_add(datagrams, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }
}

/// Encodes the traffic as two counters with the direction as their label.
#[derive(Debug)]
pub(super) struct TrafficCollector(pub(super) Arc<SocketTraffic>);

impl Collector for TrafficCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let directions = [("received", &self.0.received), ("sent", &self.0.sent)];
        let bytes = |count: &DirectionCount| count.bytes.load(Relaxed);
        let datagrams = |count: &DirectionCount| count.datagrams.load(Relaxed);
        let mut encode = |name, help, value: &dyn Fn(&DirectionCount) -> u64| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            directions.iter().try_for_each(|(direction, count)| {
                let label = [("direction", *direction)];
                ConstCounter::new(value(count)).encode(family.encode_family(&label)?)
            })
        };
        encode("bytes", "UDP payload bytes, by direction.", &bytes)?;
        encode("datagrams", "UDP datagrams, by direction.", &datagrams)
    }
}
