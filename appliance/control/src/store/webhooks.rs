//! Receivers of webhooks, and how sending to them has gone.

use super::outbox::{forget, forget_consumer};
use super::webhook_log::{self, Attempt};
use super::{Store, StoreError, signed, unsigned};
use rusqlite::{Row, params};

/// A receiver as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookRow {
    /// `wh_` and a ULID.
    pub id: String,
    pub url: String,
    /// The LiveKit key that signs.
    pub key: String,
    /// A word of [`crate::webhooks::RoomsHeard`].
    pub rooms: String,
    /// It hears of the box's alarms.
    pub alarms: bool,
    /// It may be in the house's own network.
    pub in_network: bool,
    pub enabled: bool,
    pub created_ms: u64,
    pub tally: Tally,
}

/// How sending has gone, all in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that were too old after an attempt that failed.
    pub given_up: u64,
    /// Events for which there was no room any more, or that were thrown away.
    pub dropped: u64,
    /// When something was delivered last.
    pub delivered_ms: Option<u64>,
    /// When an attempt failed last, and why.
    pub failed_ms: Option<u64>,
    pub error: Option<String>,
}

impl Tally {
    /// Adds what has happened since.
    pub fn add(&mut self, since: &Self) {
        self.delivered += since.delivered;
        self.failed += since.failed;
        self.given_up += since.given_up;
        self.dropped += since.dropped;
        self.delivered_ms = since.delivered_ms.or(self.delivered_ms);
        if since.failed_ms.is_some() {
            (self.failed_ms, self.error) = (since.failed_ms, since.error.clone());
        }
    }
}

/// What attempts have come to: rows that are done with, and what that adds to each receiver's tally.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    pub done: Vec<u64>,
    /// For the log.
    pub attempts: Vec<Attempt>,
    /// By the receiver's id.
    pub tallies: Vec<(String, Tally)>,
}

fn webhook(row: &Row<'_>) -> rusqlite::Result<WebhookRow> {
    let time = |name: &str| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(name)?.map(unsigned))
    };
    Ok(WebhookRow {
        id: row.get("id")?,
        url: row.get("url")?,
        key: row.get("key")?,
        rooms: row.get("rooms")?,
        alarms: row.get("alarms")?,
        in_network: row.get("in_network")?,
        enabled: row.get("enabled")?,
        created_ms: unsigned(row.get("created_ms")?),
        tally: Tally {
            delivered: unsigned(row.get("delivered")?),
            failed: unsigned(row.get("failed")?),
            given_up: unsigned(row.get("given_up")?),
            dropped: unsigned(row.get("dropped")?),
            delivered_ms: time("delivered_ms")?,
            failed_ms: time("failed_ms")?,
            error: row.get("error")?,
        },
    })
}

impl Store {
    /// Oldest first.
    pub async fn webhook_list(&self) -> Result<Vec<WebhookRow>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached("SELECT * FROM webhooks ORDER BY id")?;
            let rows = statement.query_map([], webhook)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn webhook_insert(&self, row: WebhookRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO webhooks
                     (id, url, key, rooms, alarms, enabled, created_ms, in_network)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    row.id,
                    row.url,
                    row.key,
                    row.rooms,
                    row.alarms,
                    row.enabled,
                    signed(row.created_ms),
                    row.in_network,
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// Keeps what the owner changed. Nothing waits for a receiver that is switched off.
    pub async fn webhook_update(&self, row: WebhookRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE webhooks SET url = ?2, key = ?3, rooms = ?4, enabled = ?5, alarms = ?6,
                     in_network = ?7
                 WHERE id = ?1",
                params![
                    row.id,
                    row.url,
                    row.key,
                    row.rooms,
                    row.enabled,
                    row.alarms,
                    row.in_network
                ],
            )?;
            match row.enabled {
                true => Ok(()),
                false => forget_consumer(sql, &row.id),
            }
        })
        .await
    }

    /// Forgets a receiver and what waits for it.
    pub async fn webhook_delete(&self, id: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM webhooks WHERE id = ?1", [&id])?;
            sql.execute("DELETE FROM webhook_log WHERE webhook = ?1", [&id])?;
            forget_consumer(sql, &id)
        })
        .await
    }

    /// Keeps what attempts have come to.
    pub async fn webhook_settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        self.call(move |sql| {
            webhook_log::keep(sql, &settlement.attempts)?;
            forget(sql, &settlement.done)?;
            for (id, since) in &settlement.tallies {
                sql.execute(
                    "UPDATE webhooks SET
                         delivered = delivered + ?2, failed = failed + ?3,
                         given_up = given_up + ?4, dropped = dropped + ?5,
                         delivered_ms = COALESCE(?6, delivered_ms),
                         error = CASE WHEN ?7 IS NULL THEN error ELSE ?8 END,
                         failed_ms = COALESCE(?7, failed_ms)
                     WHERE id = ?1",
                    params![
                        id,
                        signed(since.delivered),
                        signed(since.failed),
                        signed(since.given_up),
                        signed(since.dropped),
                        since.delivered_ms.map(signed),
                        since.failed_ms.map(signed),
                        since.error,
                    ],
                )?;
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::NewOutboxRow;
    use super::*;

    fn row(id: &str) -> WebhookRow {
        WebhookRow { id: id.to_owned(), enabled: true, ..WebhookRow::default() }
    }

    fn waiting(consumer: &str, event: &str) -> NewOutboxRow {
        NewOutboxRow {
            consumer: consumer.to_owned(),
            lane: "room".to_owned(),
            event: event.to_owned(),
            body: event.as_bytes().to_vec(),
            made_ms: 7,
        }
    }

    async fn store() -> (Store, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        for id in ["wh_1", "wh_2"] {
            store.webhook_insert(row(id)).await.unwrap();
        }
        (store, folder)
    }

    async fn left(store: &Store) -> Vec<(u64, String)> {
        let rows = store.outbox_list().await.unwrap();
        rows.into_iter().map(|row| (row.seq, row.consumer)).collect()
    }

    #[tokio::test]
    async fn rows_keep_their_order_and_numbers_never_come_again() {
        let (store, _folder) = store().await;
        let rows = vec![waiting("wh_1", "EV_1"), waiting("wh_2", "EV_1"), waiting("wh_1", "EV_22")];
        let numbers = store.outbox_insert(rows, Vec::new()).await.unwrap();
        assert_eq!(numbers, [1, 2, 3]);
        let entries = store.outbox_list().await.unwrap();
        assert_eq!((entries[2].bytes, entries[2].made_ms, &*entries[2].lane), (5, 7, "room"));
        let bodies = store.outbox_bodies(vec![1, 3, 99]).await.unwrap();
        assert_eq!(bodies.len(), 2);
        assert_eq!(bodies[&3], b"EV_22");
        let done = Settlement { done: vec![2, 3], ..Settlement::default() };
        store.webhook_settle(done).await.unwrap();
        let more = store.outbox_insert(vec![waiting("wh_1", "EV_3")], vec![1]).await.unwrap();
        assert_eq!(more, [4]);
        assert_eq!(left(&store).await, [(4, "wh_1".to_owned())]);
    }

    #[tokio::test]
    async fn nothing_waits_for_who_is_switched_off_or_gone() {
        let (store, _folder) = store().await;
        for consumer in ["wh_1", "wh_2"] {
            store.outbox_insert(vec![waiting(consumer, "EV_1")], Vec::new()).await.unwrap();
        }
        store.webhook_update(row("wh_1")).await.unwrap();
        assert_eq!(left(&store).await.len(), 2);
        store.webhook_update(WebhookRow { enabled: false, ..row("wh_1") }).await.unwrap();
        assert_eq!(left(&store).await, [(2, "wh_2".to_owned())]);
        store.webhook_delete("wh_2".to_owned()).await.unwrap();
        assert!(left(&store).await.is_empty());
        assert_eq!(store.webhook_list().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_tally_is_kept_as_it_is_added_up_in_memory() {
        let (store, _folder) = store().await;
        let failed = Tally {
            failed: 2,
            given_up: 1,
            failed_ms: Some(10),
            error: Some("it answers 500".to_owned()),
            ..Tally::default()
        };
        let delivered = Tally { delivered: 3, delivered_ms: Some(20), ..Tally::default() };
        let again = Tally { failed: 1, failed_ms: Some(30), error: None, ..Tally::default() };
        let mut expected = Tally::default();
        for since in [failed, delivered, again] {
            expected.add(&since);
            let tallies = vec![("wh_2".to_owned(), since)];
            store.webhook_settle(Settlement { tallies, ..Settlement::default() }).await.unwrap();
            assert_eq!(store.webhook_list().await.unwrap()[1].tally, expected);
        }
        assert_eq!(store.webhook_list().await.unwrap()[0].tally, Tally::default());
    }
}
