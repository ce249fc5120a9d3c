-- Whether a receiver may be in the house's own network. Those that there are were added when all might.
ALTER TABLE webhooks ADD COLUMN in_network INTEGER NOT NULL DEFAULT 1;
