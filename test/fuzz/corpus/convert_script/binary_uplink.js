// A frame of 12 bytes or more, big-endian:
//   0      frame type, 1
//   1..4   device number, unsigned
//   5..6   temperature in hundredths of a degree, signed
//   7..8   humidity in hundredths of a percent, unsigned
//   9..10  battery in millivolts, unsigned
//   11     flags: bit 0 the door is open, bit 1 tampered with
//   12..   firmware version, ASCII (may be missing)
if (payload.length < 12) {
    throw new Error('a frame has 12 bytes or more, this one ' + payload.length);
}
if (payload[0] !== 1) {
    throw new Error('unknown frame type ' + payload[0]);
}
var result = {
    deviceName: 'sensor-' + unsigned(1, 4),
    deviceType: 'environment sensor',
    telemetry: {
        temperature: signed16(5) / 100,
        humidity: unsigned(7, 2) / 100,
        battery: unsigned(9, 2) / 1000,
        doorOpen: (payload[11] & 1) !== 0,
        tampered: (payload[11] & 2) !== 0
    },
    attributes: {
        raw: bytesToHex(payload)
    }
};
if (payload.length > 12) {
    result.attributes.firmware = String.fromCharCode.apply(String, payload.slice(12));
}
return result;

function unsigned(at, length) {
    var value = 0;
    for (var i = 0; i < length; i++) {
        value = value * 256 + payload[at + i];
    }
    return value;
}

function signed16(at) {
    var value = unsigned(at, 2);
    return value > 32767 ? value - 65536 : value;
}
