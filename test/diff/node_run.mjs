// A program as Node runs it: what program_run.c says of the same program.

import vm from 'node:vm';

// Local times, here and in run_programs.
process.env.TZ = 'UTC';

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
