DROP FUNCTION due_webhooks(timestamptz, interval, integer);
DROP FUNCTION due_golden_sets(timestamptz);
DROP FUNCTION due_suspects(integer);
DROP FUNCTION due_doubts(integer, integer);
DROP FUNCTION due_patterns(timestamptz, integer, integer);
DROP FUNCTION due_profiles(timestamptz, interval, integer);
DROP FUNCTION due_categories(timestamptz, integer);
DROP FUNCTION due_projects(integer);
DROP FUNCTION due_expiries(date, integer);
DROP FUNCTION due_outbox(timestamptz, integer);
DROP FUNCTION due_operations(timestamptz, interval, integer);
REVOKE ALL ON tenants_project, tenants_tenant, memories_anchor, memories_delivery,
    memories_goldenset, memories_memory, memories_memoryevent, memories_memoryversion,
    memories_operation, memories_outbox, memories_patternsource, memories_profile,
    memories_subject, memories_uncategorized, memories_webhook FROM memplatform_directory;
