use mika_core::batch::SessionRow;

use super::*;

fn row(torrent: u8, announces: u32, uploaded: u64) -> SessionRow {
    SessionRow {
        uploaded_delta_bytes: uploaded,
        announces,
        ..SessionRow::new(torrent.into(), InfoHash([torrent; 20]), 1, 1)
    }
}

fn batch(sessions: &[SessionRow]) -> Batch {
    Batch { sessions: sessions.to_vec(), ..Batch::default() }
}

fn of(recent: &RecentActivity, torrent: u8) -> (u64, u64) {
    let moved = recent.by_torrent.get(&InfoHash([torrent; 20])).copied().unwrap_or_default();
    (moved.announces, moved.uploaded_bytes)
}

#[test]
fn nothing_is_noted_before_somebody_asks() {
    let activity = Activity::default();
    activity.note(&batch(&[row(1, 1, 5)]), 1000);
    assert_eq!(activity.watch(1001), RecentActivity::default());
    activity.note(&batch(&[row(1, 1, 5)]), 1002);
    let recent = activity.watch(1003);
    assert_eq!((recent.seconds, of(&recent, 1)), (2, (1, 5)));
}

#[test]
fn batches_of_the_last_minute_are_added_up_and_older_ones_forgotten() {
    let activity = Activity::default();
    activity.watch(1000);
    activity.note(&batch(&[row(1, 2, 10), row(1, 1, 1), row(2, 1, 0)]), 1001);
    activity.note(&batch(&[row(1, 3, 100), row(2, 0, 0)]), 1030);
    let recent = activity.watch(1040);
    assert_eq!((recent.seconds, of(&recent, 1), of(&recent, 2)), (40, (6, 111), (1, 0)));
    let recent = activity.watch(1070);
    assert_eq!((recent.seconds, of(&recent, 1), of(&recent, 2)), (60, (3, 100), (0, 0)));
}

#[test]
fn nothing_is_noted_any_more_when_nobody_has_asked_for_a_while() {
    let activity = Activity::default();
    activity.watch(1000);
    activity.note(&batch(&[row(1, 1, 0)]), 1000 + KEPT_SECONDS + 1);
    assert_eq!(activity.0.lock().since_seconds, 0);
    assert_eq!(activity.watch(1200), RecentActivity::default());
}

#[test]
fn so_many_torrents_are_watched_and_no_more() {
    let activity = Activity::default();
    activity.watch(1000);
    activity.note(&batch(&[row(1, 1, 0), row(2, 1, 0), row(3, 1, 0), row(1, 1, 0)]), 1001);
    let recent = activity.watch(1002);
    assert_eq!((of(&recent, 1), of(&recent, 2), of(&recent, 3)), ((2, 0), (1, 0), (0, 0)));
}
