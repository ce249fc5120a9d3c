//! At a hub: what its boxes told, read newest first.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::params_from_iter;
use rusqlite::types::Value;

/// What somebody wants to read; what is absent is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToldSearch {
    /// Id of the box.
    pub of: Option<String>,
    pub kind: Option<String>,
    /// Only what comes after this in the list.
    pub before: Option<ToldMark>,
}

/// A place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldMark {
    /// When it happened, but not later than it was heard.
    pub ms: u64,
    /// Tells apart what happened in the same millisecond.
    pub row: u64,
}

/// Something that a box told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldRow {
    pub mark: ToldMark,
    pub of: String,
    pub id: String,
    pub seq: u64,
    pub kind: String,
    /// By the box's own clock.
    pub at_ms: u64,
    /// JSON.
    pub body: String,
}

impl ToldSearch {
    /// For each combination there is an index that leads to it in order.
    fn query(&self, most: u32) -> (String, Vec<Value>) {
        let (mut clauses, mut values) = (vec!["1".to_owned()], Vec::new());
        let mut want = |clause: &str, wanted: Vec<Value>| {
            values.extend(wanted);
            clauses.push(clause.to_owned());
        };
        if let Some(of) = &self.of {
            want("box = ?", vec![of.clone().into()]);
        }
        if let Some(kind) = &self.kind {
            want("kind = ?", vec![kind.clone().into()]);
        }
        if let Some(ToldMark { ms, row }) = self.before {
            let (ms, row) = (signed(ms), signed(row));
            want("MIN(at_ms, heard_ms) <= ?", vec![ms.into()]);
            let later = "(MIN(at_ms, heard_ms) < ? OR rowid < ?)";
            want(later, vec![ms.into(), row.into()]);
        }
        let query = format!(
            "SELECT MIN(at_ms, heard_ms), rowid, box, id, seq, kind, at_ms, body FROM fleet_heard
             WHERE {} ORDER BY MIN(at_ms, heard_ms) DESC, rowid DESC LIMIT {most}",
            clauses.join(" AND ")
        );
        (query, values)
    }
}

impl Store {
    /// What boxes told, newest first.
    pub async fn fleet_told(
        &self,
        search: ToldSearch,
        most: u32,
    ) -> Result<Vec<ToldRow>, StoreError> {
        self.call(move |sql| {
            let (query, values) = search.query(most);
            let mut statement = sql.prepare_cached(&query)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                Ok(ToldRow {
                    mark: ToldMark { ms: unsigned(row.get(0)?), row: unsigned(row.get(1)?) },
                    of: row.get(2)?,
                    id: row.get(3)?,
                    seq: unsigned(row.get(4)?),
                    kind: row.get(5)?,
                    at_ms: unsigned(row.get(6)?),
                    body: row.get(7)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
