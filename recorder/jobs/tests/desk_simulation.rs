//! Random histories of a desk and its workers: losses, duplicates, reordering, crashes of both.
//! A failing seed is printed; `ROOMBOX_SEEDS` asks for more of them.

use roombox_jobs::spec::JobSpec;
use roombox_jobs::{
    Attempt, Costs, Desk, Effect, Input, JobRow, JobState, LEASE_MS, MAX_ATTEMPTS, Machine,
};
use std::collections::{BTreeMap, BTreeSet};

const JOBS: usize = 12;
const CAPACITY: usize = 3;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn spec(n: usize) -> JobSpec {
    JobSpec::new(format!("job_{n}"), "rec_1".into(), "t".into())
}

fn desk(workers: usize) -> Desk {
    Desk::new(Machine::idle(workers), Costs::default())
}

/// A worker as the simulation sees it.
#[derive(Debug, Clone)]
struct Worker {
    attempt: Attempt,
    ends_ms: u64,
    fails: bool,
    /// Never says anything.
    mute: bool,
    last_renewal_ms: u64,
}

struct World {
    random: Random,
    desk: Desk,
    store: BTreeMap<String, JobRow>,
    workers: Vec<Worker>,
    /// Messages on their way: delivery time, input.
    mail: Vec<(u64, Input)>,
    finished: BTreeSet<String>,
    /// Jobs of which a worker said that no try can help.
    hopeless: BTreeSet<String>,
    started: BTreeSet<(String, u32)>,
    now: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            desk: desk(CAPACITY),
            store: BTreeMap::new(),
            workers: Vec::new(),
            mail: Vec::new(),
            finished: BTreeSet::new(),
            hopeless: BTreeSet::new(),
            started: BTreeSet::new(),
            now: 1,
        };
        for n in 0..JOBS {
            let row = JobRow::new(spec(n), (n % 3) as i32, world.now);
            world.store.insert(row.spec.job.clone(), row.clone());
            world.give(Input::Add(Box::new(row)));
        }
        world
    }

    fn give(&mut self, input: Input) {
        let finishing = match &input {
            Input::Finished(attempt)
            | Input::Failed { attempt, .. }
            | Input::Hopeless { attempt, .. } => Some(attempt.clone()),
            _ => None,
        };
        let before = finishing.as_ref().map(|a| self.store[&a.job].clone());
        let effects = self.desk.handle(self.now, input);
        for effect in effects {
            match effect {
                Effect::Persist(row) => self.persist(*row, finishing.as_ref(), before.as_ref()),
                Effect::Start(attempt) => self.start(attempt),
                Effect::Kill(attempt) => self.workers.retain(|w| w.attempt != attempt),
            }
        }
        let rows = self.store.keys().filter_map(|job| self.desk.row(job));
        let running = rows.filter(|row| row.state == JobState::Running).count();
        assert!(running <= CAPACITY, "{running} jobs run at once");
    }

    fn persist(&mut self, row: JobRow, finishing: Option<&Attempt>, before: Option<&JobRow>) {
        let job = row.spec.job.clone();
        let old = &self.store[&job];
        assert_ne!(old.state, JobState::Finished, "a finished job changed");
        if let (Some(attempt), Some(held)) = (finishing, before)
            && attempt.job == job
            && row.state != JobState::Running
        {
            let lost_lease = row.last_error.as_deref() != Some("no");
            let holds = held.state == JobState::Running && held.attempts == attempt.number;
            assert!(holds || lost_lease, "an attempt without the lease changed its job");
        }
        if row.state == JobState::Finished {
            let attempt = finishing.expect("only a worker finishes a job");
            let held = before.expect("known");
            assert_eq!(held.attempts, attempt.number, "an attempt without the lease finished");
            assert_eq!(held.state, JobState::Running);
            assert!(self.finished.insert(job.clone()), "finished twice");
        }
        self.store.insert(job, row);
    }

    fn start(&mut self, attempt: Attempt) {
        assert!(!self.finished.contains(&attempt.job), "a finished job starts again");
        let key = (attempt.job.clone(), attempt.number);
        assert!(self.started.insert(key), "an attempt number was used twice");
        assert_eq!(self.store[&attempt.job].attempts, attempt.number, "started before persisted");
        let worker = Worker {
            ends_ms: self.now + 500 + self.random.below(90_000),
            fails: self.random.below(3) == 0,
            mute: self.random.below(12) == 0,
            last_renewal_ms: self.now,
            attempt,
        };
        self.workers.push(worker);
    }

    fn step(&mut self, faults: bool) {
        self.now += 1 + self.random.below(2_000);
        let mut outgoing = Vec::new();
        let now = self.now;
        self.workers.retain_mut(|worker| {
            if worker.mute {
                return true;
            }
            if worker.ends_ms <= now {
                let attempt = worker.attempt.clone();
                outgoing.push(match worker.fails {
                    true if attempt.number == 3 => Input::Hopeless { attempt, log: "no".into() },
                    true => Input::Failed { attempt, log: "no".into() },
                    false => Input::Finished(attempt),
                });
                return false;
            }
            if now - worker.last_renewal_ms >= 1_000 {
                worker.last_renewal_ms = now;
                outgoing.push(Input::Renew(worker.attempt.clone()));
            }
            true
        });
        for input in outgoing {
            if let Input::Hopeless { attempt, .. } = &input {
                self.hopeless.insert(attempt.job.clone());
            }
            let copies = match self.random.below(20) {
                0 if faults => 0,
                1 if faults => 2,
                _ => 1,
            };
            for _ in 0..copies {
                let late = if self.random.below(8) == 0 { 90_000 } else { 3_000 };
                let delay = if faults { self.random.below(late) } else { 0 };
                self.mail.push((self.now + delay, input.clone()));
            }
        }
        let due: Vec<Input> = {
            let now = self.now;
            let (due, later) =
                std::mem::take(&mut self.mail).into_iter().partition(|(at, _)| *at <= now);
            self.mail = later;
            let due: Vec<(u64, Input)> = due;
            due.into_iter().map(|(_, input)| input).collect()
        };
        for input in due {
            self.give(input);
        }
        if faults {
            self.fault();
        }
        self.give(Input::Tick);
    }

    fn fault(&mut self) {
        let job = format!("job_{}", self.random.below(JOBS as u64));
        match self.random.below(60) {
            0 => self.give(Input::Retry { job }),
            1 if self.random.below(4) == 0 => self.give(Input::Cancel { job }),
            // The daemon dies: workers go with it, the store stays.
            2 if self.random.below(4) == 0 => {
                self.desk = desk(CAPACITY);
                self.workers.clear();
                self.mail.clear();
                for row in self.store.values().cloned().collect::<Vec<_>>() {
                    self.give(Input::Add(Box::new(row)));
                }
            }
            3 if !self.workers.is_empty() => {
                let victim = self.random.below(self.workers.len() as u64) as usize;
                self.workers.remove(victim);
            }
            _ => {}
        }
    }
}

fn seeds() -> u64 {
    std::env::var("ROOMBOX_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

#[test]
fn every_job_ends_and_none_ends_twice() {
    for seed in 1..=seeds() {
        let mut world = World::new(seed);
        for _ in 0..200 {
            world.step(true);
        }
        let mut rounds = 0;
        while world.store.values().any(|row| !row.state.is_final()) {
            world.step(false);
            rounds += 1;
            assert!(rounds < 20_000, "seed {seed}: a job never ends: {:?}", world.store);
        }
        for row in world.store.values() {
            if row.state == JobState::Parked {
                let tried = row.attempts.is_multiple_of(MAX_ATTEMPTS);
                let hopeless = world.hopeless.contains(&row.spec.job);
                assert!(tried || hopeless, "seed {seed}: parked too early");
                assert!(row.last_error.is_some(), "seed {seed}: parked without a reason");
            }
        }
    }
}

#[test]
fn a_healthy_worker_never_loses_its_lease() {
    let mut desk = desk(1);
    desk.handle(0, Input::Add(Box::new(JobRow::new(spec(0), 0, 0))));
    let attempt = Attempt { job: "job_0".into(), number: 1 };
    let mut now = 0;
    for _ in 0..1000 {
        now += LEASE_MS - 1;
        let effects = desk.handle(now, Input::Renew(attempt.clone()));
        assert!(effects.is_empty(), "{effects:?}");
    }
    now += LEASE_MS;
    let effects = desk.handle(now, Input::Tick);
    assert!(effects.contains(&Effect::Kill(attempt)));
}

#[test]
fn failures_pause_longer_each_time_and_the_fifth_parks() {
    let mut desk = desk(1);
    let (mut now, mut pauses) = (0, Vec::new());
    let mut effects = desk.handle(now, Input::Add(Box::new(JobRow::new(spec(0), 0, 0))));
    loop {
        let Some(Effect::Start(attempt)) = effects.pop() else { panic!("not started") };
        let log = "x".repeat(10_000);
        desk.handle(now, Input::Failed { attempt, log });
        let row = desk.row("job_0").unwrap();
        assert!(row.last_error.as_ref().unwrap().len() <= 2_000);
        if row.state == JobState::Parked {
            break;
        }
        pauses.push(row.not_before_ms - now);
        assert!(desk.handle(row_before(&desk, now), Input::Tick).is_empty());
        now = desk.next_ms(now).unwrap();
        effects = desk.handle(now, Input::Tick);
    }
    assert_eq!(pauses, [5_000, 10_000, 20_000, 40_000]);
    let effects = desk.handle(now, Input::Retry { job: "job_0".into() });
    assert!(matches!(effects.last(), Some(Effect::Start(attempt)) if attempt.number == 6));
}

#[test]
fn a_pause_of_another_clock_keeps_no_job_for_years() {
    let mut desk = desk(1);
    let year = 365 * 86_400_000;
    let failed = JobRow { attempts: 1, not_before_ms: 5 * year, ..JobRow::new(spec(0), 0, 0) };
    let effects = desk.handle(year, Input::Add(Box::new(failed)));
    assert!(matches!(effects.last(), Some(Effect::Start(attempt)) if attempt.number == 2));
}

#[test]
fn a_clock_that_is_set_ends_no_lease_and_makes_no_pause_longer() {
    let day = 86_400_000;
    for by in [40 * day, -3 * day] {
        let mut desk = desk(1);
        let mut now = 100 * day as u64;
        desk.handle(now, Input::Add(Box::new(JobRow::new(spec(0), 0, 0))));
        desk.clock_was_set(by);
        now = now.saturating_add_signed(by) + 1;
        assert!(desk.handle(now, Input::Tick).is_empty(), "its worker is alive");
        assert_eq!(desk.next_ms(now), Some(now + LEASE_MS - 1));
        let attempt = Attempt { job: "job_0".into(), number: 1 };
        desk.handle(now, Input::Failed { attempt, log: String::new() });
        desk.clock_was_set(by);
        now = now.saturating_add_signed(by);
        assert_eq!(desk.next_ms(now), Some(now + 5_000));
    }
}

#[test]
fn who_waits_for_a_turn_keeps_nobody_awake() {
    let mut desk = desk(1);
    for n in 0..2 {
        desk.handle(7, Input::Add(Box::new(JobRow::new(spec(n), 0, 0))));
    }
    assert_eq!(desk.next_ms(7), Some(7 + LEASE_MS));
}

#[test]
fn a_hopeless_job_is_parked_at_once_and_only_by_the_attempt_that_runs() {
    let mut desk = desk(1);
    desk.handle(0, Input::Add(Box::new(JobRow::new(spec(0), 0, 0))));
    let hopeless = |number| Input::Hopeless {
        attempt: Attempt { job: "job_0".into(), number },
        log: "no such recording".into(),
    };
    assert!(desk.handle(1, hopeless(7)).is_empty());
    assert_eq!(desk.row("job_0").unwrap().state, JobState::Running);
    desk.handle(1, hopeless(1));
    let row = desk.row("job_0").unwrap();
    assert_eq!((row.state, row.attempts), (JobState::Parked, 1));
    assert_eq!(row.last_error.as_deref(), Some("no such recording"));
}

fn row_before(desk: &Desk, now: u64) -> u64 {
    desk.next_ms(now).expect("the job waits") - 1
}

#[test]
fn higher_priority_and_then_age_go_first() {
    let mut desk = desk(1);
    desk.handle(0, Input::Add(Box::new(JobRow::new(spec(0), 0, 0))));
    for (n, priority, created) in [(1, 0, 1), (2, 5, 3), (3, 5, 2)] {
        desk.handle(1, Input::Add(Box::new(JobRow::new(spec(n), priority, created))));
    }
    let mut order = Vec::new();
    let mut running = Attempt { job: "job_0".into(), number: 1 };
    for _ in 0..3 {
        let effects = desk.handle(2, Input::Finished(running.clone()));
        let Some(Effect::Start(next)) = effects.last() else { panic!("nothing started") };
        order.push(next.job.clone());
        running = next.clone();
    }
    assert_eq!(order, ["job_3", "job_2", "job_1"]);
}
