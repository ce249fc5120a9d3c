//! At a hub: when its boxes fell silent, and came back.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::params;

/// A time in which a box was silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutageRow {
    pub since_ms: u64,
    /// `None`: it is silent.
    pub until_ms: Option<u64>,
}

/// What changed: ids of boxes, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutageChanges {
    pub fell: Vec<(String, u64)>,
    pub came: Vec<(String, u64)>,
}

impl Store {
    /// Keeps when boxes fell silent and came back, and of each box `most` outages at most; what was over
    /// before `before_ms` is forgotten. A box that is silent already falls silent no second time, and of
    /// one that is not nothing ends.
    pub async fn fleet_outages_keep(
        &self,
        changes: OutageChanges,
        before_ms: u64,
        most: u32,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            let mut end = sql.prepare_cached(
                "UPDATE fleet_outages SET until_ms = MAX(since_ms, ?2)
                 WHERE box = ?1 AND until_ms IS NULL",
            )?;
            for (of, ms) in changes.came {
                end.execute(params![of, signed(ms)])?;
            }
            let mut begin = sql.prepare_cached(
                "INSERT OR IGNORE INTO fleet_outages (box, since_ms)
                 SELECT box, ?2 FROM fleet_boxes WHERE box = ?1 AND NOT EXISTS (
                 SELECT 1 FROM fleet_outages WHERE box = ?1 AND until_ms IS NULL)",
            )?;
            let mut bound = sql.prepare_cached(
                "DELETE FROM fleet_outages WHERE box = ?1 AND since_ms < (SELECT since_ms
                 FROM fleet_outages WHERE box = ?1 ORDER BY since_ms DESC LIMIT 1 OFFSET ?2)",
            )?;
            for (of, ms) in changes.fell {
                begin.execute(params![of, signed(ms)])?;
                bound.execute(params![of, most.saturating_sub(1)])?;
            }
            let query = "DELETE FROM fleet_outages WHERE until_ms < ?1";
            sql.execute(query, [signed(before_ms)])?;
            Ok(())
        })
        .await
    }

    /// Outages of a box, newest first: those that had begun before `before_ms`.
    pub async fn fleet_outage_list(
        &self,
        of: String,
        before_ms: u64,
        most: u32,
    ) -> Result<Vec<OutageRow>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT since_ms, until_ms FROM fleet_outages
                 WHERE box = ?1 AND since_ms < ?2 ORDER BY since_ms DESC LIMIT ?3",
            )?;
            let rows = statement.query_map(params![of, signed(before_ms), most], |row| {
                let until_ms = row.get::<_, Option<i64>>(1)?.map(unsigned);
                Ok(OutageRow { since_ms: unsigned(row.get(0)?), until_ms })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
