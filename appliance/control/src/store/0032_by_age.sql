-- What goes next is among the oldest that have ended, and the shortest time that a deleted room left behind
-- is one of few: neither is looked for in all that a box has recorded in years.
CREATE INDEX recordings_by_age ON recordings (COALESCE(kept_from_ms, ended_ms), id)
    WHERE state IN ('ready', 'empty');
CREATE INDEX recordings_own_days ON recordings (own_days) WHERE own_days > 0;
