-- What a message brought is erased, and its days are over, together with its words.
CREATE FUNCTION memories_attachments_go_too() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM memories_attachment a
    WHERE a.tenant_id = NEW.tenant_id AND a.ingestion_id = NEW.ingestion_id
      AND a.position = NEW.position;
    RETURN NULL;
END $$;

CREATE TRIGGER attachments_go_too AFTER UPDATE OF content ON memories_message
    FOR EACH ROW WHEN (OLD.content IS NOT NULL AND NEW.content IS NULL)
    EXECUTE FUNCTION memories_attachments_go_too();

-- What a message says is found by its vector and its words: both go with its content.
CREATE FUNCTION memories_message_vectors_go_too() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM memories_messagevector v
    WHERE v.tenant_id = NEW.tenant_id AND v.message_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER message_vectors_go_too AFTER UPDATE OF content ON memories_message
    FOR EACH ROW WHEN (OLD.content IS NOT NULL AND NEW.content IS NULL)
    EXECUTE FUNCTION memories_message_vectors_go_too();

-- When something was true, how often, and what it tells of goes with the text it was
-- read from: a tombstone says nothing of anybody's life.
CREATE FUNCTION memories_times_go_too() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.valid_from := NULL;
    NEW.valid_to := NULL;
    NEW.valid_precision := NULL;
    NEW.recurs := NULL;
    NEW.aspect := NULL;
    RETURN NEW;
END $$;

CREATE TRIGGER times_go_too BEFORE UPDATE OF text ON memories_memory
    FOR EACH ROW WHEN (NEW.text IS NULL AND OLD.text IS NOT NULL)
    EXECUTE FUNCTION memories_times_go_too();
CREATE TRIGGER times_go_too BEFORE UPDATE OF text ON memories_memoryversion
    FOR EACH ROW WHEN (NEW.text IS NULL AND OLD.text IS NOT NULL)
    EXECUTE FUNCTION memories_times_go_too();
