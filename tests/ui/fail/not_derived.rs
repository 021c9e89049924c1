struct Task {
    id: i32,
}

fn live<M: rest_live::Subscribable>() {}

fn main() {
    live::<Task>();
}
