CREATE OR REPLACE FUNCTION memories_with_words(anchor uuid, words tsquery[], most integer)
RETURNS TABLE (id uuid, word tsquery, said integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    key_project uuid := NULLIF(current_setting('app.project_id', true), '')::uuid;
    asked constant text := 'SELECT m.id FROM memories_memory m WHERE m.tenant_id = %L'
        ' AND m.anchor_id = %L AND m.search @@ %L::tsquery LIMIT %s';
    counts integer[] := '{}';
    given integer := 0;
BEGIN
    IF tenant IS NULL OR words IS NULL OR NOT EXISTS (
        SELECT 1 FROM memories_anchor a
         WHERE a.tenant_id = tenant AND a.id = anchor
           AND (key_project IS NULL OR a.project_id = key_project)) THEN
        RETURN;
    END IF;
    FOREACH word IN ARRAY words LOOP
        EXECUTE format('SELECT count(*) FROM (' || asked || ') x',
                       tenant, anchor, word, 10 * most) INTO said;
        counts := counts || said;
        RETURN NEXT;
    END LOOP;
    FOR word, said IN SELECT w, n FROM unnest(words, counts) AS x (w, n) ORDER BY n LOOP
        EXIT WHEN given >= most;
        RETURN QUERY EXECUTE
            format('SELECT x.id, NULL::tsquery, NULL::integer FROM (' || asked || ') x',
                   tenant, anchor, word, most - given);
        given := given + said;
    END LOOP;
END $$;
