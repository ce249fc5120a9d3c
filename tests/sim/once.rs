//! Clients that offer once and are told nothing after the answer (WHIP, WHEP): what they receive
//! changes under it.

use crate::client::Client;
use crate::world::{Network, ROOM, World};
use crate::{SECOND, subscribe};
use roombox_sfu::ids::{RoomName, TrackId};
use roombox_sfu::{Command, Event, LeaveReason, Transport, TransportMode};
use std::net::SocketAddr;

fn join(world: &mut World, name: &str, can_publish: bool) {
    let address = SocketAddr::from(([10, 0, 2, 1], 10_000 + world.clients.len() as u16));
    let (seed, way) = (world.chance.next(), (Transport::Udp, address));
    let mut client = Client::new(world.now, name.to_owned(), way, seed, (true, false));
    client.told_nothing = true;
    world.enter(client, |participant| {
        participant.permissions.can_publish = can_publish;
        participant.auto_subscribe = false;
        participant.mode = TransportMode::Once;
    });
}

/// A player with one section for pictures, in an empty room.
fn player(seed: u64, network: Network) -> World {
    let mut world = World::new(seed, network);
    join(&mut world, "player", false);
    world.offer("player", 0, 1, &[]);
    world.run(SECOND);
    world
}

/// Who was told anything that a client without signalling could not be told.
fn asked_for_more(world: &World) -> bool {
    let asks = |event: &Event| matches!(event, Event::SectionsWanted { .. } | Event::Offer { .. });
    world.events.iter().any(|(name, event)| name == "player" && asks(event))
}

#[test]
fn one_after_the_other_comes_on_the_section_of_the_first() {
    for seed in crate::seeds(1..4) {
        let mut world = player(seed, Network::default());
        world.join("alice");
        world.join("bob");
        world.run(SECOND);
        let (first, second) = (world.publish("alice", 3), world.publish("bob", 1));
        world.run(SECOND);
        assert_eq!(world.whole_frames("player", &first), 0, "nobody asked for it");
        subscribe(&mut world, "player", &first, true);
        world.run(2 * SECOND);
        assert!(world.whole_frames("player", &first) > 30);
        for (old, new) in [(&first, &second), (&second, &first), (&first, &second)] {
            subscribe(&mut world, "player", old, false);
            subscribe(&mut world, "player", new, true);
            world.run(SECOND / 2);
            let (gone, come) =
                (world.whole_frames("player", old), world.whole_frames("player", new));
            world.run(2 * SECOND);
            assert_eq!(world.whole_frames("player", old), gone);
            assert!(world.whole_frames("player", new) > come + 30);
        }
        assert!(!asked_for_more(&world));
        // Whatever came, it came as one stream without a seam: see `check`.
        assert_eq!(world.clients["player"].received.len(), 1);
        world.check();
    }
}

#[test]
fn a_section_waits_for_its_next_track_when_the_last_one_left() {
    let mut world = player(5, Network::default());
    world.join("alice");
    world.run(SECOND);
    let first = world.publish("alice", 1);
    world.run(SECOND);
    subscribe(&mut world, "player", &first, true);
    world.run(SECOND);
    world.leave("alice");
    world.run(3 * SECOND);
    world.join("bob");
    world.run(SECOND);
    let second = world.publish("bob", 1);
    world.run(SECOND);
    subscribe(&mut world, "player", &second, true);
    world.run(2 * SECOND);
    assert!(world.whole_frames("player", &second) > 30);
    assert_eq!(world.clients["player"].received.len(), 1);
    world.check();
}

#[test]
fn what_a_moderator_mutes_the_box_stops_and_begins_at_a_keyframe() {
    let mut world = World::new(6, Network::default());
    join(&mut world, "camera", true);
    world.join("bob");
    world.run(SECOND);
    let track = world.publish("camera", 3);
    world.run(2 * SECOND);
    assert!(world.whole_frames("bob", &track) > 30);
    let mute = |world: &mut World, muted| {
        let (room, track) = (RoomName::from(ROOM), TrackId::from(track.as_str()));
        world.command(Command::MuteTrack { room, track, muted });
        world.run(SECOND / 10);
    };
    mute(&mut world, true);
    let frames = world.whole_frames("bob", &track);
    world.run(3 * SECOND);
    assert_eq!(world.whole_frames("bob", &track), frames);
    mute(&mut world, false);
    world.run(2 * SECOND);
    assert!(world.whole_frames("bob", &track) > frames + 30);
    assert_eq!(world.resumes("bob", &track), 1, "and it began with a keyframe");
    world.check();
}

#[test]
fn a_meeting_ends_with_its_last_person_whoever_still_watches() {
    let mut world = player(8, Network::default());
    let ended = |world: &World| {
        let closed = |(name, event): &(String, Event)| {
            name == "player" && matches!(event, Event::Closed { reason: LeaveReason::RoomEnded })
        };
        world.events.iter().any(closed)
    };
    world.join("alice");
    world.run(90 * SECOND);
    assert!(!ended(&world), "alice is there");
    world.leave("alice");
    world.run(10 * SECOND);
    assert!(!ended(&world), "she may come back");
    world.run(15 * SECOND);
    assert!(ended(&world));
}

#[test]
fn who_hangs_up_is_gone_at_once() {
    let mut world = player(7, Network::default());
    world.join("bob");
    world.run(SECOND);
    world.hang_up("player");
    world.run(SECOND);
    let gone = world.events.iter().any(|(name, event)| {
        name == "player" && matches!(event, Event::Closed { reason: LeaveReason::ClientLeft })
    });
    assert!(gone);
}
