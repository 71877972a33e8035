-- The former text of migration 0001 turned every default of a time into now(), so that sessions which the original's
-- application made without expires_at had ended at birth. What stood there is not known any more; its application, and
-- Lontar's session_lifetime, give a session 24 hours.
DO $$
BEGIN
  IF EXISTS (SELECT FROM lontar_migrations WHERE number = 1
             AND checksum = 'd1d60e35a51cd050f4af2b392fc75a7f072ece066b5e998bada3c706193f4ff0')
     AND EXISTS (SELECT FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
                 WHERE f.adrelid = 'sessions'::regclass AND a.attname = 'expires_at'
                   AND pg_get_expr(f.adbin, f.adrelid) = 'now()') THEN
    ALTER TABLE sessions ALTER expires_at SET DEFAULT now() + interval '24 hours';
    RAISE NOTICE 'lontar: the default of sessions.expires_at was now(), and is now() + 24 hours';
  END IF;
END $$;
