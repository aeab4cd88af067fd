-- Webhooks with something to deliver now: keys only (decision 2). One that fails pauses;
-- one that was woken lately is left to whom it woke.
CREATE FUNCTION due_webhooks(at timestamptz, patience interval, most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT w.tenant_id, w.id
    FROM memories_webhook w
    JOIN tenants_tenant t ON t.id = w.tenant_id AND t.status = 'active'
    JOIN tenants_project p ON p.tenant_id = w.tenant_id AND p.id = w.project_id
    WHERE w.is_active AND p.deleted_at IS NULL
      AND (w.paused_until IS NULL OR w.paused_until <= at)
      AND (w.woken_at IS NULL OR w.woken_at < at - patience)
      AND EXISTS (
          SELECT 1 FROM memories_delivery d
          WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id
            AND d.status = 'pending' AND d.next_attempt_at <= at
            AND (d.lease_until IS NULL OR d.lease_until < at))
    ORDER BY w.woken_at NULLS FIRST
    LIMIT most
$$;
REVOKE ALL ON FUNCTION due_webhooks(timestamptz, interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_webhooks(timestamptz, interval, integer) TO memplatform_app;
ALTER FUNCTION due_webhooks(timestamptz, interval, integer) OWNER TO memplatform_directory;

GRANT SELECT (id, status) ON tenants_tenant TO memplatform_directory;
GRANT SELECT (tenant_id, id, project_id, is_active, paused_until, woken_at)
    ON memories_webhook TO memplatform_directory;
GRANT SELECT (tenant_id, webhook_id, status, next_attempt_at, lease_until)
    ON memories_delivery TO memplatform_directory;

-- What was told, or was to be told, of erased memories and adds: a part of erase_subject,
-- whose temporary tables it reads. Who has copies of them is told that they are gone.
CREATE FUNCTION erase_told(tenant uuid, project uuid, accepted timestamptz) RETURNS void
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
REVOKE ALL ON FUNCTION erase_told(uuid, uuid, timestamptz) FROM PUBLIC;
