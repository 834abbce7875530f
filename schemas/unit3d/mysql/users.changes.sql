-- Users changed since a time. A user who was deleted meanwhile comes as deleted. What the site
-- changes by mass SQL does not move updated_at: a full load finds it.
-- Placeholders: one ?, Unix seconds.
SELECT u.id,
    u.username AS name,
    u.passkey,
    u.group_id AS role_id,
    u.can_download AS download_enabled,
    u.deleted_at IS NOT NULL AS deleted,
    u.uploaded,
    u.downloaded,
    IF(p.user_id IS NULL, NULL, 0) AS download_percent,
    COALESCE(UNIX_TIMESTAMP(u.created_at), 0) AS created_at_seconds
FROM users AS u
LEFT JOIN (SELECT DISTINCT user_id FROM personal_freeleeches) AS p ON p.user_id = u.id
WHERE GREATEST(u.updated_at, COALESCE(u.deleted_at, u.updated_at)) >= FROM_UNIXTIME(?)
