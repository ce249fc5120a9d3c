-- The owner's MQTT broker, once one was named.
CREATE TABLE mqtt (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- JSON: where it is, whom to trust, the password, what is allowed.
    row TEXT NOT NULL
) STRICT;
