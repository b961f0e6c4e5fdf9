/** The OASIS schema of SARIF 2.1.0, as Microsoft's matchers for tests carry it. */
import schema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import draft04 from 'ajv-draft-04';
import formats from 'ajv-formats';

// Draft 04 of JSON Schema; one of its patterns is none under the u flag.
const ajv = formats.default(new draft04.default({ strict: false, allErrors: true, unicodeRegExp: false }));
const holds = ajv.compile(schema);

/** What a SARIF log breaks of the schema, as paths with sentences; empty when it holds. */
export const sarifFaults = (value: unknown): readonly string[] =>
  holds(JSON.parse(JSON.stringify(value)))
    ? []
    : (holds.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
