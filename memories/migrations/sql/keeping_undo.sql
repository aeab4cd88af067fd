DROP FUNCTION due_doubts(integer, integer);
DROP FUNCTION due_patterns(timestamptz, integer, integer);
DO $$
DECLARE
    known text := pg_get_functiondef(
        'erase_subject(uuid, text, text, timestamptz, uuid, uuid, text, uuid, inet, text)'::regprocedure);
BEGIN
    EXECUTE regexp_replace(
        known, '    -- Patterns that were put together.*?NOT IN \(SELECT id FROM erased_memory\);\n', '');
END $$;
