//! From one room to another on the same connection.

use crate::world::{Network, ROOM, World};
use crate::{SECOND, seeds};
use roombox_sfu::ids::RoomName;
use roombox_sfu::tap::{TapEvent, TapId};
use roombox_sfu::view::{ParticipantInfo, ParticipantState, Standing};
use roombox_sfu::{Command, Event, NewDataTrack};

const OTHER: &str = "other";

fn move_to(world: &mut World, name: &str, room: &str) {
    let (participant, to) = (name.into(), RoomName::from(room));
    let options = world.options();
    world.command(Command::Move { participant, to, options });
}

/// What a participant was told last of another, or of itself.
fn last_word<'a>(world: &'a World, told: &'a str, of: &str) -> Option<&'a ParticipantInfo> {
    let events = world.events.iter().rev().filter(|(name, _)| name == told);
    events.map(|(_, event)| event).find_map(|event| match event {
        Event::Participants(infos) => infos.iter().find(|info| info.id.as_str() == of),
        Event::Joined { me, others, .. } | Event::Moved { me, others, .. } => {
            std::iter::once(me).chain(others).find(|info| info.id.as_str() == of)
        }
        _ => None,
    })
}

fn state(world: &World, told: &str, of: &str) -> Option<ParticipantState> {
    last_word(world, told, of).map(|info| info.state)
}

/// The people of a move: names of those in the new room.
fn moved(world: &World, name: &str) -> Option<(String, Vec<String>)> {
    world.events.iter().rev().filter(|(told, _)| told == name).find_map(|(_, event)| match event {
        Event::Moved { room, others, .. } => {
            let others = others.iter().map(|info| info.id.to_string()).collect();
            Some((room.name.to_string(), others))
        }
        _ => None,
    })
}

/// Alice and bob are in one room, carol in the other; all show themselves.
fn two_rooms(seed: u64) -> (World, [String; 3]) {
    let mut world = World::new(seed, Network::default());
    world.join("alice");
    world.join("bob");
    world.room = OTHER;
    world.join("carol");
    world.run(SECOND);
    let tracks = ["alice", "bob", "carol"].map(|name| world.publish(name, 1));
    world.run(2 * SECOND);
    (world, tracks)
}

/// Frames that came of a track within the next two seconds.
fn comes(world: &mut World, name: &str, track: &str) -> bool {
    let before = world.whole_frames(name, track);
    world.run(2 * SECOND);
    world.whole_frames(name, track) > before + 25
}

#[test]
fn who_is_moved_goes_on_among_others() {
    let (mut world, [alices, bobs, carols]) = two_rooms(1);
    assert!(comes(&mut world, "bob", &alices) && comes(&mut world, "alice", &bobs));
    move_to(&mut world, "alice", OTHER);
    let told = (OTHER.to_owned(), vec!["carol".to_owned()]);
    assert_eq!(moved(&world, "alice"), Some(told));
    assert_eq!(state(&world, "bob", "alice"), Some(ParticipantState::Disconnected));
    assert!(last_word(&world, "bob", "alice").unwrap().tracks.is_empty());
    world.run(2 * SECOND);
    assert!(comes(&mut world, "carol", &alices), "what she sends goes along");
    assert!(comes(&mut world, "alice", &carols), "what she gets begins anew");
    assert!(!comes(&mut world, "alice", &bobs) && !comes(&mut world, "bob", &alices));
    assert_eq!(state(&world, "carol", "alice"), Some(ParticipantState::Active));
    // What comes later, too.
    let screen = world.publish("alice", 1);
    world.run(2 * SECOND);
    assert!(comes(&mut world, "carol", &screen) && !comes(&mut world, "bob", &screen));
    move_to(&mut world, "alice", ROOM);
    world.run(2 * SECOND);
    assert!(comes(&mut world, "bob", &screen), "and back");
    assert!(comes(&mut world, "bob", &alices) && !comes(&mut world, "carol", &alices));
    world.leave("alice");
    world.run(SECOND);
    world.check();
}

#[test]
fn who_is_moved_may_come_back_to_the_new_room_only() {
    let (mut world, _) = two_rooms(2);
    move_to(&mut world, "alice", OTHER);
    assert!(!world.sfu.may_resume(&ROOM.into(), &"alice".into(), &"alice".into()));
    assert!(world.sfu.may_resume(&OTHER.into(), &"alice".into(), &"alice".into()));
}

#[test]
fn a_move_is_a_leave_and_a_join_for_recordings() {
    let (mut world, [alices, ..]) = two_rooms(3);
    for (room, tap) in [(ROOM, TapId(1)), (OTHER, TapId(2))] {
        world.command(Command::OpenTap { room: room.into(), tap });
    }
    let from = world.tapped.len();
    move_to(&mut world, "alice", OTHER);
    let hers = |track: &str| track == alices.as_str();
    let story: Vec<&str> = world.tapped[from..]
        .iter()
        .filter_map(|event| match event {
            TapEvent::Unpublished { track } if hers(track.as_str()) => Some("unpublished"),
            TapEvent::Left { participant } if participant.as_str() == "alice" => Some("left"),
            TapEvent::Joined { participant, .. } if participant.as_str() == "alice" => {
                Some("joined")
            }
            TapEvent::Published(track) if hers(track.track.as_str()) => Some("published"),
            _ => None,
        })
        .collect();
    assert_eq!(story, ["unpublished", "left", "joined", "published"]);
}

#[test]
fn a_full_room_takes_nobody_and_one_identity_is_there_once() {
    let (mut world, [alices, ..]) = two_rooms(4);
    let mut options = world.options();
    options.max_participants = 1;
    world.command(Command::OpenRoom { room: "small".into(), options });
    move_to(&mut world, "carol", "small");
    assert_eq!(moved(&world, "carol"), Some(("small".to_owned(), Vec::new())));
    move_to(&mut world, "alice", "small");
    assert_eq!(moved(&world, "alice"), None);
    assert!(comes(&mut world, "bob", &alices), "she stays where she was");
    // Somebody who is called alice, too.
    world.room = "small";
    world.join_otherwise("dora", |new| new.identity = "alice".into());
    assert_eq!(moved(&world, "alice"), None);
    world.command(Command::Leave {
        participant: "carol".into(),
        reason: roombox_sfu::LeaveReason::ClientLeft,
    });
    world.join_otherwise("dora", |new| new.identity = "alice".into());
    move_to(&mut world, "alice", "small");
    assert_eq!(moved(&world, "alice"), Some(("small".to_owned(), Vec::new())));
    let doubled = world.events.iter().any(|(name, event)| {
        let reason = roombox_sfu::LeaveReason::DuplicateIdentity;
        name == "dora" && matches!(event, Event::Closed { reason: why } if *why == reason)
    });
    assert!(doubled, "the newer one stays");
}

#[test]
fn nobody_moderates_a_room_by_being_moved_there_and_who_waits_stays_waiting() {
    let mut world = World::new(5, Network::default());
    world.lobby = true;
    world.join_otherwise("alice", |new| new.standing = Standing::Host);
    world.join_otherwise("bob", |new| new.standing = Standing::Guest);
    world.run(SECOND);
    for name in ["alice", "bob"] {
        move_to(&mut world, name, OTHER);
    }
    assert_eq!(last_word(&world, "alice", "alice").unwrap().standing, Standing::Member);
    assert_eq!(moved(&world, "bob"), None);
}

#[test]
fn data_tracks_go_along() {
    let mut world = World::new(6, Network::default());
    world.join("alice");
    world.join_otherwise("bob", |new| new.auto_subscribe_data = true);
    world.room = OTHER;
    world.join_otherwise("carol", |new| new.auto_subscribe_data = true);
    world.run(SECOND);
    for (name, id, handle) in [("alice", "heat", 7), ("bob", "light", 8)] {
        let track = NewDataTrack { id: id.into(), handle, name: id.to_owned(), note: [].into() };
        world.command(Command::PublishDataTrack { participant: name.into(), track: track.into() });
    }
    let followed = |world: &World, name: &str| {
        let told = world.events.iter().rev().filter(|(told, _)| told == name);
        let mut handles = told.filter_map(|(_, event)| match event {
            Event::DataHandles(all) => Some(all),
            _ => None,
        });
        let all = handles.next().into_iter().flatten();
        all.map(|(_, track, ..)| track.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(followed(&world, "bob"), ["heat"]);
    move_to(&mut world, "alice", OTHER);
    assert_eq!(followed(&world, "bob"), [""; 0]);
    assert_eq!(followed(&world, "carol"), ["heat"]);
    move_to(&mut world, "bob", OTHER);
    assert_eq!(followed(&world, "bob"), ["heat"]);
    assert_eq!(followed(&world, "carol"), ["heat", "light"]);
}

/// A move goes by the home, and what another shard wants of who was moved goes straight to where they live:
/// it may be there first.
#[test]
fn who_is_moved_is_seen_from_a_third_shard_whichever_word_comes_first() {
    for seed in seeds(0..12) {
        let mut world = World::spread(seed, Network::default(), 3);
        world.join("ada");
        world.join("ben");
        world.room = OTHER;
        world.join("cem");
        world.run(SECOND);
        let track = world.publish("ben", 1);
        world.run(2 * SECOND);
        for room in [OTHER, ROOM, OTHER] {
            move_to(&mut world, "ben", room);
            world.run(SECOND);
        }
        let frames = comes(&mut world, "cem", &track);
        assert!(frames, "seed {seed}: cem sees nothing of ben");
        world.check();
    }
}
