//! The agenda: everything that is planned within a stretch of time, wherever it was planned.

use super::conduct::Planned;
use super::view::LeftOut;
use crate::store::{EventRow, FeedRow, RoomRow};
use std::collections::HashMap;
use std::ops::Range;

/// Whoever wants to know what was left out reads so many reasons.
const MOST_REASONS: usize = 20;

/// Something that is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The event's id, or feed, event and start.
    pub key: String,
    /// Id of the room.
    pub room: String,
    pub room_name: String,
    pub title: String,
    pub start_ms: u64,
    pub end_ms: u64,
    /// Id of the feed that it is from.
    pub feed: Option<String>,
    /// Something else is on in this room at the same time.
    pub overlaps: bool,
}

impl Entry {
    pub(super) fn planned(&self) -> Planned {
        let (key, title) = (self.key.clone(), self.title.clone());
        Planned { key, title, start_ms: self.start_ms, end_ms: Some(self.end_ms) }
    }
}

#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// In the order in which they begin.
    pub entries: Vec<Entry>,
    /// By the feed's id.
    pub feeds: HashMap<String, OfFeed>,
}

/// What came of a feed.
#[derive(Debug, Default)]
pub(super) struct OfFeed {
    pub entries: usize,
    /// Some of what was left out, and how much that was.
    pub left_out: Vec<LeftOut>,
    pub left_out_count: usize,
}

/// Counts out everything that is on within `wanted`.
pub(super) fn count(
    events: Vec<EventRow>,
    feeds: Vec<(FeedRow, String)>,
    rooms: &[RoomRow],
    home: &str,
    wanted: Range<u64>,
) -> Agenda {
    let mut agenda = Agenda::default();
    let within = |event: &EventRow| event.start_ms < wanted.end && wanted.start < event.end_ms;
    for event in events.into_iter().filter(within) {
        let Some(room) = rooms.iter().find(|room| room.id == event.room) else { continue };
        agenda.entries.push(Entry {
            key: event.id,
            room: event.room,
            room_name: room.name.clone(),
            title: event.title,
            start_ms: event.start_ms,
            end_ms: event.end_ms,
            feed: None,
            overlaps: false,
        });
    }
    for (feed, body) in feeds {
        let (entries, of_feed) = of_feed(&feed, &body, rooms, home, wanted.clone());
        agenda.feeds.insert(feed.id, of_feed);
        agenda.entries.extend(entries);
    }
    agenda.entries.sort_by(|a, b| (a.start_ms, &a.key).cmp(&(b.start_ms, &b.key)));
    find_overlaps(&mut agenda.entries);
    agenda
}

/// Marks what is on while something else is on in its room; `entries` in the order of their starts.
fn find_overlaps(entries: &mut [Entry]) {
    // Of each room, what ends last so far.
    let mut longest: HashMap<String, (usize, u64)> = HashMap::new();
    for n in 0..entries.len() {
        let (room, start_ms, end_ms) =
            (entries[n].room.clone(), entries[n].start_ms, entries[n].end_ms);
        let before = longest.get(&room).copied();
        if let Some((before, _)) = before.filter(|(_, until_ms)| start_ms < *until_ms) {
            entries[before].overlaps = true;
            entries[n].overlaps = true;
        }
        if before.is_none_or(|(_, until_ms)| until_ms < end_ms) {
            longest.insert(room, (n, end_ms));
        }
    }
}

fn of_feed(
    feed: &FeedRow,
    body: &str,
    rooms: &[RoomRow],
    home: &str,
    wanted: Range<u64>,
) -> (Vec<Entry>, OfFeed) {
    let read = match roombox_calendar::read(body, home, wanted) {
        Ok(read) => read,
        // It was read when it was fetched: another version of the box may be stricter.
        Err(error) => {
            let (title, why) = (feed.name.clone(), error.to_string());
            let left_out = vec![LeftOut { title, why }];
            return (Vec::new(), OfFeed { entries: 0, left_out, left_out_count: 1 });
        }
    };
    let mut left_out = Vec::new();
    let mut entries = Vec::new();
    for once in read.occurrences {
        let place = once.location.to_lowercase();
        let is_it = |room: &&RoomRow| match &feed.room {
            Some(id) => room.id == *id,
            None => room.name.to_lowercase() == place,
        };
        let Some(room) = rooms.iter().filter(|room| room.kept).find(is_it) else {
            let why = match once.location.is_empty() {
                true => "it says no place, and the feed is for no room".to_owned(),
                false => format!("no room of this box is called {:?}", once.location),
            };
            let out = LeftOut { title: once.title, why };
            if left_out.len() < MOST_REASONS && !left_out.contains(&out) {
                left_out.push(out);
            }
            continue;
        };
        // Of what was over before the feed was followed nobody expects anything.
        if once.end_ms <= feed.created_ms {
            continue;
        }
        entries.push(Entry {
            key: format!("{} {} {}", feed.id, once.start_ms, once.uid),
            room: room.id.clone(),
            room_name: room.name.clone(),
            title: once.title,
            start_ms: once.start_ms,
            end_ms: once.end_ms,
            feed: Some(feed.id.clone()),
            overlaps: false,
        });
    }
    // A room's name that is mistyped is what most people look for: it comes first.
    let left_out_count = left_out.len() + read.left_out_count;
    let reason = |out: roombox_calendar::LeftOut| LeftOut { title: out.title, why: out.why };
    left_out.extend(read.left_out.into_iter().map(reason));
    left_out.truncate(MOST_REASONS);
    let entries_count = entries.len();
    (entries, OfFeed { entries: entries_count, left_out, left_out_count })
}
