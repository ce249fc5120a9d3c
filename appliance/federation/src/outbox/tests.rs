//! A store, a link that fails at random and a hub, on a clock of their own.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

const IDLE: Duration = Duration::from_millis(250);

/// Numbers from a seed (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % most
    }
}

/// An answer on its way.
struct Answer {
    at: Duration,
    seq: u64,
    good: bool,
}

#[derive(Default)]
struct Ran {
    lost: usize,
    doubled: usize,
    turned: usize,
    most_open: usize,
}

/// `total` events under a link that is cut now and then.
fn run(seed: u64, total: u64) -> Ran {
    let mut chance = Chance(seed * 2 + 1);
    let (mut now, mut made) = (Duration::ZERO, 0);
    let mut unsent: BTreeSet<u64> = BTreeSet::new();
    let (mut stream, mut times): (Vec<u64>, BTreeMap<u64, usize>) = Default::default();
    let (mut outbox, mut answers): (_, Vec<Answer>) = (Outbox::default(), Vec::new());
    let (mut cut_until, mut ran) = (Duration::ZERO, Ran::default());
    while made < total || !unsent.is_empty() {
        assert!(now < Duration::from_secs(3600), "seed {seed}: {} never arrive", unsent.len());
        for _ in 0..chance.below(40).min(total - made) {
            made += 1;
            unsent.insert(made);
        }
        if chance.below(120) == 0 && made < total {
            cut_until = now + Duration::from_millis(chance.below(9000));
        }
        // The daemon dies: what the store knows is what it knows.
        if chance.below(400) == 0 {
            (outbox, answers) = (Outbox::default(), Vec::new());
        }
        answers.sort_by_key(|answer| answer.at);
        while answers.first().is_some_and(|answer| answer.at <= now) {
            let Answer { seq, good, .. } = answers.remove(0);
            match good {
                true if outbox.answered(seq) => drop(unsent.remove(&seq)),
                true => {}
                false => outbox.failed(seq),
            }
        }
        match outbox.step(now, IDLE) {
            Step::Wait { until } => {
                assert!(until > now, "seed {seed}: it spins");
                let next = answers.iter().map(|answer| answer.at).min().unwrap_or(until);
                now = next.min(until).max(now + Duration::from_millis(1));
            }
            Step::Send { after, most } => {
                assert!(most <= WINDOW);
                let batch: Vec<u64> = unsent.range(after + 1..).take(most).copied().collect();
                for seq in batch {
                    outbox.sent(seq, now);
                    let at = now + Duration::from_millis(5 + chance.below(200));
                    if now >= cut_until {
                        // The stream takes each once; its answer may be lost all the same.
                        if *times.entry(seq).and_modify(|n| *n += 1).or_insert(1) == 1 {
                            stream.push(seq);
                        }
                        if chance.below(300) > 0 {
                            answers.push(Answer { at, seq, good: true });
                        }
                    } else if chance.below(2) == 0 {
                        answers.push(Answer { at, seq, good: false });
                    }
                }
                ran.most_open = ran.most_open.max(outbox.open.len());
                now += Duration::from_millis(1 + chance.below(20));
            }
        }
    }
    let kept: BTreeSet<u64> = stream.iter().copied().collect();
    ran.lost = usize::try_from(total).unwrap() - kept.len();
    ran.doubled = stream.len() - kept.len();
    ran.turned = stream.windows(2).filter(|pair| pair[0] > pair[1]).count();
    ran
}

#[test]
fn whatever_the_link_does_each_event_arrives_once_and_the_window_is_kept() {
    let seeds = std::env::var("ROOMBOX_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let mut turned = 0;
    for seed in 0..seeds {
        let ran = run(seed, 2000);
        assert_eq!((ran.lost, ran.doubled), (0, 0), "seed {seed}");
        assert!(ran.most_open <= WINDOW, "seed {seed}: {}", ran.most_open);
        turned += ran.turned;
    }
    println!("{seeds} seeds: 0 lost, 0 doubled, {turned} turned");
}

#[test]
fn a_failure_stops_the_window_until_all_answers_are_there() {
    let mut outbox = Outbox::default();
    let at = Duration::from_millis;
    for seq in 1..=3 {
        outbox.sent(seq, at(0));
    }
    assert_eq!(outbox.step(at(1), IDLE), Step::Send { after: 3, most: WINDOW - 3 });
    outbox.failed(2);
    assert_eq!(outbox.step(at(2), IDLE), Step::Wait { until: PATIENCE });
    assert!(outbox.answered(1));
    // The third is never answered.
    let late = PATIENCE;
    assert_eq!(outbox.step(late, IDLE), Step::Wait { until: late + PAUSE });
    assert!(!outbox.answered(3), "it is sent again");
    let again = late + PAUSE;
    // One is tried; once it has arrived, the window is open.
    assert_eq!(outbox.step(again, IDLE), Step::Send { after: 0, most: WINDOW });
}

#[test]
fn while_nothing_arrives_one_event_is_tried_ever_more_rarely() {
    let mut outbox = Outbox::default();
    let (mut now, mut tries) = (Duration::ZERO, 0);
    while now < Duration::from_secs(60) {
        match outbox.step(now, IDLE) {
            Step::Send { most, .. } => {
                assert!(tries == 0 || most == 1, "{most}");
                tries += 1;
                outbox.sent(tries, now);
                outbox.failed(tries);
            }
            Step::Wait { until } => now = until,
        }
    }
    assert!((12..=20).contains(&tries), "{tries}");
    outbox.sent(99, now);
    assert!(outbox.answered(99));
    let Step::Send { most, .. } = outbox.step(now + LONGEST_PAUSE, IDLE) else { panic!() };
    assert_eq!(most, WINDOW);
}
