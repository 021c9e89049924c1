use rest_live::typescript::Models;
use ts_rs::TS;

#[derive(TS)]
struct Task {
    id: i32,
}

fn main() {
    let _ = Models::new().model::<Task>();
}
