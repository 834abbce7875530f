//! The house rules that no compiler checks: sizes of files, who may import whom, no `unsafe`.
//! See CONTRIBUTING.md for the reasons.
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;
