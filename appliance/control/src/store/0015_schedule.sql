-- 1: recorded whenever somebody is in it.
ALTER TABLE rooms ADD COLUMN record_always INTEGER NOT NULL DEFAULT 0;

-- What the owner planned, once each.
CREATE TABLE schedule_events (
    id TEXT PRIMARY KEY,
    room TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL
) STRICT;

-- Calendars that others publish, with what they said last.
CREATE TABLE schedule_feeds (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- NULL: of each event the place says which room it is.
    room TEXT REFERENCES rooms (id) ON DELETE CASCADE,
    -- A secret: who knows it reads the calendar.
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    fetched_ms INTEGER NOT NULL,
    -- Why the last try failed; NULL: it did not.
    error TEXT
) STRICT;

-- How the schedule dealt with what was on.
CREATE TABLE schedule_runs (
    key TEXT PRIMARY KEY,
    room TEXT NOT NULL,
    title TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    -- NULL: until everybody has left.
    end_ms INTEGER,
    -- Somebody wants it to go on until then.
    extended_ms INTEGER,
    -- NULL: about to begin.
    recording TEXT,
    -- 1: the schedule began it, and ends it.
    ours INTEGER NOT NULL,
    -- 1: a person ended it, and it is left alone.
    stopped INTEGER NOT NULL
) STRICT;
