//! What a shard does when the network or a reader misbehaves.

use roombox_net::{EventSink, Plane, PlaneConfig, SinkFull};
use roombox_sfu::ids::RoomName;
use roombox_sfu::view::{Permissions, RoomView, Standing};
use roombox_sfu::{Command, Event, LeaveReason, NewParticipant, RoomOptions, TransportMode};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn plane() -> Plane {
    plane_of(1)
}

fn plane_of(shards: usize) -> Plane {
    let config = PlaneConfig {
        shards,
        udp_port_base: 0,
        tcp_port: 0,
        shared_listeners: Vec::new(),
        addresses: vec![Ipv4Addr::LOCALHOST.into()],
        estimates: false,
        spill_at: 60,
    };
    Plane::start(&config, |_| {}).expect("the plane starts")
}

/// A door whose reader takes `room_for` events and then no more.
struct Door {
    events: Sender<Event>,
    room_for: usize,
    open: bool,
}

impl EventSink for Door {
    fn offer(&mut self, event: Event) -> Result<(), SinkFull> {
        self.room_for = self.room_for.checked_sub(1).ok_or(SinkFull)?;
        self.events.send(event).map_err(|_| SinkFull)
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

fn join(plane: &Plane, id: &str, room_for: usize) -> Receiver<Event> {
    let room = RoomName::from("room");
    let options = RoomOptions {
        sid: "RM_1".to_owned(),
        metadata: String::new(),
        created_unix_ms: 0,
        opened_with: String::new(),
        max_participants: 0,
        video_codecs: Default::default(),
        lobby: false,
        empty_timeout: PATIENCE,
        departure_timeout: PATIENCE,
    };
    let participant = Box::new(NewParticipant {
        id: id.into(),
        identity: id.into(),
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        permissions: Permissions::everything(),
        standing: Standing::Member,
        known_as: None,
        joined_unix_ms: 0,
        auto_subscribe: true,
        auto_subscribe_data: false,
        hears_by_packets: false,
        mode: TransportMode::Single,
        note: [].into(),
    });
    let command = Command::Join { room: room.clone(), options, participant };
    let (sender, events) = mpsc::channel();
    let door = Box::new(Door { events: sender, room_for, open: true });
    plane.attach(&room, id.into(), door, command).expect("the shard has room");
    events
}

fn people(plane: &Plane) -> Vec<String> {
    let (sender, answer) = mpsc::channel();
    plane
        .list(move |rooms: Vec<RoomView>| {
            let people = rooms.iter().flat_map(|room| &room.participants);
            let names = people.map(|person| person.identity.to_string()).collect();
            let _nobody_waits = sender.send(names);
        })
        .expect("the shard has room");
    answer.recv_timeout(PATIENCE).expect("the shard answers")
}

fn wait_for(events: &Receiver<Event>, what: impl Fn(&Event) -> bool) {
    while !what(&events.recv_timeout(PATIENCE).expect("an event")) {}
}

#[test]
fn a_packet_storm_does_not_keep_a_shard_from_its_work() {
    let plane = plane();
    let events = join(&plane, "alice", 1000);
    wait_for(&events, |event| matches!(event, Event::Joined { .. }));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let target = (Ipv4Addr::LOCALHOST, plane.ports()[0]);
    let mut state = 1u64;
    for n in 0..20_000 {
        let mut packet = [0u8; 200];
        for byte in &mut packet {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (state >> 33) as u8;
        }
        // STUN, DTLS, RTP and nonsense (RFC 7983).
        packet[0] = [0, 22, 128, 255][n % 4];
        packet[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        let _full_buffers_drop = socket.send_to(&packet, target);
        if n % 4000 == 0 {
            assert_eq!(people(&plane), ["alice"]);
        }
    }
    assert_eq!(people(&plane), ["alice"]);
    let stats = &plane.stats()[0];
    let taken = stats.packets_in.load(Ordering::Relaxed);
    assert!(taken > 0 && stats.strays.load(Ordering::Relaxed) > taken / 2);
    // Nothing that stands for nobody is answered: no amplification.
    assert_eq!(stats.packets_out.load(Ordering::Relaxed), 0);
    plane.stop();
}

#[test]
fn who_reads_too_slowly_is_closed_and_the_others_stay() {
    let plane = plane();
    let alice = join(&plane, "alice", 1000);
    wait_for(&alice, |event| matches!(event, Event::Joined { .. }));
    let slow = join(&plane, "slow", 1);
    wait_for(&slow, |event| matches!(event, Event::Joined { .. }));
    // One event more than it reads.
    let _carol = join(&plane, "carol", 1000);
    wait_for(&alice, |event| {
        matches!(event, Event::Participants(people)
            if people.iter().any(|p| p.identity.as_str() == "slow"
                && p.state == roombox_sfu::view::ParticipantState::Disconnected))
    });
    assert_eq!(people(&plane), ["alice", "carol"]);
    assert_eq!(plane.stats()[0].slow_doors.load(Ordering::Relaxed), 1);
    plane.stop();
}

#[test]
fn a_resume_under_a_foreign_identity_takes_nothing() {
    let plane = plane();
    let alice = join(&plane, "alice", 1000);
    wait_for(&alice, |event| matches!(event, Event::Joined { .. }));
    let room = RoomName::from("room");
    for (wrong_room, identity) in [("room", "mallory"), ("other", "alice")] {
        let (sender, events) = mpsc::channel();
        let door = Box::new(Door { events: sender, room_for: 10, open: true });
        let command = Command::Resume {
            room: wrong_room.into(),
            participant: "alice".into(),
            identity: identity.into(),
        };
        plane.attach(&room, "alice".into(), door, command).unwrap();
        wait_for(&events, |event| {
            matches!(event, Event::Closed { reason: LeaveReason::ConnectionLost })
        });
    }
    // Alice's door is still hers.
    let _bob = join(&plane, "bob", 1000);
    wait_for(&alice, |event| matches!(event, Event::Participants(_)));
    plane.stop();
}
