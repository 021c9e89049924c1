//! What is in the file, how it is made, and what cannot be in it.

#![allow(dead_code, clippy::unwrap_used, reason = "this is a test")]

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use diesel::prelude::*;
use rest_live::prelude::*;
use rest_live::typescript::{Error, Models};
use serde::Serialize;
use ts_rs::TS;

diesel::table! { tasks { id -> Integer, text -> Text, pk -> Integer, } }

#[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
#[live(label = "todolist.Task")]
#[subscribable]
struct Task {
    id: i32,
    text: String,
}

mod other {
    use super::*;

    /// Another type of the name, and of the label.
    #[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
    #[live(label = "todolist.Task")]
    #[subscribable]
    pub(super) struct Task {
        id: i32,
    }
}

const WITHOUT_A_MODEL: &str = "\
// The live models of the server, as types for the client `rest-live`.
// Made by `rest_live::typescript` from the Rust types; not to be edited.

export interface Models {
}

declare module \"rest-live\" {
  interface Register {
    models: Models;
  }
}
";

fn models() -> Models {
    Models::new().model::<Task>()
}

/// What a test that returns the error shows.
fn shown(error: &Error) -> String {
    format!("{error:?}")
}

#[test]
fn a_file_of_no_models_is_one_all_the_same() {
    assert_eq!(Models::new().generate().unwrap(), WITHOUT_A_MODEL);
}

/// Runs this test program again, where the environment can be another.
#[test]
fn the_variable_of_the_message_makes_the_file() {
    const FILE: &str = "FILE_TO_CHECK";
    if let Some(file) = env::var_os(FILE) {
        models().check(PathBuf::from(file)).unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("models.ts");
    let check = |value: &str| {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "the_variable_of_the_message_makes_the_file"])
            .env("REST_LIVE_TYPESCRIPT", value)
            .env(FILE, &file)
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(!check(""));
    assert!(!file.exists());
    assert!(check("overwrite"));
    assert!(check(""));
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        models().generate().unwrap()
    );
}

#[test]
fn two_models_cannot_have_one_label() {
    let error = models().model::<other::Task>().generate().unwrap_err();
    assert_eq!(
        shown(&error),
        "the label `todolist.Task` is there twice: give one of the two models another with \
         `#[live(label = \"app.Model\")]`, or give the model once"
    );
}

#[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
#[diesel(table_name = tasks)]
#[subscribable(serializer = View)]
struct Item {
    id: i32,
}

#[derive(Serialize, TS)]
struct View {
    task: Option<other::Task>,
}

impl From<&Item> for View {
    fn from(_: &Item) -> Self {
        Self { task: None }
    }
}

#[test]
fn two_types_cannot_have_one_name() {
    let expected = "`file::Task` and `file::other::Task` are both called `Task`: \
                    give one of them another name with `#[ts(rename = \"...\")]`";
    for models in [
        Models::new().model::<Task>().model::<Item>(),
        Models::new().model::<Item>().model::<Task>(),
    ] {
        assert_eq!(shown(&models.generate().unwrap_err()), expected);
    }
}

#[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
#[diesel(table_name = tasks)]
#[ts(rename = "Pick")]
#[subscribable]
struct Choice {
    id: i32,
}

#[test]
fn a_type_cannot_have_a_name_that_the_file_needs() {
    assert_eq!(
        shown(&Models::new().model::<Choice>().generate().unwrap_err()),
        "`file::Choice` cannot be called `Pick`, which means something else in this file: \
         give it another name with `#[ts(rename = \"...\")]`"
    );
}

#[derive(Queryable, Selectable, Serialize, TS, Subscribable)]
#[diesel(table_name = tasks)]
#[subscribable(serializer = Pages<'_>)]
#[subscribable(group_key = "pk", serializer = SamePages<'_>)]
#[subscribable(group_key = "text", serializer = String)]
struct Book {
    id: i32,
    text: String,
    pk: i32,
}

/// Uses a generic type in two ways, and itself.
#[derive(Serialize, TS)]
struct Pages<'a> {
    numbers: Page<'a, u64>,
    names: Page<'a, Word>,
    inner: Vec<Pages<'a>>,
}

type SamePages<'a> = Pages<'a>;

#[derive(Serialize, TS)]
struct Page<'a, T: Clone> {
    content: &'a [T],
}

#[derive(Clone, Serialize, TS)]
struct Word {
    text: Box<str>,
}

impl<'a> From<&'a Book> for Pages<'a> {
    fn from(_: &'a Book) -> Self {
        Self {
            numbers: Page { content: &[] },
            names: Page { content: &[] },
            inner: Vec::new(),
        }
    }
}

impl From<&Book> for String {
    fn from(book: &Book) -> Self {
        book.text.clone()
    }
}

#[test]
fn whatever_a_type_is_made_of_is_declared_once() {
    let text = Models::new().model::<Book>().generate().unwrap();
    let declared: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("export type "))
        .collect();
    assert_eq!(
        declared,
        [
            "export type Page<T> = { content: Array<T>, };",
            "export type Pages = { numbers: Page<number>, names: Page<Word>, inner: Array<Pages>, };",
            "export type Word = { text: string, };",
        ]
    );
}

#[test]
fn a_column_called_pk_is_not_taken_for_the_primary_key() {
    let text = Models::new().model::<Book>().generate().unwrap();
    let model = text.split_once("export interface Models").unwrap().1;
    let expected = r#" {
  "file.Book": {
    instance: Pages | string;
    groups: {
      id: number;
      pk: number;
      text: string;
    };
  };
}
"#;
    assert!(model.starts_with(expected), "{model}");
}
