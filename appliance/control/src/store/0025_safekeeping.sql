-- What became of each backup that the box made by itself, at each target. A version that knows none leaves it.
CREATE TABLE backup_copies (
    target TEXT NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    -- Of the backup; the newest has the highest, whatever clocks said.
    seq INTEGER NOT NULL,
    -- Of which box it is: another one's is nothing to this one, even where it has the other's database.
    box_id TEXT NOT NULL,
    -- Name at the target.
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    -- waiting, delivered
    state TEXT NOT NULL,
    -- In a row that failed: to carry it there, or to take it away again.
    attempts INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL,
    error TEXT,
    -- With which an interrupted transfer goes on.
    resume TEXT,
    delivered_ms INTEGER,
    PRIMARY KEY (target, seq)
) STRICT;
