-- Hardware that encodes: how its trial ended, and what it failed at.
CREATE TABLE encoders (
    -- GStreamer factory.
    element TEXT PRIMARY KEY,
    -- JSON.
    row TEXT NOT NULL
) STRICT;
