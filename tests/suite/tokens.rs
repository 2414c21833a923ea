//! Who may call what.
//!
//! Goal: nobody acts beyond their role, whatever the encoding, and no token or name is shown to who
//! must not have it. Method: files that are read, servers that are called in every role, and tokens
//! that end while they are in use.

mod file;
mod pseudonyms;
mod table;
mod verbs;
mod web;
mod while_serving;
