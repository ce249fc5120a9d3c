-- Places that recordings are copied to. A version that knows none leaves them alone.
CREATE TABLE targets (
    id TEXT PRIMARY KEY,
    -- JSON, secrets included.
    row TEXT NOT NULL
) STRICT;

-- Every file on its way to a target, and the receipts of those that are there.
CREATE TABLE copies (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    target TEXT NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    -- Path within the recording's folder.
    path TEXT NOT NULL,
    -- Name at the target.
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    -- Empty: not known before it was sent.
    sha256 TEXT NOT NULL,
    -- waiting, delivered, given_up
    state TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_ms INTEGER NOT NULL,
    error TEXT,
    -- With which an interrupted transfer goes on.
    resume TEXT,
    delivered_ms INTEGER,
    PRIMARY KEY (recording, target, path)
) STRICT;

CREATE INDEX copies_due ON copies (target, state, next_ms);
