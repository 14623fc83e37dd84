//! Records in, bytes out.
