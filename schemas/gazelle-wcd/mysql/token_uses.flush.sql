-- What tokens covered. The token is done when the download is.
UPDATE {{rows}} AS d
STRAIGHT_JOIN users_freeleeches AS f ON f.UserID = d.user_id AND f.TorrentID = d.torrent_id
SET f.Downloaded = f.Downloaded + LEAST(d.downloaded_raw, 9223372036854775807 - f.Downloaded),
    f.Expired = IF(d.finished, 1, f.Expired)
