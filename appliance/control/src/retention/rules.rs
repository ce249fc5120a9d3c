//! What may be deleted: pure, so that every case can be shown.

use serde::Serialize;
use std::collections::{HashMap, HashSet};
use utoipa::ToSchema;

/// A recording that has ended and of which nothing is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub id: String,
    /// From when on its time counts: its end, or the moment in which the clock could be believed again.
    pub ended_ms: u64,
    /// The clock could not be believed since it ended: nobody knows how old it is.
    pub undated: bool,
    /// Bytes of its tracks and of what was made of it.
    pub bytes: u64,
    /// Somebody said that it is kept.
    pub held: bool,
    /// A target that should have it has not, or not all of it.
    pub undelivered: bool,
    /// Name of its room.
    pub room: String,
    /// There is something in it: it is one of those of which so many stay.
    pub counts: bool,
    /// Days after its end, if its room has a word of its own about that; 0: the policy's.
    pub own_days: u32,
}

impl Candidate {
    /// When it is old; `None`: never.
    fn old_at(&self, policy: Policy) -> Option<u64> {
        let days = if self.own_days > 0 { self.own_days } else { policy.keep_days };
        (days > 0).then(|| self.ended_ms.saturating_add(u64::from(days) * DAY_MS))
    }
}

/// What the owner wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Days after its end, unless its room says something else; 0: until somebody deletes it.
    pub keep_days: u32,
    /// So many of the newest stay; 0: all.
    pub keep_newest: u32,
    /// The same of each room.
    pub keep_newest_of_room: u32,
    /// The oldest make room for new ones.
    pub overwrite_oldest: bool,
}

/// Why the box deletes a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeletionReason)]
pub enum Why {
    /// It is older than the owner wants.
    Age,
    /// There are as many newer ones as the owner wants.
    Count,
    /// New recordings need its room.
    Space,
}

impl Why {
    pub fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Count => "count",
            Self::Space => "space",
        }
    }
}

const DAY_MS: u64 = 86_400_000;

impl Candidate {
    /// Their order in time, as far as anybody knows: an id is of the clock of then, right or wrong.
    fn age(&self) -> (bool, u64, &str) {
        (self.undated, self.ended_ms, &self.id)
    }
}

impl Policy {
    /// What ended later is too young for any rule; `None`: nothing gets old. `own_days`: the fewest that a
    /// room says; 0: none does.
    pub fn ended_by(self, now_ms: u64, own_days: u32) -> Option<u64> {
        now_ms.checked_sub(self.shortest_ms(own_days)?)
    }

    /// The shortest time that any rule says, in milliseconds.
    fn shortest_ms(self, own_days: u32) -> Option<u64> {
        let days = [self.keep_days, own_days].into_iter().filter(|days| *days > 0).min()?;
        Some(u64::from(days) * DAY_MS)
    }

    /// Whether so many stay and others go.
    pub fn counts(self) -> bool {
        self.keep_newest > 0 || self.keep_newest_of_room > 0
    }
}

/// Those that have as many newer ones beside them as the owner wants, of their room or of all. What is
/// empty goes with what is as old, and is never one of those that stay in the place of another.
fn surplus(candidates: &[Candidate], policy: Policy) -> HashSet<&str> {
    let mut newest: Vec<&Candidate> = candidates.iter().collect();
    newest.sort_by(|a, b| b.age().cmp(&a.age()));
    let (mut all, mut rooms) = (0, HashMap::<&str, u32>::new());
    let full = |most: u32, newer: u32| most > 0 && newer >= most;
    let mut surplus = HashSet::new();
    for one in newest {
        let of_room = rooms.entry(&one.room).or_default();
        if full(policy.keep_newest, all) || full(policy.keep_newest_of_room, *of_room) {
            surplus.insert(one.id.as_str());
        }
        if one.counts {
            (all, *of_room) = (all + 1, *of_room + 1);
        }
    }
    surplus
}

/// Which recordings go, oldest first. `now_ms`: `None` while the clock cannot be believed: nothing is
/// too old then, and nobody knows which are the newest. `short_by`: bytes that must become free.
pub fn due(
    candidates: &[Candidate],
    policy: Policy,
    now_ms: Option<u64>,
    short_by: u64,
) -> Vec<(String, Why)> {
    let mut oldest: Vec<&Candidate> = candidates.iter().filter(|one| !one.held).collect();
    oldest.sort_by(|a, b| a.age().cmp(&b.age()));
    let aged = |at: u64| now_ms.is_some_and(|now| now >= at);
    let old =
        |one: &Candidate| !one.undelivered && !one.undated && one.old_at(policy).is_some_and(aged);
    let surplus = now_ms.map(|_| surplus(candidates, policy)).unwrap_or_default();
    let many = |one: &Candidate| !one.undelivered && surplus.contains(one.id.as_str());
    let (mut freed, mut due, mut rest) = (0, Vec::new(), Vec::new());
    for one in oldest {
        let why = match (old(one), many(one)) {
            (true, _) => Why::Age,
            (_, true) => Why::Count,
            _ => {
                rest.push(one);
                continue;
            }
        };
        freed += one.bytes;
        due.push((one.id.clone(), why));
    }
    // What a target lacks is here alone: it goes after all that is elsewhere too.
    rest.sort_by_key(|one| one.undelivered);
    for one in rest.into_iter().filter(|_| policy.overwrite_oldest) {
        if freed >= short_by {
            break;
        }
        freed += one.bytes;
        due.push((one.id.clone(), Why::Space));
    }
    due
}

/// What goes next, and when its day is; `None`: when newer ones come, or the disk fills.
pub fn upcoming(
    candidates: &[Candidate],
    policy: Policy,
    most: usize,
) -> Vec<(&Candidate, Why, Option<u64>)> {
    let surplus = surplus(candidates, policy);
    let mut oldest: Vec<&Candidate> = candidates.iter().filter(|one| !one.held).collect();
    oldest.sort_by(|a, b| (a.undelivered, a.age()).cmp(&(b.undelivered, b.age())));
    let mut next: Vec<_> = oldest
        .into_iter()
        .filter_map(|one| {
            let may = !one.undelivered;
            let day = one.old_at(policy).filter(|_| may && !surplus.contains(one.id.as_str()));
            if day.is_some() {
                Some((one, Why::Age, day.filter(|_| !one.undated)))
            } else if may && policy.counts() {
                Some((one, Why::Count, None))
            } else {
                policy.overwrite_oldest.then_some((one, Why::Space, None))
            }
        })
        .collect();
    // What is too many goes now, then by their day; what has none goes by its age, after those.
    next.sort_by_key(|(one, _, at)| {
        (!surplus.contains(one.id.as_str()) || one.undelivered, at.unwrap_or(u64::MAX))
    });
    next.truncate(most);
    next
}

/// What [`upcoming`] says of all recordings, told from these, their oldest in order of time; `None`: they are not
/// enough. `own_days`: the fewest that a room says; 0: none does.
pub fn upcoming_of_oldest(
    oldest: &[Candidate],
    policy: Policy,
    own_days: u32,
    most: usize,
) -> Option<Vec<(&Candidate, Why, Option<u64>)>> {
    let youngest = oldest.last().filter(|_| !policy.counts())?;
    let next = upcoming(oldest, policy, most);
    // What is not among them ended no earlier than the youngest of them, and stays for this time at least.
    let others = policy.shortest_ms(own_days).map(|ms| youngest.ended_ms.saturating_add(ms));
    let are_enough = next.len() == most
        && next.iter().all(|(one, why, at)| match (at, others) {
            (Some(at), Some(others)) => *at <= others,
            (None, None) => *why == Why::Space && !one.undelivered && !one.undated,
            _ => false,
        });
    are_enough.then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn recording(n: u64, ended_day: u64, bytes: u64, held: bool) -> Candidate {
        Candidate {
            id: format!("rec_{n:03}"),
            ended_ms: ended_day * DAY_MS,
            undated: false,
            bytes,
            held,
            undelivered: false,
            room: format!("room_{}", n % 3),
            counts: true,
            own_days: 0,
        }
    }

    fn ids(due: &[(String, Why)]) -> Vec<&str> {
        due.iter().map(|(id, _)| id.as_str()).collect()
    }

    const KEEP_ALL: Policy =
        Policy { keep_days: 0, keep_newest: 0, keep_newest_of_room: 0, overwrite_oldest: false };

    #[test]
    fn nothing_goes_unless_the_owner_says_so() {
        let all = [recording(1, 0, 5, false), recording(2, 9, 5, false)];
        assert!(due(&all, KEEP_ALL, Some(1000 * DAY_MS), 100).is_empty());
    }

    #[test]
    fn the_old_go_on_their_day_and_not_while_the_clock_is_in_doubt() {
        let all = [recording(1, 10, 5, false), recording(2, 20, 5, false)];
        let policy = Policy { keep_days: 30, ..KEEP_ALL };
        assert!(due(&all, policy, Some(40 * DAY_MS - 1), 0).is_empty());
        assert_eq!(due(&all, policy, Some(40 * DAY_MS), 0), [("rec_001".to_owned(), Why::Age)]);
        assert!(due(&all, policy, None, 0).is_empty());
    }

    #[test]
    fn a_rooms_own_days_take_the_place_of_the_boxs_and_a_hold_beats_them() {
        let own = |n, days, held| Candidate { own_days: days, ..recording(n, 10, 5, held) };
        let all = [own(1, 7, false), own(2, 60, false), own(3, 0, false), own(4, 7, true)];
        let boxs = Policy { keep_days: 30, ..KEEP_ALL };
        let gone = |policy, day: u64| ids_of(&due(&all, policy, Some(day * DAY_MS), 0));
        assert!(gone(boxs, 16).is_empty());
        assert_eq!(gone(boxs, 17), ["rec_001"]);
        assert_eq!(gone(boxs, 40), ["rec_001", "rec_003"], "a room keeps for longer than the box");
        assert_eq!(gone(boxs, 70), ["rec_001", "rec_002", "rec_003"]);
        assert_eq!(gone(KEEP_ALL, 1000), ["rec_001", "rec_002"], "the box itself keeps all");
        assert!(due(&all, boxs, None, 0).is_empty(), "the clock is in doubt");
        let days: Vec<_> = upcoming(&all, boxs, 9).iter().map(|(_, _, at)| at.unwrap()).collect();
        assert_eq!(days, [17 * DAY_MS, 40 * DAY_MS, 70 * DAY_MS]);
        let young = |policy: Policy, own| policy.ended_by(100 * DAY_MS, own).map(|at| at / DAY_MS);
        assert_eq!((young(boxs, 7), young(boxs, 60)), (Some(93), Some(70)));
        assert_eq!((young(KEEP_ALL, 7), young(KEEP_ALL, 0)), (Some(93), None));
    }

    fn ids_of(due: &[(String, Why)]) -> Vec<String> {
        due.iter().map(|(id, _)| id.clone()).collect()
    }

    #[test]
    fn what_a_target_lacks_grows_old_and_only_a_full_disk_takes_it() {
        let all = [Candidate { undelivered: true, ..recording(1, 1, 5, false) }];
        let policy = Policy { keep_days: 1, overwrite_oldest: true, ..KEEP_ALL };
        assert!(due(&all, policy, Some(100 * DAY_MS), 0).is_empty());
        assert_eq!(due(&all, policy, Some(100 * DAY_MS), 1), [("rec_001".to_owned(), Why::Space)]);
    }

    #[test]
    fn a_full_disk_takes_the_oldest_and_no_more_than_it_needs() {
        let all = [recording(3, 3, 5, false), recording(1, 1, 5, true), recording(2, 2, 5, false)];
        let policy = Policy { overwrite_oldest: true, ..KEEP_ALL };
        assert_eq!(ids(&due(&all, policy, None, 1)), ["rec_002"]);
        assert_eq!(ids(&due(&all, policy, None, 6)), ["rec_002", "rec_003"]);
        assert!(due(&all, policy, None, 0).is_empty());
    }

    #[test]
    fn a_full_disk_takes_what_is_elsewhere_too_before_what_is_only_here() {
        let here = Candidate { undelivered: true, ..recording(1, 1, 5, false) };
        let all = [here, recording(2, 2, 5, false), recording(3, 3, 5, false)];
        let policy = Policy { overwrite_oldest: true, ..KEEP_ALL };
        assert_eq!(ids(&due(&all, policy, None, 1)), ["rec_002"]);
        assert_eq!(ids(&due(&all, policy, None, 11)), ["rec_002", "rec_003", "rec_001"]);
    }

    #[test]
    fn what_a_wrong_clock_dated_is_the_newest_until_its_time_is_known() {
        // Made with a clock that was weeks back.
        let new = Candidate { undated: true, ..recording(1, 1, 5, false) };
        let all = [new, recording(2, 20, 5, false), recording(3, 30, 5, false)];
        let full = Policy { overwrite_oldest: true, ..KEEP_ALL };
        assert_eq!(ids(&due(&all, full, None, 1)), ["rec_002"]);
        let aged = Policy { keep_days: 30, ..KEEP_ALL };
        assert_eq!(ids(&due(&all, aged, Some(55 * DAY_MS), 0)), ["rec_002"]);
        let few = Policy { keep_newest: 2, ..KEEP_ALL };
        assert_eq!(ids(&due(&all, few, Some(55 * DAY_MS), 0)), ["rec_002"]);
        // Its time is known: its id is that of the wrong clock for ever.
        let dated = Candidate { undated: false, ended_ms: 40 * DAY_MS, ..all[0].clone() };
        let all = [dated, all[1].clone(), all[2].clone()];
        assert_eq!(ids(&due(&all, few, Some(55 * DAY_MS), 0)), ["rec_002"]);
    }

    #[test]
    fn what_goes_next_is_told_with_its_day_or_the_full_disk() {
        let all = [
            recording(2, 7, 5, false),
            recording(1, 9, 5, false),
            recording(3, 1, 5, true),
            Candidate { undelivered: true, ..recording(4, 2, 5, false) },
        ];
        let told = |policy, most| {
            let next = upcoming(&all, policy, most).into_iter();
            let told = |(one, why, at): (&Candidate, Why, Option<u64>)| {
                (one.id.clone(), why.name(), at.map(|at| at / DAY_MS))
            };
            next.map(told).collect::<Vec<_>>()
        };
        let (one, two, four) = ("rec_001".to_owned(), "rec_002".to_owned(), "rec_004".to_owned());
        assert!(told(KEEP_ALL, 9).is_empty());
        let aged = Policy { keep_days: 30, ..KEEP_ALL };
        let ages = [(two.clone(), "age", Some(37)), (one.clone(), "age", Some(39))];
        assert_eq!(told(aged, 9), ages);
        assert_eq!(told(aged, 1), ages[..1]);
        let full = Policy { overwrite_oldest: true, ..KEEP_ALL };
        let spaces = [two, one, four.clone()].map(|id| (id, "space", None));
        assert_eq!(told(full, 9), spaces);
        let both = Policy { keep_days: 30, overwrite_oldest: true, ..KEEP_ALL };
        assert_eq!(told(both, 9)[2], (four, "space", None), "a target lacks it");
    }

    #[test]
    fn the_newest_stay_and_what_is_empty_takes_nobodys_place() {
        let all: Vec<Candidate> = (1..=6).map(|n| recording(n, n, 5, false)).collect();
        let now = Some(9 * DAY_MS);
        let policy = Policy { keep_newest: 4, ..KEEP_ALL };
        let gone = due(&all, policy, now, 0);
        assert_eq!(gone, [("rec_001".to_owned(), Why::Count), ("rec_002".to_owned(), Why::Count)]);
        assert!(due(&all, policy, None, 0).is_empty(), "nobody knows which are the newest");
        // Rooms are 1, 2, 0, 1, 2, 0.
        let policy = Policy { keep_newest_of_room: 1, ..KEEP_ALL };
        assert_eq!(ids(&due(&all, policy, now, 0)), ["rec_001", "rec_002", "rec_003"]);
        let mut empty = all.clone();
        empty[5].counts = false;
        assert_eq!(ids(&due(&empty, policy, now, 0)), ["rec_001", "rec_002"]);
        let mut kept = all.clone();
        (kept[0].held, kept[1].undelivered) = (true, true);
        let policy = Policy { keep_newest: 1, ..KEEP_ALL };
        assert_eq!(ids(&due(&kept, policy, now, 0)), ["rec_003", "rec_004", "rec_005"]);
        let next = upcoming(&kept, policy, 9);
        let next: Vec<_> = next.iter().map(|(one, why, _)| (one.id.as_str(), why.name())).collect();
        let expected = ["rec_003", "rec_004", "rec_005", "rec_006"].map(|id| (id, "count"));
        assert_eq!(next, expected);
    }

    proptest! {
        #[test]
        fn what_goes_next_is_told_from_the_oldest_where_they_are_enough(
            seeds in prop::collection::vec((0..60u64, 0..4u32, any::<[bool; 2]>(), 0..8u8), 1..40),
            keep_days in prop::option::of(1..40u32),
            keep_newest in prop::option::weighted(0.1, 1..8u32),
            overwrite_oldest in any::<bool>(),
            most in 1..6usize,
            known in 1..40usize,
        ) {
            let mut all: Vec<Candidate> = (0..)
                .zip(&seeds)
                .map(|(n, (day, own_days, [held, undelivered], undated))| {
                    let (undated, own_days) = (*undated == 0, own_days * 10);
                    let undelivered = *undelivered && n % 2 == 0;
                    Candidate { undelivered, undated, own_days, ..recording(n, *day, 5, *held) }
                })
                .collect();
            all.sort_by(|a, b| (a.ended_ms, &a.id).cmp(&(b.ended_ms, &b.id)));
            let own_days = all.iter().map(|one| one.own_days).filter(|days| *days > 0).min();
            let policy = Policy {
                keep_days: keep_days.unwrap_or_default(),
                keep_newest: keep_newest.unwrap_or_default(),
                overwrite_oldest,
                ..KEEP_ALL
            };
            let oldest = &all[..known.min(all.len())];
            if let Some(told) = upcoming_of_oldest(oldest, policy, own_days.unwrap_or_default(), most) {
                prop_assert_eq!(told, upcoming(&all, policy, most));
            }
        }

        #[test]
        fn the_oldest_are_enough_for_the_usual_rules(days in 1..40u32, most in 1..6usize) {
            let all: Vec<Candidate> = (0..90).map(|n| recording(n, n / 3, 5, n % 5 == 0)).collect();
            let aged = Policy { keep_days: days, ..KEEP_ALL };
            let full = Policy { overwrite_oldest: true, ..KEEP_ALL };
            for policy in [aged, full] {
                prop_assert!(upcoming_of_oldest(&all[..30], policy, 0, most).is_some());
                prop_assert!(upcoming_of_oldest(&all[..most], policy, 0, most + 1).is_none());
            }
        }

        #[test]
        fn so_many_stay_as_the_owner_wants_and_they_are_the_newest(
            seeds in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 0..30),
            keep_newest in 0..8u32,
            keep_newest_of_room in 0..4u32,
            believed in any::<bool>(),
        ) {
            let all: Vec<Candidate> = (0..)
                .zip(seeds)
                .map(|(n, (held, undelivered, counts))| {
                    Candidate { undelivered, counts, ..recording(n, 1, 5, held) }
                })
                .collect();
            let policy = Policy { keep_newest, keep_newest_of_room, ..KEEP_ALL };
            let gone = due(&all, policy, believed.then_some(DAY_MS), 0);
            let gone: HashSet<&str> = ids(&gone).into_iter().collect();
            prop_assert!(gone.is_empty() || (believed && policy.counts()));
            for one in &all {
                let newer = |room: Option<&str>| {
                    let newer = all.iter().filter(|other| other.counts && other.id > one.id);
                    newer.filter(|other| room.is_none_or(|room| other.room == room)).count() as u32
                };
                let many = (keep_newest > 0 && newer(None) >= keep_newest)
                    || (keep_newest_of_room > 0 && newer(Some(&one.room)) >= keep_newest_of_room);
                let goes = believed && many && !one.held && !one.undelivered;
                prop_assert_eq!(gone.contains(one.id.as_str()), goes, "{:?}", one);
            }
        }

        #[test]
        fn what_is_held_stays_and_what_goes_is_older_than_what_stays(
            seeds in prop::collection::vec((0..100u64, 0..50u64, any::<bool>()), 0..20),
            keep_days in 0..40u32,
            overwrite_oldest in any::<bool>(),
            now in prop::option::of(0..200u64),
            short_by in 0..200u64,
        ) {
            let all: Vec<Candidate> = (0..)
                .zip(seeds)
                .map(|(n, (day, bytes, held))| recording(n, day, bytes, held))
                .collect();
            let policy = Policy { keep_days, overwrite_oldest, ..KEEP_ALL };
            let gone = due(&all, policy, now.map(|day| day * DAY_MS), short_by);
            for (id, why) in &gone {
                let one = all.iter().find(|one| one.id == *id).expect("a recording of ours");
                prop_assert!(!one.held);
                if *why == Why::Space {
                    // Everything older that may go goes as well.
                    let older = all.iter().filter(|other| other.age() < one.age() && !other.held);
                    prop_assert!(older.into_iter().all(|other| ids(&gone).contains(&other.id.as_str())));
                }
            }
            let freed: u64 =
                all.iter().filter(|one| ids(&gone).contains(&one.id.as_str())).map(|one| one.bytes).sum();
            let all_free: u64 = all.iter().filter(|one| !one.held).map(|one| one.bytes).sum();
            prop_assert!(!overwrite_oldest || freed >= short_by.min(all_free));
        }
    }
}
