// What there is to subscribe to, as types. A generated file supplies the real ones.

/** One live model: its rows as the client sees them, and the groups by property. A composite key's property is its columns joined by commas. */
export interface ModelTypes {
  instance: object;
  groups: object;
}

/** A row of which nothing is known. */
export type Row = Record<string, unknown>;

/** What a group's value can be on the wire. */
export type Value = string | number | boolean | null | readonly (string | number | boolean | null)[];

/** Any label, any property, any value: what counts where no models are given. */
export type UntypedModels = Record<string, { instance: Row; groups: Record<string, Value> }>;

/**
 * Gives all of an application its models at once:
 *
 * ```ts
 * declare module "rest-live" {
 *   interface Register { models: Models }
 * }
 * ```
 */
// eslint-disable-next-line -- empty on purpose: applications add to it
export interface Register {}

/** The registered models, else untyped ones. */
export type DefaultModels = Register extends { models: infer M } ? M : UntypedModels;

/** The labels of the models. */
export type Label<M> = keyof M & string;

type Columns<P extends string> = P extends `${infer First},${infer Rest}` ? readonly [First, ...Columns<Rest>] : readonly [P];
type Property<P extends string> = P extends `${string},${string}` ? Columns<P> : P;
type ByPrimaryKey<G> = G extends { pk: infer V } ? { readonly property?: undefined; readonly value: V } : never;

type Keyed<G> = string extends keyof G
  ? { readonly property?: string | readonly string[] | undefined; readonly value: Value }
  : { [P in keyof G & string]: { readonly property: Property<P>; readonly value: G[P] } }[keyof G & string] | ByPrimaryKey<G>;

/** The rows of a model that have this value in this property; without a property, the row with this primary key. */
export type Group<M = DefaultModels, L extends Label<M> = Label<M>> = { readonly model: L } & Keyed<M[L] extends { groups: infer G } ? G : never>;

/** A row of a model. */
export type Instance<M, L extends Label<M>> = M[L] extends { instance: infer T extends object } ? T : never;

/** What the rows of a collection can be: without models, whatever `fetch` gives. */
export type Bound<M, L extends Label<M>> = string extends Label<M> ? object : Instance<M, L>;

/** A group as it goes over the wire. */
export interface AnyGroup {
  readonly model: string;
  readonly property?: string | readonly string[] | undefined;
  readonly value?: unknown;
}
