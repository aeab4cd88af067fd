-- Vectors stay inline while they fit a page (up to about 4,000 dimensions), so that an
-- exact scan never follows a TOAST pointer; longer ones still fit, out of line.
ALTER TABLE memories_memoryvector ALTER COLUMN embedding SET STORAGE EXTERNAL;
ALTER TABLE memories_memoryvector SET (toast_tuple_target = 8160);
ALTER TABLE memories_messagevector ALTER COLUMN embedding SET STORAGE EXTERNAL;
ALTER TABLE memories_messagevector SET (toast_tuple_target = 8160);

-- The anchor row is the lock of its queue: room on its page keeps updates in place.
ALTER TABLE memories_anchor SET (fillfactor = 70);
ALTER TABLE memories_subject SET (fillfactor = 70);
ALTER TABLE memories_operation SET (fillfactor = 80);
