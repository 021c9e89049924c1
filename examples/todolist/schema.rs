//! The tables, as the migrations create them.

diesel::table! {
    lists (id) {
        id -> Integer,
        name -> Text,
    }
}

diesel::table! {
    tasks (id) {
        id -> Integer,
        text -> Text,
        done -> Bool,
        list_id -> Integer,
    }
}

diesel::joinable!(tasks -> lists (list_id));
diesel::allow_tables_to_appear_in_same_query!(lists, tasks);
