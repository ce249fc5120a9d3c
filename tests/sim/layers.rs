//! Which layer a subscriber gets, and what its publisher hears of it.

use super::{SECOND, layer, pair, settings};
use crate::world::{Network, ROOM, World};
use roombox_sfu::ids::{ParticipantId, RoomName};
use roombox_sfu::tap::TapId;
use roombox_sfu::{Command, Event, TrackSettings, WantedCodec};

#[test]
fn layers_switch_at_keyframes_without_holes() {
    let (mut world, track) = pair(2, Network::default());
    for wanted in [0, 1, 2, 1, 0, 2, 0] {
        settings(&mut world, "bob", &track, layer(wanted));
        world.run(2 * SECOND);
        assert_eq!(world.layer("bob", &track), Some(wanted as u8));
    }
    // At most the second or so that a keyframe may be asked for is spent on the old layer.
    assert!(world.whole_frames("bob", &track) >= 14 * 25);
    world.check();
}

#[test]
fn a_hidden_tile_costs_nothing_and_comes_back_at_a_keyframe() {
    let (mut world, track) = pair(3, Network::default());
    settings(&mut world, "bob", &track, TrackSettings { disabled: true, ..layer(2) });
    world.run(SECOND / 10);
    let frames = world.whole_frames("bob", &track);
    world.run(2 * SECOND);
    assert_eq!(world.whole_frames("bob", &track), frames);
    settings(&mut world, "bob", &track, layer(1));
    world.run(2 * SECOND);
    assert!(world.whole_frames("bob", &track) > frames + 25);
    world.check();
}

#[test]
fn fewer_frames_a_second_come_where_they_are_enough_and_leave_no_holes() {
    let (mut world, track) = pair(4, Network::default());
    // Of 25 frames a second: half of them, a quarter, and all.
    for (fps, frames) in [(12, 62..64), (5, 31..33), (0, 124..127), (6, 31..33), (30, 124..127)] {
        settings(&mut world, "bob", &track, TrackSettings { fps, ..layer(1) });
        world.run(2 * SECOND);
        let before = world.whole_frames("bob", &track);
        world.run(5 * SECOND);
        let came = world.whole_frames("bob", &track) - before;
        assert!(frames.contains(&came), "{came} frames in 5 s, where {fps} a second are enough");
    }
    world.check();
}

/// What a publisher was told last of the layers that are wanted.
fn told(world: &World, name: &str) -> Option<Option<usize>> {
    let told = world.events.iter().rev().filter(|(who, _)| who == name);
    told.filter_map(|(_, event)| match event {
        Event::LayersWanted { codecs, .. } => codecs.first().map(|codec| codec.best),
        _ => None,
    })
    .next()
}

#[test]
fn a_publisher_hears_which_layers_anybody_wants() {
    let (mut world, track) = pair(6, Network::default());
    assert_eq!(told(&world, "alice"), None, "all are wanted, as publishers assume");
    settings(&mut world, "bob", &track, layer(0));
    world.run(4 * SECOND);
    assert_eq!(told(&world, "alice"), None, "a passing wish stops no encoder");
    world.run(2 * SECOND);
    assert_eq!(told(&world, "alice"), Some(Some(0)));
    // A recording takes all, at once, and gives them back late.
    let (room, tap) = (RoomName::from(ROOM), TapId(1));
    world.command(Command::OpenTap { room: room.clone(), tap });
    assert_eq!(told(&world, "alice"), Some(Some(2)));
    world.command(Command::CloseTap { room, tap });
    world.run(4 * SECOND);
    assert_eq!(told(&world, "alice"), Some(Some(2)));
    world.run(2 * SECOND);
    assert_eq!(told(&world, "alice"), Some(Some(0)));
    world.leave("bob");
    world.run(6 * SECOND);
    assert_eq!(told(&world, "alice"), Some(None));
    world.join("carol");
    world.run(2 * SECOND);
    assert_eq!(told(&world, "alice"), Some(Some(2)));
    // A client that was away is told again.
    let (participant, identity) = (ParticipantId::from("alice"), "alice".into());
    let before = world.events.len();
    let room = RoomName::from(ROOM);
    world.command(Command::Detach { participant: participant.clone() });
    world.command(Command::Resume { room, participant, identity });
    let again = world.events[before..].iter().any(|(who, event)| {
        let full = |codecs: &[WantedCodec]| matches!(codecs, [WantedCodec { best: Some(2), .. }]);
        who == "alice" && matches!(event, Event::LayersWanted { codecs, .. } if full(codecs))
    });
    assert!(again, "{:?}", &world.events[before..]);
}
