//! Strategies compared over many seeds.

pub mod command;
pub mod connectivity;
pub mod figures;
pub(crate) mod markdown;
pub mod oracle;
pub mod page;
pub mod parallel;
pub mod plan;
pub mod selection;
pub mod statistics;
pub mod svg;
pub mod targets;
