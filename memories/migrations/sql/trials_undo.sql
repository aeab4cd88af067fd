DROP FUNCTION erase_told(uuid, uuid, timestamptz);
ALTER FUNCTION erase_told_to_others(uuid, uuid, timestamptz) RENAME TO erase_told;
