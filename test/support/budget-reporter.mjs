// Prints how long the run took of what `npm test` may take, and its slowest files: what to look at before the budget is gone.
const BUDGET_SECONDS = 300;
const SLOWEST = 5;

export default class BudgetReporter {
  onRunComplete(_contexts, { startTime, testResults, numPendingTests }) {
    const seconds = (Date.now() - startTime) / 1000;
    const slowest = testResults
      .map(({ testFilePath, perfStats }) => ({
        file: testFilePath.slice(testFilePath.indexOf('/test/') + 1),
        seconds: (perfStats.end - perfStats.start) / 1000,
      }))
      .toSorted((a, b) => b.seconds - a.seconds)
      .slice(0, SLOWEST);
    const lines = [
      `Budget:      ${clock(seconds)} of ${clock(BUDGET_SECONDS)}${seconds > BUDGET_SECONDS ? ': EXCEEDED' : ''}`,
      `Slowest:     ${slowest.map((one) => `${one.file} ${one.seconds.toFixed(0)} s`).join(', ')}`,
      ...(numPendingTests > 0 ? [`Skipped:     ${numPendingTests}, each named above with its reason`] : []),
    ];
    process.stderr.write(`${lines.join('\n')}\n`);
  }
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, '0')} s`;
}
