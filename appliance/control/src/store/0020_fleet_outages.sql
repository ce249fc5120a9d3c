-- At a hub, what boxes told is read newest first. A box whose clock is ahead tells of nothing later than
-- the moment in which it was heard.
CREATE INDEX fleet_heard_by_time ON fleet_heard (MIN(at_ms, heard_ms));
CREATE INDEX fleet_heard_by_box ON fleet_heard (box, MIN(at_ms, heard_ms));
CREATE INDEX fleet_heard_by_kind ON fleet_heard (kind, MIN(at_ms, heard_ms));
CREATE INDEX fleet_heard_by_box_and_kind ON fleet_heard (box, kind, MIN(at_ms, heard_ms));

-- At a hub: when a box fell silent, and when it was heard again.
CREATE TABLE fleet_outages (
    box TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    -- Absent: it is silent.
    until_ms INTEGER,
    PRIMARY KEY (box, since_ms)
) STRICT;

CREATE INDEX fleet_outages_open ON fleet_outages (box) WHERE until_ms IS NULL;
CREATE INDEX fleet_outages_by_age ON fleet_outages (until_ms) WHERE until_ms IS NOT NULL;
