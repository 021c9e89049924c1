// What the types that were made from Rust models allow, and what not. That they allow what a server sends, says `sent.ts`.

import { RestLive } from "rest-live";

import type { Models } from "./models.js";

const live = new RestLive<Models>("/ws/subscribe/");

// Keys of several columns.
live.subscribe({ model: "app.Member", property: ["role", "list_id"], value: ["admin", 1] }, {});
live.subscribe({ model: "app.Member", value: [1, "ann"] }, {});
// @ts-expect-error: no such role
live.subscribe({ model: "app.Member", property: ["role", "list_id"], value: ["king", 1] }, {});
// @ts-expect-error: the columns of a key have an order
live.subscribe({ model: "app.Member", property: ["list_id", "role"], value: [1, "admin"] }, {});
// @ts-expect-error: a value for each column
live.subscribe({ model: "app.Member", value: [1] }, {});
// @ts-expect-error: not a key by itself
live.subscribe({ model: "app.Member", property: "name", value: "ann" }, {});

// Keys that may be missing.
live.subscribe({ model: "app.Member", property: "boss", value: null }, {});
// @ts-expect-error: a list is never missing
live.subscribe({ model: "shapes.Note", property: "list_id", value: null }, {});
// @ts-expect-error: a column of the rows, but not of a key
live.subscribe({ model: "shapes.Note", property: "text", value: "write" }, {});
// @ts-expect-error: not a bigint, since JSON has none
live.subscribe({ model: "shapes.Note", value: 1n }, {});

// Rows that are not subscribed to by primary key.
live.subscribe({ model: "shapes.Vote", property: "side", value: "For" }, { created: (vote) => vote.is_blank });
// @ts-expect-error: there is no such group
live.subscribe({ model: "shapes.Vote", value: 1 }, {});

// Rows that are seen in several ways.
live.subscribe({ model: "shapes.Ticket", value: 1 }, {
  created: (ticket) => {
    ticket.id.toFixed();
    // @ts-expect-error: some see no text
    ticket.text;
    if ("text" in ticket) return void ticket.closed_by?.trim();
    if ("type" in ticket) return void ticket.type.trim();
    // @ts-expect-error: those who see the type see no state
    ticket.type;
    const { state } = ticket;
    // @ts-expect-error: not while it is open
    state.by;
    return state.kind === "closed" ? state.by.trim() : ticket.words.join();
  },
});

// Rows as serde writes them.
live.subscribe({ model: "shapes.Note", value: 1 }, {
  created: (note) => {
    note.place.trim();
    note["Source-Text"].trim();
    // @ts-expect-error: it can be missing
    note.nick.trim();
    // @ts-expect-error: called `listId` in JSON
    note.list_id;
    // @ts-expect-error: kept out of the JSON
    note.secret;
    if (!("status" in note)) return;
    note.status === "DONE";
    // @ts-expect-error: no such status
    note.status === "Done";
  },
});
