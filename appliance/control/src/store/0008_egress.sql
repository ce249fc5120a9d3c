-- Films that programs ordered of rooms while they are being recorded (LiveKit's Egress API).
CREATE TABLE egress (
    -- `EG_` and a ULID; its job has the same ULID.
    id TEXT PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    room TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    -- State that receivers of webhooks were told last; empty: nothing yet.
    told TEXT NOT NULL,
    -- The whole row.
    row TEXT NOT NULL
) STRICT;

CREATE INDEX egress_of_recording ON egress (recording);
CREATE INDEX egress_of_room ON egress (room);
