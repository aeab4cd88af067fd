DROP TRIGGER message_vectors_go_too ON memories_message;
DROP FUNCTION memories_message_vectors_go_too();
