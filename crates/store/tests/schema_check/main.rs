//! Trying a schema on live databases: what is wrong is named, and nothing is changed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

mod mysql;
mod postgres;
mod sqlite;
mod support;
