//! Rooms that take pictures in some codecs only.

use crate::SECOND;
use crate::world::{Network, World};
use roombox_sfu::track::{Codec, TrackSource, VideoCodecs};
use roombox_sfu::{Command, Event, TrackRefusal};

/// Alice knows VP8 and H.264, bob and carol as well.
fn meeting(codecs: &[Codec]) -> World {
    let mut world = World::new(1, Network::default());
    world.codecs = VideoCodecs::only(codecs.iter().copied());
    world.with_both = vec!["alice", "bob", "carol"];
    for name in ["alice", "bob", "carol"] {
        world.join(name);
    }
    world.run(SECOND);
    world
}

fn publish(world: &mut World, name: &str, h264: bool) -> String {
    let track = world.publish_as(name, TrackSource::Camera, 1, [0; 3]);
    let client = world.clients.get_mut(name).expect("a client");
    client.publishing.last_mut().expect("a track").h264 = h264;
    world.run(2 * SECOND);
    track
}

fn comes(world: &mut World, track: &str) -> bool {
    let before = world.whole_frames("bob", track);
    world.run(2 * SECOND);
    world.whole_frames("bob", track) > before + 25
}

#[test]
fn what_a_room_does_not_take_reaches_nobody_whatever_its_sender_makes_of_the_answer() {
    let mut world = meeting(&[Codec::H264]);
    let stubborn = publish(&mut world, "alice", false);
    assert!(!comes(&mut world, &stubborn), "VP8");
    let carols = publish(&mut world, "carol", true);
    assert!(comes(&mut world, &carols), "H.264");
    let mut open = meeting(&[]);
    let track = publish(&mut open, "alice", false);
    assert!(comes(&mut open, &track), "every codec is taken where none is named");
}

#[test]
fn another_choice_holds_for_what_is_published_next_and_what_is_there_goes_on() {
    let mut world = meeting(&[]);
    let before = publish(&mut world, "alice", false);
    let codecs = VideoCodecs::only([Codec::H264]);
    world.command(Command::SetVideoCodecs { room: "room".into(), codecs });
    assert!(comes(&mut world, &before));
    let told = world.events.iter().rev().find_map(|(name, event)| match event {
        Event::Room(room) if name == "bob" => Some(room.video_codecs),
        _ => None,
    });
    assert_eq!(told, Some(codecs), "people hear of it");
    let after = publish(&mut world, "carol", false);
    assert!(!comes(&mut world, &after) && comes(&mut world, &before));
}

#[test]
fn who_has_none_of_a_rooms_codecs_is_told_so_and_publishes_nothing() {
    let mut world = meeting(&[Codec::H264]);
    world.join("dora");
    world.run(SECOND);
    let track = world.publish_as("dora", TrackSource::ScreenShare, 1, [0; 3]);
    world.run(SECOND);
    let mut told = world.events.iter().filter(|(name, _)| name == "dora").map(|(_, event)| event);
    assert!(told.any(|e| matches!(e, Event::TrackRefused { why: TrackRefusal::NoCodec, .. })));
    assert!(
        told.any(
            |e| matches!(e, Event::TrackUnpublished { track: gone } if gone.as_str() == track)
        )
    );
    // She sees the others all the same, and is heard.
    let hers = publish(&mut world, "alice", true);
    assert!(comes(&mut world, &hers));
    let voice = world.publish_as("dora", TrackSource::Microphone, 1, [0; 3]);
    world.run(2 * SECOND);
    assert!(world.events.iter().any(|(name, event)| name == "bob"
        && matches!(event, Event::Participants(all)
            if all.iter().any(|p| p.tracks.iter().any(|t| t.id.as_str() == voice)))));
}
