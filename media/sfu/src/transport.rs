//! What carries datagrams between a client and the box.

/// How a datagram travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    Udp,
    /// In frames (RFC 4571) on a connection that the client has opened (RFC 6544).
    Tcp,
}
