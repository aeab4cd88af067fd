DROP FUNCTION purge_tenant(text, uuid, timestamptz);
DROP FUNCTION purge_project(uuid, uuid, text, uuid, timestamptz);
