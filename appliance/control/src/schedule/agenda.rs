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
    /// By the feed's id: how many entries are its, and some of what was left out.
    pub feeds: HashMap<String, (usize, Vec<LeftOut>)>,
}

/// Counts out everything that is on within `wanted`.
pub(super) fn count(
    events: Vec<EventRow>,
    feeds: Vec<FeedRow>,
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
        });
    }
    for feed in feeds {
        let (entries, left_out) = of_feed(&feed, rooms, home, wanted.clone());
        agenda.feeds.insert(feed.id, (entries.len(), left_out));
        agenda.entries.extend(entries);
    }
    agenda.entries.sort_by(|a, b| (a.start_ms, &a.key).cmp(&(b.start_ms, &b.key)));
    agenda
}

fn of_feed(
    feed: &FeedRow,
    rooms: &[RoomRow],
    home: &str,
    wanted: Range<u64>,
) -> (Vec<Entry>, Vec<LeftOut>) {
    let read = match roombox_calendar::read(&feed.body, home, wanted) {
        Ok(read) => read,
        // It was read when it was fetched: another version of the box may be stricter.
        Err(error) => {
            let (title, why) = (feed.name.clone(), error.to_string());
            return (Vec::new(), vec![LeftOut { title, why }]);
        }
    };
    let reason = |out: roombox_calendar::LeftOut| LeftOut { title: out.title, why: out.why };
    let mut left_out: Vec<LeftOut> = read.left_out.into_iter().map(reason).collect();
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
        entries.push(Entry {
            key: format!("{} {} {}", feed.id, once.start_ms, once.uid),
            room: room.id.clone(),
            room_name: room.name.clone(),
            title: once.title,
            start_ms: once.start_ms,
            end_ms: once.end_ms,
            feed: Some(feed.id.clone()),
        });
    }
    (entries, left_out)
}
