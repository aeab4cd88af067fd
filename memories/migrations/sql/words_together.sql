-- As words_counted.sql has it, but of memories in these states alone, and of those that
-- have not expired by a day (null: whether or not): of a scope whose memories were mostly
-- deleted, hidden ones took all places. And all words that are not counted are looked up
-- by one statement: one for each was planned anew. Words that are counted come after them.
CREATE FUNCTION memories_with_words(
    anchor uuid, words tsquery[], states text[], today date, most integer)
RETURNS TABLE (id uuid, word tsquery, said integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    key_project uuid := NULLIF(current_setting('app.project_id', true), '')::uuid;
    -- Ids and states stand in the text, so that its plan may use the scope's own index.
    saying constant text := format('SELECT m.id FROM memories_memory m'
        ' WHERE m.tenant_id = %L AND m.anchor_id = %L AND m.state = ANY(%L::text[])'
        ' AND coalesce(m.expires_on >= %L::date, true) AND m.search @@ ',
        tenant, anchor, states, today);
    common jsonb;
    few uuid[];
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
    common := coalesce(common, '{}');
    FOR word, said, few IN EXECUTE format(
        'SELECT w.word, s.said, s.ids FROM unnest($1) AS w (word) CROSS JOIN LATERAL ('
        ' SELECT count(*) AS said, coalesce((array_agg(x.id))[:%s], ''{}'') AS ids'
        ' FROM (%s w.word LIMIT %s) AS x) AS s ORDER BY s.said, w.word',
        most, saying, 4 * most)
        USING ARRAY(SELECT w.word FROM unnest(words) AS w (word)
                     WHERE NOT common ? hashtextextended(w.word::text, 0)::text) LOOP
        id := NULL;
        RETURN NEXT;
        word := NULL;
        said := NULL;
        FOREACH id IN ARRAY few[: most - given] LOOP
            RETURN NEXT;
        END LOOP;
        given := given + cardinality(few[: most - given]);
    END LOOP;
    FOR word, said IN
        SELECT w.word, (common ->> hashtextextended(w.word::text, 0)::text)::integer AS n
          FROM unnest(words) AS w (word)
         WHERE common ? hashtextextended(w.word::text, 0)::text ORDER BY n, w.word LOOP
        id := NULL;
        RETURN NEXT;
        CONTINUE WHEN given >= most;
        FOR id IN EXECUTE format('%s %L::tsquery LIMIT %s', saying, word, most - given) LOOP
            word := NULL;
            said := NULL;
            given := given + 1;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION memories_with_words(uuid, tsquery[], text[], date, integer)
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memories_with_words(uuid, tsquery[], text[], date, integer)
   TO memplatform_app;
