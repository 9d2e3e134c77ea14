/**
 * The part of Standard Schema v1 (standardschema.dev) that the client reads: any of the libraries that implement it can validate values.
 * Types only, so that nothing has to be installed.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<SchemaIssue> };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** What one gives to a schema. */
export type SchemaInput<Schema> = Schema extends StandardSchema<infer Input, infer _> ? Input : unknown;
/** What one gets from a schema. */
export type SchemaOutput<Schema> = Schema extends StandardSchema<infer _, infer Output> ? Output : unknown;
