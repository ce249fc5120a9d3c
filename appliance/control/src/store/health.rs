//! Alarms, their news, and how far those are who tell others of them.

use super::{Store, StoreError, rows, signed, unsigned};
use crate::health::Alarm;
use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Alarms of the past that are kept.
const KEPT: u32 = 1000;
/// News that are kept for those who come late.
const NEWS_KEPT: u64 = 1000;

/// What happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewsKind {
    Raised,
    Cleared,
}

impl NewsKind {
    fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
        }
    }
}

/// An alarm when it was raised or cleared.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmNews {
    pub seq: u64,
    pub kind: NewsKind,
    pub alarm: Alarm,
}

impl Store {
    /// Those that stand.
    pub async fn alarm_list_open(&self) -> Result<Vec<Alarm>, StoreError> {
        let query = "SELECT row FROM alarms WHERE cleared_ms IS NULL ORDER BY raised_ms, id";
        self.call(move |sql| rows(sql, query, [])).await
    }

    /// Those that are over, the newest first.
    pub async fn alarm_list_cleared(&self, most: u32) -> Result<Vec<Alarm>, StoreError> {
        let query = "SELECT row FROM alarms WHERE cleared_ms IS NOT NULL
                     ORDER BY cleared_ms DESC, id DESC LIMIT ?1";
        self.call(move |sql| rows(sql, query, [most])).await
    }

    /// Keeps an alarm as it is now, and that it was raised or cleared. Old ones are forgotten.
    pub async fn alarm_put(&self, alarm: Alarm, news: Option<NewsKind>) -> Result<(), StoreError> {
        self.call(move |sql| {
            let row = serde_json::to_string(&alarm)?;
            let cleared = alarm.cleared_at.map(|at| signed(at.0));
            sql.execute(
                "INSERT INTO alarms (id, raised_ms, cleared_ms, row) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET cleared_ms = excluded.cleared_ms, row = excluded.row",
                params![alarm.id, signed(alarm.since.0), cleared, row],
            )?;
            if let Some(kind) = news {
                let insert = "INSERT INTO alarm_news (kind, row) VALUES (?1, ?2)";
                sql.execute(insert, params![kind.name(), row])?;
                let newest = sql.last_insert_rowid();
                let old = newest.saturating_sub(signed(NEWS_KEPT));
                sql.execute("DELETE FROM alarm_news WHERE seq <= ?1", [old])?;
                sql.execute(
                    "DELETE FROM alarms WHERE id IN (SELECT id FROM alarms
                     WHERE cleared_ms IS NOT NULL ORDER BY cleared_ms DESC, id DESC LIMIT -1 OFFSET ?1)",
                    [KEPT],
                )?;
            }
            Ok(())
        })
        .await
    }

    /// The oldest news after one.
    pub async fn alarm_news(&self, after: u64, most: u32) -> Result<Vec<AlarmNews>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT seq, kind, row FROM alarm_news WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let found = statement.query_map(params![signed(after), most], |row| {
                Ok((unsigned(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })?;
            let mut news = Vec::new();
            for row in found {
                let (seq, kind, row) = row?;
                let kind = if kind == "raised" { NewsKind::Raised } else { NewsKind::Cleared };
                // One that only a newer version understands is told by that.
                if let Ok(alarm) = serde_json::from_str(&row) {
                    news.push(AlarmNews { seq, kind, alarm });
                }
            }
            Ok(news)
        })
        .await
    }

    /// Number of the newest news; 0: there are none.
    pub async fn alarm_news_newest(&self) -> Result<u64, StoreError> {
        let query = "SELECT COALESCE(MAX(seq), 0) FROM alarm_news";
        self.call(move |sql| Ok(unsigned(sql.query_row(query, [], |row| row.get(0))?))).await
    }

    /// What an integration is set to, and the number of the last thing that it has told; `None`: never set.
    pub async fn report_get<T: DeserializeOwned + Send + 'static>(
        &self,
        name: &'static str,
    ) -> Result<Option<(T, u64)>, StoreError> {
        self.call(move |sql| {
            let found = sql
                .query_row("SELECT row, done FROM reports WHERE name = ?1", [name], |row| {
                    Ok((row.get::<_, Option<String>>(0)?, unsigned(row.get(1)?)))
                })
                .optional()?;
            match found {
                Some((Some(row), done)) => Ok(Some((serde_json::from_str(&row)?, done))),
                Some((None, _)) | None => Ok(None),
            }
        })
        .await
    }

    /// Keeps what an integration is set to. `done`: where it begins from now on, if it begins anew.
    pub async fn report_put<T: Serialize + Send + 'static>(
        &self,
        name: &'static str,
        row: T,
        done: Option<u64>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO reports (name, row, done) VALUES (?1, ?2, COALESCE(?3, 0))
                 ON CONFLICT (name) DO UPDATE SET row = excluded.row, done = COALESCE(?3, done)",
                params![name, serde_json::to_string(&row)?, done.map(signed)],
            )?;
            Ok(())
        })
        .await
    }

    /// An integration has told everything up to here.
    pub async fn report_done(&self, name: &'static str, done: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE reports SET done = ?2 WHERE name = ?1",
                params![name, signed(done)],
            )?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
impl Store {
    /// Whether alarms may be kept: a full disk refuses them so.
    pub async fn alarm_refuse(&self, refuses: bool) -> Result<(), StoreError> {
        let change = match refuses {
            true => {
                "CREATE TRIGGER full BEFORE INSERT ON alarm_news
                 BEGIN SELECT RAISE(ABORT, 'full'); END"
            }
            false => "DROP TRIGGER full",
        };
        self.call(move |sql| Ok(sql.execute_batch(change)?)).await
    }
}
