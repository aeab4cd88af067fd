-- What was said, and what models were asked and answered, may be emptied when its
-- retention is over, but never reworded; the rest of the row is provenance and stays.
REVOKE UPDATE ON memories_message, memories_llmcall FROM memplatform_app;
GRANT UPDATE (content, name, attachments) ON memories_message TO memplatform_app;
GRANT UPDATE (request, reply) ON memories_llmcall TO memplatform_app;

-- Its arguments are the columns. The owner is let through: erasure also gives a
-- pseudonym to the ids that named a subject.
CREATE FUNCTION memories_text_is_only_emptied() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    kept text;
BEGIN
    IF current_user = pg_get_userbyid((SELECT relowner FROM pg_class WHERE oid = TG_RELID)) THEN
        RETURN NEW;
    END IF;
    FOREACH kept IN ARRAY TG_ARGV LOOP
        IF to_jsonb(NEW) ->> kept IS DISTINCT FROM to_jsonb(OLD) ->> kept
                AND to_jsonb(NEW) ->> kept IS NOT NULL THEN
            RAISE EXCEPTION '% of % may only be emptied', kept, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

CREATE TRIGGER only_emptied BEFORE UPDATE ON memories_message
    FOR EACH ROW EXECUTE FUNCTION memories_text_is_only_emptied('content', 'name', 'attachments');
CREATE TRIGGER only_emptied BEFORE UPDATE ON memories_llmcall
    FOR EACH ROW EXECUTE FUNCTION memories_text_is_only_emptied('request', 'reply');
