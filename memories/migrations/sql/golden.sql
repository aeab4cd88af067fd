-- A purge deletes what runs belong to.
ALTER TABLE memories_goldenrun
    DROP CONSTRAINT memories_goldenrun_golden_set_id_wall,
    ADD CONSTRAINT memories_goldenrun_golden_set_id_wall
        FOREIGN KEY (tenant_id, project_id, golden_set_id)
        REFERENCES memories_goldenset (tenant_id, project_id, id) ON DELETE CASCADE;

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
GRANT SELECT ON memories_goldenset TO memplatform_directory;
REVOKE ALL ON FUNCTION due_golden_sets(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_golden_sets(timestamptz) TO memplatform_app;
ALTER FUNCTION due_golden_sets(timestamptz) OWNER TO memplatform_directory;
