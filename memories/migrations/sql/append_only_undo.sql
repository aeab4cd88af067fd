DROP TRIGGER append_only ON memories_memoryversion;
DROP FUNCTION memories_version_is_append_only();
