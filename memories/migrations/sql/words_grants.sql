-- As words.sql has them: what is dropped loses them, and what is new is everybody's.
REVOKE ALL ON FUNCTION memories_with_words(uuid, tsquery[], integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memories_with_words(uuid, tsquery[], integer) TO memplatform_app;
