//! A person's stop holds until its meeting is over: who has seen that, and when it is kept.

use super::Schedule;
use super::conduct::Run;
use crate::error::ControlError;
use crate::rooms::Room;
use std::collections::{HashMap, HashSet};

/// A meeting that was not seen in so many looks in a row is over. What is on is told by the media plane's shards, each
/// within two seconds: one that is late or too busy leaves its rooms out, and they look empty. Looks are a second apart,
/// one that misses an answer takes two more: five are five seconds of an empty room, and more than ten of a shard that
/// does not answer. Who comes back within them is in the same meeting for a person's stop, which is what they expect.
const ABSENT_LOOKS: u32 = 5;

/// Meetings of rooms as they were seen: whether one is over for which a person ended the recording.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By the room's id.
    rooms: HashMap<String, SeenRoom>,
}

#[derive(Debug, Default)]
struct SeenRoom {
    /// When the meeting began that was on in this life of the box.
    meeting: Option<u64>,
    /// In how many looks in a row there was none.
    absent: u32,
}

impl Seen {
    /// Whether what was on in a room before is over; `meeting`: when the one began that is on now. After a start a
    /// meeting may come back for a while, and is the same one: until then, `may_come_back`. It is said again until
    /// somebody has [taken](Self::taken) it.
    fn is_over(&mut self, room: &str, meeting: Option<u64>, may_come_back: bool) -> bool {
        let seen = self.rooms.entry(room.to_owned()).or_default();
        match meeting {
            Some(began) => {
                seen.absent = 0;
                *seen.meeting.get_or_insert(began) != began
            }
            None if seen.meeting.is_none() && may_come_back => false,
            None => {
                seen.absent = seen.absent.saturating_add(1).min(ABSENT_LOOKS);
                seen.absent == ABSENT_LOOKS
            }
        }
    }

    /// That what was on before is over is kept: what counts from now on is what is on now.
    fn taken(&mut self, room: &str, meeting: Option<u64>) {
        if let Some(seen) = self.rooms.get_mut(room) {
            seen.meeting = meeting;
        }
    }

    /// Rooms that are gone have no meetings.
    fn keep(&mut self, rooms: &[Room]) {
        let there: HashSet<&str> = rooms.iter().map(|room| room.id.as_str()).collect();
        self.rooms.retain(|room, _| there.contains(room.as_str()));
    }
}

impl Schedule {
    /// Whoever ended the recording of a meeting did so until that is over, and for no other one. One room's trouble is
    /// no other's: what the store refuses holds on, and is tried again with the next look.
    pub(super) async fn close(&self, now_ms: u64, rooms: &[Room], runs: &mut [Run]) {
        let may_come_back = self.begun.elapsed() < self.recordings.resume_window();
        self.state().seen.keep(rooms);
        for room in rooms {
            let meeting = room.meeting.as_ref().map(|meeting| meeting.started_at.0);
            if !self.state().seen.is_over(&room.id, meeting, may_come_back) {
                continue;
            }
            match self.close_runs(now_ms, room, runs).await {
                Ok(closed) => {
                    self.state().seen.taken(&room.id, meeting);
                    if closed > 0 {
                        tracing::info!(room = %room.id, closed,
                            "the meeting is over whose recording a person had ended: the next one is recorded again");
                    }
                }
                Err(error) => tracing::error!(room = %room.id, %error,
                    "that a meeting is over cannot be kept: tried again"),
            }
        }
    }

    async fn close_runs(
        &self,
        now_ms: u64,
        room: &Room,
        runs: &mut [Run],
    ) -> Result<usize, ControlError> {
        let mut closed = 0;
        for run in runs.iter_mut().filter(|run| run.room == room.id && run.holds()) {
            self.store.schedule_run_extend(run.planned.key.clone(), now_ms).await?;
            run.extended_ms = Some(now_ms);
            closed += 1;
        }
        Ok(closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The room is looked at so often.
    fn looks(seen: &mut Seen, meeting: Option<u64>, may_come_back: bool, most: u32) -> Vec<bool> {
        (0..most).map(|_| seen.is_over("rm", meeting, may_come_back)).collect()
    }

    #[test]
    fn a_meeting_is_over_when_it_was_seen_to_end_or_does_not_come_back_after_a_start() {
        let mut seen = Seen::default();
        assert_eq!(looks(&mut seen, None, true, 20), [false; 20], "it may come back");
        assert!(!seen.is_over("rm", Some(5), true), "it has");
        assert!(!seen.is_over("rm", Some(5), false));
        assert_eq!(looks(&mut seen, None, true, 5), [false, false, false, false, true], "left");
        seen.taken("rm", None);
        assert!(!seen.is_over("rm", Some(9), false));
        assert!(seen.is_over("rm", Some(10), false), "another one between two looks");
        let mut seen = Seen::default();
        assert_eq!(looks(&mut seen, None, false, 5).last(), Some(&true), "nobody came back");
        // Who comes first after the time in which it may come back begins another one.
        seen.taken("rm", None);
        assert!(!seen.is_over("rm", Some(7), false));
    }

    #[test]
    fn a_shard_that_is_late_ends_no_hold() {
        let mut seen = Seen::default();
        assert!(!seen.is_over("rm", Some(5), false));
        for _ in 0..3 {
            assert_eq!(looks(&mut seen, None, false, ABSENT_LOOKS - 1), [false; 4]);
            assert!(!seen.is_over("rm", Some(5), false), "it was there all the time");
        }
        assert_eq!(looks(&mut seen, None, false, ABSENT_LOOKS - 1), [false; 4]);
        assert!(seen.is_over("rm", Some(6), false), "another one needs no looks");
    }

    #[test]
    fn what_nobody_has_kept_is_said_again() {
        let mut seen = Seen::default();
        assert!(!seen.is_over("rm", Some(5), false));
        assert!(seen.is_over("rm", Some(6), false) && seen.is_over("rm", Some(6), false));
        seen.taken("rm", Some(6));
        assert!(!seen.is_over("rm", Some(6), false));
        assert_eq!(looks(&mut seen, None, false, 6), [false, false, false, false, true, true]);
        seen.taken("rm", None);
        assert!(!seen.is_over("rm", Some(6), false), "what was taken is over, whatever comes");
    }
}
