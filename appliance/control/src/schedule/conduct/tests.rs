//! A room, its people and its power over two hours: what the schedule makes of them.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const MINUTE: u64 = 60_000;

/// What people and power do to a room.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Enter,
    Leave,
    Record,
    Stop,
    /// A program ends what it had ordered.
    EndOrder,
    Extend,
    Delete,
    /// The box is down for so many ticks and the room with it.
    PowerCut(u64),
    /// The event's end is moved by so many minutes.
    Move(usize, i64),
}

/// A box with one room, a tick a minute.
struct Box {
    room: RoomNow,
    runs: BTreeMap<String, Run>,
    planned: Vec<Planned>,
    fates: BTreeMap<String, Fate>,
    began: BTreeMap<String, u64>,
    /// Recordings that people began.
    by_hand: Vec<String>,
    number: u32,
    now_ms: u64,
    /// Why what is recorded ends; a tick later it has.
    ending: Option<EndReason>,
    /// Cut short; goes on a tick after somebody has come.
    waiting: Option<String>,
    /// Which steps were taken.
    log: Vec<(u64, Step)>,
}

impl Box {
    fn new(planned: Vec<Planned>) -> Self {
        let room = RoomNow { id: "rm".to_owned(), open: false, recorded: None };
        let (runs, fates, began, by_hand, log) = Default::default();
        let (number, now_ms, ending, waiting) = Default::default();
        Self { room, runs, planned, fates, began, by_hand, number, now_ms, ending, waiting, log }
    }

    fn begin(&mut self) -> String {
        self.number += 1;
        let new = format!("rec_{}", self.number);
        // What waits for its room goes on under its name.
        let recording = self.waiting.take().unwrap_or(new);
        self.began.entry(recording.clone()).or_insert(self.now_ms);
        self.room.recorded = Some(RecordedNow { recording: recording.clone(), ending: false });
        recording
    }

    fn end(&mut self, reason: EndReason) {
        if let Some(now) = &mut self.room.recorded
            && !std::mem::replace(&mut now.ending, true)
        {
            self.ending = Some(reason);
        }
    }

    /// What began before this minute is done.
    fn settle(&mut self) {
        if let Some(reason) = self.ending.take()
            && let Some(now) = self.room.recorded.take()
        {
            let began_ms = self.began.get(&now.recording).copied().unwrap_or(0);
            self.fates.insert(now.recording, Fate::Ended { reason, began_ms });
        }
        if self.room.open && self.room.recorded.is_none() && self.waiting.is_some() {
            self.begin();
        }
    }

    fn deed(&mut self, deed: Deed) {
        match deed {
            Deed::Enter => self.room.open = true,
            Deed::Leave => {
                self.room.open = false;
                self.end(EndReason::RoomEnded);
            }
            // What waits for its room goes on before anybody can press a button.
            Deed::Record
                if self.room.open && self.room.recorded.is_none() && self.waiting.is_none() =>
            {
                let recording = self.begin();
                self.by_hand.push(recording);
            }
            Deed::Record => {}
            Deed::Stop => self.end(EndReason::Stopped),
            Deed::EndOrder => self.end(EndReason::OrderEnded),
            Deed::Extend => {
                let now = self.room.recorded.as_ref().map(|now| now.recording.clone());
                let run = self.runs.values_mut().find(|run| run.ours && run.recording == now);
                if let Some(run) = run {
                    run.extended_ms = run.planned.end_ms.map(|end| end + 5 * MINUTE);
                }
            }
            Deed::Delete => {
                for fate in self.fates.values_mut() {
                    *fate = Fate::Deleted;
                }
            }
            Deed::PowerCut(ticks) => {
                self.now_ms += ticks * MINUTE;
                self.room.open = false;
                self.ending = None;
                let cut = self.room.recorded.take().map(|now| now.recording);
                self.waiting = cut.or(self.waiting.take());
            }
            Deed::Move(which, minutes) => {
                let all = self.planned.len().max(1);
                if let Some(planned) = self.planned.get_mut(which % all) {
                    let end = planned
                        .end_ms
                        .map(|end| end.saturating_add_signed(minutes * MINUTE as i64));
                    planned.end_ms = end.map(|end| end.max(planned.start_ms + MINUTE));
                }
            }
        }
    }

    fn tick(&mut self) {
        for _ in 0..8 {
            let runs: Vec<Run> = self.runs.values().cloned().collect();
            let fates = self.fates.clone();
            let fate = |id: &str| fates.get(id).copied().unwrap_or(Fate::Waits);
            let Some(step) = next(self.now_ms, &self.room, &self.planned, &runs, fate) else {
                return;
            };
            self.log.push((self.now_ms, step.clone()));
            match step {
                Step::Begin(mut run) => {
                    assert!(self.room.open && self.room.recorded.is_none(), "{run:?}");
                    let own = self.waiting.as_deref().is_some_and(|waits| run.has(waits));
                    assert!(!own, "it goes on by itself: {run:?}");
                    let by_hand =
                        self.waiting.as_ref().is_some_and(|waits| self.by_hand.contains(waits));
                    run.ours = !by_hand;
                    run.recording = Some(self.begin());
                    self.runs.insert(run.planned.key.clone(), run);
                }
                Step::End => self.end(EndReason::Stopped),
                Step::Adopt(run) | Step::Found(run) | Step::Follow(run) | Step::Leave(run) => {
                    self.runs.insert(run.planned.key.clone(), run);
                }
            }
        }
        panic!("it never rests: {:?}", self.log);
    }
}

fn planned(key: &str, start: u64, end: u64) -> Planned {
    let (start_ms, end_ms) = (start * MINUTE, Some(end * MINUTE));
    Planned { key: key.to_owned(), title: key.to_owned(), start_ms, end_ms }
}

/// Ticks from one minute to another with these deeds in between.
fn played(mut house: Box, minutes: u64, deeds: &[(u64, Deed)]) -> Box {
    let until = house.now_ms + minutes * MINUTE;
    while house.now_ms < until {
        let minute = house.now_ms / MINUTE;
        house.settle();
        for (_, deed) in deeds.iter().filter(|(at, _)| *at == minute) {
            house.deed(*deed);
        }
        house.tick();
        house.now_ms += MINUTE;
    }
    house
}

fn told(house: &Box) -> Vec<(u64, &'static str)> {
    let name = |step: &Step| match step {
        Step::Begin(_) => "begin",
        Step::Adopt(_) => "adopt",
        Step::Found(_) => "found",
        Step::Follow(_) => "follow",
        Step::Leave(_) => "leave",
        Step::End => "end",
    };
    house.log.iter().map(|(at, step)| (at / MINUTE, name(step))).collect()
}

#[test]
fn who_is_there_is_recorded_from_start_to_end() {
    let house = Box::new(vec![planned("a", 10, 20), planned("b", 20, 30)]);
    let house = played(house, 40, &[(5, Deed::Enter)]);
    assert_eq!(told(&house), [(10, "begin"), (20, "end"), (21, "begin"), (30, "end")]);
    // Nobody comes: nothing happens.
    assert!(played(Box::new(vec![planned("a", 10, 20)]), 40, &[]).log.is_empty());
}

#[test]
fn whoever_comes_back_is_recorded_again_and_who_stopped_it_is_left_alone() {
    let house = || Box::new(vec![planned("a", 10, 20)]);
    let comes_back = [(10, Deed::Enter), (12, Deed::Leave), (14, Deed::Enter)];
    assert_eq!(
        told(&played(house(), 40, &comes_back)),
        [(10, "begin"), (14, "begin"), (20, "end")]
    );
    let stops = [(10, Deed::Enter), (12, Deed::Stop)];
    assert_eq!(told(&played(house(), 40, &stops)), [(10, "begin"), (13, "leave")]);
    let deletes = [(10, Deed::Enter), (12, Deed::Stop), (13, Deed::Delete)];
    assert_eq!(told(&played(house(), 40, &deletes)), [(10, "begin"), (13, "leave")]);
    let power = [(10, Deed::Enter), (12, Deed::PowerCut(2)), (15, Deed::Enter)];
    assert_eq!(told(&played(house(), 40, &power)), [(10, "begin"), (20, "end")]);
}

#[test]
fn what_was_begun_by_hand_is_ended_by_hand() {
    let house = Box::new(vec![planned("a", 10, 20)]);
    let house = played(house, 40, &[(5, Deed::Enter), (6, Deed::Record)]);
    assert_eq!(told(&house), [(10, "adopt")]);
    assert!(house.room.recorded.is_some());
}

#[test]
fn an_extended_one_ends_later_and_the_next_one_begins_then() {
    let house = Box::new(vec![planned("a", 10, 20), planned("b", 20, 30)]);
    let house = played(house, 40, &[(5, Deed::Enter), (15, Deed::Extend)]);
    assert_eq!(told(&house), [(10, "begin"), (25, "end"), (26, "begin"), (30, "end")]);
}

#[test]
fn an_extended_one_that_somebody_ends_makes_way_for_the_next_one() {
    let house = Box::new(vec![planned("a", 10, 20), planned("b", 20, 30)]);
    let deeds = [(5, Deed::Enter), (15, Deed::Extend), (22, Deed::Stop)];
    let house = played(house, 40, &deeds);
    assert_eq!(told(&house), [(10, "begin"), (23, "leave"), (23, "begin"), (30, "end")]);
}

#[test]
fn whoever_comes_back_while_it_is_extended_is_recorded() {
    let house = Box::new(vec![planned("a", 10, 20)]);
    let deeds = [(5, Deed::Enter), (15, Deed::Extend), (18, Deed::Leave), (22, Deed::Enter)];
    let house = played(house, 40, &deeds);
    assert_eq!(told(&house), [(10, "begin"), (22, "begin"), (25, "end")]);
}

#[test]
fn what_ran_over_by_hand_and_is_ended_leaves_the_next_one_its_recording() {
    let house = Box::new(vec![planned("b", 10, 20)]);
    let deeds = [(5, Deed::Enter), (6, Deed::Record), (12, Deed::Stop)];
    let house = played(house, 40, &deeds);
    assert_eq!(told(&house), [(10, "adopt"), (13, "begin"), (20, "end")]);
}

#[test]
fn what_was_stopped_and_is_moved_then_stays_so() {
    let mut house = Box::new(vec![planned("a", 10, 20)]);
    house = played(house, 13, &[(5, Deed::Enter), (11, Deed::Stop)]);
    let title = house.planned[0].title.clone();
    house.planned = vec![Planned { title, ..planned("a, moved", 11, 21) }];
    let house = played(house, 20, &[]);
    assert_eq!(told(&house), [(10, "begin"), (12, "leave"), (13, "leave")]);
}

#[test]
fn a_moved_end_is_followed() {
    let house = Box::new(vec![planned("a", 10, 20)]);
    let house = played(house, 40, &[(5, Deed::Enter), (15, Deed::Move(0, 5))]);
    assert_eq!(told(&house), [(10, "begin"), (15, "follow"), (25, "end")]);
}

#[test]
fn a_room_that_always_records_does_so_for_each_meeting_until_somebody_stops_it() {
    let always =
        Planned { key: "always".to_owned(), title: String::new(), start_ms: 0, end_ms: None };
    let house = Box::new(vec![planned("a", 10, 20), always]);
    let house = played(house, 40, &[(5, Deed::Enter), (25, Deed::Stop)]);
    assert_eq!(told(&house), [(5, "begin"), (10, "adopt"), (26, "leave")]);
    let always =
        Planned { key: "always".to_owned(), title: String::new(), start_ms: 0, end_ms: None };
    // Whoever ends what is planned does not want the rest of the meeting either.
    let house = Box::new(vec![planned("a", 10, 20), always]);
    let house = played(house, 40, &[(10, Deed::Enter), (15, Deed::Stop)]);
    assert_eq!(told(&house), [(10, "begin"), (16, "leave"), (20, "leave")]);
}

#[test]
fn a_program_that_ends_its_order_ends_nothing_that_others_want() {
    let always =
        || Planned { key: "always".to_owned(), title: String::new(), start_ms: 0, end_ms: None };
    // The order's recording was there first.
    for all in [vec![planned("a", 10, 20)], vec![always()]] {
        let deeds = [(5, Deed::Enter), (5, Deed::Record), (15, Deed::EndOrder)];
        let house = played(Box::new(all.clone()), 18, &deeds);
        let begun = if all[0].end_ms.is_some() { 10 } else { 5 };
        assert_eq!(told(&house), [(begun, "adopt"), (16, "begin")]);
        assert!(house.room.recorded.is_some());
    }
}

/// A meeting of a room that always records, as it is planned.
fn meeting(began: u64) -> Planned {
    let key = format!("always rm {began}");
    Planned { key, title: String::new(), start_ms: began * MINUTE, end_ms: None }
}

#[test]
fn a_stop_counts_for_the_rest_of_a_meeting_and_for_no_other_one() {
    let room = RoomNow { id: "rm".to_owned(), open: true, recorded: None };
    let nobody = |_: &str| Fate::Deleted;
    let mut run = Run { stopped: true, ..Run::new(&meeting(5), "rm", Some("rec_1".to_owned())) };
    let at = |now, on: Planned, run: &Run| {
        next(now * MINUTE, &room, &[on], std::slice::from_ref(run), nobody)
    };
    assert_eq!(at(10 * 24 * 60, meeting(5), &run), None, "it goes on for ten days");
    // The box went down meanwhile, whatever its clock says since.
    for back in [20, 2] {
        let step = at(back, meeting(back), &run);
        assert!(matches!(&step, Some(Step::Leave(left)) if left.stopped), "{step:?}");
    }
    // It is over; the clock may have been set back since.
    run.extended_ms = Some(30 * MINUTE);
    for later in [40, 20] {
        let step = at(later, meeting(later), &run);
        assert!(matches!(step, Some(Step::Begin(_))), "{step:?}");
    }
}

#[test]
fn a_stop_in_a_room_that_records_by_itself_holds_no_event_without_a_title() {
    let stopped = |planned: &Planned| Run { stopped: true, ..Run::new(planned, "rm", None) };
    let untitled = |key, start, end| Planned { title: String::new(), ..planned(key, start, end) };
    let always = Planned { end_ms: None, ..untitled("always", 10, 10) };
    let event = untitled("b", 1500, 1560);
    assert!(!was_stopped(event.start_ms, &event, &[stopped(&always)]));
    let moved = untitled("b, moved", 1505, 1565);
    assert!(was_stopped(moved.start_ms, &moved, &[stopped(&event)]));
}

#[test]
fn a_crash_between_the_note_and_the_recording_loses_neither() {
    let mut house = Box::new(vec![planned("a", 10, 20)]);
    house.now_ms = 10 * MINUTE;
    house.room.open = true;
    let run = Run::new(&house.planned[0], "rm", None);
    house.runs.insert("a".to_owned(), run);
    house.begin();
    let house = played(house, 20, &[]);
    assert_eq!(told(&house), [(10, "found"), (20, "end")]);
}

fn deeds() -> impl Strategy<Value = Vec<(u64, Deed)>> {
    let deed = prop_oneof![
        6 => Just(Deed::Enter),
        3 => Just(Deed::Leave),
        1 => Just(Deed::Record),
        1 => Just(Deed::EndOrder),
        2 => Just(Deed::Stop),
        1 => Just(Deed::Extend),
        1 => Just(Deed::Delete),
        1 => (1..10u64).prop_map(Deed::PowerCut),
        1 => (0..4usize, -9..10i64).prop_map(|(which, by)| Deed::Move(which, by)),
    ];
    proptest::collection::vec((0..120u64, deed), 0..24)
}

proptest! {
    #[test]
    fn the_schedule_records_what_is_on_and_never_what_people_keep_for_themselves(
        spans in proptest::collection::vec((0..100u64, 1..30u64), 1..5),
        deeds in deeds(),
    ) {
        let mut all: Vec<Planned> = spans.iter().enumerate()
            .map(|(n, (start, length))| planned(&format!("{n}"), *start, start + length)).collect();
        all.sort_by_key(|planned| planned.start_ms);
        let mut house = Box::new(all);
        while house.now_ms < 150 * MINUTE {
            let minute = house.now_ms / MINUTE;
            house.settle();
            for (_, deed) in deeds.iter().filter(|(at, _)| *at == minute) {
                house.deed(*deed);
            }
            let before = house.room.recorded.clone();
            house.tick();
            let now_ms = house.now_ms;
            let runs: Vec<Run> = house.runs.values().cloned().collect();
            let on = on(now_ms, &house.planned, &runs);
            let left = on.and_then(|on| house.runs.get(&on.key)).is_some_and(|run| run.stopped);
            // Who is there while something is on is recorded, unless a person ended it.
            if house.room.open && on.is_some() && !left {
                let so = house.room.recorded.is_some() || house.waiting.is_some();
                prop_assert!(so, "minute {minute}: {:?}", house.log);
            }
            // What people began the schedule does not end.
            if let Some(before) = before.filter(|now| house.by_hand.contains(&now.recording)) {
                prop_assert_eq!(house.room.recorded.as_ref(), Some(&before));
            }
            // What the schedule began ends with what was on, or what it was extended to.
            if let Some(now) = house.room.recorded.as_ref().filter(|now| !now.ending)
                && let Some(run) = house.runs.values().find(|run| run.ours && run.has(&now.recording))
            {
                prop_assert!(!run.is_due(now_ms), "minute {minute}: {run:?}");
            }
            house.now_ms += MINUTE;
        }
    }
}
