//! The types of the example, which its pages import, are those of its models.

#![allow(
    dead_code,
    unreachable_pub,
    unnameable_types,
    clippy::unwrap_used,
    reason = "a part of a program, in a test"
)]

#[path = "../../../examples/todolist/models.rs"]
mod models;
#[path = "../../../examples/todolist/schema.rs"]
mod schema;

use rest_live::typescript::{Error, Models};

use self::models::{List, Task};

mod login {
    /// The example's, as far as the models know him.
    pub struct User;

    impl User {
        pub fn is_authenticated(&self) -> bool {
            true
        }
    }
}

#[test]
fn the_types_of_the_example_are_fresh() -> Result<(), Error> {
    Models::new()
        .model::<List>()
        .model::<Task>()
        .check("../../examples/todolist/models.ts")
}
