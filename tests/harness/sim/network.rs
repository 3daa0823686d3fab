//! The simulated network: the paths of all players and the packets in flight.
//!
//! Each player has a path to the server over a link of its own, so one player's packets do not change another player's link. One
//! task delivers all packets at their times of arrival.

use std::{
    collections::{BTreeMap, BinaryHeap, VecDeque},
    fmt,
    net::SocketAddr,
    ops::Range,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use quarrel_netsim::{Link, direction::Delivery, seeded_direction::SeededDirection};
use quinn::udp::{EcnCodepoint, Transmit};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::trace::{DirectionCounts, PacketRecord, PathTraffic, Trace};

/// The maximum number of packets that an endpoint has not read, about as many as a socket buffer of 4 MiB holds.
const MAX_INBOX_PACKETS: usize = 4096;

/// The id of a player's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathId(usize);

/// The path of a packet, and its number in that path and direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PacketId {
    path: PathId,
    number: u64,
}

/// The network. Its time is tokio's, counted from its creation.
pub struct SimNetwork {
    state: Mutex<NetworkState>,
    /// Notified when a packet arrives earlier than the delivery task's next wake-up.
    earlier: Notify,
    start: Instant,
}

struct NetworkState {
    seed: u64,
    paths: Vec<Path>,
    nodes: BTreeMap<SocketAddr, Node>,
    in_flight: BinaryHeap<PacketInFlight>,
    /// The next wake-up of the delivery task.
    next_wake_ms: u64,
    trace: Trace,
}

/// A player's path to the server and back.
struct Path {
    up: CountedDirection,
    down: CountedDirection,
    blackouts: Vec<Range<Duration>>,
}

struct CountedDirection {
    direction: SeededDirection,
    counts: DirectionCounts,
}

/// A bound address.
struct Node {
    /// The player's path; `None` for the server.
    path: Option<PathId>,
    inbox: VecDeque<ArrivedPacket>,
    waker: Option<Waker>,
}

/// A packet that has arrived.
pub(super) struct ArrivedPacket {
    pub(super) from: SocketAddr,
    pub(super) ecn: Option<EcnCodepoint>,
    pub(super) contents: Arc<[u8]>,
}

struct PacketInFlight {
    /// In milliseconds, the resolution of tokio's timers, so that one wake-up delivers all packets of a millisecond.
    arrives_ms: u64,
    /// Orders the packets of one millisecond by their path, and those of one path by their number. The order must not depend on
    /// which player sent first within an instant, because tokio wakes the readers of a watch channel in an order that differs
    /// from run to run.
    id: PacketId,
    to: SocketAddr,
    packet: ArrivedPacket,
}

impl SimNetwork {
    /// An empty network. Needs a tokio runtime, on which it starts its delivery task.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        let state = NetworkState {
            seed,
            paths: Vec::new(),
            nodes: BTreeMap::new(),
            in_flight: BinaryHeap::new(),
            next_wake_ms: u64::MAX,
            trace: Trace::default(),
        };
        let network =
            Arc::new(Self { state: Mutex::new(state), earlier: Notify::new(), start: Instant::now() });
        tokio::spawn(deliver(Arc::clone(&network)));
        network
    }

    /// The time since its creation.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds a path over this link, for one more player.
    pub fn path(&self, link: Link) -> PathId {
        let (now, mut state) = (self.now(), self.lock());
        let id = PathId(state.paths.len());
        let [up, down] = SeededDirection::pair(link, state.seed, id.0 as u64, now)
            .map(|direction| CountedDirection { direction, counts: DirectionCounts::default() });
        state.paths.push(Path { up, down, blackouts: Vec::new() });
        id
    }

    /// Adds an address to a path; the server's has no path.
    pub(super) fn bind(&self, address: SocketAddr, path: Option<PathId>) {
        let node = Node { path, inbox: VecDeque::new(), waker: None };
        let replaced = self.lock().nodes.insert(address, node);
        assert!(replaced.is_none(), "{address} must not be bound twice");
    }

    /// Changes the link of a path for all later packets.
    pub fn set_link(&self, path: PathId, link: Link) {
        let (now, mut state) = (self.now(), self.lock());
        let path = &mut state.paths[path.0];
        for counted in [&mut path.up, &mut path.down] {
            counted.direction.set_link(link, now);
        }
    }

    /// Adds a black-out: both directions of the path lose all packets sent during this time.
    pub fn add_blackout(&self, path: PathId, when: Range<Duration>) {
        self.lock().paths[path.0].blackouts.push(when);
    }

    /// The counts of the packets sent on a path.
    #[must_use]
    pub fn traffic(&self, path: PathId) -> PathTraffic {
        let path = &self.lock().paths[path.0];
        PathTraffic { up: path.up.counts, down: path.down.counts }
    }

    /// The path of a bound address; `None` for the server's address and for one that is not bound.
    #[must_use]
    pub fn path_of(&self, address: SocketAddr) -> Option<PathId> {
        self.lock().nodes.get(&address)?.path
    }

    /// The trace of all sent packets.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.lock().trace.clone()
    }

    /// Makes the trace keep a record of every later packet.
    pub fn record_packets(&self) {
        self.lock().trace.record_packets();
    }

    pub(super) fn unbind(&self, address: SocketAddr) {
        self.lock().nodes.remove(&address);
    }

    pub(super) fn send(&self, from: SocketAddr, transmit: &Transmit<'_>) {
        let (now, to) = (self.now(), transmit.destination);
        let bytes = transmit.contents.len();
        let mut state = self.lock();
        let Some((id, delivery)) = state.route(now, from, to, bytes) else { return };
        state.trace.push(PacketRecord {
            at: now,
            from,
            to,
            number: id.number,
            bytes,
            lost: delivery == Delivery::Lost,
        });
        let arrivals = match delivery {
            Delivery::Lost => [None, None],
            Delivery::Arrives(at) => [Some(at), None],
            Delivery::Twice(first, second) => [Some(first), Some(second)],
        };
        let contents: Arc<[u8]> = transmit.contents.into();
        let mut earlier = false;
        for arrives in arrivals.into_iter().flatten() {
            let packet = ArrivedPacket { from, ecn: transmit.ecn, contents: Arc::clone(&contents) };
            earlier |= state.push(arrives, id, to, packet);
        }
        if earlier {
            self.earlier.notify_one();
        }
    }

    /// Passes arrived packets to `take`, with the number of packets already taken, until it returns false; returns that number at
    /// the end. When nothing was taken, `waker` is woken by the next arrival.
    pub(super) fn receive(
        &self,
        address: SocketAddr,
        waker: &Waker,
        mut take: impl FnMut(usize, &ArrivedPacket) -> bool,
    ) -> usize {
        let mut state = self.lock();
        let Some(node) = state.nodes.get_mut(&address) else { return 0 };
        let mut taken = 0;
        while node.inbox.front().is_some_and(|packet| take(taken, packet)) {
            node.inbox.pop_front();
            taken += 1;
        }
        if taken == 0 {
            node.waker = Some(waker.clone());
        }
        taken
    }

    /// Delivers the packets that are due, and returns the next time of arrival.
    fn deliver_due(&self) -> Option<Instant> {
        let now_ms = self.now().as_millis() as u64;
        let mut state = self.lock();
        while state.in_flight.peek().is_some_and(|next| next.arrives_ms <= now_ms) {
            let Some(PacketInFlight { to, packet, .. }) = state.in_flight.pop() else { break };
            // A packet is lost when its address is no longer bound or the inbox is full.
            let node = state.nodes.get_mut(&to).filter(|node| node.inbox.len() < MAX_INBOX_PACKETS);
            let Some(node) = node else { continue };
            node.inbox.push_back(packet);
            if let Some(waker) = node.waker.take() {
                waker.wake();
            }
        }
        state.next_wake_ms = state.in_flight.peek().map_or(u64::MAX, |next| next.arrives_ms);
        state.in_flight.peek().map(|next| self.start + Duration::from_millis(next.arrives_ms))
    }

    fn lock(&self) -> MutexGuard<'_, NetworkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NetworkState {
    /// Numbers a packet between two addresses and decides its delivery; `None` when no path connects them, and then the trace
    /// leaves the packet out too.
    fn route(
        &mut self,
        now: Duration,
        from: SocketAddr,
        to: SocketAddr,
        bytes: usize,
    ) -> Option<(PacketId, Delivery)> {
        let path_of = |address| self.nodes.get(address).and_then(|node: &Node| node.path);
        let (path_id, is_up) = match (path_of(&from), path_of(&to)) {
            (Some(path), None) => (path, true),
            (None, Some(path)) => (path, false),
            _ => return None,
        };
        let path = &mut self.paths[path_id.0];
        let is_blacked_out = path.blackouts.iter().any(|blackout| blackout.contains(&now));
        let CountedDirection { direction, counts } = if is_up { &mut path.up } else { &mut path.down };
        let delivery = if is_blacked_out { Delivery::Lost } else { direction.send(now, bytes) };
        counts.packets += 1;
        counts.bytes += bytes as u64;
        counts.lost += u64::from(delivery == Delivery::Lost);
        counts.duplicated += u64::from(matches!(delivery, Delivery::Twice(..)));
        Some((PacketId { path: path_id, number: counts.packets }, delivery))
    }

    /// Puts a packet in flight; true when the delivery task must wake up earlier for it.
    fn push(&mut self, arrives: Duration, id: PacketId, to: SocketAddr, packet: ArrivedPacket) -> bool {
        let arrives_ms = arrives.as_nanos().div_ceil(1_000_000) as u64;
        self.in_flight.push(PacketInFlight { arrives_ms, id, to, packet });
        let earlier = arrives_ms < self.next_wake_ms;
        self.next_wake_ms = self.next_wake_ms.min(arrives_ms);
        earlier
    }
}

/// Delivers packets until the runtime ends.
async fn deliver(network: Arc<SimNetwork>) {
    let mut alarm = pin!(sleep_until(network.start));
    loop {
        let next = network.deliver_due();
        if let Some(next) = next.filter(|next| *next != alarm.deadline()) {
            alarm.as_mut().reset(next);
        }
        tokio::select! {
            biased;
            () = network.earlier.notified() => {}
            () = &mut alarm, if next.is_some() => {}
        }
    }
}

impl fmt::Debug for SimNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimNetwork").finish_non_exhaustive()
    }
}

impl Ord for PacketInFlight {
    /// Reverses the order, because the heap yields its greatest element and the earliest packet must come first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.arrives_ms, other.id).cmp(&(self.arrives_ms, self.id))
    }
}

impl PartialOrd for PacketInFlight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PacketInFlight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PacketInFlight {}
