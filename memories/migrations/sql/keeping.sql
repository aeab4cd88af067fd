-- A purge deletes what these belong to.
ALTER TABLE memories_confirmation
    DROP CONSTRAINT memories_confirmation_memory_id_wall,
    ADD CONSTRAINT memories_confirmation_memory_id_wall
        FOREIGN KEY (tenant_id, project_id, memory_id)
        REFERENCES memories_memory (tenant_id, project_id, id) ON DELETE CASCADE;
ALTER TABLE memories_patternsource
    DROP CONSTRAINT memories_patternsource_pattern_id_wall,
    ADD CONSTRAINT memories_patternsource_pattern_id_wall
        FOREIGN KEY (tenant_id, project_id, pattern_id)
        REFERENCES memories_memory (tenant_id, project_id, id) ON DELETE CASCADE,
    DROP CONSTRAINT memories_patternsource_source_id_wall,
    ADD CONSTRAINT memories_patternsource_source_id_wall
        FOREIGN KEY (tenant_id, project_id, source_id)
        REFERENCES memories_memory (tenant_id, project_id, id) ON DELETE CASCADE;

-- What was confirmed before: the ledgers say by which add.
INSERT INTO memories_confirmation (id, tenant_id, project_id, memory_id, operation_id, at)
SELECT gen_random_uuid(), m.tenant_id, m.project_id, m.id, i.operation_id,
       coalesce(min(o.completed_at), min(i.accepted_at))
  FROM memories_ingestion i
  JOIN memories_operation o ON o.tenant_id = i.tenant_id AND o.id = i.operation_id
  CROSS JOIN LATERAL jsonb_array_elements(coalesce(i.ledger -> 'facts', '[]')) AS fact
  JOIN memories_memory m ON m.tenant_id = i.tenant_id AND m.project_id = i.project_id
       AND m.id = (fact ->> 'memory_id')::uuid
 WHERE fact ->> 'outcome' = 'confirmed'
 GROUP BY m.tenant_id, m.project_id, m.id, i.operation_id
ON CONFLICT DO NOTHING;

-- Whose memories patterns are to be looked for in: anchors with enough new ones since
-- the last time, where that is long enough ago, in projects that want it. ``at`` is now.
CREATE FUNCTION due_patterns(at timestamptz, enough integer, most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.tenant_id, a.id
      FROM tenants_project p
      JOIN memories_anchor a ON a.tenant_id = p.tenant_id AND a.project_id = p.id
     WHERE p.settings -> 'patterns_enabled' = 'true' AND p.deleted_at IS NULL
       AND (a.patterns_asked_at IS NULL
            OR a.last_known_at > a.patterns_asked_at
               AND a.patterns_asked_at <= at - make_interval(
                   days => coalesce((p.settings ->> 'patterns_days')::integer, 7)))
       AND NOT EXISTS (SELECT 1 FROM memories_operation o
                        WHERE o.tenant_id = a.tenant_id AND o.project_id = a.project_id
                          AND o.anchor_id = a.id AND o.kind = 'SYNTHESIZE'
                          AND o.status IN ('PENDING', 'RUNNING'))
       AND enough <= (SELECT count(*) FROM (
               SELECT 1 FROM memories_memory m
                WHERE m.tenant_id = a.tenant_id AND m.anchor_id = a.id
                  AND m.state = 'active' AND m.kind <> 'pattern'
                  AND (a.patterns_asked_at IS NULL OR m.accepted_at > a.patterns_asked_at)
                LIMIT enough) AS new)
     LIMIT most
$$;

-- Patterns that no longer say what their sources say: one is gone or in other words.
-- ``fewest`` sources must be left, else the pattern is due although it is marked. Who has
-- looked at it and found that it holds has seen what changed before.
CREATE FUNCTION due_doubts(fewest integer, most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT m.tenant_id, m.id
      FROM memories_memory m
      CROSS JOIN LATERAL (
          SELECT max(e.at) AS at FROM memories_memoryevent e
           WHERE e.tenant_id = m.tenant_id AND e.memory_id = m.id
             AND e.kind = 'CONFIRM') AS looked
      CROSS JOIN LATERAL (
          SELECT count(*) AS sources,
                 count(*) FILTER (WHERE h.updated_at <= looked.at
                                     OR h.state IN ('active', 'archived', 'merged')
                                    AND h.vector_number = s.wording) AS held
            FROM memories_patternsource s
            JOIN memories_memory h ON h.tenant_id = s.tenant_id AND h.id = s.source_id
           WHERE s.tenant_id = m.tenant_id AND s.pattern_id = m.id
             AND s.number = (SELECT max(l.number) FROM memories_patternsource l
                              WHERE l.tenant_id = m.tenant_id AND l.pattern_id = m.id
                                AND l.number <= m.number)) AS told
     WHERE m.kind = 'pattern' AND m.state = 'active' AND NOT m.is_immutable
       AND told.sources > 0 AND told.held < told.sources
       AND (NOT m.is_stale_suspect OR told.held < fewest)
     LIMIT most
$$;

GRANT SELECT ON memories_anchor, memories_patternsource TO memplatform_directory;
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'due_patterns(timestamptz, integer, integer)',
        'due_doubts(integer, integer)'
    ] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO memplatform_app', signature);
        EXECUTE format('ALTER FUNCTION %s OWNER TO memplatform_directory', signature);
    END LOOP;
END $$;

-- A pattern tells what its sources say: an erasure of one takes it along. It is in the
-- anchor of its sources, whose lock the erasure holds.
DO $$
DECLARE
    known text := pg_get_functiondef(
        'erase_subject(uuid, text, text, timestamptz, uuid, uuid, text, uuid, inet, text)'::regprocedure);
    counted constant text := '    SELECT count(*) INTO erased_memories FROM erased_memory;';
    patterns constant text := '    -- Patterns that were put together from any of them.
    INSERT INTO erased_memory
    SELECT DISTINCT p.id, p.anchor_id FROM memories_patternsource s
      JOIN memories_memory p ON p.tenant_id = s.tenant_id AND p.id = s.pattern_id
     WHERE s.tenant_id = tenant AND s.source_id IN (SELECT id FROM erased_memory)
       AND s.pattern_id NOT IN (SELECT id FROM erased_memory);
';
BEGIN
    IF position(counted IN known) = 0 THEN
        RAISE EXCEPTION 'erase_subject has no place for patterns';
    END IF;
    EXECUTE replace(known, counted, patterns || counted);
END $$;
