//! Alarms for receivers that want to hear of them.

use super::{News, Webhooks};
use crate::error::ControlError;
use crate::store::AlarmNews;

/// What of alarms was told is kept under this name.
const NAME: &str = "webhooks";
/// Alarms that are told of in one transaction.
const AT_ONCE: u32 = 64;

/// Who writes an alarm as receivers get it: the door's. The same alarm gets the same id each time.
pub type AlarmWriter<'a> = dyn Fn(&AlarmNews) -> Result<News, ControlError> + Send + Sync + 'a;

impl Webhooks {
    /// Tells of every alarm that was raised or cleared since the last call, also of those before a restart.
    /// The first call ever begins with what is to come.
    ///
    /// # Errors
    /// The store refuses: the next call tells of the rest.
    pub async fn tell_alarms(&self, write: &AlarmWriter<'_>) -> Result<(), ControlError> {
        let mut done = match self.store.report_get::<()>(NAME).await? {
            Some(((), done)) => done,
            None => {
                let newest = self.store.alarm_news_newest().await?;
                self.store.report_put(NAME, (), Some(newest)).await?;
                newest
            }
        };
        loop {
            let alarms = self.store.alarm_news(done, AT_ONCE).await?;
            let Some(last) = alarms.last() else { return Ok(()) };
            done = last.seq;
            if self.is_wanted() {
                let news: Result<Vec<News>, _> = alarms.iter().map(write).collect();
                self.note(&news?).await?;
            }
            // Only now: after a crash before this they are told again.
            self.store.report_done(NAME, done).await?;
        }
    }
}
