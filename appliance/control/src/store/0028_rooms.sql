-- JSON: who may come into a room and what guests may there. What is absent is as it always was.
ALTER TABLE rooms ADD COLUMN rules TEXT NOT NULL DEFAULT '{}';
-- What guests are asked for where the rules say so; empty: none was made yet.
ALTER TABLE rooms ADD COLUMN pin TEXT NOT NULL DEFAULT '';
