interface BuildStamp {
  readonly version: string;
  readonly revision: string;
  readonly date: string;
}

declare const __BUILD__: BuildStamp | undefined;

/** Version, commit and commit date, stamped in by the build; placeholders when run from source. */
export const buildInfo: BuildStamp =
  typeof __BUILD__ === 'undefined'
    ? { version: '0.0.0-source', revision: 'unknown', date: '1970-01-01T00:00:00.000Z' }
    : __BUILD__;
