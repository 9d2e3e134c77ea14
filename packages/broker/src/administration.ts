/** What the command line does without a broker: `@wrenmq/broker/administration`. Loads no store, no listener, no server. */
export { ConfigError, formatProblems, type ConfigProblem } from '#config/config-error.ts';
export { diffConfig, type ConfigChange } from '#config/diff-config.ts';
export { configJsonSchema } from '#config/json-schema.ts';
export { loadConfig, type ConfigSources } from '#config/load-config.ts';
export type { Explanation, LoadedConfig } from '#config/loaded-config.ts';
export { previewRewrite, type RewriteQuestion, type RewriteResult } from '#features/rewrite/rewrite-rules.ts';
export { OperationalError } from '#base/errors.ts';
export { deleteUser, readPasswordFile, setUser } from '#auth/password-file.ts';
export { hashPassword } from '#auth/password-hash.ts';
export { makeScramCredential } from '#auth/scram-credential.ts';
