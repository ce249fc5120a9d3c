//! Under which of its addresses a hub is reached.
//!
//! nats-server tries them in order and says only with whom it speaks, an IP address and a port.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// A hub answers a connection within this, or it is away.
const REACH: Duration = Duration::from_secs(2);
/// So long a name may take; then the address is told as it is.
const LOOK_UP: Duration = Duration::from_secs(2);

/// Which of these addresses, `host:port`, leads to this peer: the first one that does. One that none leads to,
/// like a name that has another address by now, is told as it is.
pub async fn address(addresses: &[String], peer: SocketAddr) -> String {
    if let Some(literal) = addresses.iter().find(|at| at.parse() == Ok(peer)) {
        return literal.clone();
    }
    for at in addresses.iter().filter(|at| at.parse::<SocketAddr>().is_err()) {
        let found = timeout(LOOK_UP, lookup_host(at.as_str())).await;
        if found.is_ok_and(|found| found.is_ok_and(|mut all| all.any(|one| one == peer))) {
            return at.clone();
        }
    }
    peer.to_string()
}

/// A TCP connection to one of these addresses comes about.
pub async fn reachable(addresses: &[String]) -> bool {
    let mut tries = tokio::task::JoinSet::new();
    for at in addresses.iter().cloned() {
        tries.spawn(timeout(REACH, async move { TcpStream::connect(at).await }));
    }
    while let Some(tried) = tries.join_next().await {
        if matches!(tried, Ok(Ok(Ok(_)))) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn all(addresses: &[&str]) -> Vec<String> {
        addresses.iter().map(|at| (*at).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_peer_is_told_by_the_address_that_leads_to_it_and_by_its_own_if_none_does() {
        let of = |at: &str| at.parse::<SocketAddr>().unwrap();
        let known = all(&["10.0.0.9:7422", "[fd00::1]:7422", "localhost:7422", "127.0.0.1:7423"]);
        for (peer, told) in [
            ("10.0.0.9:7422", "10.0.0.9:7422"),
            ("[fd00::1]:7422", "[fd00::1]:7422"),
            ("127.0.0.1:7422", "localhost:7422"),
            ("127.0.0.1:7423", "127.0.0.1:7423"),
            ("10.0.0.9:7423", "10.0.0.9:7423"),
        ] {
            assert_eq!(address(&known, of(peer)).await, told);
        }
        // However an address of version 6 is written.
        assert_eq!(address(&all(&["[fd00:0::0:1]:1"]), of("[fd00::1]:1")).await, "[fd00:0::0:1]:1");
    }

    #[tokio::test]
    async fn a_hub_is_there_when_any_of_its_addresses_answers() {
        let hub = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = hub.local_addr().unwrap().to_string();
        // Nothing listens on the port of a listener that is gone.
        let gone =
            TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        assert!(reachable(&[gone.clone(), there]).await);
        assert!(!reachable(&[gone]).await);
        assert!(!reachable(&[]).await);
    }
}
