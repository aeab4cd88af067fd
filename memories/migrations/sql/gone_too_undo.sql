DROP TRIGGER times_go_too ON memories_memoryversion;
DROP TRIGGER times_go_too ON memories_memory;
DROP FUNCTION memories_times_go_too();
DROP TRIGGER message_vectors_go_too ON memories_message;
DROP FUNCTION memories_message_vectors_go_too();
DROP TRIGGER attachments_go_too ON memories_message;
DROP FUNCTION memories_attachments_go_too();
