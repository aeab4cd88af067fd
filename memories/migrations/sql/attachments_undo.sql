DROP FUNCTION due_categories(timestamptz, integer);
DROP TRIGGER attachments_go_too ON memories_message;
DROP FUNCTION memories_attachments_go_too();
