DROP FUNCTION due_operations(timestamptz, interval, integer);
DROP FUNCTION due_outbox(timestamptz, integer);
DROP FUNCTION due_expiries(date, integer);
DROP FUNCTION due_projects(integer);
REVOKE ALL ON memories_operation, memories_outbox, memories_memory,
    memories_memoryevent, memories_memoryversion, tenants_project FROM memplatform_directory;
