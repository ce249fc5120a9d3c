//! Calendar feeds: what is on when, of what others publish as iCalendar (RFC 5545). Pure.
//!
//! `calcard` reads the lines and counts out the rules; what calendars of the field do beyond the RFC, and
//! what its answers leave open, is settled here: a series is counted in its own local time ([`local`]), so
//! that a lecture stays at ten when the clocks change.

mod local;
mod series;

use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarStatus,
    ICalendarValue,
};
use calcard::{Entry, Parser};
use series::Why;
use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr as _;

/// Longest feed that is read, in bytes.
pub const LONGEST: usize = 8 * 1024 * 1024;
/// Events of a feed, and times at which they are on within the wanted stretch.
const MOST: usize = 20_000;
/// Whoever wants to know what was left out reads so many reasons.
const MOST_REASONS: usize = 20;
/// Dates that are counted out for all of a feed: about a second's work.
const MOST_DATES: usize = 2_000_000;
/// Of events that are on once, those of other days are not looked at.
const NEAR_MS: u64 = 8 * 24 * 3600 * 1000;
/// Longer events say that somebody is away, not that a room is used.
const LONGEST_MS: u64 = 7 * 24 * 3600 * 1000;
/// A title or a place is cut here, in characters.
const LONGEST_TEXT: usize = 100;

/// Once that an event is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Of the event; all occurrences of a series have the same.
    pub uid: String,
    /// Milliseconds since the Unix epoch.
    pub start_ms: u64,
    pub end_ms: u64,
    pub title: String,
    pub location: String,
}

/// An event that has no place in an agenda, and why. The texts go to the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub title: String,
    pub why: String,
}

/// What is on within a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agenda {
    /// In the order in which they begin.
    pub occurrences: Vec<Occurrence>,
    /// Some of what was left out, what lasts all day last.
    pub left_out: Vec<LeftOut>,
    /// How much was left out.
    pub left_out_count: usize,
}

/// Why a feed says nothing. The texts go to the owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    #[error("it is no calendar: a feed in the iCalendar format begins with BEGIN:VCALENDAR")]
    NoCalendar,
    #[error("it is not whole: it has to end with END:VCALENDAR")]
    Torn,
    #[error("it has more than {0} events: publish a calendar with less, of this room alone")]
    TooMany(usize),
    #[error("it is longer than {0} bytes: publish a calendar with less, of this room alone")]
    TooLong(usize),
}

/// Reads a feed: what is on within `wanted`, in milliseconds since the Unix epoch. `home` is the IANA name
/// of the time zone of events that name none.
///
/// # Errors
/// See [`CalendarError`]. An event that cannot be understood costs that event.
pub fn read(text: &str, home: &str, wanted: Range<u64>) -> Result<Agenda, CalendarError> {
    if text.len() > LONGEST {
        return Err(CalendarError::TooLong(LONGEST));
    }
    let calendar = parse(text)?;
    let is = |kind| move |part: &&ICalendarComponent| part.component_type == kind;
    let home = Tz::from_str(home).unwrap_or(Tz::UTC);
    let zones = local::Zones::of(&calendar, home);
    let mut events: BTreeMap<String, Vec<&ICalendarComponent>> = BTreeMap::new();
    let all = calendar.components.iter().filter(is(ICalendarComponentType::VEvent));
    for (n, event) in all.enumerate() {
        if n >= MOST {
            return Err(CalendarError::TooMany(MOST));
        }
        let uid = event.uid().map_or_else(|| format!("nameless {n}"), str::to_owned);
        events.entry(uid).or_default().push(event);
    }
    let mut agenda = Agenda::default();
    let mut left_out = Vec::new();
    let mut dates = MOST_DATES;
    for (uid, versions) in events {
        if !series::may_be_on(&versions, wanted.start.saturating_sub(NEAR_MS)..wanted.end + NEAR_MS)
        {
            continue;
        }
        let title = text_of(versions[0], &ICalendarProperty::Summary);
        let on = match series::expand(&versions, &zones, &wanted, &mut dates) {
            Ok(on) => on,
            Err(why) => {
                left_out.push((why == Why::AllDay, LeftOut { title, why: why.to_string() }));
                continue;
            }
        };
        for once in on {
            if once.version.status() == Some(&ICalendarStatus::Cancelled) {
                continue;
            }
            agenda.occurrences.push(Occurrence {
                uid: uid.clone(),
                start_ms: once.start_ms,
                end_ms: once.end_ms,
                title: text_of(once.version, &ICalendarProperty::Summary),
                location: text_of(once.version, &ICalendarProperty::Location),
            });
        }
        if agenda.occurrences.len() > MOST {
            return Err(CalendarError::TooMany(MOST));
        }
    }
    // Of holidays everybody knows; whoever looks for what is missing looks for something else.
    left_out.sort_by_key(|(all_day, _)| *all_day);
    agenda.left_out_count = left_out.len();
    agenda.left_out = left_out.into_iter().map(|(_, out)| out).take(MOST_REASONS).collect();
    agenda.occurrences.sort_by(|a, b| (a.start_ms, &a.uid).cmp(&(b.start_ms, &b.uid)));
    Ok(agenda)
}

/// All calendars of a text: some servers send several, one after the other.
fn parse(text: &str) -> Result<ICalendar, CalendarError> {
    let mut all = ICalendar { components: Vec::new() };
    let mut parser = Parser::new(text);
    loop {
        match parser.entry() {
            Entry::ICalendar(mut one) => all.components.append(&mut one.components),
            Entry::Eof => break,
            _ => {}
        }
    }
    let first = all.components.first().map(|first| &first.component_type);
    if first != Some(&ICalendarComponentType::VCalendar) {
        return Err(CalendarError::NoCalendar);
    }
    // Half a calendar would cancel the other half.
    let end = text.trim_end().lines().next_back().unwrap_or_default();
    match end.trim().eq_ignore_ascii_case("END:VCALENDAR") {
        true => Ok(all),
        false => Err(CalendarError::Torn),
    }
}

/// A property's text, on one line and not too long.
fn text_of(event: &ICalendarComponent, property: &ICalendarProperty) -> String {
    let first = event.property(property).and_then(|entry| entry.values.first());
    let text = first.and_then(ICalendarValue::as_text).unwrap_or_default();
    let one_line = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = one_line.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests;
