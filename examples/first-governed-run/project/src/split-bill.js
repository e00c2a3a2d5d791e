/**
 * Splits a bill between people.
 *
 * @param {number} totalCents the bill, in whole cents
 * @param {number} people how many people share it
 * @returns {number[]} what each person pays, in cents
 */
export function splitBill(totalCents, people) {
  const share = Math.floor(totalCents / people);
  return Array.from({ length: people }, () => share);
}
