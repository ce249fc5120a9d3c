//! When jobs will start and be ready: the desk's own rules, run ahead on a clock of their own.

use crate::cost::Cost;
use crate::machine::Machine;
use crate::order::rank;
use crate::row::JobRow;

/// Jobs of which it is said; of more nobody reads, and the time is better spent otherwise.
const MOST: usize = 300;

/// When a job will start and be ready, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    pub job: String,
    /// `None`: it runs, or nobody knows.
    pub starts_ms: Option<u64>,
    pub ready_ms: Option<u64>,
    /// Why it does not run; `None`: it does.
    pub waits: Option<Waits>,
}

/// Why a job waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Others go before it.
    Turn { before: usize },
    /// An attempt failed, and the next one comes later.
    Pause { until_ms: u64 },
    /// Meetings leave no room for another worker.
    Meetings { meetings: u32 },
    /// This box only records.
    RecordsOnly,
}

/// A job that runs.
#[derive(Debug, Clone)]
pub(crate) struct Runs {
    pub job: String,
    pub ready_ms: u64,
    pub cores: f64,
}

/// Looks ahead. `runs`: with the time when each is ready at full speed or as its worker says.
pub(crate) fn look(
    now_ms: u64,
    machine: &Machine,
    runs: Vec<Runs>,
    waiting: Vec<(&JobRow, Cost)>,
) -> Vec<Outlook> {
    let ready = |run: &Runs| Outlook {
        job: run.job.clone(),
        starts_ms: None,
        ready_ms: Some(run.ready_ms),
        waits: None,
    };
    let mut seen: Vec<Outlook> = runs.iter().map(ready).collect();
    // Another worker would be allowed, and has no room.
    let crowded = machine.meetings > 0 && (machine.held || runs.len() < machine.most);
    let crowded = crowded && !runs.is_empty();
    let (mut now, mut busy, mut left) = (now_ms, runs, waiting);
    let mut before = busy.len();
    // Of two that cannot both be among the first, nobody asks each time who is.
    let mut last = Vec::new();
    if left.len() > 2 * MOST {
        left.sort_by_cached_key(|(row, cost)| rank(row, machine.time(cost.wall_ms), now_ms));
        last = left.split_off(2 * MOST);
    }
    while seen.len() < MOST && !left.is_empty() {
        busy.retain(|run| run.ready_ms > now);
        let due = left.iter().enumerate().filter(|(_, (row, _))| row.waits_until_ms(now_ms) <= now);
        let next = due.min_by_key(|(_, (row, cost))| rank(row, machine.time(cost.wall_ms), now));
        let used: f64 = busy.iter().map(|run| run.cores).sum();
        if let Some((at, (row, cost))) = next
            && machine.admits(busy.len(), used, cost.cores)
        {
            let ready_ms = now.saturating_add(machine.time(cost.wall_ms));
            let until_ms = row.waits_until_ms(now_ms);
            let waits = if until_ms > now_ms {
                Waits::Pause { until_ms }
            } else if crowded {
                Waits::Meetings { meetings: machine.meetings }
            } else {
                Waits::Turn { before }
            };
            let job = row.spec.job.clone();
            busy.push(Runs { job: job.clone(), ready_ms, cores: cost.cores });
            seen.push(Outlook {
                job,
                starts_ms: Some(now),
                ready_ms: Some(ready_ms),
                waits: Some(waits),
            });
            before += 1;
            left.swap_remove(at);
            continue;
        }
        let ends = busy.iter().map(|run| run.ready_ms);
        let pauses = left.iter().map(|(row, _)| row.waits_until_ms(now_ms)).filter(|at| *at > now);
        match ends.chain(pauses).min().filter(|_| machine.transcodes) {
            Some(next) => now = next,
            None => break,
        }
    }
    let unknown = left.into_iter().chain(last).map(|(row, _)| Outlook {
        job: row.spec.job.clone(),
        starts_ms: None,
        ready_ms: None,
        waits: Some(match machine.transcodes {
            true => Waits::Turn { before: MOST },
            false => Waits::RecordsOnly,
        }),
    });
    seen.extend(unknown);
    seen
}
