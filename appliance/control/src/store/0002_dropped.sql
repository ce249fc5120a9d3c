-- Packets that were not written because the disk was slower than the meeting.
ALTER TABLE recordings ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
