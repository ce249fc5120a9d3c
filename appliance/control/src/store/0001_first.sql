-- Everything lasting but the recordings' bytes. Times are milliseconds since the Unix epoch.
CREATE TABLE box (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    box_id TEXT NOT NULL,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE people (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- Of secrets only the SHA-256 is kept.
CREATE TABLE sessions (
    secret_hash BLOB PRIMARY KEY,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    last_used_ms INTEGER
) STRICT;

-- A LiveKit secret signs tokens on both sides, so it cannot be hashed.
CREATE TABLE livekit_keys (
    key TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    -- 1: the box signs the tokens of its own pages with it; never shown.
    own INTEGER NOT NULL
) STRICT;

CREATE TABLE rooms (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    invite TEXT NOT NULL,
    -- 0: opened by a client with a token; forgotten when its meeting ends.
    kept INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE recordings (
    id TEXT PRIMARY KEY,
    room TEXT NOT NULL,
    room_name TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    layout TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    gaps INTEGER NOT NULL DEFAULT 0,
    -- JSON: when the box died in the middle of it.
    interruptions TEXT NOT NULL DEFAULT '[]',
    end_reason TEXT
) STRICT;

CREATE TABLE files (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- Path within the recording's folder.
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    job TEXT NOT NULL,
    PRIMARY KEY (recording, path)
) STRICT;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    -- The whole row as the desk knows it.
    row TEXT NOT NULL
) STRICT;

CREATE INDEX jobs_of_recording ON jobs (recording, created_ms);

CREATE TABLE settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    json TEXT NOT NULL
) STRICT;
