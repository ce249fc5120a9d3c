-- At a hub: how much it keeps of what each box told. Counted along, since counting a million rows takes seconds;
-- by triggers, so that an older version, which knows nothing of it, keeps it right as well.
CREATE TABLE fleet_shares (
    box TEXT PRIMARY KEY,
    heard INTEGER NOT NULL DEFAULT 0,
    -- Bytes of their bodies.
    heard_bytes INTEGER NOT NULL DEFAULT 0,
    -- Recordings in the fleet's library, with those that are gone.
    listed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Read in the order in which they lie: by the index each row of a million would be looked for.
INSERT INTO fleet_shares (box, heard, heard_bytes)
    SELECT box, COUNT(*), SUM(length(CAST(body AS BLOB))) FROM fleet_heard NOT INDEXED GROUP BY box;
INSERT INTO fleet_shares (box, listed) SELECT box, COUNT(*) FROM fleet_library WHERE true GROUP BY box
    ON CONFLICT (box) DO UPDATE SET listed = excluded.listed;

CREATE TRIGGER fleet_heard_more AFTER INSERT ON fleet_heard BEGIN
    INSERT OR IGNORE INTO fleet_shares (box) VALUES (NEW.box);
    UPDATE fleet_shares SET heard = heard + 1, heard_bytes = heard_bytes + length(CAST(NEW.body AS BLOB))
        WHERE box = NEW.box;
END;
CREATE TRIGGER fleet_heard_less AFTER DELETE ON fleet_heard BEGIN
    UPDATE fleet_shares SET heard = MAX(0, heard - 1),
        heard_bytes = MAX(0, heard_bytes - length(CAST(OLD.body AS BLOB))) WHERE box = OLD.box;
END;
CREATE TRIGGER fleet_library_more AFTER INSERT ON fleet_library BEGIN
    INSERT OR IGNORE INTO fleet_shares (box) VALUES (NEW.box);
    UPDATE fleet_shares SET listed = listed + 1 WHERE box = NEW.box;
END;
CREATE TRIGGER fleet_library_less AFTER DELETE ON fleet_library BEGIN
    UPDATE fleet_shares SET listed = MAX(0, listed - 1) WHERE box = OLD.box;
END;
