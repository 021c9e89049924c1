//! Knows rest-live with its feature `typescript`. All of it is tests.
