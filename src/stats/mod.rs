//! Statistics: pure functions over samples and blocks.
