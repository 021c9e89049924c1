use rest_live::prelude::*;

#[derive(Subscribable)]
#[subscribable]
struct Tuple(i32);

#[derive(Subscribable)]
#[subscribable]
struct Unit;

fn main() {}
