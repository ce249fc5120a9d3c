//! An event with all its versions: the rule, what was moved, what was called off.

use crate::local::{self, Unknown, Zones};
use crate::{LONGEST_MS, MOST};
use calcard::common::timezone::Tz;
use calcard::common::{PartialDateTime, timezone};
use calcard::icalendar::dates::TimeOrDelta;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarEntry, ICalendarFrequency, ICalendarParameterName,
    ICalendarPeriod, ICalendarProperty, ICalendarValue,
};
use chrono::{Duration, NaiveDateTime, NaiveTime, TimeZone as _};
use std::collections::BTreeMap;
use std::ops::Range;

/// Once that an event is on, and the version of it that says what it is called.
pub struct Once<'a> {
    pub start_ms: u64,
    pub end_ms: u64,
    pub version: &'a ICalendarComponent,
}

/// Why an event is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("it has no time at which it begins")]
    NoStart,
    #[error("it lasts all day")]
    AllDay,
    #[error("it lasts longer than a week")]
    TooLong,
    #[error("its time zone {0:?} is not known")]
    Zone(String),
    #[error("it repeats more often than once a day")]
    TooOften,
    #[error("its rule of repetition cannot be understood")]
    Rule,
}

impl From<Unknown> for Why {
    fn from(Unknown(name): Unknown) -> Self {
        Self::Zone(name)
    }
}

/// When an event is on within `wanted`, all its versions taken together.
pub fn expand<'a>(
    versions: &[&'a ICalendarComponent],
    zones: &Zones,
    wanted: &Range<u64>,
) -> Result<Vec<Once<'a>>, Why> {
    let versions = newest(versions);
    // What the series is counted in: the zone of its rule, or of what is there of it.
    let first = versions.iter().find(|version| !version.is_recurrence_override());
    let first = first.or(versions.first()).ok_or(Why::NoStart)?;
    let start = first.property(&ICalendarProperty::Dtstart).ok_or(Why::NoStart)?;
    let (value, zone) = (time_of(start).ok_or(Why::NoStart)?, zone_of(start, zones)?);
    if !value.has_time() {
        return Err(Why::AllDay);
    }
    let begins = local::seen_in(value, zone, zone).ok_or(Why::NoStart)?;
    let until = local_of(wanted.end, zone);
    let mut counted = ICalendar { components: Vec::with_capacity(versions.len()) };
    for version in &versions {
        let entries = version
            .entries
            .iter()
            .filter_map(|entry| in_local_time(entry, zones, zone, (begins, until)).transpose());
        let component_type = version.component_type.clone();
        let entries = entries.collect::<Result<_, Why>>()?;
        counted.components.push(ICalendarComponent {
            component_type,
            entries,
            component_ids: Vec::new(),
        });
    }
    let found = counted.expand_dates(Tz::Floating, MOST);
    if found.events.is_empty() && !found.errors.is_empty() && begins <= until {
        return Err(Why::Rule);
    }
    let mut all = Vec::new();
    for event in found.events {
        let Some(version) = versions.get(event.comp_id as usize) else { continue };
        let from = event.start.naive_local();
        let lasts = match event.end {
            TimeOrDelta::Time(end) => end.naive_local() - from,
            TimeOrDelta::Delta(delta) => delta,
        };
        let ms = local::moment(from, zone).and_then(|moment| local::unix_ms(&moment));
        let Some((start_ms, lasts_ms)) = ms.zip(u64::try_from(lasts.num_milliseconds()).ok())
        else {
            continue;
        };
        if lasts_ms > LONGEST_MS {
            return Err(Why::TooLong);
        }
        let end_ms = start_ms + lasts_ms;
        // One without a length is a reminder.
        if start_ms < end_ms && start_ms < wanted.end && wanted.start < end_ms {
            all.push(Once { start_ms, end_ms, version });
        }
    }
    // A date may be both in the rule and beside it.
    all.sort_by_key(|once| once.start_ms);
    all.dedup_by_key(|once| once.start_ms);
    Ok(all)
}

/// Of each version the newest: what was changed twice is sent twice by some calendars.
fn newest<'a>(versions: &[&'a ICalendarComponent]) -> Vec<&'a ICalendarComponent> {
    let mut newest: BTreeMap<Option<String>, &ICalendarComponent> = BTreeMap::new();
    for version in versions {
        let of = version.property(&ICalendarProperty::RecurrenceId).and_then(time_of);
        let of = of.map(|time| format!("{time:?}"));
        let known = newest.entry(of).or_insert(version);
        if sequence(version) > sequence(known) {
            *known = version;
        }
    }
    newest.into_values().collect()
}

fn sequence(version: &ICalendarComponent) -> i64 {
    let entry = version.property(&ICalendarProperty::Sequence);
    entry.and_then(|entry| entry.values.first()?.as_integer()).unwrap_or(0)
}

fn time_of(entry: &ICalendarEntry) -> Option<&PartialDateTime> {
    entry.values.first()?.as_partial_date_time()
}

/// The zone that a time counts in: that of its offset, if it has one.
fn zone_of(entry: &ICalendarEntry, zones: &Zones) -> Result<Tz, Why> {
    let offset = time_of(entry).and_then(PartialDateTime::to_date_time).and_then(|read| read.tz());
    Ok(offset.map_or_else(|| zones.zone(entry), Ok)?)
}

fn local_of(unix_ms: u64, zone: timezone::Tz) -> NaiveDateTime {
    let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
    zone.timestamp_opt(seconds, 0).earliest().map_or(NaiveDateTime::MAX, |at| at.naive_local())
}

/// A property with all its times as the series' own clock shows them; `None`: it says nothing about times.
fn in_local_time(
    entry: &ICalendarEntry,
    zones: &Zones,
    zone: Tz,
    (begins, until): (NaiveDateTime, NaiveDateTime),
) -> Result<Option<ICalendarEntry>, Why> {
    let mut entry = entry.clone();
    match entry.name {
        ICalendarProperty::Rrule => {
            for value in &mut entry.values {
                let ICalendarValue::RecurrenceRule(rule) = value else { return Err(Why::Rule) };
                if rule.freq > ICalendarFrequency::Daily {
                    return Err(Why::TooOften);
                }
                let last = rule.until.as_ref().and_then(|last| last_local(last, zone));
                let to = last.map_or(until, |last| last.min(until));
                // Before its start a rule has no end, and nothing is asked of it.
                rule.until = local::floating(to.max(begins));
            }
            return Ok(Some(entry));
        }
        ICalendarProperty::Duration => return Ok(Some(entry)),
        ICalendarProperty::Dtstart
        | ICalendarProperty::Dtend
        | ICalendarProperty::RecurrenceId
        | ICalendarProperty::Exdate
        | ICalendarProperty::Rdate => {}
        // Numbers of versions are compared already, and calendars count them for each version alone.
        _ => return Ok(None),
    }
    let from = zones.zone(&entry)?;
    let excluded = entry.name == ICalendarProperty::Exdate;
    let seen = |time: &PartialDateTime| -> Option<PartialDateTime> {
        // A day on which it is not: at the time at which it would be.
        if excluded && !time.has_time() {
            let day = time.to_date_time()?.date_time.date();
            return local::floating(day.and_time(begins.time()));
        }
        local::floating(local::seen_in(time, from, zone)?)
    };
    for value in &mut entry.values {
        match value {
            ICalendarValue::PartialDateTime(time) => {
                **time = seen(time).ok_or(Why::NoStart)?;
            }
            ICalendarValue::Period(period) => match period {
                ICalendarPeriod::Range { start, end } => {
                    *start = seen(start).ok_or(Why::NoStart)?;
                    *end = seen(end).ok_or(Why::NoStart)?;
                }
                ICalendarPeriod::Duration { start, .. } => {
                    *start = seen(start).ok_or(Why::NoStart)?;
                }
            },
            _ => {}
        }
    }
    entry.params.retain(|param| param.name != ICalendarParameterName::Tzid);
    Ok(Some(entry))
}

/// Until when a rule goes, on the series' clock. Calendars write the last start in UTC; one that is a day
/// alone includes that day.
fn last_local(last: &PartialDateTime, zone: Tz) -> Option<NaiveDateTime> {
    if !last.has_time() {
        let day = last.to_date_time()?.date_time.date();
        return Some(day.and_time(NaiveTime::MIN) + Duration::days(1) - Duration::seconds(1));
    }
    local::seen_in(last, zone, zone)
}
