//! Which alarms stand: raised once something is wrong for long enough, cleared once it is well for long
//! enough. Pure: both clocks are arguments.
//!
//! ```text
//! wrong ──(raised_after)──▶ open ──well──(cleared_after)──▶ cleared
//!   └─ well again: nobody hears of it    └─ wrong again: it stays the same alarm
//! ```

use super::checks::Condition;
use super::kinds::{AlarmKind, Figures, Severity};
use super::words::words;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use ulid::Ulid;
use utoipa::ToSchema;

/// Open alarms that are told of; more than this are one trouble with many faces.
const MOST: usize = 200;

/// Something that is or was wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// `alm_` and a ULID: of this one time.
    pub id: String,
    pub kind: AlarmKind,
    /// Which one of several it is about, by its id; empty: there is only one.
    pub subject: String,
    pub severity: Severity,
    pub figures: Figures,
    /// What is the case, with figures, in English.
    pub what: String,
    pub cause: String,
    pub remedy: String,
    /// The page of the panel on which it is mended, below `/panel`.
    pub page: String,
    pub since: UnixMs,
    /// `null`: it still is.
    #[schema(required)]
    pub cleared_at: Option<UnixMs>,
    #[schema(required)]
    pub acknowledged_at: Option<UnixMs>,
    /// Name of whoever has seen it and takes care.
    #[schema(required)]
    pub acknowledged_by: Option<String>,
}

impl Alarm {
    fn of(condition: &Condition, now: UnixMs) -> Self {
        let mut alarm = Self {
            id: format!("alm_{}", Ulid::from_parts(now.0, Ulid::new().random())),
            kind: condition.kind,
            subject: condition.subject.clone(),
            severity: condition.kind.severity(),
            figures: Figures::default(),
            what: String::new(),
            cause: String::new(),
            remedy: String::new(),
            page: condition.kind.page().to_owned(),
            since: now,
            cleared_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
        };
        alarm.is_now(&condition.figures);
        alarm
    }

    fn is_now(&mut self, figures: &Figures) {
        self.figures = figures.clone();
        let words = words(self.kind, figures);
        self.what = words.what;
        self.cause = words.cause.to_owned();
        self.remedy = words.remedy.to_owned();
    }

    fn key(&self) -> String {
        let (kind, subject) = (self.kind, self.subject.clone());
        Condition { kind, subject, figures: Figures::default() }.key()
    }
}

/// What a look has changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Raised(Alarm),
    Cleared(Alarm),
}

#[derive(Debug, Clone)]
struct Open {
    alarm: Alarm,
    /// Since when it is well.
    well: Option<Duration>,
}

/// The alarms of a box.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Of these nobody knows at the moment: an alarm that stands goes on.
    pub unknown: Vec<AlarmKind>,
    open: BTreeMap<String, Open>,
    /// What is wrong and not told yet, since when.
    coming: BTreeMap<String, Duration>,
}

impl Ledger {
    /// Goes on with the alarms that stood before a restart.
    pub fn of(alarms: Vec<Alarm>) -> Self {
        let open = alarms.into_iter().map(|alarm| (alarm.key(), Open { alarm, well: None }));
        Self { open: open.collect(), ..Self::default() }
    }

    pub fn is_open(&self, key: &str) -> bool {
        self.open.contains_key(key)
    }

    /// Those that stand, the worst and oldest first.
    pub fn open(&self) -> Vec<Alarm> {
        let mut all: Vec<Alarm> = self.open.values().map(|open| open.alarm.clone()).collect();
        all.sort_by(|a, b| (b.severity, a.since, &a.id).cmp(&(a.severity, b.since, &b.id)));
        all
    }

    /// Takes a look: `boot` is a clock that nobody sets, `now` the one that people read.
    pub fn look(&mut self, boot: Duration, now: UnixMs, found: &[Condition]) -> Vec<Change> {
        let mut changes = Vec::new();
        let keys: BTreeSet<String> = found.iter().map(Condition::key).collect();
        self.coming.retain(|key, _| keys.contains(key));
        for condition in found {
            let key = condition.key();
            if let Some(open) = self.open.get_mut(&key) {
                open.well = None;
                if open.alarm.figures != condition.figures {
                    open.alarm.is_now(&condition.figures);
                }
                continue;
            }
            let since = *self.coming.entry(key.clone()).or_insert(boot);
            let waited = boot.saturating_sub(since) >= condition.kind.raised_after();
            if waited && self.open.len() < MOST {
                self.coming.remove(&key);
                let alarm = Alarm::of(condition, now);
                changes.push(Change::Raised(alarm.clone()));
                self.open.insert(key, Open { alarm, well: None });
            }
        }
        self.open.retain(|key, open| {
            if keys.contains(key) {
                return true;
            }
            if self.unknown.contains(&open.alarm.kind) {
                open.well = None;
                return true;
            }
            let well = *open.well.get_or_insert(boot);
            if boot.saturating_sub(well) < open.alarm.kind.cleared_after() {
                return true;
            }
            let cleared_at = Some(now);
            changes.push(Change::Cleared(Alarm { cleared_at, ..open.alarm.clone() }));
            false
        });
        changes
    }

    /// Somebody has seen one; `None`: it does not stand.
    pub fn acknowledge(&mut self, id: &str, by: &str, now: UnixMs) -> Option<Alarm> {
        let open = self.open.values_mut().find(|open| open.alarm.id == id)?;
        if open.alarm.acknowledged_at.is_none() {
            open.alarm.acknowledged_at = Some(now);
            open.alarm.acknowledged_by = Some(by.to_owned());
        }
        Some(open.alarm.clone())
    }
}
