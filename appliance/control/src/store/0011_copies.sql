-- What copying keeps of each file beside where it stands. A version that knows nothing of it leaves it.
-- 1: something of it may be at its target.
ALTER TABLE copies ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
-- 1: somebody asked for it: it stays, whatever the target's rules say.
ALTER TABLE copies ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
-- 1: a track, timeline or manifest. 0: something that was made of the recording.
ALTER TABLE copies ADD COLUMN track INTEGER NOT NULL DEFAULT 0;

UPDATE copies SET
    begun = attempts > 0 OR resume IS NOT NULL,
    asked = EXISTS (SELECT 1 FROM recordings r, targets t WHERE r.id = recording AND t.id = target
        AND r.ended_ms < (t.row ->> 'since_ms')),
    track = NOT EXISTS (SELECT 1 FROM files f WHERE f.recording = copies.recording AND f.path = copies.path);

-- What is left at a target of copies that are not wanted any more: to be taken away.
CREATE TABLE leftovers (
    target TEXT NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    -- Name at the target of what never got it.
    name TEXT NOT NULL,
    resume TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (target, name)
) STRICT;

-- In the order in which copies go out.
CREATE INDEX copies_next ON copies
    (target, state, next_ms, attempts, path = 'manifest.json', recording, bytes);
