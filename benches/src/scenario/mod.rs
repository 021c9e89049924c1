//! The scenarios. Each compares its variants in one run, in turns, several times.

mod fanout;
mod idle;
mod permission;
mod slow;
mod subscriptions;
mod versus;
mod writer;

use clap::Subcommand;

use crate::Result;
use crate::client::Greeting;
use crate::control::{Kind, Spec};
use crate::drive::Server;
use crate::options::Setting;
use crate::report::Report;

/// With this text an event has about 200 bytes.
const TEXT: usize = 100;
/// The group of most scenarios.
const GROUP: i32 = 1;

#[derive(Debug, Subcommand)]
pub enum Scenario {
    /// One event to many subscribers: bare epoll, rest-live's two forms
    Fanout(Setting),
    /// rest-live and a hand-written broadcast server, with SQLite
    Versus(Setting),
    /// Memory of idle connections, and after they left
    Idle(Setting),
    /// A million subscriptions, or a thousand
    Subscriptions(Setting),
    /// With a permission, or without
    Permission(Setting),
    /// What a commit costs the thread that makes it
    Writer(Setting),
    /// One subscriber stops reading
    Slow(Setting),
}

impl Scenario {
    pub fn setting(&self) -> &Setting {
        match self {
            Self::Fanout(setting)
            | Self::Versus(setting)
            | Self::Idle(setting)
            | Self::Subscriptions(setting)
            | Self::Permission(setting)
            | Self::Writer(setting)
            | Self::Slow(setting) => setting,
        }
    }

    pub fn run(&self) -> Result<Report> {
        match self {
            Self::Fanout(setting) => fanout::run(setting),
            Self::Versus(setting) => versus::run(setting),
            Self::Idle(setting) => idle::run(setting),
            Self::Subscriptions(setting) => subscriptions::run(setting),
            Self::Permission(setting) => permission::run(setting),
            Self::Writer(setting) => writer::run(setting),
            Self::Slow(setting) => slow::run(setting),
        }
    }
}

fn start(kind: Kind, text: usize, setting: &Setting) -> Result<Server> {
    let writers = match kind {
        // Nothing to wait for: one is as fast as many.
        Kind::Epoll | Kind::Log | Kind::Guarded => 1,
        Kind::Sqlite | Kind::Broadcast | Kind::BroadcastPlain => setting.writers,
    };
    let spec = Spec {
        kind,
        text,
        writers,
    };
    Server::start(&spec, setting.server_core)
}

/// Whoever connects is subscribed.
fn nothing(_: usize) -> Greeting {
    Greeting::default()
}

/// The seed form acknowledges nothing; the error about what comes after it does.
fn seed(_: usize) -> Greeting {
    let subscribe = format!(r#"{{"model":"load.Event","property":"list_id","value":{GROUP}}}"#);
    let barrier = r#"{"type":"unsubscribe","id":0}"#.to_owned();
    Greeting {
        messages: vec![subscribe, barrier],
        answers: 1,
    }
}

fn extended(_: usize) -> Greeting {
    subscribe_to(GROUP..GROUP + 1)
}

fn subscribe_to(groups: impl Iterator<Item = i32>) -> Greeting {
    let subscribe = |group| {
        format!(r#"{{"id":{group},"model":"load.Event","property":"list_id","value":{group}}}"#)
    };
    let messages: Vec<_> = groups.map(subscribe).collect();
    Greeting {
        answers: messages.len(),
        messages,
    }
}

/// What a subscriber of a kind of server says.
fn greeting(kind: Kind) -> fn(usize) -> Greeting {
    match kind {
        Kind::Epoll | Kind::Broadcast | Kind::BroadcastPlain => nothing,
        Kind::Log | Kind::Guarded | Kind::Sqlite => extended,
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Epoll => "epoll",
        Kind::Log | Kind::Sqlite => "rest-live",
        Kind::Guarded => "rest-live, permission",
        Kind::Broadcast => "broadcast",
        Kind::BroadcastPlain => "broadcast, axum's defaults",
    }
}
