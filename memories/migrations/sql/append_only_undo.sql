DROP TRIGGER only_emptied ON memories_llmcall;
DROP TRIGGER only_emptied ON memories_message;
DROP FUNCTION memories_text_is_only_emptied();
DROP TRIGGER append_only ON memories_memoryversion;
DROP FUNCTION memories_version_is_append_only();
