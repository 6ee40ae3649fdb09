// Programs from a seed: the body of a function of `payload` and `metadata`, weighted to what
// converters do. Everything ends, and nothing depends on time, chance or the place it runs.

import { isOld } from './node_run.mjs';

// A small generator of random numbers (xorshift32): the same everywhere.
export class Random {
    constructor(seed) {
        this.state = (seed ^ 0x9e3779b9) >>> 0 || 1;
        for (let i = 0; i < 8; i++) this.next();
    }
    next() {
        let x = this.state;
        x ^= x << 13;
        x >>>= 0;
        x ^= x >>> 17;
        x ^= x << 5;
        this.state = x >>> 0;
        return this.state;
    }
    below(n) {
        return this.next() % n;
    }
    chance(percent) {
        return this.below(100) < percent;
    }
    pick(list) {
        return list[this.below(list.length)];
    }
}

const KEYS = ['temperature', 'humidity', 'ts', 'values', 'name', 'a', 'b', 'id', 'unit', 'flags'];
const TEXTS = ["''", "'a'", "'22.5'", "'0x1f'", "'  x '", "'a,b;c'", "'true'", '"it\'s"', "'é'", "'A1B2'", "'-7'",
    "'sensor-12'", "'2024-11-18T15:00:00Z'", "'null'", "'\\n'", "'{\"a\":1}'"];
const NUMBERS = ['0', '1', '2', '3', '7', '10', '255', '256', '1.5', '-1', '-2.25', '1e3', '0.1', '65535', '0xff', '1_000', '4294967295',
    '-0', 'NaN', '1e21', '0b101', '1/3'];
const PATTERNS = ['/a/', '/[0-9]+/', '/[0-9]+/g', '/\\s+/g', '/^[a-z]/i', '/(\\w)-(\\d+)/', '/,|;/', '/[^a-z]/gi', '/$/', '/(?:a|b)c?/g',
    '/(?<key>\\w)[-.](?<rest>\\d+)/', '/(?<=[-.])\\d/g', '/^.+$/s', '/\\u{61}|é/u', '/\\w/y', '/(a)?b|x/'];

// V8 puts a property that is named twice beside a spread at its second place, against the standard.
function distinct(properties) {
    const names = properties.map((p) => p.match(/^'?(\w+)/)?.[1]);
    return properties.filter((p, i) => !names[i] || names.indexOf(names[i]) === i);
}

class Generator {
    constructor(random) {
        this.r = random;
        this.count = 0;
        this.scopes = [[{ name: 'payload', type: 'array', fixed: true }, { name: 'metadata', type: 'object', fixed: true }]];
        this.loops = 0;
        this.functions = 0;
        this.labels = []; // that a jump may lead to
    }

    // Names ----------------------------------------------------------------------------------------

    fresh() {
        // Names that are used twice meet the rules of scopes.
        return this.r.chance(25) ? this.r.pick(['x', 'y', 'i', 'v']) + this.r.below(3) : 'n' + ++this.count;
    }
    declare(name, type, fixed) {
        const scope = this.scopes[this.scopes.length - 1];
        if (scope.some((v) => v.name === name)) return false;
        scope.push({ name, type, fixed });
        return true;
    }
    newName(type, fixed) {
        for (;;) {
            const name = this.fresh();
            if (this.declare(name, type, fixed)) return name;
        }
    }
    variable(type, assigned) {
        const seen = new Set();
        const list = [];
        for (let i = this.scopes.length - 1; i >= 0; i--) {
            for (const v of this.scopes[i]) {
                if (seen.has(v.name)) continue;
                seen.add(v.name);
                if (v.type === type && !(assigned && v.fixed)) list.push(v.name);
            }
        }
        return list.length ? this.r.pick(list) : null;
    }
    inScope(fn) {
        this.scopes.push([]);
        const text = fn();
        this.scopes.pop();
        return text;
    }

    // Expressions -----------------------------------------------------------------------------------

    any(d) {
        return this[this.r.pick(['number', 'number', 'string', 'string', 'bool', 'array', 'object', 'nothing'])](d);
    }
    nothing() {
        return this.r.pick(['null', 'undefined', 'void 0']);
    }
    number(d) {
        const r = this.r;
        const name = this.variable('number');
        if (d <= 0 || r.chance(20)) return name && r.chance(70) ? name : r.pick(NUMBERS);
        const n = () => this.number(d - 1);
        const s = () => this.string(d - 1);
        const a = () => this.array(d - 1);
        return r.pick([
            () => `(${n()} ${r.pick(['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>', '>>>'])} ${n()})`,
            // V8's powers are exact for these; others may differ in the last digit.
            () => r.pick([`(${n()} ** ${r.pick(['2', '0.5'])})`, `((${n()} & 255) ** 3)`]),
            () => `Math.${r.pick(['floor', 'ceil', 'round', 'abs', 'max', 'min'])}(${n()})`,
            () => `Math.${r.pick(['max', 'min'])}(...${a()})`,
            () => `parseInt(${s()}${r.pick(['', ', 10', ', 16', ', 2'])})`,
            () => `${r.pick(['parseFloat', 'Number'])}(${s()})`,
            () => `payload[${r.below(5)}]`,
            () => `(payload[${r.below(3)}] << 8 | payload[${r.below(3)}])`,
            () => `((${n()} << 24) >> 24)`,
            () => `${s()}.length`,
            () => `${a()}.length`,
            () => `${s()}.${r.pick(['indexOf', 'lastIndexOf', 'search'])}(${r.pick(["'a'", "','", "'x'"])})`,
            () => `${s()}.charCodeAt(${r.below(3)})`,
            () => `${a()}.${r.pick(['indexOf', 'lastIndexOf'])}(${n()})`,
            () => `${a()}.reduce((p, q) => p ${r.pick(['+', '*', '-'])} q, ${n()})`,
            () => `(${this.any(d - 1)} ?? ${n()})`,
            () => `(${this.object(d - 1)}?.${r.pick(KEYS)} ?? ${n()})`,
            () => `(${this.bool(d - 1)} ? ${n()} : ${n()})`,
            () => `Number((${n()}).toFixed(${r.below(4)}))`,
            () => `(-${n()})`, () => `(~${n()})`, () => `(+${s()})`,
            () => `((${this.parameter()}) => ${this.arrowBody(() => this.number(d - 1))})(${n()})`,
            () => `((...q) => q.length + ${n()})(...${a()})`,
            () => `Math.${r.pick(['trunc', 'sign', 'fround', 'clz32'])}(${n()})`,
            () => `Number(${r.pick(['isInteger', 'isFinite', 'isSafeInteger', 'isNaN'].map((f) => `Number.${f}(${n()})`))})`,
            () => `Number((${n()}).${r.pick(['toPrecision', 'toExponential'])}(${1 + r.below(6)}))`,
            () => `new Set(${a()}).size`,
            () => `new Map(Object.entries(${this.object(d - 1)})).size`,
            () => `(${a()}.${r.pick(['find', 'findLast', 'findIndex', 'findLastIndex'])}((q) => q ${r.pick(['>', '<', '==='])} ${n()}) ?? ${n()})`,
            () => `(${a()}.at(${r.pick(['0', '-1', '1', '-2'])}) ?? ${n()})`,
            () => `Date.UTC(${2000 + r.below(40)}, ${r.below(14)}, ${r.below(33)}, ${r.below(25)})`,
            () => `new DataView(Uint8Array.from(payload.concat([0, 0, 0, 0])).buffer).${r.pick(['getInt16', 'getUint16', 'getInt32', 'getUint32', 'getFloat32'])}(0${r.pick(['', ', true'])})`,
            () => `((a, {b = a, c: [e = b] = []} = {}) => e + b)(${n()}, ${this.object(d - 1)})`,
            () => `({m(q = ${n()}) { return q + this.v; }, v: ${n()}}).m(${r.pick(['', '2'])})`,
            () => `(function () { return arguments.length + ${n()}; })(...${a()})`,
            () => `(${this.object(d - 1)}?.[${s()}]?.length ?? ${n()})`,
            () => this.aboutFunction() ?? n(),
            () => `(([p, q = ${n()}]) => p + q)(${a()})`,
            () => `(({a = ${n()}, ...rest}) => a + Object.keys(rest).length)(${this.object(d - 1)})`,
            () => this.call('number', d) ?? n(),
        ])();
    }
    // The parameter of a function that is called with a number.
    parameter() {
        this.scopes.push([]);
        this.functions++;
        return this.newName('number');
    }
    arrowBody(fn) {
        const text = fn();
        this.scopes.pop();
        this.functions--;
        return text.startsWith('{') ? `(${text})` : text;
    }
    string(d) {
        const r = this.r;
        const name = this.variable('string');
        if (d <= 0 || r.chance(20)) return name && r.chance(70) ? name : r.pick(TEXTS);
        const n = () => this.number(d - 1);
        const s = () => this.string(d - 1);
        const a = () => this.array(d - 1);
        return r.pick([
            () => `(${s()} + ${this.r.chance(50) ? n() : s()})`,
            () => '`' + r.pick(['', 'a', 't=']) + '${' + this.any(d - 1) + '}' + r.pick(['', ' ', '-']) + '${' + n() + '}`',
            () => `String(${this.any(d - 1)})`,
            () => `(${n()}).toString(${r.pick(['', '16', '2', '10'])})`,
            () => `(${n()}).toFixed(${r.below(5)})`,
            () => `${s()}.${r.pick(['trim', 'toUpperCase', 'toLowerCase'])}()`,
            () => `${s()}.${r.pick(['slice', 'substring', 'substr'])}(${r.below(4)}${r.chance(50) ? ', ' + r.below(6) : ''})`,
            () => `${s()}.slice(-${1 + r.below(3)})`,
            () => `${s()}.replace(${r.pick(PATTERNS)}, ${r.pick(["'-'", "'$&$&'", "(m) => m + '!'", "'[$1]'"])})`,
            () => `${s()}.split(${r.pick(["','", "''", '/,|;/', "' '"])}).join(${r.pick(["'|'", "''"])})`,
            () => `${s()}.charAt(${r.below(3)})`,
            () => `${s()}.${r.pick(['padStart', 'padEnd'])}(${r.below(9)}${r.pick(['', ", '0'", ", 'ab'"])})`,
            () => `${s()}.replaceAll(${r.pick(["'a'", "','", "''"])}, ${r.pick(["'-'", "'$&'", '(m, at) => m + at'])})`,
            () => `${s()}.replace(/(?<key>\\w)[-.](?<rest>\\d+)/, '$<rest>$<key>')`,
            () => `[...${s()}.matchAll(/[a-z0-9]/g)].map((m) => m[0] + m.index).join()`,
            () => `(${s()}.match(${r.pick(PATTERNS)})?.slice(0, 3).join('/') ?? ${s()})`,
            () => `(${s()}.match(/(?<key>\\w)[-.](?<rest>\\d+)/)?.groups.rest ?? '')`,
            () => `${s()}.split(${r.pick(PATTERNS)}).join('|')`,
            () => `(${s()}.at(${r.pick(['0', '-1', '9'])}) ?? ${s()})`,
            () => `${s()}.${r.pick(['trimStart', 'trimEnd'])}().repeat(${r.below(3)})`,
            () => `JSON.stringify(${this.any(d - 1)}, ${r.pick(['null', "['a', 'ts']", "(k, v) => (typeof v === 'number' ? v + 1 : v)"])}, ${r.below(3)})`,
            () => `(${n()}).toString(36)`,
            () => `(${n()}).${r.pick(['toPrecision', 'toExponential'])}(${1 + r.below(6)})`,
            () => `encodeURIComponent(${s()})`,
            () => `[...new Map(Object.entries(${this.object(d - 1)})).keys()].join()`,
            () => `${s()}.concat(${n()}, ${s()})`,
            () => `${a()}.join(${r.pick(["','", "''", "'-'"])})`,
            () => `String.fromCharCode(...payload)`,
            () => `String.fromCharCode.apply(String, payload)`,
            () => `JSON.stringify(${this.any(d - 1)})`,
            () => `typeof ${this.any(0)}`,
            () => `(${this.any(d - 1)} || ${s()})`,
            () => `Object.keys(${this.object(d - 1)}).join()`,
            () => `Object.entries(${this.object(d - 1)}).map(([k, v]) => \`\${k}=\${v}\`).join('&')`,
            () => `[...${s()}].reverse().join('')`,
            () => `((q) => q.raw.join('|'))\`x\${${n()}}\\n\``,
            () => `new Date(${r.pick(['0', '1731942000000', "'2024-11-18T15:00:00Z'", "'2024-11-18'"])}).toISOString()`,
            () => this.call('string', d) ?? s(),
        ])();
    }
    bool(d) {
        const r = this.r;
        const name = this.variable('bool');
        if (d <= 0 || r.chance(15)) return name && r.chance(60) ? name : r.pick(['true', 'false']);
        const n = () => this.number(d - 1);
        const s = () => this.string(d - 1);
        return r.pick([
            () => `(${n()} ${r.pick(['<', '>', '<=', '>=', '===', '!==', '==', '!='])} ${n()})`,
            () => `(${s()} ${r.pick(['<', '===', '!==', '==', '>'])} ${s()})`,
            () => `(${this.any(d - 1)} ${r.pick(['==', '===', '!='])} ${this.any(d - 1)})`,
            () => `(${this.bool(d - 1)} ${r.pick(['&&', '||'])} ${this.bool(d - 1)})`,
            () => `!${this.any(d - 1)}`,
            () => `isNaN(${n()})`,
            () => `Array.isArray(${this.any(d - 1)})`,
            () => `${this.array(d - 1)}.${r.pick(['some', 'every'])}((q) => q > ${n()})`,
            () => `${this.array(d - 1)}.includes(${n()})`,
            () => `(${r.pick(["'a'", "'ts'", "'x'"])} in ${this.object(d - 1)})`,
            () => `${r.pick(PATTERNS)}.test(${s()})`,
            () => `((payload[${r.below(3)}] & ${1 << r.below(8)}) !== 0)`,
        ])();
    }
    array(d) {
        const r = this.r;
        const name = this.variable('array');
        if (d <= 0 || r.chance(20)) return name && r.chance(70) ? name : `[${r.pick(['', '1', '1, 2', '3, 1, 2', '5, 5', '-1, 0.5'])}]`;
        const n = () => this.number(d - 1);
        const a = () => this.array(d - 1);
        return r.pick([
            () => `[${n()}, ${n()}${r.pick(['', ',', ', ...' + a()])}]`,
            () => `[...${a()}, ${n()}]`,
            () => `${a()}.map((q, i) => q ${r.pick(['+', '*', '-'])} ${r.pick(['i', '1', '2'])})`,
            () => `${a()}.filter((q) => q ${r.pick(['>', '<', '!=='])} ${n()})`,
            () => `${a()}.slice(${r.pick(['', '1', '0, 2', '-2'])})`,
            () => `${a()}.concat(${r.pick([n, a])()})`,
            () => `${a()}.slice().reverse()`,
            () => `${a()}.${r.pick(['flat()', 'flatMap((q) => [q, q])', `fill(${n()}, 1)`])}`,
            () => (isOld ? a() : `${a()}.${r.pick(['toReversed()', 'toSorted((p, q) => p - q || 0)', `with(0, ${n()})`, 'toSpliced(0, 1)'])}`),
            () => `[...new Set(${a()})]`,
            () => `Array.from({length: ${r.below(5)}}, (_, i) => i ${r.pick(['+', '*', '-'])} ${n()})`,
            () => `Array.from(${r.pick(['Uint8Array', 'Int8Array', 'Int16Array', 'Float32Array'])}.from(${a()}))`,
            () => `[...${a()}.entries()].map(([i, q]) => q + i)`,
            () => `Object.values(${this.object(d - 1)}).filter((q) => typeof q === 'number')`,
            () => `structuredClone(${a()})`,
            () => `[...${a()}].filter((q) => q === q).sort((p, q) => p - q)`,
            () => `${this.string(d - 1)}.split('').map((c) => c.charCodeAt(0))`,
            () => `Object.values({p: ${n()}, q: ${n()}})`,
            () => `(${this.bool(d - 1)} ? ${a()} : ${a()})`,
            () => `(${this.nothing()} ?? ${a()})`,
            () => `((p, q = 2, ...more) => [p, q, ...more])(...${a()})`,
            () => this.call('array', d) ?? a(),
        ])();
    }
    property(d) {
        const r = this.r;
        const key = r.pick(KEYS);
        return r.pick([
            () => `${key}: ${this.any(d - 1)}`,
            () => `${key}: ${this.any(d - 1)}`,
            () => `'${key}': ${this.number(d - 1)}`,
            () => `[${r.pick(["'k'", '`k${1}`', '1 + 1', "'a' + 'b'"])}]: ${this.number(d - 1)}`,
            () => `...${this.r.chance(80) ? this.object(d - 1) : this.any(0)}`,
            () => {
                const name = this.variable('number');
                return name ?? `${key}: ${this.number(d - 1)}`;
            },
        ])();
    }
    object(d) {
        const r = this.r;
        const name = this.variable('object');
        if (d <= 0 || r.chance(20)) return name && r.chance(70) ? name : r.pick(['({})', '({a: 1})', "({b: 'x', ts: 5})", '({values: {a: 2}})']);
        return r.pick([
            () => `({${distinct(Array.from({ length: 1 + r.below(4) }, () => this.property(d))).join(', ')}})`,
            // Alone: V8 puts accessors of a literal behind its other properties, against the standard.
            () => `({get ${r.pick(KEYS)}() { return ${this.number(d - 1)} }})`,
            () => `Object.assign({}, ${this.object(d - 1)}, ${this.object(d - 1)})`,
            () => `JSON.parse(JSON.stringify(${this.object(d - 1)}))`,
            () => `Object.fromEntries(Object.entries(${this.object(d - 1)}).map(([k, v]) => [k + '1', v]))`,
            () => `(({a, ...rest}) => rest)(${this.object(d - 1)})`,
            () => `structuredClone(${this.object(d - 1)})`,
            () => `Object.fromEntries(new Map([['a', ${this.number(d - 1)}], ['ts', ${this.string(d - 1)}]]))`,
            () => `Object.defineProperty({}, 'a', {value: ${this.number(d - 1)}, enumerable: ${r.pick(['true', 'false'])}})`,
            () => `Object.create(${this.object(d - 1)})`,
            () => `(${this.nothing()} ?? ${this.object(d - 1)})`,
        ])();
    }
    // A call of a function of the program.
    call(type, d) {
        const f = this.variable('function ' + type);
        return f ? `${f}(${this.number(d - 1)}, ${this.number(d - 1)})` : null;
    }

    // What is told of a function of the program.
    aboutFunction() {
        const f = this.variable('function number') ?? this.variable('function string');
        return f && this.r.pick([`${f}.length`, `${f}.name.length`]);
    }

    // Statements --------------------------------------------------------------------------------------

    block(depth) {
        return this.inScope(() => `{\n${this.statements(1 + this.r.below(3), depth - 1)}}`);
    }
    statements(n, depth) {
        let text = '';
        for (let i = 0; i < n; i++) text += this.statement(depth) + '\n';
        return text;
    }
    declaration() {
        const r = this.r;
        const type = r.pick(['number', 'number', 'string', 'array', 'object', 'bool']);
        const value = this[type](3);
        const word = r.pick(['const', 'const', 'let', 'let', 'var']);
        if (word === 'var') {
            const name = 'w' + ++this.count;
            this.declare(name, type);
            return `var ${name} = ${value};`;
        }
        return `${word} ${this.newName(type, word === 'const')} = ${value};`;
    }
    destructuring() {
        const r = this.r;
        const word = r.pick(['const', 'let']);
        const value = this.object(2);
        const list = this.array(2);
        const fixed = word === 'const';
        return r.pick([
            () => `${word} {${r.pick(KEYS)}: ${this.newName('any', fixed)}, ...${this.newName('object', fixed)}} = ${value};`,
            () => `${word} {${r.pick(KEYS)}: ${this.newName('any', fixed)} = ${this.number(1)}} = ${value};`,
            () => `${word} [${this.newName('any', fixed)}, ${this.newName('any', fixed)} = ${this.number(1)}, ...${this.newName('array', fixed)}] = ${list};`,
            () => `${word} {values: {a: ${this.newName('any', fixed)} = 3} = {}} = ${value};`,
            () => `${word} [{a: ${this.newName('any', fixed)}} = ${value}, , ${this.newName('any', fixed)}] = new Set(${list});`,
            () => `${word} {length: ${this.newName('number', fixed)}, [${this.number(1)}]: ${this.newName('any', fixed)} = ${this.string(1)}} = ${list};`,
        ])();
    }
    assignment() {
        const r = this.r;
        const type = r.pick(['number', 'string', 'array', 'object']);
        const name = this.variable(type, true);
        if (!name) return this.declaration();
        // V8's powers are exact for this one.
        if (type === 'number' && r.chance(10)) return `${name} **= 2;`;
        if (type === 'number') return `${name} ${r.pick(['=', '+=', '-=', '*=', '|=', '&&=', '||=', '??=', '>>>=', '%=', '^='])} ${this.number(2)};`;
        if (type === 'string') return `${name} ${r.pick(['=', '+=', '||='])} ${this.string(2)};`;
        // A loop over the list itself must end, too.
        if (type === 'array') return r.pick([`if (${name}.length < 50) ${name}.push(${this.number(2)});`, `${name} = ${this.array(2)};`, `[${name}[0], ${name}[1]] = ${this.array(1)};`]);
        return r.pick([`${name}.${r.pick(KEYS)} = ${this.any(2)};`, `${name}['${r.pick(KEYS)}'] ??= ${this.any(2)};`, `delete ${name}.${r.pick(KEYS)};`]);
    }
    func() {
        const r = this.r;
        const type = r.pick(['number', 'string', 'array']);
        if (this.functions > 1) return this.declaration();
        const name = 'f' + ++this.count;
        const text = this.inScope(() => {
            const p = this.newName('number');
            const q = this.newName('number');
            this.functions++;
            const { loops, labels } = this;
            this.loops = 0;
            this.labels = [];
            const head = `(${p}, ${q}${r.pick(['', ' = 4', ''])})`;
            const body = `{\n${this.statements(r.below(3), 1)}return ${this[type](3)};\n}`;
            this.functions--;
            Object.assign(this, { loops, labels });
            return r.pick([() => `const ${name} = ${head} => ${body};`, () => `function ${name}${head} ${body}`, () => `const ${name} = function ${head} ${body};`])();
        });
        this.declare(name, 'function ' + type, true);
        return text;
    }
    loop(depth) {
        const r = this.r;
        this.loops++;
        const label = r.chance(25) ? `l${++this.count}` : '';
        if (label) this.labels.push(label);
        const text = this.inScope(() =>
            r.pick([
                () => {
                    const list = this.array(2);
                    return `for (const ${this.newName('number', true)} of ${list}) ${this.block(depth)}`;
                },
                () => {
                    const object = this.object(2);
                    return `for (const [${this.newName('string', true)}, ${this.newName('any', true)}] of Object.entries(${object})) ${this.block(depth)}`;
                },
                () => {
                    const object = this.object(2);
                    return `for (const ${this.newName('string', true)} in ${object}) ${this.block(depth)}`;
                },
                () => {
                    const i = this.newName('number', true);
                    return `for (let ${i} = 0; ${i} < ${1 + r.below(4)}; ${i}++) ${this.block(depth)}`;
                },
                () => {
                    const s = this.string(2);
                    return `for (const ${this.newName('string', true)} of ${s}) ${this.block(depth)}`;
                },
                () => {
                    const i = this.newName('number', true);
                    return `for (let ${i} = 0; later.push(() => ${i}), ${i} < ${1 + r.below(4)}; ${i}++) ${this.block(depth)}`;
                },
                () => {
                    const list = this.array(1);
                    return `for (const {a: ${this.newName('any', true)} = ${this.number(1)}, length: ${this.newName('any', true)}} of ${list}) ${this.block(depth)}`;
                },
                () => {
                    const object = this.object(2);
                    return `for (const [${this.newName('string', true)}, ${this.newName('any', true)}] of new Map(Object.entries(${object}))) ${this.block(depth)}`;
                },
                () => {
                    const i = this.newName('number', true);
                    return `for (let ${i} = ${1 + r.below(3)}; ${i}--; ) { later.push(() => ${i}); ${this.statements(1, depth - 1)}}`;
                },
                () => {
                    const n = this.newName('number');
                    return `for (const ${n} of told(out, ${this.array(1)})) { out.push(${n}); ${r.chance(50) ? `if (${this.bool(1)}) ${r.pick(['break', 'continue'])};` : ''} }`;
                },
                () => {
                    const list = this.array(1);
                    return `${list}.forEach((${this.newName('number', true)}) => ${this.callback(depth)});`;
                },
            ])(),
        );
        this.loops--;
        if (label) this.labels.pop();
        return label && text.startsWith('for') ? `${label}: ${text}` : text;
    }
    callback(depth) {
        const { loops, labels } = this;
        this.loops = 0;
        this.labels = [];
        this.functions++;
        const text = this.block(depth);
        this.functions--;
        Object.assign(this, { loops, labels });
        return text;
    }
    jump() {
        const r = this.r;
        if (this.functions > 0 && r.chance(30)) return `return ${this.number(1)}`;
        return r.pick(['continue', 'break']) + (this.labels.length && r.chance(50) ? ' ' + r.pick(this.labels) : '');
    }
    // A function of a block, called later.
    blockFunction() {
        const name = 'b' + ++this.count;
        return `function ${name}() { return ${this.number(1)}; } later.push(() => ${name}());`;
    }
    // A closure over whatever is there, told later.
    closure() {
        return `later.push(() => ${this.r.chance(60) ? this.number(1) : this.string(1)});`;
    }
    classes() {
        const r = this.r;
        const base = 'C' + ++this.count;
        const derived = 'D' + this.count;
        const n = () => this.number(2);
        return `class ${base} { constructor(v) { this.v = v; } get twice() { return this.v * 2; } m(q = ${n()}) { return this.v + q; } set half(q) { this.v = q * 2; } get half() { return this.v / 2; } static count = ${r.below(9)}; static make(v) { return new this(v); } }
class ${derived} extends ${base} { ${r.pick(['f = 1;', '', "[`k${1}`] = 2;"])} constructor(...all) { super(...all); this.w = ${n()}; } m(q) { return super.m(q) + ${n()}; } more() { super.half ${r.pick(['+=', '=', '*=', '??=', '||='])} ${n()}; return super['ha' + 'lf']; } toString() { return \`D(\${this.v})\`; } }
out.push(${derived}.make(${n()}), new ${base}(${n()}).m(), \`\${new ${derived}(${n()})}\`, new ${derived}(1).twice, new ${derived}(1) instanceof ${base}, new ${derived}(${n()}).more(), ${derived}.count, ${derived}.name, ${base}.length);`;
    }
    switches(depth) {
        const cases = Array.from({ length: 2 + this.r.below(2) }, () => `case ${this.r.below(4)}: ${this.inScope(() => this.simple())} ${this.r.chance(70) ? 'break;' : ''}`);
        return `switch (${this.number(1)} & 3) {\n${cases.map((c) => c.replace(/\b(const|let) /g, 'var ')).join('\n')}\ndefault: ${this.tell()}\n}`;
    }
    simple() {
        return this.r.pick([() => this.assignment(), () => this.tell()])();
    }
    tries(depth) {
        const r = this.r;
        return `try ${this.block(depth)} catch ${r.pick(['(e) { out.push(e?.name ?? e) }', '{ out.push(0) }', '({name}) { out.push(name) }'])}${r.chance(30) ? ` finally ${this.block(1)}` : ''}`;
    }
    throws() {
        return `if (${this.bool(1)}) throw ${this.r.pick(["new Error('e')", "new TypeError('t')", '7', "'text'"])};`;
    }
    tell() {
        const f = this.variable('function number');
        if (f && this.r.chance(10)) return `out.push(${f}.name, ${f}.length, 'prototype' in ${f});`;
        return `out.push(${this.any(2)});`;
    }
    statement(depth) {
        const r = this.r;
        const common = [() => this.declaration(), () => this.declaration(), () => this.assignment(), () => this.tell(), () => this.tell(), () => this.destructuring()];
        if (depth <= 0) return r.pick(common)();
        const more = [
            () => `if (${this.bool(2)}) ${this.block(depth)}${r.chance(50) ? ` else ${this.block(depth)}` : ''}`,
            () => this.loop(depth), () => this.loop(depth), () => this.func(), () => this.closure(), () => this.tries(depth),
            () => this.block(depth), () => this.switches(depth),
            () => (this.loops > 0 ? `if (${this.bool(1)}) ${this.jump()};` : this.throws()),
            () => (this.loops > 0 ? this.blockFunction() : this.closure()),
            () => (this.scopes.length < 3 ? this.classes() : this.closure()),
        ];
        return r.pick([...common, ...more, ...more])();
    }
    program() {
        return `const out = [], later = [];
const told = (to, list) => ({[Symbol.iterator]() { let i = 0; return {next: () => ({done: i >= list.length, value: list[i++]}), return() { to.push('left'); return {}; }}; }});
${this.statements(3 + this.r.below(6), 3)}return {out, later: later.map((f) => f())};`;
    }
}

// { program, payload } number `index` of the seed.
export function generate(seed, index) {
    const random = new Random(Math.imul(seed, 0x85ebca6b) + Math.imul(index, 0xc2b2ae35));
    const payload = Array.from({ length: random.below(12) }, () => random.pick([0, 1, 32, 49, 65, 97, 127, 128, 200, 255, random.below(256)]));
    return { program: new Generator(random).program(), payload };
}
