-- JSON: who may come into a room and what guests may there. What is absent is as it always was.
ALTER TABLE rooms ADD COLUMN rules TEXT NOT NULL DEFAULT '{}';
-- What guests are asked for where the rules say so; empty: none was made yet.
ALTER TABLE rooms ADD COLUMN pin TEXT NOT NULL DEFAULT '';

-- Days that its room said when that was deleted; 0: the room is there, or had no word of its own.
ALTER TABLE recordings ADD COLUMN own_days INTEGER NOT NULL DEFAULT 0;

-- Links into a room for named people. Of secrets only the SHA-256 is kept.
CREATE TABLE room_links (
    id TEXT PRIMARY KEY,
    room TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- 1: others see them by this name; 0: it is only proposed.
    name_fixed INTEGER NOT NULL,
    -- guest, moderator
    role TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    -- NULL: until it is revoked.
    expires_ms INTEGER,
    last_used_ms INTEGER
) STRICT;
CREATE INDEX room_links_by_room ON room_links (room);
