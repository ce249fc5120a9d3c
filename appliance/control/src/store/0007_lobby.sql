-- Rooms that let guests in one by one. Older versions let everybody in, and leave the column alone.
ALTER TABLE rooms ADD COLUMN lobby INTEGER NOT NULL DEFAULT 0;
