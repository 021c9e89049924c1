//! Knows rest-live under another name only.

#[cfg(test)]
mod tests;
