-- What this box knows of what its fleet wants, while it is in one.
CREATE TABLE twin (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- JSON: the wish, what was set by it, what the owner refuses.
    state TEXT NOT NULL
) STRICT;

-- At a hub: settings that several boxes are to have.
CREATE TABLE fleet_groups (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- JSON: values by setting; texts may name variables.
    settings TEXT NOT NULL
) STRICT;

-- At a hub: what is wanted of a box beside its group, what it was sent, and what it says that it has.
CREATE TABLE fleet_twins (
    box TEXT PRIMARY KEY,
    group_id TEXT,
    site TEXT NOT NULL DEFAULT '',
    -- JSON: values by setting; null: not the group's either.
    settings TEXT NOT NULL DEFAULT '{}',
    -- JSON: decisions by setting.
    decisions TEXT NOT NULL DEFAULT '{}',
    -- JSON: the newest wish.
    wish TEXT,
    -- JSON: the newest report, and its place in its run of numbers.
    report TEXT,
    report_ms INTEGER NOT NULL DEFAULT 0,
    report_epoch TEXT NOT NULL DEFAULT '',
    report_seq INTEGER NOT NULL DEFAULT 0,
    -- By the box's own clock.
    report_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The update that a wave of the fleet wants of this box, JSON.
CREATE TABLE fleet_update (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL
) STRICT;

-- At a hub: updates of groups, JSON.
CREATE TABLE fleet_waves (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL
) STRICT;
