//! Tracks in a second codec, for those who cannot decode the first.

use crate::SECOND;
use crate::client::Client;
use crate::world::{Network, World};
use roombox_sfu::track::{Codec, TrackSource};
use roombox_sfu::{Command, Event, NewBackup, TrackRefusal, WantedCodec};
use str0m::media::MediaKind;

/// Alice would send VP8, and H.264 if need be; bob knows H.264 alone, carol VP8.
fn meeting(seed: u64) -> (World, String) {
    let mut world = World::new(seed, Network::default());
    world.without_vp8 = vec!["bob"];
    world.with_both = vec!["alice"];
    for name in ["alice", "bob", "carol"] {
        world.join(name);
    }
    world.run(SECOND);
    world.backup = Some(Codec::H264);
    let track = world.publish_as("alice", TrackSource::Camera, 3, [0; 3]);
    world.run(2 * SECOND);
    (world, track)
}

/// Alice announces the second codec and sends it.
fn send_backup(world: &mut World, track: &str, cid: &str) {
    let backup = NewBackup {
        track: track.into(),
        cid: cid.to_owned(),
        codec: Codec::H264,
        layers: Vec::new(),
        note: [].into(),
    };
    let (participant, backup) = ("alice".into(), Box::new(backup));
    world.command(Command::AddBackup { participant, backup });
    let (now, number) = (world.now, world.numbers[track]);
    let alice: &mut Client = world.clients.get_mut("alice").expect("alice");
    alice.publish(now, MediaKind::Video, cid.to_owned(), number, 1, [0; 3]);
    alice.publishing.last_mut().expect("a track").h264 = true;
    world.offer("alice", 0, 0, &[]);
}

/// What alice was told last to be wanted: of VP8, and of H.264.
fn wanted(world: &World) -> Option<(Option<usize>, Option<usize>)> {
    let told = world.events.iter().rev().filter(|(name, _)| name == "alice");
    told.map(|(_, event)| event).find_map(|event| match event {
        Event::LayersWanted { codecs, .. } => match codecs[..] {
            [
                WantedCodec { codec: Some(Codec::Vp8), best: first, .. },
                WantedCodec { codec: Some(Codec::H264), best: second, .. },
            ] => Some((first, second)),
            _ => panic!("wanted {codecs:?}"),
        },
        _ => None,
    })
}

fn comes(world: &mut World, name: &str, track: &str) -> bool {
    let before = world.whole_frames(name, track);
    world.run(2 * SECOND);
    world.whole_frames(name, track) > before + 25
}

#[test]
fn who_cannot_decode_the_first_codec_gets_the_second_and_nobody_else() {
    let (mut world, track) = meeting(1);
    assert!(comes(&mut world, "carol", &track));
    assert_eq!(wanted(&world), Some((Some(2), Some(0))), "bob waits for it");
    let told = world.events.iter().any(|(_, event)| {
        matches!(event, Event::CodecUnsupported { .. } | Event::TrackRefused { .. })
    });
    assert!(!told, "he will be able to see her");
    assert_eq!(world.whole_frames("bob", &track), 0);
    send_backup(&mut world, &track, "backup");
    world.run(SECOND);
    assert!(comes(&mut world, "bob", &track) && comes(&mut world, "carol", &track));
    assert_eq!(world.layer("carol", &track), Some(2), "hers is the first");
    assert_eq!(world.layer("bob", &track), Some(0), "his has one layer");
    // Somebody else who knows H.264 alone gets what is there.
    world.without_vp8.push("dora");
    world.join("dora");
    world.run(2 * SECOND);
    assert!(comes(&mut world, "dora", &track));
    // Once nobody needs it, its publisher may stop it.
    for name in ["bob", "dora"] {
        world.leave(name);
    }
    world.run(6 * SECOND);
    assert_eq!(wanted(&world), Some((Some(2), None)));
    world.unpublish("alice");
    world.run(SECOND);
    assert!(!comes(&mut world, "carol", &track), "with the track it is gone, too");
}

#[test]
fn where_everybody_decodes_the_first_codec_the_second_is_not_asked_for() {
    let mut world = World::new(2, Network::default());
    world.with_both = vec!["alice"];
    world.join("alice");
    world.join("carol");
    world.run(SECOND);
    world.backup = Some(Codec::H264);
    let track = world.publish_as("alice", TrackSource::Camera, 1, [0; 3]);
    assert!(comes(&mut world, "carol", &track));
    world.leave("carol");
    world.run(6 * SECOND);
    assert_eq!(wanted(&world), Some((None, None)));
}

#[test]
fn a_second_codec_that_was_not_announced_is_refused() {
    let (mut world, track) = meeting(3);
    for (participant, of, codec) in [
        ("alice", track.as_str(), Codec::Av1),
        ("alice", "TR_none", Codec::H264),
        ("carol", track.as_str(), Codec::H264),
    ] {
        let backup = NewBackup {
            track: of.into(),
            cid: "c".to_owned(),
            codec,
            layers: Vec::new(),
            note: [].into(),
        };
        let before = world.events.len();
        let (participant, backup) = (participant.into(), Box::new(backup));
        world.command(Command::AddBackup { participant, backup });
        let refused = world.events[before..].iter().any(|(_, event)| {
            matches!(event, Event::TrackRefused { why: TrackRefusal::Unknown, .. })
        });
        assert!(refused, "{of} as {codec:?}");
    }
}
