-- The groups. Those that the site calls by one of three names may not announce.
SELECT id,
    slug AS name,
    position AS priority,
    IF(is_double_upload, 200, 100) AS upload_percent,
    IF(is_freeleech, 0, 100) AS download_percent,
    is_immune AS immune,
    slug NOT IN ('banned', 'validating', 'disabled') AS enabled,
    GREATEST(download_slots, 0) AS download_slots
FROM `groups`
