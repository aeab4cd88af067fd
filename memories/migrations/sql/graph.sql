-- A purge deletes what merges belong to, and an erasure the nodes it leaves unsaid.
ALTER TABLE memories_entitymerge
    DROP CONSTRAINT memories_entitymerge_kept_id_wall,
    ADD CONSTRAINT memories_entitymerge_kept_id_wall
        FOREIGN KEY (tenant_id, project_id, kept_id)
        REFERENCES memories_entity (tenant_id, project_id, id) ON DELETE CASCADE,
    DROP CONSTRAINT memories_entitymerge_absorbed_id_wall,
    ADD CONSTRAINT memories_entitymerge_absorbed_id_wall
        FOREIGN KEY (tenant_id, project_id, absorbed_id)
        REFERENCES memories_entity (tenant_id, project_id, id) ON DELETE CASCADE;

-- What each node of some anchors counts as follows from the merges that stand: rows go
-- to the node at the end of their chain. Call under the anchors' locks, in the tenant's
-- scope; only rows that are elsewhere are written.
CREATE FUNCTION regroup_entities(tenant uuid, anchors uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    nodes uuid[];
    places uuid[];
    roots uuid[];
BEGIN
    WITH RECURSIVE chain AS (
        SELECT e.id, coalesce(e.merged_into_id, e.id) AS place, e.id AS root, 0 AS depth
          FROM memories_entity e
         WHERE e.tenant_id = tenant AND e.anchor_id = ANY(anchors)
           AND (e.merged_into_id IS NOT NULL OR EXISTS (
                SELECT 1 FROM memories_entitymerge g WHERE g.tenant_id = tenant
                   AND g.absorbed_id = e.id AND g.undone_at IS NULL))
         UNION ALL
        SELECT c.id, c.place, g.kept_id, c.depth + 1 FROM chain c
          JOIN memories_entitymerge g ON g.tenant_id = tenant
               AND g.absorbed_id = c.root AND g.undone_at IS NULL
         WHERE c.depth < 1000
    ), ends AS (
        SELECT DISTINCT ON (id) id, place, root FROM chain ORDER BY id, depth DESC
    )
    SELECT array_agg(id), array_agg(place), array_agg(root)
      INTO nodes, places, roots FROM ends WHERE place <> root;
    IF nodes IS NULL THEN
        RETURN;
    END IF;
    UPDATE memories_mention n SET entity_id = c.root
      FROM unnest(nodes, roots) AS c (id, root)
     WHERE n.tenant_id = tenant AND n.said = c.id;
    UPDATE memories_relation r SET source_id = c.root
      FROM unnest(nodes, places, roots) AS c (id, place, root)
     WHERE r.tenant_id = tenant AND r.source_id = c.place AND r.source_said = c.id;
    UPDATE memories_relation r SET target_id = c.root
      FROM unnest(nodes, places, roots) AS c (id, place, root)
     WHERE r.tenant_id = tenant AND r.target_id = c.place AND r.target_said = c.id;
    UPDATE memories_entity e
       SET state = CASE WHEN c.root = e.id THEN 'active' ELSE 'merged' END,
           merged_into_id = nullif(c.root, e.id)
      FROM unnest(nodes, roots) AS c (id, root)
     WHERE e.tenant_id = tenant AND e.id = c.id;
    UPDATE memories_entity e SET aliases = coalesce((
            SELECT array_agg(DISTINCT a.name ORDER BY a.name) FROM memories_entity a
             WHERE a.tenant_id = tenant AND a.merged_into_id = e.id
               AND a.name <> e.name), '{}')
     WHERE e.tenant_id = tenant AND e.id = ANY(places || roots || nodes);
END $$;
REVOKE ALL ON FUNCTION regroup_entities(uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regroup_entities(uuid, uuid[]) TO memplatform_app;

-- Before an erasure takes what only the erased memories said, nodes that nobody else
-- names are parted from those that others do; and nothing points at an edge that goes.
ALTER FUNCTION erase_told(uuid, uuid, timestamptz) RENAME TO erase_told_and_tried;
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
REVOKE ALL ON FUNCTION erase_told(uuid, uuid, timestamptz) FROM PUBLIC;

-- Projects with memories that may be stale, for the sweep that asks a model.
CREATE FUNCTION due_suspects(most integer)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT DISTINCT m.tenant_id, m.project_id FROM memories_memory m
     WHERE m.is_stale_suspect AND m.state = 'active' LIMIT most
$$;
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['due_suspects(integer)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO memplatform_app', signature);
        EXECUTE format('ALTER FUNCTION %s OWNER TO memplatform_directory', signature);
    END LOOP;
END $$;
