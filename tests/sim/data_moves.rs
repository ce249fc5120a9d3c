//! Data tracks of people who are moved while others follow them from other shards.

use crate::chance::Chance;
use crate::world::{Network, ROOM, World};
use crate::{SECOND, seeds};
use roombox_sfu::ids::{ParticipantId, RoomName};
use roombox_sfu::{Command, Event, NewDataTrack};
use std::collections::BTreeMap;
use std::time::Duration;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

const OTHER: &str = "other";
/// Packets of data that are sent at a time.
const SENT: usize = 20;

/// A client opens the channel for data tracks.
fn open_channel(world: &mut World, name: &str) -> ChannelId {
    let now = world.now;
    let client = world.clients.get_mut(name).expect("here");
    let config = ChannelConfig {
        label: "_data_track".to_owned(),
        ordered: false,
        reliability: Reliability::MaxRetransmits { retransmits: 0 },
        ..ChannelConfig::default()
    };
    let channel = client.rtc.direct_api().create_data_channel(config);
    client.timeout = now;
    channel
}

fn move_to(world: &mut World, name: &str, room: &str) {
    let (participant, to) = (name.into(), RoomName::from(room));
    let options = world.options();
    world.command(Command::Move { participant, to, options });
}

fn follow(world: &mut World, name: &str, on: bool) {
    let (participant, tracks) = (ParticipantId::from(name), vec![("heat".into(), on)]);
    world.command(Command::SubscribeData { participant, tracks });
}

/// Packets of data that each client has got.
fn got(world: &World) -> BTreeMap<String, usize> {
    world.clients.iter().map(|(name, client)| (name.clone(), client.messages.len())).collect()
}

/// Packets that a shard has handed over to each of the others.
fn handed(world: &World, by: usize) -> BTreeMap<usize, u64> {
    let by_it = world.beyond.handed.iter().filter(|((from, _), _)| *from == by);
    by_it.map(|((_, to), packets)| (*to, *packets)).collect()
}

/// Ben sends some packets of his track: who got them all, and the shards that they were handed over to.
fn send(world: &mut World, channel: ChannelId) -> (Vec<String>, Vec<usize>) {
    let seat = world.beyond.seat("ben");
    let (had, given) = (got(world), handed(world, seat));
    for _ in 0..SENT {
        let now = world.now;
        let client = world.clients.get_mut("ben").expect("here");
        let mut open = client.rtc.channel(channel).expect("an open channel");
        let packet = [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        assert!(open.write(true, &packet).expect("a packet that fits"));
        client.timeout = now;
        world.run(SECOND / 50);
    }
    world.run(SECOND / 5);
    let (has, gave) = (got(world), handed(world, seat));
    let came = has.iter().filter(|(name, count)| **count - had[*name] == SENT);
    let went = gave.iter().filter(|(to, count)| **count > given.get(to).copied().unwrap_or(0));
    (came.map(|(name, _)| name.clone()).collect(), went.map(|(to, _)| *to).collect())
}

/// A move goes by the home, and a wish for data straight to its publisher's shard: whichever comes first,
/// who follows gets everything in the end, and no shard gets what nobody there follows.
#[test]
fn data_of_who_is_moved_goes_to_those_who_follow_and_to_no_other_shard() {
    for seed in seeds(0..40) {
        let mut chance = Chance::new(seed ^ 0xda7a);
        let mut world = World::spread(seed, Network::default(), 3);
        world.join_otherwise("ada", |new| new.auto_subscribe_data = true);
        world.join("ben");
        world.room = OTHER;
        for name in ["cem", "dag"] {
            world.join_otherwise(name, |new| new.auto_subscribe_data = true);
        }
        world.run(SECOND);
        let channel = open_channel(&mut world, "ben");
        for name in ["ada", "cem", "dag"] {
            open_channel(&mut world, name);
        }
        world.run(SECOND / 2);
        publish(&mut world, "ben");
        let mut at = ROOM;
        for _ in 0..12 {
            match chance.below(3) {
                0 => {
                    let name = ["cem", "dag"][chance.below(2) as usize];
                    follow(&mut world, name, chance.below(2) == 0);
                }
                _ => {
                    at = if at == ROOM { OTHER } else { ROOM };
                    move_to(&mut world, "ben", at);
                }
            }
            world.run(Duration::from_millis(chance.below(25)));
        }
        world.run(SECOND / 20);
        if at == ROOM {
            move_to(&mut world, "ben", OTHER);
        }
        world.run(Duration::from_millis(chance.below(100)));
        let (mut who, mut where_to) = (Vec::new(), Vec::new());
        // Dag's shard first, as they are sorted.
        for (name, shard) in [("dag", 0), ("cem", 2)] {
            let on = chance.below(2) == 0;
            // Who follows in any case may do so without having said anything since.
            if !on {
                follow(&mut world, name, false);
            } else if chance.below(2) == 0 {
                follow(&mut world, name, true);
            }
            world.run(SECOND);
            let follows = followed(&world, name);
            if follows {
                who.push(name.to_owned());
                where_to.push(shard);
            }
        }
        who.sort_unstable();
        assert_eq!(send(&mut world, channel), (who, where_to), "seed {seed}");
    }
}

fn publish(world: &mut World, name: &str) {
    let (id, heat) = ("heat".into(), "heat".to_owned());
    let track = Box::new(NewDataTrack { id, handle: 7, name: heat, note: [].into() });
    world.command(Command::PublishDataTrack { participant: name.into(), track });
}

/// Whether somebody was told last that ben's track comes.
fn followed(world: &World, name: &str) -> bool {
    let told = world.events.iter().rev().filter(|(told, _)| told == name);
    let mut handles = told.filter_map(|(_, event)| match event {
        Event::DataHandles(all) => Some(!all.is_empty()),
        _ => None,
    });
    handles.next().unwrap_or(false)
}
