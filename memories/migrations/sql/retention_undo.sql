DROP TRIGGER only_emptied ON memories_llmcall;
DROP TRIGGER only_emptied ON memories_message;
DROP FUNCTION memories_text_is_only_emptied();
GRANT UPDATE ON memories_message, memories_llmcall TO memplatform_app;
