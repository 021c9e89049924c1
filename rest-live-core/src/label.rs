//! The name of a model on the wire.

use std::fmt;

/// The name of a model on the wire: `app.Model`, as in `todolist.Task`.
///
/// The derive makes one for each model, from the crate's and the struct's name or from
/// `#[live(label = "app.Model")]`.
///
/// ```
/// use rest_live_core::Label;
///
/// const TASK: Label = Label::new("todolist.Task");
/// assert_eq!(TASK.to_string(), "todolist.Task");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    app: &'static str,
    model: &'static str,
}

impl Label {
    /// Splits `app.Model` at its dot.
    ///
    /// # Panics
    ///
    /// If there is not exactly one dot, or nothing on one side of it, or a character that JSON
    /// would have to escape. In a `const` this is a compile error.
    #[must_use]
    pub const fn new(label: &'static str) -> Self {
        let bytes = label.as_bytes();
        let mut dot = None;
        let mut at = 0;
        while at < bytes.len() {
            // It is written into JSON as it is.
            assert!(
                !matches!(bytes[at], b'"' | b'\\' | 0..=b' '),
                "a label holds no quotes, backslashes, spaces or control characters"
            );
            if bytes[at] == b'.' {
                assert!(
                    dot.is_none(),
                    "a label has exactly one dot, as in `app.Model`"
                );
                dot = Some(at);
            }
            at += 1;
        }
        let Some(dot) = dot else {
            panic!("a label has exactly one dot, as in `app.Model`");
        };
        let (app, rest) = label.split_at(dot);
        let (_, model) = rest.split_at(1);
        assert!(
            !app.is_empty() && !model.is_empty(),
            "a label names an app and a model, as in `app.Model`"
        );
        Self { app, model }
    }

    /// The label of `model` in the crate that `module_path!()` names.
    ///
    /// ```
    /// use rest_live_core::Label;
    ///
    /// assert_eq!(Label::in_crate("todolist::models::task", "Task"), Label::new("todolist.Task"));
    /// ```
    #[must_use]
    pub const fn in_crate(module_path: &'static str, model: &'static str) -> Self {
        let bytes = module_path.as_bytes();
        let mut end = 0;
        while end < bytes.len() && bytes[end] != b':' {
            end += 1;
        }
        let (app, _) = module_path.split_at(end);
        Self { app, model }
    }

    /// The part before the dot.
    #[must_use]
    pub const fn app(&self) -> &'static str {
        self.app
    }

    /// The part after the dot.
    #[must_use]
    pub const fn model(&self) -> &'static str {
        self.model
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.app, self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_an_app_and_a_model() {
        let label = Label::new("todolist.Task");
        assert_eq!((label.app(), label.model()), ("todolist", "Task"));
        for bad in [
            "",
            ".",
            "Task",
            "todolist.",
            ".Task",
            "a.b.C",
            "a.\"b",
            "a\\.b",
            "a. b",
            "a\n.b",
        ] {
            assert!(
                std::panic::catch_unwind(|| Label::new(bad)).is_err(),
                "{bad:?} is no label"
            );
        }
    }

    #[test]
    fn the_default_label_starts_with_the_crate() {
        for path in ["shop", "shop::models", "shop::models::deep"] {
            assert_eq!(Label::in_crate(path, "Item"), Label::new("shop.Item"));
        }
    }
}
