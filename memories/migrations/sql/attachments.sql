-- What a message brought is erased, and its days are over, together with its words.
CREATE FUNCTION memories_attachments_go_too() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM memories_attachment a
    WHERE a.tenant_id = NEW.tenant_id AND a.ingestion_id = NEW.ingestion_id
      AND a.position = NEW.position;
    RETURN NULL;
END $$;

CREATE TRIGGER attachments_go_too AFTER UPDATE OF content ON memories_message
    FOR EACH ROW WHEN (OLD.content IS NOT NULL AND NEW.content IS NULL)
    EXECUTE FUNCTION memories_attachments_go_too();

-- A purge deletes what these belong to.
ALTER TABLE memories_attachment
    DROP CONSTRAINT memories_attachment_ingestion_id_wall,
    ADD CONSTRAINT memories_attachment_ingestion_id_wall
        FOREIGN KEY (tenant_id, project_id, ingestion_id)
        REFERENCES memories_ingestion (tenant_id, project_id, id) ON DELETE CASCADE;
ALTER TABLE memories_uncategorized
    DROP CONSTRAINT memories_uncategorized_memory_id_wall,
    ADD CONSTRAINT memories_uncategorized_memory_id_wall
        FOREIGN KEY (tenant_id, project_id, memory_id)
        REFERENCES memories_memory (tenant_id, project_id, id) ON DELETE CASCADE,
    DROP CONSTRAINT memories_uncategorized_operation_id_wall,
    ADD CONSTRAINT memories_uncategorized_operation_id_wall
        FOREIGN KEY (tenant_id, project_id, operation_id)
        REFERENCES memories_operation (tenant_id, project_id, id) ON DELETE CASCADE;

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
GRANT SELECT (tenant_id, project_id, due_at, lease_until) ON memories_uncategorized
    TO memplatform_directory;
REVOKE ALL ON FUNCTION due_categories(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_categories(timestamptz, integer) TO memplatform_app;
ALTER FUNCTION due_categories(timestamptz, integer) OWNER TO memplatform_directory;
