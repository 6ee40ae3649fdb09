// A meter's frame, little-endian, as a table of its fields: offset, kind and factor.
const FIELDS = {
    serial: [0, 'u32'],
    energy: [4, 'u32', 0.001], // kWh
    power: [8, 'i32', 0.1], // W; negative when it feeds in
    current: [12, 'i16', 0.01],
    temperature: [14, 'i8'],
    flags: [15, 'u8']
};
const SIZES = {u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4};

const read = (at, kind) => {
    const size = SIZES[kind];
    if (at + size > payload.length) throw new RangeError(`the frame has ${payload.length} bytes, ${at + size} are needed`);
    const value = payload.slice(at, at + size).reduceRight((sum, byte) => sum * 256 + byte, 0);
    return kind[0] === 'i' && value >= 2 ** (size * 8 - 1) ? value - 2 ** (size * 8) : value;
};
const round = (value) => Number(value.toFixed(3));

const {serial, flags, ...values} = Object.fromEntries(
    Object.entries(FIELDS).map(([name, [at, kind, factor = 1]]) => [name, round(read(at, kind) * factor)])
);
return {
    deviceName: `meter-${serial}`,
    deviceType: 'energy meter',
    telemetry: {...values, feedsIn: values.power < 0, alarm: (flags & 0b1000_0000) !== 0}
};
