//! The rows of N1: narrow, lossy and shaky links, what is asked of them and what comes of it.
//! `ROOMBOX_FULL=1 cargo test --workspace --test sim n1_every_row -- --nocapture` prints the table of
//! docs/NETWORKS.md.

use super::narrow::{estimate, meeting};
use super::{SECOND, seeds};
use crate::world::{Network, World};
use std::time::Duration;

/// What one link came to, of all seeds.
#[derive(Default)]
struct Row {
    /// The longest time without a picture that can be shown.
    freeze: Duration,
    /// Thousandths of speech that never came: at the worst seed.
    lost: u64,
    /// Likewise, of what redundancy (RFC 2198) as browsers send it cannot repair either.
    unrepaired: u64,
    /// From asking for a keyframe to having it.
    keyframe: Duration,
    /// Percent of what the link carries, around the tenth second.
    estimate: u64,
}

fn row(network: Network, seeds: std::ops::Range<u64>) -> Row {
    let mut row = Row::default();
    let runs = seeds.end - seeds.start;
    let mut seen = 0;
    for seed in seeds {
        let (mut world, camera) = meeting(seed, network);
        world.run(8 * SECOND);
        for _ in 0..8 {
            world.run(SECOND / 2);
            seen += estimate(&world);
        }
        world.run(18 * SECOND);
        let freeze = world.longest_freeze("bob", &camera, 20 * SECOND);
        row.freeze = row.freeze.max(freeze);
        let (lost, unrepaired) = world.unheard("bob", 20 * SECOND);
        (row.lost, row.unrepaired) = (row.lost.max(lost), row.unrepaired.max(unrepaired));
        row.keyframe = row.keyframe.max(keyframe(&mut world, &camera));
    }
    row.estimate = seen * 100 / (8 * runs) / network.downlink.max(1);
    row
}

/// How long bob waits for a keyframe that he asks for.
fn keyframe(world: &mut World, camera: &str) -> Duration {
    let begun = world.now;
    let number = world.numbers[camera];
    world.clients.get_mut("bob").expect("bob").ask_keyframe(begun, number);
    while world.now < begun + 5 * SECOND {
        world.run(SECOND / 100);
        let last = world.clients["bob"].decoders[&number].keyframe;
        if last.is_some_and(|at| at > begun) {
            break;
        }
    }
    world.now - begun
}

/// What quality.md asks of links that lose 5 % or less. A keyframe takes a narrow link half a second alone.
fn check(link: &str, network: Network, row: &Row) {
    if network.loss_percent > 5 {
        return;
    }
    let wide = network.downlink > 200_000;
    assert!(row.freeze < SECOND, "{link}: {:?} without a picture", row.freeze);
    assert!(row.unrepaired < 50, "{link}: {} thousandths of speech missing", row.unrepaired);
    assert!(row.keyframe <= SECOND || !wide, "{link}: {:?} for a keyframe", row.keyframe);
    assert!((70..=130).contains(&row.estimate), "{link}: {} % estimated", row.estimate);
}

#[test]
fn n1_every_row() {
    let all = std::env::var_os("ROOMBOX_FULL").is_some();
    let seeds = if all { seeds(0..6) } else { seeds(0..1) };
    println!(
        "| link | lost | besides | longest freeze | speech lost | with RED | keyframe | estimate |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let plain = Network { in_order: true, ..Network::default() };
    let besides = [
        ("", plain),
        ("50 ms jitter", Network { jitter: SECOND / 20, ..plain }),
        ("5 % late, 2 % twice", Network { late_percent: 5, duplicate_percent: 2, ..plain }),
    ];
    for downlink in [200_000, 500_000, 2_000_000] {
        for loss_percent in [0, 1, 5, 10, 30] {
            for (name, other) in besides {
                let network = Network { downlink, loss_percent, ..other };
                if !all && (downlink > 200_000 || ![1, 5].contains(&loss_percent)) {
                    continue;
                }
                let row = row(network, seeds.clone());
                let link = format!("{} kb/s | {loss_percent} % | {name}", downlink / 1000);
                println!(
                    "| {link} | {} ms | {:.1} % | {:.1} % | {} ms | {} % |",
                    row.freeze.as_millis(),
                    row.lost as f64 / 10.0,
                    row.unrepaired as f64 / 10.0,
                    row.keyframe.as_millis(),
                    row.estimate,
                );
                check(&link, network, &row);
            }
        }
    }
}
