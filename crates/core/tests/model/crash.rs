//! A crash: what was announced after the last batch is gone, but the clients still know it.
