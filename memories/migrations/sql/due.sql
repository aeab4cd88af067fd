-- Sweeps run without a tenant: these return keys only, never content.
-- An unfinished operation is due as soon as its runner's lease, or its pause, is over;
-- else when nobody has woken it lately; the older it is the more patient the sweep, so
-- that a long queue is not woken again and again (decision 20). Only the oldest of an
-- anchor may run, and what is verbatim.
CREATE FUNCTION due_operations(at timestamptz, patience interval, most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT o.tenant_id, o.id
    FROM memories_operation o
    WHERE o.status IN ('PENDING', 'RUNNING')
      AND (o.status = 'PENDING' OR o.lease_until < at)
      AND (o.next_attempt_at IS NULL OR o.next_attempt_at <= at)
      AND (o.woken_at IS NULL
           OR o.woken_at < at - greatest(patience, (at - o.created_at) / 4)
           OR (o.next_attempt_at IS NOT NULL AND o.woken_at < o.next_attempt_at)
           OR (o.status = 'RUNNING' AND o.woken_at < o.lease_until))
      AND (o.payload -> 'infer' = 'false' OR NOT EXISTS (
          SELECT 1 FROM memories_operation older
          WHERE older.tenant_id = o.tenant_id AND older.anchor_id = o.anchor_id
            AND older.seq < o.seq AND older.status IN ('PENDING', 'RUNNING')))
    ORDER BY o.woken_at NULLS FIRST
    LIMIT most
$$;

CREATE FUNCTION due_outbox(at timestamptz, most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT o.tenant_id, o.id FROM memories_outbox o
    WHERE o.handled_at IS NULL AND o.created_at <= at
    ORDER BY o.created_at LIMIT most
$$;

-- One event for each day a memory was given; a change that leaves the day is none.
CREATE FUNCTION due_expiries(today date, most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT m.tenant_id, m.id FROM memories_memory m
    WHERE m.expires_on < today AND m.state IN ('active', 'superseded')
      AND NOT EXISTS (
          SELECT 1 FROM memories_memoryevent e
          JOIN memories_memoryversion v ON v.tenant_id = e.tenant_id
              AND v.memory_id = e.memory_id AND v.number = e.new_number
          WHERE e.tenant_id = m.tenant_id AND e.memory_id = m.id
            AND e.kind = 'EXPIRE' AND v.expires_on = m.expires_on)
    LIMIT most
$$;

CREATE FUNCTION due_projects(most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.tenant_id, p.id FROM tenants_project p LIMIT most
$$;

GRANT SELECT ON memories_operation, memories_outbox, memories_memory,
    memories_memoryevent, tenants_project TO memplatform_directory;
GRANT SELECT (tenant_id, memory_id, number, expires_on) ON memories_memoryversion
    TO memplatform_directory;

DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'due_operations(timestamptz, interval, integer)',
        'due_outbox(timestamptz, integer)',
        'due_expiries(date, integer)',
        'due_projects(integer)'
    ] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO memplatform_app', signature);
        EXECUTE format('ALTER FUNCTION %s OWNER TO memplatform_directory', signature);
    END LOOP;
END $$;
