/** Whether this is CI: there, what a machine lacks makes a test fail, and elsewhere skips it. */
export const isCi = process.env['CI'] === 'true';
