//! How good a network is, and where the box is in it.

use roombox_sfu::Transport;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A handshake, and what opens after it, on the usual way.
pub const SETTLED: Duration = Duration::from_millis(200);
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
    /// The client's machine is busy: each second it does nothing for up to so long.
    pub stalls: Duration,
}

impl Network {
    /// When a busy client gets to what reaches it so long after the simulation began.
    pub fn handled(&self, reached: Duration) -> Duration {
        let most = self.stalls.as_millis() as u64;
        if most == 0 {
            return reached;
        }
        let second = reached.as_secs();
        // Each second's stall is another one (splitmix64's last step).
        let mixed = (second + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let long = Duration::from_millis((mixed ^ mixed >> 31) % most);
        let idle = Duration::from_secs(second + 1) - long;
        if reached < idle { reached } else { Duration::from_secs(second + 1) }
    }
}

/// Where a shard is reached this way.
pub fn reached_by(transport: Transport, shard: usize) -> SocketAddr {
    match transport {
        Transport::Udp => SocketAddr::new(SFU_UDP.ip(), SFU_UDP.port() + shard as u16),
        Transport::Tcp => SFU_TCP,
    }
}
