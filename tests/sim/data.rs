//! Data tracks that come unasked, and blobs that participants leave for each other.

use crate::SECOND;
use crate::world::{Network, ROOM, World};
use roombox_sfu::ids::{ParticipantId, RoomName, TrackId};
use roombox_sfu::view::Permissions;
use roombox_sfu::{
    Blob, BlobRefusal, Channel, Command, Event, MOST_BLOB_BYTES, MOST_ROOM_BLOB_BYTES,
    NewDataTrack, ParticipantChange, Recipients,
};

fn events<'a>(world: &'a World, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Event> {
    world.events.iter().filter(move |(told, _)| told == name).map(|(_, event)| event)
}

fn publish(world: &mut World, name: &str, track: &str, handle: u16) {
    let (id, name_of_track) = (TrackId::from(track), track.to_owned());
    let track = Box::new(NewDataTrack { id, handle, name: name_of_track, note: [].into() });
    world.command(Command::PublishDataTrack { participant: name.into(), track });
}

/// The data tracks that a participant was last told to get, by its own numbers.
fn followed(world: &World, name: &str) -> Vec<(u16, String)> {
    let told = events(world, name).rev().find_map(|event| match event {
        Event::DataHandles(all) => Some(all),
        _ => None,
    });
    let all = told.into_iter().flatten();
    all.map(|(handle, track, ..)| (*handle, track.to_string())).collect()
}

fn allow(world: &mut World, name: &str, permissions: Permissions) {
    let change = ParticipantChange { permissions: Some(permissions), ..Default::default() };
    world.command(Command::Change { participant: name.into(), change: Box::new(change) });
}

/// Alice, who asks for data tracks one by one, and Bob, who wants them all.
fn pair(seed: u64) -> World {
    let mut world = World::new(seed, Network::default());
    world.join("alice");
    world.join_otherwise("bob", |new| new.auto_subscribe_data = true);
    world.run(SECOND);
    world
}

#[test]
fn who_wants_every_data_track_gets_those_that_are_there_and_those_that_come() {
    let mut world = pair(1);
    publish(&mut world, "alice", "heat", 7);
    publish(&mut world, "bob", "light", 7);
    assert_eq!(followed(&world, "bob"), [(1, "heat".to_owned())], "never one's own");
    assert_eq!(followed(&world, "alice"), [], "she has not asked");
    world.join_otherwise("carol", |new| new.auto_subscribe_data = true);
    let both = [(1, "heat".to_owned()), (2, "light".to_owned())];
    assert_eq!(followed(&world, "carol"), both);
    world.command(Command::UnpublishDataTrack { participant: "alice".into(), handle: 7 });
    assert_eq!(followed(&world, "bob"), []);
    publish(&mut world, "alice", "sound", 8);
    assert_eq!(followed(&world, "carol"), [(1, "sound".to_owned()), (2, "light".to_owned())]);
}

#[test]
fn data_tracks_follow_permissions() {
    let mut world = pair(2);
    publish(&mut world, "alice", "heat", 7);
    let deaf = Permissions { can_subscribe: false, ..Permissions::everything() };
    allow(&mut world, "bob", deaf);
    assert_eq!(followed(&world, "bob"), []);
    allow(&mut world, "bob", Permissions::everything());
    assert_eq!(followed(&world, "bob"), [(1, "heat".to_owned())]);
    let silent = Permissions { can_publish_data: false, ..Permissions::everything() };
    allow(&mut world, "alice", silent);
    assert_eq!(followed(&world, "bob"), []);
    let mut told = events(&world, "alice");
    assert!(
        told.any(|event| matches!(event, Event::DataTrackUnpublished(track) if track.handle == 7))
    );
}

/// What was told of blobs since.
fn answers(world: &World, since: usize) -> Vec<(&str, &Event)> {
    let told = world.events[since..].iter().map(|(name, event)| (name.as_str(), event));
    let of_blobs = |event: &Event| {
        matches!(
            event,
            Event::BlobStored { .. } | Event::BlobRefused { .. } | Event::BlobFetched { .. }
        )
    };
    told.filter(|(_, event)| of_blobs(event)).collect()
}

fn store(world: &mut World, name: &str, key: &str, bytes: usize) -> Option<BlobRefusal> {
    let blob = Box::new(Blob { key: key.into(), contents: vec![7; bytes].into() });
    let before = world.events.len();
    world.command(Command::StoreBlob { participant: name.into(), request: 5, blob });
    match &answers(world, before)[..] {
        [(told, Event::BlobStored { request: 5, key: stored })] if *told == name => {
            assert_eq!(stored, key.as_bytes());
            None
        }
        [(told, Event::BlobRefused { request: 5, why })] if *told == name => Some(*why),
        other => panic!("storing became {other:?}"),
    }
}

fn fetch(world: &mut World, name: &str, owner: &str, key: &str) -> Result<usize, BlobRefusal> {
    let participant = ParticipantId::from(name);
    let before = world.events.len();
    let (owner, key) = (owner.into(), key.into());
    world.command(Command::FetchBlob { participant, request: 6, owner, key });
    match &answers(world, before)[..] {
        [(told, Event::BlobFetched { request: 6, blob })] if *told == name => {
            Ok(blob.contents.len())
        }
        [(told, Event::BlobRefused { request: 6, why })] if *told == name => Err(*why),
        other => panic!("fetching became {other:?}"),
    }
}

#[test]
fn a_blob_is_there_for_everybody_until_its_owner_goes() {
    let mut world = pair(3);
    assert_eq!(store(&mut world, "alice", "schema", 100), None);
    assert_eq!(fetch(&mut world, "bob", "alice", "schema"), Ok(100));
    assert_eq!(fetch(&mut world, "alice", "alice", "schema"), Ok(100));
    assert_eq!(fetch(&mut world, "bob", "alice", "other"), Err(BlobRefusal::Unknown));
    assert_eq!(fetch(&mut world, "bob", "bob", "schema"), Err(BlobRefusal::Unknown));
    assert_eq!(fetch(&mut world, "bob", "carol", "schema"), Err(BlobRefusal::NoParticipant));
    assert_eq!(store(&mut world, "alice", "schema", 50), None);
    assert_eq!(fetch(&mut world, "bob", "alice", "schema"), Ok(50), "the newest");
    world.leave("alice");
    assert_eq!(fetch(&mut world, "bob", "alice", "schema"), Err(BlobRefusal::NoParticipant));
    world.join("alice");
    assert_eq!(fetch(&mut world, "bob", "alice", "schema"), Err(BlobRefusal::Unknown));
}

#[test]
fn blobs_of_a_participant_and_of_a_room_are_bounded() {
    let mut world = pair(4);
    let rest = MOST_BLOB_BYTES - 1;
    assert_eq!(store(&mut world, "alice", "k", rest), None);
    assert_eq!(store(&mut world, "alice", "k", rest + 1), Some(BlobRefusal::TooMuch));
    assert_eq!(store(&mut world, "alice", "l", 1), Some(BlobRefusal::TooMuch));
    assert_eq!(store(&mut world, "alice", "k", rest), None, "what is replaced does not count");
    let full = MOST_ROOM_BLOB_BYTES / MOST_BLOB_BYTES;
    for n in 1..full {
        let name = format!("guest {n}");
        world.join(&name);
        assert_eq!(store(&mut world, &name, "k", rest), None);
    }
    assert_eq!(store(&mut world, "bob", "k", 1), Some(BlobRefusal::RoomFull));
    world.leave("alice");
    assert_eq!(store(&mut world, "bob", "k", 1), None, "hers are gone");
}

#[test]
fn who_may_not_publish_data_leaves_no_blobs_and_the_hidden_have_none() {
    let mut world = pair(5);
    let silent = Permissions { can_publish_data: false, ..Permissions::everything() };
    allow(&mut world, "bob", silent);
    assert_eq!(store(&mut world, "bob", "k", 1), Some(BlobRefusal::NotAllowed));
    world.join_otherwise("carol", |new| new.permissions.hidden = true);
    assert_eq!(store(&mut world, "carol", "k", 1), None);
    assert_eq!(fetch(&mut world, "bob", "carol", "k"), Err(BlobRefusal::NoParticipant));
}

#[test]
fn what_the_server_says_outlives_a_resume_before_the_channel_is_open() {
    let mut world = World::new(7, Network::default());
    world.join("alice");
    world.run(SECOND);
    // His handshake takes longer than shards take to hear of what is said.
    let slow = Network { downlink: 30_000, ..Network::default() };
    world.networks.insert("bob".to_owned(), slow);
    world.join("bob");
    let (room, to) = (RoomName::from(ROOM), Recipients::Everybody);
    let (channel, message) = (Channel::Reliable, vec![9]);
    world.command(Command::SendData { room, sender: None, channel, message, to, sequence: 0 });
    say(&mut world, Channel::Reliable, 1);
    world.command(Command::Resend { participant: "bob".into(), received: Vec::new() });
    assert_eq!(heard(&world, "bob"), [], "the channel is not open yet");
    world.run(6 * SECOND);
    assert_eq!(heard(&world, "bob"), [9, 1], "in order, and once");
}

/// Alice says something to everybody: its number, and its only byte.
fn say(world: &mut World, channel: Channel, number: u8) {
    let (room, sender) = (RoomName::from(ROOM), Some("alice".into()));
    let (to, sequence) = (Recipients::Everybody, u32::from(number));
    let message = vec![number];
    world.command(Command::SendData { room, sender, channel, message, to, sequence });
}

fn heard(world: &World, name: &str) -> Vec<u8> {
    world.clients[name].messages.iter().map(|message| message[0]).collect()
}

#[test]
fn what_is_said_while_somebody_still_connects_reaches_them_once_and_in_order() {
    for seed in 0..20 {
        let mut world = World::new(seed, Network { loss_percent: 3, ..Network::default() });
        world.join("alice");
        world.run(SECOND);
        say(&mut world, Channel::Reliable, 1);
        world.join("bob");
        say(&mut world, Channel::Reliable, 2);
        say(&mut world, Channel::Lossy, 3);
        for number in 4..14 {
            say(&mut world, Channel::Reliable, number);
            world.run(SECOND / 40);
        }
        world.run(8 * SECOND);
        let expected: Vec<u8> = [2].into_iter().chain(4..14).collect();
        assert_eq!(heard(&world, "bob"), expected, "seed {seed}: all since he joined");
        assert_eq!(heard(&world, "alice"), [], "nobody gets their own");
        // He says that all came up to 12: the last is sent again, and what was before his time is not.
        let received = vec![("alice".into(), 12)];
        world.command(Command::Resend { participant: "bob".into(), received });
        world.run(2 * SECOND);
        assert_eq!(heard(&world, "bob").last_chunk(), Some(&[12, 13, 13]), "seed {seed}");
        let received = Vec::new();
        world.command(Command::Resend { participant: "bob".into(), received });
        world.run(2 * SECOND);
        assert_eq!(heard(&world, "bob").iter().filter(|number| **number == 1).count(), 0);
    }
}
