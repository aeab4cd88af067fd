-- Privacy erasure of one subject: every text, vector, message, summary, graph fact and
-- model reply that came from it goes; contentless tombstone events stay. Ids that named
-- the subject become a pseudonym, so that a search by its old name finds nothing; the
-- barrier keeps a hash of the name, for adds that are still being accepted.
-- Only what was accepted up to the erasure's own acceptance goes: the name may have come
-- back since, and then its subject and its anchors live on.
-- The caller must be in the tenant's own scope: the function checks it.
CREATE FUNCTION erase_subject(
    project uuid, subject_kind text, external_id text, accepted timestamptz,
    barrier uuid, audit uuid, actor_kind text, actor uuid, address inet, request text
) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    key_project uuid := NULLIF(current_setting('app.project_id', true), '')::uuid;
    key text := subject_kind || '_id';
    subject uuid;
    pseudonym text;
    erased_memories integer;
    erased_messages integer;
    is_back boolean;
BEGIN
    IF tenant IS NULL OR (key_project IS NOT NULL AND key_project <> project) THEN
        RAISE EXCEPTION 'erase_subject needs the open scope of its own tenant'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF subject_kind NOT IN ('user', 'agent', 'app', 'run') THEN
        RAISE EXCEPTION 'unknown kind of subject: %', subject_kind;
    END IF;
    -- One order of locks for everybody: deletes of the project, anchors, operations,
    -- subjects. Nothing may be applied to these anchors meanwhile.
    PERFORM pg_advisory_xact_lock(hashtextextended(project::text, 0));
    EXECUTE format(
        'SELECT 1 FROM memories_anchor a WHERE a.tenant_id = $1 AND a.project_id = $2
            AND (a.id IN (SELECT anchor_id FROM memories_memory m
                          WHERE m.tenant_id = $1 AND m.project_id = $2 AND m.%1$I = $3)
                 OR a.id IN (SELECT anchor_id FROM memories_operation o
                          WHERE o.tenant_id = $1 AND o.project_id = $2 AND o.%1$I = $3))
         ORDER BY a.id FOR UPDATE', key) USING tenant, project, external_id;
    CREATE TEMPORARY TABLE erased_operation ON COMMIT DROP AS SELECT NULL::uuid AS id LIMIT 0;
    EXECUTE format(
        'INSERT INTO erased_operation SELECT o.id FROM memories_operation o
          WHERE o.tenant_id = $1 AND o.project_id = $2 AND o.%I = $3
            AND o.created_at <= $4
            -- An erasure that is asked for needs the name until it has run.
            AND NOT (o.kind = ''DELETE_USER'' AND o.status IN (''PENDING'', ''RUNNING''))',
        key) USING tenant, project, external_id, accepted;

    -- Memories of the subject, and those of others that took over its words: an anchor
    -- spans runs, so what was said in one run may have changed a memory of another.
    CREATE TEMPORARY TABLE erased_memory ON COMMIT DROP AS SELECT NULL::uuid AS id, NULL::uuid AS anchor_id LIMIT 0;
    EXECUTE format(
        'INSERT INTO erased_memory SELECT m.id, m.anchor_id FROM memories_memory m
          WHERE m.tenant_id = $1 AND m.project_id = $2
            AND (m.%I = $3 AND m.accepted_at <= $4 OR m.id IN (
                SELECT v.memory_id FROM memories_memoryevent v
                 WHERE v.tenant_id = $1 AND v.kind IN (''ADD'', ''UPDATE'', ''MERGE'')
                   AND v.operation_id IN (SELECT id FROM erased_operation)))', key)
        USING tenant, project, external_id, accepted;
    -- Patterns that were put together from any of them tell what those say. They are in
    -- the anchors of their sources, whose locks this holds.
    INSERT INTO erased_memory
    SELECT DISTINCT p.id, p.anchor_id FROM memories_patternsource s
      JOIN memories_memory p ON p.tenant_id = s.tenant_id AND p.id = s.pattern_id
     WHERE s.tenant_id = tenant AND s.source_id IN (SELECT id FROM erased_memory)
       AND s.pattern_id NOT IN (SELECT id FROM erased_memory);
    SELECT count(*) INTO erased_memories FROM erased_memory;

    -- Adds that came later to the same anchors were shown what was said: what models
    -- were asked for them, and the reasons given, may quote it.
    CREATE TEMPORARY TABLE quoting_operation ON COMMIT DROP AS SELECT NULL::uuid AS id LIMIT 0;
    EXECUTE format(
        'INSERT INTO quoting_operation
         SELECT id FROM erased_operation
         UNION SELECT o.id FROM memories_operation o JOIN (
             SELECT said.anchor_id, min(said.at) AS first FROM (
                 SELECT p.anchor_id, p.created_at AS at FROM memories_operation p
                  WHERE p.tenant_id = $1 AND p.project_id = $2 AND p.%1$I = $3
                 UNION ALL SELECT m.anchor_id, m.accepted_at FROM memories_memory m
                  WHERE m.tenant_id = $1 AND m.project_id = $2 AND m.%1$I = $3) AS said
              GROUP BY said.anchor_id) AS since ON since.anchor_id = o.anchor_id
          WHERE o.tenant_id = $1 AND o.created_at >= since.first', key)
        USING tenant, project, external_id;

    PERFORM 1 FROM memories_operation o
      WHERE o.tenant_id = tenant AND o.id IN (SELECT id FROM quoting_operation)
      ORDER BY o.id FOR UPDATE;
    PERFORM 1 FROM memories_subject s
      WHERE s.tenant_id = tenant AND s.project_id = project
        AND (s.kind, s.external_id) IN (
            SELECT other.kind, other.name FROM memories_memory m
              JOIN erased_memory e ON e.id = m.id
              CROSS JOIN LATERAL (VALUES ('user', m.user_id), ('agent', m.agent_id),
                                         ('app', m.app_id), ('run', m.run_id)
                                 ) AS other (kind, name)
             WHERE m.tenant_id = tenant)
      ORDER BY s.kind COLLATE "C", s.external_id COLLATE "C" FOR UPDATE;
    SELECT s.id INTO subject FROM memories_subject s
     WHERE s.tenant_id = tenant AND s.project_id = project
       AND s.kind = subject_kind AND s.external_id = erase_subject.external_id
       FOR UPDATE;
    pseudonym := 'erased-' || audit::text;  -- a subject may be erased twice

    -- Older barriers that name the subject are within this one.
    DELETE FROM memories_deletebarrier b
     WHERE b.tenant_id = tenant AND b.project_id = project
       AND b.pattern ->> key = erase_subject.external_id AND b.accepted_at <= accepted;
    INSERT INTO memories_deletebarrier (id, tenant_id, project_id, pattern, accepted_at)
    VALUES (barrier, tenant, project, jsonb_build_object(
        key || '_sha256', encode(sha256(convert_to(external_id, 'UTF8')), 'hex')), accepted);

    -- Counts of the other subjects these memories belonged to.
    UPDATE memories_subject s
       SET memory_count = s.memory_count - gone.memories,
           expiring_count = s.expiring_count - gone.expiring
      FROM (SELECT other.kind, other.name, count(*) AS memories,
                   count(m.expires_on) AS expiring
              FROM memories_memory m
              JOIN erased_memory e ON e.id = m.id
              CROSS JOIN LATERAL (VALUES ('user', m.user_id), ('agent', m.agent_id),
                                         ('app', m.app_id), ('run', m.run_id)
                                 ) AS other (kind, name)
             WHERE m.tenant_id = tenant AND m.state IN ('active', 'superseded')
               AND other.name IS NOT NULL
             GROUP BY other.kind, other.name) AS gone
     WHERE s.tenant_id = tenant AND s.project_id = project
       AND s.kind = gone.kind AND s.external_id = gone.name;

    INSERT INTO memories_memoryevent
        (id, tenant_id, project_id, memory_id, kind, old_number, new_number, actor_kind,
         actor_id, message_ids, reason, at)
    SELECT gen_random_uuid(), tenant, project, m.id, 'ERASE', m.number, NULL, actor_kind,
           actor, '{}', '', accepted
      FROM memories_memory m JOIN erased_memory e ON e.id = m.id
     WHERE m.tenant_id = tenant;

    -- Reasons may quote a message.
    UPDATE memories_memoryevent v SET reason = ''
     WHERE v.tenant_id = tenant AND v.reason <> ''
       AND (v.memory_id IN (SELECT id FROM erased_memory)
            OR v.operation_id IN (SELECT id FROM quoting_operation));
    DELETE FROM memories_memoryvector v USING erased_memory e
     WHERE v.tenant_id = tenant AND v.memory_id = e.id;
    UPDATE memories_memoryversion v SET text = NULL, metadata = NULL, categories = NULL
      FROM erased_memory e WHERE v.tenant_id = tenant AND v.memory_id = e.id;
    UPDATE memories_feedback f SET reason = NULL
      FROM erased_memory e WHERE f.tenant_id = tenant AND f.memory_id = e.id;

    -- What was to be told of them (erase_told.sql), and exports, which may hold anything.
    PERFORM erase_told(tenant, project, accepted);
    UPDATE memories_export x SET data = NULL, filters = NULL, error = ''
     WHERE x.tenant_id = tenant AND x.project_id = project AND x.created_at <= accepted;

    -- Graph: what only these memories supported goes with them; an edge that another
    -- memory asserts too speaks that one's words.
    DELETE FROM memories_mention n USING erased_memory e
     WHERE n.tenant_id = tenant AND n.memory_id = e.id;
    DELETE FROM memories_relationsupport r USING erased_memory e
     WHERE r.tenant_id = tenant AND r.memory_id = e.id;
    DELETE FROM memories_relation r
     WHERE r.tenant_id = tenant AND r.project_id = project
       AND r.anchor_id IN (SELECT anchor_id FROM erased_memory)
       AND NOT EXISTS (SELECT 1 FROM memories_relationsupport s
                        WHERE s.tenant_id = tenant AND s.relation_id = r.id);
    UPDATE memories_relation r SET fact = (
            SELECT v.text FROM memories_relationsupport s
              JOIN memories_memoryversion v ON v.tenant_id = tenant
                   AND v.memory_id = s.memory_id AND v.number = s.number
             WHERE s.tenant_id = tenant AND s.relation_id = r.id
             ORDER BY s.created_at, s.id LIMIT 1)
     WHERE r.tenant_id = tenant AND r.project_id = project
       AND r.anchor_id IN (SELECT anchor_id FROM erased_memory);
    DELETE FROM memories_entity n
     WHERE n.tenant_id = tenant AND n.project_id = project
       AND n.anchor_id IN (SELECT anchor_id FROM erased_memory)
       AND NOT EXISTS (SELECT 1 FROM memories_mention m
                        WHERE m.tenant_id = tenant AND m.entity_id = n.id)
       AND NOT EXISTS (SELECT 1 FROM memories_relation r
                        WHERE r.tenant_id = tenant
                          AND (r.source_id = n.id OR r.target_id = n.id));

    -- Messages, model calls, ledgers and payloads of its requests.
    UPDATE memories_message g SET content = NULL, name = NULL, attachments = NULL
      FROM memories_ingestion i
     WHERE g.tenant_id = tenant AND i.tenant_id = tenant AND g.ingestion_id = i.id
       AND i.operation_id IN (SELECT id FROM erased_operation);
    GET DIAGNOSTICS erased_messages = ROW_COUNT;
    UPDATE memories_ingestion i
       SET ledger = CASE WHEN i.ledger = '{}' THEN i.ledger ELSE i.ledger
               || jsonb_build_object('messages', (
                      SELECT coalesce(jsonb_agg(x || '{"reason": ""}'), '[]')
                        FROM jsonb_array_elements(i.ledger -> 'messages') x))
               || jsonb_build_object('facts', (
                      SELECT coalesce(jsonb_agg(x || '{"reason": "", "note": ""}'), '[]')
                        FROM jsonb_array_elements(i.ledger -> 'facts') x)) END
     WHERE i.tenant_id = tenant
       AND i.operation_id IN (SELECT id FROM quoting_operation);
    UPDATE memories_ingestion i SET metadata = NULL, options = '{}', session_key = NULL
     WHERE i.tenant_id = tenant
       AND i.operation_id IN (SELECT id FROM erased_operation);
    UPDATE memories_llmcall c SET request = NULL, reply = NULL, error = ''
     WHERE c.tenant_id = tenant
       AND c.operation_id IN (SELECT id FROM quoting_operation);
    DELETE FROM memories_conversationsummary c
     WHERE c.tenant_id = tenant AND c.project_id = project
       AND c.anchor_id IN (
           SELECT anchor_id FROM erased_memory
           UNION SELECT anchor_id FROM memories_operation o
                  WHERE o.tenant_id = tenant AND o.id IN (SELECT id FROM erased_operation)
                    AND anchor_id IS NOT NULL);
    -- Who was shown it and still thinks has lost its lease: the add runs again, without.
    UPDATE memories_operation o
       SET status = 'PENDING', lease_until = NULL, lease_token = o.lease_token + 1,
           woken_at = NULL, updated_at = accepted
     WHERE o.tenant_id = tenant AND o.status = 'RUNNING' AND o.kind = 'ADD'
       AND o.id IN (SELECT id FROM quoting_operation
                    EXCEPT SELECT id FROM erased_operation);
    -- What was not processed yet will not be: its runner, if any, has lost its lease.
    UPDATE memories_ingestion i
       SET ledger = jsonb_build_object(
               'engine', coalesce(i.engine, ''), 'facts', '[]'::jsonb,
               'messages', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                'id', g.id, 'outcome', 'failed', 'reason', 'erased')
                                ORDER BY g.position), '[]')
                              FROM memories_message g
                             WHERE g.tenant_id = tenant AND g.ingestion_id = i.id),
               'totals', jsonb_build_object('facts', '{}'::jsonb, 'messages', (
                   SELECT count(*) FROM memories_message g
                    WHERE g.tenant_id = tenant AND g.ingestion_id = i.id)))
      FROM memories_operation o
     WHERE i.tenant_id = tenant AND o.tenant_id = tenant AND i.operation_id = o.id
       AND o.id IN (SELECT id FROM erased_operation)
       AND o.status IN ('PENDING', 'RUNNING');
    UPDATE memories_operation o
       SET status = 'FAILED', error_code = 'erased', lease_until = NULL,
           lease_token = o.lease_token + 1, next_attempt_at = NULL,
           completed_at = accepted, updated_at = accepted
     WHERE o.tenant_id = tenant AND o.id IN (SELECT id FROM erased_operation)
       AND o.status IN ('PENDING', 'RUNNING');
    UPDATE memories_operation o
       SET payload = '{}', error = NULL,
           -- What failed before has nothing left to be tried again on.
           error_code = CASE o.status WHEN 'FAILED' THEN 'erased' ELSE o.error_code END,
           results = (SELECT coalesce(jsonb_agg(r - 'memory' - 'data'), '[]')
                        FROM jsonb_array_elements(o.results) r)
     WHERE o.tenant_id = tenant AND o.id IN (SELECT id FROM erased_operation);
    DELETE FROM memories_idempotencyrecord r
     WHERE r.tenant_id = tenant AND r.operation_id IN (SELECT id FROM erased_operation);

    -- The heads, and at last the name itself.
    UPDATE memories_memory m
       SET text = NULL, metadata = NULL, categories = NULL, search = NULL,
           text_hash = NULL, speaker = NULL, state = 'deleted', updated_at = accepted
      FROM erased_memory e WHERE m.tenant_id = tenant AND m.id = e.id;
    EXECUTE format('UPDATE memories_memory SET %1$I = $4 WHERE tenant_id = $1
        AND project_id = $2 AND %1$I = $3 AND accepted_at <= $5', key)
        USING tenant, project, external_id, pseudonym, accepted;
    EXECUTE format('UPDATE memories_operation SET %1$I = $4 WHERE tenant_id = $1
        AND project_id = $2 AND %1$I = $3 AND id IN (SELECT id FROM erased_operation)', key)
        USING tenant, project, external_id, pseudonym;
    UPDATE memories_message
       SET session_key = NULL, run_id = CASE subject_kind WHEN 'run' THEN pseudonym ELSE run_id END
     WHERE tenant_id = tenant
       AND ingestion_id IN (SELECT i.id FROM memories_ingestion i
                             WHERE i.tenant_id = tenant AND i.operation_id IN (
                                 SELECT id FROM erased_operation));
    IF subject_kind <> 'run' THEN
        EXECUTE format('UPDATE memories_anchor a SET %1$I = $4 WHERE a.tenant_id = $1
            AND a.project_id = $2 AND a.%1$I = $3
            AND NOT EXISTS (SELECT 1 FROM memories_operation o WHERE o.tenant_id = $1
                            AND o.anchor_id = a.id AND o.created_at > $5)
            AND NOT EXISTS (SELECT 1 FROM memories_memory m WHERE m.tenant_id = $1
                            AND m.anchor_id = a.id AND m.accepted_at > $5)', key)
            USING tenant, project, external_id, pseudonym, accepted;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM memories_memory m WHERE m.tenant_id = $1
        AND m.project_id = $2 AND m.%I = $3)', key)
        INTO is_back USING tenant, project, external_id;
    DELETE FROM memories_subject s
     WHERE s.tenant_id = tenant AND s.id = subject AND NOT is_back
       AND (s.declared_at IS NULL OR s.declared_at <= accepted);
    UPDATE memories_subject s
       SET created_at = greatest(s.created_at, accepted),
           metadata = CASE WHEN s.declared_at > accepted THEN s.metadata END,
           display_name = CASE WHEN s.declared_at > accepted THEN s.display_name END,
           declared_at = CASE WHEN s.declared_at > accepted THEN s.declared_at END
     WHERE s.tenant_id = tenant AND s.id = subject;

    INSERT INTO tenants_auditentry
        (id, tenant_id, project_id, actor_kind, actor_id, action, object_type, object_id,
         changes, address, request_id, at)
    VALUES (audit, tenant, project, actor_kind, actor, 'erase_subject', 'subject',
            coalesce(subject::text, pseudonym),
            jsonb_build_object('memories', erased_memories, 'messages', erased_messages),
            address, request, accepted);
    DROP TABLE erased_memory, erased_operation, quoting_operation;
    RETURN jsonb_build_object('memories', erased_memories, 'messages', erased_messages);
END $$;

REVOKE ALL ON FUNCTION erase_subject(uuid, text, text, timestamptz, uuid, uuid, text, uuid, inet, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_subject(uuid, text, text, timestamptz, uuid, uuid, text, uuid, inet, text) TO memplatform_app;
