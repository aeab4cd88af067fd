-- Everything of one project, children first; the audit entry stays with the tenant.
CREATE FUNCTION purge_project(
    project uuid, audit uuid, actor_kind text, actor uuid, at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
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
        'memories_subject', 'memories_anchor', 'tenants_usage', 'tenants_apikey',
        'tenants_invitation', 'tenants_membership'
    ] LOOP
        EXECUTE format('DELETE FROM %I WHERE tenant_id = $1 AND project_id = $2', child)
            USING tenant, project;
    END LOOP;
    UPDATE tenants_auditentry SET project_id = NULL
     WHERE tenant_id = tenant AND project_id = project;
    DELETE FROM tenants_project p WHERE p.tenant_id = tenant AND p.id = project;
    INSERT INTO tenants_auditentry
        (id, tenant_id, actor_kind, actor_id, action, object_type, object_id, changes,
         request_id, at)
    VALUES (audit, tenant, actor_kind, actor, 'purge_project', 'project', project::text,
            '{}', '', at);
END $$;

-- Everything of one tenant but its name and the audit that says it is gone.
CREATE FUNCTION purge_tenant(
    audit uuid, actor_kind text, actor uuid, at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
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
    DELETE FROM tenants_invitation WHERE tenant_id = tenant;
    DELETE FROM tenants_membership WHERE tenant_id = tenant;
    UPDATE tenants_tenant SET status = 'suspended' WHERE id = tenant;
    INSERT INTO tenants_auditentry
        (id, tenant_id, actor_kind, actor_id, action, object_type, object_id, changes,
         request_id, at)
    VALUES (audit, tenant, actor_kind, actor, 'purge_tenant', 'tenant', tenant::text,
            '{}', '', at);
END $$;

REVOKE ALL ON FUNCTION purge_project(uuid, uuid, text, uuid, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION purge_tenant(uuid, text, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION purge_project(uuid, uuid, text, uuid, timestamptz) TO memplatform_app;
GRANT EXECUTE ON FUNCTION purge_tenant(uuid, text, uuid, timestamptz) TO memplatform_app;
