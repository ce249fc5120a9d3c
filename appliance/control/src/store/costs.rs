//! What jobs took so far, by shape.

use super::{Store, StoreError, signed, unsigned};
use roombox_jobs::Tally;
use rusqlite::params;

impl Store {
    pub async fn job_cost_list(&self) -> Result<Vec<(String, Tally)>, StoreError> {
        self.call(|sql| {
            let mut statement =
                sql.prepare_cached("SELECT shape, minutes, cpu_s, wall_s, jobs FROM job_costs")?;
            let rows = statement.query_map([], |row| {
                let (minutes, cpu_s, wall_s) = (row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((row.get(0)?, Tally { minutes, cpu_s, wall_s, jobs: unsigned(row.get(4)?) }))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn job_cost_put(&self, learnt: Vec<(String, Tally)>) -> Result<(), StoreError> {
        self.call(move |sql| {
            for (shape, Tally { minutes, cpu_s, wall_s, jobs }) in &learnt {
                sql.execute(
                    "INSERT OR REPLACE INTO job_costs (shape, minutes, cpu_s, wall_s, jobs)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![shape, minutes, cpu_s, wall_s, signed(*jobs)],
                )?;
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_learnt_last_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let tally = |jobs| Tally { minutes: 1.5, cpu_s: 2.5, wall_s: 3.5, jobs };
        for jobs in [1, 2] {
            store.job_cost_put(vec![("film".to_owned(), tally(jobs))]).await.unwrap();
        }
        assert_eq!(store.job_cost_list().await.unwrap(), [("film".to_owned(), tally(2))]);
    }
}
