-- Users that are not deleted. Personal freeleech is a user's own multiplier. Donors have none of
-- their own here: sites differ in what they grant. For freeleech and immunity to donors write
--   IF(p.user_id IS NULL AND NOT u.is_donor, NULL, 0) AS download_percent,
--   IF(u.is_donor, 1, NULL) AS immune,
SELECT u.id,
    u.username AS name,
    u.passkey,
    u.group_id AS role_id,
    u.can_download AS download_enabled,
    u.uploaded,
    u.downloaded,
    IF(p.user_id IS NULL, NULL, 0) AS download_percent,
    COALESCE(UNIX_TIMESTAMP(u.created_at), 0) AS created_at_seconds
FROM users AS u
LEFT JOIN (SELECT DISTINCT user_id FROM personal_freeleeches) AS p ON p.user_id = u.id
WHERE u.deleted_at IS NULL
