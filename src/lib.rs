#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

/// The client: live rows for services, tools and tests. With the feature `client`.
#[cfg(feature = "client")]
pub use rest_live_client as client;
pub use rest_live_core::{
    AllowAny, And, BuildError, Builder, Compose, EventCounts, Explanation, Grant, Group,
    GroupExplanation, GroupKey, Handshake, Inspector, Label, Limits, Live, LiveService, LogStats,
    Not, Or, PeerAddr, Permission, PermissionExplanation, Quiet, Refusal, SnapshotError,
    SnapshotGroup, SnapshotSource, Standing, Stats, Subscribable, SubscribableBy, Told, Verdict,
    serve, testing,
};
pub use rest_live_diesel::{
    Capture, Delete, FetchRow, LiveBackend, LiveConnection, LiveDsl, LiveManager, LiveModel,
    LiveRow, LiveTransactionManager, Save, SaveColumns, StatementKind,
};
#[cfg(feature = "sqlite")]
pub use rest_live_diesel::{OtherWriters, SqliteSnapshots};
pub use rest_live_macros::Subscribable;

#[cfg(feature = "typescript")]
#[doc = include_str!("../docs/typescript.md")]
pub mod typescript {
    pub use rest_live_typescript::{Error, Models, TypeScript};
}

/// All that a program with live models usually names.
///
/// ```
/// use rest_live::prelude::*;
/// ```
pub mod prelude {
    pub use crate::{Live, LiveConnection, LiveDsl, LiveManager, Permission, Subscribable};
}

/// What the derive's output names. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use diesel::BoolExpressionMethods;
    pub use diesel::dsl::{And, Eq, Filter};
    pub use rest_live_core::{
        Compose, Description, Group, Key, Label, Language, ReadsSerde, Registration, Subscribable,
        SubscribableBy, TypedModel, Types, to_json, to_json_as, to_json_with,
    };
    pub use rest_live_diesel::derived::{eq, filter};
    pub use rest_live_diesel::{LiveModel, SaveColumns, adapter};
    pub use serde;
}
