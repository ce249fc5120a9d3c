-- Who hears by webhook what happens in rooms, and how that has gone so far.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    -- The LiveKit key that signs; it may have been revoked since.
    key TEXT NOT NULL,
    rooms TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    given_up INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,
    delivered_ms INTEGER,
    failed_ms INTEGER,
    error TEXT
) STRICT;

-- What has happened and somebody is still to hear. A row a consumer, gone once the consumer has it:
-- nothing here says what a consumer is, so that others than webhooks can send from the same table.
CREATE TABLE outbox (
    -- Grows with every row and never comes again: the order.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Id of a webhook.
    consumer TEXT NOT NULL,
    -- Of one lane a row leaves only when those before it have left. For webhooks the room's name.
    lane TEXT NOT NULL,
    -- The event's own id, the same for each consumer and at each attempt.
    event TEXT NOT NULL,
    body BLOB NOT NULL,
    made_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX outbox_of_consumer ON outbox (consumer, seq);
