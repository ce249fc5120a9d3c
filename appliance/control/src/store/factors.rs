//! Second factors, and recovery codes as hashes.

use super::people::SecretHash;
use super::{Store, StoreError, signed, unsigned};
use rusqlite::{OptionalExtension, params};

/// A person's second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// An app computes codes from it, and so does the box: it cannot be hashed.
    pub secret: Vec<u8>,
    /// The newest step whose code was used.
    pub used_step: u64,
}

impl Store {
    pub async fn factor_get(&self, person: String) -> Result<Option<Factor>, StoreError> {
        self.call(move |sql| {
            let query = "SELECT secret, used_step FROM second_factors WHERE person = ?1";
            let factor = |row: &rusqlite::Row<'_>| {
                Ok(Factor { secret: row.get(0)?, used_step: unsigned(row.get(1)?) })
            };
            Ok(sql.query_row(query, [person], factor).optional()?)
        })
        .await
    }

    /// Puts a factor and its recovery codes in the place of those before.
    pub async fn factor_put(
        &self,
        person: String,
        factor: Factor,
        recovery: Vec<SecretHash>,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT OR REPLACE INTO second_factors (person, secret, used_step, created_ms)
                 VALUES (?1, ?2, ?3, ?4)",
                params![person, factor.secret, signed(factor.used_step), signed(now_ms)],
            )?;
            sql.execute("DELETE FROM recovery_codes WHERE person = ?1", [&person])?;
            for hash in recovery {
                let query = "INSERT INTO recovery_codes (person, code_hash) VALUES (?1, ?2)";
                sql.execute(query, params![person, hash.as_slice()])?;
            }
            Ok(())
        })
        .await
    }

    /// Uses a step up; false if it was, or a later one.
    pub async fn factor_use(&self, person: String, step: u64) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let used =
                "UPDATE second_factors SET used_step = ?2 WHERE person = ?1 AND used_step < ?2";
            Ok(sql.execute(used, params![person, signed(step)])? == 1)
        })
        .await
    }

    /// Uses a recovery code up; false if the person has none of this hash.
    pub async fn recovery_use(&self, person: String, code: SecretHash) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let used = "DELETE FROM recovery_codes WHERE person = ?1 AND code_hash = ?2";
            Ok(sql.execute(used, params![person, code.as_slice()])? == 1)
        })
        .await
    }

    /// What is left of a person's recovery codes, in order.
    pub async fn recovery_left(&self, person: String) -> Result<Vec<Vec<u8>>, StoreError> {
        self.call(move |sql| {
            let query = "SELECT code_hash FROM recovery_codes WHERE person = ?1 ORDER BY code_hash";
            let mut statement = sql.prepare_cached(query)?;
            let codes = statement.query_map([person], |row| row.get(0))?;
            Ok(codes.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// No recovery code of a person holds any more.
    pub async fn recovery_clear(&self, person: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM recovery_codes WHERE person = ?1", [person])?;
            Ok(())
        })
        .await
    }

    /// False: the person has none.
    pub async fn factor_delete(&self, person: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM recovery_codes WHERE person = ?1", [&person])?;
            Ok(sql.execute("DELETE FROM second_factors WHERE person = ?1", [&person])? == 1)
        })
        .await
    }
}
