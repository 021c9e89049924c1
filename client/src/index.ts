export { RestLive, type RestLiveOptions } from "./client.js";
export { Collection, type CollectionOptions, type CollectionState, type CollectionStatus } from "./collection.js";
export type { Auth, ConnectionState, SocketConstructor, SocketLike } from "./connection.js";
export type { Key, Patch } from "./edits.js";
export type { LiveError } from "./errors.js";
export type { AnyGroup, Bound, DefaultModels, Group, Instance, Label, ModelTypes, Register, Row, UntypedModels, Value } from "./models.js";
export type { Action } from "./protocol.js";
export type { Handlers, LiveEvent, Subscription } from "./subscription.js";
