//! Log in SQLite.
