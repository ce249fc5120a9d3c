//! A server under load: a process that people join by LiveKit's door, and what it spends.

use anyhow::Result;
use rustix::param::clock_ticks_per_second;
use std::collections::HashMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

/// A server that runs; it ends with this.
pub trait Server {
    /// Where LiveKit's door is.
    fn http(&self) -> SocketAddr;
    fn pid(&self) -> u32;
    /// Makes a room and answers its id; on the LiveKit side a room is called by its name.
    fn make_room(&self, name: &str) -> Result<String>;
    fn record(&self, room: &str) -> Result<()>;
    /// How many recordings run, and how many packets were lost at their writer so far.
    fn recorded(&self) -> Result<(usize, u64)>;

    fn account(&self) -> Account {
        Account::of(self.pid())
    }

    /// Resident memory in bytes.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }
}

/// CPU time and waiting time of a process between two looks, all threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    pub cpu: Duration,
    /// Ready to run, but waiting for a core.
    pub waiting: Duration,
}

/// Of one process: what it has spent, thread by thread where the kernel tells it so.
#[derive(Debug, Clone, Default)]
pub struct Account {
    cpu: Duration,
    /// Waiting time by thread id.
    waiting: HashMap<OsString, Duration>,
}

impl Account {
    /// Of a process now: `/proc/PID/stat` counts ended threads too, which
    /// `/proc/PID/task/*/schedstat` (nanoseconds run and waited) does not.
    pub fn of(pid: u32) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name, in brackets, may hold spaces; utime and stime are fields 14 and 15.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks: u64 =
            fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        let cpu = Duration::from_micros(ticks * 1_000_000 / clock_ticks_per_second());
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
        let waiting = tasks.into_iter().flatten().flatten().filter_map(|task| {
            // A thread may have ended since it was listed.
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            let waited = text.split_whitespace().nth(1)?.parse().ok()?;
            Some((task.file_name(), Duration::from_nanos(waited)))
        });
        Self { cpu, waiting: waiting.collect() }
    }

    pub fn since(&self, before: &Self) -> Spent {
        let waited = |(thread, now): (&OsString, &Duration)| {
            now.saturating_sub(before.waiting.get(thread).copied().unwrap_or_default())
        };
        Spent {
            cpu: self.cpu.saturating_sub(before.cpu),
            waiting: self.waiting.iter().map(waited).sum(),
        }
    }
}
