DROP FUNCTION erase_told(uuid, uuid, timestamptz);
ALTER FUNCTION erase_told_and_tried(uuid, uuid, timestamptz) RENAME TO erase_told;
DROP FUNCTION regroup_entities(uuid, uuid[]);
DROP FUNCTION due_suspects(integer);
