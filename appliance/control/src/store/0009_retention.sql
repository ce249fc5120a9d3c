-- Recordings that somebody wants kept whatever the settings say. Older versions delete none by themselves.
ALTER TABLE recordings ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

-- What the box deleted by itself, and why.
CREATE TABLE deletions (
    recording TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    -- age, space
    reason TEXT NOT NULL
) STRICT;
