-- Keys with which programs send into a room (WHIP) or watch it (WHEP). Of secrets only the SHA-256 is
-- kept. A key's name is whom others see in the room, so no two of a room's keys share it.
CREATE TABLE whip_keys (
    id TEXT PRIMARY KEY,
    room TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- publish, watch
    scope TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    last_used_ms INTEGER,
    UNIQUE (room, name)
) STRICT;
