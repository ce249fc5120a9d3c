//! Rooms with many microphones: who speaks is heard, and nobody has sections for those who never do.

use crate::world::{Network, World};
use roombox_sfu::Command;
use roombox_sfu::ids::{ParticipantId, TrackId};
use roombox_sfu::track::TrackSource;
use std::time::Duration;

/// Microphones that a participant has sections for, heard or not.
const ANYWAY: usize = 8;
const PEOPLE: usize = 14;

fn name(n: usize) -> String {
    format!("p{n}")
}

/// A room full of people with open microphones, of whom nobody speaks; and their tracks.
fn hall(seed: u64, network: Network) -> (World, Vec<String>) {
    let mut world = World::new(seed, network);
    let mut tracks = Vec::new();
    for n in 0..PEOPLE {
        world.join(&name(n));
        world.clients.get_mut(&name(n)).expect("joined").level = Some(-70);
        tracks.push(world.publish_as(&name(n), TrackSource::Microphone, 1, [0; 3]));
        world.run(Duration::from_millis(200));
    }
    world.run(Duration::from_secs(3));
    (world, tracks)
}

fn speak(world: &mut World, n: usize, aloud: bool) {
    let client = world.clients.get_mut(&name(n)).expect("here");
    client.level = Some(if aloud { -25 } else { -70 });
}

/// Who of the others hears at least so many packets of `n` within a second from now.
fn hearing(world: &mut World, tracks: &[String], n: usize, packets: usize) -> usize {
    let since = world.now;
    world.run(Duration::from_secs(1));
    let others = world.clients.values().filter(|client| client.name != name(n));
    others.filter(|client| client.hears(&tracks[n], since) >= packets).count()
}

/// How many tracks everybody receives; the same number for each.
fn sections(world: &World) -> usize {
    let numbers: Vec<usize> = world.clients.values().map(|client| client.mapping.len()).collect();
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
    numbers[0]
}

#[test]
fn whoever_speaks_in_a_big_room_is_heard_by_everybody_soon_and_whole() {
    for seed in 0..4 {
        let (mut world, tracks) = hall(seed, Network::default());
        assert_eq!(sections(&world), ANYWAY);
        for n in [PEOPLE - 1, PEOPLE - 2, PEOPLE - 3] {
            speak(&mut world, n, true);
            // The first second has the beginning of the sentence in it.
            assert_eq!(hearing(&mut world, &tracks, n, 35), PEOPLE - 1, "seed {seed}: {n}");
            assert_eq!(hearing(&mut world, &tracks, n, 48), PEOPLE - 1, "seed {seed}: {n}");
            speak(&mut world, n, false);
        }
        // Who comes late has them at once: they are part of the conversation.
        world.join("late");
        world.run(Duration::from_secs(3));
        let carried = &world.clients["late"].mapping;
        let spoke = tracks[PEOPLE - 3..].iter();
        assert_eq!(spoke.filter(|track| carried.values().any(|t| t == *track)).count(), 3);
        assert_eq!(carried.len(), ANYWAY);
        world.check();
    }
}

#[test]
fn a_microphone_that_was_asked_for_by_its_id_is_always_there() {
    let (mut world, tracks) = hall(3, Network::default());
    let client = &world.clients[&name(0)];
    let missing = (1..PEOPLE).find(|n| client.mapping.values().all(|track| *track != tracks[*n]));
    let wanted = tracks[missing.expect("more microphones than sections")].clone();
    world.command(Command::Subscribe {
        participant: ParticipantId::from(name(0).as_str()),
        tracks: vec![TrackId::from(wanted.as_str())],
        on: true,
    });
    let since = world.now;
    world.run(Duration::from_secs(5));
    let client = &world.clients[&name(0)];
    assert!(client.hears(&wanted, since) > 200);
    assert_eq!(client.mapping.len(), ANYWAY + 1);
}
