//! The desk: gives jobs to workers, one lease each, and takes them back.
//!
//! ```text
//!            ┌──────── back-off ────────┐
//!            ▼                          │ failed, lease expired
//!  enqueue ► queued ── start ► running ─┴─ 5th time or hopeless ► parked ── retry ► queued
//!            │                    │
//!            └── cancel ► cancelled ◄──┘        running ── done ► finished
//! ```
//! A job that waits may be lent to another box of the fleet ([`crate::loan`]): it is running there.
//! Pure: inputs with a time in, effects out. An attempt's number fences its messages: only the
//! attempt that holds the lease may finish, fail or renew it.

use crate::cost::{Cost, Costs, Spent, Tally, media_ms};
use crate::loan::LOAN_MS;
use crate::machine::Machine;
use crate::order::rank;
use crate::outlook::{Outlook, Runs, look};
use crate::row::{Borrower, JobRow, JobState};
use std::collections::BTreeMap;

/// A job that failed so often is parked.
pub const MAX_ATTEMPTS: u32 = 5;
/// A worker that says nothing for this long is gone. It reports every second.
pub const LEASE_MS: u64 = 30_000;
/// The first pause after a failure; doubled each time up to the longest.
const BACK_OFF_MS: u64 = 5_000;
const LONGEST_BACK_OFF_MS: u64 = 300_000;
/// Nothing pauses for so long.
pub(crate) const FAR_MS: u64 = 2 * LONGEST_BACK_OFF_MS;
/// How much of a log's end is kept.
const LOG_END: usize = 2_000;

/// Which try of which job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub job: String,
    /// From 1.
    pub number: u32,
}

/// What happens to the desk.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A row that is in the store: new, or known from before a restart. One that was running when
    /// the box went down has lost that attempt.
    Add(Box<JobRow>),
    /// Time passes.
    Tick,
    /// What meetings leave of the machine now.
    Machine(Machine),
    /// A worker is alive.
    Renew(Attempt),
    /// The same, and it knows what is left.
    Progressed {
        attempt: Attempt,
        left_ms: u64,
    },
    Finished(Attempt),
    Failed {
        attempt: Attempt,
        log: String,
    },
    /// Another box of the fleet wants to do it, as this attempt.
    Lend {
        job: String,
        number: u32,
        borrower: Borrower,
    },
    /// Who had borrowed it does not do it, and nothing is wrong with the job.
    Returned {
        attempt: Attempt,
        why: String,
    },
    /// No further try can help: parked at once.
    Hopeless {
        attempt: Attempt,
        log: String,
    },
    Cancel {
        job: String,
    },
    /// A person wants a parked or cancelled job tried again.
    Retry {
        job: String,
    },
    /// A person wants a job sooner or later than others.
    Wish {
        job: String,
        wish: Wish,
    },
}

/// What somebody wants of a job that has not ended; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    pub priority: Option<i32>,
    /// `Some(None)`: it has none any more.
    pub deadline_ms: Option<Option<u64>>,
    /// In front of all others from now on, or no more so.
    pub front: Option<bool>,
}

/// What the desk wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Keep this row; before anything else that follows.
    Persist(Box<JobRow>),
    Start(Attempt),
    /// The worker of this attempt is to be stopped.
    Kill(Attempt),
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub row: JobRow,
    /// What it is believed to take: asked for all that wait, whenever something happens.
    pub cost: Cost,
    pub lease_until_ms: u64,
    /// Of the attempt that runs.
    pub since_ms: u64,
    /// What its worker said is left, and when.
    pub left: Option<(u64, u64)>,
    /// It was slowed down.
    pub slowed: bool,
}

impl Entry {
    /// It keeps this machine busy.
    fn runs_here(&self) -> bool {
        self.row.state == JobState::Running && self.row.borrower.is_none()
    }

    pub fn runs_elsewhere(&self) -> bool {
        self.row.state == JobState::Running && self.row.borrower.is_some()
    }

    fn renew(&mut self, now_ms: u64) {
        let lease = if self.row.borrower.is_some() { LOAN_MS } else { LEASE_MS };
        self.lease_until_ms = now_ms + lease;
    }

    /// When an attempt that runs is ready, at `wall_ms` for all of it if nobody said.
    fn ready_ms(&self, now_ms: u64, wall_ms: u64) -> u64 {
        let believed = self.since_ms.saturating_add(wall_ms);
        let said = self.left.map(|(at, left)| at.saturating_add(left));
        // It is late and nobody knows by how much: every moment now.
        said.unwrap_or(believed).max(now_ms + 1)
    }
}

/// The desk of one box.
#[derive(Debug)]
pub struct Desk {
    pub(crate) machine: Machine,
    costs: Costs,
    pub(crate) entries: BTreeMap<String, Entry>,
}

impl Desk {
    pub fn new(machine: Machine, costs: Costs) -> Self {
        Self { machine, costs, entries: BTreeMap::new() }
    }

    /// What a job is believed to take at full speed.
    pub fn cost(&self, row: &JobRow) -> Cost {
        self.costs.of(row)
    }

    /// What an attempt took that is about to finish: what is to be kept of it. One that others have
    /// begun, or that went on from an earlier one, or was made elsewhere, says nothing.
    pub fn spent(&mut self, now_ms: u64, attempt: &Attempt, cpu_s: f64) -> Vec<(String, Tally)> {
        let held = self.machine.held;
        let telling = |entry: &&mut Entry| entry.row.attempts == 1 && entry.row.borrower.is_none();
        let Some(entry) = self.leased(attempt).filter(telling) else {
            return Vec::new();
        };
        let wall_s = now_ms.saturating_sub(entry.since_ms) as f64 / 1000.0;
        let wall_s = (!entry.slowed && !held).then_some(wall_s);
        let row = entry.row.clone();
        let learnt = self.costs.learn(&row, Spent { media_ms: media_ms(&row), cpu_s, wall_s });
        for entry in self.entries.values_mut() {
            entry.cost = self.costs.of(&entry.row);
        }
        learnt
    }

    /// When everything that runs or waits will start and be ready.
    pub fn outlook(&self, now_ms: u64) -> Vec<Outlook> {
        let all = || self.entries.values();
        let runs = all().filter(|entry| entry.runs_here()).map(|entry| {
            let Cost { wall_ms, cores, .. } = entry.cost;
            let ready_ms = entry.ready_ms(now_ms, self.machine.time(wall_ms));
            Runs { job: entry.row.spec.job.clone(), ready_ms, cores }
        });
        let waiting = all().filter(|entry| entry.row.state == JobState::Queued);
        let waiting = waiting.map(|entry| (&entry.row, entry.cost)).collect();
        let mut seen = look(now_ms, &self.machine, runs.collect(), waiting);
        seen.extend(all().filter(|entry| entry.runs_elsewhere()).map(|entry| Outlook {
            job: entry.row.spec.job.clone(),
            starts_ms: None,
            // How fast another box is nobody here knows before it says so.
            ready_ms: entry.left.map(|_| entry.ready_ms(now_ms, 0)),
            waits: None,
        }));
        seen
    }

    pub fn row(&self, job: &str) -> Option<&JobRow> {
        self.entries.get(job).map(|entry| &entry.row)
    }

    /// What meetings leave of the machine from now on. No time passes by that: who says that it lives
    /// is heard before anybody looks at its lease.
    pub fn adopt(&mut self, machine: Machine) {
        self.machine = machine;
        for entry in self.entries.values_mut() {
            entry.slowed |= machine.held;
        }
    }

    /// Takes an input, in the order in which things happened.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Add(row) => self.add(now_ms, *row, &mut effects),
            Input::Tick => {}
            Input::Machine(machine) => self.adopt(machine),
            Input::Progressed { attempt, left_ms } => {
                if let Some(entry) = self.leased(&attempt) {
                    entry.renew(now_ms);
                    entry.left = Some((now_ms, left_ms));
                }
            }
            Input::Renew(attempt) => {
                if let Some(entry) = self.leased(&attempt) {
                    entry.renew(now_ms);
                }
            }
            Input::Finished(attempt) => {
                if let Some(entry) = self.leased(&attempt) {
                    entry.row.state = JobState::Finished;
                    entry.row.last_error = None;
                    effects.push(Effect::Persist(Box::new(entry.row.clone())));
                }
            }
            Input::Failed { attempt, log } => {
                if let Some(entry) = self.leased(&attempt) {
                    fail(entry, now_ms, &log);
                    effects.push(Effect::Persist(Box::new(entry.row.clone())));
                }
            }
            Input::Lend { job, number, borrower } => {
                let lent = self.lend(now_ms, &job, number, borrower);
                effects.extend(lent.map(|row| Effect::Persist(Box::new(row))));
            }
            Input::Returned { attempt, why } => {
                if let Some(entry) = self.leased(&attempt) {
                    come_back(entry, now_ms, &why);
                    effects.push(Effect::Persist(Box::new(entry.row.clone())));
                }
            }
            Input::Hopeless { attempt, log } => {
                if let Some(entry) = self.leased(&attempt) {
                    fail(entry, now_ms, &log);
                    entry.row.state = JobState::Parked;
                    effects.push(Effect::Persist(Box::new(entry.row.clone())));
                }
            }
            Input::Cancel { job } => self.cancel(&job, &mut effects),
            Input::Retry { job } => self.retry(&job, &mut effects),
            Input::Wish { job, wish } => self.wish(now_ms, &job, wish, &mut effects),
        }
        self.expire(now_ms, &mut effects);
        self.start(now_ms, &mut effects);
        effects
    }

    /// When the desk wants to be looked at again, if nothing happens before. A job that only waits for
    /// its turn wants nothing: whatever frees its place is told.
    pub fn next_ms(&self, now_ms: u64) -> Option<u64> {
        let next = self.entries.values().filter_map(|entry| match entry.row.state {
            JobState::Running => Some(entry.lease_until_ms),
            JobState::Queued => Some(entry.row.waits_until_ms(now_ms)).filter(|at| *at > now_ms),
            _ => None,
        });
        next.min()
    }

    /// The clock that gives the desk its times was set by so much: what was measured by it moves along,
    /// so that no lease ends and no pause grows by that.
    pub fn clock_was_set(&mut self, by_ms: i64) {
        for entry in self.entries.values_mut() {
            let row = &mut entry.row;
            let left = entry.left.as_mut().map(|(at, _)| at);
            let pause = (row.not_before_ms > 0).then_some(&mut row.not_before_ms);
            let lease = [&mut entry.lease_until_ms, &mut entry.since_ms];
            for at in lease.into_iter().chain(left).chain(pause) {
                *at = at.saturating_add_signed(by_ms);
            }
        }
    }

    fn leased(&mut self, attempt: &Attempt) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(&attempt.job)?;
        let holds = entry.row.state == JobState::Running && entry.row.attempts == attempt.number;
        holds.then_some(entry)
    }

    fn add(&mut self, now_ms: u64, row: JobRow, effects: &mut Vec<Effect>) {
        let job = row.spec.job.clone();
        if self.entries.contains_key(&job) {
            return;
        }
        let cost = self.costs.of(&row);
        let mut entry =
            Entry { row, cost, lease_until_ms: 0, since_ms: 0, left: None, slowed: false };
        if entry.row.state == JobState::Running {
            let why = "the box went down while the job ran";
            match entry.row.borrower.is_some() {
                true => come_back(&mut entry, now_ms, why),
                false => fail(&mut entry, now_ms, why),
            }
            effects.push(Effect::Persist(Box::new(entry.row.clone())));
        }
        self.entries.insert(job, entry);
    }

    fn cancel(&mut self, job: &str, effects: &mut Vec<Effect>) {
        let Some(entry) = self.entries.get_mut(job) else { return };
        if matches!(entry.row.state, JobState::Finished | JobState::Cancelled) {
            return;
        }
        let ran = entry.row.state == JobState::Running;
        entry.row.state = JobState::Cancelled;
        effects.push(Effect::Persist(Box::new(entry.row.clone())));
        if ran {
            let number = entry.row.attempts;
            effects.push(Effect::Kill(Attempt { job: job.to_owned(), number }));
        }
    }

    fn retry(&mut self, job: &str, effects: &mut Vec<Effect>) {
        let Some(entry) = self.entries.get_mut(job) else { return };
        if matches!(entry.row.state, JobState::Parked | JobState::Cancelled) {
            entry.row.state = JobState::Queued;
            entry.row.borrower = None;
            // Numbers go on, so that nothing of an old attempt can be taken for a new one.
            entry.row.not_before_ms = 0;
            effects.push(Effect::Persist(Box::new(entry.row.clone())));
        }
    }

    fn wish(&mut self, now_ms: u64, job: &str, wish: Wish, effects: &mut Vec<Effect>) {
        let Some(entry) = self.entries.get_mut(job) else { return };
        let row = &mut entry.row;
        if matches!(row.state, JobState::Finished | JobState::Cancelled) {
            return;
        }
        row.priority = wish.priority.unwrap_or(row.priority);
        row.deadline_ms = wish.deadline_ms.unwrap_or(row.deadline_ms);
        if let Some(front) = wish.front {
            row.front_ms = front.then_some(now_ms);
        }
        effects.push(Effect::Persist(Box::new(row.clone())));
    }

    fn expire(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        for (job, entry) in &mut self.entries {
            if entry.row.state == JobState::Running && entry.lease_until_ms <= now_ms {
                let number = entry.row.attempts;
                match &entry.row.borrower {
                    Some(borrower) => {
                        let why = format!("{} was not heard for too long", borrower.name);
                        come_back(entry, now_ms, &why);
                    }
                    None => fail(entry, now_ms, "the worker said nothing for too long"),
                }
                effects.push(Effect::Persist(Box::new(entry.row.clone())));
                effects.push(Effect::Kill(Attempt { job: job.clone(), number }));
            }
        }
    }

    fn start(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let cores = |entry: &Entry| entry.cost.cores;
        let runs = self.entries.values().filter(|entry| entry.runs_here()).map(cores);
        let (mut running, mut used) = runs.fold((0, 0.0), |(n, sum), one| (n + 1, sum + one));
        let due = self.entries.iter().filter(|(_, entry)| {
            entry.row.state == JobState::Queued && entry.row.waits_until_ms(now_ms) <= now_ms
        });
        let mut ready: Vec<_> = due
            .map(|(job, entry)| {
                let Cost { wall_ms, cores, .. } = entry.cost;
                (rank(&entry.row, self.machine.time(wall_ms), now_ms), cores, job)
            })
            .collect();
        ready.sort_by(|a, b| a.0.cmp(&b.0));
        let mut first = Vec::new();
        for (_, needs, job) in ready {
            if !self.machine.admits(running, used, needs) {
                break;
            }
            (running, used) = (running + 1, used + needs);
            first.push(job.clone());
        }
        for job in first {
            let Some(entry) = self.entries.get_mut(&job) else { continue };
            entry.row.state = JobState::Running;
            entry.row.attempts += 1;
            entry.row.borrower = None;
            entry.renew(now_ms);
            (entry.since_ms, entry.left, entry.slowed) = (now_ms, None, self.machine.held);
            effects.push(Effect::Persist(Box::new(entry.row.clone())));
            effects.push(Effect::Start(Attempt { job, number: entry.row.attempts }));
        }
    }
}

/// Nothing is wrong with the job: the way to who had borrowed it, or its machine, was. So often as that
/// happens nobody has to decide anything.
fn come_back(entry: &mut Entry, now_ms: u64, why: &str) {
    let row = &mut entry.row;
    row.last_error = Some(end_of(why));
    row.borrower = None;
    row.returned += 1;
    row.state = JobState::Queued;
    row.not_before_ms = now_ms + BACK_OFF_MS;
}

fn end_of(log: &str) -> String {
    let skip = log.chars().count().saturating_sub(LOG_END);
    log.chars().skip(skip).collect()
}

fn fail(entry: &mut Entry, now_ms: u64, log: &str) {
    let row = &mut entry.row;
    row.last_error = Some(end_of(log));
    row.borrower = None;
    // Every fifth failure needs a person: a retry grants five more.
    let failures = row.attempts.saturating_sub(row.returned);
    if failures.is_multiple_of(MAX_ATTEMPTS) {
        row.state = JobState::Parked;
    } else {
        row.state = JobState::Queued;
        let doublings = (failures % MAX_ATTEMPTS).saturating_sub(1);
        let pause = (BACK_OFF_MS << doublings).min(LONGEST_BACK_OFF_MS);
        row.not_before_ms = now_ms + pause;
    }
}
