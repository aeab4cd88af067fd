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
