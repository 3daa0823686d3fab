//! A UDP socket that simulates a [`Link`] in real time, for packets in both directions.
//!
//! Each bot of the load tester has its own link and so its own socket; a process may have thousands. Quinn's own socket passes up to 64
//! packets in one call, this one passes a single packet. So each packet has its own delivery, and quinn's receive buffer for an endpoint
//! is 47 kB instead of 3 MB.
//!
//! A task sends the outgoing packets when they are due. The task ends after the socket is dropped and the last packet has left, because
//! that packet closes the connection. Incoming packets are released when the reader polls. Each direction holds at most
//! `in_flight::MAX_PACKETS`; further packets are lost.

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

use super::{Link, in_flight::InFlight, seeded_direction::SeededDirection};

#[cfg(test)]
mod tests;

/// The size of one read buffer, in bytes: the system may coalesce consecutive packets into one buffer (GRO).
const READ_BYTES: usize = 64 * 1024;

/// The number of buffers in one read.
const READ_BUFFERS: usize = 8;

/// The maximum number of reads in one poll, so that other tasks get their turn.
const MAX_READS_PER_POLL: usize = 16;

thread_local! {
    /// The read buffers, shared by all sockets of a thread. Packets are copied out of them before they wait.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A UDP socket that wraps another one, with a simulated link between the two.
#[derive(Debug)]
pub struct ImpairedSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    epoch: Instant,
    outgoing: Arc<OutgoingPackets>,
    incoming: Mutex<IncomingPackets>,
}

/// Packets that the program has sent and that were not passed to the wrapped socket yet.
#[derive(Debug)]
struct OutgoingPackets {
    state: Mutex<OutgoingState>,
    /// Wakes the sending task: the next packet is due earlier than before, or the socket was dropped.
    changed: Notify,
}

#[derive(Debug)]
struct OutgoingState {
    packets: InFlight<SentPacket>,
    is_closed: bool,
}

#[derive(Clone, Debug)]
struct SentPacket {
    destination: SocketAddr,
    ecn: Option<EcnCodepoint>,
    contents: Bytes,
    src_ip: Option<IpAddr>,
}

/// Packets that the wrapped socket has received and that were not passed to the reader yet.
#[derive(Debug)]
struct IncomingPackets {
    packets: InFlight<ReceivedPacket>,
    /// Wakes the reader when the next packet arrives.
    alarm: Pin<Box<Sleep>>,
}

#[derive(Clone, Debug)]
struct ReceivedPacket {
    from: SocketAddr,
    to: Option<IpAddr>,
    ecn: Option<EcnCodepoint>,
    contents: Bytes,
}

impl ImpairedSocket {
    /// Wraps a socket. `seed` and the number `bot` determine the delivery of each packet.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(socket: Arc<dyn AsyncUdpSocket>, link: &Link, seed: u64, bot: u64) -> Self {
        let epoch = Instant::now();
        let [up, down] = SeededDirection::pair(*link, seed, bot, Duration::ZERO);
        let state = Mutex::new(OutgoingState { packets: InFlight::new(up), is_closed: false });
        let outgoing = Arc::new(OutgoingPackets { state, changed: Notify::new() });
        tokio::spawn(send_due(Arc::clone(&socket), Arc::clone(&outgoing), epoch));
        let incoming =
            Mutex::new(IncomingPackets { packets: InFlight::new(down), alarm: Box::pin(sleep_until(epoch)) });
        Self { socket, epoch, outgoing, incoming }
    }
}

impl Drop for ImpairedSocket {
    fn drop(&mut self) {
        self.outgoing.lock().is_closed = true;
        self.outgoing.changed.notify_one();
    }
}

/// Sends each packet when it is due, until the socket is dropped and no packet is left.
async fn send_due(socket: Arc<dyn AsyncUdpSocket>, outgoing: Arc<OutgoingPackets>, epoch: Instant) {
    let mut alarm = pin!(sleep_until(epoch));
    loop {
        while let Some(packet) = outgoing.pop_due(epoch.elapsed()) {
            // A packet that does not fit the socket's send buffer counts as lost.
            let _ = socket.try_send(&packet.transmit());
        }
        let (next, is_closed) = outgoing.next();
        match next {
            None if is_closed => return,
            None => outgoing.changed.notified().await,
            Some(next) => {
                alarm.as_mut().reset(epoch + next);
                tokio::select! {
                    biased;
                    () = outgoing.changed.notified() => {}
                    () = &mut alarm => {}
                }
            }
        }
    }
}

impl OutgoingPackets {
    fn lock(&self) -> MutexGuard<'_, OutgoingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop_due(&self, now: Duration) -> Option<SentPacket> {
        self.lock().packets.pop(now)
    }

    /// Returns the time at which the next packet is due, and whether the socket was dropped.
    fn next(&self) -> (Option<Duration>, bool) {
        let state = self.lock();
        (state.packets.next(), state.is_closed)
    }
}

impl SentPacket {
    fn transmit(&self) -> Transmit<'_> {
        let Self { destination, ecn, ref contents, src_ip } = *self;
        Transmit { destination, ecn, contents, segment_size: None, src_ip }
    }
}

impl IncomingPackets {
    /// Reads the packets that the wrapped socket has. Returns true if the wrapped socket has no more; then it wakes the reader for the
    /// next one.
    fn read(
        &mut self,
        socket: &dyn AsyncUdpSocket,
        epoch: Instant,
        context: &mut Context<'_>,
    ) -> io::Result<bool> {
        let mut scratch = SCRATCH.take();
        scratch.resize(READ_BUFFERS * READ_BYTES, 0);
        let mut is_drained = Ok(false);
        for _ in 0..MAX_READS_PER_POLL {
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

    /// Reads once from the wrapped socket; pending if it has no packets.
    fn read_once(
        &mut self,
        socket: &dyn AsyncUdpSocket,
        now: Duration,
        scratch: &mut [u8],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut metas = [RecvMeta::default(); READ_BUFFERS];
        let mut parts = scratch.chunks_mut(READ_BYTES);
        let mut buffers: [_; READ_BUFFERS] =
            std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
        let reads = ready!(socket.poll_recv(context, &mut buffers, &mut metas))?;
        for (meta, buffer) in metas.iter().zip(&buffers).take(reads) {
            for packet in buffer[..meta.len].chunks(meta.stride.max(1)) {
                self.packets.push(now, packet.len(), || ReceivedPacket {
                    from: meta.addr,
                    to: meta.dst_ip,
                    ecn: meta.ecn,
                    contents: Bytes::copy_from_slice(packet),
                });
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Copies the packets that have arrived by `now` into the buffers, one into each. Returns their number.
    fn pop_into(&mut self, now: Duration, buffers: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) -> usize {
        let mut count = 0;
        for (buffer, meta) in buffers.iter_mut().zip(metas) {
            let Some(packet) = self.packets.pop(now) else { break };
            // A packet that is longer than the buffer is truncated, as the system does.
            let len = packet.contents.len().min(buffer.len());
            buffer[..len].copy_from_slice(&packet.contents[..len]);
            *meta = RecvMeta { addr: packet.from, len, stride: len, ecn: packet.ecn, dst_ip: packet.to };
            count += 1;
        }
        count
    }
}

impl AsyncUdpSocket for ImpairedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let mut state = self.outgoing.lock();
        let (now, next) = (self.epoch.elapsed(), state.packets.next());
        let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for packet in transmit.contents.chunks(size) {
            state.packets.push(now, packet.len(), || SentPacket {
                destination: transmit.destination,
                ecn: transmit.ecn,
                contents: Bytes::copy_from_slice(packet),
                src_ip: transmit.src_ip,
            });
        }
        if state.packets.next() != next {
            self.outgoing.changed.notify_one();
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        let is_drained = incoming.read(&*self.socket, self.epoch, context)?;
        loop {
            let count = incoming.pop_into(self.epoch.elapsed(), buffers, metas);
            if count > 0 {
                return Poll::Ready(Ok(count));
            }
            if !is_drained {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // The wrapped socket wakes the reader for new packets, and the alarm wakes it for packets on the way.
            let Some(next) = incoming.packets.next() else { return Poll::Pending };
            let due = self.epoch + next;
            if incoming.alarm.deadline() != due {
                incoming.alarm.as_mut().reset(due);
            }
            ready!(incoming.alarm.as_mut().poll(context));
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

/// A poller that is always ready: the link queues and loses packets, so a sender never waits.
#[derive(Debug)]
pub struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
