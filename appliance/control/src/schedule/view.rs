//! The schedule as its owner sees it.

use super::agenda::OfFeed;
use super::conduct::Run;
use crate::clock::UnixMs;
use crate::store::FeedRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How it stands with something that is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleState {
    /// It is still to come.
    Planned,
    /// It is on, and nobody is in the room.
    Waiting,
    Recording,
    Recorded,
    /// Somebody ended the recording before its time.
    Stopped,
    /// It is over, and nothing was recorded: nobody came, or the box was off.
    Missed,
}

/// Something that is planned, or was.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScheduledEvent {
    /// `evn_…` for what was planned here; others belong to a feed and are changed there.
    pub id: String,
    pub room_id: String,
    pub room_name: String,
    pub title: String,
    pub starts_at: UnixMs,
    pub ends_at: UnixMs,
    /// The feed that it is from; `null`: it was planned here.
    #[schema(required)]
    pub feed: Option<String>,
    pub state: ScheduleState,
    #[schema(required)]
    pub recording: Option<String>,
    /// Something else is on in this room at the same time: what begins first is recorded until its end.
    pub overlaps: bool,
    /// It is being recorded, and can go on for longer than planned.
    pub extendable: bool,
}

/// A calendar that somebody else publishes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Feed {
    pub id: String,
    pub name: String,
    /// `null`: each event's place says which room it is.
    #[schema(required)]
    pub room_id: Option<String>,
    /// Where it is fetched, without what nobody else should know.
    pub address: String,
    pub fetched_at: UnixMs,
    /// Why the last try failed; what it said before goes on being true.
    #[schema(required)]
    pub error: Option<String>,
    /// What it plans in the coming weeks.
    pub upcoming: u32,
    /// Some of what is left out, and why.
    pub left_out: Vec<LeftOut>,
    /// How much is left out.
    pub left_out_count: u32,
}

/// An event that a feed has and the schedule has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeftOut {
    pub title: String,
    pub why: String,
}

/// What is planned in a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScheduleView {
    /// In the order in which they begin.
    pub items: Vec<ScheduledEvent>,
    /// Nobody has set the clock since the start: nothing begins by itself until somebody does.
    pub clock_unset: bool,
}

/// Something to plan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// Id of the room.
    pub room: String,
    pub title: String,
    /// RFC 3339.
    pub starts_at: String,
    pub ends_at: String,
}

/// A calendar to follow.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFeed {
    pub name: String,
    /// Address of an iCalendar feed: `https://`, `http://` or `webcal://`.
    pub url: String,
    /// Id of the room; absent: the place of each event is the name of its room.
    pub room: Option<String>,
}

/// An address without what only its owner knows: who has all of it reads the calendar.
pub(super) fn address(url: &str) -> String {
    let scheme_end = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(scheme_end);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let hidden = if rest.len() > authority.len() + 1 { "/…" } else { "" };
    format!("{scheme}{host}{hidden}")
}

pub(super) fn feed(row: &FeedRow, found: OfFeed) -> Feed {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Feed {
        id: row.id.clone(),
        name: row.name.clone(),
        room_id: row.room.clone(),
        address: address(&row.url),
        fetched_at: UnixMs(row.fetched_ms),
        error: row.error.clone(),
        upcoming: count(found.entries),
        left_out: found.left_out,
        left_out_count: count(found.left_out_count),
    }
}

/// How it stands with what is planned from `start_ms` to `end_ms`; `recorded`: what is recorded in its room
/// now.
pub(super) fn state(
    now_ms: u64,
    (start_ms, end_ms): (u64, u64),
    run: Option<&Run>,
    recorded: Option<&str>,
) -> ScheduleState {
    let over = now_ms >= end_ms;
    let recording = run.and_then(|run| run.recording.as_deref());
    match run {
        // What was begun by hand goes on after the end; it is not this any more.
        Some(run) if recording.is_some() && recording == recorded && (run.ours || !over) => {
            ScheduleState::Recording
        }
        Some(run) if run.stopped => ScheduleState::Stopped,
        Some(_) if recording.is_some() && over => ScheduleState::Recorded,
        _ if now_ms < start_ms => ScheduleState::Planned,
        _ if !over => ScheduleState::Waiting,
        _ => ScheduleState::Missed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secret() {
        for (url, shown) in [
            ("https://calendar.example/private-4711/basic.ics", "https://calendar.example/…"),
            ("https://me:4711@calendar.example/?token=4711", "https://calendar.example/…"),
            ("http://calendar.example:8080", "http://calendar.example:8080"),
            ("http://calendar.example/", "http://calendar.example"),
        ] {
            assert_eq!(address(url), shown);
        }
    }

    #[test]
    fn a_state_follows_from_the_time_and_what_was_done() {
        use crate::schedule::conduct::Planned;
        use ScheduleState::{Missed, Planned as Plan, Recorded, Recording, Stopped, Waiting};
        let run = |recording: Option<&str>, ours, stopped| Run {
            planned: Planned {
                key: "a".to_owned(),
                title: String::new(),
                start_ms: 10,
                end_ms: Some(20),
            },
            room: "rm".to_owned(),
            extended_ms: None,
            recording: recording.map(str::to_owned),
            ours,
            stopped,
        };
        let at = |now, run: Option<&Run>, recorded| state(now, (10, 20), run, recorded);
        assert_eq!(
            [at(5, None, None), at(15, None, None), at(25, None, None)],
            [Plan, Waiting, Missed]
        );
        let ours = run(Some("rec"), true, false);
        assert_eq!(at(15, Some(&ours), Some("rec")), Recording);
        assert_eq!(at(21, Some(&ours), Some("rec")), Recording);
        assert_eq!([at(15, Some(&ours), None), at(25, Some(&ours), None)], [Waiting, Recorded]);
        let by_hand = run(Some("rec"), false, false);
        assert_eq!(at(15, Some(&by_hand), Some("rec")), Recording);
        assert_eq!(at(25, Some(&by_hand), Some("rec")), Recorded);
        for stopped in [run(Some("rec"), true, true), run(Some("rec"), false, true)] {
            assert_eq!([at(15, Some(&stopped), None), at(25, Some(&stopped), None)], [Stopped; 2]);
        }
    }
}
