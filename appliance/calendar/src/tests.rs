//! What calendars of the field send, and what is on because of it.

use super::*;
use chrono::{DateTime, Utc};

fn ms(moment: &str) -> u64 {
    let moment: DateTime<Utc> = moment.parse().unwrap();
    u64::try_from(moment.timestamp_millis()).unwrap()
}

fn feed(events: &str) -> String {
    let lines: Vec<&str> = events.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}\r\nEND:VCALENDAR\r\n", lines.join("\r\n"))
}

fn agenda(events: &str, from: &str, to: &str) -> Agenda {
    read(&feed(events), "Europe/Berlin", ms(from)..ms(to)).unwrap()
}

/// Starts, as UTC says them.
fn starts(agenda: &Agenda) -> Vec<String> {
    let say = |once: &Occurrence| DateTime::from_timestamp_millis(once.start_ms as i64).unwrap();
    agenda.occurrences.iter().map(|once| say(once).format("%m-%dT%H:%M").to_string()).collect()
}

const LECTURE: &str = "BEGIN:VEVENT
    UID:lecture@example.org
    SUMMARY:Physics\\, part 1
    LOCATION:Room 1
    DTSTART;TZID=Europe/Berlin:20261012T100000
    DTEND;TZID=Europe/Berlin:20261012T113000
    RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20261207T090000Z
    EXDATE;TZID=Europe/Berlin:20261116T100000
    END:VEVENT";

#[test]
fn a_lecture_stays_at_ten_when_the_clocks_change_and_ends_with_its_last_date() {
    let all = agenda(LECTURE, "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let expected = [
        "10-12T08:00",
        "10-19T08:00",
        "10-26T09:00",
        "11-02T09:00",
        "11-09T09:00",
        "11-23T09:00",
        "11-30T09:00",
        "12-07T09:00",
    ];
    assert_eq!(starts(&all), expected);
    let first = &all.occurrences[0];
    assert_eq!((first.title.as_str(), first.location.as_str()), ("Physics, part 1", "Room 1"));
    assert_eq!(first.end_ms - first.start_ms, 90 * 60 * 1000);
    assert!(all.left_out.is_empty(), "{:?}", all.left_out);
}

#[test]
fn one_date_may_be_moved_renamed_or_called_off() {
    let changed = format!(
        "{LECTURE}
        BEGIN:VEVENT
        UID:lecture@example.org
        SEQUENCE:2
        SUMMARY:Physics, elsewhere
        LOCATION:Room 2
        RECURRENCE-ID:20261019T080000Z
        DTSTART;TZID=Europe/Berlin:20261020T140000
        DTEND;TZID=Europe/Berlin:20261020T150000
        END:VEVENT
        BEGIN:VEVENT
        UID:lecture@example.org
        SEQUENCE:1
        STATUS:CANCELLED
        RECURRENCE-ID;TZID=Europe/Berlin:20261026T100000
        DTSTART;TZID=Europe/Berlin:20261026T100000
        DTEND;TZID=Europe/Berlin:20261026T113000
        END:VEVENT"
    );
    let all = agenda(&changed, "2026-10-18T00:00:00Z", "2026-11-03T00:00:00Z");
    assert_eq!(starts(&all), ["10-20T12:00", "11-02T09:00"]);
    assert_eq!(all.occurrences[0].location, "Room 2");
    assert_eq!(all.occurrences[1].location, "Room 1");
}

#[test]
fn times_without_a_zone_are_the_boxs_own_and_microsofts_names_are_known() {
    let event = |uid: &str, start: &str| {
        format!("BEGIN:VEVENT\nUID:{uid}\nDTSTART{start}\nDURATION:PT1H\nEND:VEVENT\n")
    };
    let all = event("floating", ":20260701T120000")
        + &event("utc", ":20260701T120000Z")
        + &event("outlook", ";TZID=Tokyo Standard Time:20260701T120000")
        + &event(
            "evolution",
            ";TZID=/freeassociation.sourceforge.net/Tzfile/America/New_York:20260701T120000",
        )
        + &event("nowhere", ";TZID=Customized Time Zone 1:20260701T120000");
    let all = agenda(&all, "2026-07-01T00:00:00Z", "2026-07-03T00:00:00Z");
    assert_eq!(starts(&all), ["07-01T03:00", "07-01T10:00", "07-01T12:00", "07-01T16:00"]);
    assert_eq!(all.left_out.len(), 1);
    assert!(all.left_out[0].why.contains("Customized Time Zone 1"), "{:?}", all.left_out);
}

#[test]
fn an_hour_that_never_is_or_is_twice_is_still_one_event() {
    let night = "BEGIN:VEVENT
        UID:night
        DTSTART;TZID=Europe/Berlin:20260301T023000
        DTEND;TZID=Europe/Berlin:20260301T030000
        RRULE:FREQ=DAILY
        END:VEVENT";
    // The clocks go forward from two to three: as if they had not been set yet.
    let spring = agenda(night, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z");
    assert_eq!(starts(&spring), ["03-28T01:30", "03-29T01:30", "03-30T00:30"]);
    // They go back from three to two: the first of both.
    let autumn = agenda(night, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z");
    assert_eq!(starts(&autumn), ["10-24T00:30", "10-25T00:30", "10-26T01:30"]);
    let once = night.replace("RRULE:FREQ=DAILY", "").replace("20260301T02", "20261025T02");
    let once = once.replace("20260301T03", "20261025T04");
    assert_eq!(
        starts(&agenda(&once, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z")),
        ["10-25T00:30"]
    );
}

#[test]
fn what_fills_no_room_is_left_out_with_its_reason() {
    let event = |uid: &str, lines: &str| {
        format!("BEGIN:VEVENT\nUID:{uid}\nSUMMARY:{uid}\n{lines}\nEND:VEVENT\n")
    };
    let all = event("birthday", "DTSTART;VALUE=DATE:20260701")
        + &event("away", "DTSTART:20260701T080000Z\nDTEND:20260801T080000Z")
        + &event("bell", "DTSTART:20260701T080000Z\nDURATION:PT1M\nRRULE:FREQ=MINUTELY")
        + &event("timeless", "DESCRIPTION:none")
        + &event("nonsense", "DTSTART:20260701T080000Z\nDURATION:PT1H\nRRULE:FREQ=SOMETIMES")
        + &event("reminder", "DTSTART:20260701T080000Z\nDTEND:20260701T080000Z")
        + &event("alarm", "DTSTART:20260701T080000Z")
        + &event("last year", "DTSTART;VALUE=DATE:20250701")
        + &event("meeting", "DTSTART:20260701T080000Z\nDURATION:PT1H");
    let all = agenda(&all, "2026-07-01T00:00:00Z", "2026-07-03T00:00:00Z");
    let uids: Vec<&str> = all.occurrences.iter().map(|once| once.uid.as_str()).collect();
    assert_eq!(uids, ["meeting"]);
    let why: Vec<(&str, &str)> =
        all.left_out.iter().map(|out| (out.title.as_str(), out.why.as_str())).collect();
    assert_eq!(
        why,
        [
            ("away", "it lasts longer than a week"),
            ("bell", "it repeats more often than once an hour"),
            ("nonsense", "its rule of repetition cannot be understood"),
            ("timeless", "it has no time at which it begins"),
            ("birthday", "it lasts all day"),
        ]
    );
}

#[test]
fn dates_beside_a_rule_and_days_without_it_count() {
    let extra = "BEGIN:VEVENT
        UID:seminar
        DTSTART;TZID=Europe/Berlin:20260105T140000
        DTEND;TZID=Europe/Berlin:20260105T160000
        RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=4
        RDATE;TZID=Europe/Berlin:20260210T140000
        EXDATE;VALUE=DATE:20260327
        END:VEVENT";
    let all = agenda(extra, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    assert_eq!(starts(&all), ["01-30T13:00", "02-10T13:00", "02-27T13:00", "04-24T12:00"]);
}

#[test]
fn an_old_series_without_an_end_costs_what_its_past_costs() {
    let old = "BEGIN:VEVENT
        UID:old
        DTSTART;TZID=Europe/Berlin:19900101T090000
        DTEND;TZID=Europe/Berlin:19900101T100000
        RRULE:FREQ=DAILY
        END:VEVENT";
    let all = agenda(old, "2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z");
    assert_eq!(starts(&all), ["11-28T08:00", "11-29T08:00"]);
    // One that has not begun is not counted out, and is no error.
    let later = agenda(old, "1980-11-28T00:00:00Z", "1980-11-30T00:00:00Z");
    assert_eq!((later.occurrences.len(), later.left_out.len()), (0, 0));
}

#[test]
fn what_is_no_calendar_is_refused_and_an_empty_one_is_empty() {
    let wanted = || 0..1;
    for none in ["", "<html>", "BEGIN:VCARD\r\nEND:VCARD\r\n", "BEGIN:VEVENT\r\nEND:VEVENT\r\n"] {
        assert_eq!(read(none, "UTC", wanted()), Err(CalendarError::NoCalendar), "{none}");
    }
    assert_eq!(read(&feed(""), "UTC", wanted()), Ok(Agenda::default()));
    assert_eq!(
        read(&" ".repeat(LONGEST + 1), "UTC", wanted()),
        Err(CalendarError::TooLong(LONGEST))
    );
}

#[test]
fn one_line_that_nobody_understands_costs_one_date() {
    let odd = "BEGIN:VEVENT
        UID:weekly
        DTSTART;TZID=Europe/Berlin:20260601T100000
        DTEND;TZID=Europe/Berlin:20260601T110000
        RRULE:FREQ=WEEKLY;COUNT=5
        EXDATE;TZID=Nowhere:20260608T100000
        END:VEVENT
        BEGIN:VEVENT
        UID:weekly
        RECURRENCE-ID;TZID=Europe/Berlin:20260615T100000
        DTSTART;TZID=Customized Time Zone:20260616T100000
        DURATION:PT1H
        END:VEVENT
        BEGIN:VEVENT
        UID:weekly
        RECURRENCE-ID:20260622T080000Z
        DTSTART:20260622T080000Z
        DURATION:P10D
        END:VEVENT";
    let all = agenda(odd, "2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z");
    assert_eq!(starts(&all), ["06-01T08:00", "06-29T08:00"]);
}

#[test]
fn dates_beside_a_rule_are_moved_and_called_off_like_others() {
    let beside = "BEGIN:VEVENT
        UID:beside
        DTSTART:20260601T100000Z
        DURATION:PT1H
        RDATE:20260602T100000Z,20260603T100000Z,20260604T100000Z
        EXDATE:20260602T100000Z
        END:VEVENT
        BEGIN:VEVENT
        UID:beside
        STATUS:CANCELLED
        RECURRENCE-ID:20260603T100000Z
        DTSTART:20260603T100000Z
        DURATION:PT1H
        END:VEVENT
        BEGIN:VEVENT
        UID:beside
        RECURRENCE-ID:20260604T100000Z
        DTSTART:20260605T120000Z
        DURATION:PT1H
        END:VEVENT";
    let all = agenda(beside, "2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z");
    assert_eq!(starts(&all), ["06-01T10:00", "06-05T12:00"]);
}

#[test]
fn events_that_share_a_name_are_all_on_unless_one_is_newer() {
    let event = |start: &str, sequence: u32| {
        format!(
            "BEGIN:VEVENT\nUID:1\nDTSTART:{start}\nDURATION:PT1H\nSEQUENCE:{sequence}\nEND:VEVENT\n"
        )
    };
    let same = event("20260601T100000Z", 0) + &event("20260602T100000Z", 0);
    let all = |text: &str| starts(&agenda(text, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"));
    assert_eq!(all(&same), ["06-01T10:00", "06-02T10:00"]);
    let newer = event("20260601T100000Z", 0) + &event("20260602T100000Z", 1);
    assert_eq!(all(&newer), ["06-02T10:00"]);
}

#[test]
fn a_night_ends_when_the_clock_says_so_and_a_duration_when_it_is_over() {
    let night = "BEGIN:VEVENT
        UID:night
        DTSTART;TZID=Europe/Berlin:20261023T230000
        DTEND;TZID=Europe/Berlin:20261024T060000
        RRULE:FREQ=DAILY
        END:VEVENT";
    let hours = |text: &str| {
        let all = agenda(text, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
        (all.occurrences[0].end_ms - all.occurrences[0].start_ms) / 3_600_000
    };
    assert_eq!(hours(night), 8);
    assert_eq!(
        hours(&night.replace("DTEND;TZID=Europe/Berlin:20261024T060000", "DURATION:PT7H")),
        7
    );
}

#[test]
fn what_would_take_for_ever_is_left_out_with_its_reason() {
    let list = |most: u8| (0..most).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let rule =
        format!("FREQ=YEARLY;BYHOUR={};BYMINUTE={};BYSECOND={}", list(24), list(60), list(60));
    let event = |uid: &str, start: &str, rule: &str| {
        format!(
            "BEGIN:VEVENT\nUID:{uid}\nDTSTART:{start}\nDURATION:PT1H\nRRULE:{rule}\nEND:VEVENT\n"
        )
    };
    let dear = event("dear", "20200101T080000Z", &rule)
        + &event("old", "18000101T080000Z", "FREQ=DAILY;BYHOUR=8,10,12,14")
        + &event("fine", "19700101T080000Z", "FREQ=DAILY");
    let all = agenda(&dear, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    assert_eq!(starts(&all), ["06-01T08:00"]);
    assert_eq!(all.left_out_count, 2, "{:?}", all.left_out);
}

#[test]
fn half_a_calendar_is_refused_and_two_are_read() {
    let one = feed("BEGIN:VEVENT\nUID:1\nDTSTART:20260601T100000Z\nDURATION:PT1H\nEND:VEVENT");
    let wanted = || ms("2026-06-01T00:00:00Z")..ms("2026-07-01T00:00:00Z");
    let half = &one[..one.len() - 20];
    assert_eq!(read(half, "UTC", wanted()), Err(CalendarError::Torn));
    let two = one.clone() + &one.replace("UID:1", "UID:2").replace("0601T", "0602T");
    assert_eq!(starts(&read(&two, "UTC", wanted()).unwrap()), ["06-01T10:00", "06-02T10:00"]);
}

#[test]
fn rules_that_yield_nothing_are_not_looked_at_without_end() {
    let never = |n: u32| {
        format!(
            "BEGIN:VEVENT
            UID:never-{n:03}
            DTSTART:20260101T100000Z
            DTEND:20260101T110000Z
            RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30
            END:VEVENT\n"
        )
    };
    let many: String = (0..60).map(never).collect();
    let all = agenda(&many, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    assert!(all.occurrences.is_empty());
    let tired = all.left_out.iter().filter(|one| one.why.contains("too many dates"));
    assert_eq!(tired.count(), 10, "each counts like as many dates as one may have");
}
