// Cayenne Low Power Payload: channel, type and value, one after the other, big-endian. The device's
// name comes from metadata (deviceName), as the frame has none.
const TYPES = {
    0x00: {name: 'digitalIn', size: 1},
    0x01: {name: 'digitalOut', size: 1},
    0x02: {name: 'analogIn', size: 2, signed: true, divisor: 100},
    0x65: {name: 'illuminance', size: 2},
    0x66: {name: 'presence', size: 1},
    0x67: {name: 'temperature', size: 2, signed: true, divisor: 10},
    0x68: {name: 'humidity', size: 1, divisor: 2},
    0x71: {name: 'acceleration', size: 2, signed: true, divisor: 1000, axes: ['X', 'Y', 'Z']},
    0x73: {name: 'pressure', size: 2, divisor: 10},
    0x88: {name: 'gps', size: 3, signed: true, divisor: 10_000, axes: ['Latitude', 'Longitude', 'Altitude']}
};

class Reader {
    at = 0;
    constructor(bytes) {
        this.bytes = bytes;
    }
    get done() {
        return this.at >= this.bytes.length;
    }
    number(size, signed = false) {
        if (this.at + size > this.bytes.length) {
            throw new RangeError(`the frame ends inside a value at byte ${this.at}`);
        }
        let value = 0;
        for (let i = 0; i < size; i++) value = value * 256 + this.bytes[this.at++];
        return signed && value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
    }
}

const telemetry = {};
const reader = new Reader(payload);
while (!reader.done) {
    const channel = reader.number(1);
    const code = reader.number(1);
    const {name, size, signed, divisor = 1, axes = ['']} =
        TYPES[code] ?? fail(`unknown type 0x${code.toString(16)} on channel ${channel}`);
    for (const axis of axes) {
        // Altitude is in hundredths, unlike the rest of its type.
        const by = axis === 'Altitude' ? 100 : divisor;
        telemetry[`${name}${axis}_${channel}`] = reader.number(size, signed) / by;
    }
}
return {deviceName: metadata.deviceName ?? 'lpp-device', deviceType: 'cayenne', telemetry};

function fail(message) {
    throw new Error(message);
}
