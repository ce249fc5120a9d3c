-- Live outputs: where recordings that run are sent while they do.
CREATE TABLE outputs (
    -- `out_` and a ULID.
    id TEXT PRIMARY KEY,
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    -- What an address below /live/ begins with; NULL: it goes to somebody else's server.
    token TEXT UNIQUE,
    -- The whole row; other people's stream keys are in it.
    row TEXT NOT NULL
) STRICT;

CREATE INDEX outputs_of_recording ON outputs (recording);
