//! The binary as people run it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod cli {
    mod api;
    mod bulk;
    mod cheater;
    mod commands;
    mod connection;
    mod cores;
    mod doctor;
    mod example;
    mod geo;
    mod help;
    mod life;
    mod listing;
    mod live;
    mod manual;
    mod notification;
    mod routes;
    mod schema;
    mod store;
    mod support;
    mod terminal;
    mod token;
    mod top;
}
