//! A site for what cheater detection is worth: honest users with all their mishaps, and cheats that
//! behave as the tools do, over a month, on the real core with its real detection.
//!
//! # Tour
//!
//! * [`plan`], [`people`], [`looks`], [`catalogue`]: what a site is like; drawn once per seed.
//! * [`run`]: the clock; [`life`] what users do, [`cheating`] what cheats do beside that.
//! * [`transfer`]: bytes along edges that replies gave; honest books balance because what one
//!   client sends another one receives.
//! * [`site`]: the core and its detection, by function call.
//! * [`rivals`]: what the rules of other trackers would say; [`watch`]: what detection says;
//!   [`tally`]: what is true; [`recompute`]: findings worked out again;
//!   [`record`]: announces as lines that can be sent again.
//! * [`outcome`], [`study`], [`targets`], [`page`], [`explain`], [`command`]: `mika-sim detection`.

pub mod catalogue;
mod cheating;
pub mod command;
pub mod explain;
mod life;
pub mod looks;
pub mod outcome;
pub mod page;
pub mod people;
pub mod plan;
pub mod rates;
pub mod recompute;
pub mod record;
pub mod rivals;
pub mod run;
pub mod session;
pub mod site;
pub mod study;
pub mod tally;
pub mod targets;
pub mod transfer;
pub mod watch;
