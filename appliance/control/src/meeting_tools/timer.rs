//! A timer that everybody in a meeting sees: how long somebody still may speak, when the break is over.

use super::ToolsError;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const LEAST_S: u32 = 5;
const MOST_S: u32 = 24 * 3600;
const LONGEST_TITLE: usize = 80;

/// A timer to be started.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTimer {
    /// 5 seconds to a day.
    pub seconds: u32,
    /// What it is for, in at most 80 characters; none is needed.
    #[serde(default)]
    pub title: String,
}

/// A timer that runs, or has run out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Timer {
    pub title: String,
    pub seconds: u32,
    /// Until it runs out, as of this answer; negative: so long ago it has.
    pub left_ms: i64,
    pub by: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptTimer {
    title: String,
    seconds: u32,
    /// By the box's clock; whose clock is wrong sees what is left all the same.
    ends_at: UnixMs,
    by: String,
}

impl KeptTimer {
    pub(super) fn start(by: &str, now: UnixMs, wanted: &NewTimer) -> Result<Self, ToolsError> {
        let title = wanted.title.trim();
        let fits = (LEAST_S..=MOST_S).contains(&wanted.seconds)
            && title.chars().count() <= LONGEST_TITLE
            && !title.chars().any(char::is_control);
        if !fits {
            return Err(ToolsError::Timer { least: LEAST_S, most: MOST_S });
        }
        let ends_at = UnixMs(now.0 + u64::from(wanted.seconds) * 1_000);
        Ok(Self { title: title.to_owned(), seconds: wanted.seconds, ends_at, by: by.to_owned() })
    }

    pub(super) fn at(&self, now: UnixMs) -> Timer {
        Timer {
            title: self.title.clone(),
            seconds: self.seconds,
            left_ms: self.ends_at.0 as i64 - now.0 as i64,
            by: self.by.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_by_the_box() {
        let wanted = NewTimer { seconds: 90, title: " Break ".to_owned() };
        let timer = KeptTimer::start("Ada", UnixMs(1_000_000), &wanted).unwrap();
        assert_eq!((timer.at(UnixMs(1_000_000)).left_ms, timer.title.as_str()), (90_000, "Break"));
        assert_eq!(timer.at(UnixMs(1_091_500)).left_ms, -1_500, "it has run out");
    }

    #[test]
    fn what_is_no_timer_is_refused() {
        for (seconds, title) in [(4, ""), (86_401, ""), (60, "a\nb"), (60, &"x".repeat(81))] {
            let wanted = NewTimer { seconds, title: title.to_owned() };
            assert!(KeptTimer::start("Ada", UnixMs(0), &wanted).is_err(), "{seconds} {title:?}");
        }
    }
}
