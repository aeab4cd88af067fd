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

-- Vectors stay inline while they fit a page (up to about 4,000 dimensions), so that an
-- exact scan never follows a TOAST pointer; longer ones still fit, out of line.
ALTER TABLE memories_memoryvector ALTER COLUMN embedding SET STORAGE EXTERNAL;
ALTER TABLE memories_memoryvector SET (toast_tuple_target = 8160);

-- The anchor row is the lock of its queue: room on its page keeps updates in place.
ALTER TABLE memories_anchor SET (fillfactor = 70);
ALTER TABLE memories_subject SET (fillfactor = 70);
ALTER TABLE memories_operation SET (fillfactor = 80);
