DROP FUNCTION erase_told(uuid, uuid, timestamptz);
DROP FUNCTION erase_told_and_tried(uuid, uuid, timestamptz);
DROP FUNCTION erase_told_to_others(uuid, uuid, timestamptz);
