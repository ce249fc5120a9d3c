//! Narrow, lossy and shaky links (N1): what the box finds out about them, and who gets what then.

use super::{Named, SECOND, seeds, settings};
use crate::world::{Network, ROOM, World};
use roombox_sfu::ids::ParticipantId;
use roombox_sfu::track::TrackSource;
use roombox_sfu::{Command, Event, Quality, TrackSettings};
use std::time::Duration;

/// Bits per second of a camera's layers.
const CAMERA: [usize; 3] = [80_000, 400_000, 1_500_000];
/// Links of bob, in bits per second.
const LINKS: [u64; 3] = [200_000, 500_000, 2_000_000];

fn network(downlink: u64, loss_percent: u64, jitter_ms: u64) -> Network {
    let jitter = Duration::from_millis(jitter_ms);
    Network { downlink, loss_percent, jitter, in_order: true, ..Network::default() }
}

/// Alice speaks and shows herself to bob, whose link is this one.
fn meeting(seed: u64, network: Network) -> (World, String) {
    heard_before_seen(seed, network, Duration::ZERO)
}

/// Likewise, but the camera comes so long after the microphone.
fn heard_before_seen(seed: u64, network: Network, gap: Duration) -> (World, String) {
    let mut world = World::dividing(seed, Network::default());
    world.networks.insert("bob".to_owned(), network);
    world.join("alice");
    world.join("bob");
    world.run(SECOND);
    world.publish_as("alice", TrackSource::Microphone, 1, [0; 3]);
    world.run(gap);
    let camera = world.publish_as("alice", TrackSource::Camera, 3, CAMERA);
    (world, camera)
}

fn estimate(world: &World) -> u64 {
    world.at("bob").estimate(&ParticipantId::from("bob")).unwrap_or(0)
}

fn set_link(world: &mut World, downlink: u64) {
    world.networks.entry("bob".to_owned()).or_default().downlink = downlink;
}

/// What bob was told of his streams since event number `from`: tracks, and whether they are paused.
fn told(world: &World, from: usize) -> Vec<(String, bool)> {
    let bobs = world.events[from..].iter().filter(|(name, _)| name == "bob");
    let states = bobs.filter_map(|(_, event)| match event {
        Event::Streams(states) => Some(states),
        _ => None,
    });
    states.flatten().map(|state| (state.track.to_string(), state.paused)).collect()
}

fn paused(world: &World, track: &str) -> bool {
    told(world, 0).iter().rev().find(|(told, _)| told == track).is_some_and(|(_, paused)| *paused)
}

#[test]
fn n1_the_estimate_is_near_what_the_link_carries_within_ten_seconds() {
    for downlink in LINKS {
        for (loss, jitter) in [(0, 0), (1, 0), (5, 0), (10, 0), (0, 50), (5, 50)] {
            // It swings: the four seconds around the tenth count, of all seeds together.
            let seeds = seeds(0..3);
            let looks = 8 * (seeds.end - seeds.start);
            let mut seen = 0;
            for seed in seeds {
                let (mut world, _) = meeting(seed, network(downlink, loss, jitter));
                world.run(8 * SECOND);
                for _ in 0..8 {
                    world.run(SECOND / 2);
                    seen += estimate(&world);
                }
            }
            let percent = seen * 100 / looks / downlink;
            let link = format!("{downlink} b/s, {loss} % lost, {jitter} ms");
            assert!((70..=130).contains(&percent), "{link}: {percent} %");
        }
    }
}

#[test]
fn n1_pictures_do_not_freeze_on_lossy_links() {
    for seed in seeds(0..3) {
        let _named = Named(seed);
        for downlink in LINKS {
            for (loss, jitter) in [(0, 0), (1, 0), (5, 0), (0, 50), (5, 50)] {
                if (downlink, loss, jitter) == (LINKS[0], 5, 50) {
                    // All at once it may stand for longer: see docs/networks.md.
                    continue;
                }
                let (mut world, camera) = meeting(seed, network(downlink, loss, jitter));
                world.run(30 * SECOND);
                let freeze = world.longest_freeze("bob", &camera, 20 * SECOND);
                let link = format!("{downlink} b/s, {loss} % lost, {jitter} ms");
                assert!(freeze < SECOND, "{link}: {freeze:?}");
            }
        }
    }
}

#[test]
fn n1_speech_is_never_starved() {
    for seed in seeds(0..2) {
        let _named = Named(seed);
        for downlink in LINKS {
            for (loss, jitter) in [(0, 0), (1, 0), (5, 0), (10, 0), (0, 50), (5, 50)] {
                for in_order in [true, false] {
                    let network = Network { in_order, ..network(downlink, loss, jitter) };
                    let (mut world, _) = meeting(seed, network);
                    world.run(20 * SECOND);
                    let (percent, silence) = world.speech("bob", 19 * SECOND);
                    let link = format!("{downlink} b/s, {loss} % lost, {jitter} ms");
                    assert!(percent as u64 + loss >= 95, "{link}: {percent} % of speech");
                    assert!(silence < 2 * SECOND / 5, "{link}: {silence:?} of silence");
                }
            }
        }
    }
}

/// str0m#1018, first case: it never finds out that a link carries more than it was first taken to.
#[test]
fn a_wide_link_is_found_within_seconds() {
    for seed in seeds(0..4) {
        let _named = Named(seed);
        let (mut world, camera) = meeting(seed, network(20_000_000, 0, 0));
        world.run(4 * SECOND);
        assert_eq!(world.layer("bob", &camera), Some(2));
        assert_eq!(told(&world, 0), []);
        world.check();
    }
}

/// Nobody's microphone and camera are heard and seen in one instant, and str0m probes at the start once:
/// what is desired for a microphone alone must not be all that it probes for.
#[test]
fn a_wide_link_is_found_at_once_however_long_the_picture_comes_after_the_voice() {
    for gap in [0, 5, 20, 50, 100, 500, 2000] {
        let gap = Duration::from_millis(gap);
        let (mut world, camera) = heard_before_seen(1, network(20_000_000, 0, 0), gap);
        world.run(SECOND);
        assert_eq!(world.layer("bob", &camera), Some(2), "{gap:?}: {} b/s", estimate(&world));
        world.run(5 * SECOND);
        assert_eq!(world.layer("bob", &camera), Some(2), "{gap:?}: {} b/s", estimate(&world));
        assert_eq!(told(&world, 0), []);
        world.check();
    }
}

/// A link that carries next to nothing for a while: everything is paused, and comes back.
#[test]
fn what_a_collapsed_link_paused_comes_back_with_it() {
    for seed in seeds(0..4) {
        let _named = Named(seed);
        let (mut world, camera) = meeting(seed, network(2_000_000, 0, 0));
        world.run(10 * SECOND);
        assert!(world.layer("bob", &camera) > Some(0) && told(&world, 0).is_empty());
        set_link(&mut world, 15_000);
        world.run(20 * SECOND);
        assert_eq!(told(&world, 0), [(camera.clone(), true)]);
        assert!(estimate(&world) < 150_000, "{}", estimate(&world));
        // A client that was away is told again.
        let (participant, identity) = (ParticipantId::from("bob"), "bob".into());
        let before = world.events.len();
        world.command(Command::Detach { participant: participant.clone() });
        world.command(Command::Resume { room: ROOM.into(), participant, identity });
        assert_eq!(told(&world, before), [(camera.clone(), true)]);
        let before = world.events.len();
        set_link(&mut world, 2_000_000);
        world.run(25 * SECOND);
        assert_eq!(told(&world, before), [(camera.clone(), false)]);
        assert!(world.layer("bob", &camera) > Some(0), "{}", estimate(&world));
        let freeze = world.longest_freeze("bob", &camera, 5 * SECOND);
        assert!(freeze < SECOND, "{freeze:?}");
        assert!(world.resumes("bob", &camera) > 0);
    }
}

/// str0m#1018, second case: a publisher that sends little for a while lets the estimate sink, and
/// is paused when it sends as before.
#[test]
fn a_still_picture_that_moves_again_is_not_left_behind() {
    for seed in seeds(0..4) {
        let _named = Named(seed);
        let (mut world, camera) = meeting(seed, network(2_500_000, 0, 0));
        world.run(10 * SECOND);
        let alice = |world: &mut World, bitrates| {
            let client = world.clients.get_mut("alice").unwrap();
            let cameras = client.publishing.iter_mut().filter(|track| track.layers == 3);
            cameras.for_each(|track| track.bitrates = bitrates);
        };
        for _ in 0..3 {
            alice(&mut world, [10_000, 20_000, 40_000]);
            world.run(20 * SECOND);
            alice(&mut world, CAMERA);
            world.run(15 * SECOND);
            assert_eq!(world.layer("bob", &camera), Some(2), "{}", estimate(&world));
        }
        assert_eq!(told(&world, 0), []);
    }
}

/// str0m#755: with a dozen people in a room most pictures stood still for a moment every second.
#[test]
fn many_pictures_on_a_wide_link_do_not_stutter() {
    let mut world = World::dividing(1, Network::default());
    world.networks.insert("bob".to_owned(), network(20_000_000, 0, 0));
    world.join("bob");
    let names: Vec<String> = (0..11).map(|n| format!("guest-{n}")).collect();
    let cameras: Vec<String> = names
        .iter()
        .map(|name| {
            world.join(name);
            world.run(SECOND / 2);
            world.publish_as(name, TrackSource::Camera, 1, [500_000, 0, 0])
        })
        .collect();
    world.run(15 * SECOND);
    for camera in cameras {
        let freeze = world.longest_freeze("bob", &camera, 10 * SECOND);
        assert!(freeze < SECOND / 4, "{camera}: {freeze:?}");
    }
}

/// str0m#581: the estimate leaves headers out, and half of speech is headers.
#[test]
fn many_voices_are_not_pushed_off_the_link_by_a_picture() {
    let mut world = World::dividing(1, Network::default());
    world.networks.insert("bob".to_owned(), network(500_000, 0, 0));
    world.join("bob");
    let mut camera = String::new();
    for n in 0..7 {
        let name = format!("guest-{n}");
        world.join(&name);
        world.run(SECOND / 2);
        world.publish_as(&name, TrackSource::Microphone, 1, [0; 3]);
        if n == 0 {
            camera = world.publish_as(&name, TrackSource::Camera, 3, CAMERA);
        }
    }
    world.run(20 * SECOND);
    // They take 420 kb/s, 224 of it payload.
    let (percent, silence) = world.speech("bob", 10 * SECOND);
    assert_eq!(world.clients["bob"].heard.len(), 7);
    // Now and then the picture is tried again, and what that costs is another test's.
    let least = if paused(&world, &camera) { 98 } else { 90 };
    assert!(percent >= least && silence < SECOND / 5, "{percent} %, {silence:?}");
    assert_eq!(told(&world, 0).first(), Some(&(camera, true)));
}

/// A link for one of two pictures: the client's word decides which, and what it does not look at
/// makes room for the other.
#[test]
fn the_client_says_which_picture_a_narrow_link_is_for() {
    let mut world = World::dividing(1, Network::default());
    world.networks.insert("bob".to_owned(), network(700_000, 0, 0));
    let cameras: Vec<String> = ["bob", "alice", "carol"]
        .iter()
        .map(|name| {
            world.join(name);
            world.run(SECOND);
            match *name {
                "bob" => String::new(),
                name => world.publish_as(name, TrackSource::Camera, 1, [500_000, 0, 0]),
            }
        })
        .collect();
    let [_, first, second] = &cameras[..] else { unreachable!("three people") };
    world.run(10 * SECOND);
    assert_eq!((paused(&world, first), paused(&world, second)), (false, true));
    let important = TrackSettings { priority: 1, ..TrackSettings::default() };
    settings(&mut world, "bob", second, important);
    // Before what is dark is tried again.
    world.run(6 * SECOND);
    assert_eq!((paused(&world, first), paused(&world, second)), (true, false));
    let hidden = TrackSettings { disabled: true, ..important };
    settings(&mut world, "bob", second, hidden);
    world.run(10 * SECOND);
    assert!(!paused(&world, first), "{:?}", told(&world, 0));
    // Of what it hides itself a client is told nothing.
    let told = told(&world, 0);
    assert_eq!(told.iter().filter(|(track, _)| track == second).count(), 2, "{told:?}");
    assert!(world.longest_freeze("bob", first, 5 * SECOND) < SECOND);
}

/// What somebody was told of somebody's connection, in order.
fn qualities(world: &World, listener: &str, of: &str) -> Vec<Quality> {
    let events = world.events.iter().filter(|(name, _)| name == listener);
    let told = events.filter_map(|(_, event)| match event {
        Event::Quality(told) => Some(told),
        _ => None,
    });
    told.flatten().filter(|one| one.participant.as_str() == of).map(|one| one.quality).collect()
}

#[test]
fn everybody_hears_how_good_connections_are_and_only_what_changes() {
    let (mut world, _) = meeting(0, network(20_000_000, 0, 0));
    world.run(30 * SECOND);
    for listener in ["alice", "bob"] {
        assert_eq!(qualities(&world, listener, "alice"), [Quality::Excellent]);
    }
    assert_eq!(qualities(&world, "bob", "bob"), [Quality::Excellent]);
    assert_eq!(qualities(&world, "alice", "bob"), [], "he publishes nothing that could be bad");
    world.networks.insert("bob".to_owned(), network(500_000, 0, 0));
    world.run(30 * SECOND);
    assert_eq!(qualities(&world, "bob", "bob").last(), Some(&Quality::Good), "a smaller picture");
    world.networks.insert("bob".to_owned(), network(20_000_000, 20, 0));
    world.run(30 * SECOND);
    assert_eq!(qualities(&world, "bob", "bob").last(), Some(&Quality::Poor));
    assert_eq!(qualities(&world, "bob", "alice"), [Quality::Excellent], "it is not hers");
    world.join("carol");
    world.run(11 * SECOND);
    assert_eq!(qualities(&world, "carol", "alice"), [Quality::Excellent], "she came late");
}

#[test]
fn a_lost_connection_is_told_to_others_only() {
    let (mut world, _) = meeting(1, network(20_000_000, 0, 0));
    world.run(6 * SECOND);
    world.networks.insert("alice".to_owned(), network(0, 100, 0));
    world.run(30 * SECOND);
    assert_eq!(qualities(&world, "bob", "alice").last(), Some(&Quality::Lost));
    assert!(!qualities(&world, "alice", "alice").contains(&Quality::Lost));
}

/// A machine that is busy answers late, as if its link were full; nothing is lost, though.
#[test]
fn who_is_busy_keeps_the_pictures_that_arrive() {
    for seed in seeds(0..4) {
        let _named = Named(seed);
        let stalls = Duration::from_millis(900);
        let (mut world, camera) = meeting(seed, Network { stalls, ..network(0, 0, 0) });
        world.run(60 * SECOND);
        let freeze = world.longest_freeze("bob", &camera, 40 * SECOND);
        assert!(freeze < 2 * SECOND, "{freeze:?}, told {:?}", told(&world, 0));
    }
}

/// What does not fit is tried again now and then, first with padding: speech must survive that.
#[test]
fn trials_of_a_paused_picture_do_not_starve_speech() {
    for seed in seeds(0..3) {
        let _named = Named(seed);
        let (mut world, camera) = meeting(seed, network(90_000, 0, 0));
        world.run(5 * SECOND);
        let from = world.events.len();
        world.run(60 * SECOND);
        let tried = told(&world, from).iter().filter(|(_, paused)| !paused).count();
        assert!(tried <= 3, "shown {tried} times");
        assert!(paused(&world, &camera));
        let (percent, silence) = world.speech("bob", 60 * SECOND);
        assert!(percent >= 90, "{percent} % of speech");
        assert!(silence < SECOND, "{silence:?} of silence");
    }
}
