//! A socket that plays on a [`Link`], in real time: each packet that is sent or received gets its fate from the link first.
//!
//! It belongs to one bot, since a link is one player's; so there may be a thousand of them in a process, and it takes one packet at a
//! time where quinn's own socket takes 64. That gives each packet a fate of its own, and quinn's buffer for what an endpoint receives
//! becomes 47 kB instead of 3 MB.
//!
//! What was sent is carried by a task, which ends with the socket once all that flew has arrived: the last packet says goodbye. What was
//! received is carried by whoever asks for it. Either way there is a bound, `pipe::MOST`; what is past it is lost.

use std::{
    cell::Cell,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{EcnCodepoint, RecvMeta, Transmit},
};
use tokio::{
    sync::Notify,
    time::{Instant, Sleep, sleep_until},
};

use super::{Link, lane::Lane, pipe::Pipe};

#[cfg(test)]
mod tests;

/// The most that one read of a socket brings: the system may glue together what arrived in a row.
const READ_BYTES: usize = 64 * 1024;

/// Reads at once.
const READS: usize = 8;

/// How often one poll reads before others have their turn.
const ROUNDS: usize = 16;

thread_local! {
    /// Where sockets read to before it is known when that arrives; one for all sockets of a thread.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A UDP socket around another one, with a link between them.
#[derive(Debug)]
pub struct ImpairedSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    epoch: Instant,
    up: Arc<Up>,
    down: Mutex<Down>,
}

/// What was sent and not yet carried to the socket.
#[derive(Debug)]
struct Up {
    state: Mutex<UpState>,
    /// Something is due earlier than all before, or nothing more will be sent.
    news: Notify,
}

#[derive(Debug)]
struct UpState {
    pipe: Pipe<Sent>,
    is_closed: bool,
}

#[derive(Clone, Debug)]
struct Sent {
    destination: SocketAddr,
    ecn: Option<EcnCodepoint>,
    contents: Bytes,
    src_ip: Option<IpAddr>,
}

/// What came to the socket and has not arrived yet.
#[derive(Debug)]
struct Down {
    pipe: Pipe<Received>,
    /// Wakes who waits for the next one.
    alarm: Pin<Box<Sleep>>,
}

#[derive(Clone, Debug)]
struct Received {
    from: SocketAddr,
    to: Option<IpAddr>,
    ecn: Option<EcnCodepoint>,
    contents: Bytes,
}

impl ImpairedSocket {
    /// Around this socket. Needs a tokio runtime around it.
    #[must_use]
    pub fn new(socket: Arc<dyn AsyncUdpSocket>, link: &Link, seed: u64, bot: u64) -> Self {
        let epoch = Instant::now();
        let [up, down] = Lane::both(*link, seed, bot, Duration::ZERO);
        let state = Mutex::new(UpState { pipe: Pipe::new(up), is_closed: false });
        let up = Arc::new(Up { state, news: Notify::new() });
        tokio::spawn(carry(Arc::clone(&socket), Arc::clone(&up), epoch));
        let down = Mutex::new(Down { pipe: Pipe::new(down), alarm: Box::pin(sleep_until(epoch)) });
        Self { socket, epoch, up, down }
    }
}

impl Drop for ImpairedSocket {
    fn drop(&mut self) {
        self.up.lock().is_closed = true;
        self.up.news.notify_one();
    }
}

/// Hands each packet to the socket when it is due, until nothing flies and nothing more will be sent.
async fn carry(socket: Arc<dyn AsyncUdpSocket>, up: Arc<Up>, epoch: Instant) {
    let mut alarm = pin!(sleep_until(epoch));
    loop {
        while let Some(sent) = up.due(epoch.elapsed()) {
            // A packet that the socket has no room for is one that got lost.
            let _ = socket.try_send(&sent.transmit());
        }
        let (next, is_closed) = up.outlook();
        match next {
            None if is_closed => return,
            None => up.news.notified().await,
            Some(next) => {
                alarm.as_mut().reset(epoch + next);
                tokio::select! {
                    biased;
                    () = up.news.notified() => {}
                    () = &mut alarm => {}
                }
            }
        }
    }
}

impl Up {
    fn lock(&self) -> MutexGuard<'_, UpState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self, now: Duration) -> Option<Sent> {
        self.lock().pipe.pop(now)
    }

    /// When the next packet is due, and whether it may be the last.
    fn outlook(&self) -> (Option<Duration>, bool) {
        let state = self.lock();
        (state.pipe.next(), state.is_closed)
    }
}

impl Sent {
    fn transmit(&self) -> Transmit<'_> {
        let Self { destination, ecn, ref contents, src_ip } = *self;
        Transmit { destination, ecn, contents, segment_size: None, src_ip }
    }
}

impl Down {
    /// Sends all on its way that the socket has. False: there may be more than one poll reads.
    fn read(
        &mut self,
        socket: &dyn AsyncUdpSocket,
        epoch: Instant,
        context: &mut Context<'_>,
    ) -> io::Result<bool> {
        let mut scratch = SCRATCH.take();
        scratch.resize(READS * READ_BYTES, 0);
        let mut is_drained = Ok(false);
        for _ in 0..ROUNDS {
            match self.read_once(socket, epoch.elapsed(), &mut scratch, context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => is_drained = Err(error),
                Poll::Pending => is_drained = Ok(true),
            }
            if !matches!(is_drained, Ok(false)) {
                break;
            }
        }
        SCRATCH.set(scratch);
        is_drained
    }

    fn read_once(
        &mut self,
        socket: &dyn AsyncUdpSocket,
        now: Duration,
        scratch: &mut [u8],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut metas = [RecvMeta::default(); READS];
        let mut parts = scratch.chunks_mut(READ_BYTES);
        let mut buffers: [_; READS] =
            std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
        let reads = ready!(socket.poll_recv(context, &mut buffers, &mut metas))?;
        for (meta, buffer) in metas.iter().zip(&buffers).take(reads) {
            for packet in buffer[..meta.len].chunks(meta.stride.max(1)) {
                self.pipe.push(now, packet.len(), || Received {
                    from: meta.addr,
                    to: meta.dst_ip,
                    ecn: meta.ecn,
                    contents: Bytes::copy_from_slice(packet),
                });
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hands out what has arrived, as much as there is room for.
    fn hand_out(&mut self, now: Duration, buffers: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) -> usize {
        let mut handed = 0;
        for (buffer, meta) in buffers.iter_mut().zip(metas) {
            let Some(packet) = self.pipe.pop(now) else { break };
            // Longer than any packet that quinn takes: cut, as the system would.
            let len = packet.contents.len().min(buffer.len());
            buffer[..len].copy_from_slice(&packet.contents[..len]);
            *meta = RecvMeta { addr: packet.from, len, stride: len, ecn: packet.ecn, dst_ip: packet.to };
            handed += 1;
        }
        handed
    }
}

impl AsyncUdpSocket for ImpairedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let mut state = self.up.lock();
        let (now, next) = (self.epoch.elapsed(), state.pipe.next());
        let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for packet in transmit.contents.chunks(size) {
            state.pipe.push(now, packet.len(), || Sent {
                destination: transmit.destination,
                ecn: transmit.ecn,
                contents: Bytes::copy_from_slice(packet),
                src_ip: transmit.src_ip,
            });
        }
        if state.pipe.next() != next {
            self.up.news.notify_one();
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let is_drained = down.read(&*self.socket, self.epoch, context)?;
        loop {
            let handed = down.hand_out(self.epoch.elapsed(), buffers, metas);
            if handed > 0 {
                return Poll::Ready(Ok(handed));
            }
            if !is_drained {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // The socket wakes for what comes to it, and the alarm for what flies already.
            let Some(next) = down.pipe.next() else { return Poll::Pending };
            let due = self.epoch + next;
            if down.alarm.deadline() != due {
                down.alarm.as_mut().reset(due);
            }
            ready!(down.alarm.as_mut().poll(context));
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        1
    }

    fn max_receive_segments(&self) -> usize {
        1
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

/// Queues and losses are the link's: whoever sends never waits.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
