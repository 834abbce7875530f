use super::*;

const GB: u64 = 1_000_000_000;

fn of(user_id: u32, at_seconds: u32) -> Observation {
    Observation {
        at_seconds,
        user_id,
        session: user_id.into(),
        torrent_id: 1,
        ..Observation::default()
    }
}

fn enter(book: &mut Book, of: Observation) {
    book.enter(&of, of.client[1].into(), &DetectionSettings::default());
}

fn close(book: &mut Book) -> ClosedEpoch {
    book.close(1, 90_000, false, &DetectionSettings::default()).unwrap()
}

#[test]
fn what_was_discarded_is_counted_from_what_the_client_says_in_all() {
    let mut book = Book::default();
    let leecher = Observation { left_bytes: GB, left_before_bytes: GB, ..of(8, 1000) };
    // It had discarded something before the epoch began.
    enter(&mut book, Observation { corrupt_bytes: 500, ..leecher });
    enter(&mut book, Observation { corrupt_bytes: 700, at_seconds: 2000, ..leecher });
    enter(&mut book, Observation { corrupt_bytes: 700, at_seconds: 3000, ..leecher });
    enter(&mut book, Observation { uploaded_bytes: 1, ..of(7, 4000) });
    assert_eq!(close(&mut book).corrupt, 200);
}

#[test]
fn the_sessions_of_a_user_s_program_have_one_share_and_another_program_s_have_another() {
    let mut book = Book::default();
    enter(&mut book, Observation { uploaded_bytes: 3, ..of(7, 1000) });
    enter(&mut book, Observation { uploaded_bytes: 4, session: 70, ..of(7, 1000) });
    let client = *b"-UT3500-";
    enter(&mut book, Observation { uploaded_bytes: 5, client, session: 71, ..of(7, 1000) });
    enter(&mut book, Observation { downloaded_bytes: 5, left_bytes: 95, ..of(8, 1000) });
    enter(&mut book, Observation { downloaded_bytes: 7, left_bytes: 93, ..of(8, 1000) });
    let epoch = close(&mut book);
    let shares: Vec<(u32, f32, f32)> =
        epoch.shares.iter().map(|it| (it.user_id, it.uploaded, it.missing)).collect();
    assert_eq!(shares, [(7, 7.0, 0.0), (7, 5.0, 0.0), (8, 0.0, 93.0)]);
    assert_eq!(epoch.residual(), 0.0);
}

#[test]
fn a_client_that_restarts_or_comes_back_may_have_received_what_it_does_not_report() {
    let mut book = Book::default();
    let left = (GB, GB / 4);
    let restarted = Observation {
        left_before_bytes: left.0,
        left_bytes: left.1,
        signs: Signs::RESTARTED,
        ..of(8, 1000)
    };
    enter(&mut book, restarted);
    assert_eq!(book.pending, GB - GB / 4);
    let back = Observation {
        left_before_bytes: Observation::LEFT_UNKNOWN,
        left_bytes: GB / 2,
        signs: Signs::FIRST,
        ..of(9, 1000)
    };
    enter(&mut book, back);
    assert_eq!(book.pending, GB - GB / 4 + GB / 2);
    // It had not reported anything that could go back.
    let begins_again = Observation {
        left_before_bytes: GB,
        left_bytes: GB / 8,
        signs: Signs::STARTED,
        ..of(10, 1000)
    };
    enter(&mut book, begins_again);
    assert_eq!(book.pending, GB - GB / 4 + GB / 2 + (GB - GB / 8));
}

#[test]
fn a_magnet_link_that_vanishes_may_have_received_all_of_the_torrent() {
    let settings = DetectionSettings::default();
    let mut book = Book::default();
    enter(&mut book, Observation { left_bytes: GB, left_before_bytes: GB, ..of(8, 1000) });
    let magnet = Observation { left_bytes: MAGNET_LEFT, signs: Signs::VANISHED, ..of(9, 1000) };
    book.vanish(&magnet, &settings);
    assert_eq!(book.pending, GB);
}

#[test]
fn a_session_beyond_the_limit_has_no_entry_and_still_counts_for_the_balance() {
    let settings = DetectionSettings { entries_per_book_max: 2, ..DetectionSettings::default() };
    let mut book = Book::default();
    let made: usize = (1..=5)
        .map(|user| book.enter(&Observation { uploaded_bytes: 10, ..of(user, 1000) }, 1, &settings))
        .sum();
    assert_eq!((made, book.entries(), book.uploaded), (2, 2, 50));
}

#[test]
fn an_epoch_ends_when_every_client_has_had_its_chance() {
    let settings = DetectionSettings::default();
    assert_eq!(settings.quiet_seconds(), 4680);
    let mut book = Book::default();
    assert_eq!(book.is_over(1000, &settings), None);
    enter(&mut book, Observation { uploaded_bytes: 1, ..of(7, 1000) });
    assert_eq!(book.is_over(1000 + 4680, &settings), None);
    assert_eq!(book.is_over(1000 + 4681, &settings), Some(false));
}

/// After how many hours books are closed softly to which somebody uploads all the time, and from
/// which somebody downloads every so many half hours.
fn hours_of(downloads_every: u32) -> u32 {
    let settings = DetectionSettings::default();
    let mut book = Book::default();
    for half_hour in 0..60 {
        let at_seconds = 90_000 + half_hour * 1800;
        if half_hour % downloads_every == 0 {
            let leecher = Observation { left_bytes: GB, left_before_bytes: GB, ..of(8, 0) };
            enter(&mut book, Observation { downloaded_bytes: 50, at_seconds, ..leecher });
        }
        enter(&mut book, Observation { uploaded_bytes: 50, ..of(7, at_seconds + 60) });
        if let Some(soft) = book.is_over(at_seconds + 120, &settings) {
            assert!(soft);
            return half_hour / 2;
        }
    }
    60
}

#[test]
fn busy_books_are_closed_softly_once_little_can_be_cut_and_at_last_after_a_day() {
    // Uploads that nobody downloads: a leecher that gets nothing keeps no books open.
    assert_eq!(hours_of(60), 7);
    // Two reports of each side in 35 to 53 minutes are 5 % of forty.
    assert_eq!(hours_of(1), 19);
    let settings = DetectionSettings::default();
    let mut book = Book::default();
    let leecher = Observation { left_bytes: GB, left_before_bytes: GB, ..of(8, 0) };
    enter(&mut book, Observation { uploaded_bytes: 1, ..of(7, 90_000) });
    let at_seconds = 90_000 + 86_400;
    enter(&mut book, Observation { downloaded_bytes: GB, at_seconds, ..leecher });
    assert_eq!(book.is_over(at_seconds, &settings), None, "a download that is not reported yet");
    assert_eq!(book.is_over(at_seconds + 1, &settings), Some(true));
}

#[test]
fn what_a_soft_close_may_have_cut_widens_this_epoch_and_the_next_one() {
    let settings = DetectionSettings::default();
    let mut book = Book::default();
    enter(&mut book, Observation { uploaded_bytes: GB, ..of(7, 1000) });
    enter(&mut book, Observation { uploaded_bytes: GB / 4, ..of(7, 10_000) });
    let leecher = Observation { left_bytes: GB, left_before_bytes: GB, ..of(8, 10_500) };
    enter(&mut book, Observation { downloaded_bytes: GB / 2, ..leecher });
    let soft = book.close(1, 11_000, true, &settings).unwrap();
    assert_eq!(soft.soft_bytes, 0.3 * 0.5e9, "of the larger one of what came lately");
    enter(&mut book, Observation { uploaded_bytes: GB, ..of(7, 12_000) });
    assert_eq!(close(&mut book).soft_bytes, soft.soft_bytes);
    enter(&mut book, Observation { uploaded_bytes: GB, ..of(7, 100_000) });
    let calm = book.close(1, 110_000, true, &settings).unwrap();
    assert_eq!(calm.soft_bytes, 0.0, "nothing came lately");
}

#[test]
fn a_magnet_link_that_learns_its_size_is_no_teleport() {
    let mut book = Book::default();
    let unknown = Observation {
        left_before_bytes: Observation::LEFT_UNKNOWN,
        left_bytes: Observation::LEFT_UNKNOWN,
        signs: Signs::FIRST.with(Signs::STARTED, true),
        ..of(8, 1000)
    };
    enter(&mut book, unknown);
    enter(&mut book, Observation { left_bytes: GB, downloaded_bytes: 5, ..unknown });
    enter(&mut book, Observation { uploaded_bytes: 5, ..of(7, 1000) });
    assert_eq!((book.size, book.pending), (GB, 0));
    let epoch = close(&mut book);
    assert!(!epoch.shares.iter().any(|it| it.teleported));
}

#[test]
fn the_entry_of_a_session_is_found_whatever_the_order_in_which_they_come() {
    let mut book = Book::default();
    let count = 50;
    for user in 1..=count {
        enter(&mut book, Observation { uploaded_bytes: 1, ..of(user, 1000) });
    }
    let orders: [fn(u32) -> u32; 4] =
        [|it| it, |it| 49 - it, |it| it * 7 % 50, |it| if it % 2 == 0 { it } else { 50 - it }];
    for (round, order) in orders.into_iter().enumerate() {
        for number in 0..count {
            let user = 1 + order(number);
            enter(&mut book, Observation { uploaded_bytes: 100, ..of(user, 2000) });
        }
        assert_eq!(book.entries(), 50, "round {round}");
    }
    let strangers = [0, 51, u64::MAX].map(|session| book.position(session));
    assert_eq!(strangers, [None; 3]);
    let epoch = close(&mut book);
    assert!(epoch.shares.iter().all(|it| it.uploaded == 401.0), "{:?}", epoch.shares);
}

#[test]
fn books_of_few_leechers_have_room_for_few() {
    let mut book = Book::default();
    let leecher = Observation { left_bytes: GB, left_before_bytes: GB, ..of(8, 1000) };
    enter(&mut book, leecher);
    assert_eq!(book.entries.capacity(), 1);
    enter(&mut book, Observation { session: 80, ..leecher });
    assert_eq!(book.entries.capacity(), 2);
    for session in 100..200 {
        enter(&mut book, Observation { session, ..leecher });
    }
    assert_eq!(book.entries(), 102);
    assert!(book.entries.capacity() < 160, "{}", book.entries.capacity());
    enter(&mut book, Observation { uploaded_bytes: 1, ..of(7, 1000) });
    let epoch = close(&mut book);
    assert_eq!((book.entries.capacity(), epoch.shares.capacity()), (0, epoch.shares.len()));
}

#[test]
fn what_was_uploaded_after_an_answer_without_leechers_is_kept_apart() {
    let mut book = Book::default();
    let seeder = |at_seconds, uploaded_bytes, leechers| Observation {
        gap_seconds: 1800,
        uploaded_bytes,
        leechers,
        ..of(7, at_seconds)
    };
    let leecher = Observation { left_bytes: GB, left_before_bytes: GB, ..of(8, 0) };
    // It comes after the seeder was told of nobody, at 1200, and is there at 3000.
    let comes = Observation { signs: Signs::FIRST, at_seconds: 2000, leechers: 1, ..leecher };
    enter(&mut book, comes);
    enter(&mut book, seeder(3000, 100, 1));
    enter(&mut book, seeder(4800, 1000, 1));
    let goes = Observation { signs: Signs::STOPPED, at_seconds: 5000, leechers: 0, ..leecher };
    enter(&mut book, goes);
    enter(&mut book, seeder(6600, 10_000, 0));
    enter(&mut book, seeder(8400, 100_000, 0));
    let epoch = close(&mut book);
    let of_seeder = epoch.shares.iter().find(|it| it.user_id == 7).unwrap();
    assert_eq!((of_seeder.uploaded, of_seeder.without_leechers), (111_100.0, 100_100.0));
}
