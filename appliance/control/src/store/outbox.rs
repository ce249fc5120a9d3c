//! The outbox: what has happened and somebody is still to hear.
//!
//! It knows rows, not whom they are for: who sends them deletes them once they have arrived.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::{Transaction, params};
use std::collections::HashMap;

/// An event for one consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutboxRow {
    pub consumer: String,
    pub lane: String,
    /// The event's own id.
    pub event: String,
    pub body: Vec<u8>,
    pub made_ms: u64,
}

/// A row that waits, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    pub seq: u64,
    pub consumer: String,
    pub lane: String,
    /// Of its body.
    pub bytes: u64,
    pub made_ms: u64,
}

/// Takes rows away; those that are gone already do not matter.
pub(super) fn forget(sql: &Transaction<'_>, rows: &[u64]) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?1))",
        [serde_json::to_string(rows)?],
    )?;
    Ok(())
}

/// Everything for a consumer that is no more.
pub(super) fn forget_consumer(sql: &Transaction<'_>, consumer: &str) -> Result<(), StoreError> {
    sql.execute("DELETE FROM outbox WHERE consumer = ?1", [consumer])?;
    Ok(())
}

impl Store {
    /// Everything that waits, oldest first.
    pub async fn outbox_list(&self) -> Result<Vec<OutboxEntry>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT seq, consumer, lane, LENGTH(body), made_ms FROM outbox ORDER BY seq",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(OutboxEntry {
                    seq: unsigned(row.get(0)?),
                    consumer: row.get(1)?,
                    lane: row.get(2)?,
                    bytes: unsigned(row.get(3)?),
                    made_ms: unsigned(row.get(4)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps rows, in this order, and takes `dropped` away to make room for them: the rows' numbers.
    pub async fn outbox_insert(
        &self,
        rows: Vec<NewOutboxRow>,
        dropped: Vec<u64>,
    ) -> Result<Vec<u64>, StoreError> {
        self.call(move |sql| {
            if !dropped.is_empty() {
                forget(sql, &dropped)?;
            }
            let mut statement = sql.prepare_cached(
                "INSERT INTO outbox (consumer, lane, event, body, made_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            let numbers = rows.into_iter().map(|row| {
                let made_ms = signed(row.made_ms);
                statement.execute(params![row.consumer, row.lane, row.event, row.body, made_ms])?;
                Ok(unsigned(sql.last_insert_rowid()))
            });
            numbers.collect()
        })
        .await
    }

    /// Bodies of these rows; those that are gone are left out.
    pub async fn outbox_bodies(&self, rows: Vec<u64>) -> Result<HashMap<u64, Vec<u8>>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT seq, body FROM outbox WHERE seq IN (SELECT value FROM json_each(?1))",
            )?;
            let found = statement.query_map([serde_json::to_string(&rows)?], |row| {
                Ok((unsigned(row.get(0)?), row.get(1)?))
            })?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }
}
