-- A version is written once; afterwards only the end of its known interval may be set,
-- and only once. The owner alone may blank text, inside the erasure functions.
CREATE FUNCTION memories_version_is_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = pg_get_userbyid((SELECT relowner FROM pg_class WHERE oid = TG_RELID)) THEN
        RETURN NEW;
    END IF;
    IF OLD.known_to IS NOT NULL THEN
        RAISE EXCEPTION 'version % of memory % is already closed', OLD.number, OLD.memory_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE ON memories_memoryversion
    FOR EACH ROW EXECUTE FUNCTION memories_version_is_append_only();

-- What was said, and what models were asked and answered, may be emptied when its
-- retention is over, but never reworded; the rest of the row is provenance and stays.
-- The arguments are the columns. The owner is let through: erasure also gives a
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
