-- A purge deletes what trials belong to.
ALTER TABLE memories_prompttrial
    DROP CONSTRAINT memories_prompttrial_operation_id_wall,
    ADD CONSTRAINT memories_prompttrial_operation_id_wall
        FOREIGN KEY (tenant_id, project_id, operation_id)
        REFERENCES memories_operation (tenant_id, project_id, id) ON DELETE CASCADE,
    DROP CONSTRAINT memories_prompttrial_ingestion_id_wall,
    ADD CONSTRAINT memories_prompttrial_ingestion_id_wall
        FOREIGN KEY (tenant_id, project_id, ingestion_id)
        REFERENCES memories_ingestion (tenant_id, project_id, id) ON DELETE CASCADE,
    DROP CONSTRAINT memories_prompttrial_prompt_version_id_wall,
    ADD CONSTRAINT memories_prompttrial_prompt_version_id_wall
        FOREIGN KEY (tenant_id, project_id, prompt_version_id)
        REFERENCES memories_promptversion (tenant_id, project_id, id) ON DELETE CASCADE;
ALTER TABLE memories_promptdraft
    DROP CONSTRAINT memories_promptdraft_template_id_wall,
    ADD CONSTRAINT memories_promptdraft_template_id_wall
        FOREIGN KEY (tenant_id, project_id, template_id)
        REFERENCES memories_prompttemplate (tenant_id, project_id, id) ON DELETE CASCADE,
    DROP CONSTRAINT memories_promptdraft_based_on_id_wall,
    ADD CONSTRAINT memories_promptdraft_based_on_id_wall
        FOREIGN KEY (tenant_id, project_id, based_on_id)
        REFERENCES memories_promptversion (tenant_id, project_id, id) ON DELETE CASCADE;

-- What replays made of erased adds, and of those that were shown them, is erased with
-- what others were told of them. One that is still waiting for its turn gets none.
ALTER FUNCTION erase_told(uuid, uuid, timestamptz) RENAME TO erase_told_to_others;
CREATE FUNCTION erase_told(tenant uuid, project uuid, accepted timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM erase_told_to_others(tenant, project, accepted);
    UPDATE memories_prompttrial t
       SET decisions = NULL,
           outcome = CASE t.outcome WHEN 'waiting' THEN 'erased' ELSE t.outcome END
      FROM memories_ingestion i
     WHERE t.tenant_id = tenant AND t.project_id = project
       AND i.tenant_id = tenant AND t.ingestion_id = i.id
       AND i.operation_id IN (SELECT id FROM quoting_operation);
END $$;
REVOKE ALL ON FUNCTION erase_told(uuid, uuid, timestamptz) FROM PUBLIC;
