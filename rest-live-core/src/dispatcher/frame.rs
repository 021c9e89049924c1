//! Frames: what subscribers are told, each text written once.

use std::sync::Arc;

use crate::log::Cursor;
use crate::registry::ViewId;
use crate::session::Frame;

/// What happened to a row, as a subscriber sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Created,
    Updated,
    Deleted,
}

impl Action {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Updated => "UPDATED",
            Self::Deleted => "DELETED",
        }
    }
}

/// How a subscriber wants its events written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// `{"model":...,"instance":...,"action":...}`, with exactly these keys.
    Seed,
    /// With the subscription's `id`, given here as JSON, and a cursor.
    Extended { id: Arc<str> },
}

/// The acknowledgement of a subscription.
pub(super) fn subscribed(id: &str, cursor: Cursor, recovered: bool) -> Frame {
    Frame::from(format!(
        r#"{{"type":"subscribed","id":{id},"cursor":"{cursor}","recovered":{recovered}}}"#
    ))
}

/// The frames of one event: whoever sees the same view gets the same bytes.
pub(super) struct Frames<'a> {
    label: &'a str,
    cursor: Cursor,
    written: Vec<Written>,
}

struct Written {
    action: Action,
    view: ViewId,
    /// The row as JSON; `None` if that failed.
    instance: Option<String>,
    seed: Option<Frame>,
    /// The text behind the `id`.
    extended: Option<Arc<[u8]>>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(label: &'a str, cursor: Cursor) -> Self {
        Self {
            label,
            cursor,
            written: Vec::new(),
        }
    }

    /// The frame for a subscriber who sees `view`. `instance` is called once per view and action.
    pub(super) fn get(
        &mut self,
        action: Action,
        view: ViewId,
        form: &Form,
        instance: impl FnOnce() -> Option<String>,
    ) -> Option<Frame> {
        let at = match self
            .written
            .iter()
            .position(|written| written.action == action && written.view == view)
        {
            Some(at) => at,
            None => {
                self.written.push(Written {
                    action,
                    view,
                    instance: instance(),
                    seed: None,
                    extended: None,
                });
                self.written.len() - 1
            }
        };
        let Self {
            label,
            cursor,
            written,
        } = self;
        let Written {
            instance,
            seed,
            extended,
            ..
        } = &mut written[at];
        let instance = instance.as_deref()?;
        let action = action.name();
        Some(match form {
            Form::Seed => seed
                .get_or_insert_with(|| {
                    Frame::from(format!(
                        r#"{{"model":"{label}","instance":{instance},"action":"{action}"}}"#
                    ))
                })
                .clone(),
            Form::Extended { id } => {
                let rest = extended.get_or_insert_with(|| {
                    let rest = format!(
                        r#","model":"{label}","action":"{action}","instance":{instance},"cursor":"{cursor}"}}"#
                    );
                    rest.into_bytes().into()
                });
                Frame::broadcast(id, rest)
            }
        })
    }
}
