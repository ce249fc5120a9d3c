-- The lowest schema whose programs can work with this database: a version that was rolled back opens
-- what a newer one has only added to.
CREATE TABLE readable (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    by_schema INTEGER NOT NULL
) STRICT;
INSERT INTO readable VALUES (1, 3);

-- What has been installed, and what became of it.
CREATE TABLE updates (
    id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    what TEXT NOT NULL,
    version TEXT,
    from_version TEXT NOT NULL,
    why TEXT,
    detail TEXT,
    tries INTEGER,
    boot_id TEXT NOT NULL,
    slot TEXT NOT NULL
) STRICT;

CREATE INDEX updates_by_time ON updates (at_ms);

-- The oldest version that may be installed, as the newest good image says it.
CREATE TABLE update_floor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version TEXT NOT NULL
) STRICT;
