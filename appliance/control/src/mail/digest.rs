//! What a mail says, and when the next one may go. Pure.

use crate::health::{Alarm, Severity};
use crate::store::{AlarmNews, NewsKind};
use std::fmt::Write as _;
use std::time::Duration;

/// Alarms come in groups: those of so long are one mail.
pub const GATHER: Duration = Duration::from_secs(3);
/// So many mails go at once, and one more in each of these: whatever flaps fills no mailbox.
const BURST: u32 = 4;
const ONE_EACH: Duration = Duration::from_secs(600);
/// Things that one mail tells of; of the rest only the number.
pub const MOST: usize = 40;
/// After a failure, and twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How many mails may go out. Time is an argument: that since the box started.
#[derive(Debug, Default)]
pub struct Pace {
    /// When all so far are forgiven.
    forgiven: Option<Duration>,
}

impl Pace {
    /// When the next mail may go.
    pub fn free_at(&self, now: Duration) -> Duration {
        let forgiven = self.forgiven.unwrap_or(now).max(now);
        now + (forgiven + ONE_EACH).saturating_sub(now + ONE_EACH * BURST)
    }

    /// One has gone.
    pub fn sent(&mut self, now: Duration) {
        self.forgiven = Some(self.forgiven.map_or(now, |at| at.max(now)) + ONE_EACH);
    }
}

/// How long to wait after so many failures in a row.
pub fn pause(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(LONGEST_PAUSE)
}

/// News that are worth a mail.
pub fn wanted(news: Vec<AlarmNews>, least: Severity) -> Vec<AlarmNews> {
    news.into_iter().filter(|one| one.alarm.severity >= least).collect()
}

/// Subject and text of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub subject: String,
    pub text: String,
}

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    pub name: String,
    pub id: String,
    pub version: String,
}

impl Writer {
    fn foot(&self, text: &mut String) {
        let Self { name, id, version } = self;
        *text += "See Health in the panel of this box, which also says who takes care.\n";
        let line = format!("\n-- \n{name} ({id}), Roombox {version}\n");
        *text += &line;
    }
}

/// A mail about these: what stands when it is written is the truth, and what came and went in between is
/// said in a line.
pub fn digest(writer: &Writer, news: &[AlarmNews], open: &[Alarm]) -> Said {
    let ended =
        |id: &str| news.iter().any(|one| one.kind == NewsKind::Cleared && one.alarm.id == id);
    let raised: Vec<&AlarmNews> =
        news.iter().filter(|one| one.kind == NewsKind::Raised && !ended(&one.alarm.id)).collect();
    let cleared: Vec<&AlarmNews> =
        news.iter().filter(|one| one.kind == NewsKind::Cleared).collect();
    let subject = match (&raised[..], &cleared[..]) {
        ([one], _) => one.alarm.what.clone(),
        ([], [one]) => format!("Solved: {}", one.alarm.what),
        ([], many) => format!("{} problems are solved", many.len()),
        (many, _) => format!("{} new problems", many.len()),
    };
    let mut text = String::new();
    // Writing into a text cannot fail.
    let mut line = |what: std::fmt::Arguments<'_>| writeln!(text, "{what}").unwrap_or_default();
    for one in raised.iter().take(MOST) {
        let alarm = &one.alarm;
        let weight = match alarm.severity {
            Severity::Attention => "ATTENTION",
            Severity::Broken => "BROKEN",
        };
        line(format_args!("{weight}: {}", alarm.what));
        line(format_args!("  Since {} UTC.", alarm.since.minute()));
        line(format_args!("  Why: {}", alarm.cause));
        line(format_args!("  What to do: {}\n", alarm.remedy));
    }
    for one in cleared.iter().take(MOST.saturating_sub(raised.len())) {
        let alarm = &one.alarm;
        let over = alarm.cleared_at.unwrap_or_default().minute();
        line(format_args!("SOLVED: {}", alarm.what));
        line(format_args!("  From {} to {over} UTC.\n", alarm.since.minute()));
    }
    let left = (raised.len() + cleared.len()).saturating_sub(MOST);
    if left > 0 {
        line(format_args!("And {left} more.\n"));
    }
    line(format_args!("Problems that stand now: {}.", open.len()));
    writer.foot(&mut text);
    Said { subject: subject_of(writer, &subject), text }
}

/// A mail that says only that mails arrive.
pub fn trial(writer: &Writer) -> Said {
    let subject = subject_of(writer, "A test mail");
    let mut text = "Somebody sent this test from the settings of this box: mails about its alarms arrive here.\n"
        .to_owned();
    writer.foot(&mut text);
    Said { subject, text }
}

/// With the box's name, in one line of a length that mail programs show.
fn subject_of(writer: &Writer, what: &str) -> String {
    let line = format!("[{}] {what}", writer.name);
    let plain = line.chars().map(|sign| if sign.is_control() { ' ' } else { sign });
    plain.take(180).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixMs;
    use crate::health::{Change, Facts, Ledger, conditions};

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn writer() -> Writer {
        let [name, id, version] = ["Hall\r\nBcc: eve", "box_1", "1.0"].map(str::to_owned);
        Writer { name, id, version }
    }

    /// What a look at these facts raises.
    fn raised(facts: Facts) -> Vec<AlarmNews> {
        let mut ledger = Ledger::default();
        let found = conditions(&facts, &|_| false);
        let changes = ledger.look(s(0), UnixMs(1), &found);
        let news = changes.into_iter().map(|change| match change {
            Change::Raised(alarm) => AlarmNews { seq: 1, kind: NewsKind::Raised, alarm },
            Change::Cleared(alarm) => AlarmNews { seq: 1, kind: NewsKind::Cleared, alarm },
        });
        news.collect()
    }

    fn cleared(news: &AlarmNews) -> AlarmNews {
        let alarm = Alarm { cleared_at: Some(UnixMs(60_000)), ..news.alarm.clone() };
        AlarmNews { seq: 2, kind: NewsKind::Cleared, alarm }
    }

    #[test]
    fn a_flood_is_a_few_mails_and_then_one_each_ten_minutes() {
        let mut pace = Pace::default();
        let (mut now, mut sent) = (s(0), 0);
        while now < s(3600) {
            if pace.free_at(now) <= now {
                pace.sent(now);
                sent += 1;
            }
            now += s(1);
        }
        assert_eq!(sent, 4 + 5, "four at once, and five in the fifty minutes after the first ten");
        assert_eq!(pace.free_at(s(100_000)), s(100_000));
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        assert_eq!([1, 2, 3, 7, 8, 99].map(pause), [30, 60, 120, 1920, 3600, 3600].map(s));
    }

    #[test]
    fn a_mail_says_what_why_and_what_to_do_in_one_line_of_subject() {
        let news = raised(Facts { films_parked: 3, ..Facts::default() });
        let open: Vec<Alarm> = news.iter().map(|one| one.alarm.clone()).collect();
        let said = digest(&writer(), &news, &open);
        assert_eq!(said.subject, "[Hall  Bcc: eve] 3 films could not be made");
        for part in [
            "ATTENTION: 3 films",
            "Why: Every attempt",
            "What to do: See in the queue",
            "stand now: 1.",
            "(box_1)",
        ] {
            assert!(said.text.contains(part), "{part} in {}", said.text);
        }
    }

    #[test]
    fn what_came_and_went_meanwhile_is_told_as_solved_and_not_as_new() {
        let new = raised(Facts { films_parked: 3, ..Facts::default() });
        let news = vec![new[0].clone(), cleared(&new[0])];
        let said = digest(&writer(), &news, &[]);
        assert!(said.subject.contains("Solved: 3 films"), "{}", said.subject);
        assert!(said.text.contains("SOLVED") && !said.text.contains("ATTENTION"), "{}", said.text);
    }

    #[test]
    fn what_matters_less_is_not_mailed_and_much_is_counted() {
        let facts = Facts { films_parked: 1, fleet_cloned: true, ..Facts::default() };
        let news = wanted(raised(facts), Severity::Broken);
        assert_eq!(news.len(), 1);
        let many: Vec<AlarmNews> = (0..100)
            .map(|n| {
                let mut one = news[0].clone();
                one.alarm.id = n.to_string();
                one
            })
            .collect();
        let said = digest(&writer(), &many, &[]);
        assert!(said.subject.ends_with("100 new problems"), "{}", said.subject);
        assert_eq!(said.text.matches("BROKEN").count(), MOST);
        assert!(said.text.contains("And 60 more."), "{}", said.text);
    }
}
