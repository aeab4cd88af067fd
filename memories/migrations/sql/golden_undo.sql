DROP FUNCTION due_golden_sets(timestamptz);
