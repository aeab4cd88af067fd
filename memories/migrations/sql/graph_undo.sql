DROP FUNCTION regroup_entities(uuid, uuid[]);
