//! The wiring of mika: sockets, workers, flush, journal, admin API, metrics and configuration.
//!
//! # Tour
//!
//! * [`serve`]: a whole tracker, put together, run and stopped in order.
//! * [`listen`]: the sockets that clients talk to; an announce never leaves its worker.
//! * [`flush`], [`journal`], [`snapshot`]: what was announced, on its way to disk and store.
//! * [`schema`]: the statements of a site's tables, tried.
//! * [`recovery`]: the start, from what is on disk and in the store; [`loading`]: how far it is.
//! * [`control`], [`admin`]: changes by people and sites.
//! * [`site_api`]: what sites tell in the words of the tracker they were written for.
//! * [`site_call`]: what the tracker tells the site by itself.
//! * [`request_log`]: requests that a site wants written down.
//! * [`lookup`]: what an announce names and the tracker does not know is asked of the store.
//! * [`notify`]: what a site is told without asking.
//! * [`geo`]: where addresses are.
//! * [`detection`]: who reports what cannot be.
//! * [`metrics`], [`counters`]: what is going on.
//! * [`config`]: everything that an operator can set; [`doctor`]: what it costs.
#![forbid(unsafe_code)]

pub mod admin;
pub mod clock;
pub mod config;
pub mod control;
pub mod cores;
pub mod counters;
pub mod data_dir;
pub mod detection;
pub mod doctor;
pub mod flush;
pub mod geo;
pub mod journal;
pub mod listen;
pub mod loading;
pub mod lookup;
pub mod metrics;
pub mod notify;
mod open_store;
pub mod recovery;
pub mod request_log;
pub mod schema;
pub mod serve;
pub mod site_api;
pub mod site_call;
pub mod snapshot;
