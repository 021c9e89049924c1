//! What a server sends of the models, as constants of their types.

use std::env;
use std::fs;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::testing::Client;
use rest_live::{Group, LiveConnection};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::User;
use crate::columns::{Role, Side, Status, Uid};
use crate::models::{Member, Note, Site, Ticket, Vote};

const SCHEMA: &str = "
    CREATE TABLE notes (
        id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, owner TEXT, text TEXT NOT NULL, source TEXT NOT NULL,
        nick TEXT, secret TEXT NOT NULL, status TEXT NOT NULL, stars DOUBLE NOT NULL, place TEXT NOT NULL
    );
    CREATE TABLE members (
        list_id INTEGER NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, boss INTEGER, PRIMARY KEY (list_id, name)
    );
    CREATE TABLE tickets (id INTEGER PRIMARY KEY, text TEXT NOT NULL, closed_by TEXT, type TEXT NOT NULL);
    CREATE TABLE votes (id INTEGER PRIMARY KEY, side TEXT);
";

const HEADER: &str = "\
// What a server takes and sends of these models. Made by tests/typescript; not to be edited.

import type { Group } from \"rest-live\";

import type { Models } from \"./models.js\";

";

type LiveSqlite = LiveConnection<SqliteConnection>;

pub(crate) struct Sent {
    live: Live<User>,
    conn: LiveSqlite,
    clients: Vec<Client<User>>,
    groups: Vec<String>,
    rows: Vec<String>,
}

/// In the seed form.
#[derive(Deserialize)]
struct Event<'a> {
    model: &'a str,
    #[serde(borrow)]
    instance: &'a RawValue,
}

impl Sent {
    pub(crate) fn new() -> Self {
        let live = Live::<User>::builder()
            .authenticate(|_| async { Ok(User::Nobody) })
            .model::<Note>()
            .model::<Member>()
            .model::<Ticket>()
            .model::<Vote>()
            .build()
            .unwrap();
        let mut plain = SqliteConnection::establish(":memory:").unwrap();
        plain.batch_execute(SCHEMA).unwrap();
        Self {
            conn: LiveConnection::new(plain, &live).unwrap(),
            live,
            clients: Vec::new(),
            groups: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn notes(&mut self) {
        let owner = || Uid("67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap());
        for user in [User::Staff, User::Nobody] {
            self.watch(user, Note::group().id(1 << 40));
            self.watch(user, Note::group().list_id(7));
            self.watch(user, Note::group().owner(Some(owner())));
            self.watch(user, Note::group().owner(None));
        }
        let note = |id, owner, nick: Option<&str>| Note {
            id,
            list_id: 7,
            owner,
            text: "write".into(),
            source: "mail".into(),
            nick: nick.map(Into::into),
            secret: "s".into(),
            status: Status::InProgress,
            stars: 4.5,
            site: Site {
                place: "home".into(),
            },
        };
        Note::create(&mut self.conn, note(1 << 40, Some(owner()), None)).unwrap();
        Note::create(&mut self.conn, note(2, None, Some("n"))).unwrap();
        self.receive();
    }

    pub(crate) fn members(&mut self) {
        let user = User::Nobody;
        self.watch(user, Member::group().list_id_and_name(1, "ann"));
        self.watch(user, Member::group().role_and_list_id(Role::Guest, 1));
        self.watch(user, Member::group().boss(None));
        self.watch(user, Member::group().boss(Some(3)));
        let member = |name: &str, role, boss| Member {
            list_id: 1,
            name: name.into(),
            role,
            boss,
        };
        Member::create(&mut self.conn, member("ann", Role::Admin, None)).unwrap();
        Member::create(&mut self.conn, member("bob", Role::Guest, Some(3))).unwrap();
        self.receive();
    }

    pub(crate) fn tickets(&mut self) {
        for user in [User::Staff, User::Named, User::Nobody] {
            self.watch(user, Ticket::group().id(1));
            self.watch(user, Ticket::group().id(2));
        }
        let ticket = |id, closed_by: Option<&str>| Ticket {
            id,
            text: "it is broken".into(),
            closed_by: closed_by.map(Into::into),
            r#type: "bug".into(),
        };
        Ticket::create(&mut self.conn, ticket(1, None)).unwrap();
        Ticket::create(&mut self.conn, ticket(2, Some("ann"))).unwrap();
        self.receive();
    }

    pub(crate) fn votes(&mut self) {
        self.watch(User::Nobody, Vote::group().side(Some(Side::For)));
        self.watch(User::Nobody, Vote::group().side(None));
        let vote = |id, side| Vote { id, side };
        Vote::create(&mut self.conn, vote(1, Some(Side::For))).unwrap();
        Vote::create(&mut self.conn, vote(2, None)).unwrap();
        self.receive();
    }

    /// Lets somebody subscribe, with what the server takes for the group.
    fn watch<M: Subscribable>(&mut self, user: User, group: Group<M>) {
        let line = format!("Group<Models, \"{}\"> = {}", M::LABEL, group.to_message());
        note(&mut self.groups, line);
        let mut client = Client::connect(&self.live, user);
        client.subscribe(group);
        self.clients.push(client);
    }

    /// Notes what those who have subscribed are sent. Everybody is sent something.
    fn receive(&mut self) {
        for mut client in self.clients.drain(..) {
            let text = client.receive_text();
            let Event { model, instance } = serde_json::from_str(&text).unwrap();
            let line = format!("Models[\"{model}\"][\"instance\"] = {}", instance.get());
            note(&mut self.rows, line);
        }
    }

    /// Compares with the file; or makes it, when the types are made.
    pub(crate) fn check(&self, path: String) {
        let groups = constants("group", &self.groups);
        let rows = constants("row", &self.rows);
        let text = format!("{HEADER}{groups}\n{rows}");
        if env::var_os("REST_LIVE_TYPESCRIPT").is_some_and(|value| value == "overwrite") {
            fs::write(path, text).unwrap();
        } else {
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
    }
}

fn note(lines: &mut Vec<String>, line: String) {
    if !lines.contains(&line) {
        lines.push(line);
    }
}

fn constants(name: &str, lines: &[String]) -> String {
    let numbered = lines.iter().enumerate();
    numbered
        .map(|(at, line)| format!("export const {name}{at}: {line};\n"))
        .collect()
}
