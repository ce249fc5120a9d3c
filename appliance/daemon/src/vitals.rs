//! Samples how the box is doing: CPU, memory, disk, shards.

use crate::loads::Loads;
use crate::temperature::{SENSORS, warmest};
use roombox_capture::disk::free_space;
use roombox_control::clock::{Ticks, UnixMs};
use roombox_control::recordings::{Recordings, RoomRecorder};
use roombox_control::status::{Disk, SAMPLE_S, Sample, ShardSample, Status, TcpSample};
use roombox_control::store::Store;
use roombox_net::Plane;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Free space is watched over this many samples for the forecast: five minutes.
const TREND: usize = 150;

/// The sampler and what it must remember between two samples.
pub struct Vitals {
    plane: Arc<Plane>,
    recordings: Arc<Recordings>,
    recorder: Arc<dyn RoomRecorder>,
    store: Arc<Store>,
    root: PathBuf,
    started: Instant,
    last: Option<(Instant, Cpu, Vec<u64>)>,
    loads: Loads,
    free: VecDeque<(Instant, u64)>,
}

impl Vitals {
    pub fn new(
        plane: Arc<Plane>,
        recordings: Arc<Recordings>,
        recorder: Arc<dyn RoomRecorder>,
        store: Arc<Store>,
        root: PathBuf,
    ) -> Self {
        let (started, free, loads) = (Instant::now(), VecDeque::new(), Loads::default());
        Self { plane, recordings, recorder, store, root, started, last: None, loads, free }
    }

    /// Measures for as long as the daemon lives.
    pub async fn keep_sampling(mut self, status: Arc<Status>) {
        let mut ticks = Ticks::every(Duration::from_secs(SAMPLE_S));
        loop {
            ticks.tick().await;
            let sample = self.sample().await;
            status.sampled(UnixMs::now(), sample);
        }
    }

    /// Looks at everything.
    async fn sample(&mut self) -> Sample {
        let now = Instant::now();
        let cpu = Cpu::now();
        let shard_cpu: Vec<u64> =
            self.plane.stats().iter().map(|stats| stats.cpu_us.load(Ordering::Relaxed)).collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (mut cpu_percent, mut films_percent) = (0.0, 0.0);
        let mut shard_percent = vec![0.0; shard_cpu.len()];
        if let Some((at, before, shards)) = &self.last {
            let elapsed = now.saturating_duration_since(*at).as_micros().max(1) as f64;
            let share = |now: u64, before: u64| now.saturating_sub(before) as f64 / elapsed * 100.0;
            cpu_percent = share(cpu.all_us(), before.all_us()) / cores as f64;
            films_percent = share(cpu.workers_us, before.workers_us) / cores as f64;
            for (percent, (now, before)) in
                shard_percent.iter_mut().zip(shard_cpu.iter().zip(shards))
            {
                *percent = share(*now, *before);
            }
        }
        self.last = Some((now, cpu, shard_cpu));
        let shards: Vec<ShardSample> = self.shards(&shard_percent);
        let (meetings, loss) = self.loads.look(now, self.plane.stats(), &shard_percent);
        Sample {
            uptime_s: now.saturating_duration_since(self.started).as_secs(),
            cpu_percent,
            media_percent: shard_percent.iter().sum::<f64>() / cores as f64,
            films_percent,
            cores,
            temperature_c: warmest(std::path::Path::new(SENSORS)),
            memory_bytes: resident_bytes(),
            disk: self.disk(now).await,
            rooms: shards.iter().map(|shard| shard.rooms).sum(),
            participants: shards.iter().map(|shard| shard.participants).sum(),
            recordings: self.recordings.running_count() as u64,
            recorder_drops: self.recorder.dropped(),
            shards,
            meetings,
            loss,
            tcp: self.tcp(),
        }
    }

    fn shards(&self, cpu: &[f64]) -> Vec<ShardSample> {
        let ports = self.plane.ports();
        let all = self.plane.stats().iter().zip(ports).zip(cpu);
        all.map(|((stats, port), cpu_percent)| ShardSample {
            port: *port,
            rooms: stats.rooms.load(Ordering::Relaxed),
            participants: stats.participants.load(Ordering::Relaxed),
            packets_in: stats.packets_in.load(Ordering::Relaxed),
            packets_out: stats.packets_out.load(Ordering::Relaxed),
            bytes_in: stats.bytes_in.load(Ordering::Relaxed),
            bytes_out: stats.bytes_out.load(Ordering::Relaxed),
            send_drops: stats.send_drops.load(Ordering::Relaxed),
            spilled_rooms: stats.spilled.load(Ordering::Relaxed),
            relayed_in: stats.relayed_in.load(Ordering::Relaxed),
            relayed_out: stats.relayed_out.load(Ordering::Relaxed),
            relay_drops: stats.relay_drops.load(Ordering::Relaxed),
            connections_udp: stats.connections_udp.load(Ordering::Relaxed),
            connections_tcp: stats.connections_tcp.load(Ordering::Relaxed),
            cpu_percent: *cpu_percent,
            longest_turn_us: stats.longest_turn_us.swap(0, Ordering::Relaxed),
        })
        .collect()
    }

    fn tcp(&self) -> TcpSample {
        let stats = self.plane.tcp_stats();
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TcpSample {
            open: value(&stats.open),
            waiting: value(&stats.waiting),
            opened: value(&stats.opened),
            refused: value(&stats.refused),
            timed_out: value(&stats.timed_out),
            broken: value(&stats.broken),
            drops: value(&stats.drops),
        }
    }

    async fn disk(&mut self, now: Instant) -> Disk {
        let free_bytes = free_space()(&self.root).unwrap_or(0);
        let reserve_bytes = self.recorder.space().map_or(0, |(_, reserve)| reserve);
        if self.free.len() == TREND {
            self.free.pop_front();
        }
        self.free.push_back((now, free_bytes));
        let full_in_s = self.free.front().and_then(|(since, was)| {
            let seconds = now.saturating_duration_since(*since).as_secs();
            let used = was.saturating_sub(free_bytes);
            let recording = self.recordings.running_count() > 0;
            let left = free_bytes.saturating_sub(reserve_bytes);
            (recording && used > 0 && seconds >= 10)
                .then(|| (left as f64 * seconds as f64 / used as f64) as u64)
        });
        let recordings_bytes = self.store.recording_bytes().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the size of all recordings is unknown");
            0
        });
        Disk {
            total_bytes: total_bytes(&self.root),
            free_bytes,
            reserve_bytes,
            recordings_bytes,
            full_in_s,
        }
    }
}

fn total_bytes(root: &std::path::Path) -> u64 {
    rustix::fs::statvfs(root).map_or(0, |volume| volume.f_blocks * volume.f_frsize)
}

/// CPU time since the start, microseconds.
#[derive(Debug, Clone, Copy)]
struct Cpu {
    /// Of this process.
    own_us: u64,
    /// Of its children. Those that still run are added by hand: the kernel counts a child only once
    /// it has ended, and a film's minutes would come as one peak.
    workers_us: u64,
}

impl Cpu {
    fn now() -> Self {
        let (own, ended) = ticks("self");
        let running: u64 = running_children()
            .iter()
            .map(|child| {
                let (its, of_its) = ticks(child);
                its + of_its
            })
            .sum();
        Self { own_us: own * 10_000, workers_us: (ended + running) * 10_000 }
    }

    fn all_us(&self) -> u64 {
        self.own_us + self.workers_us
    }
}

/// CPU of a process and of the children that it waited for, in ticks of 10 ms: the fields 14 and 15, and
/// 16 and 17, of /proc/PID/stat (proc(5)).
fn ticks(process: &str) -> (u64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let mut times = after_name.split_whitespace().skip(11).map(|field| field.parse().unwrap_or(0));
    let mut two = || times.next().unwrap_or(0) + times.next().unwrap_or(0);
    (two(), two())
}

fn running_children() -> Vec<String> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|children| children.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    #[test]
    fn a_child_counts_while_it_runs_and_once_after_it_ended() {
        let worked = || Cpu::now().workers_us;
        let before = worked();
        // Works for some hundred milliseconds, says so, and waits to be told to end.
        let work = "i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done; echo done; read _";
        let mut child = Command::new("sh")
            .args(["-c", work])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).lines().next().expect("a line").expect("text");
        let running = worked() - before;
        assert!(running >= 50_000, "{running} µs while it runs");
        drop(child.stdin.take());
        child.wait().expect("it ends");
        let ended = worked() - before;
        assert!(ended >= running && ended < running * 2, "{running} µs, then {ended} µs");
    }
}
