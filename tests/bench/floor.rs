//! The least that a forwarded packet costs whoever forwards it.

use crate::world::cpu_time;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::hint::black_box;
use std::net::UdpSocket;
use std::time::Duration;

/// A video packet as browsers send it.
const PAYLOAD: usize = 1100;
const HEADER: usize = 24;

/// Copying and sealing so many packets (RFC 7714: AES-128-GCM, the header is associated data).
pub fn seal(packets: usize) -> Duration {
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).expect("a key of 16 bytes");
    let key = LessSafeKey::new(key);
    let payload = vec![3u8; PAYLOAD];
    let header = [1u8; HEADER];
    let mut packet = Vec::with_capacity(HEADER + PAYLOAD + 16);
    let before = cpu_time();
    for number in 0..packets as u64 {
        packet.clear();
        packet.extend_from_slice(&header);
        packet.extend_from_slice(black_box(&payload));
        let mut nonce = [0u8; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        let (head, body) = packet.split_at_mut(HEADER);
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&*head),
                body,
            )
            .expect("sealing a short packet");
        let _sealed = black_box((tag, &packet));
    }
    cpu_time().saturating_sub(before)
}

/// Sending so many packets to nobody in particular on loopback, one call each.
pub fn send(packets: usize) -> Duration {
    let sink = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let source = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    source.connect(sink.local_addr().expect("a bound socket")).expect("loopback");
    let packet = [5u8; 1200];
    let before = cpu_time();
    for _ in 0..packets {
        // A full receive buffer drops: the sender's cost is the same.
        black_box(source.send(&packet).ok());
    }
    cpu_time().saturating_sub(before)
}
