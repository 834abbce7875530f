//! XBT.
