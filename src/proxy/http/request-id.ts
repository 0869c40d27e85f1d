const firstNumber = 10_000_000;
/** Eight digits. */
const highestNumber = 99_999_999;

/**
 * Makes the `x-ms-request-id` of each answer: shaped like a GUID, because clients show it as one, and
 * counted rather than drawn, because this is on the path of every request. The last eight digits are a
 * decimal number, which is valid hexadecimal and the cheapest to write. It identifies and protects
 * nothing, so it needs no cryptographic randomness.
 */
export function createRequestIds({ lastNumber = highestNumber } = {}): () => string {
  let prefix = toPrefix();
  let number = firstNumber;
  return () => {
    if (number > lastNumber) {
      prefix = toPrefix();
      number = firstNumber;
    }
    return prefix + number++;
  };
}

/** Twenty-eight of a version 4 GUID's thirty-six characters. */
function toPrefix(): string {
  return `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(4)}`;
}

function digits(count: number): string {
  return Math.floor(Math.random() * 16 ** count)
    .toString(16)
    .padStart(count, '0');
}
