//! What the owner wants: how often, when, where to, and how many are kept there.

use crate::backup::BackupError;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use utoipa::ToSchema;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A year of days.
const MOST_KEPT: u32 = 366;

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    Daily,
    Weekly,
}

/// When the box makes backups by itself, and where they go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupPlan {
    pub every: Every,
    /// 1 is Monday, 7 Sunday; for weekly ones.
    #[serde(default)]
    #[schema(required)]
    pub weekday: Option<u8>,
    /// `HH:MM`, the box's own time.
    pub at: String,
    /// Ids of targets; each gets every backup.
    pub targets: Vec<String>,
    /// So many of the newest stay at each target; of older ones the box takes away its own.
    pub keep: u32,
}

impl BackupPlan {
    /// From one turn to the next.
    pub fn period(&self) -> Duration {
        match self.every {
            Every::Daily => DAY,
            Every::Weekly => 7 * DAY,
        }
    }

    /// Of the day.
    pub fn minute(&self) -> Option<u16> {
        let (hours, minutes) = self.at.split_once(':')?;
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(hours) || !digits(minutes) {
            return None;
        }
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    }

    /// 1 is Monday; `None`: each day will do.
    pub fn weekday(&self) -> Option<i8> {
        match self.every {
            Every::Daily => None,
            Every::Weekly => self.weekday.and_then(|day| i8::try_from(day).ok()),
        }
    }

    /// Whether it can be carried out with these targets.
    ///
    /// # Errors
    /// The field that will not do, and why.
    pub fn check(&self, known: &BTreeSet<String>) -> Result<(), BackupError> {
        let refused = |field, why| Err(BackupError::Plan { field, why });
        if self.minute().is_none() {
            return refused("at", "is a time of the day like 03:00");
        }
        if self.every == Every::Weekly && !self.weekday.is_some_and(|day| (1..=7).contains(&day)) {
            return refused("weekday", "is 1 (Monday) to 7 (Sunday)");
        }
        if !(1..=MOST_KEPT).contains(&self.keep) {
            return refused("keep", "is 1 to 366");
        }
        if self.targets.is_empty() {
            return refused("targets", "are one at least: add one in the settings first");
        }
        if self.targets.iter().collect::<BTreeSet<_>>().len() < self.targets.len() {
            return refused("targets", "are each named once");
        }
        if !self.targets.iter().all(|id| known.contains(id)) {
            return refused("targets", "are ids of targets that are there");
        }
        Ok(())
    }
}

/// The plan as it is kept, and how far it has come.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanRow {
    /// `None`: the box makes none by itself.
    pub plan: Option<BackupPlan>,
    /// Of the files at the targets; told to nobody again.
    pub passphrase: String,
    /// Of the last backup that was made. It never goes back.
    pub seq: u64,
    /// When that was, by the clock of then.
    pub made_at: Option<UnixMs>,
    /// Of the last one that somebody has called off: no target waits for it.
    pub called_off: Option<u64>,
    /// Since when there should be backups.
    pub since: UnixMs,
}

impl std::fmt::Debug for PlanRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanRow").field("plan", &self.plan).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_cannot_be_carried_out_is_refused_by_its_field() {
        let plan = BackupPlan {
            every: Every::Daily,
            weekday: None,
            at: "03:00".to_owned(),
            targets: vec!["tgt_1".to_owned()],
            keep: 7,
        };
        let known = BTreeSet::from(["tgt_1".to_owned(), "tgt_2".to_owned()]);
        assert!(plan.check(&known).is_ok());
        let weekly = BackupPlan { every: Every::Weekly, weekday: Some(7), ..plan.clone() };
        assert!(weekly.check(&known).is_ok());
        let with = |change: &dyn Fn(&mut BackupPlan)| {
            let mut other = weekly.clone();
            change(&mut other);
            other.check(&known).unwrap_err().field().unwrap().to_owned()
        };
        for at in ["", "3:00", "24:00", "03:60", "+3:00", "03:00:00", "ab:cd"] {
            assert_eq!(with(&|plan| plan.at = at.to_owned()), "at", "{at}");
        }
        for day in [None, Some(0), Some(8)] {
            assert_eq!(with(&|plan| plan.weekday = day), "weekday");
        }
        for keep in [0, 367] {
            assert_eq!(with(&|plan| plan.keep = keep), "keep");
        }
        for targets in [vec![], vec!["tgt_1", "tgt_1"], vec!["tgt_9"]] {
            let targets: Vec<String> = targets.into_iter().map(str::to_owned).collect();
            assert_eq!(with(&|plan| plan.targets = targets.clone()), "targets");
        }
    }
}
