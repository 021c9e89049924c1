-- Without AUTOINCREMENT: the next list's id is always the highest plus one, which is how the page hears of new lists.
CREATE TABLE lists (
    id INTEGER PRIMARY KEY NOT NULL,
    name TEXT NOT NULL
);

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    text TEXT NOT NULL,
    done BOOLEAN NOT NULL DEFAULT FALSE,
    list_id INTEGER NOT NULL REFERENCES lists (id) ON DELETE CASCADE
);

CREATE INDEX tasks_by_list ON tasks (list_id);
