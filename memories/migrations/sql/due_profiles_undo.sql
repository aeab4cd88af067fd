DROP FUNCTION due_profiles(timestamptz, interval, integer);
