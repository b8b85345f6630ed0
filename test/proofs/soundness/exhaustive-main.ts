/** Command: brute force over the scalar domain, `--bits N` of operands (default: 5); every check is a case. */
import { main } from './command.ts';
import { domainChecks } from './domain.ts';

await main({
  name: 'exhaustive',
  n: 0,
  options: { bits: { type: 'string', default: '5' } },
  prepare(_seed, options) {
    const checks = domainChecks(Number(options['bits']));
    return Promise.resolve({
      cases: checks.length,
      run(index, report) {
        const { name, run } = checks[index];
        const { fault, claims } = run();
        report.count('claims', claims);
        if (fault !== '') report.fail(`${name}: ${fault}`);
      },
    });
  },
});
