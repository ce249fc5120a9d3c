//! Where a connection can be reached, and by what.

use crate::sfu::SfuConfig;
use crate::transport::Transport;
use str0m::Candidate;
use str0m::net::{Protocol, TcpType};

/// Host candidates, UDP before TCP: their priorities follow from transport and place (RFC 8445
/// §5.1.2, RFC 6544 §4.2). By TCP the box only listens.
pub(super) fn candidates(at: &SfuConfig) -> impl Iterator<Item = Candidate> {
    let udp = at.addresses.iter().map(|at| Candidate::builder().udp().host(*at).build());
    let tcp = at.tcp_addresses.iter().map(|at| {
        let candidate = Candidate::builder().tcp().host(*at);
        candidate.tcptype(TcpType::Passive).build()
    });
    // An address that is none, like 0.0.0.0, is no candidate.
    udp.chain(tcp).filter_map(Result::ok)
}

pub(super) fn protocol(transport: Transport) -> Protocol {
    match transport {
        Transport::Udp => Protocol::Udp,
        Transport::Tcp => Protocol::Tcp,
    }
}

pub(super) fn transport(protocol: Protocol) -> Transport {
    match protocol {
        Protocol::Udp => Transport::Udp,
        Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => Transport::Tcp,
    }
}

/// Checks are answered wherever they come from, and so tell nothing of what carries a connection
/// (RFC 7983 §7).
pub(super) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_udp_before_tcp_and_each_place_has_its_own_priority() {
        let at = SfuConfig {
            addresses: ["10.0.0.1:7882", "[fd00::1]:7882", "10.0.1.1:7882"]
                .map(|at| at.parse().unwrap())
                .to_vec(),
            tcp_addresses: ["10.0.0.1:7881", "[fd00::1]:7881", "10.0.0.1:443", "0.0.0.0:443"]
                .map(|at| at.parse().unwrap())
                .to_vec(),
            estimates: false,
        };
        let mut rtc = str0m::Rtc::builder().set_ice_lite(true).build(std::time::Instant::now());
        let mut added: Vec<(u32, String)> = Vec::new();
        for candidate in candidates(&at) {
            let candidate = rtc.add_local_candidate(candidate).expect("a candidate of its own");
            added.push((candidate.prio(), candidate.to_sdp_string()));
        }
        assert_eq!(added.len(), 6, "{added:?}");
        let (udp, tcp) = added.split_at(3);
        assert!(udp.iter().all(|(_, text)| text.contains(" udp ") && !text.contains("tcptype")));
        assert!(
            tcp.iter().all(|(_, text)| text.contains(" tcp ") && text.contains("tcptype passive"))
        );
        let least_udp = udp.iter().map(|(priority, _)| priority).min();
        assert!(tcp.iter().all(|(priority, _)| Some(priority) < least_udp), "{added:?}");
        let different: std::collections::BTreeSet<u32> = added.iter().map(|(p, _)| *p).collect();
        assert_eq!(different.len(), added.len(), "{added:?}");
    }
}
