//! Rooms whose people live on several shards. All other simulations can be run in such rooms, too:
//! `ROOMBOX_SIM_SHARDS=2`.

use super::{SECOND, layer, seeds, settings, subscribe};
use crate::world::{Network, ROOM, World};
use roombox_sfu::ids::{ParticipantId, RoomName};
use roombox_sfu::tap::{TapEvent, TapId};
use roombox_sfu::track::TrackSource;
use roombox_sfu::{Channel, Command, Event, LeaveReason, ParticipantChange, Recipients, Simulated};
use std::collections::BTreeSet;
use std::time::Duration;

/// Five people on so many shards, each with a camera of three layers and a microphone; and the tracks.
fn meeting(seed: u64, network: Network, shards: usize) -> (World, Vec<(String, String)>) {
    let mut world = World::spread(seed, network, shards);
    let mut tracks = Vec::new();
    for name in ["ada", "ben", "cem", "dag", "eva"] {
        world.join(name);
        world.run(SECOND);
        tracks.push((name.to_owned(), world.publish(name, 3)));
        world.run(SECOND / 2);
        world.publish_as(name, TrackSource::Microphone, 1, [0; 3]);
        world.run(SECOND / 2);
    }
    world.run(2 * SECOND);
    (world, tracks)
}

/// Packets that were handed over so far.
fn handed(world: &World) -> u64 {
    world.beyond.handed.values().sum()
}

fn told<'a>(world: &'a World, name: &'a str) -> impl Iterator<Item = &'a Event> {
    world.events.iter().filter(move |(told, _)| told == name).map(|(_, event)| event)
}

#[test]
fn everybody_sees_and_hears_everybody_whatever_shard_they_live_on() {
    for seed in seeds(0..6) {
        let loss_percent = seed % 3 * 2;
        let jitter = SECOND / 50 * u32::from(loss_percent > 0);
        let network = Network { loss_percent, jitter, ..Network::default() };
        let (mut world, tracks) = meeting(seed, network, 2 + (seed % 2) as usize);
        world.run(3 * SECOND);
        for (publisher, track) in &tracks {
            for name in ["ada", "ben", "cem", "dag", "eva"] {
                if name != publisher {
                    let frames = world.whole_frames(name, track);
                    assert!(frames > 50, "seed {seed}: {name} has {frames} frames of {publisher}");
                    let (came, silence) = world.speech(name, SECOND);
                    assert!(came > 80, "seed {seed}: {name} heard {came} %");
                    assert!(silence < SECOND / 2, "seed {seed}: {name}, {silence:?}");
                }
            }
        }
        world.check();
    }
}

#[test]
fn a_packet_is_handed_over_once_a_shard_however_many_want_it() {
    let mut world = World::spread(3, Network::default(), 2);
    for name in ["ada", "ben", "bo", "cem", "co", "dag"] {
        world.join(name);
    }
    world.run(SECOND);
    let track = world.publish("ada", 1);
    world.run(SECOND);
    let (before, frames) = (handed(&world), world.whole_frames("cem", &track));
    let forwarded = world.forwarded();
    world.run(4 * SECOND);
    let frames = world.whole_frames("cem", &track) - frames;
    let packets = handed(&world) - before;
    let counted = world.sfu.counters();
    assert!(world.forwarded() - forwarded >= 4 * packets, "five people are sent each of them");
    assert!(frames >= 98, "{frames}");
    // Three on the other shard want it.
    assert!(packets as usize <= frames * 3 + 10, "{packets} packets for {frames} frames");
    assert_eq!((counted.relayed_out, counted.relay_drops), (handed(&world), 0));
    world.check();
}

#[test]
fn only_what_is_wanted_there_is_handed_over_and_a_layer_changes_without_a_hole() {
    let mut world = World::spread(4, Network::default(), 2);
    world.join("ada");
    world.join("ben");
    world.run(SECOND);
    let bitrates = [100_000, 300_000, 900_000];
    let track = world.publish_as("ada", TrackSource::Camera, 3, bitrates);
    world.run(3 * SECOND);
    let handed_in = |world: &mut World| {
        let before = handed(world);
        world.run(2 * SECOND);
        handed(world) - before
    };
    let all = handed_in(&mut world);
    assert_eq!(world.layer("ben", &track), Some(2));
    settings(&mut world, "ben", &track, layer(0));
    world.run(2 * SECOND);
    assert_eq!(world.layer("ben", &track), Some(0));
    let smallest = handed_in(&mut world);
    assert!(smallest * 2 < all, "{smallest} packets of the smallest layer, {all} of all");
    for wanted in [2, 1, 0, 2, 1] {
        settings(&mut world, "ben", &track, layer(wanted));
        world.run(3 * SECOND);
        assert_eq!(world.layer("ben", &track), Some(wanted as u8));
    }
    subscribe(&mut world, "ben", &track, false);
    world.run(SECOND / 2);
    assert_eq!(handed_in(&mut world), 0, "nobody wants it there");
    // Its publisher need not send it any more.
    world.run(5 * SECOND);
    let wanted = told(&world, "ada").filter_map(|event| match event {
        Event::LayersWanted { codecs, .. } => Some(codecs[0].best),
        _ => None,
    });
    assert_eq!(wanted.last(), Some(None));
    subscribe(&mut world, "ben", &track, true);
    world.run(3 * SECOND);
    assert_eq!(world.layer("ben", &track), Some(2));
    world.check();
}

#[test]
fn a_publisher_who_leaves_is_gone_everywhere_and_so_is_a_room_that_all_have_left() {
    let (mut world, tracks) = meeting(5, Network::default(), 3);
    for name in ["ben", "ada"] {
        world.leave(name);
        world.run(SECOND);
        for other in ["cem", "dag", "eva"] {
            let gone = told(&world, other).any(|event| match event {
                Event::Participants(infos) => infos.iter().any(|info| {
                    info.id.as_str() == name
                        && info.state == roombox_sfu::view::ParticipantState::Disconnected
                }),
                _ => false,
            });
            assert!(gone, "{other} was not told that {name} left");
        }
    }
    let frames = world.whole_frames("eva", &tracks[3].1);
    world.run(SECOND);
    assert!(world.whole_frames("eva", &tracks[3].1) > frames + 20, "the others go on");
    for name in ["cem", "dag", "eva"] {
        world.leave(name);
    }
    world.run(30 * SECOND);
    assert_eq!((world.sfu.population(), world.sfu.spilled()), ((0, 0), 0));
    for shard in &world.beyond.shards {
        assert_eq!(shard.population(), (0, 0));
    }
    world.check();
}

#[test]
fn a_quiet_room_costs_no_more_on_two_shards_than_on_one() {
    let mut world = World::spread(11, Network::default(), 2);
    for name in ["ada", "ben", "cem", "dag"] {
        world.join(name);
    }
    world.run(10 * SECOND);
    let before = world.beyond.words;
    world.run(60 * SECOND);
    assert_eq!(world.beyond.words, before, "nothing changes, and nothing is said");
}

#[test]
fn where_there_is_no_place_sound_goes_on_and_pictures_come_back_at_a_keyframe() {
    for seed in seeds(0..4) {
        let mut world = World::spread(seed, Network::default(), 2);
        world.join("ada");
        world.join("ben");
        world.run(SECOND);
        let layers = if seed % 2 == 0 { 1 } else { 3 };
        let track = world.publish("ada", layers);
        world.run(SECOND);
        world.publish_as("ada", TrackSource::Microphone, 1, [0; 3]);
        world.run(2 * SECOND);
        // For long enough that the layers seem to have ended, and for a moment.
        for without in [2 * SECOND, SECOND / 5, SECOND / 25, 2 * SECOND] {
            world.beyond.places = Some(2);
            let frames = world.whole_frames("ben", &track);
            world.run(without);
            assert!(world.whole_frames("ben", &track) <= frames + 1, "seed {seed}");
            let (came, silence) = world.speech("ben", SECOND);
            assert!(came == 100 && silence < SECOND / 10, "seed {seed}: {came} %, {silence:?}");
            world.beyond.places = None;
            world.run(3 * SECOND);
            assert!(world.whole_frames("ben", &track) > frames + 25, "seed {seed}: no picture");
        }
        assert!(world.sfu.counters().relay_drops > 60);
        // No hole in the numbers, no picture without the one that it needs, and each begins at a
        // keyframe.
        world.check();
    }
}

#[test]
fn messages_reach_everybody_once_and_only_whom_they_are_for() {
    let (mut world, _) = meeting(6, Network::default(), 3);
    let room = RoomName::from(ROOM);
    for (n, (sender, to)) in [
        (Some("ben"), Recipients::Everybody),
        (Some("ada"), Recipients::Only { participants: vec!["cem".into()], identities: vec![] }),
        (
            None,
            Recipients::Only { participants: vec![], identities: vec!["ben".into(), "eva".into()] },
        ),
    ]
    .into_iter()
    .enumerate()
    {
        world.command(Command::SendData {
            room: room.clone(),
            sender: sender.map(ParticipantId::from),
            channel: Channel::Reliable,
            message: vec![n as u8; 100],
            to,
            sequence: 0,
        });
    }
    world.run(SECOND);
    let got = |name: &str| -> Vec<u8> {
        world.clients[name].messages.iter().map(|message| message[0]).collect()
    };
    let all: Vec<Vec<u8>> = ["ada", "ben", "cem", "dag", "eva"].into_iter().map(got).collect();
    assert_eq!(all, [vec![0], vec![2], vec![0, 1], vec![0], vec![0, 2]]);
}

#[test]
fn who_speaks_is_told_everywhere_and_recorded_with_the_others() {
    let (mut world, _) = meeting(7, Network::default(), 3);
    let (room, tap) = (RoomName::from(ROOM), TapId(1));
    world.command(Command::OpenTap { room, tap });
    world.clients.get_mut("ben").expect("here").level = Some(-20);
    world.clients.get_mut("cem").expect("here").level = Some(-10);
    world.run(3 * SECOND);
    for name in ["ada", "ben", "cem", "dag", "eva"] {
        let speakers: BTreeSet<String> = told(&world, name)
            .filter_map(|event| match event {
                Event::Speakers(levels) => Some(levels),
                _ => None,
            })
            .flatten()
            .filter(|level| level.active)
            .map(|level| level.participant.to_string())
            .collect();
        assert_eq!(speakers, BTreeSet::from(["ben".to_owned(), "cem".to_owned()]), "to {name}");
    }
    let last = world.tapped.iter().rev().find_map(|event| match event {
        TapEvent::Speakers(names) => Some(names.iter().map(|n| n.to_string()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(last, Some(vec!["cem".to_owned(), "ben".to_owned()]), "the loudest first");
    let recorded: BTreeSet<String> = world.taped.keys().cloned().collect();
    assert_eq!(recorded.len(), 10, "tracks of everybody: {recorded:?}");
}

#[test]
fn a_room_that_ends_or_is_full_is_so_for_all() {
    let (mut world, _) = meeting(8, Network::default(), 2);
    world.command(Command::EndRoom { room: ROOM.into() });
    world.run(SECOND);
    for name in ["ada", "ben", "cem", "dag", "eva"] {
        let closed = told(&world, name)
            .any(|event| matches!(event, Event::Closed { reason: LeaveReason::RoomEnded }));
        assert!(closed, "{name}");
    }
    let mut world = World::spread(9, Network::default(), 2);
    world.most = 3;
    for name in ["ada", "ben", "cem", "dag"] {
        world.join(name);
    }
    world.run(SECOND);
    let full = |name| {
        told(&world, name)
            .any(|event| matches!(event, Event::Closed { reason: LeaveReason::JoinFailed }))
    };
    assert_eq!(["ada", "ben", "cem", "dag"].map(full), [false, false, false, true]);
    // Who comes anew takes the place of before, wherever that was.
    world.join_otherwise("ben2", |new| new.identity = "ben".into());
    world.run(SECOND);
    let replaced = told(&world, "ben")
        .any(|event| matches!(event, Event::Closed { reason: LeaveReason::DuplicateIdentity }));
    assert!(replaced);
    assert!(told(&world, "ben2").any(|event| matches!(event, Event::Joined { .. })));
}

#[test]
fn a_wish_for_tcp_alone_that_was_taken_back_is_forgotten_on_every_shard() {
    let mut world = World::spread(12, Network::default(), 2);
    let by_udp = |world: &World| {
        let answers = told(world, "ada").filter_map(|event| match event {
            Event::Answer { sdp, .. } => Some(sdp.to_ascii_lowercase().contains(" udp ")),
            _ => None,
        });
        answers.last()
    };
    let wish = |world: &mut World, on| {
        let (participant, simulated) = ("ada".into(), Simulated::TcpOnly(on));
        world.command(Command::Simulate { participant, simulated });
        world.run(SECOND);
        world.leave("ada");
        world.run(SECOND);
        world.join("ada");
        world.run(SECOND);
        assert_eq!(by_udp(world), Some(!on), "on shard {}", world.beyond.seat("ada"));
    };
    for name in ["cem", "ben", "ada"] {
        world.join(name);
    }
    world.run(SECOND);
    let homes = [true, true, false, true, false, false].map(|on| {
        wish(&mut world, on);
        world.beyond.seat("ada")
    });
    assert_eq!(homes, [1, 0, 1, 0, 1, 0]);
}

#[test]
fn shards_that_lose_each_other_go_on_without_and_find_each_other_again() {
    let (mut world, tracks) = meeting(10, Network::default(), 2);
    world.lose(1);
    world.run(SECOND);
    for name in ["ben", "dag"] {
        let closed = told(&world, name)
            .any(|event| matches!(event, Event::Closed { reason: LeaveReason::ConnectionLost }));
        assert!(closed, "{name} has to come again");
    }
    let frames = world.whole_frames("cem", &tracks[0].1);
    world.run(SECOND);
    assert!(world.whole_frames("cem", &tracks[0].1) > frames + 20);
    world.join("fay");
    world.join("gus");
    world.run(Duration::from_secs(3));
    for name in ["fay", "gus"] {
        assert!(
            world.whole_frames(name, &tracks[0].1) > 20,
            "{name} on {}",
            world.beyond.seat(name)
        );
    }
    world.check();
}

/// What the home says to a shard that has given it up already begins nothing that lasts there: who leaves
/// after that is gone there, too.
#[test]
fn a_shard_that_gave_its_home_up_keeps_nobody_who_has_left() {
    for seed in seeds(0..8) {
        let (mut world, _) = meeting(seed, Network::default(), 2);
        let metadata = "new".to_owned();
        world.command(Command::SetRoomMetadata { room: ROOM.into(), metadata });
        let change =
            ParticipantChange { name: Some("Cem".to_owned()), ..ParticipantChange::default() };
        world.command(Command::Change { participant: "cem".into(), change: change.into() });
        world.give_up(1);
        world.run(SECOND);
        world.leave("cem");
        world.run(SECOND);
        for name in ["fay", "gus"] {
            world.join(name);
            world.run(SECOND);
            let joined = told(&world, name).find_map(|event| match event {
                Event::Joined { others, .. } => Some(others),
                _ => None,
            });
            let known: Vec<_> = joined.into_iter().flatten().map(|info| info.id.as_str()).collect();
            let seat = world.beyond.seat(name);
            assert!(known.contains(&"ada"), "seed {seed}, shard {seat}: {known:?}");
            assert!(!known.contains(&"cem"), "seed {seed}, shard {seat}: {known:?}");
        }
        world.check();
    }
}
