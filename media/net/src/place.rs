//! On which shard somebody lives who joins a room. Loads and times are arguments.

use crate::plane::ShardStats;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A load is what was done in this time.
const MEASURED: Duration = Duration::from_secs(1);

/// Below this share of the threshold, in percent, a shard takes newcomers again that it sent elsewhere
/// before.
const AGAIN_PERCENT: u64 = 75;

/// A core, in thousandths.
const CORE: u64 = 1000;

/// How much a shard has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Of a core, in thousandths.
    pub busy: u64,
}

/// What one shard knows of its own load and of the others'.
pub(crate) struct Spilling {
    threshold: u64,
    /// It sent the last newcomer elsewhere, or would have.
    spills: bool,
    stats: Arc<[Arc<ShardStats>]>,
    /// When the present measurement began, and the CPU time by then.
    since: Option<(Instant, Duration)>,
}

impl Spilling {
    /// `threshold` in thousandths of a core.
    pub(crate) fn new(threshold: u64, stats: Arc<[Arc<ShardStats>]>) -> Self {
        Self { threshold, spills: false, stats, since: None }
    }

    /// Takes the thread's CPU time; thousandths of a core when a measurement is complete.
    pub(crate) fn measure(&mut self, now: Instant, cpu: Duration) -> Option<u64> {
        let (since, before) = *self.since.get_or_insert((now, cpu));
        let elapsed = now.saturating_duration_since(since);
        if elapsed < MEASURED {
            return None;
        }
        self.since = Some((now, cpu));
        let busy = cpu.saturating_sub(before).as_micros() * 1000 / elapsed.as_micros();
        Some(busy as u64)
    }

    /// The shard for somebody who joins a room at home in `home`, which has guests on these shards and
    /// so many people at home.
    pub(crate) fn place(&mut self, home: usize, (guests, people): (&[usize], usize)) -> usize {
        let stats = self.stats.iter();
        let loads: Vec<Load> =
            stats.map(|stats| Load { busy: stats.busy.load(Ordering::Relaxed) }).collect();
        let here = loads.get(home).copied().unwrap_or_default();
        self.spills = spills(self.spills, here, self.threshold);
        if self.spills { place(home, guests, people, &loads, self.threshold) } else { home }
    }
}

/// Whether a shard sends newcomers elsewhere: from the threshold on (thousandths of a core), and until
/// it has clearly less to do. 0: always; a whole core: never.
pub(crate) fn spills(did: bool, load: Load, threshold: u64) -> bool {
    if threshold >= CORE {
        return false;
    }
    let from = if did { threshold * AGAIN_PERCENT / 100 } else { threshold };
    load.busy >= from
}

/// The shard for somebody who joins a room at home in shard `home`, which spills. `guests`: where
/// people of the room live already; `people`: how many of it live at home.
///
/// The first lives at home. The others go where the room is already and there is room, else to the
/// shard that has least to do; and stay where none has less to do than home.
pub(crate) fn place(
    home: usize,
    guests: &[usize],
    people: usize,
    loads: &[Load],
    threshold: u64,
) -> usize {
    if people == 0 {
        return home;
    }
    let busy = |shard: &usize| loads.get(*shard).map_or(u64::MAX, |load| load.busy);
    let free = |shard: &usize| threshold == 0 || busy(shard) < threshold;
    let known = guests.iter().copied().filter(free).min_by_key(busy);
    let others = (0..loads.len()).filter(|shard| *shard != home);
    known.or_else(|| others.clone().filter(free).min_by_key(busy)).unwrap_or_else(|| {
        let idlest = others.min_by_key(busy).unwrap_or(home);
        if busy(&idlest) < busy(&home) { idlest } else { home }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(busy: &[u64]) -> Vec<Load> {
        busy.iter().map(|busy| Load { busy: *busy }).collect()
    }

    #[test]
    fn a_load_is_the_share_of_a_core_within_the_last_second() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut spilling = Spilling::new(600, Arc::default());
        assert_eq!(spilling.measure(start, ms(5000)), None);
        assert_eq!(spilling.measure(start + ms(900), ms(5800)), None);
        assert_eq!(spilling.measure(start + ms(1000), ms(5800)), Some(800));
        assert_eq!(spilling.measure(start + ms(1500), ms(5900)), None);
        assert_eq!(spilling.measure(start + ms(3000), ms(5900)), Some(50));
    }

    #[test]
    fn a_shard_at_its_threshold_spills_until_it_has_clearly_less_to_do() {
        let mut spilling = false;
        let story =
            [(599, false), (600, true), (599, true), (450, true), (449, false), (599, false)];
        for (busy, expected) in story {
            spilling = spills(spilling, Load { busy }, 600);
            assert_eq!(spilling, expected, "at {busy}");
        }
        assert!(spills(false, Load { busy: 0 }, 0), "a test has every room spill");
    }

    #[test]
    fn the_first_lives_at_home_however_busy_it_is() {
        assert_eq!(place(1, &[], 0, &loads(&[0, 990]), 600), 1);
    }

    #[test]
    fn newcomers_go_where_the_room_is_already_while_there_is_room() {
        assert_eq!(place(0, &[2], 5, &loads(&[700, 10, 500]), 600), 2);
        assert_eq!(place(0, &[2], 5, &loads(&[700, 10, 650]), 600), 1);
        assert_eq!(place(0, &[1, 2], 5, &loads(&[700, 400, 300]), 600), 2);
    }

    #[test]
    fn where_all_are_busy_the_least_busy_one_takes_them_and_no_other_hop_is_made_for_nothing() {
        assert_eq!(place(0, &[], 5, &loads(&[700, 650, 800]), 600), 1);
        assert_eq!(place(0, &[2], 5, &loads(&[700, 900, 800]), 600), 0);
        assert_eq!(place(0, &[], 5, &loads(&[900]), 600), 0, "there is no other");
    }

    #[test]
    fn a_test_has_all_but_the_first_live_elsewhere() {
        assert_eq!(place(0, &[], 1, &loads(&[0, 900]), 0), 1);
        assert_eq!(place(0, &[1], 1, &loads(&[0, 900, 0]), 0), 1);
    }
}
