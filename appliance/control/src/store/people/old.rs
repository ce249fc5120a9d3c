//! The database as a version sees it that knows of one owner only. For tests.

use super::SecretHash;
use crate::store::schema;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Steps of the schema before there were others.
const BEFORE: usize = 17;

fn path(folder: &Path) -> PathBuf {
    folder.join("box.db")
}

/// Whom it takes for owners.
pub(crate) fn owners(folder: &Path) -> Vec<String> {
    let sql = Connection::open(path(folder)).unwrap();
    let mut names = sql.prepare_cached("SELECT name FROM people").unwrap();
    names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// How many sessions and tokens it lets in.
pub(crate) fn keys(folder: &Path) -> (i64, i64) {
    let sql = Connection::open(path(folder)).unwrap();
    let count = |table: &str| {
        let query = format!("SELECT COUNT(*) FROM {table} WHERE person IN (SELECT id FROM people)");
        sql.query_row(&query, [], |row| row.get(0)).unwrap()
    };
    (count("sessions"), count("api_tokens"))
}

/// A box of its with the owner Ada, `per_1`, who has one session and one token.
pub(crate) fn made(folder: &Path, session: SecretHash, token: SecretHash) {
    let path = path(folder);
    let mut sql = Connection::open(&path).unwrap();
    schema::migrate(&mut sql, &path, &schema::STEPS[..BEFORE]).unwrap();
    sql.execute("INSERT INTO people VALUES ('per_1', 'Ada', 'owner', 'x', 1)", []).unwrap();
    let query = "INSERT INTO sessions VALUES (?1, 'per_1', 1, 9000000000000)";
    sql.execute(query, [session.as_slice()]).unwrap();
    let query = "INSERT INTO api_tokens VALUES ('tok_1', 'ci', ?1, 'per_1', 1, NULL)";
    sql.execute(query, [token.as_slice()]).unwrap();
}
