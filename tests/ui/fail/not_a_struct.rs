use rest_live::prelude::*;

#[derive(Subscribable)]
#[subscribable]
enum Task {
    Open,
    Done,
}

/// No second error: it counts as a live model.
fn live<M: rest_live::SubscribableBy<()>>() {}

fn main() {
    live::<Task>();
}
