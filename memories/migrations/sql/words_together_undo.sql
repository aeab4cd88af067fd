DROP FUNCTION memories_with_words(uuid, tsquery[], text[], date, integer);
