//! Packets that the kernel dropped because the receive buffer of the players' socket was full, read from `/proc` at each scrape.

use std::{
    fmt, fs,
    net::UdpSocket,
    os::fd::AsRawFd as _,
    sync::{Arc, OnceLock},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::counter::ConstCounter,
};

/// The kernel's number of the players' socket, its inode; empty until the socket is bound. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct SocketInode(Arc<OnceLock<String>>);

impl SocketInode {
    /// Sets the socket. Later calls have no effect, nor a socket whose number the system does not reveal.
    pub(super) fn set(&self, socket: &UdpSocket) {
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok();
        let inode =
            link.as_deref().and_then(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']'));
        if let Some(inode) = inode {
            let _ = self.0.set(inode.to_owned());
        }
    }
}

/// Encodes the counter of dropped packets, or nothing while it is unknown.
#[derive(Debug)]
pub(super) struct UdpDropsCollector(pub(super) SocketInode);

impl Collector for UdpDropsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(inode) = self.0.0.get() else { return Ok(()) };
        let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"].map(fs::read_to_string);
        let Some(drops) = tables.into_iter().flatten().find_map(|table| drops(&table, inode)) else {
            return Ok(());
        };
        let counter = ConstCounter::new(drops);
        let help = "Packets that the kernel dropped because the UDP receive buffer was full.";
        counter.encode(encoder.encode_descriptor("udp_receive_drops", help, None, counter.metric_type())?)
    }
}

/// Returns the dropped packets of the socket with this inode from a table of the kernel. Columns from 0: 9 is the inode, 12 the drops.
fn drops(table: &str, inode: &str) -> Option<u64> {
    table.lines().find_map(|line| {
        let columns: Vec<_> = line.split_ascii_whitespace().collect();
        if columns.get(9) == Some(&inode) { columns.get(12)?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drops_of_the_right_socket_are_read() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                     2451: 0100007F:A1B2 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 777 2 0000000000000000 3\n\
                     2452: 0100007F:A1B3 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 778 2 0000000000000000 41\n";
        assert_eq!(
            (drops(table, "778"), drops(table, "777"), drops(table, "779")),
            (Some(41), Some(3), None)
        );
    }

    #[test]
    fn a_socket_of_this_process_is_found() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let inode = SocketInode::default();
        inode.set(&socket);
        let table = fs::read_to_string("/proc/self/net/udp").unwrap();
        assert_eq!(drops(&table, inode.0.get().unwrap()), Some(0));
    }
}
