//! A simulated link in front of a fake socket on a paused clock, and in front of a real socket.

use std::{collections::VecDeque, future::poll_fn, net::Ipv4Addr, task::Waker};

use quinn::{Runtime as _, TokioRuntime};
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

use super::*;
use crate::in_flight::MAX_PACKETS;

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7777);
const SLOW: Link = Link::round_trip("slow", 100.0);
const ONE_WAY: Duration = Duration::from_millis(50);

/// A socket that records each sent packet and its time, and receives packets from a test.
#[derive(Debug, Default)]
struct FakeSocket(Mutex<FakeState>);

#[derive(Debug, Default)]
struct FakeState {
    sent: Vec<(Instant, Vec<u8>, Option<EcnCodepoint>)>,
    inbox: VecDeque<(Vec<u8>, usize)>,
    waker: Option<Waker>,
}

impl FakeSocket {
    /// Makes the socket receive coalesced packets of `stride` bytes each.
    fn deliver(&self, contents: &[u8], stride: usize) {
        let mut state = self.0.lock().unwrap();
        state.inbox.push_back((contents.to_vec(), stride));
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// The time of each sent packet since `start`, and its first byte.
    fn sent(&self, start: Instant) -> Vec<(Duration, u8)> {
        self.0.lock().unwrap().sent.iter().map(|(at, sent, _)| (*at - start, sent[0])).collect()
    }
}

impl AsyncUdpSocket for FakeSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let sent = (Instant::now(), transmit.contents.to_vec(), transmit.ecn);
        self.0.lock().unwrap().sent.push(sent);
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        let Some((contents, stride)) = state.inbox.pop_front() else {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        let len = contents.len();
        buffers[0][..len].copy_from_slice(&contents);
        metas[0] = RecvMeta { addr: PEER, len, stride, ecn: Some(EcnCodepoint::Ce), dst_ip: Some(PEER.ip()) };
        Poll::Ready(Ok(1))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(PEER)
    }

    fn max_transmit_segments(&self) -> usize {
        64
    }

    fn max_receive_segments(&self) -> usize {
        64
    }
}

fn impaired(link: &Link) -> (Arc<FakeSocket>, ImpairedSocket) {
    let inner = Arc::<FakeSocket>::default();
    let socket = ImpairedSocket::new(Arc::<FakeSocket>::clone(&inner), link, 1, 0);
    (inner, socket)
}

fn send(socket: &ImpairedSocket, contents: &[u8], segment_size: Option<usize>) {
    let ecn = Some(EcnCodepoint::Ect0);
    let transmit = Transmit { destination: PEER, ecn, contents, segment_size, src_ip: None };
    socket.try_send(&transmit).unwrap();
}

/// Waits for the next read and returns its packets with their metadata.
async fn receive(socket: &ImpairedSocket) -> Vec<(Vec<u8>, RecvMeta)> {
    let mut bytes = [[0; 1472]; 4];
    let mut metas = [RecvMeta::default(); 4];
    let received = poll_fn(|context| {
        let mut buffers = bytes.each_mut().map(|bytes| IoSliceMut::new(bytes));
        socket.poll_recv(context, &mut buffers, &mut metas)
    });
    let received = timeout(Duration::from_secs(10), received).await.expect("a packet arrives").unwrap();
    let packets = bytes.iter().zip(metas).take(received);
    packets.map(|(bytes, meta)| (bytes[..meta.len].to_vec(), meta)).collect()
}

#[tokio::test(start_paused = true)]
async fn sent_packets_leave_when_due_without_being_polled() {
    let (inner, socket) = impaired(&SLOW);
    let start = Instant::now();
    send(&socket, &[1], None);
    sleep(Duration::from_millis(20)).await;
    send(&socket, &[2], None);
    sleep(ONE_WAY * 2).await;
    assert_eq!(inner.sent(start), [(ONE_WAY, 1), (ONE_WAY + Duration::from_millis(20), 2)]);
    let ecn: Vec<_> = inner.0.lock().unwrap().sent.iter().map(|(_, _, ecn)| *ecn).collect();
    assert_eq!(ecn, [Some(EcnCodepoint::Ect0); 2], "ECN marks are kept");
}

#[tokio::test(start_paused = true)]
async fn segments_of_one_transmit_are_delivered_independently() {
    let (inner, socket) = impaired(&SLOW.loss(0.5, 0.0));
    (0..10).for_each(|_| send(&socket, &[7; 95], Some(10)));
    sleep(ONE_WAY * 2).await;
    let sent = inner.sent(Instant::now() - ONE_WAY).len();
    assert!((30..70).contains(&sent), "about half of 100 packets are sent, not {sent}");
    let lengths: Vec<_> = inner.0.lock().unwrap().sent.iter().map(|(_, sent, _)| sent.len()).collect();
    assert!(lengths.contains(&10) && lengths.contains(&5) && lengths.iter().all(|n| *n <= 10), "{lengths:?}");
}

#[tokio::test(start_paused = true)]
async fn a_received_packet_wakes_its_reader_on_arrival() {
    let (inner, socket) = impaired(&SLOW);
    let (start, socket) = (Instant::now(), Arc::new(socket));
    let reader = Arc::clone(&socket);
    let reading = tokio::spawn(async move { (receive(&reader).await, Instant::now()) });
    sleep(Duration::from_millis(30)).await;
    inner.deliver(&[1, 1, 2, 2, 3], 2);
    let (packets, at) = reading.await.unwrap();
    assert_eq!(at - start, Duration::from_millis(30) + ONE_WAY);
    let (contents, metas): (Vec<_>, Vec<_>) = packets.into_iter().unzip();
    assert_eq!(contents, [vec![1, 1], vec![2, 2], vec![3]], "coalesced packets are split");
    for (meta, contents) in metas.iter().zip(&contents) {
        assert_eq!((meta.len, meta.stride), (contents.len(), contents.len()));
        let about = (meta.addr, meta.dst_ip, meta.ecn);
        assert_eq!(about, (PEER, Some(PEER.ip()), Some(EcnCodepoint::Ce)), "each part keeps the metadata");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_packets_never_arrive_and_duplicates_arrive_twice() {
    let (inner, socket) = impaired(&Link { duplicate: 1.0, ..SLOW });
    send(&socket, &[1], None);
    inner.deliver(&[2], 1);
    assert_eq!(receive(&socket).await.len() + receive(&socket).await.len(), 2);
    sleep(ONE_WAY * 2).await;
    assert_eq!(inner.0.lock().unwrap().sent.len(), 2);

    let (inner, socket) = impaired(&SLOW.loss(1.0, 0.0));
    send(&socket, &[1], None);
    inner.deliver(&[2], 1);
    assert!(timeout(ONE_WAY * 10, receive(&socket)).await.is_err(), "no lost packet is received");
    assert!(inner.0.lock().unwrap().sent.is_empty(), "no lost packet is sent");
}

#[tokio::test(start_paused = true)]
async fn a_bottleneck_spaces_packets_that_are_sent_at_once() {
    // A packet of 128 bytes, headers included, takes 10 ms.
    let (inner, socket) = impaired(&SLOW.rate(0.1024, 1000.0));
    let start = Instant::now();
    (1..=3).for_each(|n| send(&socket, &[n; 100], None));
    sleep(ONE_WAY * 4).await;
    let ms = Duration::from_millis;
    assert_eq!(inner.sent(start), [(ms(60), 1), (ms(70), 2), (ms(80), 3)]);
}

#[tokio::test(start_paused = true)]
async fn packets_beyond_the_maximum_are_lost_in_both_directions() {
    let (inner, socket) = impaired(&SLOW);
    (0..10_000).for_each(|_| send(&socket, &[1], None));
    sleep(ONE_WAY * 2).await;
    assert_eq!(inner.0.lock().unwrap().sent.len(), MAX_PACKETS);
    (0..10_000).for_each(|_| inner.deliver(&[2], 1));
    let mut received = 0;
    while let Ok(packets) = timeout(ONE_WAY * 10, receive(&socket)).await {
        received += packets.len();
    }
    assert_eq!(received, MAX_PACKETS, "incoming packets have the same bound");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_wrapper_releases_the_socket_once_its_last_packet_has_left() {
    let (inner, socket) = impaired(&SLOW);
    drop(socket);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(Arc::strong_count(&inner), 1, "no task holds an unused socket");

    let (inner, socket) = impaired(&SLOW);
    let start = Instant::now();
    send(&socket, &[1], None);
    drop(socket);
    sleep(ONE_WAY * 2).await;
    assert_eq!(inner.sent(start), [(ONE_WAY, 1)], "the last packet leaves after the wrapper is dropped");
    assert_eq!(Arc::strong_count(&inner), 1, "the socket is released after the last packet");
}

#[tokio::test]
async fn an_echo_over_a_real_socket_takes_at_least_the_links_round_trip() {
    let echo = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let there = echo.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 64];
        let (bytes, from) = echo.recv_from(&mut packet).await.unwrap();
        echo.send_to(&packet[..bytes], from).await.unwrap();
    });
    let real = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let real = TokioRuntime.wrap_udp_socket(real).unwrap();
    let socket = ImpairedSocket::new(real, &SLOW, 1, 0);
    let start = Instant::now();
    let transmit =
        Transmit { destination: there, ecn: None, contents: b"hello", segment_size: None, src_ip: None };
    socket.try_send(&transmit).unwrap();
    let packets = receive(&socket).await;
    assert!(
        start.elapsed() >= ONE_WAY * 2,
        "{:?} is less than the delay of both directions",
        start.elapsed()
    );
    assert_eq!(packets[0].0, b"hello");
    assert_eq!(packets[0].1.addr, there);
}
