//! Sockets for both families at once, where the machine has both.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 256;

/// A UDP socket on all addresses; port 0: any free one.
pub(crate) fn udp(port: u16) -> io::Result<UdpSocket> {
    everywhere(port, |domain| Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)))
        .map(UdpSocket::from)
}

/// A listener on all addresses; port 0: any free one.
pub(crate) fn tcp(port: u16) -> io::Result<TcpListener> {
    let socket = everywhere(port, |domain| {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        // Connections of the last run that the kernel still remembers keep nobody from the port.
        socket.set_reuse_address(true)?;
        Ok(socket)
    })?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from(socket))
}

fn everywhere(port: u16, new: impl Fn(Domain) -> io::Result<Socket>) -> io::Result<Socket> {
    let socket = match new(Domain::IPV6) {
        Ok(socket) => {
            socket.set_only_v6(false)?;
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
            socket
        }
        // A kernel without IPv6.
        Err(_) => {
            let socket = new(Domain::IPV4)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
            socket
        }
    };
    Ok(socket)
}
