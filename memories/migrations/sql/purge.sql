-- Every memory, message and trace of one project, children first. Its keys, members and
-- its own row are the tenants application's, which calls this through its registry.
CREATE FUNCTION purge_project(
    project uuid, audit uuid, actor_kind text, actor uuid, at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    key_project uuid := NULLIF(current_setting('app.project_id', true), '')::uuid;
    child text;
BEGIN
    IF tenant IS NULL OR (key_project IS NOT NULL AND key_project <> project) THEN
        RAISE EXCEPTION 'purge_project needs the open scope of its own tenant'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOREACH child IN ARRAY ARRAY[
        'memories_delivery', 'memories_webhook', 'memories_outbox', 'memories_export',
        'memories_mention', 'memories_relationsupport', 'memories_relation',
        'memories_entity', 'memories_memoryvector', 'memories_feedback',
        'memories_memoryuse', 'memories_memoryevent', 'memories_memoryversion',
        'memories_memory', 'memories_idempotencyrecord', 'memories_deletebarrier',
        'memories_llmcall', 'memories_conversationsummary', 'memories_message',
        'memories_ingestion', 'memories_operation', 'memories_embeddingspace',
        'memories_providerconfig', 'memories_promptversion', 'memories_prompttemplate',
        'memories_subject', 'memories_anchor'
    ] LOOP
        EXECUTE format('DELETE FROM %I WHERE tenant_id = $1 AND project_id = $2', child)
            USING tenant, project;
    END LOOP;
    INSERT INTO tenants_auditentry
        (id, tenant_id, actor_kind, actor_id, action, object_type, object_id, changes,
         request_id, at)
    VALUES (audit, tenant, actor_kind, actor, 'purge_memories', 'project', project::text,
            '{}', '', at);
END $$;

-- The same for every project of a tenant.
CREATE FUNCTION purge_tenant(
    actor_kind text, actor uuid, at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    doomed uuid;
BEGIN
    IF tenant IS NULL
       OR NULLIF(current_setting('app.project_id', true), '') IS NOT NULL THEN
        RAISE EXCEPTION 'purge_tenant needs the open scope of the whole tenant'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR doomed IN SELECT id FROM tenants_project WHERE tenant_id = tenant LOOP
        PERFORM purge_project(doomed, gen_random_uuid(), actor_kind, actor, at);
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION purge_project(uuid, uuid, text, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION purge_tenant(text, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION purge_project(uuid, uuid, text, uuid, timestamptz) TO memplatform_app;
GRANT EXECUTE ON FUNCTION purge_tenant(text, uuid, timestamptz) TO memplatform_app;
