/** The files that the change touches, and no other. */
export const PLANNED_FILES = { source: 'src/split-bill.js', test: 'test/leftover-cents.test.js' };

/**
 * The writer's design, once it is known who pays the left-over cents.
 *
 * @param {'first' | 'last'} rule
 * @param {{ title: string }} task
 */
export function planChange(rule, task) {
  return {
    summary: `${task.title}: the left-over cents are paid by the ${rule} people of the list, one cent each.`,
    components: [
      {
        name: 'splitBill',
        responsibility: 'Gives each person a share in whole cents, so that the shares add up to the total.',
        files: [PLANNED_FILES.source],
      },
      {
        name: 'test of the left-over cents',
        responsibility: 'Pins down who pays them.',
        files: [PLANNED_FILES.test],
      },
    ],
    interfaces: [
      {
        name: 'splitBill(totalCents, people)',
        description: 'As before: whole cents and a count of people in, a list of shares in whole cents out.',
      },
    ],
    data_flow: `Total → share rounded down → cents that are left over → one each for the ${rule} people of the list.`,
    alternatives: [
      {
        name: 'Largest remainder',
        description: 'Give the cents to the people who lost most by rounding down.',
        rejected_because: 'All shares of one bill lose the same, so it decides nothing here.',
      },
      {
        name: 'Random order',
        description: 'Draw who pays the left-over cents.',
        rejected_because: 'The same bill would be split differently twice, and no test could pin it down.',
      },
    ],
    risks: [
      {
        risk: 'Large totals lose precision in the division.',
        mitigation: 'The left-over cents are taken from the total, not from the quotient.',
      },
    ],
    open_questions: [],
    rollback: {
      steps: ['Revert the commit.', 'Release the earlier version.'],
      irreversible: [],
    },
    security_impact: {
      level: 'none',
      statement: 'The change computes with numbers that the caller gives; it reads no file and opens no connection.',
    },
  };
}
