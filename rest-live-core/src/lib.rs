//! The parts of [rest-live](https://docs.rs/rest-live) that know neither Diesel nor macros. Programs use the `rest-live` crate;
//! this one is for database adapters.
//!
//! The modules stand in the order in which a change of a row travels: a [model](Subscribable) is
//! [registered](Builder); a writer's [`Change`]s enter the [`Log`] by a [`Ticket`]; the dispatcher
//! finds out who listens and who may see; the session writes it to a client; the
//! [server](LiveService) has the sockets.

#![warn(missing_docs)]
// Without sockets nobody pings and nobody hangs up.
#![cfg_attr(not(feature = "server"), allow(dead_code))]

mod key;
mod label;
mod limits;
mod model;
mod permission;
mod typed;

mod registry;

mod change;
mod log;

mod dispatcher;
mod explain;

mod connections;
mod session;

mod snapshot;

mod stats;

mod builder;
mod lifecycle;
mod live;
#[cfg(feature = "server")]
mod server;

pub mod testing;

#[cfg(test)]
mod fixture;

pub use self::builder::Builder;
pub use self::change::{Change, ModelId};
pub use self::explain::{Explanation, GroupExplanation, PermissionExplanation, Standing, Told};
pub use self::key::{Group, GroupKey, Key};
pub use self::label::Label;
pub use self::limits::Limits;
pub use self::live::{Feed, FeedModel, Live};
pub use self::log::{Log, Quiet, Ticket};
pub use self::model::{
    Adapter, Description, Registration, SerializerFor, Subscribable, SubscribableBy, to_json,
    to_json_as, to_json_with,
};
pub use self::permission::{AllowAny, And, Compose, Not, Or, Permission};
pub use self::registry::{BuildError, Verdict};
#[cfg(feature = "server")]
pub use self::server::{Grant, Handshake, Inspector, LiveService, PeerAddr, Refusal, serve};
pub use self::snapshot::{SnapshotError, SnapshotGroup, SnapshotSource};
pub use self::stats::{EventCounts, LogStats, Stats};
pub use self::typed::{GroupType, Language, ModelTypes, ReadsSerde, RowType, TypedModel, Types};
