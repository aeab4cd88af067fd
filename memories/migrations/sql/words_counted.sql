-- As words_once.sql has it, but a word that many say, and that is counted beforehand, is
-- looked up last, and only where rarer ones leave room: reading 2,000 rows of each to
-- count them was a sixth of a search.
CREATE OR REPLACE FUNCTION memories_with_words(anchor uuid, words tsquery[], most integer)
RETURNS TABLE (id uuid, word tsquery, said integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    key_project uuid := NULLIF(current_setting('app.project_id', true), '')::uuid;
    asked constant text := 'SELECT count(*), coalesce((array_agg(x.id))[:%s], ''{}'')'
        ' FROM (SELECT m.id FROM memories_memory m WHERE m.tenant_id = %L'
        ' AND m.anchor_id = %L AND m.search @@ %L::tsquery LIMIT %s) AS x';
    common jsonb;
    few uuid[];
    found uuid[] := '{}';
    counts integer[] := '{}';
    -- Where the ids of a word end in found; null of one that was not looked up.
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
    SELECT i.word_counts INTO common FROM memories_scopeindex i
     WHERE i.tenant_id = tenant AND i.anchor_id = anchor AND i.of = 'words' LIMIT 1;
    FOREACH word IN ARRAY words LOOP
        said := common ->> hashtextextended(word::text, 0)::text;
        IF said IS NULL THEN
            EXECUTE format(asked, most, tenant, anchor, word, 4 * most) INTO said, few;
            found := found || few;
            ends := ends || cardinality(found);
        ELSE
            ends := ends || NULL::integer;
        END IF;
        counts := counts || said;
        RETURN NEXT;
    END LOOP;
    FOR no IN SELECT x.no FROM unnest(counts) WITH ORDINALITY AS x (n, no) ORDER BY x.n LOOP
        EXIT WHEN given >= most;
        IF ends[no] IS NULL THEN
            EXECUTE format(asked, most, tenant, anchor, words[no], most - given)
                INTO said, few;
        ELSE
            few := found[ends[no] - least(counts[no], most) + 1 : ends[no]];
        END IF;
        word := NULL;
        said := NULL;
        FOREACH id IN ARRAY few[: most - given] LOOP
            RETURN NEXT;
        END LOOP;
        given := given + cardinality(few);
    END LOOP;
END $$;
