-- From when on a recording's time counts: its end, or the moment in which the clock could be believed first
-- after that. NULL: not yet. Older versions leave it so and count from the end.
ALTER TABLE recordings ADD COLUMN kept_from_ms INTEGER;
UPDATE recordings SET kept_from_ms = ended_ms;
CREATE INDEX recordings_undated ON recordings (id) WHERE kept_from_ms IS NULL;
