//! How good a network is, and where the box is in it.

use roombox_sfu::Transport;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// What waits before a bottleneck for longer is dropped: the queue of a home router.
pub const MOST_QUEUED: Duration = Duration::from_millis(300);
/// IPv4 and UDP headers of a datagram.
pub const UDP_OVERHEAD: usize = 28;
/// Where the box is reached.
pub const SFU_UDP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7882);
pub const SFU_TCP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7881);

/// What the network does to datagrams once media flows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network {
    pub loss_percent: u64,
    /// Datagrams may overtake each other, unless they are kept in order.
    pub jitter: Duration,
    pub in_order: bool,
    pub duplicate_percent: u64,
    /// Bits per second towards the client, headers and all; 0: no bottleneck.
    pub downlink: u64,
}

/// Where the box is reached this way.
pub fn reached_by(transport: Transport) -> SocketAddr {
    match transport {
        Transport::Udp => SFU_UDP,
        Transport::Tcp => SFU_TCP,
    }
}
