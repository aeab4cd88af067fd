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
GRANT SELECT ON memories_profile, memories_subject TO memplatform_directory;
REVOKE ALL ON FUNCTION due_profiles(timestamptz, interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_profiles(timestamptz, interval, integer) TO memplatform_app;
ALTER FUNCTION due_profiles(timestamptz, interval, integer) OWNER TO memplatform_directory;
