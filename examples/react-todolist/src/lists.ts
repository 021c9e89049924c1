// The lists. The server has no group of all of them: each is a group of its own, by its primary key.

import { useState } from "react";
import { useLive } from "rest-live/react";

import type { List } from "./models";
import { request } from "./rest";

/**
 * Where lists are or were; `null` while they are not read. The key of the next one is known before it is made: the highest and one.
 * So that is followed too. When it is there, there is another next one, and all are read again: there may have been two.
 */
export function useListIds(): readonly number[] | null {
  const [ids, setIds] = useState<readonly number[] | null>(null);
  const next = Math.max(0, ...(ids ?? [])) + 1;
  const { rows } = useLive({ model: "todolist.List", property: "pk", value: next }, {
    // The list itself may be shown already, and is read in another way there.
    name: "next",
    fetch: async () => {
      const lists = await readLists();
      setIds((known) => [...new Set([...(known ?? []), ...lists.map(({ id }) => id)])].sort((a, b) => a - b));
      return lists.filter(({ id }) => id === next);
    },
  });
  if (rows.length && !ids?.includes(next)) setIds([...(ids ?? []), next]);
  return ids;
}

/** The one row of a list, or none once it is deleted. */
export function useList(id: number) {
  return useLive({ model: "todolist.List", property: "pk", value: id }, {
    fetch: async () => (await readLists()).filter((list) => list.id === id),
  });
}

let reading: Promise<List[]> | null = null;

/** Once for all who ask in the same breath. It begins when they have asked, as nobody is to be told what was before. */
function readLists(): Promise<List[]> {
  reading ??= new Promise((begin) => setTimeout(begin, 20)).then(() => {
    reading = null;
    return request<List[]>("GET", "/lists/");
  });
  return reading;
}
