//! Cursors: positions in the log as clients keep them.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

/// One life of the log: the positions of two epochs have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(pub(crate) u64);

impl Epoch {
    /// An epoch that no other process, nor an earlier life of this one, has had.
    pub(crate) fn random() -> Self {
        Self(RandomState::new().hash_one("epoch"))
    }
}

/// A position of an epoch. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) epoch: Epoch,
    pub(crate) position: u64,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}", self.epoch, self.position)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, position) = text.split_once('-').ok_or(())?;
        let parse = |hex| u64::from_str_radix(hex, 16).map_err(drop);
        Ok(Self {
            epoch: Epoch(parse(epoch)?),
            position: parse(position)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = Cursor {
            epoch: Epoch(u64::MAX),
            position: 12,
        };
        assert_eq!(cursor.to_string(), "ffffffffffffffff-c");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "x-1",
            "1-x",
            "1-2-3",
            "11111111111111111-1",
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(()), "{bad:?} is no cursor");
        }
    }

    #[test]
    fn epochs_differ() {
        assert_ne!(Epoch::random(), Epoch::random());
    }
}
