-- What films took so far, to say when those will be ready that wait: sums over minutes of recordings.
CREATE TABLE job_costs (
    -- Outputs, or outputs with layout, size and encoder.
    shape TEXT PRIMARY KEY,
    minutes REAL NOT NULL,
    cpu_s REAL NOT NULL,
    wall_s REAL NOT NULL,
    jobs INTEGER NOT NULL
) STRICT;

-- Where programs want the films carried to that they ordered, until they are there or given up.
CREATE TABLE egress_uploads (
    egress TEXT PRIMARY KEY REFERENCES egress (id) ON DELETE CASCADE,
    -- waiting, delivered, given_up
    state TEXT NOT NULL,
    -- JSON, with the secret until it is over.
    row TEXT NOT NULL
) STRICT;

CREATE INDEX egress_uploads_in_state ON egress_uploads (state, egress);
