/** The JSON Schema of the mapping language; scripts/console.ts puts it in when it bundles the console. */
declare module 'mapping-schema' {
  const schema: import('./schema-walk.ts').JsonSchema;
  export default schema;
}
