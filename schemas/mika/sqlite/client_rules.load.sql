-- All client rules. Columns are read by name:
--   prefix (1 to 20 printable ASCII characters), allowed (0 or 1), name.
-- No placeholders.
SELECT prefix, allowed, name
FROM client_rules
