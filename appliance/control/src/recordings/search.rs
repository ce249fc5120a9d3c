//! The library: what is asked of it, checked; who was in a recording; days of a calendar.

use super::{Recording, RecordingState, Recordings, plain};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::pages::{checked, page};
use crate::store::{RecordingRow, Search};
use roombox_capture::read_timeline;
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use serde::Serialize;
use utoipa::ToSchema;

/// What people type into a search box is shorter.
const LONGEST_TEXT: usize = 200;
const MOST_WORDS: usize = 12;
/// Six weeks are what a calendar shows of a month.
const MOST_DAYS: usize = 62;
/// Recordings that a day names; the others it counts.
const NAMED_A_DAY: u32 = 8;
/// Rooms that a list of them may have.
const MOST_ROOMS: u32 = 500;
/// Names of people that are kept of one recording, and how long each may be.
const MOST_PEOPLE: usize = 200;
const LONGEST_NAME: usize = 100;
/// Recordings of older versions that are read at a time.
const AT_A_TIME: u32 = 100;

/// What somebody asks the library for, as it was typed. What is absent is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Words; each must be in the title, the room's name or somebody's.
    pub text: Option<String>,
    /// RFC 3339: begun then or later.
    pub from: Option<String>,
    /// RFC 3339: begun before.
    pub to: Option<String>,
    /// Name of the room.
    pub room: Option<String>,
    pub state: Option<RecordingState>,
}

/// Some recordings and where to go on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RecordingPage {
    pub items: Vec<Recording>,
    /// To be given as `after`; `null`: these were the last.
    #[schema(required)]
    pub next: Option<String>,
}

/// A day of the calendar.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Day {
    pub starts_at: UnixMs,
    /// Recordings that began on it.
    pub count: u64,
    /// The first of them.
    pub items: Vec<DayEntry>,
}

/// A recording as a calendar names it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DayEntry {
    pub id: String,
    pub title: String,
    pub room_name: String,
    pub started_at: UnixMs,
    /// Up to now while it runs.
    pub duration_ms: u64,
}

fn moment(field: &'static str, text: &str) -> Result<u64, ControlError> {
    let why = "is a moment of the years 1970 to 9999, like 2026-11-28T14:05:00Z";
    UnixMs::parse(text).map(|at| at.0).ok_or(ControlError::InvalidSearch { field, why })
}

/// The words that somebody typed, as searches compare them.
///
/// # Errors
/// There are more than anybody types.
pub(crate) fn search_words(text: &str) -> Result<Vec<String>, ControlError> {
    let refused = |why| ControlError::InvalidSearch { field: "text", why };
    if text.chars().count() > LONGEST_TEXT {
        return Err(refused("has at most 200 characters: ask for fewer words"));
    }
    let words: Vec<String> = plain(text).split_whitespace().map(str::to_owned).collect();
    match words.len() > MOST_WORDS {
        true => Err(refused("has at most 12 words: ask for fewer")),
        false => Ok(words),
    }
}

impl Wanted {
    fn checked(self) -> Result<Search, ControlError> {
        let refused = |field, why| ControlError::InvalidSearch { field, why };
        let words = search_words(&self.text.unwrap_or_default())?;
        let from_ms = self.from.map(|from| moment("from", &from)).transpose()?;
        let to_ms = self.to.map(|to| moment("to", &to)).transpose()?;
        if let (Some(from), Some(to)) = (from_ms, to_ms)
            && from >= to
        {
            return Err(refused("to", "must be later than `from`"));
        }
        if self.room.as_ref().is_some_and(|room| room.chars().count() > LONGEST_TEXT) {
            return Err(refused("room", "is no name of a room: it has at most 200 characters"));
        }
        Ok(Search { words, from_ms, to_ms, room: self.room, state: self.state })
    }
}

/// Names of those who were there, in the order in which they came.
pub(super) fn people_in(timeline: &[TimelineLine]) -> Vec<String> {
    let mut people: Vec<String> = Vec::new();
    for line in timeline {
        let TimelineEvent::Join { identity, name, .. } = &line.event else { continue };
        let name = if name.trim().is_empty() { identity } else { name };
        let clean = name.chars().map(|c| if c.is_control() { ' ' } else { c });
        let name: String = clean.take(LONGEST_NAME).collect::<String>().trim().to_owned();
        if people.len() < MOST_PEOPLE && !name.is_empty() && !people.contains(&name) {
            people.push(name);
        }
    }
    people
}

impl Recordings {
    /// Those that fit, newest first, at most `limit`, which is 1 to 200.
    ///
    /// # Errors
    /// `limit` is none of these, what is wanted cannot be, or the store refuses.
    pub async fn list(
        &self,
        wanted: Wanted,
        limit: u32,
        after: Option<String>,
    ) -> Result<RecordingPage, ControlError> {
        checked(limit)?;
        let search = wanted.checked()?;
        let mut rows = self.store.recording_list(search, limit + 1, after).await?;
        let next = page(&mut rows, limit, |row| row.id.clone());
        Ok(RecordingPage { items: self.views(rows).await?, next })
    }

    /// The days that begin at these moments (RFC 3339, in order); the last one is the end of the last
    /// day. Whose days they are is for who asks to know: the box needs no time zone for it.
    ///
    /// # Errors
    /// These are no days, what is wanted cannot be, or the store refuses.
    pub async fn days(&self, wanted: Wanted, starts: &[&str]) -> Result<Vec<Day>, ControlError> {
        let refused = |why| ControlError::InvalidSearch { field: "starts", why };
        if !(2..=MOST_DAYS + 1).contains(&starts.len()) {
            return Err(refused("has 2 to 63 moments with commas between them"));
        }
        let starts: Vec<u64> =
            starts.iter().map(|start| moment("starts", start)).collect::<Result<_, _>>()?;
        if !starts.is_sorted_by(|earlier, later| earlier < later) {
            return Err(refused("must be in order, each later than the one before"));
        }
        let search = wanted.checked()?;
        let found = self.store.recording_days(search, starts.clone(), NAMED_A_DAY).await?;
        let days = starts.into_iter().zip(found).map(|(starts_ms, day)| Day {
            starts_at: UnixMs(starts_ms),
            count: day.count,
            items: day.rows.into_iter().map(|row| self.day_entry(row)).collect(),
        });
        Ok(days.collect())
    }

    fn day_entry(&self, row: RecordingRow) -> DayEntry {
        let live = match row.state {
            RecordingState::Recording => self.recorder.figures(&row.id),
            _ => None,
        };
        DayEntry {
            id: row.id,
            title: row.title,
            room_name: row.room_name,
            started_at: UnixMs(row.started_ms),
            duration_ms: live.map_or(row.duration_ms, |live| live.elapsed_us / 1000),
        }
    }

    /// Names of the rooms that have recordings, in order.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn rooms(&self) -> Result<Vec<String>, ControlError> {
        Ok(self.store.recording_rooms(MOST_ROOMS).await?)
    }

    /// Finds out who was in recordings that an older version made. Takes its time.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn learn_people(&self) -> Result<(), ControlError> {
        loop {
            let nameless = self.store.recording_list_nameless(AT_A_TIME).await?;
            if nameless.is_empty() {
                return Ok(());
            }
            for id in nameless {
                let folder = self.folder(&id);
                let people =
                    tokio::task::spawn_blocking(move || people_in(&read_timeline(&folder)))
                        .await
                        .map_err(|error| ControlError::Files(error.into()))?;
                self.store.recording_set_people(id, people).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(wanted: Wanted) -> Option<String> {
        wanted.checked().err().and_then(|error| error.field().map(str::to_owned))
    }

    fn text(text: impl Into<String>) -> Wanted {
        Wanted { text: Some(text.into()), ..Wanted::default() }
    }

    #[test]
    fn words_are_cut_at_spaces_and_compared_without_marks() {
        let search = text("  Zoë\u{3000}MÜLLER\n").checked().unwrap();
        assert_eq!(search.words, ["zoe", "muller"]);
        assert!(text(" \t").checked().unwrap().words.is_empty());
    }

    #[test]
    fn what_cannot_be_wanted_is_refused_by_its_field() {
        let from_to = |from: &str, to: &str| Wanted {
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            ..Wanted::default()
        };
        let (early, late) = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00+01:00");
        for (wanted, wrong) in [
            (text("ü".repeat(200)), None),
            (text("ü".repeat(201)), Some("text")),
            (text("a ".repeat(13)), Some("text")),
            (from_to(early, late), None),
            (from_to(late, early), Some("to")),
            (from_to(early, early), Some("to")),
            (from_to("yesterday", late), Some("from")),
            (from_to(early, "2026-13-01T00:00:00Z"), Some("to")),
            (Wanted { room: Some("r".repeat(201)), ..Wanted::default() }, Some("room")),
        ] {
            assert_eq!(field(wanted.clone()).as_deref(), wrong, "{wanted:?}");
        }
    }

    #[test]
    fn people_are_named_once_and_on_one_line() {
        let join = |name: &str, identity: &str| TimelineLine {
            t: 0,
            event: TimelineEvent::Join {
                participant: "PA_1".to_owned(),
                identity: identity.to_owned(),
                name: name.to_owned(),
            },
        };
        let timeline =
            [join("Grace", "g"), join("Ada\nLovelace", "a"), join(" ", "bot"), join("Grace", "g2")];
        assert_eq!(people_in(&timeline), ["Grace", "Ada Lovelace", "bot"]);
    }
}
