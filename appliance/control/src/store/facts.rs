//! What the database is, without what is in it.

use super::{Store, StoreError, unsigned};
use serde::Serialize;
use std::collections::BTreeMap;

/// The database, for who helps from afar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseFacts {
    /// Of its file.
    pub schema: u64,
    pub bytes: u64,
    /// Of these nothing is in use.
    pub free_bytes: u64,
    /// What SQLite says of itself; `ok`.
    pub check: String,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Recordings by state.
    pub recordings: BTreeMap<String, u64>,
    /// Jobs by state.
    pub jobs: BTreeMap<String, u64>,
}

impl Store {
    /// Looks at the whole database: for seldom.
    pub async fn database_facts(&self) -> Result<DatabaseFacts, StoreError> {
        self.call(|sql| {
            let number = |query: &str| -> Result<u64, StoreError> {
                Ok(unsigned(sql.query_row(query, [], |row| row.get(0))?))
            };
            let page = number("PRAGMA page_size")?;
            let names =
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
            let mut statement = sql.prepare_cached(names)?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            let mut rows = BTreeMap::new();
            for name in names {
                let name = name?;
                // The names are the schema's own.
                let count = number(&format!("SELECT COUNT(*) FROM \"{name}\""))?;
                rows.insert(name, count);
            }
            let by_state = |table: &str| -> Result<BTreeMap<String, u64>, StoreError> {
                let query = format!("SELECT state, COUNT(*) FROM {table} GROUP BY state");
                let mut statement = sql.prepare_cached(&query)?;
                let found = statement
                    .query_map([], |row| Ok((row.get::<_, String>(0)?, unsigned(row.get(1)?))))?;
                Ok(found.collect::<Result<_, _>>()?)
            };
            Ok(DatabaseFacts {
                schema: number("PRAGMA user_version")?,
                bytes: number("PRAGMA page_count")? * page,
                free_bytes: number("PRAGMA freelist_count")? * page,
                check: sql.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?,
                rows,
                recordings: by_state("recordings")?,
                jobs: by_state("jobs")?,
            })
        })
        .await
    }
}
