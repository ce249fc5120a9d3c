//! Random histories of a desk that lends: borrowers that die, that are cut off, that ask late or twice,
//! and a box that goes down. A failing seed is printed; `ROOMBOX_SEEDS` asks for more of them.

use roombox_jobs::spec::{JobSpec, Output};
use roombox_jobs::{
    Attempt, Borrower, Costs, Desk, Effect, Input, JobRow, JobState, LOAN_MS, Machine, Offer,
};
use std::collections::{BTreeMap, BTreeSet};

const JOBS: usize = 8;
const BORROWERS: u64 = 3;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn row(n: usize) -> JobRow {
    JobRow::new(JobSpec::new(format!("job_{n}"), "rec_1".into(), "t".into()), 0, 1)
}

fn borrower(n: u64) -> Borrower {
    Borrower { id: format!("box-{n}"), name: format!("box {n}") }
}

/// A box that records, and whose films others make.
fn machine() -> Machine {
    Machine { transcodes: false, lends: true, ..Machine::idle(1) }
}

/// Somebody elsewhere who believes that this attempt is theirs.
struct Loan {
    of: u64,
    attempt: Attempt,
    ends_ms: u64,
}

struct World {
    random: Random,
    desk: Desk,
    store: BTreeMap<String, JobRow>,
    loans: Vec<Loan>,
    /// What borrowers were told once; they may come with it at any time.
    heard: Vec<Offer>,
    finished: BTreeSet<String>,
    held: BTreeSet<(String, u32)>,
    /// Nothing fails any more, so that everything comes to its end.
    calm: bool,
    now: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            desk: Desk::new(machine(), Costs::default()),
            store: BTreeMap::new(),
            loans: Vec::new(),
            heard: Vec::new(),
            finished: BTreeSet::new(),
            held: BTreeSet::new(),
            calm: false,
            now: 1,
        };
        for n in 0..JOBS {
            let row = row(n);
            world.store.insert(row.spec.job.clone(), row.clone());
            world.give(Input::Add(Box::new(row)));
        }
        world
    }

    fn give(&mut self, input: Input) {
        for effect in self.desk.handle(self.now, input) {
            match effect {
                Effect::Persist(row) => {
                    let old = &self.store[&row.spec.job];
                    assert_ne!(old.state, JobState::Finished, "a finished job changed");
                    if row.state == JobState::Finished {
                        assert!(self.finished.insert(row.spec.job.clone()), "finished twice");
                    }
                    self.store.insert(row.spec.job.clone(), *row);
                }
                Effect::Start(attempt) => panic!("{attempt:?} starts on a box that only records"),
                Effect::Kill(_) => {}
            }
        }
    }

    fn ask(&mut self) {
        let offers = self.desk.offers(self.now, &self.desk.outlook(self.now));
        match self.calm {
            true => self.heard = offers,
            false => self.heard.extend(offers),
        }
        if self.heard.is_empty() {
            return;
        }
        let Offer { job, number, .. } =
            self.heard[self.random.below(self.heard.len() as u64) as usize].clone();
        let of = self.random.below(BORROWERS);
        let before = self.desk.row(&job).map(|row| (row.state, row.attempts));
        self.give(Input::Lend { job: job.clone(), number, borrower: borrower(of) });
        if !self.desk.is_lent(&job, number, &borrower(of).id) {
            return;
        }
        if before == Some((JobState::Queued, number - 1)) {
            assert!(self.held.insert((job.clone(), number)), "an attempt was lent twice");
        }
        let ends_ms = self.now + 1000 + self.random.below(2 * LOAN_MS);
        self.loans.push(Loan { of, attempt: Attempt { job, number }, ends_ms });
    }

    fn work(&mut self) {
        if self.loans.is_empty() {
            return;
        }
        let at = self.random.below(self.loans.len() as u64) as usize;
        let attempt = self.loans[at].attempt.clone();
        let why = "gone".to_owned();
        match self.random.below(12) + if self.calm { 12 } else { 0 } {
            // It dies, or is cut off for good.
            0 | 1 => drop(self.loans.remove(at)),
            2 => {
                self.loans.remove(at);
                self.give(Input::Returned { attempt, why });
            }
            // Somebody who has the job's number only.
            3 => {
                let number = attempt.number + 1;
                let stranger = Attempt { number, ..attempt };
                if !self.desk.is_lent(&stranger.job, number, &borrower(self.loans[at].of).id) {
                    let state = self.desk.row(&stranger.job).map(|row| row.state);
                    if state != Some(JobState::Running) {
                        self.give(Input::Finished(stranger));
                    }
                }
            }
            _ if self.loans[at].ends_ms <= self.now => {
                let loan = self.loans.remove(at);
                let holds = self.desk.is_lent(&attempt.job, attempt.number, &borrower(loan.of).id);
                let known = self.finished.contains(&attempt.job);
                self.give(Input::Finished(attempt.clone()));
                let now = self.finished.contains(&attempt.job);
                assert!(
                    known || now == holds,
                    "who does not hold it finished it, or who does could not"
                );
            }
            _ => self.give(Input::Renew(attempt)),
        }
    }

    /// The box goes down and reads what it kept.
    fn restart(&mut self) {
        self.desk = Desk::new(machine(), Costs::default());
        for row in self.store.values().cloned().collect::<Vec<_>>() {
            if row.state != JobState::Finished {
                self.give(Input::Add(Box::new(row)));
            }
        }
    }

    fn run(&mut self) {
        for step in 0..20_000 {
            self.now += self.random.below(3000);
            self.calm = step >= 2000;
            match self.random.below(40) {
                39 if !self.calm => self.restart(),
                0 | 4..8 => self.ask(),
                1 => self.give(Input::Tick),
                _ => self.work(),
            }
            if self.finished.len() == JOBS {
                return;
            }
        }
        panic!("{} of {JOBS} films were made: {:?}", self.finished.len(), self.store);
    }
}

#[test]
fn a_job_that_travels_is_done_once_whatever_happens_to_borrowers() {
    let seeds = std::env::var("ROOMBOX_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    for seed in 1..=seeds {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.run();
            let parked = world.store.values().filter(|row| row.state == JobState::Parked).count();
            assert_eq!(parked, 0, "nothing was wrong with any of them");
        });
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

#[test]
fn only_what_would_wait_long_is_offered_by_a_box_that_makes_films() {
    let busy = Machine { lends: true, ..Machine::idle(1) };
    let mut desk = Desk::new(busy, Costs::default());
    for n in 0..3 {
        let row = JobRow { media_ms: 3_600_000, ..row(n) };
        desk.handle(1, Input::Add(Box::new(row)));
    }
    let offered = |desk: &Desk, now| -> Vec<String> {
        desk.offers(now, &desk.outlook(now)).into_iter().map(|offer| offer.job).collect()
    };
    assert_eq!(offered(&desk, 2), ["job_1", "job_2"], "the first runs here");
    desk.handle(3, Input::Lend { job: "job_1".into(), number: 1, borrower: borrower(1) });
    assert_eq!(offered(&desk, 4), ["job_2"]);
    // What runs elsewhere keeps nobody here busy.
    desk.handle(5, Input::Finished(Attempt { job: "job_0".into(), number: 1 }));
    assert_eq!(desk.row("job_2").unwrap().state, JobState::Running);
    assert_eq!(desk.row("job_2").unwrap().borrower, None);
    desk.adopt(Machine::idle(1));
    assert_eq!(offered(&desk, 6), [] as [String; 0]);
    desk.handle(7, Input::Lend { job: "job_1".into(), number: 2, borrower: borrower(2) });
    assert!(desk.is_lent("job_1", 1, "box-1") && !desk.is_lent("job_1", 2, "box-2"));
}

#[test]
fn a_borrower_that_is_not_heard_loses_the_job_and_failures_of_the_job_park_it() {
    let mut desk = Desk::new(machine(), Costs::default());
    desk.handle(1, Input::Add(Box::new(row(0))));
    let mut now = 1;
    let lend = |desk: &mut Desk, now: &mut u64| {
        *now = desk.row("job_0").unwrap().not_before_ms.max(*now);
        let number = desk.row("job_0").unwrap().attempts + 1;
        desk.handle(*now, Input::Lend { job: "job_0".into(), number, borrower: borrower(1) });
        assert!(desk.is_lent("job_0", number, "box-1"));
        Attempt { job: "job_0".into(), number }
    };
    for _ in 0..12 {
        lend(&mut desk, &mut now);
        desk.handle(now + LOAN_MS - 1, Input::Tick);
        assert_eq!(desk.row("job_0").unwrap().state, JobState::Running);
        now += LOAN_MS;
        desk.handle(now, Input::Tick);
        let row = desk.row("job_0").unwrap();
        assert_eq!((row.state, row.borrower.clone()), (JobState::Queued, None));
        assert!(row.last_error.as_ref().unwrap().contains("box 1"));
    }
    for failure in 1..=5 {
        let attempt = lend(&mut desk, &mut now);
        desk.handle(now, Input::Failed { attempt, log: "broken".into() });
        let parked = desk.row("job_0").unwrap().state == JobState::Parked;
        assert_eq!(parked, failure == 5, "failure {failure}");
    }
}

#[test]
fn files_of_each_person_are_made_where_they_were_recorded() {
    let mut desk = Desk::new(machine(), Costs::default());
    for (n, outputs) in [
        vec![Output::Film],
        vec![Output::Tracks],
        vec![Output::Film, Output::TracksMp4],
        vec![Output::Sound],
    ]
    .into_iter()
    .enumerate()
    {
        let mut row = row(n);
        row.spec.outputs = outputs;
        desk.handle(1, Input::Add(Box::new(row)));
    }
    let now = 1_000_000;
    let offers = desk.offers(now, &desk.outlook(now)).into_iter();
    let offered: BTreeSet<String> = offers.map(|offer| offer.job).collect();
    assert_eq!(offered, ["job_0", "job_3"].map(str::to_owned).into());
}
