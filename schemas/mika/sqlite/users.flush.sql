-- Adds what a batch says of users. {{rows}} is a derived table, one row per user, with the columns
--   user_id,
--   uploaded_raw, downloaded_raw, uploaded_credited, downloaded_credited, seed_seconds,
--   snatches (to be added; 0 to 9223372036854775807),
--   announced_at_seconds (the later one stays).
-- Must change one row per row of {{rows}}: a row that changes none is taken for an unknown user.
-- MIN() ends a sum at the largest INTEGER, where + would turn it into a floating-point number.
UPDATE users
SET uploaded =
        MIN(9223372036854775807 - d.uploaded_credited, users.uploaded) + d.uploaded_credited,
    downloaded =
        MIN(9223372036854775807 - d.downloaded_credited, users.downloaded) + d.downloaded_credited,
    uploaded_raw =
        MIN(9223372036854775807 - d.uploaded_raw, users.uploaded_raw) + d.uploaded_raw,
    downloaded_raw =
        MIN(9223372036854775807 - d.downloaded_raw, users.downloaded_raw) + d.downloaded_raw,
    seed_seconds =
        MIN(9223372036854775807 - d.seed_seconds, users.seed_seconds) + d.seed_seconds,
    snatches = MIN(9223372036854775807 - d.snatches, users.snatches) + d.snatches,
    announced_at_seconds = MAX(users.announced_at_seconds, d.announced_at_seconds)
FROM {{rows}} AS d
WHERE users.id = d.user_id
