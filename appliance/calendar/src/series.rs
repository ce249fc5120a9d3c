//! An event with all its versions: the rule, what was moved, what was called off.

use crate::LONGEST_MS;
use crate::local::{self, Unknown, Zones};
use calcard::common::timezone::Tz;
use calcard::common::{PartialDateTime, timezone};
use calcard::icalendar::dates::TimeOrDelta;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarDuration, ICalendarEntry, ICalendarFrequency,
    ICalendarParameterName, ICalendarPeriod, ICalendarProperty, ICalendarRecurrenceRule,
    ICalendarValue,
};
use chrono::{DateTime, Duration, NaiveDateTime, NaiveTime, TimeZone as _};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

/// Dates of one event since its start: a hundred years of days.
const MOST_OF_ONE: usize = 40_000;
const MOST_A_DAY: usize = 24;

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
    #[error("it repeats more often than once an hour")]
    TooOften,
    #[error("it has too many dates since it began: let it begin later")]
    TooMany,
    #[error("its rule of repetition cannot be understood")]
    Rule,
}

impl From<Unknown> for Why {
    fn from(Unknown(name): Unknown) -> Self {
        Self::Zone(name)
    }
}

/// Whether an event has to be looked at: one that is on once, on a day that nobody asks for, has not.
pub fn may_be_on(versions: &[&ICalendarComponent], near: Range<u64>) -> bool {
    let [only] = versions else { return true };
    if only.has_property(&ICalendarProperty::Rrule) || only.has_property(&ICalendarProperty::Rdate)
    {
        return true;
    }
    let start = only.property(&ICalendarProperty::Dtstart).and_then(time_of);
    let Some(start) = start.and_then(PartialDateTime::to_date_time) else { return true };
    let ms = start.date_time.and_utc().timestamp_millis();
    u64::try_from(ms).is_ok_and(|ms| near.contains(&ms))
}

/// When an event is on within `wanted`, all its versions taken together. `dates`: how many may still be
/// counted out.
pub fn expand<'a>(
    versions: &[&'a ICalendarComponent],
    zones: &Zones,
    wanted: &Range<u64>,
    dates: &mut usize,
) -> Result<Vec<Once<'a>>, Why> {
    let versions = newest(versions, zones);
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
    let clock = Clock { zones, zone, begins, until };
    let mut counted = Vec::with_capacity(versions.len());
    // Dates on which the rule's own version is not on: excluded, moved, or called off.
    let mut gone = HashSet::new();
    for version in versions {
        let entries = version.entries.iter();
        let entries = entries.filter_map(|entry| clock.in_local_time(entry).transpose());
        let told = entries.collect::<Result<Vec<_>, Why>>();
        let told = match told {
            Ok(told) => told,
            // One date that nobody understands costs that date.
            Err(_) if version.is_recurrence_override() => {
                let moved = version.property(&ICalendarProperty::RecurrenceId);
                gone.extend(
                    moved.and_then(|entry| clock.in_local_time(entry).ok()?).iter().flat_map(times),
                );
                continue;
            }
            Err(why) => return Err(why),
        };
        let dropped = |entry: &&ICalendarEntry| {
            matches!(entry.name, ICalendarProperty::Exdate | ICalendarProperty::RecurrenceId)
        };
        gone.extend(told.iter().filter(dropped).flat_map(times));
        counted.push((version, told));
    }
    let components = counted.iter().map(|(version, told)| ICalendarComponent {
        component_type: version.component_type.clone(),
        entries: lasting(told),
        component_ids: Vec::new(),
    });
    let calendar = ICalendar { components: components.collect() };
    let most = MOST_OF_ONE.min(*dates);
    let found = calendar.expand_dates(Tz::Floating, most);
    // A rule that yields nothing has had as much work as one that yields as many as it may.
    let work = if found.events.is_empty() { MOST_OF_ONE } else { found.events.len() };
    *dates = dates.saturating_sub(work);
    if found.events.len() + gone.len() >= most {
        return Err(Why::TooMany);
    }
    if found.events.is_empty() && !found.errors.is_empty() && begins <= until {
        return Err(Why::Rule);
    }
    let mut all = Vec::new();
    let mut too_long = false;
    for event in found.events {
        let Some((version, _)) = counted.get(event.comp_id as usize) else { continue };
        let from = event.start.naive_local();
        // Dates beside the rule are not taken out by the library.
        if !version.is_recurrence_override() && gone.contains(&from) {
            continue;
        }
        let lasts = match event.end {
            TimeOrDelta::Time(end) => end.naive_local() - from,
            TimeOrDelta::Delta(delta) => delta,
        };
        // An end is a time of the clock, a duration is not (RFC 5545 §3.8.2.2, §3.3.6). Of a night on
        // which clocks are set it may come out as before the start: then it lasts as long as always.
        let Some(start) = local::moment(from, zone) else { continue };
        let after = || start.checked_add_signed(lasts);
        let end = match version.has_property(&ICalendarProperty::Dtend) {
            true => from.checked_add_signed(lasts).and_then(|to| local::moment(to, zone)),
            false => after(),
        };
        let end = end.filter(|end| *end > start).or_else(after);
        let ms = |moment: Option<DateTime<Tz>>| moment.and_then(|moment| local::unix_ms(&moment));
        let Some((start_ms, end_ms)) = ms(Some(start)).zip(ms(end)) else { continue };
        if end_ms.saturating_sub(start_ms) > LONGEST_MS {
            too_long = true;
            continue;
        }
        // One without a length is a reminder.
        if start_ms < end_ms && start_ms < wanted.end && wanted.start < end_ms {
            all.push(Once { start_ms, end_ms, version });
        }
    }
    if all.is_empty() && too_long {
        return Err(Why::TooLong);
    }
    // A date may be both in the rule and beside it.
    all.sort_by_key(|once| once.start_ms);
    all.dedup_by_key(|once| once.start_ms);
    Ok(all)
}

/// With a length of nothing where none is said: the library takes it for the rest of the day.
fn lasting(told: &[ICalendarEntry]) -> Vec<ICalendarEntry> {
    let mut entries = told.to_vec();
    let ends = |entry: &ICalendarEntry| {
        matches!(entry.name, ICalendarProperty::Dtend | ICalendarProperty::Duration)
    };
    if !entries.iter().any(ends) {
        let nothing = ICalendarValue::Duration(ICalendarDuration::default());
        let (name, params) = (ICalendarProperty::Duration, Vec::new());
        entries.push(ICalendarEntry { name, params, values: vec![nothing] });
    }
    entries
}

/// The times that a property has.
fn times(entry: &ICalendarEntry) -> Vec<NaiveDateTime> {
    let time = |value: &ICalendarValue| value.as_partial_date_time()?.to_date_time();
    entry.values.iter().filter_map(time).map(|read| read.date_time).collect()
}

/// Of each version the newest: what was changed twice is sent twice by some calendars. Others give
/// different events one name: what begins at different times and is equally new is all kept.
fn newest<'a>(versions: &[&'a ICalendarComponent], zones: &Zones) -> Vec<&'a ICalendarComponent> {
    let moment = |version: &ICalendarComponent, name: &ICalendarProperty| {
        let entry = version.property(name)?;
        let zone = zone_of(entry, zones).unwrap_or(Tz::UTC);
        local::seen_in(time_of(entry)?, zone, Tz::UTC)
    };
    let own = versions.iter().filter(|version| !version.is_recurrence_override());
    let last = own.map(|version| sequence(version)).max().unwrap_or(0);
    let mut newest: BTreeMap<_, &ICalendarComponent> = BTreeMap::new();
    for version in versions {
        let of = match version.is_recurrence_override() {
            true => (1, moment(version, &ICalendarProperty::RecurrenceId)),
            false if sequence(version) < last => continue,
            false => (0, moment(version, &ICalendarProperty::Dtstart)),
        };
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

/// The clock by which a series is counted.
struct Clock<'a> {
    zones: &'a Zones,
    zone: Tz,
    begins: NaiveDateTime,
    /// Nobody asks for what comes later.
    until: NaiveDateTime,
}

impl Clock<'_> {
    /// A property with all its times as the series' own clock shows them; `None`: it says nothing about
    /// times.
    fn in_local_time(&self, entry: &ICalendarEntry) -> Result<Option<ICalendarEntry>, Why> {
        let mut entry = entry.clone();
        let beside = match entry.name {
            ICalendarProperty::Rrule => {
                for value in &mut entry.values {
                    let ICalendarValue::RecurrenceRule(rule) = value else { return Err(Why::Rule) };
                    self.bound(rule)?;
                }
                return Ok(Some(entry));
            }
            ICalendarProperty::Duration => return Ok(Some(entry)),
            ICalendarProperty::Dtstart | ICalendarProperty::Dtend => false,
            ICalendarProperty::RecurrenceId
            | ICalendarProperty::Exdate
            | ICalendarProperty::Rdate => true,
            // Numbers of versions are compared already, and calendars count them for each version alone.
            _ => return Ok(None),
        };
        // What stands beside the start is meant as the start is, if it does not say so well.
        let from = match self.zones.zone(&entry) {
            Err(_) if beside => self.zone,
            zone => zone?,
        };
        let seen = |time: &PartialDateTime| -> Option<PartialDateTime> {
            // A day alone: at the time at which it would be.
            if beside && !time.has_time() {
                let day = time.to_date_time()?.date_time.date();
                return local::floating(day.and_time(self.begins.time()));
            }
            local::floating(local::seen_in(time, from, self.zone)?)
        };
        let change = |value: &mut ICalendarValue| -> Option<()> {
            match value {
                ICalendarValue::PartialDateTime(time) => **time = seen(time)?,
                ICalendarValue::Period(ICalendarPeriod::Range { start, end }) => {
                    (*start, *end) = (seen(start)?, seen(end)?);
                }
                ICalendarValue::Period(ICalendarPeriod::Duration { start, .. }) => {
                    *start = seen(start)?;
                }
                _ => return None,
            }
            Some(())
        };
        let all = entry.values.len();
        entry.values.retain_mut(|value| change(value).is_some());
        if !beside && entry.values.len() < all {
            return Err(Why::NoStart);
        }
        entry.params.retain(|param| param.name != ICalendarParameterName::Tzid);
        Ok(Some(entry))
    }

    /// Has a rule end with what is asked for.
    fn bound(&self, rule: &mut ICalendarRecurrenceRule) -> Result<(), Why> {
        let each = |list: &[u8]| list.len().max(1);
        let a_day = each(&rule.byhour) * each(&rule.byminute) * each(&rule.bysecond);
        if rule.freq > ICalendarFrequency::Daily || a_day > MOST_A_DAY {
            return Err(Why::TooOften);
        }
        let last = rule.until.as_ref().and_then(|last| last_local(last, self.zone));
        let to = last.map_or(self.until, |last| last.min(self.until));
        // Before its start a rule has no end, and nothing is asked of it.
        rule.until = local::floating(to.max(self.begins));
        Ok(())
    }
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
