DROP TRIGGER times_go_too ON memories_memory;
DROP TRIGGER times_go_too ON memories_memoryversion;
DROP FUNCTION memories_times_go_too();
