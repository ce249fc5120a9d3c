-- Templates for rooms. A version that knows none leaves them alone.
CREATE TABLE room_templates (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    -- JSON. What is absent is as in a room that nobody has changed.
    settings TEXT NOT NULL,
    -- 1: new rooms are made from it unless somebody says otherwise. One is, at most.
    is_default INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
