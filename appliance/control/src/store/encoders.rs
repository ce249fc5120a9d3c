//! Encoders of the hardware: trials and failures.

use super::{Store, StoreError, rows};
use crate::encoders::EncoderRow;
use rusqlite::params;

impl Store {
    pub async fn encoder_list(&self) -> Result<Vec<EncoderRow>, StoreError> {
        self.call(|sql| rows(sql, "SELECT row FROM encoders ORDER BY element", [])).await
    }

    pub async fn encoder_put(&self, row: EncoderRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT OR REPLACE INTO encoders (element, row) VALUES (?1, ?2)",
                params![row.element, serde_json::to_string(&row)?],
            )?;
            Ok(())
        })
        .await
    }
}
