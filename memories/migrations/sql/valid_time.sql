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
