// The live models of the server, as types for the client `rest-live`.
// Made by `rest_live::typescript` from the Rust types; not to be edited.

export type Ballot = { is_blank: boolean, };

/**
 * Has several columns in its keys.
 */
export type Member = { list_id: number, name: string, role: Role, boss: number | null, };

/**
 * What serde is told, a type is told.
 */
export type Note = { id: number, listId: number, owner: Uid | null, 
/**
 * As it was written.
 */
text: string, "Source-Text": string, nick?: string | null, status: Status, stars: number, place: string, };

/**
 * A ticket for those who are not named.
 */
export type PublicTicket = { id: number, state: State, words: Array<Word>, };

export type Role = "admin" | "guest";

export type Side = "For" | "Against";

/**
 * Where it was.
 */
export type Site = { place: string, };

export type State = { "kind": "open" } | { "kind": "closed", by: string, };

export type Status = "IN_PROGRESS" | "DONE";

/**
 * Looks in three ways.
 */
export type Ticket = { id: number, text: string, closed_by: string | null, type: string, };

export type Uid = string;

export type Word = string;

export interface Models {
  "app.Member": {
    instance: Member;
    groups: {
      pk: readonly [number, string];
      "list_id,name": readonly [number, string];
      "role,list_id": readonly [Role, number];
      boss: number | null;
    };
  };
  "shapes.Note": {
    instance: Note | Pick<Note, "listId" | "Source-Text" | "nick"> & Site;
    groups: {
      pk: number;
      id: number;
      list_id: number;
      owner: Uid | null;
    };
  };
  "shapes.Ticket": {
    instance: Ticket | Pick<Ticket, "id" | "type"> | PublicTicket;
    groups: {
      pk: number;
      id: number;
    };
  };
  "shapes.Vote": {
    instance: Ballot;
    groups: {
      side: Side | null;
    };
  };
}

declare module "rest-live" {
  interface Register {
    models: Models;
  }
}
