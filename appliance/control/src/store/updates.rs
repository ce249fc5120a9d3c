//! Past updates, and the floor below which nothing is installed.

use super::{Store, StoreError, signed, unsigned};
use crate::clock::UnixMs;
use crate::updates::PastUpdate;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Past updates that are kept.
const KEPT: u32 = 200;

/// A word as serde spells it.
fn word<T: Serialize>(value: T) -> Result<Option<String>, StoreError> {
    Ok(serde_json::to_value(value)?.as_str().map(str::to_owned))
}

fn read<T: DeserializeOwned>(word: Option<String>) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word?)).ok()
}

/// `None`: a newer version knows a thing that can happen which this one does not.
fn past(row: &Row<'_>) -> rusqlite::Result<Option<PastUpdate>> {
    let Some(what) = read(row.get("what")?) else { return Ok(None) };
    Ok(Some(PastUpdate {
        id: row.get("id")?,
        at: UnixMs(unsigned(row.get("at_ms")?)),
        what,
        version: row.get("version")?,
        from_version: row.get("from_version")?,
        why: read(row.get("why")?),
        detail: row.get("detail")?,
        tries: row.get("tries")?,
        boot_id: row.get("boot_id")?,
        slot: row.get("slot")?,
    }))
}

impl Store {
    /// Newest first.
    pub async fn update_list(&self) -> Result<Vec<PastUpdate>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached("SELECT * FROM updates ORDER BY rowid DESC")?;
            let rows = statement.query_map([], past)?;
            let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            Ok(rows.into_iter().flatten().collect())
        })
        .await
    }

    /// False if there is one of this id.
    pub async fn update_insert(&self, update: PastUpdate) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let new = sql.execute(
                "INSERT OR IGNORE INTO updates (id, at_ms, what, version, from_version, why,
                     detail, tries, boot_id, slot)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    update.id,
                    signed(update.at.0),
                    word(update.what)?,
                    update.version,
                    update.from_version,
                    word(update.why)?,
                    update.detail,
                    update.tries,
                    update.boot_id,
                    update.slot,
                ],
            )?;
            sql.execute(
                "DELETE FROM updates WHERE rowid NOT IN
                     (SELECT rowid FROM updates ORDER BY rowid DESC LIMIT ?1)",
                [KEPT],
            )?;
            Ok(new == 1)
        })
        .await
    }

    pub async fn update_floor(&self) -> Result<Option<String>, StoreError> {
        self.call(|sql| {
            let query = "SELECT version FROM update_floor";
            Ok(sql.query_row(query, [], |row| row.get(0)).optional()?)
        })
        .await
    }

    pub async fn update_floor_put(&self, version: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO update_floor (id, version) VALUES (1, ?1)
                 ON CONFLICT (id) DO UPDATE SET version = excluded.version",
                [version],
            )?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::updates::{What, Why};

    #[tokio::test]
    async fn past_updates_are_kept_once_newest_first_and_not_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let past = |n: u32| PastUpdate {
            id: format!("upd_{n}"),
            at: UnixMs(5),
            what: What::RolledBack,
            version: Some("0.3".to_owned()),
            from_version: "0.2".to_owned(),
            why: (n > 0).then_some(Why::NoHealthCheck),
            detail: None,
            tries: Some(n),
            boot_id: "boot".to_owned(),
            slot: "B".to_owned(),
        };
        for n in 0..KEPT + 5 {
            assert!(store.update_insert(past(n)).await.unwrap());
        }
        assert!(!store.update_insert(past(KEPT)).await.unwrap(), "it is known already");
        // A newer version's word for what happened.
        let query =
            "INSERT INTO updates VALUES ('x', 1, 'dreamt', '1', '1', NULL, NULL, NULL, '', '')";
        store.call(|sql| Ok(sql.execute(query, [])?)).await.unwrap();
        let kept = store.update_list().await.unwrap();
        assert_eq!(kept.len(), KEPT as usize);
        assert_eq!((&kept[0], &kept[1]), (&past(KEPT + 4), &past(KEPT + 3)));
    }

    #[tokio::test]
    async fn the_floor_is_the_one_that_was_put_last() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        assert_eq!(store.update_floor().await.unwrap(), None);
        for version in ["0.1", "0.2"] {
            store.update_floor_put(version.to_owned()).await.unwrap();
        }
        assert_eq!(store.update_floor().await.unwrap().as_deref(), Some("0.2"));
    }
}
