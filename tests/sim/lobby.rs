//! Guests who are let in one by one: what they learn while they wait, how they come in, and who need
//! not wait.

use crate::world::{Network, ROOM, World};
use crate::{SECOND, subscribe};
use roombox_sfu::ids::{ParticipantId, RoomName};
use roombox_sfu::tap::{TapEvent, TapId};
use roombox_sfu::track::{MediaKind, TrackSource};
use roombox_sfu::view::{ParticipantInfo, Permissions, Standing};
use roombox_sfu::{Channel, Command, Event, LeaveReason, NewTrack, ParticipantChange, Recipients};
use std::collections::BTreeSet;

const ALONE: Standing = Standing::Waiting { host_is_here: false };
const SEEN: Standing = Standing::Waiting { host_is_here: true };

fn room() -> RoomName {
    ROOM.into()
}

fn host(world: &mut World, name: &str) {
    world.join_otherwise(name, |new| new.standing = Standing::Host);
    world.run(SECOND);
}

fn guest(world: &mut World, name: &str) {
    world.join_otherwise(name, |new| new.standing = Standing::Guest);
    world.run(SECOND);
}

fn let_in(world: &mut World, name: &str) {
    world.command(Command::LetIn { participant: name.into() });
    world.run(SECOND);
}

fn events<'a>(world: &'a World, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Event> {
    world.events.iter().filter(move |(told, _)| told == name).map(|(_, event)| event)
}

/// What a participant was told last of another, or of itself.
fn last_word<'a>(world: &'a World, told: &'a str, of: &str) -> Option<&'a ParticipantInfo> {
    events(world, told).rev().find_map(|event| match event {
        Event::Participants(infos) => infos.iter().find(|info| info.id.as_str() == of),
        Event::Joined { me, others, .. } | Event::Resumed { me, others, .. } => {
            std::iter::once(me).chain(others).find(|info| info.id.as_str() == of)
        }
        _ => None,
    })
}

fn standing(world: &World, name: &str) -> Standing {
    last_word(world, name, name).expect("it joined").standing
}

/// Everybody else whose id a participant was told, in whatever way.
fn known(world: &World, name: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut learn = |id: &ParticipantId| {
        ids.insert(id.to_string());
    };
    for event in events(world, name) {
        match event {
            Event::Joined { me, others, .. } | Event::Resumed { me, others, .. } => {
                std::iter::once(me).chain(others).for_each(|info| learn(&info.id));
            }
            Event::Participants(infos) => infos.iter().for_each(|info| learn(&info.id)),
            Event::Speakers(levels) => levels.iter().for_each(|level| learn(&level.participant)),
            Event::Quality(all) => all.iter().for_each(|quality| learn(&quality.participant)),
            Event::Streams(states) => states.iter().for_each(|state| learn(&state.publisher)),
            Event::SubscriptionAllowed { publisher, .. } => learn(publisher),
            Event::DataHandles(all) => all.iter().for_each(|(_, _, id, _)| learn(id)),
            _ => {}
        }
    }
    ids.remove(name);
    ids
}

fn ended(world: &World, name: &str) -> Option<LeaveReason> {
    events(world, name).find_map(|event| match event {
        Event::Closed { reason } => Some(*reason),
        _ => None,
    })
}

/// Alice, who may let in, Carol, who may not, and Bob, who waits. Alice and Carol send.
fn bob_waits(seed: u64) -> (World, String) {
    let mut world = World::new(seed, Network::default());
    world.lobby = true;
    host(&mut world, "alice");
    world.join("carol");
    world.run(SECOND);
    let track = world.publish("alice", 1);
    world.publish_as("carol", TrackSource::Microphone, 1, [0; 3]);
    world.run(SECOND);
    guest(&mut world, "bob");
    (world, track)
}

#[test]
fn who_waits_gets_nothing_and_learns_of_nobody_until_let_in() {
    let (mut world, track) = bob_waits(1);
    let metadata = "secret".to_owned();
    world.command(Command::SetRoomMetadata { room: room(), metadata });
    // It asks for what it cannot know of.
    subscribe(&mut world, "bob", &track, true);
    world.run(12 * SECOND);
    assert_eq!(standing(&world, "bob"), SEEN);
    assert_eq!(last_word(&world, "bob", "bob").unwrap().permissions, Permissions::nothing());
    assert_eq!(known(&world, "bob"), BTreeSet::new());
    assert_eq!(world.whole_frames("bob", &track), 0);
    assert!(world.clients["bob"].heard.is_empty() && world.clients["bob"].received.is_empty());
    for event in events(&world, "bob") {
        if let Event::Room(info) | Event::Joined { room: info, .. } = event {
            assert_eq!((info.metadata.as_str(), info.participants), ("", 0));
        }
    }
    assert!(last_word(&world, "alice", "bob").is_some_and(|bob| bob.standing == SEEN));
    assert!(!known(&world, "carol").contains("bob"), "only hosts know who waits");
    let_in(&mut world, "bob");
    world.run(2 * SECOND);
    assert_eq!(standing(&world, "bob"), Standing::Guest);
    assert_eq!(last_word(&world, "bob", "bob").unwrap().permissions, Permissions::everything());
    assert_eq!(known(&world, "bob"), BTreeSet::from(["alice".to_owned(), "carol".to_owned()]));
    assert!(world.whole_frames("bob", &track) > 30);
    assert!(!world.clients["bob"].heard.is_empty());
    assert!(known(&world, "carol").contains("bob"));
    let told = events(&world, "bob").any(|event| {
        matches!(event, Event::Room(info) if (info.metadata.as_str(), info.participants) == ("secret", 3))
    });
    assert!(told, "the room as those see it who are in it");
    world.check();
}

#[test]
fn who_waits_can_send_nothing() {
    let (mut world, _) = bob_waits(2);
    let track = NewTrack {
        id: "TR_forced".into(),
        cid: "forced".to_owned(),
        name: String::new(),
        kind: MediaKind::Audio,
        source: TrackSource::Microphone,
        muted: false,
        width: 0,
        height: 0,
        encrypted: false,
        layers: Vec::new(),
        codec: None,
        backup: None,
        no_red: false,
        note: [].into(),
    };
    let track = Box::new(track);
    world.command(Command::AddTrack { participant: "bob".into(), track });
    assert!(events(&world, "bob").any(|event| matches!(event, Event::TrackRefused { .. })));
    // A client that does not mind the refusal, and sends all the same.
    world.publish_as("bob", TrackSource::Microphone, 1, [0; 3]);
    world.run(3 * SECOND);
    let published =
        |world: &World| last_word(world, "alice", "bob").is_some_and(|bob| !bob.tracks.is_empty());
    assert!(!published(&world));
    let_in(&mut world, "bob");
    let track = world.publish("bob", 1);
    world.run(3 * SECOND);
    assert!(published(&world) && world.whole_frames("alice", &track) > 30);
    world.check();
}

#[test]
fn who_waits_is_not_in_what_is_recorded() {
    let (mut world, _) = bob_waits(3);
    world.command(Command::OpenTap { room: room(), tap: TapId(1) });
    guest(&mut world, "dora");
    let joined = |world: &World| -> Vec<String> {
        let joined = world.tapped.iter().filter_map(|event| match event {
            TapEvent::Joined { participant, .. } => Some(participant.to_string()),
            _ => None,
        });
        joined.collect()
    };
    let left = |world: &World, name: &str| {
        let gone = |event: &TapEvent| matches!(event, TapEvent::Left { participant } if participant.as_str() == name);
        world.tapped.iter().any(gone)
    };
    assert_eq!(joined(&world), ["alice", "carol"]);
    world.leave("dora");
    let_in(&mut world, "bob");
    assert_eq!(joined(&world), ["alice", "carol", "bob"]);
    world.leave("bob");
    assert!(left(&world, "bob") && !left(&world, "dora"));
}

#[test]
fn who_is_early_waits_for_a_host_as_long_as_it_takes() {
    let mut world = World::new(4, Network::default());
    world.lobby = true;
    guest(&mut world, "bob");
    assert_eq!(standing(&world, "bob"), ALONE);
    world.run(300 * SECOND);
    assert_eq!(ended(&world, "bob"), None, "the room ended though somebody waits");
    // Who cannot let in is no host.
    world.join("carol");
    world.run(SECOND);
    assert_eq!(standing(&world, "bob"), ALONE);
    host(&mut world, "alice");
    assert_eq!(standing(&world, "bob"), SEEN);
    world.leave("alice");
    assert_eq!(standing(&world, "bob"), ALONE);
    // A meeting that was, and that all have left, is over for those who wait, too.
    world.leave("carol");
    world.run(30 * SECOND);
    assert_eq!(ended(&world, "bob"), Some(LeaveReason::RoomEnded));
}

#[test]
fn who_was_let_in_does_not_wait_again_unless_sent_out() {
    let (mut world, _) = bob_waits(5);
    let_in(&mut world, "bob");
    let again = |world: &mut World, name: &'static str, known_as: Option<&str>| {
        let known_as = known_as.map(Into::into);
        world.join_otherwise(name, |new| {
            (new.standing, new.known_as) = (Standing::Guest, known_as);
        });
        world.run(SECOND);
        standing(world, name)
    };
    world.leave("bob");
    assert_eq!(again(&mut world, "bob", None), Standing::Guest, "a new connection");
    assert_eq!(again(&mut world, "bob 2", Some("bob")), Standing::Guest, "a page loaded anew");
    assert_eq!(again(&mut world, "bob 3", Some("bob 2")), Standing::Guest, "and again");
    assert_eq!(again(&mut world, "eve", None), SEEN);
    assert_eq!(again(&mut world, "eve 2", Some("eve")), SEEN, "whoever waits has not been let in");
    let reason = LeaveReason::Removed;
    world.command(Command::Leave { participant: "bob 3".into(), reason });
    assert_eq!(again(&mut world, "bob 4", Some("bob 3")), SEEN, "sent out");
    world.command(Command::EndRoom { room: room() });
    assert_eq!(again(&mut world, "bob 5", Some("bob 2")), ALONE, "another meeting");
}

#[test]
fn who_is_in_when_the_lobby_is_switched_on_stays_and_may_come_back() {
    let mut world = World::new(6, Network::default());
    host(&mut world, "alice");
    guest(&mut world, "bob");
    assert_eq!(standing(&world, "bob"), Standing::Guest);
    world.command(Command::SetLobby { room: room(), on: true });
    guest(&mut world, "eve");
    assert_eq!((standing(&world, "bob"), standing(&world, "eve")), (Standing::Guest, SEEN));
    world.leave("bob");
    guest(&mut world, "bob");
    assert_eq!(standing(&world, "bob"), Standing::Guest);
    // Whoever comes by a right of its own never waits.
    world.join("carol");
    world.run(SECOND);
    assert_eq!(standing(&world, "carol"), Standing::Member);
}

#[test]
fn who_waits_takes_no_place_and_comes_in_when_there_is_one() {
    let mut world = World::new(7, Network::default());
    (world.lobby, world.most) = (true, 2);
    host(&mut world, "alice");
    for name in ["bob", "dora", "emil"] {
        guest(&mut world, name);
    }
    world.join("carol");
    world.run(SECOND);
    assert_eq!(standing(&world, "carol"), Standing::Member, "those who wait keep nobody out");
    let_in(&mut world, "bob");
    assert_eq!(standing(&world, "bob"), SEEN, "the room is full");
    world.leave("carol");
    let_in(&mut world, "bob");
    assert_eq!(standing(&world, "bob"), Standing::Guest);
    world.leave("bob");
    // The first one fits; the other hears that it does not.
    world.command(Command::SetLobby { room: room(), on: false });
    world.run(SECOND);
    assert_eq!(standing(&world, "dora"), Standing::Guest);
    assert_eq!(ended(&world, "emil"), Some(LeaveReason::JoinFailed));
}

#[test]
fn strangers_cannot_fill_the_memory_by_waiting() {
    let mut world = World::new(8, Network::default());
    world.lobby = true;
    for n in 0..65 {
        world.join_otherwise(&format!("guest {n}"), |new| new.standing = Standing::Guest);
    }
    assert_eq!(ended(&world, "guest 63"), None);
    assert_eq!(ended(&world, "guest 64"), Some(LeaveReason::JoinFailed));
    host(&mut world, "alice");
    assert_eq!(ended(&world, "alice"), None);
}

#[test]
fn the_same_identity_twice_waits_once() {
    let (mut world, _) = bob_waits(9);
    world.join_otherwise("twin", |new| {
        (new.identity, new.standing) = ("bob".into(), Standing::Guest);
    });
    world.run(SECOND);
    assert_eq!(ended(&world, "bob"), Some(LeaveReason::DuplicateIdentity));
    assert_eq!(standing(&world, "twin"), SEEN);
}

#[test]
fn a_change_of_permissions_lets_in_as_much_as_it_permits() {
    let (mut world, track) = bob_waits(10);
    let change = |permissions| Command::Change {
        participant: "bob".into(),
        change: Box::new(ParticipantChange {
            permissions: Some(permissions),
            ..ParticipantChange::default()
        }),
    };
    world.command(change(Permissions::nothing()));
    world.run(SECOND);
    assert_eq!(standing(&world, "bob"), SEEN, "nothing is no way in");
    let listens = Permissions { can_subscribe: true, ..Permissions::nothing() };
    world.command(change(listens.clone()));
    world.run(3 * SECOND);
    let bob = last_word(&world, "bob", "bob").unwrap();
    assert_eq!((bob.standing, &bob.permissions), (Standing::Guest, &listens));
    assert!(world.whole_frames("bob", &track) > 30);
    world.check();
}

#[test]
fn what_was_said_while_somebody_waited_is_not_told_them_by_a_resume() {
    let (mut world, _) = bob_waits(11);
    world.command(Command::SendData {
        room: room(),
        sender: Some("alice".into()),
        channel: Channel::Reliable,
        message: b"of bob".to_vec(),
        to: Recipients::Everybody,
        sequence: 1,
    });
    let_in(&mut world, "bob");
    world.command(Command::Resend { participant: "bob".into(), received: Vec::new() });
    world.run(SECOND);
    assert!(world.clients["bob"].messages.is_empty());
}
