-- At a hub: how much it keeps of what each box told. Counted along, since counting a million rows takes seconds.
CREATE TABLE fleet_shares (
    box TEXT PRIMARY KEY,
    heard INTEGER NOT NULL DEFAULT 0,
    -- Of their bodies.
    heard_bytes INTEGER NOT NULL DEFAULT 0,
    -- Recordings in the fleet's library, with those that are gone.
    listed INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO fleet_shares (box, heard, heard_bytes)
    SELECT box, COUNT(*), SUM(length(body)) FROM fleet_heard GROUP BY box;
INSERT INTO fleet_shares (box, listed) SELECT box, COUNT(*) FROM fleet_library WHERE true GROUP BY box
    ON CONFLICT (box) DO UPDATE SET listed = excluded.listed;
