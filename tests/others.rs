//! What is written past the live connections, by plain ones and by other processes, reaches the
//! pages all the same.

#[path = "others/capture.rs"]
mod capture;
#[path = "others/detect.rs"]
mod detect;
mod support;

use std::env;
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use rest_live::OtherWriters;
use rest_live::testing::Client;
use serde_json::Value;

use self::support::{App, User, brief};

/// The variables that make a process of this test a writer.
const FILE: &str = "OTHERS_FILE";
const SQL: &str = "OTHERS_SQL";

/// Executes a batch of SQL in another process, as a job of the night would.
fn in_another_process(url: &str, sql: &str) {
    let status = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "another_process", "--quiet"])
        .env(FILE, url)
        .env(SQL, sql)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("this program starts once more");
    assert!(status.success());
}

/// No test of its own, but what the others start.
#[test]
fn another_process() {
    let (Ok(file), Ok(sql)) = (env::var(FILE), env::var(SQL)) else {
        return;
    };
    let mut conn = SqliteConnection::establish(&file).expect("the file opens");
    conn.batch_execute("PRAGMA busy_timeout = 20000")
        .expect("a pragma");
    conn.batch_execute(&sql).expect("the batch is in order");
}

/// Looks, and gives what the client was told since.
fn told(others: &OtherWriters, client: &mut Client<User>) -> Vec<String> {
    others.look();
    client.receive_all().iter().map(in_short).collect()
}

fn in_short(message: &Value) -> String {
    match message["type"].as_str() {
        Some(kind) => kind.to_owned(),
        None => brief(message),
    }
}

#[test]
fn a_database_in_memory_has_no_others() {
    let app = App::new();
    for others in [
        OtherWriters::detect(":memory:", &app.live),
        OtherWriters::capture(":memory:", &app.live),
    ] {
        let error = others.expect_err("nobody else is there").to_string();
        assert!(error.contains("in memory"), "{error}");
    }
}

#[test]
fn one_who_listens_is_enough() {
    let app = App::new();
    let first = OtherWriters::detect(&app.url(), &app.live).unwrap();
    let error = OtherWriters::capture(&app.url(), &app.live).unwrap_err();
    assert!(error.to_string().contains("already"), "{error}");
    drop(first);
    OtherWriters::capture(&app.url(), &app.live).unwrap();
    OtherWriters::detect(&app.url(), &app.live).unwrap();
}
