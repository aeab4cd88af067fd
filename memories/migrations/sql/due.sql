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

-- Projects with memories that wait for their categories, and nobody at work on them.
CREATE FUNCTION due_categories(at timestamptz, most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT u.tenant_id, u.project_id
    FROM memories_uncategorized u
    WHERE u.due_at <= at
    GROUP BY u.tenant_id, u.project_id
    HAVING NOT EXISTS (
        SELECT 1 FROM memories_uncategorized held
        WHERE held.tenant_id = u.tenant_id AND held.project_id = u.project_id
          AND held.lease_until > at)
    ORDER BY min(u.due_at) LIMIT most
$$;

-- Users of whose memories enough have changed since their profile was last asked for:
-- subjects that were active lately, in projects that want it. A job that failed has
-- been asked for as well, so that it is not tried again before more has changed.
CREATE FUNCTION due_profiles(at timestamptz, lately interval, most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.tenant_id, s.id
      FROM tenants_project p
      CROSS JOIN LATERAL (SELECT coalesce(
          (p.settings ->> 'profile_refresh_memories')::integer, 10) AS changes) AS wanted
      JOIN memories_subject s
        ON s.tenant_id = p.tenant_id AND s.project_id = p.id AND s.kind = 'user'
       AND s.last_active_at >= at - lately AND s.memory_count > 0
      LEFT JOIN memories_profile f
        ON f.tenant_id = s.tenant_id AND f.project_id = s.project_id
       AND f.user_id = s.external_id
     WHERE p.settings -> 'profiles_enabled' = 'true' AND p.deleted_at IS NULL
       AND wanted.changes > 0
       AND (f.id IS NOT NULL OR s.memory_count >= wanted.changes)
       AND (f.asked_at IS NULL OR s.last_active_at > f.asked_at)
       AND NOT EXISTS (SELECT 1 FROM memories_operation o
                        WHERE o.tenant_id = f.tenant_id AND o.id = f.operation_id
                          AND o.status IN ('PENDING', 'RUNNING'))
       AND wanted.changes <= (SELECT count(*) FROM (
               SELECT 1 FROM memories_memory m
                WHERE m.tenant_id = s.tenant_id AND m.project_id = s.project_id
                  AND m.user_id = s.external_id
                  AND (f.asked_at IS NULL OR m.updated_at > f.asked_at)
                LIMIT wanted.changes) AS changed)
     LIMIT most
$$;

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

-- Projects with memories that may be stale, for the sweep that asks a model.
CREATE FUNCTION due_suspects(most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT DISTINCT m.tenant_id, m.project_id FROM memories_memory m
     WHERE m.is_stale_suspect AND m.state = 'active' LIMIT most
$$;

-- Sets whose time has come, in projects that are there.
CREATE FUNCTION due_golden_sets(at timestamptz)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT g.tenant_id, g.id
      FROM memories_goldenset g
      JOIN tenants_project p ON p.tenant_id = g.tenant_id AND p.id = g.project_id
     WHERE g.next_run_at <= at AND p.deleted_at IS NULL
     ORDER BY g.next_run_at
     LIMIT 100
$$;

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

GRANT SELECT ON tenants_project, memories_anchor, memories_goldenset, memories_memory,
    memories_memoryevent, memories_operation, memories_outbox, memories_patternsource,
    memories_profile, memories_subject TO memplatform_directory;
GRANT SELECT (id, status) ON tenants_tenant TO memplatform_directory;
GRANT SELECT (tenant_id, webhook_id, status, next_attempt_at, lease_until)
    ON memories_delivery TO memplatform_directory;
GRANT SELECT (tenant_id, memory_id, number, expires_on)
    ON memories_memoryversion TO memplatform_directory;
GRANT SELECT (tenant_id, project_id, due_at, lease_until)
    ON memories_uncategorized TO memplatform_directory;
GRANT SELECT (tenant_id, id, project_id, is_active, paused_until, woken_at)
    ON memories_webhook TO memplatform_directory;

DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'due_operations(timestamptz, interval, integer)',
        'due_outbox(timestamptz, integer)',
        'due_expiries(date, integer)',
        'due_projects(integer)',
        'due_categories(timestamptz, integer)',
        'due_profiles(timestamptz, interval, integer)',
        'due_patterns(timestamptz, integer, integer)',
        'due_doubts(integer, integer)',
        'due_suspects(integer)',
        'due_golden_sets(timestamptz)',
        'due_webhooks(timestamptz, interval, integer)'
    ] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO memplatform_app', signature);
        EXECUTE format('ALTER FUNCTION %s OWNER TO memplatform_directory', signature);
    END LOOP;
END $$;
