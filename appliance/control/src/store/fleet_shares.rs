//! At a hub: how much it keeps of each box, so that none fills the disk with what it tells.
//!
//! Of events a box's own oldest go before their time, since the newest say how it is; a recording beyond the bound
//! is not listed. Another box loses nothing by it, and the box itself has what it told for 30 days.

use super::{StoreError, signed, unsigned};
use rusqlite::{OptionalExtension as _, Transaction, params};

/// What a hub keeps of one box at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Events: 66 000 a day for 30 days.
    pub heard: u64,
    /// Bytes of what they say.
    pub heard_bytes: u64,
    /// Recordings in the fleet's library, with those that are gone: twice what ten busy years make.
    pub listed: u64,
}

/// What holds everywhere but in tests.
pub const BOUNDS: Bounds = Bounds { heard: 2_000_000, heard_bytes: 512 << 20, listed: 200_000 };

/// Runs of numbers that a hub knows of one box; the newest stay.
pub(super) const MOST_EPOCHS: u32 = 32;

/// Events that are forgotten at a time where their bytes are too many.
const SOME: u64 = 256;
/// Events that are forgotten in one turn: others wait for the database meanwhile.
const MOST_AT_ONCE: u64 = 4096;

/// How much of a box is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Share {
    pub heard: u64,
    pub heard_bytes: u64,
    pub listed: u64,
}

pub(super) fn get(sql: &Transaction<'_>, of: &str) -> Result<Share, StoreError> {
    let query = "SELECT heard, heard_bytes, listed FROM fleet_shares WHERE box = ?1";
    let found = sql.prepare_cached(query)?.query_row([of], |row| {
        Ok(Share {
            heard: unsigned(row.get(0)?),
            heard_bytes: unsigned(row.get(1)?),
            listed: unsigned(row.get(2)?),
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Forgets the oldest of a box's events that are too many, so many at a time: how many that are.
pub(super) fn trim(sql: &Transaction<'_>, of: &str, bounds: Bounds) -> Result<u64, StoreError> {
    let mut gone = 0;
    let mut forget = sql.prepare_cached(
        "DELETE FROM fleet_heard WHERE rowid IN (SELECT rowid FROM fleet_heard WHERE box = ?1
            ORDER BY MIN(at_ms, heard_ms), rowid LIMIT ?2)",
    )?;
    while gone < MOST_AT_ONCE {
        let share = get(sql, of)?;
        let many = share.heard.saturating_sub(bounds.heard).min(MOST_AT_ONCE);
        let most = if share.heard_bytes > bounds.heard_bytes { many.max(SOME) } else { many };
        if most == 0 {
            break;
        }
        match forget.execute(params![of, signed(most)])? {
            0 => break,
            some => gone += some as u64,
        }
    }
    Ok(gone)
}

/// A box has another epoch after it joined or was restored; of one that makes them up the newest stay.
pub(super) fn fewer_epochs(sql: &Transaction<'_>, of: &str) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM fleet_epochs WHERE box = ?1 AND rowid NOT IN (
            SELECT rowid FROM fleet_epochs WHERE box = ?1 ORDER BY begun_ms DESC, rowid DESC LIMIT ?2)",
        params![of, MOST_EPOCHS],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
