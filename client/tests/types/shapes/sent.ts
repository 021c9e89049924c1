// What a server takes and sends of these models. Made by tests/typescript; not to be edited.

import type { Group } from "rest-live";

import type { Models } from "./models.js";

export const group0: Group<Models, "shapes.Note"> = {"model":"shapes.Note","property":"id","value":1099511627776};
export const group1: Group<Models, "shapes.Note"> = {"model":"shapes.Note","property":"list_id","value":7};
export const group2: Group<Models, "shapes.Note"> = {"model":"shapes.Note","property":"owner","value":"67e55044-10b1-426f-9247-bb680e5fe0c8"};
export const group3: Group<Models, "shapes.Note"> = {"model":"shapes.Note","property":"owner","value":null};
export const group4: Group<Models, "app.Member"> = {"model":"app.Member","property":["list_id","name"],"value":[1,"ann"]};
export const group5: Group<Models, "app.Member"> = {"model":"app.Member","property":["role","list_id"],"value":["guest",1]};
export const group6: Group<Models, "app.Member"> = {"model":"app.Member","property":"boss","value":null};
export const group7: Group<Models, "app.Member"> = {"model":"app.Member","property":"boss","value":3};
export const group8: Group<Models, "shapes.Ticket"> = {"model":"shapes.Ticket","property":"id","value":1};
export const group9: Group<Models, "shapes.Ticket"> = {"model":"shapes.Ticket","property":"id","value":2};
export const group10: Group<Models, "shapes.Vote"> = {"model":"shapes.Vote","property":"side","value":"For"};
export const group11: Group<Models, "shapes.Vote"> = {"model":"shapes.Vote","property":"side","value":null};

export const row0: Models["shapes.Note"]["instance"] = {"id":1099511627776,"listId":7,"owner":"67e55044-10b1-426f-9247-bb680e5fe0c8","text":"write","Source-Text":"mail","status":"IN_PROGRESS","stars":4.5,"place":"home"};
export const row1: Models["shapes.Note"]["instance"] = {"id":2,"listId":7,"owner":null,"text":"write","Source-Text":"mail","nick":"n","status":"IN_PROGRESS","stars":4.5,"place":"home"};
export const row2: Models["shapes.Note"]["instance"] = {"listId":7,"Source-Text":"mail","place":"home"};
export const row3: Models["shapes.Note"]["instance"] = {"listId":7,"Source-Text":"mail","nick":"n","place":"home"};
export const row4: Models["app.Member"]["instance"] = {"list_id":1,"name":"ann","role":"admin","boss":null};
export const row5: Models["app.Member"]["instance"] = {"list_id":1,"name":"bob","role":"guest","boss":3};
export const row6: Models["shapes.Ticket"]["instance"] = {"id":1,"text":"it is broken","closed_by":null,"type":"bug"};
export const row7: Models["shapes.Ticket"]["instance"] = {"id":2,"text":"it is broken","closed_by":"ann","type":"bug"};
export const row8: Models["shapes.Ticket"]["instance"] = {"id":1,"type":"bug"};
export const row9: Models["shapes.Ticket"]["instance"] = {"id":2,"type":"bug"};
export const row10: Models["shapes.Ticket"]["instance"] = {"id":1,"state":{"kind":"open"},"words":["it","is","broken"]};
export const row11: Models["shapes.Ticket"]["instance"] = {"id":2,"state":{"kind":"closed","by":"ann"},"words":["it","is","broken"]};
export const row12: Models["shapes.Vote"]["instance"] = {"is_blank":false};
export const row13: Models["shapes.Vote"]["instance"] = {"is_blank":true};
