//! All paths together, and what flies on them.
//!
//! Each player has a path to the server, over a link of its own: what one sends does not change what another one's link does. One
//! task carries all packets to where they go, when it is their time.

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

use super::{
    socket::SimSocket,
    trace::{Counts, Sighting, Trace, Traffic},
};

/// Packets that an endpoint has not read, at most; a socket's buffer of 4 MiB holds about as many.
const INBOX: usize = 4096;

/// Which player's path it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathId(usize);

/// Whose packet it is, and the how many-th of theirs one way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    path: PathId,
    number: u64,
}

/// The network. Its time is tokio's, since its own begin.
pub struct Network {
    state: Mutex<State>,
    /// Something arrives earlier than all that flew before.
    earlier: Notify,
    start: Instant,
}

struct State {
    seed: u64,
    paths: Vec<Path>,
    nodes: BTreeMap<SocketAddr, Node>,
    flying: BinaryHeap<Flight>,
    /// When the carrier wakes up next.
    wakes_ms: u64,
    trace: Trace,
}

/// A player's way to the server and back.
struct Path {
    up: CountedLane,
    down: CountedLane,
    blackouts: Vec<Range<Duration>>,
}

struct CountedLane {
    lane: SeededDirection,
    counts: Counts,
}

/// A bound address.
struct Node {
    /// `None`: it is the server's.
    path: Option<PathId>,
    inbox: VecDeque<Packet>,
    waker: Option<Waker>,
}

/// A packet that has arrived.
pub(super) struct Packet {
    pub(super) from: SocketAddr,
    pub(super) ecn: Option<EcnCodepoint>,
    pub(super) contents: Arc<[u8]>,
}

struct Flight {
    /// tokio's timers know no finer time, so that one waking serves all packets of a millisecond.
    arrives_ms: u64,
    /// Breaks ties between packets of one millisecond by whose they are, and between those of one player by their order. Who of
    /// several players was served first within an instant decides nothing then: tokio wakes the readers of a watch channel in an
    /// order that differs from run to run.
    turn: Turn,
    to: SocketAddr,
    packet: Packet,
}

impl Network {
    /// An empty network. Needs a tokio runtime around it, on which its packets are carried.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        let state = State {
            seed,
            paths: Vec::new(),
            nodes: BTreeMap::new(),
            flying: BinaryHeap::new(),
            wakes_ms: u64::MAX,
            trace: Trace::default(),
        };
        let network =
            Arc::new(Self { state: Mutex::new(state), earlier: Notify::new(), start: Instant::now() });
        tokio::spawn(carry(Arc::clone(&network)));
        network
    }

    /// How old it is.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// A path over this link, for one more player.
    pub fn path(&self, link: Link) -> PathId {
        let (now, mut state) = (self.now(), self.lock());
        let id = PathId(state.paths.len());
        let [up, down] = SeededDirection::pair(link, state.seed, id.0 as u64, now)
            .map(|lane| CountedLane { lane, counts: Counts::default() });
        state.paths.push(Path { up, down, blackouts: Vec::new() });
        id
    }

    /// Binds an address: a player's, on their path, or the server's, which has none. A path may have several addresses: after a
    /// change of networks there are two for a while.
    ///
    /// # Panics
    /// When the address is taken.
    pub fn bind(self: &Arc<Self>, address: SocketAddr, path: Option<PathId>) -> Arc<SimSocket> {
        let node = Node { path, inbox: VecDeque::new(), waker: None };
        let taken = self.lock().nodes.insert(address, node);
        assert!(taken.is_none(), "{address} is bound already");
        Arc::new(SimSocket::new(Arc::clone(self), address))
    }

    /// From now on a path is like this.
    pub fn set_link(&self, path: PathId, link: Link) {
        let (now, mut state) = (self.now(), self.lock());
        let path = &mut state.paths[path.0];
        for way in [&mut path.up, &mut path.down] {
            way.lane.set_link(link, now);
        }
    }

    /// Nothing gets through on this path at these times, either way.
    pub fn black_out(&self, path: PathId, when: Range<Duration>) {
        self.lock().paths[path.0].blackouts.push(when);
    }

    /// What was sent on a path.
    #[must_use]
    pub fn traffic(&self, path: PathId) -> Traffic {
        let path = &self.lock().paths[path.0];
        Traffic { up: path.up.counts, down: path.down.counts }
    }

    /// The path of a bound address; `None` for the server's, and where nobody is.
    #[must_use]
    pub fn path_of(&self, address: SocketAddr) -> Option<PathId> {
        self.lock().nodes.get(&address)?.path
    }

    /// Everything that was sent so far.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.lock().trace.clone()
    }

    /// From now on the trace keeps every packet.
    pub fn keep_trace(&self) {
        self.lock().trace.keep();
    }

    pub(super) fn unbind(&self, address: SocketAddr) {
        self.lock().nodes.remove(&address);
    }

    pub(super) fn send(&self, from: SocketAddr, transmit: &Transmit<'_>) {
        let (now, to) = (self.now(), transmit.destination);
        let bytes = transmit.contents.len();
        let mut state = self.lock();
        let Some((turn, fate)) = state.fate(now, from, to, bytes) else { return };
        state.trace.push(Sighting {
            at: now,
            from,
            to,
            number: turn.number,
            bytes,
            lost: fate == Delivery::Lost,
        });
        let arrivals = match fate {
            Delivery::Lost => [None, None],
            Delivery::Arrives(at) => [Some(at), None],
            Delivery::Twice(first, second) => [Some(first), Some(second)],
        };
        let contents: Arc<[u8]> = transmit.contents.into();
        let mut earlier = false;
        for arrives in arrivals.into_iter().flatten() {
            let packet = Packet { from, ecn: transmit.ecn, contents: Arc::clone(&contents) };
            earlier |= state.launch(arrives, turn, to, packet);
        }
        if earlier {
            self.earlier.notify_one();
        }
    }

    /// Hands out what has arrived, until `take` (told how many it took before) wants no more; says how many it took. When there was
    /// nothing, `waker` hears of the next one.
    pub(super) fn receive(
        &self,
        address: SocketAddr,
        waker: &Waker,
        mut take: impl FnMut(usize, &Packet) -> bool,
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

    /// Delivers what is due; says when the next packet arrives.
    fn land(&self) -> Option<Instant> {
        let now_ms = self.now().as_millis() as u64;
        let mut state = self.lock();
        while state.flying.peek().is_some_and(|flight| flight.arrives_ms <= now_ms) {
            let Some(Flight { to, packet, .. }) = state.flying.pop() else { break };
            // Whoever has gone misses it, as does a reader who is too slow.
            let Some(node) = state.nodes.get_mut(&to).filter(|node| node.inbox.len() < INBOX) else {
                continue;
            };
            node.inbox.push_back(packet);
            if let Some(waker) = node.waker.take() {
                waker.wake();
            }
        }
        state.wakes_ms = state.flying.peek().map_or(u64::MAX, |flight| flight.arrives_ms);
        state.flying.peek().map(|flight| self.start + Duration::from_millis(flight.arrives_ms))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whose turn a packet between these two is, and what becomes of it; `None` when there is no path between them: then it leaves no
    /// trace either.
    fn fate(
        &mut self,
        now: Duration,
        from: SocketAddr,
        to: SocketAddr,
        bytes: usize,
    ) -> Option<(Turn, Delivery)> {
        let path_of = |address| self.nodes.get(address).and_then(|node: &Node| node.path);
        let (id, is_up) = match (path_of(&from), path_of(&to)) {
            (Some(path), None) => (path, true),
            (None, Some(path)) => (path, false),
            _ => return None,
        };
        let path = &mut self.paths[id.0];
        let is_dark = path.blackouts.iter().any(|blackout| blackout.contains(&now));
        let CountedLane { lane, counts } = if is_up { &mut path.up } else { &mut path.down };
        let fate = if is_dark { Delivery::Lost } else { lane.send(now, bytes) };
        counts.packets += 1;
        counts.bytes += bytes as u64;
        counts.lost += u64::from(fate == Delivery::Lost);
        counts.duplicated += u64::from(matches!(fate, Delivery::Twice(..)));
        Some((Turn { path: id, number: counts.packets }, fate))
    }

    /// Lets a packet fly; true when the carrier must wake up earlier for it.
    fn launch(&mut self, arrives: Duration, turn: Turn, to: SocketAddr, packet: Packet) -> bool {
        let arrives_ms = arrives.as_nanos().div_ceil(1_000_000) as u64;
        self.flying.push(Flight { arrives_ms, turn, to, packet });
        let earlier = arrives_ms < self.wakes_ms;
        self.wakes_ms = self.wakes_ms.min(arrives_ms);
        earlier
    }
}

/// Carries packets for as long as the runtime lives.
async fn carry(network: Arc<Network>) {
    let mut alarm = pin!(sleep_until(network.start));
    loop {
        let next = network.land();
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

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Ord for Flight {
    /// The heap hands out its greatest, which is to be the earliest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.arrives_ms, other.turn).cmp(&(self.arrives_ms, self.turn))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Flight {}
