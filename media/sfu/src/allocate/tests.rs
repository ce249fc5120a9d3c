//! What holds whatever people want and however their connection behaves.

use super::dips::Dips;
use super::*;
use proptest::prelude::*;
use std::cmp::Ordering;
use std::collections::HashSet;

const TICK: Duration = Duration::from_millis(100);

fn want(track: usize, importance: Importance, costs: &[u64]) -> Want {
    let layers = costs.iter().enumerate().map(|(layer, bps)| LayerCost { layer, bps: *bps });
    Want { track, importance, layers: layers.collect() }
}

fn camera(track: usize, costs: &[u64]) -> Want {
    want(track, Importance::default(), costs)
}

fn wants() -> impl Strategy<Value = Vec<Want>> {
    let importance = (prop::bool::weighted(0.15), 0..3u32, prop::bool::weighted(0.2), 0..4u64);
    let one = (importance, 30_000..400_000u64, prop::collection::vec(11..50u64, 0..3));
    prop::collection::vec(one, 1..10).prop_map(|all| {
        let one = |(track, ((screen, priority, speaking, size), lowest, steps)): (usize, _)| {
            let mut costs = vec![lowest];
            let steps: Vec<u64> = steps;
            // Each layer takes 1.1 to 5 times what the one below it takes.
            steps.iter().for_each(|tenths| costs.push(costs[costs.len() - 1] * tenths / 10));
            let pixels = size * 320 * 180;
            want(track, Importance { screen, priority, speaking, pixels }, &costs)
        };
        all.into_iter().enumerate().map(one).collect()
    })
}

/// Estimates that jump and stay, in ticks.
fn weather() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec((0..6_000_000u64, 1..60u32), 1..12)
}

fn spent(wants: &[Want], given: &Allocation) -> u64 {
    let cost = |want: &Want| match given.layers[&want.track] {
        Some(layer) => want.layers.iter().take(layer + 1).map(|l| l.bps).max().unwrap_or(0),
        None => 0,
    };
    wants.iter().map(cost).sum()
}

struct Step {
    bps: u64,
    has: bool,
    /// It is the first one that the subscription did not get.
    next: bool,
}

/// The steps of all layers, in the order in which they are to be given: all lowest layers by
/// importance, then all second ones, and so on.
fn steps(wants: &[Want], given: &Allocation) -> Vec<Step> {
    let mut steps = Vec::new();
    for rung in 0..3 {
        for want in by_importance(wants) {
            let Some(cost) = want.layers.get(rung) else { continue };
            let below = rung.checked_sub(1).map_or(0, |below| want.layers[below].bps);
            let layer = given.layers[&want.track];
            let has = layer.is_some_and(|layer| layer >= rung);
            let next = rung == layer.map_or(0, |layer| layer + 1);
            steps.push(Step { bps: cost.bps - below, has, next });
        }
    }
    steps
}

fn at_once(estimate: u64, audio: u64, wants: &[Want]) -> Allocation {
    let belief = Belief { now: estimate, lately: estimate };
    Allocator::default().allocate(Instant::now(), Some(belief), audio, wants)
}

fn content(wants: &[Want], given: &Allocation) -> bool {
    wants.iter().all(|want| given.layers[&want.track] == want.layers.last().map(|l| l.layer))
}

/// An allocator on one line, over time.
struct Line {
    allocator: Allocator,
    dips: Dips,
    now: Instant,
    /// Subscriptions that went up or came back, and how many of these went down again.
    ups: HashSet<usize>,
    flaps: usize,
    last: Allocation,
}

impl Line {
    fn new() -> Self {
        let last = Allocation::default();
        let ups = HashSet::new();
        let (allocator, dips) = Default::default();
        Self { allocator, dips, now: Instant::now(), ups, flaps: 0, last }
    }

    fn tick(&mut self, estimate: u64, audio: u64, wants: &[Want]) {
        self.now += TICK;
        let belief = Belief { now: estimate, lately: self.dips.lately(self.now, estimate) };
        let next = self.allocator.allocate(self.now, Some(belief), audio, wants);
        for (track, layer) in &next.layers {
            match self.last.layers.get(track).map(|before| layer.cmp(before)) {
                Some(Ordering::Greater) => drop(self.ups.insert(*track)),
                Some(Ordering::Less) => self.flaps += usize::from(self.ups.remove(track)),
                _ => {}
            }
        }
        self.last = next;
    }

    fn run(&mut self, seconds: u32, estimate: u64, wants: &[Want]) {
        (0..seconds * 10).for_each(|_| self.tick(estimate, 0, wants));
    }
}

proptest! {
    #[test]
    fn what_is_given_fits_the_estimate(wants in wants(), audio in 0..200_000u64, weather in weather()) {
        let mut line = Line::new();
        for (estimate, ticks) in weather {
            for tick in 0..ticks {
                let before = line.last.clone();
                line.tick(estimate, audio, &wants);
                let video = spent(&wants, &line.last);
                // Pictures that are shown stay for a moment, as small as they can be.
                let shown = |track: &usize| before.layers.get(track).is_some_and(Option::is_some);
                let stays = |(track, layer): (&usize, &Option<usize>)| {
                    layer.is_none() || *layer == Some(0) && shown(track)
                };
                let first = audio + by_importance(&wants)[0].layers[0].bps;
                let bridged = TICK * tick <= Duration::from_secs(2)
                    && audio + video <= first.min(estimate * 4).max(estimate * 2)
                    && line.last.layers.iter().all(stays);
                prop_assert!(video == 0 || audio + video <= estimate || bridged);
            }
        }
    }

    #[test]
    fn more_bandwidth_takes_nothing_from_the_more_important(
        wants in wants(), audio in 0..200_000u64, less in 0..6_000_000u64, more in 0..2_000_000u64,
    ) {
        let has = |estimate| -> Vec<bool> {
            let given = at_once(estimate, audio, &wants);
            steps(&wants, &given).into_iter().map(|step| step.has).collect()
        };
        // In order of importance: the first difference, if any, is in favour of more bandwidth.
        prop_assert!(has(less + more) >= has(less));
    }

    #[test]
    fn nobody_goes_without_what_the_less_important_get(
        wants in wants(), audio in 0..200_000u64, estimate in 0..6_000_000u64,
    ) {
        let given = at_once(estimate, audio, &wants);
        let mut before = audio;
        for step in steps(&wants, &given) {
            prop_assert!(!step.next || before + step.bps > estimate);
            before += if step.has { step.bps } else { 0 };
        }
    }

    #[test]
    fn noise_does_not_make_layers_flap(
        wants in wants(), mean in 50_000..6_000_000u64, seed in any::<u64>(),
    ) {
        let mut line = Line::new();
        let mut random = seed | 1;
        for n in 0..900 {
            // xorshift64 (Marsaglia 2003)
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            line.tick(mean * (850 + random % 301) / 1000, 40_000, &wants);
            // The first guesses may be wrong.
            if n < 40 {
                (line.ups, line.flaps) = (HashSet::new(), 0);
            }
            prop_assert_eq!(line.flaps, 0, "at tick {}", n);
        }
    }

    #[test]
    fn everybody_climbs_again_after_a_collapse(wants in wants(), rate in 3_000..10_000u64) {
        let mut line = Line::new();
        line.run(10, 50_000_000, &wants);
        prop_assert!(content(&wants, &line.last));
        line.run(5, rate, &wants);
        prop_assert!(line.last.layers.values().all(Option::is_none));
        line.run(10, 50_000_000, &wants);
        prop_assert!(content(&wants, &line.last));
    }

    /// An estimate grows to 1.5 times what is sent and not further, and what is sent is media, or
    /// padding as far as the allocation asks for it.
    #[test]
    fn an_estimate_that_follows_what_is_sent_reaches_what_is_desired(wants in wants()) {
        let mut line = Line::new();
        line.run(10, 5_000, &wants);
        let mut estimate = 5_000;
        for _ in 0..6000 {
            let sent = estimate.min(line.last.minimum).max(spent(&wants, &line.last));
            estimate = (estimate + estimate / 100).min(sent * 3 / 2 + 10_000).max(estimate);
            line.tick(estimate, 0, &wants);
        }
        prop_assert!(content(&wants, &line.last), "{:?} at {}", line.last, estimate);
        prop_assert_eq!(line.last.minimum, 0);
    }
}

#[test]
fn audio_is_served_before_any_picture() {
    let wants = [camera(0, &[100_000])];
    assert_eq!(at_once(120_000, 30_000, &wants).layers[&0], None);
    assert_eq!(at_once(130_000, 30_000, &wants).layers[&0], Some(0));
    let starved = at_once(10_000, 30_000, &wants);
    assert_eq!((starved.layers[&0], starved.desired), (None, 130_000));
}

#[test]
fn thumbnails_lose_before_the_speaker_and_cameras_before_a_screen() {
    let costs = [100_000, 400_000];
    let tile = |pixels| Importance { pixels, ..Importance::default() };
    let speaker = Importance { speaking: true, ..tile(1) };
    let screen = Importance { screen: true, ..tile(1) };
    let asked_for = Importance { priority: 1, ..tile(1) };
    let wants = [
        want(0, tile(1), &costs),
        want(1, tile(900), &costs),
        want(2, speaker, &costs),
        want(3, asked_for, &costs),
        want(4, screen, &costs),
    ];
    let order = [4, 3, 2, 1, 0];
    for served in 0..=5 {
        let given = at_once(100_000 * served as u64 + 99_999, 0, &wants);
        let seen: Vec<usize> = order.into_iter().filter(|t| given.layers[t].is_some()).collect();
        assert_eq!(seen, order[..served]);
    }
    // Everybody has the lowest: then one after the other gets the second.
    for served in 0..=5 {
        let given = at_once(500_000 + 300_000 * served as u64, 0, &wants);
        let large: Vec<usize> = order.into_iter().filter(|t| given.layers[t] == Some(1)).collect();
        assert_eq!(large, order[..served]);
        assert!(given.layers.values().all(Option::is_some));
    }
}

#[test]
fn what_does_not_fit_at_all_holds_nobody_back() {
    let screen = Importance { screen: true, ..Importance::default() };
    let wants = [want(0, screen, &[2_500_000]), camera(1, &[100_000, 300_000])];
    let given = at_once(1_000_000, 0, &wants);
    assert_eq!((given.layers[&0], given.layers[&1]), (None, Some(1)));
}

#[test]
fn layers_go_down_at_once_and_up_one_by_one_after_a_wait() {
    let wants = [camera(0, &[100_000, 300_000, 1_000_000])];
    let mut line = Line::new();
    line.run(4, 2_000_000, &wants);
    assert_eq!(line.last.layers[&0], Some(2));
    line.tick(299_999, 0, &wants);
    assert_eq!(line.last.layers[&0], Some(0));
    // Room for the second layer, but not with something to spare.
    line.run(10, 374_000, &wants);
    assert_eq!(line.last.layers[&0], Some(0));
    let up = |line: &mut Line, layer| {
        let before = line.now;
        while line.last.layers[&0] != Some(layer) {
            line.tick(2_000_000, 0, &wants);
            assert!(line.now - before < 2 * HOLD);
        }
        line.now - before
    };
    assert!(up(&mut line, 1) >= HOLD);
    assert!(up(&mut line, 2) >= HOLD);
}

#[test]
fn a_picture_outlasts_a_dip_and_not_a_link_that_became_narrow() {
    let wants = [camera(0, &[160_000, 480_000]), camera(1, &[160_000])];
    let mut line = Line::new();
    line.run(10, 1_400_000, &wants);
    // What a queue of a second did to the estimate.
    let dips = [(10, 390_000), (10, 180_000), (12, 390_000), (10, 250_000), (12, 400_000)];
    for (ticks, estimate) in dips {
        for _ in 0..ticks {
            line.tick(estimate, 20_000, &wants);
            assert_eq!(line.last.layers[&0], Some(0), "at {estimate}");
        }
    }
    line.run(2, 100_000, &wants);
    assert_eq!(line.last.layers, HashMap::from([(0, Some(0)), (1, None)]), "by no more than twice");
    line.run(1, 100_000, &wants);
    assert!(line.last.layers.values().all(Option::is_none));
    for _ in 0..20 {
        line.tick(180_000, 0, &wants);
        assert!(line.last.layers.values().all(Option::is_none), "what is dark waits for room");
    }
    line.tick(180_000, 0, &wants);
    assert_eq!(line.last.layers[&0], Some(0));
}

#[test]
fn peaks_keep_no_picture_for_which_there_is_no_room() {
    let wants = [camera(0, &[300_000]), camera(1, &[300_000])];
    let mut line = Line::new();
    line.run(10, 700_000, &wants);
    assert!(content(&wants, &line.last));
    // What a probe finds, once in two seconds.
    let swing = |line: &mut Line| {
        (0..5).for_each(|_| line.tick(700_000, 0, &wants));
        (0..15).for_each(|_| line.tick(400_000, 0, &wants));
    };
    (0..3).for_each(|_| swing(&mut line));
    for _ in 0..20 {
        swing(&mut line);
        assert_eq!(line.last.layers, HashMap::from([(0, Some(0)), (1, None)]));
    }
}

#[test]
fn a_moment_without_room_begins_the_wait_anew() {
    let wants = [camera(0, &[100_000, 300_000])];
    let mut line = Line::new();
    line.run(4, 200_000, &wants);
    for _ in 0..20 {
        line.run(1, 400_000, &wants);
        line.tick(200_000, 0, &wants);
    }
    assert_eq!(line.last.layers[&0], Some(0));
}

#[test]
fn a_larger_tile_does_not_wait() {
    let small = [camera(0, &[100_000])];
    let large = [camera(0, &[100_000, 300_000])];
    let mut line = Line::new();
    line.run(10, 2_000_000, &small);
    assert_eq!((line.last.layers[&0], line.last.desired), (Some(0), 100_000));
    line.tick(2_000_000, 0, &large);
    assert_eq!(line.last.layers[&0], Some(1));
}

/// Where only one of them fits, the picture follows the speaker, and none is dark meanwhile.
#[test]
fn a_new_speaker_takes_the_place_of_the_last_one() {
    let speaking = Importance { speaking: true, ..Importance::default() };
    let listening = Importance::default();
    let costs = [100_000];
    let mut line = Line::new();
    let first = [want(0, speaking, &costs), want(1, listening, &costs)];
    line.run(10, 150_000, &first);
    assert_eq!(line.last.layers, HashMap::from([(0, Some(0)), (1, None)]));
    let second = [want(0, listening, &costs), want(1, speaking, &costs)];
    for _ in 0..30 {
        line.tick(150_000, 0, &second);
        assert_eq!(line.last.layers.values().flatten().count(), 1);
    }
    assert_eq!(line.last.layers, HashMap::from([(0, None), (1, Some(0))]));
}

#[test]
fn without_an_estimate_everybody_gets_what_is_wanted() {
    let wants = [camera(0, &[100_000, 300_000]), camera(1, &[5_000_000])];
    let given = Allocator::default().allocate(Instant::now(), None, 0, &wants);
    assert!(content(&wants, &given));
    assert_eq!((given.desired, given.minimum), (5_300_000, 0));
    assert_eq!(at_once(0, 0, &[]), Allocation::default());
}
