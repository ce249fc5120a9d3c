//! What was sent to receivers of webhooks last.

use super::outbox::forget;
use super::{Store, StoreError, signed, unsigned};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

/// Events of each receiver.
const KEPT: u32 = 50;
/// Larger bodies are not kept: an event of a meeting has about 2 kB.
const MOST_BYTES: u32 = 16 << 10;

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub webhook: String,
    /// The event's row in the outbox.
    pub seq: u64,
    pub ended: Ended,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub delivered: bool,
    pub at_ms: u64,
    pub took_ms: u64,
    pub status: Option<u16>,
    pub error: Option<String>,
}

/// An event, and how sending it has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRow {
    pub event: String,
    pub what: String,
    pub room: String,
    pub delivered: bool,
    /// It is in the outbox and will be tried again.
    pub waits: bool,
    pub attempts: u64,
    pub at_ms: u64,
    pub took_ms: u64,
    pub status: Option<u16>,
    pub error: Option<String>,
    /// Its body is kept.
    pub again: bool,
}

fn logged(row: &Row<'_>) -> rusqlite::Result<LoggedRow> {
    Ok(LoggedRow {
        event: row.get("event")?,
        what: row.get("what")?,
        room: row.get("room")?,
        delivered: row.get("delivered")?,
        waits: row.get("waits")?,
        attempts: unsigned(row.get("attempts")?),
        at_ms: unsigned(row.get("at_ms")?),
        took_ms: unsigned(row.get("took_ms")?),
        status: row.get("status")?,
        error: row.get("error")?,
        again: row.get("again")?,
    })
}

/// Keeps how attempts ended, while their events are still in the outbox. Old ones are forgotten.
pub(super) fn keep(sql: &Transaction<'_>, attempts: &[Attempt]) -> Result<(), StoreError> {
    for Attempt { webhook, seq, ended } in attempts {
        sql.prepare_cached(
            "INSERT INTO webhook_log
                 (webhook, event, turn, body, what, room, delivered, attempts, at_ms, took_ms, status, error)
             SELECT ?1, event, (SELECT COALESCE(MAX(turn), 0) + 1 FROM webhook_log WHERE webhook = ?1),
                 CASE WHEN LENGTH(body) <= ?3 THEN body END,
                 CASE WHEN json_valid(CAST(body AS TEXT))
                     THEN COALESCE(json_extract(CAST(body AS TEXT), '$.event'), '') ELSE '' END,
                 lane,
                 ?4, 1, ?5, ?6, ?7, ?8
             FROM outbox WHERE seq = ?2
             ON CONFLICT (webhook, event) DO UPDATE SET
                 turn = excluded.turn, delivered = delivered OR excluded.delivered, attempts = attempts + 1,
                 at_ms = excluded.at_ms, took_ms = excluded.took_ms, status = excluded.status,
                 error = excluded.error",
        )?
        .execute(params![
            webhook,
            signed(*seq),
            MOST_BYTES,
            ended.delivered,
            signed(ended.at_ms),
            signed(ended.took_ms),
            ended.status,
            ended.error,
        ])?;
        forget_old(sql, webhook)?;
    }
    Ok(())
}

fn forget_old(sql: &Transaction<'_>, webhook: &str) -> Result<(), StoreError> {
    sql.prepare_cached(
        "DELETE FROM webhook_log WHERE webhook = ?1 AND turn <=
             (SELECT turn FROM webhook_log WHERE webhook = ?1 ORDER BY turn DESC LIMIT 1 OFFSET ?2)",
    )?
    .execute(params![webhook, KEPT])?;
    Ok(())
}

impl Store {
    /// What was sent to a receiver last, the newest attempt first.
    pub async fn webhook_log(&self, webhook: String) -> Result<Vec<LoggedRow>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT *, body IS NOT NULL AS again,
                     event IN (SELECT event FROM outbox WHERE consumer = ?1) AS waits
                 FROM webhook_log WHERE webhook = ?1 ORDER BY turn DESC",
            )?;
            let rows = statement.query_map([webhook], logged)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The body of an event in the log, and its row in the outbox if it still waits; `None`: it is not
    /// there, or not kept.
    pub async fn webhook_log_body(
        &self,
        webhook: String,
        event: String,
    ) -> Result<Option<(Vec<u8>, Option<u64>)>, StoreError> {
        self.call(move |sql| {
            let query = "SELECT body, (SELECT seq FROM outbox WHERE consumer = ?1 AND event = ?2)
                         FROM webhook_log WHERE webhook = ?1 AND event = ?2 AND body IS NOT NULL";
            let found = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?));
            let found = sql.query_row(query, [webhook, event], found).optional()?;
            Ok(found.map(|(body, seq)| (body, seq.map(unsigned))))
        })
        .await
    }

    /// Keeps how sending an event of the log once more has ended. What has arrived once has arrived;
    /// `waited`: its row, if it need not wait any longer.
    pub async fn webhook_log_again(
        &self,
        webhook: String,
        event: String,
        ended: Ended,
        waited: Option<u64>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            forget(sql, waited.as_slice())?;
            sql.execute(
                "UPDATE webhook_log SET
                     turn = (SELECT MAX(turn) + 1 FROM webhook_log WHERE webhook = ?1),
                     delivered = delivered OR ?3,
                     attempts = attempts + 1, at_ms = ?4, took_ms = ?5, status = ?6, error = ?7
                 WHERE webhook = ?1 AND event = ?2",
                params![
                    webhook,
                    event,
                    ended.delivered,
                    signed(ended.at_ms),
                    signed(ended.took_ms),
                    ended.status,
                    ended.error,
                ],
            )?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NewOutboxRow, Settlement, WebhookRow};
    use super::*;

    async fn store() -> (Store, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let row = WebhookRow { id: "wh_1".to_owned(), enabled: true, ..WebhookRow::default() };
        store.webhook_insert(row).await.unwrap();
        (store, folder)
    }

    async fn waits(store: &Store, event: &str, body: Vec<u8>) -> u64 {
        let row = NewOutboxRow {
            consumer: "wh_1".to_owned(),
            lane: "Library".to_owned(),
            event: event.to_owned(),
            body,
            made_ms: 7,
        };
        store.outbox_insert(vec![row], Vec::new()).await.unwrap()[0]
    }

    fn attempt(seq: u64, delivered: bool, at_ms: u64) -> Attempt {
        let status = delivered.then_some(200);
        let error = status.is_none().then(|| "nobody is there".to_owned());
        let ended = Ended { delivered, at_ms, took_ms: 5, status, error };
        Attempt { webhook: "wh_1".to_owned(), seq, ended }
    }

    async fn settle(store: &Store, attempts: Vec<Attempt>, given_up: Vec<u64>) {
        let done = attempts.iter().filter(|one| one.ended.delivered);
        let done = done.map(|one| one.seq).chain(given_up).collect();
        let settlement = Settlement { done, attempts, ..Settlement::default() };
        store.webhook_settle(settlement).await.unwrap();
    }

    /// Event, whether it has arrived and whether it waits, attempts.
    async fn log(store: &Store) -> Vec<(String, bool, bool, u64)> {
        let rows = store.webhook_log("wh_1".to_owned()).await.unwrap();
        rows.into_iter().map(|row| (row.event, row.delivered, row.waits, row.attempts)).collect()
    }

    #[tokio::test]
    async fn an_event_has_one_line_whatever_is_tried_and_keeps_its_body_when_it_has_arrived() {
        let (store, _folder) = store().await;
        let body = br#"{"event":"room_started"}"#.to_vec();
        let seq = waits(&store, "EV_1", body.clone()).await;
        settle(&store, vec![attempt(seq, false, 10)], Vec::new()).await;
        settle(&store, vec![attempt(seq, false, 20)], Vec::new()).await;
        assert_eq!(log(&store).await, [("EV_1".to_owned(), false, true, 2)]);
        settle(&store, vec![attempt(seq, true, 30)], Vec::new()).await;
        let rows = store.webhook_log("wh_1".to_owned()).await.unwrap();
        let row = &rows[0];
        assert_eq!((row.what.as_str(), row.room.as_str()), ("room_started", "Library"));
        assert_eq!((row.attempts, row.at_ms, row.status, &row.error), (3, 30, Some(200), &None));
        let kept = store.webhook_log_body("wh_1".to_owned(), "EV_1".to_owned()).await.unwrap();
        assert_eq!(kept, Some((body, None)));
        assert!(store.outbox_list().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_was_given_up_can_be_sent_again_and_arrives_then() {
        let (store, _folder) = store().await;
        let seq = waits(&store, "EV_1", b"{}".to_vec()).await;
        settle(&store, vec![attempt(seq, false, 10)], vec![seq]).await;
        assert_eq!(log(&store).await, [("EV_1".to_owned(), false, false, 1)]);
        for delivered in [false, true, false] {
            let ended = attempt(0, delivered, 20).ended;
            let (webhook, event) = ("wh_1".to_owned(), "EV_1".to_owned());
            store.webhook_log_again(webhook, event, ended, None).await.unwrap();
        }
        assert_eq!(log(&store).await, [("EV_1".to_owned(), true, false, 4)]);
    }

    #[tokio::test]
    async fn what_waits_and_arrives_by_hand_waits_no_longer() {
        let (store, _folder) = store().await;
        let seq = waits(&store, "EV_1", b"{}".to_vec()).await;
        settle(&store, vec![attempt(seq, false, 10)], Vec::new()).await;
        let (webhook, event) = ("wh_1".to_owned(), "EV_1".to_owned());
        let kept = store.webhook_log_body(webhook.clone(), event.clone()).await.unwrap();
        assert_eq!(kept, Some((b"{}".to_vec(), Some(seq))));
        let ended = attempt(0, true, 20).ended;
        store.webhook_log_again(webhook, event, ended, Some(seq)).await.unwrap();
        assert_eq!(log(&store).await, [("EV_1".to_owned(), true, false, 2)]);
        assert!(store.outbox_list().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_log_is_bounded_by_attempts_and_not_by_a_clock() {
        let (store, _folder) = store().await;
        for n in 0..2 * u64::from(KEPT) {
            let seq = waits(&store, &format!("EV_{n}"), b"{}".to_vec()).await;
            // The clock goes backwards.
            settle(&store, vec![attempt(seq, true, 1000 - n)], Vec::new()).await;
        }
        let log = log(&store).await;
        assert_eq!((log.len(), log[0].0.as_str()), (50, "EV_99"));
        let large = waits(&store, "EV_large", vec![b' '; 20 << 10]).await;
        settle(&store, vec![attempt(large, true, 1)], Vec::new()).await;
        let rows = store.webhook_log("wh_1".to_owned()).await.unwrap();
        assert_eq!((rows[0].event.as_str(), rows[0].again), ("EV_large", false));
        store.webhook_delete("wh_1".to_owned()).await.unwrap();
        assert!(store.webhook_log("wh_1".to_owned()).await.unwrap().is_empty());
    }
}
