-- At a hub: recordings of its boxes as their events say; the files stay where they are.
CREATE TABLE fleet_library (
    box TEXT NOT NULL,
    recording TEXT NOT NULL,
    title TEXT NOT NULL,
    -- Name of the room, as far as it was told.
    room TEXT,
    state TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    -- Of the event that said it last.
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    -- When it was deleted on its box, if it was: what comes late must not bring it back.
    gone_ms INTEGER,
    -- The words by which it is found.
    found_by TEXT NOT NULL,
    PRIMARY KEY (box, recording)
) STRICT;

CREATE INDEX fleet_library_by_time ON fleet_library (started_ms) WHERE gone_ms IS NULL;
CREATE INDEX fleet_library_by_box ON fleet_library (box, started_ms) WHERE gone_ms IS NULL;
CREATE INDEX fleet_library_gone ON fleet_library (gone_ms) WHERE gone_ms IS NOT NULL;

-- A member's hub has not heard of what was recorded before.
INSERT INTO fleet_events (kind, body, made_ms)
SELECT 'recording.known', json_object('id', id, 'room', room, 'room_name', room_name, 'title', title,
        'state', state, 'started_ms', started_ms, 'bytes', bytes, 'duration_ms', duration_ms),
    CAST(unixepoch('subsec') * 1000 AS INTEGER)
FROM recordings WHERE EXISTS (SELECT 1 FROM fleet) ORDER BY id;
