//! A UDP socket that receives and sends in batches (`recvmmsg`, `sendmmsg`: see recvmmsg(2)).
//!
//! Packet info (IP_PKTINFO, ip(7); IPV6_PKTINFO, RFC 3542 §6) tells which local address a datagram
//! came to, and makes the answer leave from there on boxes with several. A socket of both families
//! has IPv4 in IPv6 clothes (RFC 4291 §2.5.5.2) below, and as it is above.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Datagrams a system call may carry.
pub(crate) const BATCH: usize = 32;
/// Longest datagram that is taken: WebRTC's are below 1500 bytes.
const DATAGRAM: usize = 2048;
/// Room for one `in_pktinfo` or `in6_pktinfo` control message.
const CONTROL: usize = 64;
/// Kernel buffers that are asked for; the kernel may grant less (net.core.rmem_max).
const SOCKET_BUFFER: libc::c_int = 4 * 1024 * 1024;

/// A datagram to send.
pub(crate) struct Outgoing {
    pub source: IpAddr,
    pub destination: SocketAddr,
    pub contents: Vec<u8>,
}

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

/// The socket with its buffers.
pub(crate) struct BatchSocket {
    socket: UdpSocket,
    /// IPv6, and IPv4 with it; else IPv4 alone.
    both: bool,
    port: u16,
    buffers: Box<[[u8; DATAGRAM]; BATCH]>,
    names: [Name; BATCH],
    controls: Box<[Control; BATCH]>,
}

/// A received datagram.
pub(crate) struct Incoming<'a> {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub contents: &'a [u8],
}

/// An address as the kernel has it.
#[repr(C)]
#[derive(Clone, Copy)]
union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

fn empty_name() -> Name {
    // SAFETY: both are plain data for which all zeros is a valid value.
    unsafe { mem::zeroed() }
}

/// In the clothes of a socket of both families.
fn dressed(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// An address for a socket that carries it.
fn name_of(address: SocketAddr, both: bool) -> Name {
    let mut name = empty_name();
    match address {
        SocketAddr::V4(address) if !both => {
            name.v4.sin_family = libc::AF_INET as libc::sa_family_t;
            name.v4.sin_port = address.port().to_be();
            name.v4.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
        }
        address => {
            name.v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            name.v6.sin6_port = address.port().to_be();
            name.v6.sin6_addr.s6_addr = dressed(address.ip()).octets();
        }
    }
    name
}

fn address_of(name: &Name, both: bool) -> SocketAddr {
    // SAFETY: every bit pattern is a valid value of either, and the kernel has filled in the one of
    // the socket's family.
    unsafe {
        match both {
            true => {
                let ip = Ipv6Addr::from(name.v6.sin6_addr.s6_addr).to_canonical();
                SocketAddr::new(ip, u16::from_be(name.v6.sin6_port))
            }
            false => {
                let ip = Ipv4Addr::from(name.v4.sin_addr.s_addr.to_ne_bytes());
                SocketAddrV4::new(ip, u16::from_be(name.v4.sin_port)).into()
            }
        }
    }
}

fn name_length(both: bool) -> libc::socklen_t {
    let length = match both {
        true => mem::size_of::<libc::sockaddr_in6>(),
        false => mem::size_of::<libc::sockaddr_in>(),
    };
    length as libc::socklen_t
}

impl BatchSocket {
    /// Takes over a bound socket.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let here = socket.local_addr()?;
        let (both, port) = (here.is_ipv6(), here.port());
        let (level, packet_info) = match both {
            true => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
            false => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        };
        for (level, option, value) in [
            (level, packet_info, 1),
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
            both,
            port,
            buffers: Box::new([[0; DATAGRAM]; BATCH]),
            names: [empty_name(); BATCH],
            controls: Box::new([Control([0; CONTROL]); BATCH]),
        })
    }

    /// Whether datagrams to and from this address go through it.
    pub(crate) fn carries(&self, ip: &IpAddr) -> bool {
        self.both || ip.is_ipv4()
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
            header.msg_namelen = name_length(self.both);
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
            let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            let local = local_address(&header.msg_hdr).unwrap_or(nowhere);
            let length = (header.msg_len as usize).min(DATAGRAM);
            take(Incoming {
                source: address_of(&self.names[n], self.both),
                destination: SocketAddr::new(local, self.port),
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
            self.names[n] = name_of(outgoing.destination, self.both);
            vectors[n].iov_base = outgoing.contents.as_ptr().cast_mut().cast();
            vectors[n].iov_len = outgoing.contents.len();
            let control = &mut self.controls[n];
            let length = write_source(control, outgoing.source, self.both);
            let header = &mut headers[n].msg_hdr;
            header.msg_name = (&raw mut self.names[n]).cast();
            header.msg_namelen = name_length(self.both);
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

/// Writes the control message that names the source; returns its length, 0 for none.
fn write_source(control: &mut Control, source: IpAddr, both: bool) -> usize {
    match source {
        source if source.is_unspecified() => 0,
        IpAddr::V4(source) if !both => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(source.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            write_control(control, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        source => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: dressed(source).octets() },
                ipi6_ifindex: 0,
            };
            write_control(control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    }
}

/// Writes one control message; returns its length.
fn write_control<T>(
    control: &mut Control,
    level: libc::c_int,
    kind: libc::c_int,
    info: T,
) -> usize {
    const { assert!(mem::size_of::<T>() <= mem::size_of::<libc::in6_pktinfo>()) };
    let size = mem::size_of::<T>() as libc::c_uint;
    // SAFETY: CMSG_SPACE and CMSG_LEN only compute; the control buffer is aligned for cmsghdr and
    // larger than the space for one in6_pktinfo, so header and data lie inside it.
    unsafe {
        let space = libc::CMSG_SPACE(size) as usize;
        debug_assert!(space <= CONTROL);
        let header = control.0.as_mut_ptr().cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(size) as _;
        std::ptr::write_unaligned(libc::CMSG_DATA(header).cast(), info);
        space
    }
}

/// The local address that a received datagram came to.
fn local_address(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel has filled the control buffer and set its length; the CMSG functions
    // stay inside it, and the data of an IP_PKTINFO message is an in_pktinfo, of an IPV6_PKTINFO
    // message an in6_pktinfo.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while !control.is_null() {
            let data = libc::CMSG_DATA(control);
            match ((*control).cmsg_level, (*control).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = std::ptr::read_unaligned(data.cast());
                    return Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = std::ptr::read_unaligned(data.cast());
                    return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical());
                }
                _ => control = libc::CMSG_NXTHDR(header, control),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address by which a socket on this machine is reached.
    fn reached(socket: &UdpSocket, ip: IpAddr) -> SocketAddr {
        SocketAddr::new(ip, socket.local_addr().unwrap().port())
    }

    #[test]
    fn datagrams_arrive_with_source_destination_and_contents_by_either_family() {
        let ips = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let alone = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let both = || crate::bind::udp(0).unwrap();
        let mut cases = vec![(alone(), alone(), ips[0])];
        if both().local_addr().unwrap().is_ipv6() {
            cases.extend([(both(), alone(), ips[0]), (alone(), both(), ips[0])]);
            // A machine may have IPv6 and no address of it.
            if UdpSocket::bind("[::1]:0").is_ok() {
                cases.push((both(), both(), ips[1]));
            }
        }
        for (a, b, ip) in cases {
            let (at, bt) = (reached(&a, ip), reached(&b, ip));
            let (mut a, mut b) = (BatchSocket::new(a).unwrap(), BatchSocket::new(b).unwrap());
            let batch: Vec<Outgoing> = (0..70u8)
                .map(|n| Outgoing { source: ip, destination: bt, contents: vec![n; 100] })
                .collect();
            assert_eq!(a.send(&batch), 0);
            let mut seen = Vec::new();
            while seen.len() < 70 {
                b.receive(|incoming| {
                    assert_eq!((incoming.source, incoming.destination), (at, bt));
                    assert_eq!(incoming.contents.len(), 100);
                    seen.push(incoming.contents[0]);
                })
                .unwrap();
            }
            assert_eq!(seen, (0..70).collect::<Vec<u8>>());
            assert_eq!(b.receive(|_| panic!("nothing waits")).unwrap(), 0);
        }
    }

    #[test]
    fn a_datagram_that_cannot_leave_is_counted_and_does_not_stop_the_others() {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        let good = b.local_addr().unwrap();
        let mut a = BatchSocket::new(a).unwrap();
        let too_long = vec![0; 70_000];
        let batch = [
            Outgoing { source: Ipv4Addr::LOCALHOST.into(), destination: good, contents: too_long },
            Outgoing { source: Ipv4Addr::LOCALHOST.into(), destination: good, contents: vec![1] },
        ];
        assert_eq!(a.send(&batch), 1);
        let mut buffer = [0; 8];
        assert_eq!(b.recv(&mut buffer).unwrap(), 1);
    }
}
