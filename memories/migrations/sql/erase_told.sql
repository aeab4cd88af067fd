-- What came of erased memories and adds elsewhere: parts of erase_subject, whose
-- temporary tables they read. Each begins with the one above it.

-- What was told, or was to be told, of them. Who has copies of them is told that they
-- are gone.
CREATE FUNCTION erase_told_to_others(tenant uuid, project uuid, accepted timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- Whoever makes deliveries of these has done so, or comes after us and finds no text.
    PERFORM 1 FROM memories_outbox o
      WHERE o.tenant_id = tenant AND o.project_id = project
        AND ((o.payload ->> 'memory_id')::uuid IN (SELECT id FROM erased_memory)
             OR (o.payload ->> 'operation_id')::uuid IN (SELECT id FROM quoting_operation))
      ORDER BY o.id FOR UPDATE;
    UPDATE memories_delivery d
       SET body = NULL, response_body = NULL, error = '',
           status = CASE d.status WHEN 'pending' THEN 'cancelled' ELSE d.status END
      FROM memories_outbox o
     WHERE d.tenant_id = tenant AND o.tenant_id = tenant AND d.outbox_id = o.id
       AND o.project_id = project
       AND ((o.payload ->> 'memory_id')::uuid IN (SELECT id FROM erased_memory)
            OR (o.payload ->> 'operation_id')::uuid IN (SELECT id FROM quoting_operation));
    INSERT INTO memories_outbox (id, tenant_id, project_id, topic, payload, created_at)
    SELECT gen_random_uuid(), tenant, project, 'memory_delete',
           jsonb_build_object('memory_id', m.id, 'number', m.number), accepted
      FROM memories_memory m JOIN erased_memory e ON e.id = m.id
     WHERE m.tenant_id = tenant AND m.state <> 'deleted'
       AND EXISTS (SELECT 1 FROM memories_webhook w
                    WHERE w.tenant_id = tenant AND w.project_id = project
                      AND w.is_active AND 'memory_delete' = ANY (w.event_types));
    INSERT INTO memories_outbox (id, tenant_id, project_id, topic, payload, created_at)
    SELECT gen_random_uuid(), tenant, project, 'ingest_job_cancelled',
           jsonb_build_object('operation_id', o.id), accepted
      FROM memories_operation o
     WHERE o.tenant_id = tenant AND o.id IN (SELECT id FROM erased_operation)
       AND o.kind = 'ADD' AND o.status IN ('PENDING', 'RUNNING')
       AND EXISTS (SELECT 1 FROM memories_webhook w
                    WHERE w.tenant_id = tenant AND w.project_id = project
                      AND w.is_active AND 'ingest_job_cancelled' = ANY (w.event_types));
END $$;

-- What replays made of erased adds, and of those that were shown them. One that is still
-- waiting for its turn gets none.
CREATE FUNCTION erase_told_and_tried(tenant uuid, project uuid, accepted timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM erase_told_to_others(tenant, project, accepted);
    UPDATE memories_prompttrial t
       SET decisions = NULL,
           outcome = CASE t.outcome WHEN 'waiting' THEN 'erased' ELSE t.outcome END
      FROM memories_ingestion i
     WHERE t.tenant_id = tenant AND t.project_id = project
       AND i.tenant_id = tenant AND t.ingestion_id = i.id
       AND i.operation_id IN (SELECT id FROM quoting_operation);
END $$;

-- Before an erasure takes what only the erased memories said, nodes that nobody else
-- names are parted from those that others do; and nothing points at an edge that goes.
CREATE FUNCTION erase_told(tenant uuid, project uuid, accepted timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    anchors uuid[] := ARRAY(SELECT DISTINCT anchor_id FROM erased_memory);
BEGIN
    PERFORM erase_told_and_tried(tenant, project, accepted);
    DELETE FROM memories_mention n USING erased_memory e
     WHERE n.tenant_id = tenant AND n.memory_id = e.id;
    DELETE FROM memories_relationsupport r USING erased_memory e
     WHERE r.tenant_id = tenant AND r.memory_id = e.id;
    UPDATE memories_relation r SET replaced_by_id = NULL
     WHERE r.tenant_id = tenant AND r.anchor_id = ANY(anchors)
       AND r.replaced_by_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM memories_relationsupport s
                        WHERE s.tenant_id = tenant
                          AND s.relation_id = r.replaced_by_id);
    DELETE FROM memories_relation r
     WHERE r.tenant_id = tenant AND r.project_id = project
       AND r.anchor_id = ANY(anchors)
       AND NOT EXISTS (SELECT 1 FROM memories_relationsupport s
                        WHERE s.tenant_id = tenant AND s.relation_id = r.id);
    CREATE TEMPORARY TABLE unsaid ON COMMIT DROP AS
    SELECT n.id FROM memories_entity n
     WHERE n.tenant_id = tenant AND n.anchor_id = ANY(anchors)
       AND NOT EXISTS (SELECT 1 FROM memories_mention m
                        WHERE m.tenant_id = tenant AND m.said = n.id)
       AND NOT EXISTS (SELECT 1 FROM memories_relation r
                        WHERE r.tenant_id = tenant AND r.anchor_id = n.anchor_id
                          AND (r.source_said = n.id OR r.target_said = n.id));
    DELETE FROM memories_entitymerge g USING unsaid u
     WHERE g.tenant_id = tenant AND (g.kept_id = u.id OR g.absorbed_id = u.id);
    PERFORM regroup_entities(tenant, anchors);
    DROP TABLE unsaid;
END $$;

REVOKE ALL ON FUNCTION erase_told_to_others(uuid, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION erase_told_and_tried(uuid, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION erase_told(uuid, uuid, timestamptz) FROM PUBLIC;
