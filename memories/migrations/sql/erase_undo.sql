DROP FUNCTION erase_subject(uuid, text, text, timestamptz, uuid, uuid, text, uuid, inet, text);
