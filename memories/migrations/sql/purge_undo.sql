DROP FUNCTION purge_tenant(uuid, text, uuid, timestamptz);
DROP FUNCTION purge_project(uuid, uuid, text, uuid, timestamptz);
