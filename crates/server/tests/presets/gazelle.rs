//! Gazelle.
