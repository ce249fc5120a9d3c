//! What each meeting costs and loses, from what the media threads count.

use roombox_control::status::{LossSample, MeetingSample};
use roombox_net::{Loss, RoomLoad, ShardStats};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// Meetings that are told one by one.
pub const MOST: usize = 20;

/// What was counted at the last look.
#[derive(Debug, Default)]
pub struct Loads {
    at: Option<Instant>,
    /// Packets by media thread and room.
    packets: HashMap<(usize, String), u64>,
}

/// A meeting, over all media threads.
#[derive(Debug, Default)]
struct Total {
    participants: u32,
    cpu_percent: f64,
    packets: u64,
    loss: Loss,
}

impl Loads {
    /// The dearest meetings and what all connections lose. `cpu`: of each media thread since the last
    /// look, in percent of a core.
    pub fn look(
        &mut self,
        now: Instant,
        shards: &[Arc<ShardStats>],
        cpu: &[f64],
    ) -> (Vec<MeetingSample>, LossSample) {
        let loads: Vec<Vec<RoomLoad>> = shards
            .iter()
            .map(|stats| stats.loads.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect();
        self.told(now, &loads, cpu)
    }

    fn told(
        &mut self,
        now: Instant,
        loads: &[Vec<RoomLoad>],
        cpu: &[f64],
    ) -> (Vec<MeetingSample>, LossSample) {
        let seconds = self.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        let before = std::mem::take(&mut self.packets);
        let mut totals: HashMap<&str, Total> = HashMap::new();
        let mut all = Loss::default();
        for (shard, (rooms, cpu)) in loads.iter().zip(cpu).enumerate() {
            // Packets of each room since the last look; one that has begun anew counts from zero.
            let since: Vec<u64> = rooms
                .iter()
                .map(|load| {
                    let key = (shard, load.room.to_string());
                    let was = before.get(&key).copied().unwrap_or(0);
                    self.packets.insert(key, load.packets);
                    load.packets.checked_sub(was).unwrap_or(load.packets)
                })
                .collect();
            let sum = since.iter().sum::<u64>().max(1) as f64;
            for (load, packets) in rooms.iter().zip(since) {
                // Whom everybody left may come back: what was counted is remembered.
                if load.participants == 0 {
                    continue;
                }
                let total = totals.entry(load.room.as_str()).or_default();
                total.participants += load.participants;
                total.cpu_percent += cpu * packets as f64 / sum;
                total.packets += packets;
                total.loss = total.loss.and(load.loss);
                all = all.and(load.loss);
            }
        }
        self.at = Some(now);
        let rate = |packets: u64| if seconds > 0.0 { packets as f64 / seconds } else { 0.0 };
        let mut meetings: Vec<MeetingSample> = totals
            .into_iter()
            .map(|(room, total)| MeetingSample {
                room: room.to_owned(),
                participants: total.participants,
                cpu_percent: total.cpu_percent,
                packets_per_s: rate(total.packets),
                loss: percents(total.loss),
            })
            .collect();
        // The name decides between equals, so that a list does not jump.
        meetings.sort_by(|one, other| {
            let dearer = other.cpu_percent.total_cmp(&one.cpu_percent);
            dearer.then_with(|| one.room.cmp(&other.room))
        });
        meetings.truncate(MOST);
        (meetings, percents(all))
    }
}

fn percents(loss: Loss) -> LossSample {
    let percent = |(sum, told): (f64, u32)| (told > 0).then(|| sum / f64::from(told) * 100.0);
    LossSample { in_percent: percent(loss.incoming), out_percent: percent(loss.outgoing) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn load(room: &str, participants: u32, packets: u64, loss: Loss) -> RoomLoad {
        RoomLoad { room: room.into(), participants, packets, loss }
    }

    #[test]
    fn a_thread_is_divided_by_the_packets_of_its_rooms_and_a_spread_room_adds_up() {
        // Two connections each: one that only sends, one that only receives.
        let quiet = Loss { incoming: (0.0, 1), outgoing: (0.0, 1) };
        let bad = Loss { incoming: (0.1, 1), outgoing: (0.4, 1) };
        let (mut loads, start) = (Loads::default(), Instant::now());
        let first = [vec![load("a", 2, 1000, quiet), load("b", 2, 1000, quiet)], vec![]];
        loads.told(start, &first, &[0.0, 0.0]);
        let second = [
            vec![load("a", 2, 1300, quiet), load("b", 2, 1100, bad)],
            vec![load("b", 1, 500, Loss::default())],
        ];
        let (meetings, all) = loads.told(start + Duration::from_secs(2), &second, &[40.0, 5.0]);
        let told: Vec<_> = meetings
            .iter()
            .map(|one| (&*one.room, one.participants, one.cpu_percent, one.packets_per_s))
            .collect();
        assert_eq!(told, [("a", 2, 30.0, 150.0), ("b", 3, 15.0, 300.0)]);
        let lost =
            |one: &LossSample| (one.in_percent.map(f64::round), one.out_percent.map(f64::round));
        assert_eq!(lost(&meetings[1].loss), (Some(10.0), Some(40.0)));
        assert_eq!((lost(&all).0, lost(&all).1), (Some(5.0), Some(20.0)));
    }

    #[test]
    fn a_room_that_began_anew_counts_from_zero_and_nobody_tells_nothing() {
        let (mut loads, start) = (Loads::default(), Instant::now());
        loads.told(start, &[vec![load("a", 1, 9000, Loss::default())]], &[1.0]);
        let again = [vec![load("a", 1, 100, Loss::default())]];
        let (meetings, all) = loads.told(start + Duration::from_secs(1), &again, &[1.0]);
        assert_eq!(meetings[0].packets_per_s, 100.0);
        assert_eq!(all, LossSample::default());
        // Everybody leaves and comes back: only what came since counts.
        let empty = [vec![load("a", 0, 100, Loss::default())]];
        let (meetings, _) = loads.told(start + Duration::from_secs(2), &empty, &[1.0]);
        assert!(meetings.is_empty());
        let back = [vec![load("a", 1, 150, Loss::default())]];
        let (meetings, _) = loads.told(start + Duration::from_secs(3), &back, &[1.0]);
        assert_eq!(meetings[0].packets_per_s, 50.0);
    }
}
