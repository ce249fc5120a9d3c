-- Alarms: what stands and what was, and each change of them for those who are told later.
CREATE TABLE alarms (
    id TEXT PRIMARY KEY,
    raised_ms INTEGER NOT NULL,
    -- NULL: it stands.
    cleared_ms INTEGER,
    -- JSON.
    row TEXT NOT NULL
) STRICT;
CREATE INDEX alarms_by_end ON alarms (cleared_ms);
CREATE TABLE alarm_news (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    -- JSON: the alarm as it was then.
    row TEXT NOT NULL
) STRICT;
-- Who else is told: each integration's settings with its secrets, and how far it has come.
CREATE TABLE reports (
    name TEXT PRIMARY KEY,
    row TEXT,
    done INTEGER NOT NULL DEFAULT 0
) STRICT;
