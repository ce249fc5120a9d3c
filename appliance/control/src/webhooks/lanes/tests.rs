//! Order, pauses, expiry and bounds on a virtual clock.

use super::*;

struct World {
    lanes: Lanes,
    now: Instant,
    next: u64,
}

impl World {
    fn new() -> Self {
        Self { lanes: Lanes::default(), now: Instant::now(), next: 1 }
    }

    fn push(&mut self, lane: &str) -> u64 {
        self.push_sized(lane, 1)
    }

    fn push_sized(&mut self, lane: &str, bytes: u64) -> u64 {
        let seq = self.next;
        self.next += 1;
        self.lanes.push(lane, Waiting::new(seq, bytes, self.now, Duration::ZERO));
        seq
    }

    fn due(&mut self) -> Vec<u64> {
        self.lanes.due(self.now)
    }

    fn fail(&mut self, seq: u64, fault: Fault) -> Vec<u64> {
        self.lanes.failed(seq, fault, self.now)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Lets the clock run to the next attempt: what is sent then, and after how long.
    fn wait(&mut self) -> (Vec<u64>, Duration) {
        let until = self.lanes.next().expect("nobody rests");
        let pause = until.saturating_duration_since(self.now);
        self.now = until;
        (self.due(), pause)
    }
}

#[test]
fn a_rooms_events_go_one_at_a_time_in_order_and_rooms_do_not_wait_for_each_other() {
    let mut world = World::new();
    for lane in ["a", "a", "b", "a", "b"] {
        world.push(lane);
    }
    assert_eq!(world.due(), [1, 3]);
    assert!(world.due().is_empty(), "both are under way");
    world.lanes.delivered(3);
    assert_eq!(world.due(), [5]);
    world.lanes.delivered(1);
    assert_eq!(world.due(), [2]);
    world.lanes.delivered(2);
    world.lanes.delivered(5);
    assert_eq!(world.due(), [4]);
    world.lanes.delivered(4);
    assert_eq!((world.lanes.len(), world.lanes.next()), (0, None));
    assert_eq!((world.lanes.bytes, world.lanes.under_way), (0, 0));
}

#[test]
fn pauses_double_up_to_ten_minutes_and_begin_anew_after_a_success() {
    let mut world = World::new();
    let (first, second) = (world.push("a"), world.push("a"));
    assert_eq!(world.due(), [first]);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        assert!(world.fail(first, Fault::Away).is_empty());
        let (due, pause) = world.wait();
        assert_eq!(due, [first], "the second waits for it");
        pauses.push(pause.as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    world.lanes.delivered(first);
    assert_eq!(world.due(), [second]);
    world.fail(second, Fault::Away);
    assert_eq!(world.wait().1.as_secs(), 1);
}

#[test]
fn what_is_a_day_old_is_given_up_after_one_more_try_with_all_that_is_as_old() {
    let mut world = World::new();
    let (first, second) = (world.push("a"), world.push("a"));
    let elsewhere = world.push("b");
    world.pass(3600);
    let young = world.push("a");
    assert_eq!(world.due(), [first, elsewhere]);
    world.pass(24 * 3600 - 3600);
    assert!(world.fail(first, Fault::Away).is_empty(), "a day, and not more");
    assert_eq!(world.wait().0, [first]);
    assert_eq!(world.fail(first, Fault::Refused), [first, second]);
    assert_eq!(world.lanes.len(), 2);
    assert_eq!(world.wait().0, [young], "after the pause that its room has come to");
    world.lanes.delivered(elsewhere);
    assert_eq!(world.lanes.len(), 1);
}

#[test]
fn age_counts_over_a_restart_and_still_there_is_a_try_before_giving_up() {
    let mut world = World::new();
    let older = GIVEN_UP_AFTER + Duration::from_secs(1);
    world.lanes.push("a", Waiting::new(1, 1, world.now, older));
    assert_eq!(world.due(), [1]);
    assert_eq!(world.fail(1, Fault::Away), [1]);
    assert_eq!((world.lanes.len(), world.lanes.next()), (0, None));
}

#[test]
fn a_receiver_that_is_back_for_one_room_is_back_for_all_that_did_not_reach_it() {
    let mut world = World::new();
    let (away, refused) = (world.push("away"), world.push("refused"));
    world.due();
    for _ in 0..10 {
        world.fail(away, Fault::Away);
        world.fail(refused, Fault::Refused);
        world.wait();
    }
    world.fail(away, Fault::Away);
    world.fail(refused, Fault::Refused);
    let fresh = world.push("fresh");
    assert_eq!(world.due(), [fresh]);
    world.lanes.delivered(fresh);
    assert_eq!(world.due(), [away], "the other one answered: it waits");
    world.lanes.hurry();
    assert_eq!(world.due(), [refused]);
}

#[test]
fn a_receiver_that_hangs_costs_so_many_connections_and_the_oldest_go_first() {
    let mut world = World::new();
    for n in 0..20 {
        world.push(&format!("room {n}"));
    }
    assert_eq!(world.due(), (1..=AT_A_TIME as u64).collect::<Vec<_>>());
    world.fail(1, Fault::Away);
    assert_eq!(world.due(), [AT_A_TIME as u64 + 1]);
}

#[test]
fn the_oldest_make_room_but_not_what_is_under_way() {
    let mut world = World::new();
    for n in 0..MOST_EVENTS {
        assert!(world.lanes.make_room(1, 1).is_empty());
        world.push(&format!("room {}", n % 2));
    }
    assert_eq!(world.due(), [1, 2]);
    assert_eq!(world.lanes.make_room(1, 1), [3]);
    world.push("room 0");
    assert_eq!(world.lanes.len(), MOST_EVENTS);
    world.lanes.delivered(1);
    assert_eq!(world.due(), [5], "room 0 goes on with what is left");
    world.fail(2, Fault::Away);
    assert!(world.lanes.make_room(1, 1).is_empty(), "one was delivered");
    world.push("room 1");
    assert_eq!(world.lanes.make_room(1, 1), [2], "it rests");
    assert_eq!(world.wait().0, [4]);
}

#[test]
fn events_that_are_large_make_room_for_large_ones() {
    let mut world = World::new();
    let quarter = MOST_BYTES / 4;
    for _ in 0..4 {
        assert!(world.lanes.make_room(1, quarter).is_empty());
        world.push_sized("a", quarter);
    }
    assert_eq!(world.lanes.make_room(1, quarter + 1), [1, 2]);
    assert_eq!(world.lanes.make_room(1, MOST_BYTES * 2), [3, 4], "it is kept alone");
    assert_eq!(world.lanes.bytes, 0);
}

#[test]
fn news_of_an_attempt_that_was_none_changes_nothing() {
    let mut world = World::new();
    world.push("a");
    world.push("a");
    world.lanes.delivered(1);
    world.lanes.delivered(99);
    assert_eq!(world.due(), [1]);
    world.lanes.delivered(2);
    assert!(world.fail(2, Fault::Away).is_empty());
    world.lanes.delivered(1);
    world.lanes.delivered(1);
    assert_eq!((world.due(), world.lanes.under_way), (vec![2], 1));
}

/// Whatever happens: each event is delivered once, given up or dropped; a room's in order.
#[test]
fn every_event_has_one_end_and_a_rooms_are_in_order_whatever_happens() {
    let mut random = 7_u64;
    let mut draw = move |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..50 {
        let mut world = World::new();
        let mut rooms = HashMap::new();
        let (mut under_way, mut ended) = (Vec::new(), Vec::new());
        let mut newest: HashMap<u64, u64> = HashMap::new();
        while ended.len() < 200 {
            match draw(4) {
                0 if world.next <= 200 => {
                    let room = draw(5);
                    let seq = world.push(&format!("room {room}"));
                    rooms.insert(seq, room);
                }
                1 => world.pass(draw(7 * 3600)),
                2 => under_way.extend(world.due()),
                _ if !under_way.is_empty() => {
                    let at = draw(under_way.len() as u64) as usize;
                    let seq: u64 = under_way.swap_remove(at);
                    if draw(3) == 0 {
                        world.lanes.delivered(seq);
                        let last = newest.insert(rooms[&seq], seq);
                        assert!(last.is_none_or(|last| last < seq));
                        ended.push(seq);
                    } else {
                        ended.extend(world.fail(seq, Fault::Away));
                    }
                }
                _ => {}
            }
            let busy: BTreeSet<u64> = under_way.iter().map(|seq| rooms[seq]).collect();
            assert_eq!(busy.len(), under_way.len(), "one of a room at a time");
        }
        ended.sort_unstable();
        assert_eq!(ended, (1..=200).collect::<Vec<_>>());
        assert_eq!((world.lanes.len(), world.lanes.bytes, world.lanes.lanes.len()), (0, 0, 0));
    }
}

#[test]
fn what_arrived_by_another_way_waits_no_longer_wherever_it_stands() {
    let mut world = World::new();
    for lane in ["a", "a", "a", "b"] {
        world.push(lane);
    }
    assert_eq!(world.due(), [1, 4]);
    assert!(world.lanes.withdraw(2) && !world.lanes.withdraw(2), "once");
    world.fail(1, Fault::Refused);
    assert!(!world.lanes.has_arrived(1));
    assert!(world.lanes.withdraw(1), "it rests, and its room goes on when it would have");
    assert_eq!(world.wait(), (vec![3], SHORTEST_PAUSE));
    world.fail(4, Fault::Away);
    assert!(world.lanes.withdraw(4));
    assert_eq!((world.lanes.len(), world.lanes.next()), (1, None), "nothing is left of its room");
    world.lanes.delivered(3);
    assert_eq!((world.lanes.len(), world.lanes.bytes), (0, 0));
}

#[test]
fn what_arrives_by_another_way_while_it_is_under_way_is_known_when_that_attempt_ends() {
    let mut world = World::new();
    for lane in ["a", "a", "b"] {
        world.push(lane);
    }
    assert_eq!(world.due(), [1, 3]);
    assert!(!world.lanes.withdraw(1), "its attempt will end");
    let arrived = [1, 2, 3].map(|seq| world.lanes.has_arrived(seq));
    assert_eq!(arrived, [true, false, false]);
    world.lanes.delivered(1);
    assert!(!world.lanes.has_arrived(1));
    assert_eq!(world.due(), [2], "its room goes on at once");
}
