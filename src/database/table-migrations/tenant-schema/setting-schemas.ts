/**
 * What a setting accepts: a schema of zod (from 3.24), Valibot, ArkType, or any other library that implements Standard Schema,
 * version 1 (https://standardschema.dev). It must answer at once, and accept `undefined`: what it makes of that is the default.
 */
export interface SettingSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Returns the value that the setting has, or why it is not valid. */
    readonly validate: (value: unknown) => SettingResult<Output> | Promise<SettingResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** A valid value, or why it is not valid. */
export type SettingResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** Key of a setting -> its schema. */
export type SettingSchemas = Readonly<Record<string, SettingSchema>>;

/** The values that settings have, for the declaration of `TenantSettings`. */
export type SettingValues<Schemas extends SettingSchemas> = {
  readonly [Key in keyof Schemas]: Schemas[Key] extends SettingSchema<infer Output> ? Output : never;
};

/** Name of a feature flag -> whether the feature is enabled for tenants without another decision. */
export type FeatureDefaults = Readonly<Record<string, boolean>>;
