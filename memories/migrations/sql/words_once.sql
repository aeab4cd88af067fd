-- As words.sql has it, but each word is looked up once, and counted up to four times what
-- is asked for, as a scan counts it (ADR 501): the rows behind what says a common word
-- were most of its time.
CREATE OR REPLACE FUNCTION memories_with_words(anchor uuid, words tsquery[], most integer)
RETURNS TABLE (id uuid, word tsquery, said integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    key_project uuid := NULLIF(current_setting('app.project_id', true), '')::uuid;
    asked constant text := 'SELECT count(*), coalesce((array_agg(x.id))[:%s], ''{}'')'
        ' FROM (SELECT m.id FROM memories_memory m WHERE m.tenant_id = %L'
        ' AND m.anchor_id = %L AND m.search @@ %L::tsquery LIMIT %s) AS x';
    few uuid[];
    found uuid[] := '{}';
    counts integer[] := '{}';
    -- Where the ids of a word end in found.
    ends integer[] := '{}';
    no integer;
    given integer := 0;
BEGIN
    IF tenant IS NULL OR words IS NULL OR NOT EXISTS (
        SELECT 1 FROM memories_anchor a
         WHERE a.tenant_id = tenant AND a.id = anchor
           AND (key_project IS NULL OR a.project_id = key_project)) THEN
        RETURN;
    END IF;
    FOREACH word IN ARRAY words LOOP
        EXECUTE format(asked, most, tenant, anchor, word, 4 * most) INTO said, few;
        found := found || few;
        counts := counts || said;
        ends := ends || cardinality(found);
        RETURN NEXT;
    END LOOP;
    word := NULL;
    said := NULL;
    FOR no IN SELECT x.no FROM unnest(counts) WITH ORDINALITY AS x (n, no) ORDER BY x.n LOOP
        FOREACH id IN ARRAY
            found[ends[no] - least(counts[no], most) + 1 : ends[no]] LOOP
            EXIT WHEN given >= most;
            given := given + 1;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;
