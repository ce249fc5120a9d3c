//! A store that refuses some of what it is told: for tests of those who must go on all the same.

use super::Store;

impl Store {
    /// Refuses a kind of change from now on, as a disk does that errs: `INSERT ON files`.
    pub(crate) async fn refuse(&self, change: &'static str) {
        let trigger = format!(
            "CREATE TRIGGER refusing BEFORE {change}
                 BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        );
        self.call(move |sql| Ok(sql.execute_batch(&trigger)?)).await.unwrap();
    }

    /// Takes everything again.
    pub(crate) async fn take_all(&self) {
        self.call(|sql| Ok(sql.execute_batch("DROP TRIGGER refusing")?)).await.unwrap();
    }
}
