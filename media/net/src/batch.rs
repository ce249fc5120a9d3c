//! A UDP socket that receives and sends in batches (`recvmmsg`, `sendmmsg`: see recvmmsg(2)).
//!
//! Packet info (IP_PKTINFO, ip(7)) tells which local address a datagram came to, and makes the
//! answer leave from there on boxes with several.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Datagrams a system call may carry.
pub(crate) const BATCH: usize = 32;
/// Longest datagram that is taken: WebRTC's are below 1500 bytes.
const DATAGRAM: usize = 2048;
/// Room for one `in_pktinfo` control message.
const CONTROL: usize = 64;
/// Kernel buffers that are asked for; the kernel may grant less (net.core.rmem_max).
const SOCKET_BUFFER: libc::c_int = 4 * 1024 * 1024;

/// A datagram to send.
pub(crate) struct Outgoing {
    pub source: Ipv4Addr,
    pub destination: SocketAddrV4,
    pub contents: Vec<u8>,
}

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

/// The socket with its buffers.
pub(crate) struct BatchSocket {
    socket: UdpSocket,
    port: u16,
    buffers: Box<[[u8; DATAGRAM]; BATCH]>,
    names: [libc::sockaddr_in; BATCH],
    controls: Box<[Control; BATCH]>,
}

/// A received datagram.
pub(crate) struct Incoming<'a> {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub contents: &'a [u8],
}

fn empty_name() -> libc::sockaddr_in {
    // SAFETY: sockaddr_in is plain data for which all zeros is a valid value.
    unsafe { mem::zeroed() }
}

fn name_of(address: SocketAddrV4) -> libc::sockaddr_in {
    let mut name = empty_name();
    name.sin_family = libc::AF_INET as libc::sa_family_t;
    name.sin_port = address.port().to_be();
    name.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
    name
}

fn address_of(name: &libc::sockaddr_in) -> SocketAddrV4 {
    let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
    SocketAddrV4::new(ip, u16::from_be(name.sin_port))
}

impl BatchSocket {
    /// Takes over a bound socket.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        for (level, option, value) in [
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
            (libc::SOL_SOCKET, libc::SO_RCVBUF, SOCKET_BUFFER),
            (libc::SOL_SOCKET, libc::SO_SNDBUF, SOCKET_BUFFER),
        ] {
            let value: libc::c_int = value;
            // SAFETY: the descriptor is open for the call, and the pointer and length describe
            // `value`.
            let result = unsafe {
                libc::setsockopt(
                    socket.as_raw_fd(),
                    level,
                    option,
                    (&raw const value).cast(),
                    mem::size_of_val(&value) as libc::socklen_t,
                )
            };
            if result != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self {
            socket,
            port,
            buffers: Box::new([[0; DATAGRAM]; BATCH]),
            names: [empty_name(); BATCH],
            controls: Box::new([Control([0; CONTROL]); BATCH]),
        })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Takes up to [`BATCH`] datagrams that are waiting and shows each to `take`. Returns how
    /// many there were; 0 when none waits.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(Incoming<'_>)) -> io::Result<usize> {
        // SAFETY: iovec and mmsghdr are plain data for which all zeros is a valid value.
        let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        for n in 0..BATCH {
            vectors[n].iov_base = self.buffers[n].as_mut_ptr().cast();
            vectors[n].iov_len = DATAGRAM;
            let header = &mut headers[n].msg_hdr;
            header.msg_name = (&raw mut self.names[n]).cast();
            header.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = &raw mut vectors[n];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[n].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL as _;
        }
        // SAFETY: every header points at a name, a vector with its buffer and a control buffer
        // that live until the call returns; nothing else touches them meanwhile.
        let count = unsafe {
            libc::recvmmsg(
                self.fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        }
        for (n, header) in headers.iter().enumerate().take(count as usize) {
            let local = local_address(&header.msg_hdr).unwrap_or(Ipv4Addr::UNSPECIFIED);
            let length = (header.msg_len as usize).min(DATAGRAM);
            take(Incoming {
                source: address_of(&self.names[n]).into(),
                destination: SocketAddrV4::new(local, self.port).into(),
                contents: &self.buffers[n][..length],
            });
        }
        Ok(count as usize)
    }

    /// Sends a batch; returns how many were not taken (full buffer, no route) and are dropped.
    pub(crate) fn send(&mut self, batch: &[Outgoing]) -> usize {
        let mut dropped = 0;
        for chunk in batch.chunks(BATCH) {
            dropped += self.send_chunk(chunk);
        }
        dropped
    }

    fn send_chunk(&mut self, chunk: &[Outgoing]) -> usize {
        // SAFETY: iovec and mmsghdr are plain data for which all zeros is a valid value.
        let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        for (n, outgoing) in chunk.iter().enumerate() {
            self.names[n] = name_of(outgoing.destination);
            vectors[n].iov_base = outgoing.contents.as_ptr().cast_mut().cast();
            vectors[n].iov_len = outgoing.contents.len();
            let control = &mut self.controls[n];
            let length = write_source(control, outgoing.source);
            let header = &mut headers[n].msg_hdr;
            header.msg_name = (&raw mut self.names[n]).cast();
            header.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = &raw mut vectors[n];
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = length as _;
        }
        let (mut at, mut dropped) = (0, 0);
        while at < chunk.len() {
            // SAFETY: headers[at..chunk.len()] were filled above and what they point at lives
            // until the call returns; the kernel only reads the contents.
            let sent = unsafe {
                libc::sendmmsg(
                    self.fd(),
                    headers[at..].as_mut_ptr(),
                    (chunk.len() - at) as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                )
            };
            if sent > 0 {
                at += sent as usize;
            } else if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                // This datagram cannot leave: a shard never waits.
                at += 1;
                dropped += 1;
            }
        }
        dropped
    }
}

/// Writes the IP_PKTINFO control message that names the source; returns its length, 0 for none.
fn write_source(control: &mut Control, source: Ipv4Addr) -> usize {
    if source.is_unspecified() {
        return 0;
    }
    let info = libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(source.octets()) },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    let size = mem::size_of::<libc::in_pktinfo>() as libc::c_uint;
    // SAFETY: CMSG_SPACE and CMSG_LEN only compute; the control buffer is aligned for cmsghdr and
    // larger than the space for one in_pktinfo, so header and data lie inside it.
    unsafe {
        let space = libc::CMSG_SPACE(size) as usize;
        debug_assert!(space <= CONTROL);
        let header = control.0.as_mut_ptr().cast::<libc::cmsghdr>();
        (*header).cmsg_level = libc::IPPROTO_IP;
        (*header).cmsg_type = libc::IP_PKTINFO;
        (*header).cmsg_len = libc::CMSG_LEN(size) as _;
        std::ptr::write_unaligned(libc::CMSG_DATA(header).cast(), info);
        space
    }
}

/// The local address that a received datagram came to.
fn local_address(header: &libc::msghdr) -> Option<Ipv4Addr> {
    // SAFETY: the kernel has filled the control buffer and set its length; the CMSG functions
    // stay inside it, and the data of an IP_PKTINFO message is an in_pktinfo.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while !control.is_null() {
            let is_info = (*control).cmsg_level == libc::IPPROTO_IP
                && (*control).cmsg_type == libc::IP_PKTINFO;
            if is_info {
                let data = libc::CMSG_DATA(control).cast::<libc::in_pktinfo>();
                let info = std::ptr::read_unaligned(data);
                return Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()));
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_arrive_with_source_destination_and_contents() {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (at, bt) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let (mut a, mut b) = (BatchSocket::new(a).unwrap(), BatchSocket::new(b).unwrap());
        let SocketAddr::V4(destination) = bt else { unreachable!() };
        let batch: Vec<Outgoing> = (0..70u8)
            .map(|n| Outgoing { source: Ipv4Addr::LOCALHOST, destination, contents: vec![n; 100] })
            .collect();
        assert_eq!(a.send(&batch), 0);
        let mut seen = Vec::new();
        while seen.len() < 70 {
            b.receive(|incoming| {
                assert_eq!(incoming.source, at);
                assert_eq!(incoming.destination, bt);
                assert_eq!(incoming.contents.len(), 100);
                seen.push(incoming.contents[0]);
            })
            .unwrap();
        }
        assert_eq!(seen, (0..70).collect::<Vec<u8>>());
        assert_eq!(b.receive(|_| panic!("nothing waits")).unwrap(), 0);
    }

    #[test]
    fn a_datagram_that_cannot_leave_is_counted_and_does_not_stop_the_others() {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        let SocketAddr::V4(good) = b.local_addr().unwrap() else { unreachable!() };
        let mut a = BatchSocket::new(a).unwrap();
        let too_long = vec![0; 70_000];
        let batch = [
            Outgoing { source: Ipv4Addr::LOCALHOST, destination: good, contents: too_long },
            Outgoing { source: Ipv4Addr::LOCALHOST, destination: good, contents: vec![1] },
        ];
        assert_eq!(a.send(&batch), 1);
        let mut buffer = [0; 8];
        assert_eq!(b.recv(&mut buffer).unwrap(), 1);
    }
}
