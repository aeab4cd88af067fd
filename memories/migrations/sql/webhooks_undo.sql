DROP FUNCTION erase_told(uuid, uuid, timestamptz);
DROP FUNCTION due_webhooks(timestamptz, interval, integer);
REVOKE ALL ON memories_webhook, memories_delivery, tenants_tenant FROM memplatform_directory;
