use rest_live::prelude::*;

#[derive(Subscribable)]
#[subscribable]
struct Task<T> {
    id: T,
}

fn main() {}
