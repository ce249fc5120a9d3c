//! A room on a virtual clock: one publisher, many subscribers, no sockets.

use crate::world::{Network, World};
use std::time::Duration;

pub struct Cost {
    /// CPU time inside the `Sfu`: receiving, forwarding, RTCP, timers.
    pub spent: Duration,
    pub forwarded: usize,
}

/// Five seconds of media after everybody is in and the picture flows. `dividing`: each connection's
/// bandwidth is estimated, paced and divided. `spilled`: half of the people live on a second shard, and
/// what both take counts.
pub fn cost(seed: u64, subscribers: usize, dividing: bool, spilled: bool) -> Cost {
    let network = Network::default();
    let mut world = match dividing {
        true => World::dividing(seed, network),
        false => World::spread(seed, network, if spilled { 2 } else { 1 }),
    };
    world.join("publisher");
    for number in 0..subscribers {
        world.join(&format!("subscriber-{number}"));
    }
    world.run(Duration::from_secs(2));
    world.publish("publisher", 3);
    world.run(Duration::from_secs(3));
    let (spent, before) = (world.spent, world.forwarded());
    world.run(Duration::from_secs(5));
    let forwarded = (world.forwarded() - before) as usize;
    Cost { spent: world.spent - spent, forwarded }
}
