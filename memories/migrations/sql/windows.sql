-- What a message says is found by its vector and its words: both go with its content.
CREATE FUNCTION memories_message_vectors_go_too() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM memories_messagevector v
    WHERE v.tenant_id = NEW.tenant_id AND v.message_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER message_vectors_go_too AFTER UPDATE OF content ON memories_message
    FOR EACH ROW WHEN (OLD.content IS NOT NULL AND NEW.content IS NULL)
    EXECUTE FUNCTION memories_message_vectors_go_too();

-- As memories_memoryvector (append_only.sql): an exact scan follows no TOAST pointer.
ALTER TABLE memories_messagevector ALTER COLUMN embedding SET STORAGE EXTERNAL;
ALTER TABLE memories_messagevector SET (toast_tuple_target = 8160);

-- A purge deletes what these belong to.
ALTER TABLE memories_messagevector
    DROP CONSTRAINT memories_messagevector_message_id_wall,
    ADD CONSTRAINT memories_messagevector_message_id_wall
        FOREIGN KEY (tenant_id, project_id, message_id)
        REFERENCES memories_message (tenant_id, project_id, id) ON DELETE CASCADE;
ALTER TABLE memories_memorysource
    DROP CONSTRAINT memories_memorysource_message_id_wall,
    ADD CONSTRAINT memories_memorysource_message_id_wall
        FOREIGN KEY (tenant_id, project_id, message_id)
        REFERENCES memories_message (tenant_id, project_id, id) ON DELETE CASCADE,
    DROP CONSTRAINT memories_memorysource_memory_id_wall,
    ADD CONSTRAINT memories_memorysource_memory_id_wall
        FOREIGN KEY (tenant_id, project_id, memory_id)
        REFERENCES memories_memory (tenant_id, project_id, id) ON DELETE CASCADE;

-- What was learned before: its events say from which messages.
INSERT INTO memories_memorysource
    (id, tenant_id, project_id, anchor_id, memory_id, message_id)
SELECT gen_random_uuid(), g.tenant_id, g.project_id, m.anchor_id, m.id, g.id
  FROM memories_memoryevent e
  JOIN memories_memory m ON m.tenant_id = e.tenant_id AND m.id = e.memory_id
  JOIN memories_message g ON g.tenant_id = e.tenant_id AND g.id = ANY(e.message_ids)
 WHERE e.kind IN ('ADD', 'UPDATE', 'MERGE', 'QUARANTINE')
ON CONFLICT DO NOTHING;

-- What was said before is embedded by the worker, space by space; the sweep wakes it.
INSERT INTO memories_operation
    (id, tenant_id, project_id, kind, status, payload, results, attempts, lease_token,
     request_id, created_at, updated_at)
SELECT gen_random_uuid(), s.tenant_id, s.project_id, 'REEMBED', 'PENDING',
       jsonb_build_object('space_id', s.id), '[]', 0, 0, '', now(), now()
  FROM memories_embeddingspace s
 WHERE s.state = 'active'
   AND EXISTS (SELECT 1 FROM memories_message g
                WHERE g.tenant_id = s.tenant_id AND g.project_id = s.project_id)
   AND NOT EXISTS (SELECT 1 FROM memories_operation o
                    WHERE o.tenant_id = s.tenant_id AND o.project_id = s.project_id
                      AND o.kind = 'REEMBED' AND o.status IN ('PENDING', 'RUNNING'));
