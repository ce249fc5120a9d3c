-- This box's place in a fleet, while it has one.
CREATE TABLE fleet (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- JSON: role, hub, addresses, certificate.
    place TEXT NOT NULL,
    -- Names a run of numbers: another one after joining, and after the database came from a copy.
    epoch TEXT NOT NULL,
    -- The epoch's first number.
    first INTEGER NOT NULL,
    -- What the file beside the database must say, else this is a copy from another time.
    mark TEXT NOT NULL DEFAULT '',
    mark_before TEXT NOT NULL DEFAULT ''
) STRICT;

-- What the hub is to hear, in order; kept for a while after it was sent.
CREATE TABLE fleet_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- What makes it this one: numbers come again after a database was restored from a copy.
    id TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))),
    kind TEXT NOT NULL,
    -- JSON.
    body TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    sent_ms INTEGER,
    -- How often the hub has asked for it again.
    round INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX fleet_events_unsent ON fleet_events (seq) WHERE sent_ms IS NULL;
CREATE INDEX fleet_events_by_age ON fleet_events (sent_ms) WHERE sent_ms IS NOT NULL;

-- Written by whatever statement makes the change, in its transaction: no code can forget one.
CREATE TRIGGER fleet_room_created AFTER INSERT ON rooms WHEN EXISTS (SELECT 1 FROM fleet) BEGIN
    INSERT INTO fleet_events (kind, body, made_ms) VALUES ('room.created',
        json_object('id', NEW.id, 'name', NEW.name), CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
CREATE TRIGGER fleet_room_changed AFTER UPDATE OF name ON rooms
WHEN NEW.name <> OLD.name AND EXISTS (SELECT 1 FROM fleet) BEGIN
    INSERT INTO fleet_events (kind, body, made_ms) VALUES ('room.changed',
        json_object('id', NEW.id, 'name', NEW.name), CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
CREATE TRIGGER fleet_room_deleted AFTER DELETE ON rooms WHEN EXISTS (SELECT 1 FROM fleet) BEGIN
    INSERT INTO fleet_events (kind, body, made_ms) VALUES ('room.deleted',
        json_object('id', OLD.id, 'name', OLD.name), CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
CREATE TRIGGER fleet_recording_started AFTER INSERT ON recordings
WHEN EXISTS (SELECT 1 FROM fleet) BEGIN
    INSERT INTO fleet_events (kind, body, made_ms) VALUES ('recording.started',
        json_object('id', NEW.id, 'room', NEW.room, 'title', NEW.title, 'state', NEW.state),
        CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
CREATE TRIGGER fleet_recording_changed AFTER UPDATE OF state ON recordings
WHEN NEW.state <> OLD.state AND EXISTS (SELECT 1 FROM fleet) BEGIN
    INSERT INTO fleet_events (kind, body, made_ms) VALUES ('recording.changed',
        json_object('id', NEW.id, 'room', NEW.room, 'title', NEW.title, 'state', NEW.state,
            'bytes', NEW.bytes, 'duration_ms', NEW.duration_ms),
        CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
CREATE TRIGGER fleet_recording_deleted AFTER DELETE ON recordings
WHEN EXISTS (SELECT 1 FROM fleet) BEGIN
    INSERT INTO fleet_events (kind, body, made_ms) VALUES ('recording.deleted',
        json_object('id', OLD.id), CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
CREATE TRIGGER fleet_job_queued AFTER INSERT ON jobs WHEN EXISTS (SELECT 1 FROM fleet) BEGIN
    INSERT INTO fleet_events (kind, body, made_ms) VALUES ('job.queued',
        json_object('id', NEW.id, 'recording', NEW.recording, 'state', NEW.state),
        CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
CREATE TRIGGER fleet_job_changed AFTER UPDATE OF state ON jobs
WHEN NEW.state <> OLD.state AND EXISTS (SELECT 1 FROM fleet) BEGIN
    INSERT INTO fleet_events (kind, body, made_ms) VALUES ('job.changed',
        json_object('id', NEW.id, 'recording', NEW.recording, 'state', NEW.state),
        CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

-- At a hub: its boxes.
CREATE TABLE fleet_boxes (
    box TEXT PRIMARY KEY,
    -- The public key, as NATS writes it.
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    joined_ms INTEGER NOT NULL
) STRICT;

-- Each lets one box in.
CREATE TABLE fleet_invites (
    token_hash BLOB PRIMARY KEY,
    expires_ms INTEGER NOT NULL,
    -- Who came by it: that box may come again, since the answer may have been lost.
    box TEXT
) STRICT;

-- At a hub: what boxes told, each thing once.
CREATE TABLE fleet_heard (
    box TEXT NOT NULL,
    id TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    heard_ms INTEGER NOT NULL,
    PRIMARY KEY (box, id)
) STRICT;

CREATE INDEX fleet_heard_by_number ON fleet_heard (box, epoch, seq);
CREATE INDEX fleet_heard_by_age ON fleet_heard (heard_ms);

-- Up to where nothing is missing.
CREATE TABLE fleet_epochs (
    box TEXT NOT NULL,
    epoch TEXT NOT NULL,
    upto INTEGER NOT NULL,
    begun_ms INTEGER NOT NULL,
    PRIMARY KEY (box, epoch)
) STRICT;
