-- Sign-in by the house's own identity provider, once one was named.
CREATE TABLE oidc (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- JSON: the provider, the client and its secret, who comes in as what.
    row TEXT NOT NULL
) STRICT;

-- Who somebody is at a provider (OpenID Connect Core 1.0 §5.7: issuer and subject together). Without a
-- person: an owner removed them, and they are not let in again by themselves.
CREATE TABLE identities (
    id TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person TEXT,
    -- As the provider last told them.
    name TEXT NOT NULL,
    mail TEXT NOT NULL,
    -- 1: the person came by this identity, has no password, and what they may follows their groups.
    managed INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    removed_ms INTEGER,
    UNIQUE (issuer, subject)
) STRICT;
CREATE INDEX identities_by_person ON identities (person);
