//! Programs that hear of a track by its first packet, and tracks that send none.

use crate::world::{Network, World};
use crate::{SECOND, seeds};
use roombox_sfu::track::TrackSource;

#[test]
fn a_silent_track_is_begun_for_who_hears_by_packets_and_goes_on_with_its_own() {
    for seed in seeds(0..6) {
        let network = Network { loss_percent: seed % 3 * 5, ..Network::default() };
        let mut world = World::new(seed, network);
        world.join("alice");
        world.run(SECOND);
        let camera = world.publish("alice", 3);
        let voice = world.publish_as("alice", TrackSource::Microphone, 1, [0; 3]);
        world.run(2 * SECOND);
        // As a client does that is muted: nothing is sent any more.
        let alice = world.clients.get_mut("alice").expect("here");
        let sending = std::mem::take(&mut alice.publishing);
        world.run(SECOND);
        let begun = world.now;
        world.join_otherwise("gopher", |new| new.hears_by_packets = true);
        world.join("bob");
        world.run(SECOND);
        let came = |world: &World, name: &str| {
            let client = &world.clients[name];
            (client.empties(&camera), client.hears(&voice, begun))
        };
        let (empty, silent) = came(&world, "gopher");
        assert!(empty > 0 && silent > 0, "seed {seed}: {empty} empty packets, {silent} of silence");
        world.run(8 * SECOND);
        let (empty, silent) = came(&world, "gopher");
        assert!(
            (30..=51).contains(&empty) && (30..=51).contains(&silent),
            "seed {seed}: {empty}, {silent}"
        );
        world.run(8 * SECOND);
        assert_eq!(came(&world, "gopher"), (empty, silent), "seed {seed}: not for ever");
        assert_eq!(came(&world, "bob"), (0, 0), "seed {seed}");
        world.clients.get_mut("alice").expect("here").publishing = sending;
        let unmuted = world.now;
        world.run(4 * SECOND);
        for name in ["gopher", "bob"] {
            let frames = world.whole_frames(name, &camera);
            assert!(frames > 50, "seed {seed}: {name} has {frames} frames");
            assert!(world.clients[name].hears(&voice, unmuted) > 150, "seed {seed}: {name}");
        }
        assert_eq!(came(&world, "gopher").0, empty, "seed {seed}: the track's own alone");
        world.check();
    }
}
