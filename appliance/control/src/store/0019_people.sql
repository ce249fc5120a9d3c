-- People beside the owner. Older versions take whoever is in `people` for an owner, so that exactly one
-- owner is in it, and everybody else is in tables that they do not read.
CREATE TABLE members (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE VIEW everybody AS
    SELECT id, name, role, password_hash, created_ms, 0 AS disabled FROM people
    UNION ALL
    SELECT id, name, role, password_hash, created_ms, disabled FROM members;

-- Where a session is used, and when it was last.
ALTER TABLE sessions ADD COLUMN agent TEXT;
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN seen_ms INTEGER;

CREATE TABLE member_sessions (
    secret_hash BLOB PRIMARY KEY,
    person TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    agent TEXT,
    address TEXT,
    seen_ms INTEGER
) STRICT;

-- The id is the beginning of the hash: whoever reads it learns nothing of the secret.
CREATE VIEW every_session AS
    SELECT 'ses_' || substr(hex(secret_hash), 1, 24) AS id, secret_hash, person, created_ms, expires_ms,
        agent, address, COALESCE(seen_ms, created_ms) AS seen_ms
    FROM sessions
    UNION ALL
    SELECT 'ses_' || substr(hex(secret_hash), 1, 24), secret_hash, person, created_ms, expires_ms,
        agent, address, COALESCE(seen_ms, created_ms)
    FROM member_sessions;

-- Links that make somebody a person of the box, once.
CREATE TABLE person_invites (
    id TEXT PRIMARY KEY,
    secret_hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;

-- Tokens that older versions must not know, because they would take them for the owner's with all
-- rights: those of other people, those that may less, and those that expire.
CREATE TABLE member_tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    last_used_ms INTEGER
) STRICT;

CREATE VIEW every_token AS
    SELECT id, name, secret_hash, person, 'owner' AS role, created_ms, NULL AS expires_ms, last_used_ms
    FROM api_tokens
    UNION ALL
    SELECT id, name, secret_hash, person, role, created_ms, expires_ms, last_used_ms FROM member_tokens;

-- Who did what. Rows are added at the new end and cut at the old one, never changed; each row's hash is
-- over the hash before and its entry.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    person TEXT NOT NULL,
    action TEXT NOT NULL,
    refused INTEGER NOT NULL,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (at_ms);

-- The last row that was cut: one row, or none.
CREATE TABLE audit_anchor (
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- Second factors. An app computes codes from the secret, and so does the box: it cannot be hashed. Of the
-- newest code that was used the step is kept, so that it counts once. Older versions do not ask for it.
CREATE TABLE second_factors (
    person TEXT PRIMARY KEY,
    secret BLOB NOT NULL,
    used_step INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
    person TEXT NOT NULL,
    code_hash BLOB NOT NULL,
    PRIMARY KEY (person, code_hash)
) STRICT;
