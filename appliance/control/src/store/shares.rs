//! Links with which people without an account watch one recording.

use super::people::SecretHash;
use super::{Store, StoreError, signed, unsigned};
use rusqlite::{OptionalExtension, Row, params};
use std::collections::HashSet;

/// A share link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareRow {
    /// `shr_` and a ULID.
    pub id: String,
    pub recording: String,
    /// argon2id; `None`: the link is enough.
    pub password_hash: Option<String>,
    /// The job whose film it shows; `None`: there was none yet, and it is going to be the first.
    pub film: Option<String>,
    /// The film may be taken along.
    pub download: bool,
    pub created_ms: u64,
    pub expires_ms: u64,
    /// Visitors so far.
    pub opened: u64,
    pub opened_ms: Option<u64>,
}

const COLUMNS: &str =
    "id, recording, password_hash, download, created_ms, expires_ms, opened, opened_ms, film";

fn share(row: &Row<'_>) -> rusqlite::Result<ShareRow> {
    Ok(ShareRow {
        id: row.get(0)?,
        recording: row.get(1)?,
        password_hash: row.get(2)?,
        download: row.get(3)?,
        created_ms: unsigned(row.get(4)?),
        expires_ms: unsigned(row.get(5)?),
        opened: unsigned(row.get(6)?),
        opened_ms: row.get::<_, Option<i64>>(7)?.map(unsigned),
        film: row.get(8)?,
    })
}

impl Store {
    /// Keeps a link; false if the recording has `most` that have not expired, or has gone.
    pub async fn share_insert(
        &self,
        row: ShareRow,
        token: SecretHash,
        most: usize,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let made = sql.execute(
                "INSERT INTO shares (id, recording, token_hash, password_hash, download,
                     created_ms, expires_ms, film)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?9
                 WHERE (SELECT COUNT(*) FROM shares WHERE recording = ?2 AND expires_ms > ?6) < ?8
                     AND EXISTS (SELECT 1 FROM recordings WHERE id = ?2)",
                params![
                    row.id,
                    row.recording,
                    token.as_slice(),
                    row.password_hash,
                    row.download,
                    signed(row.created_ms),
                    signed(row.expires_ms),
                    signed(most as u64),
                    row.film
                ],
            )?;
            Ok(made == 1)
        })
        .await
    }

    /// Links of one recording, newest first.
    pub async fn share_list(&self, recording: String) -> Result<Vec<ShareRow>, StoreError> {
        self.call(move |sql| {
            let query =
                format!("SELECT {COLUMNS} FROM shares WHERE recording = ?1 ORDER BY id DESC");
            let mut statement = sql.prepare_cached(&query)?;
            let rows = statement.query_map([recording], share)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The link with this token, unless it has expired.
    pub async fn share_by_token(
        &self,
        token: SecretHash,
        now_ms: u64,
    ) -> Result<Option<ShareRow>, StoreError> {
        self.call(move |sql| {
            let query =
                format!("SELECT {COLUMNS} FROM shares WHERE token_hash = ?1 AND expires_ms > ?2");
            let values = params![token.as_slice(), signed(now_ms)];
            Ok(sql.query_row(&query, values, share).optional()?)
        })
        .await
    }

    /// Links that have not expired.
    pub async fn share_ids(&self, now_ms: u64) -> Result<HashSet<String>, StoreError> {
        self.call(move |sql| {
            let mut statement =
                sql.prepare_cached("SELECT id FROM shares WHERE expires_ms > ?1")?;
            let ids = statement.query_map([signed(now_ms)], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Says which job's film a link shows, if that is not said yet.
    pub async fn share_bind(&self, id: String, film: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE shares SET film = ?2 WHERE id = ?1 AND film IS NULL";
            sql.execute(query, params![id, film])?;
            Ok(())
        })
        .await
    }

    /// Somebody came by this link.
    pub async fn share_opened(&self, id: String, now_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE shares SET opened = opened + 1, opened_ms = ?2 WHERE id = ?1";
            sql.execute(query, params![id, signed(now_ms)])?;
            Ok(())
        })
        .await
    }

    /// Forgets a link: the recording that it led to, or `None` if there is none.
    pub async fn share_delete(&self, id: String) -> Result<Option<String>, StoreError> {
        self.call(move |sql| {
            let query = "DELETE FROM shares WHERE id = ?1 RETURNING recording";
            Ok(sql.query_row(query, [id], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Forgets links that expired before this moment.
    pub async fn share_forget_expired(&self, before_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM shares WHERE expires_ms < ?1", [signed(before_ms)])?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
impl Store {
    /// As if time had passed.
    pub async fn share_set_expiry(&self, id: String, expires_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE shares SET expires_ms = ?2 WHERE id = ?1";
            sql.execute(query, params![id, signed(expires_ms)])?;
            Ok(())
        })
        .await
    }

    /// Files that a job has made.
    pub async fn files_insert(
        &self,
        recording: &'static str,
        job: String,
        files: Vec<roombox_jobs::spec::MadeFile>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| super::recordings::insert_files(sql, recording, &job, &files)).await
    }
}
