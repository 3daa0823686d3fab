//! A link over a socket of paper, on a paused clock, and over a real one.

use std::{collections::VecDeque, future::poll_fn, net::Ipv4Addr, task::Waker};

use quinn::{Runtime as _, TokioRuntime};
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

use super::*;
use crate::pipe::MOST;

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7777);
const SLOW: Link = Link::round_trip("slow", 100.0);
const ONE_WAY: Duration = Duration::from_millis(50);

/// Remembers what was sent and when, and receives what a test puts there.
#[derive(Debug, Default)]
struct Paper(Mutex<Sheet>);

#[derive(Debug, Default)]
struct Sheet {
    sent: Vec<(Instant, Vec<u8>, Option<EcnCodepoint>)>,
    inbox: VecDeque<(Vec<u8>, usize)>,
    waker: Option<Waker>,
}

impl Paper {
    /// Something comes to it, of packets of so many bytes glued together.
    fn deliver(&self, contents: &[u8], stride: usize) {
        let mut sheet = self.0.lock().unwrap();
        sheet.inbox.push_back((contents.to_vec(), stride));
        if let Some(waker) = sheet.waker.take() {
            waker.wake();
        }
    }

    /// The first byte of each packet that was sent, and when since `began`.
    fn sent(&self, began: Instant) -> Vec<(Duration, u8)> {
        self.0.lock().unwrap().sent.iter().map(|(at, sent, _)| (*at - began, sent[0])).collect()
    }
}

impl AsyncUdpSocket for Paper {
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
        let mut sheet = self.0.lock().unwrap();
        let Some((contents, stride)) = sheet.inbox.pop_front() else {
            sheet.waker = Some(context.waker().clone());
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

fn laid(link: &Link) -> (Arc<Paper>, ImpairedSocket) {
    let paper = Arc::<Paper>::default();
    let socket = ImpairedSocket::new(Arc::<Paper>::clone(&paper), link, 1, 0);
    (paper, socket)
}

fn send(socket: &ImpairedSocket, contents: &[u8], segment_size: Option<usize>) {
    let ecn = Some(EcnCodepoint::Ect0);
    let transmit = Transmit { destination: PEER, ecn, contents, segment_size, src_ip: None };
    socket.try_send(&transmit).unwrap();
}

/// What the next poll that gives something gives: packets, and what is said of each.
async fn receive(socket: &ImpairedSocket) -> Vec<(Vec<u8>, RecvMeta)> {
    let mut bytes = [[0; 1472]; 4];
    let mut metas = [RecvMeta::default(); 4];
    let received = poll_fn(|context| {
        let mut buffers = bytes.each_mut().map(|bytes| IoSliceMut::new(bytes));
        socket.poll_recv(context, &mut buffers, &mut metas)
    });
    let received = timeout(Duration::from_secs(10), received).await.expect("something arrives").unwrap();
    let packets = bytes.iter().zip(metas).take(received);
    packets.map(|(bytes, meta)| (bytes[..meta.len].to_vec(), meta)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_leaves_when_it_is_due_though_nobody_asks() {
    let (paper, socket) = laid(&SLOW);
    let began = Instant::now();
    send(&socket, &[1], None);
    sleep(Duration::from_millis(20)).await;
    send(&socket, &[2], None);
    sleep(ONE_WAY * 2).await;
    assert_eq!(paper.sent(began), [(ONE_WAY, 1), (ONE_WAY + Duration::from_millis(20), 2)]);
    let ecn: Vec<_> = paper.0.lock().unwrap().sent.iter().map(|(_, _, ecn)| *ecn).collect();
    assert_eq!(ecn, [Some(EcnCodepoint::Ect0); 2], "marks travel along");
}

#[tokio::test(start_paused = true)]
async fn packets_that_are_sent_as_one_have_fates_of_their_own() {
    let (paper, socket) = laid(&SLOW.loss(0.5, 0.0));
    (0..10).for_each(|_| send(&socket, &[7; 95], Some(10)));
    sleep(ONE_WAY * 2).await;
    let sent = paper.sent(Instant::now() - ONE_WAY).len();
    assert!((30..70).contains(&sent), "half of 100 get through: {sent}");
    let lengths: Vec<_> = paper.0.lock().unwrap().sent.iter().map(|(_, sent, _)| sent.len()).collect();
    assert!(lengths.contains(&10) && lengths.contains(&5) && lengths.iter().all(|n| *n <= 10), "{lengths:?}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_wakes_its_reader_when_it_has_arrived() {
    let (paper, socket) = laid(&SLOW);
    let (began, socket) = (Instant::now(), Arc::new(socket));
    let reader = Arc::clone(&socket);
    let reading = tokio::spawn(async move { (receive(&reader).await, Instant::now()) });
    sleep(Duration::from_millis(30)).await;
    paper.deliver(&[1, 1, 2, 2, 3], 2);
    let (packets, at) = reading.await.unwrap();
    assert_eq!(at - began, Duration::from_millis(30) + ONE_WAY);
    let (contents, metas): (Vec<_>, Vec<_>) = packets.into_iter().unzip();
    assert_eq!(contents, [vec![1, 1], vec![2, 2], vec![3]], "what the system glued together comes apart");
    for (meta, contents) in metas.iter().zip(&contents) {
        assert_eq!((meta.len, meta.stride), (contents.len(), contents.len()));
        let about = (meta.addr, meta.dst_ip, meta.ecn);
        assert_eq!(about, (PEER, Some(PEER.ip()), Some(EcnCodepoint::Ce)), "and all is said of each part");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_never_comes_and_what_is_doubled_comes_twice() {
    let (paper, socket) = laid(&Link { duplicate: 1.0, ..SLOW });
    send(&socket, &[1], None);
    paper.deliver(&[2], 1);
    assert_eq!(receive(&socket).await.len() + receive(&socket).await.len(), 2);
    sleep(ONE_WAY * 2).await;
    assert_eq!(paper.0.lock().unwrap().sent.len(), 2);

    let (paper, socket) = laid(&SLOW.loss(1.0, 0.0));
    send(&socket, &[1], None);
    paper.deliver(&[2], 1);
    assert!(timeout(ONE_WAY * 10, receive(&socket)).await.is_err(), "nothing arrives here");
    assert!(paper.0.lock().unwrap().sent.is_empty(), "nor there");
}

#[tokio::test(start_paused = true)]
async fn a_bottleneck_spreads_out_what_is_sent_at_once() {
    // 128 bytes with their headers take 10 ms.
    let (paper, socket) = laid(&SLOW.rate(0.1024, 1000.0));
    let began = Instant::now();
    (1..=3).for_each(|n| send(&socket, &[n; 100], None));
    sleep(ONE_WAY * 4).await;
    let ms = Duration::from_millis;
    assert_eq!(paper.sent(began), [(ms(60), 1), (ms(70), 2), (ms(80), 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_lost_past_a_bound_and_costs_nothing_more() {
    let (paper, socket) = laid(&SLOW);
    (0..10_000).for_each(|_| send(&socket, &[1], None));
    sleep(ONE_WAY * 2).await;
    assert_eq!(paper.0.lock().unwrap().sent.len(), MOST);
    (0..10_000).for_each(|_| paper.deliver(&[2], 1));
    let mut received = 0;
    while let Ok(packets) = timeout(ONE_WAY * 10, receive(&socket)).await {
        received += packets.len();
    }
    assert_eq!(received, MOST, "on the way down too");
}

#[tokio::test(start_paused = true)]
async fn the_socket_is_let_go_with_its_wrapping_once_its_last_packet_left() {
    let (paper, socket) = laid(&SLOW);
    drop(socket);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(Arc::strong_count(&paper), 1, "no task holds a socket that nobody uses");

    let (paper, socket) = laid(&SLOW);
    let began = Instant::now();
    send(&socket, &[1], None);
    drop(socket);
    sleep(ONE_WAY * 2).await;
    assert_eq!(paper.sent(began), [(ONE_WAY, 1)], "a goodbye arrives though nobody waits for that");
    assert_eq!(Arc::strong_count(&paper), 1, "and then the socket is let go");
}

#[tokio::test]
async fn a_real_echo_takes_the_links_round_trip() {
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
    let began = Instant::now();
    let transmit =
        Transmit { destination: there, ecn: None, contents: b"hello", segment_size: None, src_ip: None };
    socket.try_send(&transmit).unwrap();
    let packets = receive(&socket).await;
    assert!(began.elapsed() >= ONE_WAY * 2, "{:?}: both ways cost their delay", began.elapsed());
    assert_eq!(packets[0].0, b"hello");
    assert_eq!(packets[0].1.addr, there);
}
