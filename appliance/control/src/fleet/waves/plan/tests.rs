//! Waves over boxes that a seed has, on a virtual clock.

use super::*;
use std::collections::HashMap;

fn wave(boxes: usize, at_once: u32, halt_after: u32) -> Wave {
    let one = |number| WaveBox {
        id: format!("box-{number}"),
        name: format!("Box {number}"),
        state: WaveBoxState::Queued,
        why: None,
        told: UnixMs(0),
        heard: UnixMs(0),
        unsure: false,
        lost: false,
    };
    Wave {
        id: "wav_1".to_owned(),
        name: "Halls".to_owned(),
        made_at: UnixMs(1),
        state: WaveState::Running,
        version: "0.3".to_owned(),
        url: None,
        night: false,
        at_once,
        pause_s: 60,
        halt_after,
        boxes: (0..boxes).map(one).collect(),
        forgiven: 0,
        rested: UnixMs(0),
    }
}

fn order(phase: OrderPhase) -> Option<OrderPulse> {
    Some(OrderPulse { wave: "wav_1".to_owned(), phase, why: None })
}

fn here(order: Option<OrderPulse>) -> Says {
    Says { here: true, refuses: false, order }
}

fn states(wave: &Wave) -> Vec<WaveBoxState> {
    wave.boxes.iter().map(|one| one.state).collect()
}

use WaveBoxState as B;

/// The hub listens since then.
const BEGIN: UnixMs = UnixMs(0);

#[test]
fn a_turn_begins_when_the_one_before_is_over_and_its_pause_has_passed() {
    let mut wave = wave(3, 2, 1);
    let at = |second: u64| UnixMs(second * 1000);
    let told = wave.look(at(1), BEGIN, |_| here(None));
    assert_eq!(told.len(), 2);
    assert_eq!(states(&wave), [B::Sent, B::Sent, B::Queued]);
    assert_eq!(wave.look(at(30), BEGIN, |_| here(None)).len(), 0, "told lately");
    assert_eq!(wave.look(at(31), BEGIN, |_| here(None)).len(), 2);
    let phase = |of: &str| match of {
        "box-0" => here(order(OrderPhase::Done)),
        "box-1" => here(order(OrderPhase::Working)),
        _ => here(None),
    };
    assert!(wave.look(at(40), BEGIN, phase).is_empty());
    assert_eq!(states(&wave), [B::Done, B::Working, B::Queued]);
    let over = |of: &str| if of == "box-2" { here(None) } else { here(order(OrderPhase::Done)) };
    assert!(wave.look(at(50), BEGIN, over).is_empty());
    assert!(wave.look(at(99), BEGIN, over).is_empty(), "it rests");
    assert_eq!(wave.look(at(100), BEGIN, over), [("box-2".to_owned(), Tell::Update)]);
    wave.look(at(110), BEGIN, |_| here(order(OrderPhase::Done)));
    wave.look(at(111), BEGIN, |_| here(order(OrderPhase::Done)));
    assert_eq!(wave.state, WaveState::Done);
}

#[test]
fn one_that_rolls_back_halts_it_and_what_only_waits_is_called_back() {
    let mut wave = wave(4, 3, 1);
    wave.look(UnixMs(1000), BEGIN, |_| here(None));
    let fell = |of: &str| match of {
        "box-0" => here(order(OrderPhase::RolledBack)),
        "box-1" => here(order(OrderPhase::Waiting)),
        _ => here(None),
    };
    let told = wave.look(UnixMs(2000), BEGIN, fell);
    assert_eq!(wave.state, WaveState::Halted);
    // The third was told, and may have it by now.
    assert_eq!(told, [1, 2].map(|number| (format!("box-{number}"), Tell::Recall)));
    assert_eq!(states(&wave), [B::RolledBack, B::Waiting, B::Queued, B::Queued]);
    wave.look(UnixMs(3000), BEGIN, |_| here(None));
    assert_eq!(states(&wave), [B::RolledBack, B::Queued, B::Queued, B::Queued]);
    // Somebody has looked, and has it go on.
    wave.act(WaveAct::Resume);
    assert!(!wave.look(UnixMs(70_000), BEGIN, |_| here(None)).is_empty());
    wave.act(WaveAct::Stop);
    let recalled = wave.look(UnixMs(71_000), BEGIN, |_| here(None));
    assert_eq!(recalled.len(), 3, "they were told and have not answered");
    assert!(wave.is_over() && wave.is_open());
    assert!(recalled.iter().all(|(_, tell)| *tell == Tell::Recall));
    wave.look(UnixMs(101_000), BEGIN, |_| here(None));
    assert!(!wave.is_open(), "the recall has arrived, and nobody has the order");
}

#[test]
fn who_was_told_and_fell_silent_is_recalled_when_it_is_back_however_late() {
    let mut wave = wave(2, 2, 1);
    assert_eq!(wave.look(UnixMs(1000), BEGIN, |_| here(None)).len(), 2);
    wave.look(UnixMs(2000), BEGIN, |_| Says::default());
    assert_eq!(states(&wave), [B::Queued; 2]);
    wave.act(WaveAct::Stop);
    assert!(wave.is_open());
    let day = 24 * 3_600_000;
    assert!(wave.look(UnixMs(day), BEGIN, |_| Says::default()).is_empty() && wave.is_open());
    let has = |of: &str| match of {
        "box-0" => here(order(OrderPhase::Waiting)),
        _ => here(None),
    };
    let told = wave.look(UnixMs(2 * day), BEGIN, has);
    assert_eq!(told, [("box-0".to_owned(), Tell::Recall)], "the other has nothing, and is here");
    wave.look(UnixMs(2 * day + 1000), BEGIN, |_| here(None));
    assert!(!wave.is_open());
}

#[test]
fn who_counts_as_lost_and_comes_back_with_the_order_is_recalled_or_done_after_all() {
    let mut wave = wave(2, 2, 1);
    wave.look(UnixMs(1000), BEGIN, |_| here(None));
    wave.look(UnixMs(2000), BEGIN, |_| here(order(OrderPhase::Waiting)));
    wave.look(UnixMs(2000 + LOST_MS), BEGIN, |_| Says::default());
    assert_eq!((wave.state, states(&wave)), (WaveState::Halted, vec![B::Failed; 2]));
    let back = |of: &str| match of {
        "box-0" => here(order(OrderPhase::Waiting)),
        _ => here(order(OrderPhase::Done)),
    };
    let told = wave.look(UnixMs(3 * LOST_MS), BEGIN, back);
    assert_eq!(told, [("box-0".to_owned(), Tell::Recall)]);
    assert_eq!(states(&wave), [B::Waiting, B::Done]);
}

#[test]
fn a_hub_that_was_away_does_not_take_its_own_silence_for_that_of_boxes() {
    let mut wave = wave(1, 1, 1);
    wave.look(UnixMs(1000), BEGIN, |_| here(None));
    wave.look(UnixMs(2000), BEGIN, |_| here(order(OrderPhase::Working)));
    let begin = UnixMs(14 * LOST_MS);
    wave.look(UnixMs(begin.0 + 1000), begin, |_| Says::default());
    assert_eq!(states(&wave), [B::Working]);
    wave.look(UnixMs(begin.0 + LOST_MS), begin, |_| Says::default());
    assert_eq!(states(&wave), [B::Failed], "now the box is");
}

#[test]
fn when_a_box_was_heard_last_is_kept_by_the_minute_also_while_the_wave_rests() {
    let mut wave = wave(1, 1, 1);
    wave.look(UnixMs(1000), BEGIN, |_| here(None));
    wave.look(UnixMs(2000), BEGIN, |_| here(order(OrderPhase::Working)));
    wave.act(WaveAct::Pause);
    let before = wave.clone();
    wave.look(UnixMs(61_000), BEGIN, |_| here(order(OrderPhase::Working)));
    assert!(wave.same_but_for_times(&before));
    wave.look(UnixMs(62_000), BEGIN, |_| here(order(OrderPhase::Working)));
    assert!(!wave.same_but_for_times(&before));
}

#[test]
fn each_time_somebody_has_it_go_on_as_many_more_may_fall() {
    let mut wave = wave(4, 1, 1);
    wave.pause_s = 0;
    let mut fallen = 0;
    for minute in 1..=4 {
        wave.look(UnixMs(minute * 60_000), BEGIN, |_| here(None));
        let next = format!("box-{fallen}");
        wave.look(UnixMs(minute * 60_000 + 1000), BEGIN, |of| match of == next {
            true => here(order(OrderPhase::RolledBack)),
            false => here(None),
        });
        fallen += 1;
        assert_eq!(wave.state, WaveState::Halted, "after {fallen}");
        wave.act(WaveAct::Resume);
    }
}

#[test]
fn who_is_silent_holds_nobody_up_and_who_fell_silent_at_it_is_lost_after_an_hour() {
    let mut wave = wave(3, 1, 2);
    let silent = |of: &str| if of == "box-0" { Says::default() } else { here(None) };
    assert_eq!(wave.look(UnixMs(1000), BEGIN, silent), [("box-1".to_owned(), Tell::Update)]);
    // It goes silent before it has answered: somebody else's turn, and later its own.
    wave.look(UnixMs(2000), BEGIN, |_| Says::default());
    assert_eq!(states(&wave), [B::Queued; 3]);
    let first = |of: &str| if of == "box-0" { here(None) } else { Says::default() };
    assert_eq!(wave.look(UnixMs(90_000), BEGIN, first), [("box-0".to_owned(), Tell::Update)]);
    let at_it = |of: &str| match of {
        "box-0" => here(order(OrderPhase::Working)),
        _ => here(None),
    };
    wave.look(UnixMs(91_000), BEGIN, at_it);
    // The hub still knows its last word.
    let gone = |_: &str| Says { here: false, ..here(order(OrderPhase::Working)) };
    wave.look(UnixMs(91_000 + LOST_MS - 1), BEGIN, gone);
    assert_eq!(states(&wave)[0], B::Working);
    wave.look(UnixMs(91_000 + LOST_MS), BEGIN, gone);
    assert_eq!(states(&wave)[0], B::Failed);
}

#[test]
fn who_refuses_is_refused_and_halts_nothing() {
    let mut wave = wave(2, 2, 1);
    wave.look(UnixMs(1000), BEGIN, |_| here(None));
    let refuses = |of: &str| match of {
        "box-0" => Says { here: true, refuses: true, order: None },
        _ => here(order(OrderPhase::Refused)),
    };
    wave.look(UnixMs(2000), BEGIN, refuses);
    assert_eq!(states(&wave), [B::Refused; 2]);
    wave.look(UnixMs(3000), BEGIN, refuses);
    assert_eq!(wave.state, WaveState::Done);
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut next = self.0;
        next = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (next ^ (next >> 31)) % most
    }
}

#[test]
fn whatever_boxes_do_no_turn_is_larger_than_said_and_nothing_begins_after_a_halt() {
    for seed in 0..300 {
        let mut chance = Chance(seed);
        let boxes = 1 + chance.below(12) as usize;
        let (at_once, halt_after) = (1 + chance.below(4) as u32, 1 + chance.below(3) as u32);
        let mut wave = wave(boxes, at_once, halt_after);
        // What each box really does, and whether it is heard.
        let mut orders: HashMap<String, OrderPulse> = HashMap::new();
        let mut began_after_halt = 0;
        for turn in 0..4000_u64 {
            let now = UnixMs(1000 + turn * 2000);
            let heard = |_: &str| turn > 3900 || Chance(seed * 7919 + turn / 40).below(5) > 0;
            let before = orders.clone();
            let halted = wave.state == WaveState::Halted;
            let told = wave.look(now, BEGIN, |id| Says {
                here: heard(id),
                refuses: false,
                order: before.get(id).filter(|_| heard(id)).cloned(),
            });
            for (id, what) in told {
                match what {
                    Tell::Update => {
                        began_after_halt += usize::from(halted);
                        if chance.below(4) > 0 {
                            orders.entry(id).or_insert_with(|| order(OrderPhase::Waiting).unwrap());
                        }
                    }
                    Tell::Recall => {
                        orders.retain(|of, order| *of != id || order.phase != OrderPhase::Waiting);
                    }
                }
            }
            for order in orders.values_mut() {
                order.phase = match (order.phase, chance.below(12)) {
                    (OrderPhase::Waiting, 0) => OrderPhase::Working,
                    (OrderPhase::Working, 0..2) => OrderPhase::Done,
                    (OrderPhase::Working, 2) if chance.below(3) == 0 => OrderPhase::RolledBack,
                    (phase, _) => phase,
                };
            }
            let open = orders
                .values()
                .filter(|order| matches!(order.phase, OrderPhase::Waiting | OrderPhase::Working));
            assert!(open.count() <= at_once as usize, "seed {seed}, turn {turn}");
        }
        assert_eq!(began_after_halt, 0, "seed {seed}");
        let fell = orders.values().filter(|order| order.phase == OrderPhase::RolledBack).count();
        assert_eq!(wave.state == WaveState::Halted, fell >= halt_after as usize, "seed {seed}");
        assert!(matches!(wave.state, WaveState::Halted | WaveState::Done), "seed {seed}: {wave:?}");
    }
}
