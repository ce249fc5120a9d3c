//! Well-formed packets that nobody honest sends: what each costs, and whom.

use crate::meeting::{Meeting, cost};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// RTCP transport-wide feedback with these chunks and deltas.
pub fn feedback(base: u16, count: u16, chunks: &[u16], deltas: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    packet.extend(base.to_be_bytes());
    packet.extend(count.to_be_bytes());
    packet.extend([0, 0, 0, 0]);
    chunks.iter().for_each(|chunk| packet.extend(chunk.to_be_bytes()));
    packet.extend(deltas);
    packet.resize(packet.len().next_multiple_of(4), 0);
    packet[3] = (packet.len() / 4 - 1) as u8;
    packet
}

#[test]
fn a_transport_number_before_the_first_costs_nothing() {
    let mut meeting = Meeting::new(1);
    let spent = cost(|| {
        for (seq, number) in [(1, 65535), (2, 40_000), (3, 60_000)] {
            let packet = meeting.picture(77, seq, 0, Some(number));
            meeting.send("alice", &packet);
            meeting.wait(SECOND);
        }
    });
    assert_eq!(meeting.world.sfu.counters().refused, 3);
    assert!(spent < SECOND, "{spent:?}");
    // What she sends under a number that can be is forwarded.
    let packet = meeting.picture(77, 4, 0, Some(1000));
    let before = meeting.heard();
    meeting.send("alice", &packet);
    assert_eq!(meeting.heard(), before + 1);
    assert_eq!(meeting.broken(), 0);
}

#[test]
fn gaps_of_more_numbers_than_a_report_can_count_cost_nothing() {
    let mut meeting = Meeting::new(2);
    for n in 0..200u16 {
        let packet = meeting.picture(77, n, 0, Some(n.wrapping_mul(30_000)));
        meeting.send("alice", &packet);
    }
    meeting.wait(SECOND);
    assert_eq!(meeting.broken(), 0);
}

#[test]
fn feedback_that_breaks_a_connection_ends_that_one_only() {
    let mut meeting = Meeting::new(3);
    // A run of no small deltas, then one large delta: the wrong one is taken.
    meeting.send("bob", &feedback(1, 1, &[0x2000, 0x4001], &[0, 1]));
    assert_eq!(meeting.broken(), 1);
    let before = meeting.heard();
    let packet = meeting.picture(77, 4, 0, Some(1000));
    meeting.send("alice", &packet);
    assert_eq!(meeting.heard(), before + 1);
    // Nothing that he sends from now on is looked at.
    meeting.send("bob", &feedback(1, 1, &[0x2000, 0x4001], &[0, 1]));
    meeting.wait(SECOND);
    assert_eq!(meeting.broken(), 1);
}

#[test]
fn packets_older_than_their_stream_go_nowhere() {
    let mut meeting = Meeting::new(4);
    // Under one SSRC the number is before the first's, under the other the time is.
    let packets = [
        (78, 0, 0, true),
        (78, 65535, 0, false),
        (79, 1, 0, true),
        (79, 2, 0xffff_0000, false),
        (79, 3, 3000, true),
    ];
    for (ssrc, seq, time, heard) in packets {
        let before = meeting.heard();
        let packet = meeting.picture(ssrc, seq, time, None);
        meeting.send("alice", &packet);
        assert_eq!(meeting.heard() - before, u64::from(heard), "number {seq}, time {time}");
    }
    assert_eq!(meeting.broken(), 0);
}

/// 31 requests of 17 packets in a nack (RFC 4585 §6.2.1), and nacks until the datagram is full.
#[test]
fn what_is_asked_for_again_and_again_is_not_sent_again_and_again() {
    let mut meeting = Meeting::new(5);
    let ssrc = *meeting.world.clients["bob"].received.keys().next().expect("Bob sees her");
    let mut nack = vec![0x81, 205, 0, 33, 0, 0, 0, 1];
    nack.extend(ssrc.to_be_bytes());
    for _ in 0..31 {
        nack.extend(1000u16.to_be_bytes());
        nack.extend([0xff; 2]);
    }
    let datagram = nack.repeat(8);
    let before = meeting.sent;
    for _ in 0..1000 {
        meeting.send("bob", &datagram);
    }
    let again = meeting.sent - before;
    // 4,216,000 were asked for, within a second. Others are answered as ever.
    assert!((100..2000).contains(&again), "{again} packets");
    assert_eq!(meeting.broken(), 0);
}
