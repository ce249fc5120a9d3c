-- Whether a receiver of webhooks hears of the box's alarms.
ALTER TABLE webhooks ADD COLUMN alarms INTEGER NOT NULL DEFAULT 0;

-- The last events of each receiver, how sending them has gone, and what they were: to be sent again.
CREATE TABLE webhook_log (
    webhook TEXT NOT NULL,
    -- The event's own id.
    event TEXT NOT NULL,
    -- Its place among all, by the newest attempt.
    turn INTEGER NOT NULL,
    -- NULL: too large to be kept.
    body BLOB,
    -- What happened, by the event's own word, and in which room; empty: in none.
    what TEXT NOT NULL,
    room TEXT NOT NULL,
    -- Otherwise it waits in the outbox, or was given up.
    delivered INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    -- Of the answer; NULL: none came.
    status INTEGER,
    error TEXT,
    PRIMARY KEY (webhook, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_log_by_turn ON webhook_log (webhook, turn);
