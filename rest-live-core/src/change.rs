//! Changes: one row before and after.

use std::any::Any;
use std::fmt;
use std::mem::size_of;
use std::sync::Arc;

use serde::Serialize;

use crate::model::Subscribable;

/// A row of any model, shared by all that look at it.
pub(crate) type Row = Arc<dyn Any + Send + Sync>;

/// A registered model, as the registry numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(pub(crate) usize);

/// One row before and after; or the word that there was more than is known.
#[derive(Clone)]
pub struct Change {
    pub(crate) model: ModelId,
    pub(crate) images: Images,
    pub(crate) bytes: usize,
}

/// What is known of a change.
#[derive(Clone)]
pub(crate) enum Images {
    /// `old` is missing for a row that is new, `new` for one that is gone.
    Row { old: Option<Row>, new: Option<Row> },
    /// Some rows of the model changed, and nobody can tell which.
    Unknown,
}

impl Change {
    /// A change of a row of `M`, which is registered as `model`: `old` is `None` for a row that is
    /// new, `new` for one that is gone.
    pub fn new<M: Subscribable>(model: ModelId, old: Option<M>, new: Option<M>) -> Self {
        let images = usize::from(old.is_some()) + usize::from(new.is_some());
        let erase = |row: M| -> Row { Arc::new(row) };
        let (old, new) = (old.map(erase), new.map(erase));
        Self {
            model,
            images: Images::Row { old, new },
            bytes: size_of::<Self>() + images * size_of::<M>(),
        }
    }

    /// Some rows of the model registered as `model` changed, and it is not known which. Its
    /// subscribers are told to read again.
    #[must_use]
    pub fn unknown(model: ModelId) -> Self {
        Self {
            model,
            images: Images::Unknown,
            bytes: size_of::<Self>(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match &self.images {
            Images::Row {
                old: None,
                new: Some(_),
            } => Kind::Created,
            Images::Row {
                old: Some(_),
                new: None,
            } => Kind::Deleted,
            Images::Row { .. } => Kind::Updated,
            Images::Unknown => Kind::Unknown,
        }
    }

    /// Says how much memory the rows hold besides their own size, as in their strings. The log is
    /// bounded by it.
    #[must_use]
    pub fn with_heap_bytes(mut self, bytes: usize) -> Self {
        self.bytes += bytes;
        self
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("model", &self.model)
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}

/// What became of a row, whoever may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Kind {
    Created,
    Updated,
    Deleted,
    Unknown,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Created, Self::Updated, Self::Deleted, Self::Unknown];
}

/// The changes of one committed transaction, in the order in which they were made.
#[derive(Debug)]
pub(crate) struct Commit {
    /// The position of the last change before this commit: its own have `start + 1`, `start + 2`,
    /// ...
    pub(crate) start: u64,
    pub(crate) changes: Vec<Change>,
}

impl Commit {
    /// The position of the last change.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.changes.len() as u64
    }

    /// The changes with their positions.
    pub(crate) fn positioned(&self) -> impl Iterator<Item = (u64, &Change)> {
        (self.start + 1..).zip(&self.changes)
    }
}
