-- Who was heard in a recording, a name a line; NULL: nobody has looked yet.
ALTER TABLE recordings ADD COLUMN people TEXT;
-- Title, room and people as searches compare them, the title on the first line. An older version leaves
-- it alone, and the next start of a newer one mends what is missing or old.
ALTER TABLE recordings ADD COLUMN found_by TEXT;

CREATE INDEX recordings_of_room ON recordings (room_name, id);
CREATE INDEX recordings_in_state ON recordings (state, id);
-- Searches read it instead of the rows.
CREATE INDEX recordings_found_by ON recordings (id, found_by);

-- Links with which people without an account watch one recording. Of tokens only the SHA-256 is kept.
CREATE TABLE shares (
    id TEXT PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,
    -- argon2id; NULL: the link is enough.
    password_hash TEXT,
    -- The job whose film it shows; NULL: there was none yet, and it is going to be the first.
    film TEXT,
    -- 1: the film may be taken along.
    download INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    -- Visitors so far, and when the newest came.
    opened INTEGER NOT NULL DEFAULT 0,
    opened_ms INTEGER
) STRICT;

CREATE INDEX shares_of_recording ON shares (recording, id);
