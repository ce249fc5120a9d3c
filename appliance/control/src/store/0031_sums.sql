-- What the box has made of a recording, added up: sums over a hundred thousand need not read their files.
-- Added up anew whenever a file comes or goes, so that an older version, which knows nothing of it, keeps it
-- right as well.
ALTER TABLE recordings ADD COLUMN films_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE recordings SET films_bytes =
    (SELECT COALESCE(SUM(bytes), 0) FROM files WHERE recording = recordings.id);
CREATE TRIGGER films_bytes_more AFTER INSERT ON files BEGIN
    UPDATE recordings SET films_bytes =
        (SELECT COALESCE(SUM(bytes), 0) FROM files WHERE recording = NEW.recording) WHERE id = NEW.recording;
END;
CREATE TRIGGER films_bytes_other AFTER UPDATE OF bytes ON files BEGIN
    UPDATE recordings SET films_bytes =
        (SELECT COALESCE(SUM(bytes), 0) FROM files WHERE recording = NEW.recording) WHERE id = NEW.recording;
END;
CREATE TRIGGER films_bytes_less AFTER DELETE ON files BEGIN
    UPDATE recordings SET films_bytes =
        (SELECT COALESCE(SUM(bytes), 0) FROM files WHERE recording = OLD.recording) WHERE id = OLD.recording;
END;
-- Sums, of all and since a moment, are read from this alone.
CREATE INDEX recordings_sums ON recordings (started_ms, bytes, films_bytes);
CREATE INDEX recordings_by_size ON recordings (bytes + films_bytes, id);
-- Of the jobs of years, those that still concern somebody.
CREATE INDEX jobs_in_state ON jobs (state, id);
