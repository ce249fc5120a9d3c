//! What clients have simulated to test themselves.

use crate::SECOND;
use crate::world::{Network, World};
use roombox_sfu::track::TrackSource;
use roombox_sfu::{Command, Event, Simulated};

fn simulate(world: &mut World, name: &str, simulated: Simulated) {
    world.command(Command::Simulate { participant: name.into(), simulated });
}

/// Whether one participant was last told that another speaks; `None`: nothing was said of it.
fn speaks(world: &World, told: &str, speaker: &str) -> Option<bool> {
    let events = world.events.iter().rev().filter(|(name, _)| name == told);
    let mut levels = events.filter_map(|(_, event)| match event {
        Event::Speakers(levels) => {
            levels.iter().find(|level| level.participant.as_str() == speaker)
        }
        _ => None,
    });
    levels.next().map(|level| level.active)
}

#[test]
fn somebody_seems_to_speak_for_so_long() {
    let mut world = World::new(1, Network::default());
    for name in ["alice", "bob"] {
        world.join(name);
    }
    world.join_otherwise("carol", |new| new.permissions.hidden = true);
    world.run(SECOND);
    simulate(&mut world, "alice", Simulated::Speech(3 * SECOND));
    simulate(&mut world, "carol", Simulated::Speech(3 * SECOND));
    for told in ["alice", "bob"] {
        assert_eq!(speaks(&world, told, "alice"), Some(true));
    }
    world.run(2 * SECOND);
    assert_eq!(speaks(&world, "bob", "alice"), Some(true));
    world.run(2 * SECOND);
    for told in ["alice", "bob"] {
        assert_eq!(speaks(&world, told, "alice"), Some(false));
    }
    assert_eq!(speaks(&world, "bob", "carol"), None, "nobody hears of the hidden");
    simulate(&mut world, "alice", Simulated::Speech(3600 * SECOND));
    world.run(61 * SECOND);
    assert_eq!(speaks(&world, "bob", "alice"), Some(false), "there is an end to it");
}

#[test]
fn a_connection_that_seems_narrow_gets_less_until_that_is_lifted() {
    for dividing in [false, true] {
        let mut world = match dividing {
            false => World::new(2, Network::default()),
            true => World::dividing(2, Network::default()),
        };
        world.join("alice");
        world.join("bob");
        world.run(SECOND);
        let bitrates = [80_000, 400_000, 1_500_000];
        let track = world.publish_as("alice", TrackSource::Camera, 3, bitrates);
        world.run(8 * SECOND);
        assert_eq!(world.layer("bob", &track), Some(2));
        for (carries, layer) in
            [(Some(600_000), Some(1)), (Some(150_000), Some(0)), (None, Some(2))]
        {
            simulate(&mut world, "bob", Simulated::Bandwidth(carries));
            world.run(20 * SECOND);
            assert_eq!(world.layer("bob", &track), layer, "{carries:?}, dividing: {dividing}");
        }
        simulate(&mut world, "bob", Simulated::Bandwidth(Some(20_000)));
        world.run(20 * SECOND);
        let paused = |paused| {
            let states = world.events.iter().rev().filter_map(|(name, event)| match event {
                Event::Streams(states) if name == "bob" => states.last(),
                _ => None,
            });
            states.map(|state| state.paused).next() == Some(paused)
        };
        assert!(paused(true), "dividing: {dividing}");
    }
}

/// Candidates that the box names in an answer: by UDP, by TCP.
fn candidates(sdp: &str) -> (usize, usize) {
    let of = |protocol: &str| {
        let lines = sdp.lines().filter(|line| line.starts_with("a=candidate:"));
        lines.filter(|line| line.to_ascii_lowercase().contains(protocol)).count()
    };
    (of(" udp "), of(" tcp "))
}

#[test]
fn who_asked_for_tcp_alone_gets_that_from_its_next_join_on() {
    let mut world = World::new(3, Network::default());
    let offered = |world: &World, name: &str| {
        let events = world.events.iter().rev().filter(|(told, _)| told == name);
        let mut answers = events.filter_map(|(_, event)| match event {
            Event::Answer { sdp, .. } => Some(candidates(sdp)),
            _ => None,
        });
        answers.next().expect("an answer")
    };
    world.join("alice");
    world.join("bob");
    let both = offered(&world, "alice");
    assert!(both.0 > 0 && both.1 > 0, "{both:?}");
    simulate(&mut world, "alice", Simulated::TcpOnly(true));
    let join_anew = |world: &mut World, name: &str| {
        world.leave(name);
        world.join(name);
    };
    join_anew(&mut world, "alice");
    join_anew(&mut world, "bob");
    let (udp, tcp) = offered(&world, "alice");
    assert!(udp == 0 && tcp > 0, "{udp} by UDP, {tcp} by TCP");
    assert_eq!(offered(&world, "bob"), both, "it is her wish alone");
    simulate(&mut world, "alice", Simulated::TcpOnly(false));
    join_anew(&mut world, "alice");
    assert_eq!(offered(&world, "alice"), both);
}
