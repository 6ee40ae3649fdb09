// A program as Node runs it: what program_run.c says of the same program.

import vm from 'node:vm';

// Local times, here and in run_programs.
process.env.TZ = 'UTC';

// Debian 12 has Node 18, which does not know these.
export const isOld = Number(process.versions.node.split('.')[0]) < 20;
const young = /\b(toSorted|toReversed|toSpliced|isWellFormed|toWellFormed|unicodeSets|min2)\b|\.with\(/;
export const canRun = (program) => !(isOld && young.test(program));

// A realm of its own for each program, so that none sees what another changed.
export function runInNode(program, payload) {
    const context = vm.createContext({ bytes: JSON.stringify([...payload]), structuredClone });
    const text = `(function (payload, metadata) {return String(JSON.stringify((function (payload, metadata) {${program}
})(payload, metadata)))})(JSON.parse(bytes), {k: 'v'})`;
    try {
        return vm.runInContext(text, context, { timeout: 20000 });
    } catch (e) {
        return `!${e !== null && typeof e === 'object' && 'name' in e ? e.name : 'thrown'}`;
    }
}
