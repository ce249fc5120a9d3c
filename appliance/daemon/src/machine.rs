//! What meetings leave of the machine: looked at every second, told to the job desk and to followers.

use roombox_control::clock::Ticks;
use roombox_control::jobs::{Governor, Jobs, Load, Machine};
use roombox_control::settings::SettingsDesk;
use roombox_net::Plane;
use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const TICK: Duration = Duration::from_secs(1);
/// Of fewer turns on a core nothing is said.
const FEW_TURNS: u64 = 20;
/// How much of what the daemon uses now is believed at once.
const BELIEVED: f64 = 0.1;
/// The kernel counts in these.
const TICKS_PER_S: f64 = 100.0;

/// The machine before anything was looked at. A worker keeps about two cores busy.
pub fn at_first() -> Machine {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Machine { cores: cores as f64, ..Machine::idle(cores / 2) }
}

/// For as long as the box runs. `hold`: whether followers have to wait; `meets`: whether meetings need the
/// machine, or it makes no films: then there is no time to try encoders, or no use.
pub async fn look_after(
    plane: Arc<Plane>,
    settings: Arc<SettingsDesk>,
    jobs: Arc<Jobs>,
    (hold, meets): (watch::Sender<bool>, watch::Sender<bool>),
) {
    let mut ticks = Ticks::every(TICK);
    let begun = Instant::now();
    let (mut governor, mut waiting) = (Governor::default(), Waiting::default());
    let (mut usage, mut told, all) = (Usage::default(), at_first(), at_first().cores);
    loop {
        ticks.tick().await;
        let (mut rooms, mut people) = (0, 0);
        for shard in plane.stats() {
            rooms += shard.rooms.load(Ordering::Relaxed);
            people += shard.participants.load(Ordering::Relaxed);
        }
        // Each thread's waits are a file: where nobody meets nobody is to be spared.
        let load = match people {
            0 => Load::default(),
            _ => Load { waited: waiting.longest(turns()), stalled: stalled() },
        };
        let held = governor.look(begun.elapsed(), load);
        let used = usage.cores(begun.elapsed(), own_ticks());
        let machine = Machine {
            // In halves: the desk need not hear of less.
            cores: ((all - used).max(0.0) * 2.0).round() / 2.0,
            // Nobody meets: whoever else needs the machine is not to be heard.
            held: held && people > 0,
            meetings: if people > 0 { u32::try_from(rooms).unwrap_or(u32::MAX) } else { 0 },
            transcodes: settings.get().recorder.mode.transcodes(),
            lends: settings.get().recorder.lends,
            most: told.most,
        };
        if told.held != machine.held {
            let (held, Load { waited, stalled }) = (machine.held, load);
            tracing::info!(held, ?waited, stalled, "meetings need the machine, or no longer");
        }
        if told != machine {
            told = machine;
            jobs.machine(machine).await;
        }
        hold.send_replace(held || !machine.transcodes);
        meets.send_replace(machine.held || !machine.transcodes);
    }
}

/// Cores that the daemon itself uses, on average over some seconds.
#[derive(Default)]
struct Usage {
    last: Option<(Duration, u64)>,
    cores: f64,
}

impl Usage {
    fn cores(&mut self, now: Duration, ticks: u64) -> f64 {
        if let Some((at, before)) = self.last.replace((now, ticks)) {
            let seconds = now.saturating_sub(at).as_secs_f64().max(0.001);
            let cores = ticks.saturating_sub(before) as f64 / TICKS_PER_S / seconds;
            self.cores += (cores - self.cores) * BELIEVED;
        }
        self.cores
    }
}

/// User and system time of this process without its children: fields 14 and 15 of /proc/PID/stat
/// (proc(5)).
fn own_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let times = after_name.split_whitespace().skip(11).take(2);
    times.filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// How long the daemon's threads wait for a core.
#[derive(Default)]
struct Waiting {
    last: HashMap<String, Turns>,
}

/// A thread's turns on a core until now, and what it has waited for them.
#[derive(Debug, Clone, Copy, Default)]
struct Turns {
    waited_ns: u64,
    count: u64,
}

impl Waiting {
    /// What a turn was waited for since the last look, on average, by the thread that waits longest.
    /// A kernel that does not count it says nothing.
    fn longest(&mut self, now: HashMap<String, Turns>) -> Duration {
        let mean = |(thread, now): (&String, &Turns)| {
            let before = self.last.get(thread).copied().unwrap_or_default();
            let count = now.count.saturating_sub(before.count);
            // Of a few turns nothing follows.
            (count >= FEW_TURNS).then(|| now.waited_ns.saturating_sub(before.waited_ns) / count)
        };
        let longest = now.iter().filter_map(mean).max().unwrap_or(0);
        self.last = now;
        Duration::from_nanos(longest)
    }
}

/// By thread: `/proc/<pid>/task/<tid>/schedstat` has the time on a core, the time waited for one, in
/// nanoseconds, and the turns (Documentation/scheduler/sched-stats).
fn turns() -> HashMap<String, Turns> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return HashMap::new() };
    let turns = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let mut fields = text.split_whitespace().skip(1).map(str::parse);
        let (waited_ns, count) = (fields.next()?.ok()?, fields.next()?.ok()?);
        Some((thread.file_name().to_string_lossy().into_owned(), Turns { waited_ns, count }))
    };
    threads.flatten().filter_map(turns).collect()
}

/// Pressure stall information of disk and memory, the larger one, as a share of ten seconds.
fn stalled() -> f64 {
    let full = |what: &str| {
        let text = fs::read_to_string(format!("/proc/pressure/{what}")).unwrap_or_default();
        full_avg10(&text).unwrap_or(0.0)
    };
    full("io").max(full("memory"))
}

fn full_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("full avg10="))?;
    let percent: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_read_as_the_kernel_writes_it() {
        let text = "some avg10=2.34 avg60=2.64 avg300=2.24 total=700305986\n\
                    full avg10=12.50 avg60=0.72 avg300=0.34 total=399791938\n";
        assert_eq!(full_avg10(text), Some(0.125));
        // Older kernels have no such line for the CPU.
        assert_eq!(full_avg10("some avg10=2.34 avg60=2.64 avg300=2.24 total=7"), None);
    }

    #[test]
    fn what_the_daemon_uses_is_an_average_over_some_seconds() {
        let mut usage = Usage::default();
        let mut at = |second: u64, ticks: u64| usage.cores(Duration::from_secs(second), ticks);
        assert_eq!(at(0, 7000), 0.0);
        let (first, second) = (at(1, 7200), at(2, 7400));
        assert!(first < second && second < 1.0, "{first} {second}");
        let long = (3..60).map(|second| at(second, 7000 + 200 * second)).last().unwrap();
        assert!((1.9..2.1).contains(&long), "{long}");
    }

    #[test]
    fn the_thread_that_waits_longest_for_its_turns_counts() {
        let turns = |all: &[(&str, u64, u64)]| {
            let one = |(thread, ms, count): &(&str, u64, u64)| {
                ((*thread).to_owned(), Turns { waited_ns: ms * 1_000_000, count: *count })
            };
            all.iter().map(one).collect()
        };
        let mut waiting = Waiting::default();
        waiting.longest(turns(&[("1", 500, 1000), ("2", 0, 1000), ("3", 0, 10)]));
        let now = turns(&[("1", 700, 1100), ("2", 50, 2000), ("3", 90, 12), ("4", 100, 100)]);
        // 2 ms, 50 µs, too few turns to say anything, 1 ms.
        assert_eq!(waiting.longest(now), Duration::from_millis(2));
    }
}
