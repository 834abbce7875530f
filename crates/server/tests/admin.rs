//! The admin API over a real port, with a real SQLite store and a real tracker.

mod admin {
    mod http;
    mod live;
    mod load;
    mod rules;
    mod status;
    mod support;
    mod torrents;
    mod users;
}
